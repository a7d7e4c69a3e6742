# SPDX-License-Identifier: GPL-3.0-or-later
"""A clean motion written as a new action: a copy of the take in which only the planned controls differ.

What is written is the change and not the motion: each key keeps its time, and where nothing changed its
value, to the bit. On a control rig it is tried out first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from contrapposto.motion import Motion
from contrapposto.rotation import from_rotvec, geodesic_angle, slerp, to_rotvec, transpose
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, forward_kinematics

from .action_curves import ActionCurves, read_action
from .clip import Clip
from .correcting import Places, Setting, wanted_places
from .curve_writing import reduce_channel, write_values
from .denoise_plan import Control, Role, written_channels
from .denoise_settings import DenoiseSettings, KeyMode
from .denoise_trial import settle
from .keyframes import key_times
from .rotation_channels import CHANNELS, matrices_of, nearest_values_of, values_of
from .rotations import rotation_path
from .steps import Steps, chunks, within
from .versions import curve_collections, same_slot

_NOTHING_RAD = 1e-5
"""A turn by less is no change."""
_NOTHING_M = 1e-7
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
        settling = settle(context, armature_object, clip, wanted, solved, np.flatnonzero(changed))
        off_deg, off_mm = yield from within(settling, _GUESSED, _SETTLED)
    action = clip.take.action.copy()
    try:
        action.name = name
        keying = _Keying(clip, settings, action, same_slot(action, clip.take.slot))
        writing = _write_controls(keying, armature_object, solved)
        bones, before = yield from within(writing, _GUESSED if clip.is_plain else _SETTLED, 1.0)
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


@dataclass(frozen=True, eq=False)
class _Keying:
    """What keying takes, the same for every control.

    Attributes:
        clip: what was read.
        settings: what the user chose.
        action, slot: what is keyed.
    """

    clip: Clip
    settings: DenoiseSettings
    action: bpy.types.Action
    slot: Any

    @property
    def span(self) -> tuple[float, float]:
        """First and last frame that may be keyed."""
        return self.clip.timing.first, self.clip.timing.last


def _write_controls(
    keying: _Keying, armature_object: bpy.types.Object, solved: Mapping[str, Setting]
) -> Steps[tuple[dict[str, int], int]]:
    """Key the controls of the new action; control -> keys, and how many there were."""
    clip, bones = keying.clip, armature_object.pose.bones
    written: dict[tuple[str, str], tuple[int, ...]] = {}
    share = 0.5 if keying.settings.reduce else 1.0
    for number, control in enumerate(clip.plan.controls.values()):
        yield share * number / len(clip.plan.controls)
        bone = bones[control.bone]
        for path, indices in written_channels(control, bone, clip.curves).items():
            _write(keying, bone, control, path, indices, solved[bone.name])
            written[bone.name, path] = indices
    curves = read_action(keying.action, keying.slot)
    counts: dict[str, int] = {}
    for number, ((name, path), indices) in enumerate(written.items()):
        yield share + (1 - share) * number / len(written)
        if indices and keying.settings.reduce:
            _reduce(keying, bones[name], path, indices, curves)
        counts[name] = counts.get(name, 0) + _count(curves, (name, path))
    return counts, sum(_count(clip.curves, where) for where in written)


def _count(curves: ActionCurves, where: tuple[str, str]) -> int:
    """How many keys a property has."""
    return sum(len(curve.keyframe_points) for curve in curves.channels[where].values())


def _write(
    keying: _Keying,
    bone: bpy.types.PoseBone,
    control: Control,
    path: str,
    indices: tuple[int, ...],
    solved: Setting,
) -> None:
    """Key a property of a control, unless nothing changes and its keys stay where they are."""
    where = (bone.name, path)
    times, is_new = _times(keying, where, control)
    new_values = _location_values if path == "location" else _rotation_values
    values = new_values(keying, bone, control, solved, times)
    if values is None:
        return
    write_values(
        curve_collections(keying.action, keying.slot)[0],
        read_action(keying.action, keying.slot),
        where,
        times,
        {index: values[:, index] for index in indices},
        keying.span,
        generated=is_new,
    )


def _times(keying: _Keying, where: tuple[str, str], control: Control) -> tuple[np.ndarray, np.ndarray]:
    """When a property is keyed: (N,) frames, and (N,) bool, those that fill a hole."""
    clip, (first, last) = keying.clip, keying.span
    if keying.settings.keys is KeyMode.BAKE:
        whole = np.arange(np.ceil(first - 1e-3), np.floor(last + 1e-3) + 1)
        ends = np.array([end for end in (first, last) if not len(whole) or np.abs(whole - end).min() > 1e-3])
        times = np.sort(np.concatenate([whole, ends]))
        return times, np.zeros(len(times), dtype=bool)
    keyed = np.unique(np.concatenate([key_times(curve) for curve in clip.curves.channels[where].values()]))
    keyed = keyed[(keyed > first - 1e-3) & (keyed < last + 1e-3)]
    filled = np.zeros(0)
    if keying.settings.fill_gaps and control.role is Role.TURN:
        missing = clip.missing[:, JOINT_INDEX[control.joint]] & clip.timing.written
        filled = clip.timing.frames[missing]
    times = np.concatenate([keyed, filled])
    order = np.argsort(times, kind="stable")
    return times[order], (np.arange(len(times)) >= len(keyed))[order]


def _rotation_values(
    keying: _Keying, bone: bpy.types.PoseBone, control: Control, solved: Setting, times: np.ndarray
) -> np.ndarray | None:
    """(N, c) what a control's rotation channels get at the times; None if nothing is to be written."""
    clip, mode = keying.clip, bone.rotation_mode
    change = _between(clip, times, _turn(clip, control, solved))
    still = np.abs(change - np.eye(3)).max(axis=(1, 2)) < _NOTHING_RAD
    if still.all() and keying.settings.keys is KeyMode.KEEP:
        return None
    before = clip.curves.values(bone, rotation_path(bone), times)
    rotations = matrices_of(mode, before) @ change
    values = values_of(mode, rotations, before)
    if _breaks(clip, times, values, before):
        values = nearest_values_of(mode, rotations, before)
    same = still & (np.abs(values - before).max(axis=1) < 1e-4)
    values[same] = before[same]
    return values


