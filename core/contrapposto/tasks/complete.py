# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete a pose: some joints are known, the prior supplies the rest.

Draw many poses that agree with what is known, keep a few that represent them all,
bring placed limb ends exactly where they belong, set the feet on the floor, rank.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from contrapposto.arrays import Array, like, namespace, to_numpy
from contrapposto.diffusion.sampler import Callback
from contrapposto.limits import beyond
from contrapposto.motion import Pose
from contrapposto.observations import Known, Target
from contrapposto.priors.pose import STATE, Condition, PosePrior, load
from contrapposto.rotation import geodesic_angle, split_heading
from contrapposto.skeleton import (
    DESCENDANTS,
    JOINT_INDEX,
    NUM_JOINTS,
    PARENTS,
    forward_kinematics,
)
from contrapposto.soles import ANKLES, TOES, Soles, laid_on_floor
from contrapposto.tasks.alternatives import draw, keep_representatives
from contrapposto.tasks.reach import Placement, reach, solve

DRAWS_PER_HYPOTHESIS = 6
FEWEST_DRAWS = 32

ENERGY_RATIO = 0.35
"""Noise-to-signal ratio at which a pose is tested for naturalness."""

ENERGY_DRAWS = 4

CENTRALITY_WEIGHT, DISTANCE_WEIGHT = 2.0, 0.25
"""How much the mean distance to the other alternatives, and that to the current pose, count in the
ranking beside the energy. The one that most of the others resemble is the likeliest given what is known:
ranked first, it errs 10 to 25 % less on val than the one of the lowest energy or nearest to a character at
rest."""

NEAR_FLOOR = 0.04
"""Metres above the floor within which a sole is taken to stand on it."""

AIRBORNE = 0.35
"""Metres between the floor and the lower sole beyond which a body does not stand there:
it jumps, or it is on something else."""

WITHIN_REACH = 0.005
"""Metres that a foot laid on the floor may miss; one further off stays tilted as it was."""

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

LEGS = {
    "left": ("left_hip", "left_knee", "left_ankle"),
    "right": ("right_hip", "right_knee", "right_ankle"),
}


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


def energy(prior: PosePrior, rotations: Array, seed: int = 0) -> Array:
    """How far the prior would move each pose to make it more natural.

    The mean squared distance between a pose and what the prior expects it to be
    from slightly noisy copies, nothing known (the DPoser regulariser of the whole
    pose).

    Args:
        rotations: (..., 22, 3, 3) local rotations, the root's without heading.
        seed: of the noise, which is the same for every pose, so that poses compare.

    Returns:
        (...) in units of the state's variance.
    """
    xp = namespace(rotations)
    condition = Condition.of(rotations, xp.zeros_like(rotations[..., 0, 0]) > 0)
    z = like(np.random.default_rng(seed).standard_normal((ENERGY_DRAWS, STATE)), rotations)
    x0 = prior.encode(rotations)
    total = xp.zeros_like(x0[..., 0])
    t = prior.schedule.time(ENERGY_RATIO)
    denoiser = prior.denoiser(condition)
    a, s = float(prior.schedule.a(t)), float(prior.schedule.s(t))
    for k in range(ENERGY_DRAWS):
        moved = denoiser(a * x0 + s * z[k], t) - x0
        total = total + xp.mean(moved * moved, axis=-1)
    return total / ENERGY_DRAWS


def rank(
    rotations: np.ndarray,
    found: np.ndarray,
    current: np.ndarray | None = None,
    offsets: np.ndarray | None = None,
) -> np.ndarray:
    """How far down each of N alternatives belongs: the lower, the better.

    Args:
        rotations: (N, 22, 3, 3) local rotations.
        found: (N,) their energies.
        current: (22, 3, 3) the pose that they complete, if there is one to stay near.
        offsets: (22, 3) body proportions; the standard body if None.

    Returns:
        (N,) energy, distance to the others (``CENTRALITY_WEIGHT``) and to the current
        pose (``DISTANCE_WEIGHT``), each relative to its mean.
    """
    _, positions = forward_kinematics(rotations, offsets)

    def distance(away: np.ndarray) -> np.ndarray:
        return np.sqrt(np.sum(away**2, axis=-1)).mean(axis=-1)

    def relative(values: np.ndarray) -> np.ndarray:
        return values / max(float(values.mean()), 1e-9)

    centrality = np.array([distance(positions - one).mean() for one in positions])
    total = relative(found) + CENTRALITY_WEIGHT * relative(centrality)
    if current is not None:
        _, there = forward_kinematics(current, offsets)
        total += DISTANCE_WEIGHT * relative(distance(positions - there))
    return total


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
        rotations, places = _stand(rotations, places, known, placement, offsets, soles)

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


