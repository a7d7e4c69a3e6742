# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete a pose: some joints are known, the prior supplies the rest.

Draw many poses that agree with what is known, bringing placed limb ends home while the poses take
shape, keep a few that represent them all, bring the ends exactly where they belong, set the feet
on the floor, rank.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from contrapposto.arrays import like, to_numpy
from contrapposto.diffusion.sampler import Callback
from contrapposto.limits import beyond, clamp
from contrapposto.motion import Pose
from contrapposto.observations import Known
from contrapposto.priors.pose import PosePrior, load
from contrapposto.rotation import split_heading
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.soles import Soles
from contrapposto.tasks.alternatives import COMPLETING, Drawing, alternatives
from contrapposto.tasks.given import fixed_joints, told, with_pelvis_placed
from contrapposto.tasks.judgement import BROKEN_DEG, Completion, failure, judge
from contrapposto.tasks.placement import Floor
from contrapposto.tasks.ranking import energy, rank
from contrapposto.tasks.reach import approach, asks, solve
from contrapposto.tasks.standing import lift, stand

__all__ = ["Completion", "complete_pose"]


def complete_pose(
    pose: Pose,
    known: Known,
    *,
    hypotheses: int = 8,
    seed: int = 0,
    diversity: float = 0.0,
    offsets: np.ndarray | None = None,
    soles: Soles | None = None,
    present: np.ndarray | None = None,
    keep_feet_on_floor: bool = False,
    drawing: Drawing = COMPLETING,
    prior: PosePrior | None = None,
    callback: Callback | None = None,
) -> Completion:
    """Natural poses that agree with what is known of one.

    Args:
        pose: the current pose, rotations (22, 3, 3) and transl (3,), NumPy. Its
            unknown joints only matter for the ranking and the heading.
        known: joints, targets and whether the pelvis height is meant.
        hypotheses: N, how many alternatives.
        seed: same seed and input, same result.
        diversity: 0 for alternatives whose mean is the likeliest pose, 1 for ones that
            differ as much as what is known allows.
        offsets: (22, 3) the body's proportions; the standard body if None.
        soles: where its soles are; those of a body of these proportions if None.
        present: (22,) bool, the joints that the figure has; the others show nowhere, so an
            alternative does not fail for them. All if None.
        keep_feet_on_floor: let the lower foot stand on y = 0 and neither go below. A
            standing foot that is nearly flat is laid flat, one that is not stands on
            its ball with the toes on the floor.
            A pelvis of which neither rotation nor height is known, and that no placed
            joint is measured from, is moved up or down for it; otherwise the legs that
            are free bend or stretch. A body that is far from the floor is left there.
        drawing: how the alternatives are drawn, and whether a body in the air comes down.
        prior: NumPy or torch; the shipped one on NumPy if None.
        callback: called before each denoising step with (step, steps); an exception
            raised in it stops the work.

    Returns:
        The alternatives. Known and stiff joints hold the very bits of the input.

    Raises:
        ValueError: if the pose is not one or it or a target is not finite, every joint
            is known, ``hypotheses`` < 1, ``diversity`` or the distance is not within 0 and 1, or
            ``present`` is of another shape.
        WeightsError: if the weights are missing or damaged.
    """
    _check(pose, known, hypotheses, diversity, drawing)
    present = _joints_of(present)
    before, transl = (np.asarray(value, dtype=np.float64) for value in (pose.rotations, pose.transl))
    given, transl, known = with_pelvis_placed(before, transl, known)
    fixed = fixed_joints(known)
    if np.all(fixed):
        raise ValueError("Every joint is known, so there is nothing to complete")
    prior = load() if prior is None else prior
    soles = soles or Soles.of(offsets)
    heading, upright = _upright(given)
    condition, placement = told(before, upright, transl, heading, known)
    if keep_feet_on_floor and transl[1] > 0:  # one whose pelvis is below the floor stands on another
        placement = replace(placement, floor=Floor(-float(transl[1]), soles))
    placed, oriented = (_joints_in(part) for part in (placement.joints, placement.orientations))
    pelvis_is_free = not (known.joints[0] or known.height_known or placed.any())
    leans_as_told = drawing.distance < 1 or fixed[0]  # by the pose that it is near, or by its hips

    def bring_home(rotations: np.ndarray) -> np.ndarray:
        poses = rotations.reshape(-1, NUM_JOINTS, 3, 3)
        return approach(poses, ~fixed, placement, offsets).reshape(rotations.shape)

    drawn = alternatives(
        prior,
        condition.on(prior.mean),
        hypotheses,
        seed=seed,
        diversity=diversity,
        drawing=drawing,
        offsets=offsets,
        stands_on=soles if keep_feet_on_floor and drawing.lands and not leans_as_told else None,
        callback=callback,
        bring_home=bring_home if asks(~fixed, placement) else None,
    )
    rotations = to_numpy(drawn)[:, 0].astype(np.float64)
    if drawing.distance == 1:
        rotations = _unbroken(rotations)
    rotations[:, fixed] = upright[fixed]

    reached = solve(rotations, ~fixed, placement, offsets)
    rotations, pelvis = reached.rotations, transl + reached.shift @ heading.T
    lifted = None
    if keep_feet_on_floor:
        rotations, pelvis = stand(
            rotations,
            pelvis,
            soles,
            offsets,
            fixed=fixed,
            oriented=oriented,
            placed=placed,
            pelvis_is_free=pelvis_is_free,
            lands=drawing.lands,
        )
        lifted = lift(rotations, pelvis, soles, offsets)

    found = to_numpy(energy(prior, like(rotations, prior.mean))).astype(np.float64)
    order = rank(rotations, found, upright, offsets, lifted)
    rotations[:, 0] = heading @ rotations[:, 0]
    rotations[:, fixed] = given[fixed]
    completion = judge(Pose(rotations, pelvis), found, known, before, ~fixed & present, offsets)
    return completion[np.lexsort((order, failure(completion)))]