def _location_values(
    keying: _Keying, bone: bpy.types.PoseBone, control: Control, solved: Setting, times: np.ndarray
) -> np.ndarray | None:
    """(N, 3) what a control's location channels get at the times; None if nothing is to be written."""
    clip = keying.clip
    step = _step(clip, control, solved)
    change = np.stack([np.interp(times, clip.timing.frames, step[:, axis]) for axis in range(3)], axis=-1)
    if not change.any() and keying.settings.keys is KeyMode.KEEP:
        return None
    return clip.curves.values(bone, "location", times) + change


def _turn(clip: Clip, control: Control, solved: Setting) -> np.ndarray:
    """(T, 3, 3) how a control's rotation changes; at the end as at the beginning where the motion repeats."""
    rotvec = to_rotvec(transpose(clip.settings[control.bone].rotation) @ solved.rotation)
    rotvec[(np.linalg.norm(rotvec, axis=-1) < _NOTHING_RAD) | ~control.live] = 0.0
    turn = from_rotvec(rotvec)
    if clip.is_cyclic:
        first, last = _ends(clip)
        turn[[first, last]] = slerp(turn[first], turn[last], 0.5)
    return turn


def _step(clip: Clip, control: Control, solved: Setting) -> np.ndarray:
    """(T, 3) how a control's location changes; at the end as at the beginning where the motion repeats."""
    step = (solved.location - clip.settings[control.bone].location) * control.live[:, None]
    step[np.linalg.norm(step, axis=-1) < _NOTHING_M / clip.calibration.scale] = 0.0
    if clip.is_cyclic:
        ends = list(_ends(clip))
        step[ends] = step[ends].mean(axis=0)
    return step


def _ends(clip: Clip) -> tuple[int, int]:
    """The first and the last sample of the range that is written."""
    written = np.flatnonzero(clip.timing.written)
    return int(written[0]), int(written[-1])


def _between(clip: Clip, times: np.ndarray, step: np.ndarray) -> np.ndarray:
    """(N, 3, 3) the change of rotation at any times, from that at the samples (T, 3, 3)."""
    at = (times - clip.timing.frames[0]) / clip.timing.step
    nearest = np.clip(np.round(at), 0, len(step) - 1).astype(int)
    low = np.clip(np.floor(at), 0, len(step) - 2).astype(int)
    between = slerp(step[low], step[low + 1], np.clip(at - low, 0, 1))
    on_sample = np.abs(at - nearest) < 0.02
    return np.where(on_sample[:, None, None], step[nearest], between)


def _breaks(clip: Clip, times: np.ndarray, values: np.ndarray, before: np.ndarray) -> bool:
    """Whether values no longer join those around the range that is written."""
    frames = clip.timing.frames
    ends = ((0, frames[0] < clip.timing.first - 1e-3), (-1, frames[-1] > clip.timing.last + 1e-3))
    apart = [np.abs(values[end] - before[end]).max() for end, goes_on in ends if goes_on and len(times)]
    return not clip.is_cyclic and any(a > 0.5 for a in apart)


def _reduce(
    keying: _Keying, bone: bpy.types.PoseBone, path: str, indices: tuple[int, ...], curves: ActionCurves
) -> None:
    """Leave out keys of a property as far as the settings allow."""
    clip, settings, mode = keying.clip, keying.settings, bone.rotation_mode

    def millimetres(fitted: np.ndarray, true: np.ndarray) -> np.ndarray:
        return 1000 * clip.calibration.scale * np.linalg.norm(fitted - true, axis=-1)

    def degrees(fitted: np.ndarray, true: np.ndarray) -> np.ndarray:
        return np.degrees(geodesic_angle(matrices_of(mode, true), matrices_of(mode, fitted)))

    if path == "location":
        error, bound = millimetres, settings.max_error_mm
    elif len(indices) == CHANNELS.get(mode, 3):
        error, bound = degrees, settings.max_error_deg
    else:
        return  # some of a rotation's channels alone are no rotation
    reduce_channel(curves, (bone.name, path), indices, clip.timing.frames, keying.span, error, bound)
