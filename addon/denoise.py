# SPDX-License-Identifier: GPL-3.0-or-later
"""Denoise Mocap as one function: the button, the batch script and the tests all call it.

A take is read off its armature as a motion, core cleans it, and what changed is written into a copy of the
action, which takes the original's place. Reading and writing go in small steps on Blender's own thread;
cleaning touches nothing of Blender's and may run on any.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from contrapposto.skeleton import JOINT_INDEX

from . import before_after, checks, denoise_report
from .clip import Clip, read_clip
from .denoise_plan import Role
from .denoise_report import DenoiseReport, JointReport
from .denoise_settings import PARTS, DenoiseSettings
from .denoise_writing import Written, write_clip
from .device import FAILURES, on_device, preferred_device, reason
from .errors import Refusal
from .rig import calibrate
from .steps import Progress, Steps, on_thread, within
from .takes import Take, find_takes

if TYPE_CHECKING:
    from contrapposto.rig.calibration import Calibration

logger = logging.getLogger(__name__)

Solve = Callable[..., Any]
"""``contrapposto.tasks.denoise.denoise`` or what stands in for it."""

READING, SOLVING = 0.2, 0.85
"""How much is done once a take is read, and once it is cleaned."""
_SUFFIX = " denoised"
_MOST_MOMENTS = 10
_APART_SECONDS = 0.5


@dataclass(frozen=True)
class Outcome:
    """What came of a press.

    Attributes:
        reports: one an action that was denoised.
        skipped: of several actions, why some were not.
    """

    reports: tuple[DenoiseReport, ...]
    skipped: tuple[Refusal, ...] = ()


def denoise(
    context: bpy.types.Context,
    armature_object: bpy.types.Object | None = None,
    settings: DenoiseSettings | None = None,
    *,
    solve: Solve | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Clean the mocap of an armature's actions; each result is a new action in the original's place.

    Args:
        context: gives scene and view layer.
        armature_object: the armature; the active object if None.
        settings: what the user chose; the defaults if None.
        solve: what cleans a motion; core's if None.
        progress: told how much is done; may raise to stop, and then nothing has changed.

    Returns:
        One report an action. Of several actions, those with nothing to denoise are skipped.

    Raises:
        Refusal: with one sentence, and nothing has changed.
    """
    job = Denoising(context, armature_object, settings, solve=solve)
    try:
        while not job.is_done:
            for done in job.read():
                _tell(progress, job, done * READING)
            job.solve(lambda done: _tell(progress, job, READING + (SOLVING - READING) * done))
            for done in job.write():
                _tell(progress, job, SOLVING + (1 - SOLVING) * done)
        return job.finish()
    except BaseException:
        job.discard()
        raise


def denoising_in_window(job: Denoising) -> Steps[Outcome]:
    """The same as a window needs it: cleaned on a thread of its own.

    Closed before the end, it leaves nothing.
    """
    share = 1 / len(job.takes)
    try:
        while not job.is_done:
            begun = job.number * share
            yield from within(job.read(), begun, begun + share * READING)
            yield from within(on_thread(job.solve), begun + share * READING, begun + share * SOLVING)
            yield from within(job.write(), begun + share * SOLVING, begun + share)
        return job.finish()
    finally:
        job.discard()


