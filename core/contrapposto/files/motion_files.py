# SPDX-License-Identifier: GPL-3.0-or-later
"""Any motion file as clips: BVH, AMASS-style ``.npz``, and the shared data format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from contrapposto.files.amass import write_amass
from contrapposto.files.bvh import bvh_armature, bvh_matrices, read_bvh, write_bvh
from contrapposto.files.mocap import Clip, read_subject
from contrapposto.files.npz import load_arrays
from contrapposto.motion import Motion, Pose
from contrapposto.rig.alignment import shortest_arc
from contrapposto.rig.armature import Armature
from contrapposto.rig.calibration import Calibration
from contrapposto.rig.hinges import calibrate_by_motion
from contrapposto.rig.mapping import map_armature
from contrapposto.rig.rigmap import RigMap
from contrapposto.rotation import Z_UP_TO_Y_UP, from_rotvec, geodesic_angle, to_rotvec
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, STANDARD_OFFSETS, forward_kinematics, leg_length

SUFFIXES = (".bvh", ".npz")

SOLE = 0.04
"""Height of the toe joint above the floor in a step, metres: its median low in the CMU clips."""
FLOOR_TRUSTED = 0.15
"""A file whose lowest steps are within this of y = 0 is taken to know its floor, metres."""
IDLE_DEG = 1.0
"""A joint that turns less than this over a whole take was not captured."""
MOST_MISSING = 4
"""Of the 15 joints that a body needs, so many may lack (hands that are End Sites, a head)."""


def read_motion(path: Path | str) -> Motion:
    """The one motion of a file, as ``read_clip`` reads it."""
    return clip_motion(read_clip(path))


def read_clip(path: Path | str) -> Clip:
    """The one clip of a ``.bvh`` or ``.npz`` file, at its own frame rate.

    Raises:
        ValueError: as ``read_clips``, and if the file holds several clips.
    """
    clips = read_clips(Path(path))
    if len(clips) != 1:
        raise ValueError(f"{path} holds {len(clips)} clips; read them with read_clips")
    return clips[0]


def read_clips(path: Path | str) -> list[Clip]:
    """All clips of a file, or of all motion files below a folder in the order of their names.

    BVH: bones are mapped by ``map_armature``; the world's up is the axis that the
    skeleton stands along at rest; elbow and knee axes are taken from the motion (see
    ``hinges``); lengths are scaled to the standard body's legs. If the lowest steps
    are not near y = 0 the file knows no floor, and is shifted so that they touch it.
    Joints that the file lacks, and collars that never move, are filled as
    ``Calibration.read`` says.

    AMASS: ``poses`` (T, 66 or more) axis-angle, ``trans`` (T, 3) and
    ``mocap_framerate``, z up. ``trans`` is taken as the pelvis' position: the body
    model's own rest position of the pelvis, a few centimetres in height, is not known.
    ``offsets`` (22, 3) are the body's proportions, the standard ones if there are none;
    lengths are scaled as those of a BVH file.

    Raises:
        ValueError: with one sentence naming the file, if it is missing, damaged, of
            an unknown kind or no whole body.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
        if not files:
            raise ValueError(f"There are no motion files ({', '.join(SUFFIXES)}) in {path}")
        return [clip for file in files for clip in read_clips(file)]
    match path.suffix.lower():
        case ".bvh":
            return [_read_bvh_clip(path)]
        case ".npz":
            return _read_npz_clips(path)
        case suffix:
            raise ValueError(f"{path}: motion files end in {' or '.join(SUFFIXES)}, not in '{suffix}'")


