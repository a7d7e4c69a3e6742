# SPDX-License-Identifier: GPL-3.0-or-later
"""The last completion or samples, kept under everything that they were made from.

Looking through the alternatives, or going another part of the way, solves nothing anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import is_dataclass, replace
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
from .plan import Plan
from .rig import Rig
from .sample_settings import SampleSettings
from .settings import Settings

_last: tuple[str, PosePrior | None, Completion] | None = None
"""The last completion, under a digest of what core was asked, and its prior."""


def completed(
    rig: Rig,
    plan: Plan,
    pose: Pose,
    known: Known,
    settings: Settings,
    prior: PosePrior | None,
    *,
    recalled: bool = False,
) -> Completion:
    """The completion, from memory if nothing that it depends on has changed.

    Args:
        rig: gives the proportions.
        plan: which joints are written; no other one makes an alternative fail.
        pose: as it stands.
        known: what is known of it.
        settings: how many alternatives, how diverse, which seed, what floor.
        prior: the shipped one if None.
        recalled: take it from memory or not at all.

    Raises:
        Refusal: if the prior's weights are missing or damaged, or nothing is to be solved and something
            has changed.
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
    if _last is not None and _last[0] == digest and _last[1] is prior:
        return _last[2]
    if recalled:
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
    _last = (digest, prior, completion)
    return completion


def judged(completion: Completion) -> Completion:
    """The last completion with the naturalness of each alternative, which is worked out once."""
    global _last  # noqa: PLW0603 - as above
    if completion.naturalness is not None or _last is None or _last[2] is not completion:
        return completion
    digest, prior, _ = _last
    prior = load() if prior is None else prior
    if not is_calibrated(prior):
        return completion
    percent = to_numpy(naturalness(completion.poses.rotations, prior=prior).percentile)
    _last = (digest, _last[1], replace(completion, naturalness=percent))
    return _last[2]


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
