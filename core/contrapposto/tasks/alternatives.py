# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw many poses that agree with a condition, keep the few that represent them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from contrapposto.arrays import Array, like, namespace, to_numpy
from contrapposto.diffusion.sampler import Callback, Denoiser, dpm_solver
from contrapposto.priors.pose import STATE, Condition, PosePrior
from contrapposto.skeleton import DESCENDANTS, JOINT_INDEX, NUM_JOINTS, forward_kinematics, mirror
from contrapposto.soles import Soles
from contrapposto.tasks.balance import overhang
from contrapposto.tasks.ranking import energy
from contrapposto.tasks.select import representatives

DRAWS_PER_HYPOTHESIS = 4
FEWEST_DRAWS = 32
"""More draws change the best of ten on val by less than a millimetre."""

STEPS = 8
"""Denoiser calls a draw; more change the error on val by less than its sampling spread."""

END_LENGTH = 0.1
"""Metres beyond a hand, foot or head at which a turn of it shows."""

FORGET = 0.3
"""Share of the known parts that every second draw ignores. Where the known parts
form a combination that no recording had, the network is more reliable on a part
of them; the ignored ones are pasted back afterwards, and where placed joints are brought home."""

NEAR_RATIO = 10.0
"""Noise-to-signal ratio that a pose is given to be sampled at a distance of nearly 1 from it. The ratio goes
with the square of the distance: on val, the joints then move in proportion to it."""

NEAREST = 1e-3
"""Smaller distances are this one: the joints move by less than a tenth of a millimetre."""

FINEST = 0.03
"""Noise-to-signal ratio of a draw's last step, where it does not begin lower."""

HOMING_RATIO = 10.0
"""Noise-to-signal ratio from which down placed joints are brought home in each step, chosen on val: later,
the rest of the body has too little noise left to follow."""

OUTLIER_RATIO = 0.7
"""Noise-to-signal ratio at which outliers are told, chosen on val."""

FALLS = 0.15
"""Metres that a body may lean over what it stands on: 96 of 100 recorded poses of val do not lean further."""

BringHome = Callable[[np.ndarray], np.ndarray]
"""Turns poses (..., B, 22, 3, 3) so that their placed joints come nearer to where they belong."""

_FORGETTABLE = (
    ("left_hip", "left_knee", "left_ankle", "left_foot"),
    ("right_hip", "right_knee", "right_ankle", "right_foot"),
    ("left_collar", "left_shoulder", "left_elbow", "left_wrist"),
    ("right_collar", "right_shoulder", "right_elbow", "right_wrist"),
    ("spine1", "spine2", "spine3"),
    ("neck", "head"),
)


@dataclass(frozen=True)
class Drawing:
    """How poses are drawn and chosen; as a completion does it unless told otherwise.

    Attributes:
        distance: 1 for poses that agree with what is known and nothing else; less, for ones near the
            current pose, whose unknown joints then matter; 0 is the pose itself.
        draws: how many poses each alternative is chosen from, even.
        outliers: share of the draws, the least natural ones, that no alternative is taken from.
        across: of many, none is like another; see ``representatives``.
        lands: a body whose pelvis may move, and that would be far from the floor, comes down until some
            part of it rests there.
    """

    distance: float = 1.0
    draws: int = DRAWS_PER_HYPOTHESIS
    outliers: float = 0.0
    across: bool = False
    lands: bool = False


COMPLETING = Drawing()


def _remembered(draws: int, rng: np.random.Generator) -> np.ndarray:
    """(draws, 2, 22) bool: what each pair of draws may know; even ones know everything."""
    keep = np.ones((draws, 2, NUM_JOINTS), dtype=bool)
    forget = rng.random((draws, 2, len(_FORGETTABLE))) < FORGET
    forget[::2] = False
    for column, joints in enumerate(_FORGETTABLE):
        keep[..., [JOINT_INDEX[joint] for joint in joints]] &= ~forget[..., column, None]
    return keep


def _leaning(condition: Condition, other: Condition) -> Array:
    """(B,) a number that is negated where a condition and its mirror image change places."""
    xp = namespace(condition.rotations)

    def row(one: Condition) -> Array:
        known = one.known[..., None, None]
        told = [xp.where(known, one.rotations, xp.zeros_like(one.rotations)), one.positions, one.orientations]
        told = [xp.where(xp.isnan(value), xp.zeros_like(value), value) for value in told]
        flags = xp.astype(one.known, one.rotations.dtype)
        return xp.concat([xp.reshape(part, (part.shape[0], -1)) for part in (flags, *told)], axis=1)

    difference = row(condition) - row(other)
    return difference @ like(np.sin(1.0 + np.arange(difference.shape[1])), difference)


