# SPDX-License-Identifier: GPL-3.0-or-later
"""The last completion or samples, kept under everything that they were made from.

Looking through the alternatives, or going another part of the way, solves nothing anew, judges nothing anew
and draws nothing anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
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

from .errors import Refusal
from .figurines import figurines
from .plan import Plan
from .rig import Rig
from .sample_settings import SampleSettings
from .settings import Settings


@dataclass(frozen=True, eq=False)
class Remembered:
    """A completion, and what is worked out of it only once.

    Attributes:
        digest: of what core was asked.
        prior: the one it is from; None for the shipped one.
        completion: the alternatives, best first.
        offsets: (22, 3) the body's proportions.
    """

    digest: str
    prior: PosePrior | None
    completion: Completion
    offsets: np.ndarray

    @cached_property
    def naturalness(self) -> np.ndarray | None:
        """(N,) percent of real poses that are less natural; None if the weights do not know."""
        if self.completion.naturalness is not None:
            return self.completion.naturalness
        prior = load() if self.prior is None else self.prior
        if not is_calibrated(prior):
            return None
        return to_numpy(naturalness(self.completion.poses.rotations, prior=prior).percentile)

    @cached_property
    def pictures(self) -> np.ndarray:
        """(N, height, width, 4) float32 of the alternatives, the lowest row first."""
        return figurines(self.completion.poses, self.offsets, self.completion.fails)


_last: Remembered | None = None


def completed(
    rig: Rig,
    plan: Plan,
    pose: Pose,
    known: Known,
    settings: Settings,
    prior: PosePrior | None,
    *,
    recalled: Remembered | None = None,
) -> Remembered:
    """The completion, from memory if nothing that it depends on has changed.

    Args:
        rig: gives the proportions.
        plan: which joints are written; no other one makes an alternative fail.
        pose: as it stands.
        known: what is known of it.
        settings: how many alternatives, how diverse, which seed, what floor.
        prior: the shipped one if None.
        recalled: it has to be this one.

    Raises:
        Refusal: if the prior's weights are missing or damaged, or something has changed since the one that
            is recalled.
    """
    global _last  # noqa: PLW0603 - one completion is held, on purpose
    asked = {
        "seed": settings.seed,
        "diversity": settings.diversity,
        "offsets": rig.calibration.offsets,
        "soles": rig.calibration.soles,
        "present": np.isin(JOINT_NAMES, plan.joints),
        "keep_feet_on_floor": settings.keep_feet_on_floor,
    }
    if isinstance(settings, SampleSettings):
        task = sample_poses
        asked |= {"count": settings.hypotheses, "distance": settings.distance, "mirrored": settings.mirrored}
    else:
        task = complete_pose
        asked["hypotheses"] = settings.hypotheses
    digest = _digest(pose, known, asked)
    held = recalled or _last
    if held is not None and held.digest == digest and held.prior is prior:
        return held
    if recalled is not None:
        raise Refusal(
            f"'{rig.object.name}' or what it keeps has changed since its {settings.plural.lower()} were "
            "made; undo that, or make new ones"
        )
    try:
        completion = task(pose, known, **asked, prior=prior)
    except (ValueError, OSError) as error:
        raise Refusal(f"The pose of '{rig.object.name}' could not be {_what(settings)}: {error}") from error
    if not np.all(np.isfinite(completion.poses.rotations)):
        raise Refusal("The prior gave no finite pose; reinstall the extension, its weights may be damaged")
    _last = Remembered(digest, prior, completion, rig.calibration.offsets)
    return _last


def _what(settings: Settings) -> str:
    return "sampled" if isinstance(settings, SampleSettings) else "completed"


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