def _check(pose: Pose, known: Known, hypotheses: int, diversity: float, drawing: Drawing) -> None:
    if hypotheses < 1:
        raise ValueError(f"At least one hypothesis is needed, not {hypotheses}")
    for what, value in (("Diversity", diversity), ("Distance", drawing.distance)):
        if not 0 <= value <= 1:
            raise ValueError(f"{what} must be 0 to 1, not {value:g}")
    shape = np.shape(pose.rotations)
    if len(shape) != 3:
        raise ValueError(f"One pose is completed at a time, not {shape[:-3]}")
    wanted = [value for t in known.targets for value in (t.position, t.rotation) if value is not None]
    if not all(np.all(np.isfinite(value)) for value in (pose.rotations, pose.transl, *wanted)):
        raise ValueError("The pose has a rotation or position that is not a finite number")


def _joints_of(present: np.ndarray | None) -> np.ndarray:
    """(22,) bool, the joints that a figure has; all if nothing is said."""
    present = np.ones(NUM_JOINTS, dtype=bool) if present is None else np.asarray(present)
    if present.shape != (NUM_JOINTS,) or present.dtype != bool:
        raise ValueError(f"present must be a bool array ({NUM_JOINTS},), not {present!r}")
    return present


def _joints_in(some: Iterable[int]) -> np.ndarray:
    """(22,) bool, the joints with these indices."""
    return np.isin(np.arange(NUM_JOINTS), list(some))


def _upright(rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The heading (3, 3) of a pose (22, 3, 3), and the pose without it."""
    heading, root = split_heading(rotations[0])
    return heading, np.concatenate([root[None], rotations[1:]])


def _unbroken(rotations: np.ndarray) -> np.ndarray:
    """Drawn poses (N, 22, 3, 3) whose broken joints, a knee in a hundred, come back to their limits."""
    broken = np.degrees(beyond(rotations)) > BROKEN_DEG
    return np.where(broken[..., None, None], clamp(rotations), rotations)