def _homing(prior: PosePrior, given: Condition, denoiser: Denoiser, bring_home: BringHome) -> Denoiser:
    """A denoiser that expects placed joints where they belong, once the noise lets a pose be seen.

    The steps that follow make the rest of the body fit them.

    Args:
        prior: of the denoiser.
        given: the condition beside its mirror image, arrays (half, 2, B, ...).
        denoiser: of states (half, 2, B, 132).
        bring_home: of poses that are not seen in a mirror.
    """
    xp = namespace(given.rotations)

    def expect(x: Array, t: float) -> Array:
        x0 = denoiser(x, t)
        if float(prior.schedule.s(t)) > HOMING_RATIO * float(prior.schedule.a(t)):
            return x0
        poses = xp.where(given.known[..., None, None], given.rotations, prior.decode(x0))
        seen = like(bring_home(to_numpy(xp.stack([poses[:, 0], mirror(poses[:, 1])]))), poses)
        return prior.encode(xp.stack([seen[0], mirror(seen[1])], axis=1))

    return expect


def draw(
    prior: PosePrior,
    condition: Condition,
    count: int,
    seed: int,
    callback: Callback | None = None,
    *,
    distance: float = 1.0,
    bring_home: BringHome | None = None,
) -> Array:
    """Poses from the prior that agree with a condition.

    Half of them are drawn for the condition's mirror image and mirrored back: a
    mirrored condition gives the mirrored poses, whatever the network learnt. Which half
    of the noise goes to which of the two is decided by what they say, so that it changes
    places with them.

    Args:
        prior: in the array library of the condition.
        condition: of B poses, arrays (B, ...).
        count: how many for each pose, even.
        seed: same seed, same poses, whatever the array library.
        callback: called before each step with (step, steps); may raise to stop.
        distance: 1 draws from pure noise; less, from the condition's rotations, all of which are then
            read, under so much noise that the poses are about this share of the way to any other.
        bring_home: what brings placed joints home; the network alone is off by some centimetres.

    Returns:
        (count, B, 22, 3, 3) local rotations, the known ones as given.

    Source: Meng et al. 2022, "SDEdit", section 3, for poses near a given one; Chung et al. 2024, "Decomposed
    Diffusion Sampler", for least squares on what each step expects.
    """
    rotations = condition.rotations
    xp = namespace(rotations)
    rng = np.random.default_rng(seed)
    half, batch = count // 2, rotations.shape[0]
    other = condition.mirrored()
    swapped = _leaning(condition, other)[:, None] < 0
    z = like(rng.standard_normal((half, 2, batch, STATE), dtype=np.float32), rotations)
    z = xp.where(swapped, xp.flip(z, axis=1), z)
    remembered = like(_remembered(half, rng)[:, :, None], rotations) > 0
    remembered = xp.where(swapped, xp.flip(remembered, axis=1), remembered)

    def both(name: str) -> Array:
        """(half, 2, B, ...): the condition beside its mirror image, for every draw."""
        pair = xp.stack([getattr(condition, name), getattr(other, name)])
        return xp.broadcast_to(pair[None], (half, *pair.shape))

    given = Condition(**{name: both(name) for name in vars(condition)})
    told = replace(given, known=given.known & remembered)
    x, times = z, prior.schedule.ladder(STEPS)
    if distance < 1:
        ratio = NEAR_RATIO * max(distance, NEAREST) ** 2
        times = prior.schedule.ladder(STEPS, high=ratio, low=min(FINEST, ratio / 2))
        a, s = float(prior.schedule.a(times[0])), float(prior.schedule.s(times[0]))
        x = a * prior.encode(given.rotations) + s * z
    denoiser = prior.denoiser(told)
    if bring_home is not None:
        denoiser = _homing(prior, given, denoiser, bring_home)
    x0 = dpm_solver(denoiser, x, prior.schedule, times, callback)
    drawn = prior.decode(x0)
    drawn = xp.where(given.known[..., None, None], given.rotations, drawn)
    return xp.concat([drawn[:, 0], mirror(drawn[:, 1])])


