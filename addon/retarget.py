# SPDX-License-Identifier: GPL-3.0-or-later
"""The motion of a fitted body, or of any mapped armature, as a new action of another mapped character.

Both rigs are read as the same 22 joints, the hips' place by the length of the legs, so that nothing has to
be told of either but which bones play which joints. A control rig is set frame by frame and asked what came
of it, as Complete Pose does; what its controls then hold becomes the curves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
import numpy as np

from contrapposto.motion import Pose

from . import checks
from .action_curves import evaluate
from .body_action import write_curves
from .denoise_settings import DenoiseSettings
from .errors import Refusal
from .fit_marks import PROPERTY
from .keyframes import key_times
from .known import read_intent
from .plan import Plan, make_plan
from .played import poses_played
from .rig import Rig, read_rig
from .rule import Rule
from .steps import Steps, result_of, within
from .stretch import unstretched
from .takes import Take, find_takes
from .versions import assign, curves_of, new_action, slots_of
from .writing import Writer

MOST_FRAMES = 20_000
_READ = 0.2
_SHARES = np.array([0.25, 0.5, 0.75])
"""Where a curve is looked at between two keys: one that eases in and out is on the line in the middle."""
_STRAIGHT, _ROUNDING = 1e-3, 1e-6
"""A curve is straight if it is off by less than this share of its range, or of its values."""


@dataclass(frozen=True)
class RetargetReport:
    """What was done.

    Attributes:
        source, target: names of the armatures.
        action: name of the new action.
        frames: how many frames were keyed.
        bones: how many bones were.
    """

    source: str
    target: str
    action: str
    frames: int
    bones: int

    @property
    def sentence(self) -> str:
        """For the status bar."""
        frames = "1 frame" if self.frames == 1 else f"{self.frames} frames"
        return f"'{self.target}' moves as '{self.source}': {frames} on {self.bones} bones in '{self.action}'"


def retarget(
    context: bpy.types.Context, target: bpy.types.Object, source: bpy.types.Object | None = None
) -> RetargetReport:
    """Give a character the motion of a fitted body; an action that it had stays in the file.

    Args:
        context: gives scene and view layer.
        target: armature of the character.
        source: armature whose active action is taken; see ``find_source`` if None.

    Raises:
        Refusal: with one sentence, and nothing has changed.
    """
    return result_of(retargeting(context, target, source))


def retargeting(
    context: bpy.types.Context, target: bpy.types.Object, source: bpy.types.Object | None = None
) -> Steps[RetargetReport]:
    """The same in steps; closed before the end, it leaves nothing."""
    context.view_layer.update()
    checks.check_armature(target, context.view_layer)
    source = source or find_source(context, target)
    if source == target:
        raise Refusal(f"'{target.name}' is to move as it does already; select another character")
    checks.check_armature(source, context.view_layer)
    (take,) = find_takes(source, DenoiseSettings())
    frames = _frames_of(take)
    rig = read_rig(target)
    plan = make_plan(rig, read_intent(rig, Rule.NONE, frame=0.0), move_pelvis=True)
    checks.check_fill(target, plan, insert_keys=False)  # the keys go into an action of their own
    _check_plays_alone(target)
    poses = yield from within(poses_played(context, source, take, frames, beside=(target,)), 0.0, _READ)
    held = yield from within(_held(context, rig, plan, poses), _READ, 1.0)
    action = _write(target, held, frames, f"{take.action.name} {target.name}")
    context.scene.frame_set(context.scene.frame_current, subframe=context.scene.frame_subframe)
    bones = {bone for bone, _ in held}
    return RetargetReport(source.name, target.name, action.name, len(frames), len(bones))


def find_source(context: bpy.types.Context, target: bpy.types.Object | None) -> bpy.types.Object:
    """The other selected armature, or the only fitted body of the scene beside the target.

    Raises:
        Refusal: if there is none, or several could be meant.
    """
    others = [one for one in context.scene.objects if one.type == "ARMATURE" and one != target]
    selected = [one for one in others if one.select_get()]
    meant = selected or [one for one in others if PROPERTY in one]
    if len(meant) == 1:
        return meant[0]
    if not meant:
        raise Refusal("There is no fitted body whose motion could be taken; press Fit Body first")
    named = ", ".join(f"'{one.name}'" for one in meant)
    raise Refusal(f"Several bodies could be meant ({named}); select one of them beside the character")


def _check_plays_alone(target: bpy.types.Object) -> None:
    """Refuse a character whose NLA would play along with the new action, or instead of it."""
    data = target.animation_data
    if data is None:
        return
    if data.use_tweak_mode:
        raise Refusal(f"'{target.name}' is tweaking an NLA strip; leave Tweak Mode first")
    for track in data.nla_tracks if data.use_nla else ():
        if track.is_solo:
            raise Refusal(f"NLA track '{track.name}' of '{target.name}' plays solo; turn its star off first")
        if not track.mute and any(not strip.mute for strip in track.strips):
            raise Refusal(
                f"NLA track '{track.name}' of '{target.name}' would play along with the new action; "
                "mute the track first"
            )


def _frames_of(take: Take) -> np.ndarray:
    """(T,) all times of keys of an action, frames of the scene, and the whole frames on which it bends."""
    curves = curves_of(take.action, take.slot)
    times = [key_times(curve) for curve in curves]
    keyed = np.unique(np.round(np.concatenate([[], *times]), 3))
    if not len(keyed):
        raise Refusal(f"Action '{take.action.name}' has no keys")
    bent = _bent(curves, keyed) if len(keyed) <= MOST_FRAMES else ()
    whole = [np.arange(np.floor(keyed[gap]) + 1, keyed[gap + 1]) for gap in bent]
    frames = np.unique(np.concatenate([keyed, *whole]))
    if len(frames) > MOST_FRAMES:
        raise Refusal(
            f"Action '{take.action.name}' moves on more than {MOST_FRAMES:,} frames; split it first"
        )
    return frames


def _bent(curves: list[bpy.types.FCurve], keyed: np.ndarray) -> np.ndarray:
    """The gaps between keys (T,), of more than a frame, in which a curve is no straight line."""
    gaps = np.flatnonzero(np.diff(keyed) > 1)
    within = keyed[gaps, None] + np.diff(keyed)[gaps, None] * _SHARES
    is_bent = np.zeros(len(gaps), dtype=bool)
    for curve in curves if len(gaps) else ():
        on_keys = evaluate(curve, keyed)
        found = evaluate(curve, within.ravel()).reshape(within.shape)
        off = np.abs(found - np.interp(within, keyed, on_keys)).max(axis=1)
        every = np.concatenate([on_keys, found.ravel()])
        is_bent |= off > max(_STRAIGHT * np.ptp(every), _ROUNDING * np.abs(every).max())
    return gaps[is_bent]


def _held(
    context: bpy.types.Context, rig: Rig, plan: Plan, poses: list[Pose]
) -> Steps[dict[tuple[str, str], np.ndarray]]:
    """(bone, property) -> (T, c) what the target's controls hold in each pose; it stands as before then."""
    writer = Writer(context.view_layer, rig.object, rig.calibration)
    rest, rows = unstretched(rig, rig.limbs), []
    with _back(writer):
        for pose in poses:
            desired = rig.calibration.write(
                pose, rig.to_world, rest, free=plan.joints, move_pelvis=plan.moved is not None
            )
            writer.write(plan, desired)
            written = [(bone, path) for bone, paths in writer.written.items() for path in sorted(paths)]
            rows.append({(bone, path): tuple(getattr(writer.bones[bone], path)) for bone, path in written})
            yield len(rows) / len(poses)
    return {where: np.array([row.get(where, writer.before[where]) for row in rows]) for where in rows[-1]}


@contextmanager
def _back(writer: Writer) -> Iterator[None]:
    """Whatever happens, every channel is then as it was."""
    try:
        yield
    finally:
        writer.restore()


def _write(
    target: bpy.types.Object, held: dict[tuple[str, str], np.ndarray], frames: np.ndarray, name: str
) -> bpy.types.Action:
    """A new action with a key a frame, playing in full; one that is then played nowhere stays in the file."""
    action, curves = new_action(name, target)
    for (bone, path), values in held.items():
        escaped = bpy.utils.escape_identifier(bone)
        write_curves(curves, f'pose.bones["{escaped}"].{path}', frames, values, bone)
    data = target.animation_data or target.animation_data_create()
    before = data.action
    assign(data, action, slots_of(action, target)[0])
    data.action_blend_type, data.action_influence = "REPLACE", 1.0
    if before is not None and before.users == 0 and before.library is None:
        before.use_fake_user = True
    return action
