# SPDX-License-Identifier: GPL-3.0-or-later
"""A take read off its armature: the motion of the body, and where every control was meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import bpy
import numpy as np

from contrapposto.motion import Motion, Pose
from contrapposto.rig.calibration import Calibration
from contrapposto.rig.hinges import calibrate_by_motion
from contrapposto.rig.joints import mapped_ancestor
from contrapposto.rig.similarity import Similarity
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS

from .action_curves import ActionCurves, modifier_acts, read_action
from .correcting import Corrector, Places, Setting
from .denoise_plan import Control, DenoisePlan, Role, make_denoise_plan
from .denoise_settings import DenoiseSettings
from .errors import Advice, Refusal
from .keyframes import key_times, read_property
from .playback import curves_suffice, frame_kept, matrices_from_curves, play, with_ancestors
from .rotation_channels import matrices_of
from .rotations import rotation_path
from .space import world_of
from .steps import Steps, within
from .takes import Take, playing
from .timing import Timing, holes, make_timing

_CHUNK = 256
"""Samples between two reports of how much is done."""
_FRAMES_FOR_HINGES = 300
_FURTHEST_M = 1e5
_PLACED = 0.7
"""How much of the reading is done once it is known where the bones are."""


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
    name, scene = take.action.name, context.scene
    curves = read_action(take.action, take.slot)
    yield 0.0
    rigmap = calibration.rigmap
    every_key = [key_times(curve) for channel in curves.channels.values() for curve in channel.values()]
    every_key = [times[np.isfinite(times)] for times in every_key]
    frames = np.unique(np.concatenate([*every_key, []]))
    frames = frames if len(frames) else np.zeros(1)  # on which a plan says why there is nothing to write
    yield 0.0
    plan = make_denoise_plan(armature_object, rigmap, curves, frames, settings)
    yield 0.0
    _check_something_to_write(armature_object, take, plan, curves, settings)
    armature = calibration.armature
    reader = Corrector(armature_object, calibration, plan)
    check_keys_finite(curves, with_ancestors(armature, reader.needed), name)
    yield 0.0
    is_cyclic = settings.frame_range is None and _all_cyclic(plan, curves, armature_object)
    keys = [
        key_times(curve) for channel in _written(plan, curves, armature_object) for curve in channel.values()
    ]
    fps = scene.render.fps / scene.render.fps_base
    timing = make_timing(keys, fps, settings.frame_range, name, is_cyclic=is_cyclic)
    yield 0.0
    plan = make_denoise_plan(armature_object, rigmap, curves, timing.frames, settings)
    corrector = Corrector(armature_object, calibration, plan)

    is_plain = not plan.limbs and curves_suffice(armature_object, curves, armature, corrector.needed)
    worlds = np.array(armature_object.matrix_world, dtype=float)[None]
    if is_plain:
        multiplying = matrices_from_curves(armature_object, curves, armature, corrector.needed, timing.frames)
        found = yield from within(multiplying, 0.0, _PLACED)
        matrices = {
            bone: np.broadcast_to(found[bone], (len(timing.frames), 4, 4)) for bone in corrector.needed
        }
    else:
        with frame_kept(scene, armature_object), playing(armature_object, take.action, take.slot):
            playing_back = played(scene, armature_object, corrector.needed, timing.frames)
            matrices, worlds = yield from within(playing_back, 0.0, _PLACED)
    check_motion_finite(matrices, timing.frames, armature_object)
    _check_object_near(worlds, timing.frames, armature_object)
    yield _PLACED
    try:
        parts = []
        for rows in chunks(len(timing.frames)):
            parts.append(Places.of({bone: matrix[rows] for bone, matrix in matrices.items()}))
            yield _PLACED
        understanding = _motion(calibration, matrices, worlds, timing, name)
        motion, to_body, calibration = yield from within(understanding, _PLACED, 1.0)
    except ValueError as error:
        raise Refusal(f"'{armature_object.name}' cannot be denoised: {error}") from error
    missing, unfilled = _missing(plan, curves, timing, armature_object, calibration)
    held: dict[str, Setting] = {}
    for control in plan.controls.values():
        yield 1.0
        held[control.bone] = _setting(armature_object, control, curves, matrices, timing.frames)
    return Clip(
        take=take,
        calibration=calibration,
        curves=curves,
        timing=timing,
        plan=plan,
        corrector=Corrector(armature_object, calibration, plan),
        is_plain=is_plain,
        places=Places.joined(parts),
        settings=held,
        motion=motion,
        missing=missing,
        to_body=to_body,
        is_cyclic=is_cyclic,
        unfilled=unfilled,
    )


def played(
    scene: bpy.types.Scene, armature_object: bpy.types.Object, names: Iterable[str], frames: np.ndarray
) -> Steps[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Bone -> (T, 4, 4) and the object's (T, 4, 4) world matrices, as Blender plays the frames."""
    names = tuple(names)
    bones = np.empty((len(frames), len(names), 4, 4))
    worlds = np.empty((len(frames), 4, 4))
    for i, (matrices, world) in enumerate(play(scene, armature_object, names, frames)):
        bones[i], worlds[i] = matrices, world
        yield (i + 1) / len(frames)
    return {name: bones[:, i] for i, name in enumerate(names)}, worlds


