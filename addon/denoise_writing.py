# SPDX-License-Identifier: GPL-3.0-or-later
"""A clean motion written as a new action: a copy of the take in which only the planned controls differ.

What is written is the change and not the motion: each key keeps its time, and where nothing changed its
value, to the bit. On a control rig the change is tried out first, on an action that is removed again, and
corrected until the rig plays what is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import bpy
import numpy as np

from contrapposto.motion import Motion
from contrapposto.rotation import from_rotvec, geodesic_angle, slerp, to_rotvec, transpose
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, forward_kinematics

from .action_curves import ActionCurves, read_action
from .clip import Clip, location_axes
from .correcting import Places, Setting, wanted_places
from .curve_writing import reduce_channel, write_values
from .denoise_plan import Control, Role
from .denoise_settings import DenoiseSettings, KeyMode
from .keyframes import blank_keys, item, key_times, write_keys
from .playback import frame_kept, played
from .rotation_channels import CHANNELS, matrices_of, nearest_values_of, values_of
from .rotations import rotation_path
from .steps import Steps, chunks, within
from .takes import playing
from .versions import add_curve, curve_collections, same_slot

_NOTHING_RAD = 1e-5
"""A turn by less is no change."""
_NOTHING_M = 1e-7
_EXACT_DEG = 0.05
_EXACT_M = 3e-4
_PASSES = 4
_TRIAL_KEYED = 0.1
"""How much of a pass is done once its keys are written, before they are played."""
_TRIAL_PLAYED = 0.9
"""And once they are played, before what is lacking is corrected."""
_COMPARED, _GUESSED, _SETTLED = 0.1, 0.15, 0.8
"""How much of the work is done once it is known what changes, and what to key, and once a rig plays it."""


@dataclass(frozen=True)
class Written:
    """What came of it.

    Attributes:
        action: the new action.
        bones: control -> how many keys its written channels have.
        keys_before: how many keys those channels had.
        off_deg: the most that a turned joint of the rig stays away from what is wanted, degrees.
        off_mm: the same for hips and limbs' ends, millimetres on a body of human size.
    """

    action: bpy.types.Action
    bones: Mapping[str, int]
    keys_before: int
    off_deg: float
    off_mm: float


def write_clip(
    context: bpy.types.Context,
    armature_object: bpy.types.Object,
    clip: Clip,
    clean: Motion,
    settings: DenoiseSettings,
    name: str,
) -> Steps[Written]:
    """Write the motion as a new action; yields how much is done, 0 to 1.

    Whatever goes wrong, or if the generator is closed early, the new action is removed again.
    """
    turns, shift = yield from within(changes(clip, clean), 0.0, _COMPARED)
    wanted, solved = yield from within(_guess(clip, turns, shift), _COMPARED, _GUESSED)
    off_deg, off_mm = 0.0, 0.0
    if not clip.is_plain:
        changed = np.abs(turns - np.eye(3)).max(axis=(1, 2, 3)) > _NOTHING_RAD
        changed |= np.abs(shift).max(axis=1) > _NOTHING_M
        settling = _settled(context, armature_object, clip, wanted, solved, np.flatnonzero(changed))
        solved, off_deg, off_mm = yield from within(settling, _GUESSED, _SETTLED)
    action = clip.take.action.copy()
    try:
        action.name = name
        keying = _write_controls(armature_object, clip, solved, settings, action)
        bones, before = yield from within(keying, _GUESSED if clip.is_plain else _SETTLED, 1.0)
    except BaseException:
        bpy.data.actions.remove(action)
        raise
    return Written(action, bones, before, off_deg, off_mm)


def changes(clip: Clip, clean: Motion) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """What a clean motion changes, in armature space; yields how much is done.

    Returns:
        (T, 22, 3, 3) turn of each joint from how it stands to how it should, and (T, 3) shift of the hips,
        both exactly none where the difference is nothing but rounding.
    """
    count = len(clip.timing.frames)
    turns, shift = np.empty((count, NUM_JOINTS, 3, 3)), np.empty((count, 3))
    to_armature = np.broadcast_to(transpose(clip.to_body), (count, 3, 3))
    for rows in chunks(count):
        yield rows[0] / count
        before, _ = forward_kinematics(clip.motion.poses.rotations[rows])
        after, _ = forward_kinematics(np.asarray(clean.poses.rotations[rows], dtype=float))
        rotvec = to_rotvec(after @ transpose(before)) * clip.timing.weight[rows, None, None]
        rotvec[np.linalg.norm(rotvec, axis=-1) < _NOTHING_RAD] = 0.0
        turned = (to_armature[rows, None] @ rotvec[..., None])[..., 0]
        step = np.asarray(clean.poses.transl[rows], dtype=float) - clip.motion.poses.transl[rows]
        step *= clip.timing.weight[rows, None]
        step[np.linalg.norm(step, axis=-1) < _NOTHING_M] = 0.0
        turns[rows] = from_rotvec(turned)
        shift[rows] = (to_armature[rows] @ step[..., None])[..., 0] / clip.calibration.scale
    return turns, shift


def _guess(clip: Clip, turns: np.ndarray, shift: np.ndarray) -> Steps[tuple[Places, dict[str, Setting]]]:
    """Where the read bones belong, and what the controls are to hold for that if nothing is in the way."""
    count = len(clip.timing.frames)
    places: list[Places] = []
    settings: list[dict[str, Setting]] = []
    for rows in chunks(count):
        yield rows[0] / count
        now = clip.places.at(rows)
        wanted = wanted_places(clip.calibration, now, turns[rows], shift[rows])
        held = {bone: setting.at(rows) for bone, setting in clip.settings.items()}
        places.append(wanted)
        settings.append(clip.corrector.correct(now, wanted, held, rows, aim=False))
    solved = {bone: Setting.joined([part[bone] for part in settings]) for bone in settings[0]}
    return Places.joined(places), solved


def _settled(
    context: bpy.types.Context,
    armature_object: bpy.types.Object,
    clip: Clip,
    wanted: Places,
    solved: dict[str, Setting],
    rows: np.ndarray,
) -> Steps[tuple[dict[str, Setting], float, float]]:
    """Play what was solved, correct what the rig made of it, and again; what is left at the end.

    Args:
        rows: the samples that change at all.
    """
    trial = clip.take.action.copy()
    near = _EXACT_M / clip.calibration.scale
    worst_deg, worst = np.zeros(len(clip.timing.frames)), np.zeros(len(clip.timing.frames))
    try:
        slot = same_slot(trial, clip.take.slot)
        with frame_kept(context.scene, armature_object), playing(armature_object, trial, slot):
            for number in range(_PASSES):
                if not len(rows):
                    break
                begin, end = number / _PASSES, (number + 1) / _PASSES
                keyed, played_by = (begin + share * (end - begin) for share in (_TRIAL_KEYED, _TRIAL_PLAYED))
                keying = _write_samples(armature_object, trial, slot, clip, solved)
                yield from within(keying, begin, keyed)
                playing_back = played(
                    context.scene, armature_object, clip.corrector.needed, clip.timing.frames[rows]
                )
                matrices, _ = yield from within(playing_back, keyed, played_by)
                moved = np.zeros(len(rows), dtype=bool)
                for part in chunks(len(rows)):
                    yield played_by + (end - played_by) * part[0] / len(rows)
                    some, here = rows[part], {name: matrix[part] for name, matrix in matrices.items()}
                    now, there = Places.of(here), wanted.at(some)
                    worst_deg[some], worst[some] = clip.corrector.off(now, there, some)
                    if number < _PASSES - 1:
                        moved[part] = _corrected(armature_object, clip, here, now, there, solved, some, near)
                rows = rows[moved | (worst_deg[rows] > _EXACT_DEG) | (worst[rows] > near)]
    finally:
        bpy.data.actions.remove(trial)
    mm = 1000 * clip.calibration.scale
    return solved, float(worst_deg.max(initial=0)), float(mm * worst.max(initial=0))


def _corrected(
    armature_object: bpy.types.Object,
    clip: Clip,
    matrices: Mapping[str, np.ndarray],
    now: Places,
    wanted: Places,
    solved: dict[str, Setting],
    rows: np.ndarray,
    near: float,
) -> np.ndarray:
    """Correct some samples of what was solved, in place; (N,) bool, which of them change."""
    parts = {
        bone: _relinked(setting.at(rows), clip.plan.controls[bone], matrices, armature_object)
        for bone, setting in solved.items()
    }
    moved = np.zeros(len(rows), dtype=bool)
    for bone, setting in clip.corrector.correct(now, wanted, parts, rows, aim=True).items():
        moved |= _differs(parts[bone], setting, near)
        solved[bone].rotation[rows], solved[bone].location[rows] = setting.rotation, setting.location
    return moved


def _relinked(
    setting: Setting,
    control: Control,
    matrices: Mapping[str, np.ndarray],
    armature_object: bpy.types.Object,
) -> Setting:
    """The setting with its way to armature space as the rig has it now."""
    if setting.linear is None:
        return setting
    bone = armature_object.pose.bones[control.bone]
    own = setting.rotation * np.array(bone.scale, dtype=float)
    return Setting(setting.rotation, setting.location, location_axes(bone, matrices[bone.name], own))


def _differs(before: Setting, after: Setting, near: float) -> np.ndarray:
    turn = np.abs(after.rotation - before.rotation).max(axis=(1, 2)) > np.radians(_EXACT_DEG)
    return turn | (np.abs(after.location - before.location).max(axis=1) > near)


def _write_samples(
    armature_object: bpy.types.Object,
    action: bpy.types.Action,
    slot: object,
    clip: Clip,
    solved: Mapping[str, Setting],
) -> Steps[None]:
    """Key every sample of the controls, for a trial; yields how much is done."""
    curves = read_action(action, slot)
    collection = curve_collections(action, slot)[0]
    table = blank_keys(len(clip.timing.frames))
    table["interpolation"][:] = item("interpolation", "LINEAR")
    table["co"][:, 0] = clip.timing.frames
    for number, control in enumerate(clip.plan.controls.values()):
        yield number / len(clip.plan.controls)
        bone = armature_object.pose.bones[control.bone]
        for path, values in _sample_values(bone, control, clip, solved[control.bone]).items():
            channel = dict(curves.channels[bone.name, path])
            sibling = next(iter(channel.values()))
            for index, column in values.items():
                curve = channel.get(index) or add_curve(collection, sibling.data_path, index, sibling)
                table["co"][:, 1] = column
                write_keys(curve, table)


def _sample_values(
    bone: bpy.types.PoseBone, control: Control, clip: Clip, solved: Setting
) -> dict[str, dict[int, np.ndarray]]:
    found: dict[str, dict[int, np.ndarray]] = {}
    if control.turns:
        path = rotation_path(bone)
        before = clip.curves.values(bone, path, clip.timing.frames)
        values = values_of(bone.rotation_mode, solved.rotation, before)
        found[path] = {index: values[:, index] for index in _free_channels(bone, control)}
    if control.moves:
        channel = clip.curves.channels[bone.name, "location"]
        found["location"] = {index: solved.location[:, index] for index in channel if index < 3}
    return found


def _free_channels(bone: bpy.types.PoseBone, control: Control) -> tuple[int, ...]:
    """The rotation channels that are written: of a swing bone not those that the rig locks."""
    count = CHANNELS.get(bone.rotation_mode, 3)
    if control.role is Role.SWING and count == 3:
        return tuple(index for index in range(3) if not bone.lock_rotation[index])
    return tuple(range(count))


def _write_controls(
    armature_object: bpy.types.Object,
    clip: Clip,
    solved: Mapping[str, Setting],
    settings: DenoiseSettings,
    action: bpy.types.Action,
) -> Steps[tuple[dict[str, int], int]]:
    """Key the controls of the new action; control -> keys, and how many there were."""
    slot = same_slot(action, clip.take.slot)
    collection = curve_collections(action, slot)[0]
    written: dict[tuple[str, str], tuple[int, ...]] = {}
    before = 0
    share = 0.5 if settings.reduce else 1.0
    for number, control in enumerate(clip.plan.controls.values()):
        yield share * number / len(clip.plan.controls)
        bone = armature_object.pose.bones[control.bone]
        curves = read_action(action, slot)
        if control.turns:
            indices = _write_rotation(bone, control, clip, solved[bone.name], settings, curves, collection)
            written[bone.name, rotation_path(bone)] = indices
        if control.moves:
            indices = _write_location(bone, control, clip, solved[bone.name], settings, curves, collection)
            written[bone.name, "location"] = indices
    for where in written:
        before += sum(len(curve.keyframe_points) for curve in clip.curves.channels[where].values())
    curves = read_action(action, slot)
    bones: dict[str, int] = {}
    for number, ((name, path), indices) in enumerate(written.items()):
        yield share + (1 - share) * number / len(written)
        if indices and settings.reduce:
            _reduce(armature_object.pose.bones[name], path, indices, clip, settings, curves)
        count = sum(len(curve.keyframe_points) for curve in curves.channels[name, path].values())
        bones[name] = bones.get(name, 0) + count
    return bones, before


def _write_rotation(
    bone: bpy.types.PoseBone,
    control: Control,
    clip: Clip,
    solved: Setting,
    settings: DenoiseSettings,
    curves: ActionCurves,
    collection: object,
) -> tuple[int, ...]:
    """The channels that were written; none if nothing changes."""
    path, mode = rotation_path(bone), bone.rotation_mode
    indices = _free_channels(bone, control)
    step = to_rotvec(transpose(clip.settings[bone.name].rotation) @ solved.rotation)
    step[(np.linalg.norm(step, axis=-1) < _NOTHING_RAD) | ~control.live] = 0.0
    step = _closed(clip, from_rotvec(step))
    times, is_new = _times(clip, settings, (bone.name, path), control)
    before = clip.curves.values(bone, path, times)
    change = _between(clip, times, step)
    still = np.abs(change - np.eye(3)).max(axis=(1, 2)) < _NOTHING_RAD
    if still.all() and settings.keys is KeyMode.KEEP:
        return indices if settings.reduce else ()
    rotations = matrices_of(mode, before) @ change
    values = values_of(mode, rotations, before)
    if _breaks(clip, times, values, before):
        values = nearest_values_of(mode, rotations, before)
    same = still & (np.abs(values - before).max(axis=1) < 1e-4)
    values[same] = before[same]
    write_values(
        collection,
        curves,
        (bone.name, path),
        times,
        {index: values[:, index] for index in indices},
        (clip.timing.first, clip.timing.last),
        generated=is_new,
    )
    return indices


def _write_location(
    bone: bpy.types.PoseBone,
    control: Control,
    clip: Clip,
    solved: Setting,
    settings: DenoiseSettings,
    curves: ActionCurves,
    collection: object,
) -> tuple[int, ...]:
    where = (bone.name, "location")
    indices = tuple(index for index in sorted(curves.channels[where]) if index < 3)
    step = (solved.location - clip.settings[bone.name].location) * control.live[:, None]
    step[np.linalg.norm(step, axis=-1) < _NOTHING_M / clip.calibration.scale] = 0.0
    if clip.is_cyclic:
        ends = _ends(clip)
        step[list(ends)] = step[list(ends)].mean(axis=0)
    times, is_new = _times(clip, settings, where, control)
    change = np.stack([np.interp(times, clip.timing.frames, step[:, axis]) for axis in range(3)], axis=-1)
    if not change.any() and settings.keys is KeyMode.KEEP:
        return indices if settings.reduce else ()
    values = clip.curves.values(bone, "location", times) + change
    write_values(
        collection,
        curves,
        where,
        times,
        {index: values[:, index] for index in indices},
        (clip.timing.first, clip.timing.last),
        generated=is_new,
    )
    return indices


def _times(
    clip: Clip, settings: DenoiseSettings, where: tuple[str, str], control: Control
) -> tuple[np.ndarray, np.ndarray]:
    """When a property is keyed: (N,) frames, and (N,) bool, those that fill a hole."""
    first, last = clip.timing.first, clip.timing.last
    if settings.keys is KeyMode.BAKE:
        whole = np.arange(np.ceil(first - 1e-3), np.floor(last + 1e-3) + 1)
        ends = np.array([end for end in (first, last) if not len(whole) or np.abs(whole - end).min() > 1e-3])
        times = np.sort(np.concatenate([whole, ends]))
        return times, np.zeros(len(times), dtype=bool)
    keyed = np.unique(np.concatenate([key_times(curve) for curve in clip.curves.channels[where].values()]))
    keyed = keyed[(keyed > first - 1e-3) & (keyed < last + 1e-3)]
    filled = np.zeros(0)
    if settings.fill_gaps and control.role is Role.TURN:
        missing = clip.missing[:, JOINT_INDEX[control.joint]] & clip.timing.written
        filled = clip.timing.frames[missing]
    times = np.concatenate([keyed, filled])
    order = np.argsort(times, kind="stable")
    return times[order], (np.arange(len(times)) >= len(keyed))[order]


def _between(clip: Clip, times: np.ndarray, step: np.ndarray) -> np.ndarray:
    """(N, 3, 3) the change of rotation at any times, from that at the samples (T, 3, 3)."""
    at = (times - clip.timing.frames[0]) / clip.timing.step
    nearest = np.clip(np.round(at), 0, len(step) - 1).astype(int)
    low = np.clip(np.floor(at), 0, len(step) - 2).astype(int)
    between = slerp(step[low], step[low + 1], np.clip(at - low, 0, 1))
    on_sample = np.abs(at - nearest) < 0.02
    return np.where(on_sample[:, None, None], step[nearest], between)


def _closed(clip: Clip, step: np.ndarray) -> np.ndarray:
    """A change that ends as it begins where the motion repeats."""
    if clip.is_cyclic:
        first, last = _ends(clip)
        step[[first, last]] = slerp(step[first], step[last], 0.5)
    return step


def _ends(clip: Clip) -> tuple[int, int]:
    written = np.flatnonzero(clip.timing.written)
    return int(written[0]), int(written[-1])


def _breaks(clip: Clip, times: np.ndarray, values: np.ndarray, before: np.ndarray) -> bool:
    """Whether values no longer join those around the range that is written."""
    frames = clip.timing.frames
    ends = ((0, frames[0] < clip.timing.first - 1e-3), (-1, frames[-1] > clip.timing.last + 1e-3))
    apart = [np.abs(values[end] - before[end]).max() for end, goes_on in ends if goes_on and len(times)]
    return not clip.is_cyclic and any(a > 0.5 for a in apart)


def _reduce(
    bone: bpy.types.PoseBone,
    path: str,
    indices: tuple[int, ...],
    clip: Clip,
    settings: DenoiseSettings,
    curves: ActionCurves,
) -> None:
    span = (clip.timing.first, clip.timing.last)
    if path == "location":
        mm = 1000 * clip.calibration.scale
        reduce_channel(
            curves,
            (bone.name, path),
            indices,
            clip.timing.frames,
            span,
            lambda fitted, true: mm * np.linalg.norm(fitted - true, axis=-1),
            settings.max_error_mm,
        )
        return
    mode = bone.rotation_mode
    if len(indices) != CHANNELS.get(mode, 3):
        return

    def degrees(fitted: np.ndarray, true: np.ndarray) -> np.ndarray:
        return np.degrees(geodesic_angle(matrices_of(mode, true), matrices_of(mode, fitted)))

    reduce_channel(
        curves, (bone.name, path), indices, clip.timing.frames, span, degrees, settings.max_error_deg
    )