def check_output(path: Path) -> None:
    """Refuse a file that ``write_motion`` could not write, before any work is done for it.

    Raises:
        ValueError: with one sentence, if it is of an unknown kind or its folder does not exist.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"--output must end in {' or '.join(SUFFIXES)}, not in '{path.suffix.lower()}'")
    if not path.resolve().parent.is_dir():
        raise ValueError(f"The folder of {path} does not exist")


def write_motion(path: Path, motion: Motion, offsets: np.ndarray | None = None, **more: np.ndarray) -> None:
    """Write a motion as what the file's name ends in, ``.bvh`` or ``.npz``.

    Args:
        path: where to write; see ``check_output``.
        motion: T frames.
        offsets: (22, 3) the body's proportions, metres; the standard body's if None.
        **more: further arrays, which only an npz has room for.

    Raises:
        ValueError: if the motion cannot be written.
        OSError: if the folder cannot be written.
    """
    if path.suffix.lower() == ".bvh":
        write_bvh(path, motion, offsets)
    else:
        write_amass(path, motion, **({} if offsets is None else {"offsets": offsets}), **more)


def clip_motion(clip: Clip) -> Motion:
    """A clip as Motion, rotations in double precision."""
    poses = Pose(from_rotvec(clip.rotvec.astype(float)), clip.transl.astype(float))
    return Motion(poses, clip.fps, clip.name)


def _clip(path: Path, pose: Pose, offsets: np.ndarray, fps: float) -> Clip:
    return Clip(
        name=path.stem,
        subject="",
        rotvec=to_rotvec(pose.rotations).astype(np.float32),
        transl=pose.transl.astype(np.float32),
        bad=np.zeros(len(pose.transl), dtype=bool),
        offsets=offsets.astype(np.float32),
        fps=fps,
    )


def _read_bvh_clip(path: Path) -> Clip:
    bvh = read_bvh(path)
    try:
        armature, matrices = bvh_armature(bvh), bvh_matrices(bvh)
        rigmap = map_armature(armature)
        missing = rigmap.missing_required
        if len(missing) > MOST_MISSING:
            raise ValueError(f"no whole body was found; there is no {', '.join(missing)}")
        calibration = Calibration.of(armature, _without_idle_collars(armature, rigmap, matrices))
        calibration = calibrate_by_motion(calibration, matrices)
        pose = calibration.read(matrices, _upright(calibration))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error
    return _clip(path, _on_floor(pose, calibration.offsets), calibration.offsets, bvh.fps)


def _without_idle_collars(armature: Armature, rigmap: RigMap, matrices: np.ndarray) -> RigMap:
    """The map less collars that never move though the arms do: they were not captured.

    CMU's skeletons have such ones. Without them the collars are read as their share
    of the arms' swing, as in the training data.
    """
    local = Calibration.of(armature, rigmap).read(matrices, np.eye(4)).rotations
    moved = np.degrees(geodesic_angle(local, local[:1])).max(axis=0)
    idle = {
        joint
        for joint in ("left_collar", "right_collar")
        if moved[JOINT_INDEX[joint]] < IDLE_DEG < moved[JOINT_INDEX[joint.replace("collar", "shoulder")]]
    }
    return replace(rigmap, joints={j: bones for j, bones in rigmap.joints.items() if j not in idle})


def _upright(calibration: Calibration) -> np.ndarray:
    """(4, 4) the turn that brings the axis which the skeleton stands along to y."""
    up = calibration.frame[1]
    axis = np.eye(3)[np.argmax(np.abs(up))] * np.sign(up[np.argmax(np.abs(up))])
    to_world = np.eye(4)
    to_world[:3, :3] = shortest_arc(axis, np.array([0.0, 1.0, 0.0]))
    return to_world


def _on_floor(pose: Pose, offsets: np.ndarray) -> Pose:
    _, positions = forward_kinematics(pose.rotations, offsets)
    toes = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]
    heights = (positions[:, toes, 1] + pose.transl[:, 1:2]).min(axis=1)
    lowest = np.percentile(heights, 5) - SOLE
    if abs(lowest) < FLOOR_TRUSTED:
        return pose
    return Pose(pose.rotations, pose.transl - [0.0, lowest, 0.0])


def _read_npz_clips(path: Path) -> list[Clip]:
    arrays = load_arrays(path, ["poses"])
    if "clip_start" in arrays:
        return read_subject(path)
    rate = next((arrays[k] for k in ("mocap_framerate", "mocap_frame_rate") if k in arrays), None)
    if rate is None or "trans" not in arrays:
        raise ValueError(
            f"{path} has neither the shared format's arrays nor AMASS's (trans, mocap_framerate)"
        )
    poses, trans = arrays["poses"].astype(float), arrays["trans"].astype(float)
    if poses.ndim != 2 or poses.shape[1] < 3 * NUM_JOINTS or trans.shape != (len(poses), 3):
        raise ValueError(
            f"{path}: poses must be (T, 66 or more) and trans (T, 3), not {poses.shape}, {trans.shape}"
        )
    if not len(poses) or not (np.all(np.isfinite(poses)) and np.all(np.isfinite(trans))):
        raise ValueError(f"{path} holds no frames, or values that are not finite")
    if np.size(rate) != 1 or not (fps := float(rate.item())) > 0:
        raise ValueError(f"{path} has a frame rate of {rate}")
    R = from_rotvec(poses[:, : 3 * NUM_JOINTS].reshape(-1, NUM_JOINTS, 3))
    R[:, 0] = Z_UP_TO_Y_UP @ R[:, 0]
    offsets = _offsets(path, arrays)
    scale = leg_length(STANDARD_OFFSETS) / leg_length(offsets)
    return [_clip(path, Pose(R, scale * trans @ Z_UP_TO_Y_UP.T), scale * offsets, fps)]


def _offsets(path: Path, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(22, 3) joint positions in the parent's frame, metres; of the standard body if the file has none."""
    offsets = arrays.get("offsets", STANDARD_OFFSETS).astype(float)
    if offsets.shape != STANDARD_OFFSETS.shape or not np.all(np.isfinite(offsets)):
        raise ValueError(f"{path}: offsets must be (22, 3) and finite, not {offsets.shape}")
    if not leg_length(offsets) > 0:
        raise ValueError(f"{path} has offsets of a body without legs")
    return offsets