def _stand(
    rotations: np.ndarray,
    transl: np.ndarray,
    known: Known,
    placement: Placement,
    offsets: np.ndarray | None,
    soles: Soles,
) -> tuple[np.ndarray, np.ndarray]:
    """The poses with their feet on the floor, and their pelvis positions.

    A free pelvis goes up or down until the lower sole touches y = 0. Otherwise a
    free leg whose sole is below the floor, or the lower one, or one within
    ``NEAR_FLOOR``, is bent or stretched until its sole lies there (see
    ``laid_on_floor``); a foot that does not come down to lie keeps the direction that
    it had. A leg that a target places stays as it is, and so does a body in the air
    (see ``AIRBORNE``) or below the floor.
    """
    world, positions = forward_kinematics(rotations, offsets)
    fixed, settled = _fixed(known), _fixed(known)
    settled[list(placement.orientations)] = True
    heights = soles.heights(world, positions) + transl[:, 1:2]
    pelvis_is_free = not (known.joints[0] or known.height_known or placement.joints)
    fall = _fall(heights, pelvis_is_free)
    transl, heights = transl - fall * np.array([0.0, 1.0, 0.0]), heights - fall
    grounded = ((heights.min(axis=1) < AIRBORNE) & (transl[:, 1] > 0))[:, None]
    stands = grounded & ((heights <= heights[:, ::-1]) | (heights < NEAR_FLOOR))
    laid = _lay_feet(world, rotations, settled, stands)
    heights = soles.heights(laid, positions) + transl[:, 1:2]
    fall = _fall(np.where(stands, heights, np.inf), pelvis_is_free)
    transl, heights = transl - fall * np.array([0.0, 1.0, 0.0]), heights - fall
    stands |= grounded & (heights < 0)
    for side, leg in enumerate(LEGS.values()):
        joints = [JOINT_INDEX[joint] for joint in leg]
        ankle, toes = ANKLES[side], TOES[side]
        if DESCENDANTS[joints[0], list(placement.joints)].any() or settled[joints[:-1]].any():
            continue
        turning = np.zeros(NUM_JOINTS, dtype=bool)
        turning[[*joints, toes]] = ~fixed[[*joints, toes]]
        before, missed = rotations, stands[:, side]
        for feet in (laid, world):  # a foot that does not come down to lie keeps its tilt
            if not missed.any():
                break
            sole = soles.heights(feet, positions)[:, side] + transl[:, 1]
            lift = np.where(missed, -sole, 0.0)
            place = positions[:, [ankle]] + np.stack([0 * lift, lift, 0 * lift], axis=-1)[:, None]
            keep = {joint: feet[:, joint] for joint in (ankle, toes) if turning[joint]}
            found, gap = reach(before, turning, Placement([ankle], place, np.ones((1, 3)), keep), offsets)
            rotations = np.where(missed[:, None, None, None], found, rotations)
            missed = missed & (gap > WITHIN_REACH)
    return rotations, transl


def _fall(heights: np.ndarray, is_free: bool) -> np.ndarray:
    """(N, 1) how far a body is above the floor by its lower sole, 0 if it is not to come down."""
    fall = heights.min(axis=1, keepdims=True)
    return np.where(is_free & (np.abs(fall) < AIRBORNE), fall, 0.0)


def _lay_feet(
    world: np.ndarray, rotations: np.ndarray, settled: np.ndarray, stands: np.ndarray
) -> np.ndarray:
    """(N, 22, 3, 3) world rotations with standing feet as they lie on the floor, settled ones as they are."""
    laid = world.copy()
    for side, (ankle, toes) in enumerate(zip(ANKLES, TOES, strict=True)):
        if settled[ankle]:
            continue
        foot, flat_toes, lies = laid_on_floor(world[:, ankle], world[:, toes])
        if settled[toes]:
            flat_toes = foot @ rotations[:, toes]
        here = (stands[:, side] & lies)[:, None, None]
        laid[:, ankle] = np.where(here, foot, world[:, ankle])
        laid[:, toes] = np.where(here, flat_toes, world[:, toes])
    return laid
