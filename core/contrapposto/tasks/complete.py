# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete a pose: some joints are known, the prior supplies the rest.

Draw many poses that agree with what is known, keep a few that represent them all,
bring placed limb ends exactly where they belong, set the feet on the floor, rank.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from contrapposto.arrays import Array, like, to_numpy
from contrapposto.diffusion.sampler import Callback
from contrapposto.limits import beyond
from contrapposto.motion import Pose
from contrapposto.observations import Known, Target
from contrapposto.priors.pose import Condition, PosePrior, load
from contrapposto.rotation import geodesic_angle, split_heading
from contrapposto.skeleton import (
    JOINT_INDEX,
    NUM_JOINTS,
    PARENTS,
    forward_kinematics,
)
from contrapposto.soles import Soles
from contrapposto.tasks.alternatives import draw, keep_representatives
from contrapposto.tasks.ranking import energy, rank
from contrapposto.tasks.reach import Placement, solve
from contrapposto.tasks.standing import stand

DRAWS_PER_HYPOTHESIS = 6
FEWEST_DRAWS = 32

HEIGHT_RANGE = 1.3
"""Metres above the floor up to which a pelvis' height says something about the legs."""

TOLD_SOFTNESS = 1.0
"""The prior is told of places that give way no more than this; it takes all for exact."""

MISSED_MM = 1.0
"""Millimetres from its place, and degrees from its direction, at which a target counts as missed."""

MISSED_DEG = 1.0

FAILURE_STEP_MM, FAILURE_STEP_DEG = 50.0, 10.0
"""Failing alternatives that are less apart than this are ranked by how natural they are."""

BROKEN_DEG = 10.0
"""Degrees beyond its limit at which a joint counts as broken: captured people get less far."""


@dataclass(frozen=True, eq=False)
class Completion:
    """N alternatives for one pose, best first; those that fail come last.

    Attributes:
        poses: rotations (N, 22, 3, 3) and transl (N, 3).
        energy: (N,) how unnatural the prior finds each one; lower is better.
        targets: the K targets that were asked for, in the order of the two below.
        target_mm: (N, K) how far each target's joint stays from its place; 0 without one.
        target_deg: (N, K) how far it is turned from its direction; 0 without one.
        beyond_deg: (N, 22) how far each joint that was completed is beyond its limit.
    """

    poses: Pose
    energy: np.ndarray
    targets: tuple[Target, ...]
    target_mm: np.ndarray
    target_deg: np.ndarray
    beyond_deg: np.ndarray

    @property
    def reach_mm(self) -> np.ndarray:
        """(N,) largest distance between a target and its joint."""
        return self.target_mm.max(axis=1, initial=0.0)

    @property
    def missed(self) -> np.ndarray:
        """(N, K) bool, exact targets that are not met; what gives way is never missed."""
        exact = np.array([target.stiffness == 1 for target in self.targets], dtype=bool)
        return ((self.target_mm > MISSED_MM) | (self.target_deg > MISSED_DEG)) & exact

    @property
    def broken(self) -> np.ndarray:
        """(N, 22) bool, joints that are further beyond their limits than people get."""
        return self.beyond_deg > BROKEN_DEG

    @property
    def fails(self) -> np.ndarray:
        """(N,) bool, alternatives that miss a target or break a joint's limit."""
        return np.any(np.concatenate([self.missed, self.broken], axis=1), axis=1)

    def __getitem__(self, order: np.ndarray) -> Completion:
        """Some of the alternatives, in this order."""
        values = {name: value[order] for name, value in vars(self).items() if name != "targets"}
        return Completion(targets=self.targets, **values)


def draws_for(hypotheses: int) -> int:
    """How many poses are drawn to keep this many."""
    return max(FEWEST_DRAWS, DRAWS_PER_HYPOTHESIS * hypotheses)


def alternatives(
    prior: PosePrior,
    condition: Condition,
    hypotheses: int,
    *,
    seed: int,
    diversity: float = 0.0,
    offsets: np.ndarray | None = None,
    callback: Callback | None = None,
) -> Array:
    """Representative completions of a batch of poses that all hide the same joints.

    Args:
        prior: in the array library of the condition.
        condition: of B poses, arrays (B, ...).
        hypotheses: N, how many for each.
        seed: same seed, same result.
        diversity: see ``keep_representatives``.
        offsets: (22, 3) body proportions; the standard body if None.
        callback: called before each denoising step with (step, steps); may raise to stop.

    Returns:
        (N, B, 22, 3, 3) local rotations, the root's without heading.
    """
    drawn = draw(prior, condition, draws_for(hypotheses), seed, callback)
    hidden = ~to_numpy(condition.known)[0]
    return keep_representatives(drawn, hidden, hypotheses, offsets, diversity)


