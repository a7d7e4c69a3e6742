# SPDX-License-Identifier: GPL-3.0-or-later
"""A take read off its armature: the motion of the body, and where every control was meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import bpy
import numpy as np

from contrapposto.motion import Motion, Pose
from contrapposto.rig.armature import Armature
from contrapposto.rig.calibration import Calibration
from contrapposto.rig.hinges import calibrate_by_motion
from contrapposto.rig.joints import mapped_ancestor
from contrapposto.rig.similarity import Similarity
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS

from .action_curves import ActionCurves, Channel, modifier_acts, read_action
from .clip_checks import check_keys_finite, check_motion_finite, check_object_near, check_something_to_write
from .correcting import Corrector, Places, Setting, needed_bones
from .denoise_plan import Control, DenoisePlan, Role, make_denoise_plan
from .denoise_settings import DenoiseSettings
from .errors import Refusal
from .keyframes import key_times
from .playback import curves_suffice, frame_kept, matrices_from_curves, played, with_ancestors
from .rotation_channels import matrices_of
from .rotations import rotation_path
from .space import world_of
from .steps import Steps, chunks, within
from .takes import Take, playing
from .timing import Timing, holes, make_timing

_FRAMES_FOR_HINGES = 300
_PLAYED, _PLACED, _UNDERSTOOD = 0.65, 0.7, 0.95
"""How much of the reading is done once the take is played, the bones are placed, the motion is understood."""


@dataclass(eq=False)
class Clip:
    """What was read.

    Attributes:
        take: the action and where it is played from.
        calibration: how the armature's bones stand for the 22 joints.
        curves: the action's curves.
        timing: when it is sampled.
        plan: which controls are to be written.
        corrector: what corrects them until the rig plays what is wanted.
        is_plain: whether curves alone move the bones.
        places: where the bones are that the corrector needs.
        settings: control -> what its channels hold.
        motion: the motion of the 22 joints.
        missing: (T, 22) bool, joints without a key of their own where all others have one.
        to_body: (3, 3) or (T, 3, 3) rotation from armature space to core's world.
        is_cyclic: whether all curves repeat.
        unfilled: (first, last) frames of holes that are too long to be filled.
    """

    take: Take
    calibration: Calibration
    curves: ActionCurves
    timing: Timing
    plan: DenoisePlan
    corrector: Corrector
    is_plain: bool
    places: Places
    settings: dict[str, Setting]
    motion: Motion
    missing: np.ndarray
    to_body: np.ndarray
    is_cyclic: bool
    unfilled: list[tuple[float, float]]


def read_clip(
    context: bpy.types.Context,
    armature_object: bpy.types.Object,
    calibration: Calibration,
    take: Take,
    settings: DenoiseSettings,
) -> Steps[Clip]:
    """Read a take; yields how much is done, 0 to 1, and changes nothing.

    Raises:
        Refusal: if there is nothing to write, or the action holds what is no motion.
    """
    scene = context.scene
    curves = read_action(take.action, take.slot)
    yield 0.0
    plan, timing, is_cyclic = yield from _planned(scene, armature_object, calibration, take, curves, settings)
    needed = needed_bones(armature_object, calibration.rigmap, plan)
    is_plain = not plan.limbs and curves_suffice(armature_object, curves, calibration.armature, needed)
    if is_plain:
        playing_back = _multiplied(armature_object, curves, calibration.armature, needed, timing.frames)
    else:
        playing_back = _played_alone(scene, armature_object, take, needed, timing.frames)
    matrices, worlds = yield from within(playing_back, 0.0, _PLAYED)
    check_motion_finite(matrices, timing.frames, armature_object)
    check_object_near(worlds, timing.frames, armature_object)
    try:
        places = yield from within(_places(matrices, len(timing.frames)), _PLAYED, _PLACED)
        understanding = _motion(calibration, matrices, worlds, timing, take.action.name)
        motion, to_body, calibration = yield from within(understanding, _PLACED, _UNDERSTOOD)
    except ValueError as error:
        raise Refusal(f"'{armature_object.name}' cannot be denoised: {error}") from error
    missing, unfilled = _missing(plan, curves, timing, armature_object, calibration)
    holding = _held(armature_object, plan, curves, matrices, timing.frames)
    held = yield from within(holding, _UNDERSTOOD, 1.0)
    return Clip(
        take=take,
        calibration=calibration,
        curves=curves,
        timing=timing,
        plan=plan,
        corrector=Corrector(armature_object, calibration, plan),
        is_plain=is_plain,
        places=places,
        settings=held,
        motion=motion,
        missing=missing,
        to_body=to_body,
        is_cyclic=is_cyclic,
        unfilled=unfilled,
    )


def _planned(
    scene: bpy.types.Scene,
    armature_object: bpy.types.Object,
    calibration: Calibration,
    take: Take,
    curves: ActionCurves,
    settings: DenoiseSettings,
) -> Steps[tuple[DenoisePlan, Timing, bool]]:
    """What is written, when it is sampled, and whether all of it repeats.

    Planned twice: the keys of what is written lay the grid, on which the plan says when each control is live.
    """
    name, rigmap = take.action.name, calibration.rigmap
    frames = _keyed_frames(curves)
    yield 0.0
    plan = make_denoise_plan(armature_object, rigmap, curves, frames, settings)
    check_something_to_write(armature_object, plan, curves, settings, name)
    needed = needed_bones(armature_object, rigmap, plan)
    check_keys_finite(curves, with_ancestors(calibration.armature, needed), name)
    yield 0.0
    written = _written(plan, curves, armature_object)
    is_cyclic = settings.frame_range is None and _all_cyclic(written)
    fps = scene.render.fps / scene.render.fps_base
    keys = [key_times(curve) for curve in written]
    timing = make_timing(keys, fps, settings.frame_range, name, is_cyclic=is_cyclic)
    yield 0.0
    plan = make_denoise_plan(armature_object, rigmap, curves, timing.frames, settings)
    return plan, timing, is_cyclic


def _keyed_frames(curves: ActionCurves) -> np.ndarray:
    """(N,) the frames on which anything is keyed; one if nothing is, to plan why nothing is written."""
    every = [key_times(curve) for channel in curves.channels.values() for curve in channel.values()]
    frames = np.unique(np.concatenate([*(times[np.isfinite(times)] for times in every), []]))
    return frames if len(frames) else np.zeros(1)


def _written(
    plan: DenoisePlan, curves: ActionCurves, armature_object: bpy.types.Object
) -> list[bpy.types.FCurve]:
    """The curves that are written."""
    return [
        curve
        for control in plan.controls.values()
        for channel in _channels(control, curves, armature_object)
        for curve in channel.values()
    ]


def _channels(control: Control, curves: ActionCurves, armature_object: bpy.types.Object) -> Iterable[Channel]:
    """The curves of each property that is written of a control."""
    if control.turns:
        yield curves.channels[control.bone, rotation_path(armature_object.pose.bones[control.bone])]
    if control.moves:
        yield curves.channels[control.bone, "location"]


def _all_cyclic(written: Iterable[bpy.types.FCurve]) -> bool:
    """Whether all curves repeat, and over the same frames."""
    ends: set[tuple[float, float]] = set()
    for curve in written:
        if not any(m.type == "CYCLES" and modifier_acts(m) for m in curve.modifiers):
            return False
        times = key_times(curve)
        ends.add((round(float(times[0]), 2), round(float(times[-1]), 2)))
    return len(ends) == 1


def _multiplied(
    armature_object: bpy.types.Object,
    curves: ActionCurves,
    armature: Armature,
    needed: Collection[str],
    frames: np.ndarray,
) -> Steps[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Bone -> (T, 4, 4) and the object's (1, 4, 4) world matrix, where curves alone move the bones."""
    found = yield from matrices_from_curves(armature_object, curves, armature, needed, frames)
    matrices = {bone: np.broadcast_to(found[bone], (len(frames), 4, 4)) for bone in needed}
    return matrices, np.array(armature_object.matrix_world, dtype=float)[None]


