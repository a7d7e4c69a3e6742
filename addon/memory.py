# SPDX-License-Identifier: GPL-3.0-or-later
"""The last completion or samples, kept under everything that they were made from.

Looking through the alternatives, or going another part of the way, solves nothing anew, judges nothing anew
and draws nothing anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from contrapposto.arrays import to_numpy
from contrapposto.motion import Pose
from contrapposto.observations import Known
from contrapposto.priors.pose import PosePrior, load
from contrapposto.skeleton import JOINT_NAMES
from contrapposto.tasks.complete import Completion, complete_pose
from contrapposto.tasks.naturalness import is_calibrated, naturalness
from contrapposto.tasks.sample import sample_poses

from .device import FAILURES, on_device, reason
from .errors import Refusal
from .figurines import figurines
from .plan import Plan
from .rig import Rig
from .sample_settings import SampleSettings
from .settings import Settings
from .steps import Progress, Steps, on_thread

SAME_SIDE = 0.9
"""Cosine of how far the viewer may go around a character until its pictures are drawn anew."""


@dataclass(frozen=True, eq=False)
class Remembered:
    """A completion, and what is worked out of it only once.

    Attributes:
        digest: of what core was asked.
        prior: the one it is from, on NumPy; None for the shipped one.
        completion: the alternatives, best first.
        offsets: (22, 3) the body's proportions.
        right: (3,) what was to the viewer's right when they were asked for; None without a window.
    """

    digest: str
    prior: PosePrior | None
    completion: Completion
    offsets: np.ndarray
    right: np.ndarray | None

    @cached_property
    def naturalness(self) -> np.ndarray | None:
        """(N,) percent of real poses that are less natural; None if the weights do not know."""
        if self.completion.naturalness is not None:
            return self.completion.naturalness
        prior = load() if self.prior is None else self.prior
        if not is_calibrated(prior):
            return None
        return to_numpy(naturalness(self.completion.poses.rotations, prior=prior).percentile)

    def seen_from(self, right: np.ndarray | None) -> Remembered:
        """The same with pictures from the side that it is looked at from now, if that is another one."""
        if self.right is None or right is None or self.right @ right > SAME_SIDE:
            return self
        return replace(self, right=right)

    @cached_property
    def pictures(self) -> np.ndarray:
        """(N, height, width, 4) float32 of the alternatives, the lowest row first."""
        return figurines(self.completion.poses, self.offsets, self.completion.fails, self.right)


@dataclass(frozen=True, eq=False)
class Question:
    """What core is asked; holds nothing of Blender's, so that any thread may answer it.

    Attributes:
        armature: name of the object.
        settings: what the user chose.
        pose: as it stands.
        known: what is known of it.
        prior: on NumPy; the shipped one if None.
        options: what else the answer depends on.
        right: (3,) what is to the viewer's right, for pictures; None without a window.
    """

    armature: str
    settings: Settings
    pose: Pose
    known: Known
    prior: PosePrior | None
    options: dict[str, Any]
    right: np.ndarray | None

    @cached_property
    def digest(self) -> str:
        """The same for the same question."""
        return _digest(self.pose, self.known, self.options, self.settings.device)

    def is_answered_by(self, held: Remembered | None) -> bool:
        """Whether these are the alternatives that are asked for."""
        return held is not None and held.digest == self.digest and held.prior is self.prior

    def answer(self, progress: Progress | None = None) -> Remembered:
        """The alternatives, worked out anew.

        Args:
            progress: told how much is done; may raise to stop.

        Raises:
            Refusal: if the weights are missing or damaged, or what it computes on does not work.
        """
        samples = isinstance(self.settings, SampleSettings)
        device = self.settings.device
        task, done = (sample_poses, "sampled") if samples else (complete_pose, "completed")

        def told(step: int, steps: int) -> None:
            if progress is not None:
                progress(step / steps)

        try:
            prior = self.prior
            if device != "CPU":
                prior = on_device(prior or load(), device)
            completion = task(self.pose, self.known, **self.options, prior=prior, callback=told)
        except Refusal:
            raise
        except FAILURES as error:
            raise Refusal(
                f"The pose of '{self.armature}' could not be {done}: {reason(error, device)}"
            ) from error
        if not np.all(np.isfinite(completion.poses.rotations)):
            raise Refusal("The weights gave no finite pose; they may be damaged, reinstall the extension")
        return Remembered(self.digest, self.prior, completion, self.options["offsets"], self.right)


_last: Remembered | None = None


def question(
    rig: Rig,
    plan: Plan,
    pose: Pose,
    known: Known,
    settings: Settings,
    prior: PosePrior | None,
    right: np.ndarray | None,
) -> Question:
    """What core is asked.

    Args:
        rig: gives the proportions.
        plan: which joints are written; no other one makes an alternative fail.
        pose: as it stands.
        known: what is known of it.
        settings: how many alternatives, how diverse, which seed, what floor.
        prior: on NumPy; the shipped one if None.
        right: (3,) what is to the viewer's right, for pictures; None without a window.
    """
    options = {
        "seed": settings.seed,
        "diversity": settings.diversity,
        "offsets": rig.calibration.offsets,
        "soles": rig.calibration.soles,
        "present": np.isin(JOINT_NAMES, plan.joints),
        "keep_feet_on_floor": settings.keep_feet_on_floor,
    }
    if isinstance(settings, SampleSettings):
        options |= {"count": settings.hypotheses, "distance": settings.distance}
        options["mirrored"] = settings.mirrored
    else:
        options["hypotheses"] = settings.hypotheses
    return Question(rig.object.name, settings, pose, known, prior, options, right)


def completed(asked: Question, *, recalled: Remembered | None = None) -> Remembered:
    """The answer, from memory if nothing that it depends on has changed.

    Args:
        asked: the question.
        recalled: it has to be this one.

    Raises:
        Refusal: if the prior's weights are missing or damaged, or something has changed since the one that
            is recalled.
    """
    global _last  # noqa: PLW0603 - one completion is held, on purpose
    held = recalled or _last
    if asked.is_answered_by(held):
        if recalled is None:
            _last = held = held.seen_from(asked.right)
        return held
    if recalled is not None:
        raise Refusal(
            f"'{asked.armature}' or what it keeps has changed since its {asked.settings.plural.lower()} were "
            "made; undo that, or make new ones"
        )
    _last = asked.answer()
    return _last


def answered_elsewhere(asked: Question, *, pictured: bool) -> Steps[None]:
    """The answer in memory, worked out on a thread of its own unless it is there already.

    Args:
        asked: the question.
        pictured: draw the alternatives' pictures there as well.

    Raises:
        Refusal: if the prior's weights are missing or damaged.
    """
    global _last  # noqa: PLW0603 - as above

    def work(progress: Progress) -> Remembered:
        found = asked.answer(progress)
        if pictured:
            _ = found.pictures
        return found

    if not asked.is_answered_by(_last):
        _last = yield from on_thread(work)


def held() -> Remembered | None:
    """The completion held in memory."""
    return _last


def forget() -> None:
    """Drop the completion held in memory."""
    global _last  # noqa: PLW0603 - one completion is held, on purpose
    _last = None


def _digest(*values: object) -> str:
    """The same for equal values, whatever dataclasses, tuples and mappings they are made of."""
    digest = hashlib.sha256()
    for value in values:
        for part in _parts(value):
            digest.update(part)
    return digest.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:  # noqa: ANN401 - whatever core is asked with
    if isinstance(value, np.ndarray):
        yield repr((value.dtype.str, value.shape)).encode()
        yield value.tobytes()
    elif is_dataclass(value):
        yield from _parts(vars(value))
    elif isinstance(value, dict):
        yield from _parts(tuple(value.items()))
    elif isinstance(value, tuple):
        yield f"({len(value)}".encode()
        for part in value:
            yield from _parts(part)
    else:
        yield repr(value).encode() + b";"