class Denoising:
    """One press of the button, in steps: for each take read, solve, write; then finish once.

    ``read`` and ``write`` are to be iterated on Blender's own thread and may be given up between two steps;
    ``solve`` may run on any thread. Nothing that the user sees changes before ``finish``.

    Attributes:
        takes: what is worked on.
        number: which of them is next.
    """

    def __init__(
        self,
        context: bpy.types.Context,
        armature_object: bpy.types.Object | None = None,
        settings: DenoiseSettings | None = None,
        *,
        solve: Solve | None = None,
    ) -> None:
        self.settings = settings or DenoiseSettings()
        check_settings(self.settings)
        self._context = context
        self._solve = solve
        self._device = preferred_device(context)
        context.view_layer.update()
        armature_object = armature_object or context.object
        checks.check_armature(armature_object, context.view_layer)
        self.armature: bpy.types.Object = armature_object
        self.takes: list[Take] = find_takes(armature_object, self.settings)
        self.number = 0
        self._calibration = _calibration(armature_object)
        self._clip: Clip | None = None
        self._denoised: Any = None
        self._done: list[tuple[Take, bpy.types.Action, DenoiseReport]] = []
        self._refusals: list[Refusal] = []
        self._began = time.perf_counter()

    @property
    def is_done(self) -> bool:
        """Whether every take has been written."""
        return self.number >= len(self.takes)

    def read(self) -> Generator[float, None, None]:
        """Read the next take.

        Raises:
            Refusal: if there is nothing in it to denoise, and it is the only one.
        """
        take = self.takes[self.number]
        try:
            self._clip = yield from read_clip(
                self._context, self.armature, self._calibration, take, self.settings
            )
        except Refusal as refusal:
            self._skip(refusal)

    def solve(self, progress: Progress | None = None) -> None:
        """Clean what was read; touches nothing of Blender's.

        Raises:
            Refusal: if the motion cannot be cleaned, and its take is the only one.
        """
        if self._clip is None:
            return
        try:
            self._denoised = self._cleaned(self._clip, progress)
        except Refusal as refusal:
            self._skip(refusal)

    def write(self) -> Generator[float, None, None]:
        """Write the clean motion as a new action that nothing plays yet."""
        clip = self._clip
        if clip is not None:
            name = clip.take.action.name
            written = yield from write_clip(
                self._context,
                self.armature,
                clip,
                self._denoised.motion,
                self.settings,
                name if name.endswith(_SUFFIX) else name + _SUFFIX,
            )
            report = _report(self.armature, clip, self._denoised, written, time.perf_counter() - self._began)
            self._done.append((clip.take, written.action, report))
        self._clip = self._denoised = None
        self._began = time.perf_counter()
        self.number += 1

    def finish(self) -> Outcome:
        """Have the new actions played where the originals were; the originals stay in the file.

        Raises:
            Refusal: if nothing could be denoised.
        """
        if not self._done:
            raise self._refusals[0]
        for take, action, report in self._done:
            before_after.put_in_place(self.armature, take, action)
            before_after.link(take.action, action)
            denoise_report.keep(action, report)
        reports = tuple(report for _, _, report in self._done)
        self._done.clear()
        self._context.view_layer.update()
        return Outcome(reports, tuple(self._refusals))

    def discard(self) -> None:
        """Remove what was written so far."""
        for _, action, _ in self._done:
            bpy.data.actions.remove(action)
        self._done.clear()

    def _cleaned(self, clip: Clip, progress: Progress | None) -> Any:  # noqa: ANN401 - core's, or a stand-in's
        settings = self.settings

        def told(step: int, steps: int) -> None:
            if progress is not None:
                progress(step / max(steps, 1))

        try:
            denoised = (self._solve or _core_denoise(self._device))(
                clip.motion,
                strength=clip.plan.strength(settings),
                missing=clip.missing if settings.fill_gaps else None,
                contacts=settings.preserve_contacts,
                fill_gaps=settings.fill_gaps,
                offsets=clip.calibration.offsets,
                soles=clip.calibration.soles,
                callback=told,
            )
        except Refusal:
            raise
        except FAILURES as error:
            raise Refusal(
                f"Action '{clip.motion.name}' could not be denoised: {reason(error, self._device)}"
            ) from error
        poses = denoised.motion.poses
        if not (np.all(np.isfinite(poses.rotations)) and np.all(np.isfinite(poses.transl))):
            raise Refusal("The weights gave no finite motion; they may be damaged, reinstall the extension")
        return denoised

    def _skip(self, refusal: Refusal) -> None:
        if len(self.takes) == 1:
            raise refusal
        self._refusals.append(refusal)
        self._clip = None


def check_settings(settings: DenoiseSettings) -> None:
    """Refuse numbers out of range.

    Raises:
        Refusal: naming the setting.
    """
    for name, value in {
        "Strength": settings.strength,
        **{f"Strength of {p}": s for p, s in settings.parts.items()},
    }.items():
        if not 0 <= value <= 1:
            raise Refusal(f"{name} must be 0 to 1, not {value:g}")
    unknown = [part for part in settings.parts if part not in PARTS]
    if unknown:
        raise Refusal(f"There is no body part '{unknown[0]}'; there are {', '.join(PARTS)}")
    if settings.reduce and not (settings.max_error_deg > 0 and settings.max_error_mm > 0):
        raise Refusal("The errors that leaving out keys may make must be above 0")