def check_keys_finite(curves: ActionCurves, names: Iterable[str], action: str) -> None:
    """Refuse keys that are no numbers.

    Raises:
        Refusal: naming bone, channel and frame.
    """
    names = frozenset(names)
    for (bone, path), channel in curves.channels.items():
        if bone not in names:
            continue
        for curve in channel.values():
            places = read_property(curve, "co")
            wrong = ~np.isfinite(places).all(axis=1)
            if wrong.any():
                at = places[int(np.argmax(wrong)), 0]
                where = f"on frame {at:g}" if np.isfinite(at) else "whose frame is not a number either"
                raise Refusal(
                    f"Action '{action}' holds a key of bone '{bone}' ({path.replace('_', ' ')}) that is "
                    f"not a number, {where}; delete it in the Graph Editor"
                )


def check_motion_finite(
    matrices: Mapping[str, np.ndarray], frames: np.ndarray, armature_object: bpy.types.Object
) -> None:
    """Refuse bones that are nowhere, or so far away that it can only be a mistake.

    Raises:
        Refusal: naming bone and frame.
    """
    for bone, matrix in matrices.items():
        size = np.abs(matrix).max(axis=(1, 2))
        wrong = ~(size < _FURTHEST_M / max(1e-9, abs(armature_object.matrix_world.median_scale)))
        if wrong.any():
            raise Refusal(
                f"Bone '{bone}' of '{armature_object.name}' is infinitely far away on frame "
                f"{frames[int(np.argmax(wrong))]:g}; correct its curves first"
            )


def _check_object_near(worlds: np.ndarray, frames: np.ndarray, armature_object: bpy.types.Object) -> None:
    wrong = ~(np.abs(worlds).max(axis=(1, 2)) < _FURTHEST_M)
    if wrong.any():
        raise Refusal(
            f"'{armature_object.name}' itself is infinitely large or far away on frame "
            f"{frames[int(np.argmax(wrong))]:g}; clear its transform (Object > Clear)"
        )


def _check_something_to_write(
    armature_object: bpy.types.Object,
    take: Take,
    plan: DenoisePlan,
    curves: ActionCurves,
    settings: DenoiseSettings,
) -> None:
    if plan.controls:
        return
    rig, name = armature_object.name, take.action.name
    if plan.left:
        bone, reason = next(iter(plan.left.items()))
        raise Refusal(f"Nothing of action '{name}' can be denoised: bone '{bone}' and the like, {reason}")
    if settings.selected_only:
        raise Refusal(
            f"No selected bone of '{rig}' is mapped to the body and has rotation curves in action '{name}'; "
            "select others, or ",
            Advice.ALL_BONES,
        )
    if not curves.channels:
        raise Refusal(f"Action '{name}' holds no curves of bones; choose one that moves '{rig}'")
    raise Refusal(
        f"Action '{name}' turns no bone of '{rig}' that is mapped to the body; choose another action, "
        "or look at the mapping in the Rig panel"
    )


def _written(
    plan: DenoisePlan, curves: ActionCurves, armature_object: bpy.types.Object
) -> Iterable[Mapping[int, bpy.types.FCurve]]:
    """The channels that are written."""
    for control in plan.controls.values():
        yield from _channels(control, curves, armature_object)


def _channels(
    control: Control, curves: ActionCurves, armature_object: bpy.types.Object
) -> Iterable[Mapping[int, bpy.types.FCurve]]:
    if control.turns:
        yield curves.channels[control.bone, rotation_path(armature_object.pose.bones[control.bone])]
    if control.moves:
        yield curves.channels[control.bone, "location"]


def _all_cyclic(plan: DenoisePlan, curves: ActionCurves, armature_object: bpy.types.Object) -> bool:
    ends: set[tuple[float, float]] = set()
    for channel in _written(plan, curves, armature_object):
        for curve in channel.values():
            if not any(m.type == "CYCLES" and modifier_acts(m) for m in curve.modifiers):
                return False
            times = key_times(curve)
            ends.add((round(float(times[0]), 2), round(float(times[-1]), 2)))
    return len(ends) == 1


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


def chunks(count: int) -> Iterator[np.ndarray]:
    """The samples 0 to ``count``, as many at a time as a window can wait for."""
    for start in range(0, count, _CHUNK):
        yield np.arange(start, min(start + _CHUNK, count))