def keep_representatives(
    rotations: Array,
    hidden: np.ndarray,
    count: int,
    offsets: np.ndarray | None = None,
    diversity: float = 0.0,
    *,
    across: bool = False,
    among: np.ndarray | None = None,
) -> Array:
    """The ``count`` draws of each pose that represent all of its draws.

    Args:
        rotations: (M, B, 22, 3, 3).
        hidden: (22,) bool, the joints whose rotation was unknown.
        count: how many to keep.
        offsets: (22, 3) body proportions; the standard body if None.
        diversity: 0 keeps their mean where the mean of all draws is, 1 those that cover
            the draws and differ most.
        across: see ``representatives``.
        among: (M, B) bool, the draws that are to be represented, ``count`` of each pose or more; all if
            None.

    Returns:
        (count, B, 22, 3, 3), the most central first.
    """
    xp = namespace(rotations)
    world, positions = forward_kinematics(rotations, offsets)
    moving = DESCENDANTS[hidden].any(axis=0)
    ends = moving & (DESCENDANTS.sum(axis=1) == 1)
    tips = to_numpy(positions + END_LENGTH * world[..., :, 1])[:, :, ends]
    points = np.concatenate([to_numpy(positions)[:, :, moving], tips], axis=2)
    among = np.ones(points.shape[:2], dtype=bool) if among is None else among
    chosen = []
    for b, rows in enumerate(map(np.flatnonzero, among.T)):
        kept = rows[representatives(points[rows, b], count, diversity, across=across)]
        chosen.append(rotations[xp.asarray(kept), b])
    return xp.stack(chosen, axis=1)


def _natural(prior: PosePrior, rotations: Array, share: float) -> np.ndarray:
    """(M, B) bool, the draws (M, B, 22, 3, 3) of each pose but the share that the prior finds least natural.

    A draw is judged together with its mirror image, so that mirrored draws lose the same ones.
    """
    count = len(rotations) - int(share * len(rotations))
    if count == len(rotations):
        return np.ones(rotations.shape[:2], dtype=bool)
    found = energy(prior, rotations, ratio=OUTLIER_RATIO)
    found = found + energy(prior, mirror(rotations), ratio=OUTLIER_RATIO)  # a network is not symmetric
    place = np.argsort(np.argsort(to_numpy(found), axis=0), axis=0)
    return place < count


def _steady(leaning: np.ndarray, fewest: int) -> np.ndarray:
    """(M, B) bool, the draws of each pose that do not fall over, or so many of those that lean least.

    Args:
        leaning: (M, B) metres, see ``overhang``; infinite for draws that do not count.
        fewest: of each pose.
    """
    return leaning <= np.maximum(np.sort(leaning, axis=0)[fewest - 1], FALLS)


def alternatives(
    prior: PosePrior,
    condition: Condition,
    hypotheses: int,
    *,
    seed: int,
    diversity: float = 0.0,
    drawing: Drawing = COMPLETING,
    offsets: np.ndarray | None = None,
    stands_on: Soles | None = None,
    callback: Callback | None = None,
    bring_home: BringHome | None = None,
) -> Array:
    """Representative completions of a batch of poses that all hide the same joints.

    Args:
        prior: in the array library of the condition.
        condition: of B poses, arrays (B, ...).
        hypotheses: N, how many for each.
        seed: same seed, same result.
        diversity: see ``keep_representatives``.
        drawing: from how many draws, how near the pose, and without which.
        offsets: (22, 3) body proportions; the standard body if None.
        stands_on: the soles of a body that is put on the floor, of which no draw is kept that leans further
            than it can stand, as long as there are others; None for one that may lean.
        callback: called before each denoising step with (step, steps); may raise to stop.
        bring_home: see ``draw``.

    Returns:
        (N, B, 22, 3, 3) local rotations, the root's without heading.
    """
    count = max(FEWEST_DRAWS, drawing.draws * hypotheses)
    drawn = draw(prior, condition, count, seed, callback, distance=drawing.distance, bring_home=bring_home)
    among = _natural(prior, drawn, drawing.outliers)
    if stands_on is not None:
        leaning = overhang(to_numpy(drawn).astype(np.float64), stands_on, offsets)
        among &= _steady(np.where(among, leaning, np.inf), hypotheses)
    hidden = ~to_numpy(condition.known)[0]
    return keep_representatives(
        drawn, hidden, hypotheses, offsets, diversity, across=drawing.across, among=among
    )