def _core_denoise(device: str) -> Solve:
    from contrapposto.priors.motion import load
    from contrapposto.tasks.denoise import denoise as solve

    return solve if device == "CPU" else partial(solve, prior=on_device(load(), device))


def _calibration(armature_object: bpy.types.Object) -> Calibration:
    try:
        return calibrate(armature_object)
    except Refusal:
        raise
    except ValueError as error:
        raise Refusal(f"'{armature_object.name}' cannot be denoised: {error}") from error


def _tell(progress: Progress | None, job: Denoising, done: float) -> None:
    if progress is not None:
        progress((job.number + done) / len(job.takes))


def _report(
    armature_object: bpy.types.Object,
    clip: Clip,
    denoised: Any,  # noqa: ANN401 - core's, or what stands in for it
    written: Written,
    seconds: float,
) -> DenoiseReport:
    within = clip.timing.written
    replaced = np.asarray(denoised.replaced)[within]
    joints = {}
    for joint in sorted(clip.plan.joints, key=lambda name: JOINT_INDEX[name]):
        i = JOINT_INDEX[joint]
        joints[joint] = JointReport(
            noise_deg=round(float(denoised.noise_deg[i]), 3),
            spikes=int(denoised.spikes[i]),
            replaced=int(np.count_nonzero(replaced[:, i])),
            bones=_bones_of(clip, joint, written),
        )
    contacts = np.asarray(denoised.contacts, dtype=bool)[within]
    return DenoiseReport(
        armature=armature_object.name,
        original=clip.take.action.name,
        action=written.action.name,
        frames=(clip.timing.first, clip.timing.last),
        samples=int(np.count_nonzero(within)),
        fps=clip.timing.fps,
        joints=joints,
        contacts={side: _held(contacts[:, i]) for i, side in enumerate(("left", "right"))},
        changed_most=_moments(clip, np.asarray(denoised.moved_mm, dtype=float)),
        left=dict(clip.plan.left),
        unfilled=tuple(clip.unfilled),
        keys_before=written.keys_before,
        keys=sum(written.bones.values()),
        off_deg=round(written.off_deg, 3),
        off_mm=round(written.off_mm, 3),
        other_users=_other_users(clip.take),
        seconds=round(seconds, 3),
    )


def _bones_of(clip: Clip, joint: str, written: Written) -> tuple[str, ...]:
    limbs = [end for end, limb in clip.plan.limbs.items() if joint in limb.joints]
    return tuple(
        control.bone
        for control in clip.plan.controls.values()
        if control.bone in written.bones
        and (control.joint in limbs if control.role is not Role.TURN else control.joint == joint)
    )


def _held(contact: np.ndarray) -> tuple[int, int]:
    """How often, and on how many samples."""
    begins = np.count_nonzero(contact & ~np.concatenate([[False], contact[:-1]]))
    return int(begins), int(np.count_nonzero(contact))


def _moments(clip: Clip, moved_mm: np.ndarray) -> tuple[tuple[float, float], ...]:
    """The frames that changed most, some time apart, and by how much on a body of human size."""
    moved = moved_mm * clip.timing.weight * clip.timing.written
    apart = max(1, round(_APART_SECONDS * clip.timing.fps))
    found: list[tuple[float, float]] = []
    while len(found) < _MOST_MOMENTS:
        worst = int(np.argmax(moved))
        if not moved[worst] > 0.05:
            break
        found.append((round(float(clip.timing.frames[worst]), 3), round(float(moved[worst]), 2)))
        moved[max(0, worst - apart) : worst + apart + 1] = 0
    return tuple(found)


def _other_users(take: Take) -> int:
    """How much else plays the original: it is left playing it."""
    own = len(take.strips) + take.is_active
    return max(0, take.action.users - own - take.action.use_fake_user)