def _played_alone(
    scene: bpy.types.Scene,
    armature_object: bpy.types.Object,
    take: Take,
    needed: Collection[str],
    frames: np.ndarray,
) -> Steps[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Bone -> (T, 4, 4) and the object's (T, 4, 4) world matrices, as Blender plays the take."""
    with frame_kept(scene, armature_object), playing(armature_object, take.action, take.slot):
        return (yield from played(scene, armature_object, needed, frames))


def _places(matrices: Mapping[str, np.ndarray], count: int) -> Steps[Places]:
    """Where the bones are on ``count`` samples, of their matrices."""
    parts = []
    for rows in chunks(count):
        yield rows[0] / count
        parts.append(Places.of({bone: matrix[rows] for bone, matrix in matrices.items()}))
    return Places.joined(parts)


def _motion(
    calibration: Calibration,
    matrices: Mapping[str, np.ndarray],
    worlds: np.ndarray,
    timing: Timing,
    name: str,
) -> Steps[tuple[Motion, np.ndarray, Calibration]]:
    """The motion, the way from armature space to core's world, and a finer calibration."""
    read = [bone for bones in calibration.rigmap.joints.values() for bone in bones.read]
    count = len(timing.frames)
    space = world_of(worlds[0])
    fixed = np.abs(worlds - worlds[:1]).max() < 1e-9
    carried = np.eye(4)[None] if fixed else np.linalg.inv(worlds[0]) @ worlds
    rows = np.unique(np.linspace(0, count - 1, min(count, _FRAMES_FOR_HINGES)).astype(int))
    calibration = calibrate_by_motion(calibration, _all_bones(calibration, matrices, read, rows))
    parts = []
    for rows in chunks(count):
        yield rows[0] / count
        full = _all_bones(calibration, matrices, read, rows)
        parts.append(calibration.read(full if fixed else carried[rows, None] @ full, space))
    pose = Pose(
        np.concatenate([part.rotations for part in parts]), np.concatenate([part.transl for part in parts])
    )
    world = Similarity.of(space)
    to_body = world.rotation if fixed else world.rotation @ _rotations(carried)
    return Motion(pose, timing.fps, name), to_body, calibration


def _all_bones(
    calibration: Calibration, matrices: Mapping[str, np.ndarray], read: Iterable[str], rows: np.ndarray
) -> np.ndarray:
    """(N, B, 4, 4) as the calibration wants them; bones that it does not look at stay identity."""
    full = np.tile(np.eye(4), (len(rows), len(calibration.armature.names), 1, 1))
    for bone in read:
        full[:, calibration.armature.index[bone]] = matrices[bone][rows]
    return full


def _rotations(matrices: np.ndarray) -> np.ndarray:
    linear = matrices[:, :3, :3]
    return linear / np.cbrt(np.linalg.det(linear))[:, None, None]


def _held(
    armature_object: bpy.types.Object,
    plan: DenoisePlan,
    curves: ActionCurves,
    matrices: Mapping[str, np.ndarray],
    frames: np.ndarray,
) -> Steps[dict[str, Setting]]:
    """Control -> what its channels hold."""
    held: dict[str, Setting] = {}
    for number, (bone, control) in enumerate(plan.controls.items()):
        yield number / len(plan.controls)
        held[bone] = _setting(armature_object, control, curves, matrices, frames)
    return held


def _setting(
    armature_object: bpy.types.Object,
    control: Control,
    curves: ActionCurves,
    matrices: Mapping[str, np.ndarray],
    frames: np.ndarray,
) -> Setting:
    bone = armature_object.pose.bones[control.bone]
    rotation = matrices_of(bone.rotation_mode, curves.values(bone, rotation_path(bone), frames))
    location = curves.values(bone, "location", frames)
    if not control.moves:
        return Setting(rotation, location, None)
    own = rotation * curves.values(bone, "scale", frames)[:, None, :]
    return Setting(rotation, location, location_axes(bone, matrices[bone.name], own))


def location_axes(bone: bpy.types.PoseBone, matrices: np.ndarray, own: np.ndarray) -> np.ndarray:
    """(T, 3, 3) the axes of a bone's location channels in armature space.

    Args:
        bone: the bone.
        matrices: (T, 4, 4) where it is.
        own: (T, 3, 3) its own rotation and scale channels.
    """
    if not bone.bone.use_local_location:
        return np.tile(np.eye(3), (len(matrices), 1, 1))
    return matrices[:, :3, :3] @ np.linalg.inv(own)


def _missing(
    plan: DenoisePlan,
    curves: ActionCurves,
    timing: Timing,
    armature_object: bpy.types.Object,
    calibration: Calibration,
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """(T, 22) joints without a value, and holes that are too long."""
    missing = np.zeros((len(timing.frames), NUM_JOINTS), dtype=bool)
    unfilled: set[tuple[float, float]] = set()
    for control in plan.controls.values():
        if control.role is not Role.TURN:
            continue
        here = np.zeros(len(timing.frames), dtype=bool)
        for channel in _channels(control, curves, armature_object):
            gone, long = holes(np.unique(np.concatenate([key_times(c) for c in channel.values()])), timing)
            here |= gone
            unfilled.update(long)
        missing[:, JOINT_INDEX[control.joint]] |= here
        for name in mapped_ancestor(control.joint, calibration.rigmap.joints)[1]:
            missing[:, JOINT_INDEX[name]] |= here
    return missing, sorted(unfilled)
