# SPDX-License-Identifier: GPL-3.0-or-later
"""A clean motion tried out on a control rig, and corrected until the rig plays what is wanted.

Where bones follow constraints, what their controls have to hold is a guess at first. It is keyed on an action
that is removed again, and played. Where the rig is not as wanted yet, the controls are corrected, and it is
played again.
"""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np

from .action_curves import read_action
from .clip import Clip, location_axes
from .correcting import Places, Setting
from .denoise_plan import written_channels
from .keyframes import blank_keys, item, write_keys
from .playback import frame_kept, played
from .rotation_channels import values_of
from .steps import Steps, chunks, within
from .takes import playing
from .versions import add_curve, curve_collections, same_slot

_EXACT_DEG = 0.05
_EXACT_M = 3e-4
"""What is nearer than this to where it should be is there."""
_PASSES = 4
_KEYED, _PLAYED = 0.1, 0.9
"""How much of a pass is done once its keys are written, and once they are played."""


def settle(
    context: bpy.types.Context,
    armature_object: bpy.types.Object,
    clip: Clip,
    wanted: Places,
    settings: Mapping[str, Setting],
    rows: np.ndarray,
) -> Steps[tuple[float, float]]:
    """Correct settings, in place, until the rig plays what is wanted; yields how much is done, 0 to 1.

    Args:
        context: gives the scene.
        armature_object: the rig.
        clip: what was read off it.
        wanted: where its read bones belong.
        settings: control -> what its channels are to hold.
        rows: the samples that change at all.

    Returns:
        The most that a turned joint of the rig stays away from what is wanted, degrees, and the same for hips
        and limbs' ends, millimetres on a body of human size.
    """
    action = clip.take.action.copy()
    try:
        trial = _Trial(armature_object, clip, wanted, settings, action)
        with frame_kept(context.scene, armature_object), playing(armature_object, action, trial.slot):
            for number in range(_PASSES):
                if not len(rows):
                    break
                trying = trial.run(context.scene, rows, corrects=number < _PASSES - 1)
                rows = yield from within(trying, number / _PASSES, (number + 1) / _PASSES)
    finally:
        bpy.data.actions.remove(action)
    mm = 1000 * clip.calibration.scale
    return float(trial.off_deg.max(initial=0)), float(mm * trial.off.max(initial=0))


class _Trial:
    """Settings of controls on an action of their own, corrected in place by what the rig makes of them.

    Attributes:
        slot: of the action.
        off_deg: (T,) how far turned joints were from what is wanted when a sample was last played, degrees.
        off: (T,) the same for hips and limbs' ends, units of the armature.
    """

    def __init__(
        self,
        armature_object: bpy.types.Object,
        clip: Clip,
        wanted: Places,
        settings: Mapping[str, Setting],
        action: bpy.types.Action,
    ) -> None:
        self.slot = same_slot(action, clip.take.slot)
        self.off_deg, self.off = np.zeros(len(clip.timing.frames)), np.zeros(len(clip.timing.frames))
        self._object = armature_object
        self._clip = clip
        self._wanted = wanted
        self._settings = settings
        self._action = action
        self._near = _EXACT_M / clip.calibration.scale

    def run(self, scene: bpy.types.Scene, rows: np.ndarray, *, corrects: bool) -> Steps[np.ndarray]:
        """Key all samples, play some and correct those if asked to; the ones that are not settled."""
        yield from within(self._key(), 0.0, _KEYED)
        frames, needed = self._clip.timing.frames[rows], self._clip.corrector.needed
        matrices, _ = yield from within(played(scene, self._object, needed, frames), _KEYED, _PLAYED)
        unsettled = np.zeros(len(rows), dtype=bool)
        for part in chunks(len(rows)):
            yield _PLAYED + (1 - _PLAYED) * part[0] / len(rows)
            here = {name: matrix[part] for name, matrix in matrices.items()}
            unsettled[part] = self._compare(rows[part], here, corrects=corrects)
        return rows[unsettled]

    def _key(self) -> Steps[None]:
        """Key every sample of the controls."""
        clip = self._clip
        curves = read_action(self._action, self.slot)
        collection = curve_collections(self._action, self.slot)[0]
        table = blank_keys(len(clip.timing.frames))
        table["interpolation"][:] = item("interpolation", "LINEAR")
        table["co"][:, 0] = clip.timing.frames
        for number, control in enumerate(clip.plan.controls.values()):
            yield number / len(clip.plan.controls)
            bone = self._object.pose.bones[control.bone]
            for path, indices in written_channels(control, bone, clip.curves).items():
                values = self._values(bone, path)
                channel = curves.channels[bone.name, path]
                sibling = next(iter(channel.values()))
                for index in indices:
                    curve = channel.get(index) or add_curve(collection, sibling.data_path, index, sibling)
                    table["co"][:, 1] = values[:, index]
                    write_keys(curve, table)

    def _values(self, bone: bpy.types.PoseBone, path: str) -> np.ndarray:
        """(T, c) what a property of a control is to hold."""
        setting = self._settings[bone.name]
        if path == "location":
            return setting.location
        before = self._clip.curves.values(bone, path, self._clip.timing.frames)
        return values_of(bone.rotation_mode, setting.rotation, before)

    def _compare(self, rows: np.ndarray, matrices: Mapping[str, np.ndarray], *, corrects: bool) -> np.ndarray:
        """Note how far samples are off, and correct them if asked to; (N,) bool, those to be played again."""
        now, wanted = Places.of(matrices), self._wanted.at(rows)
        self.off_deg[rows], self.off[rows] = self._clip.corrector.off(now, wanted, rows)
        is_off = (self.off_deg[rows] > _EXACT_DEG) | (self.off[rows] > self._near)
        return is_off | self._correct(rows, matrices, now, wanted) if corrects else is_off

    def _correct(
        self, rows: np.ndarray, matrices: Mapping[str, np.ndarray], now: Places, wanted: Places
    ) -> np.ndarray:
        """Correct the settings on some samples; (N,) bool, those on which they change."""
        held = {bone: self._held(bone, rows, matrices) for bone in self._settings}
        changes = np.zeros(len(rows), dtype=bool)
        for bone, new in self._clip.corrector.correct(now, wanted, held, rows, aim=True).items():
            changes |= _differs(held[bone], new, self._near)
            setting = self._settings[bone]
            setting.rotation[rows], setting.location[rows] = new.rotation, new.location
        return changes

    def _held(self, name: str, rows: np.ndarray, matrices: Mapping[str, np.ndarray]) -> Setting:
        """A control's setting on some samples, with its way to armature space as the rig has it now."""
        setting, bone = self._settings[name].at(rows), self._object.pose.bones[name]
        if setting.linear is None:
            return setting
        own = setting.rotation * np.array(bone.scale, dtype=float)
        return Setting(setting.rotation, setting.location, location_axes(bone, matrices[name], own))


def _differs(before: Setting, after: Setting, near: float) -> np.ndarray:
    turn = np.abs(after.rotation - before.rotation).max(axis=(1, 2)) > np.radians(_EXACT_DEG)
    return turn | (np.abs(after.location - before.location).max(axis=1) > near)