def complete_pose(
    pose: Pose,
    known: Known,
    *,
    hypotheses: int = 8,
    seed: int = 0,
    diversity: float = 0.0,
    offsets: np.ndarray | None = None,
    soles: Soles | None = None,
    keep_feet_on_floor: bool = False,
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
        keep_feet_on_floor: let the lower foot stand on y = 0 and neither go below. A
            standing foot that is nearly flat is laid flat, one that is not stands on
            its ball with the toes on the floor.
            A pelvis of which neither rotation nor height is known, and that no placed
            joint is measured from, is moved up or down for it; otherwise the legs that
            are free bend or stretch. A body that is far from the floor is left there.
        prior: NumPy or torch; the shipped one on NumPy if None.
        callback: called before each denoising step with (step, steps); an exception
            raised in it stops the work.

    Returns:
        The alternatives. Known and stiff joints hold the very bits of the input.

    Raises:
        ValueError: if the pose or a target is not finite, every joint is known, or
            ``hypotheses`` < 1.
        WeightsError: if the weights are missing or damaged.
    """
    if hypotheses < 1:
        raise ValueError(f"At least one hypothesis is needed, not {hypotheses}")
    given = np.asarray(pose.rotations, dtype=np.float64)
    transl = np.asarray(pose.transl, dtype=np.float64)
    places = [value for t in known.targets for value in (t.position, t.rotation) if value is not None]
    if not all(np.all(np.isfinite(value)) for value in (given, transl, *places)):
        raise ValueError("The pose has a rotation or position that is not a finite number")
    given, transl, known = _with_pelvis_placed(given, transl, known)
    if np.all(known.joints):
        raise ValueError("Every joint is known, so there is nothing to complete")
    prior = load() if prior is None else prior
    reference = prior.mean

    heading, upright_root = split_heading(given[0])
    upright = given.copy()
    upright[0] = upright_root
    condition, placement = _condition(upright, transl, heading, known)
    if keep_feet_on_floor and transl[1] > 0:
        placement = replace(placement, floor=-float(transl[1]))
    drawn = alternatives(
        prior,
        condition.on(reference),
        hypotheses,
        seed=seed,
        diversity=diversity,
        offsets=offsets,
        callback=callback,
    )[:, 0]
    rotations = to_numpy(drawn).astype(np.float64)
    rotations[:, known.joints] = upright[known.joints]
    rotations = _stiffen(rotations, upright, known)
    fixed = _fixed(known)
    reached = solve(rotations, ~fixed, placement, offsets)
    rotations = reached.rotations
    places = transl + reached.shift @ heading.T
    if keep_feet_on_floor:
        soles = soles or Soles.of(offsets)
        placed = np.isin(np.arange(NUM_JOINTS), list(placement.joints))
        rotations, places = stand(
            rotations,
            places,
            soles,
            offsets,
            fixed=fixed,
            oriented=np.isin(np.arange(NUM_JOINTS), list(placement.orientations)),
            placed=placed,
            pelvis_is_free=not (known.joints[0] or known.height_known or placed.any()),
        )

    found = to_numpy(energy(prior, like(rotations, reference))).astype(np.float64)
    order = rank(rotations, found, upright, offsets)
    rotations[:, 0] = heading @ rotations[:, 0]
    rotations[:, fixed] = given[fixed]
    completion = _judged(Pose(rotations, places), found, known, given, fixed, offsets)
    return completion[np.lexsort((order, _failure(completion)))]


def _judged(
    poses: Pose,
    found: np.ndarray,
    known: Known,
    given: np.ndarray,
    fixed: np.ndarray,
    offsets: np.ndarray | None,
) -> Completion:
    """The alternatives with what they miss and break."""
    world, positions = forward_kinematics(poses.rotations, offsets)
    before, _ = forward_kinematics(given)
    shape = (len(found), len(known.targets))
    away, turned = np.zeros(shape), np.zeros(shape)
    for column, target in enumerate(known.targets):
        joint = JOINT_INDEX[target.joint]
        if target.position is not None:
            gap = positions[:, joint] + poses.transl - target.position
            away[:, column] = 1000 * np.sqrt(np.sum(gap**2, axis=-1))
        if target.rotation is not None:
            wanted = target.rotation
            if target.carrier:
                carrier = JOINT_INDEX[target.carrier]
                wanted = world[:, carrier] @ before[carrier].T @ wanted
            turned[:, column] = np.degrees(geodesic_angle(world[:, joint], wanted))
    broken = np.where(fixed, 0.0, np.degrees(beyond(poses.rotations)))
    return Completion(poses, found, known.targets, away, turned, broken)


def _failure(completion: Completion) -> np.ndarray:
    """(N,) 0 for alternatives that do not fail, else more the further they are off, in coarse steps."""
    missed, broken = completion.missed, completion.broken
    worst_mm = np.where(missed, completion.target_mm, 0).max(axis=1, initial=0.0)
    worst_deg = np.where(missed, completion.target_deg, 0).max(axis=1, initial=0.0)
    worst_deg = np.maximum(worst_deg, np.where(broken, completion.beyond_deg, 0).max(axis=1))
    return np.ceil(worst_mm / FAILURE_STEP_MM) + np.ceil(worst_deg / FAILURE_STEP_DEG)


def _with_pelvis_placed(
    given: np.ndarray, transl: np.ndarray, known: Known
) -> tuple[np.ndarray, np.ndarray, Known]:
    """The pose and what is known of it with a pelvis that is a target where that has it."""
    for target in known.targets:
        if target.joint != "pelvis":
            continue
        if target.position is not None:
            transl = np.array(target.position, dtype=np.float64)
            known = replace(known, height_known=True)
        if target.rotation is not None and not known.joints[0]:
            given = np.concatenate([np.asarray(target.rotation, dtype=np.float64)[None], given[1:]])
            if target.stiffness == 1:
                known = replace(known, joints=known.joints | (np.arange(NUM_JOINTS) == 0))
    return given, transl, known


def _fixed(known: Known) -> np.ndarray:
    """(22,) bool, the joints whose local rotation is not to change."""
    fixed = np.array(known.joints)
    fixed[[JOINT_INDEX[joint] for joint in known.stiff]] = True
    return fixed


def _stiffen(rotations: np.ndarray, upright: np.ndarray, known: Known) -> np.ndarray:
    """Give stiff joints the turn that they have, and theirs to the joints below that are free.

    Those keep their world rotation, so that a back whose lowest joint is stiff bends above it.
    """
    for joint in sorted(JOINT_INDEX[name] for name in known.stiff):
        below = [j for j in range(NUM_JOINTS) if PARENTS[j] == joint and not known.joints[j]]
        passed_on = upright[joint].T @ rotations[:, joint]
        rotations[:, below] = passed_on[:, None] @ rotations[:, below]
        rotations[:, joint] = upright[joint]
    return rotations


def _condition(
    upright: np.ndarray, transl: np.ndarray, heading: np.ndarray, known: Known
) -> tuple[Condition, Placement]:
    """What the prior is told, a batch of one, and where joints must end up."""
    positions = np.full((NUM_JOINTS, 3), np.nan)
    orientations = np.full((NUM_JOINTS, 3, 3), np.nan)
    for target in known.targets:
        joint = JOINT_INDEX[target.joint]
        if target.position is not None and joint != 0:
            positions[joint] = heading.T @ (np.asarray(target.position) - transl)
        if target.rotation is not None:
            orientations[joint] = heading.T @ np.asarray(target.rotation)
    joints = [int(joint) for joint in np.flatnonzero(~np.isnan(positions[:, 0]))]
    oriented = {int(joint): orientations[joint] for joint in np.flatnonzero(~np.isnan(orientations[:, 0, 0]))}
    carriers = {JOINT_INDEX[t.joint]: JOINT_INDEX[t.carrier] for t in known.targets if t.carrier}
    if carriers:
        world, _ = forward_kinematics(upright)
        oriented |= {joint: world[above].T @ oriented[joint] for joint, above in carriers.items()}
    softness = {JOINT_INDEX[target.joint]: target.softness for target in known.targets}
    placement = Placement(
        joints,
        positions[joints],
        np.ones((len(joints), 3)),
        oriented,
        carriers,
        softness,
        max(
            (t.softness for t in known.targets if t.joint == "pelvis" and t.position is not None), default=0.0
        ),
    )
    vague = [joint for joint, value in softness.items() if value > TOLD_SOFTNESS]
    positions[vague], orientations[vague] = np.nan, np.nan
    says_something = known.height_known and 0 < transl[1] < HEIGHT_RANGE
    height = transl[1] if says_something else np.nan
    condition = Condition(
        upright[None],
        np.asarray(known.joints, dtype=bool)[None],
        np.array([height]),
        positions[None],
        orientations[None],
    )
    return condition, placement
