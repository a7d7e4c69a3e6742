# SPDX-License-Identifier: GPL-3.0-or-later
"""Clean a captured clip: jitter, spikes, flips, dropouts and sliding feet, not the performance.

1. What is not the performer's is found (``outliers``) and counts as missing.
2. The noise of every joint is estimated from the clip (``noise``), and what of its movement
   is drift (``drift``).
3. The motion prior tells the clean clip, at its own 30 frames a second, from what is left
   and how noisy that is (``motion_windows``); what is missing it fills. What it took away
   that cannot have been noise is put back (``fidelity``).
4. What it changed is carried over to the clip's own frames (``timeline``); detail above
   what 30 frames a second can hold is kept as far as it is not noise.
5. Feet that stand are held (``contacts``).

Cost grows with the number of frames. Everything is deterministic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from contrapposto.arrays import to_numpy
from contrapposto.diffusion.sampler import Callback
from contrapposto.motion import Motion, Pose
from contrapposto.priors.motion import FPS, MotionPrior, Observed, load
from contrapposto.rotation import from_rotvec, slerp, to_rotvec, transpose
from contrapposto.skeleton import NUM_JOINTS, STANDARD_OFFSETS, forward_kinematics, leg_length
from contrapposto.soles import Soles
from contrapposto.tasks.contacts import LEGS, hold_feet, standing
from contrapposto.tasks.drift import drift, probes
from contrapposto.tasks.fidelity import faithful
from contrapposto.tasks.gaps import (
    bridged_points,
    bridged_rotations,
    curved_points,
    curved_rotations,
    prior_share,
    with_long_gaps,
)
from contrapposto.tasks.motion_windows import Recovered, passes, recover
from contrapposto.tasks.noise import point_noise, rotation_noise
from contrapposto.tasks.outliers import Outliers, find_outliers, point_spikes
from contrapposto.tasks.timeline import Timeline

FPS_RANGE = (1.0, 1000.0)

LEAST_RAD, LEAST_METRES = np.radians(0.15), 0.001
"""Noise that every clip is taken to have."""

DRIFT_METRES = 0.1
"""Metres that the pelvis' place is taken to drift by, a radian that its rotations do."""

LEFT = 0.15
LEFT_IN_GAPS, LEFT_IN_GAPS_METRES = np.radians(1.0), 0.005
"""Share of the noise that the prior's first answer is taken to have, and its level in gaps."""

INTERPOLATED = 0.85
"""Share of the noise that is left where a slow clip is interpolated onto the prior's frames."""

DETAIL_NOISE = 1.3
DETAIL_FRAMES = 8
"""Detail counts as noise when it is no larger than so much of the noise, over so many frames each side."""

JOINTS_AT_ONCE = 2
"""Joints whose noise, outliers or faithfulness are found at a time; between them a task can be stopped."""

GROUND_PERCENTILE = 5
"""Of the lowest sole's height over the clip: where its ground is."""


@dataclass(frozen=True, eq=False)
class Denoised:
    """A cleaned clip and what was done to it.

    Attributes:
        motion: of the same length and frame rate.
        noise_deg: (22,) estimated noise of each joint's rotation, degrees by component.
        replaced: (T, 22) bool, values treated as missing: given as such, spikes, flips, frozen.
        spikes: (22,) how many values were spikes or flipped.
        contacts: (T, 2) bool, whether the left and the right foot were held on the floor.
        moved_mm: (T,) how far the joints moved, mean over joints.
    """

    motion: Motion
    noise_deg: np.ndarray
    replaced: np.ndarray
    spikes: np.ndarray
    contacts: np.ndarray
    moved_mm: np.ndarray


def denoise(
    motion: Motion,
    *,
    strength: float | np.ndarray = 1.0,
    missing: np.ndarray | None = None,
    contacts: bool = True,
    fill_gaps: bool = True,
    offsets: np.ndarray | None = None,
    soles: Soles | None = None,
    prior: MotionPrior | None = None,
    callback: Callback | None = None,
) -> Denoised:
    """The clean clip behind a captured one.

    Args:
        motion: T poses at any frame rate; y up, metres.
        strength: one for all, or (22,): 0 leaves a joint alone, 1 is as measured best.
        missing: (T, 22) bool, joints without a value; the pelvis' stands for its place, too.
        contacts: hold the feet that stand.
        fill_gaps: what is missing or found to be no value is filled by the prior; if not,
            what is missing is interpolated, and what was found stays as it is.
        offsets: (22, 3) body proportions; the standard body if None.
        soles: where the soles are, to find the ground; those of the proportions if None.
        prior: the shipped one on NumPy if None.
        callback: called with (step, steps) every few windows or joints; may raise to stop.

    Raises:
        ValueError: with one sentence, for fewer than 2 frames, values that are not finite
            and not missing, an odd frame rate, or a strength outside 0 to 1.
    """
    R, place, gone, placed = _checked(motion, missing)
    force = _strength(strength)
    T, fps = len(R), float(motion.fps)
    prior = load() if prior is None else prior
    line = Timeline(T, fps)

    count = line.grid_count
    steps = probes(count, prior) + 2 * passes(count, prior.frames) + 1

    def tell(step: int) -> None:
        if callback is not None:
            callback(step, steps)

    starting, ending = partial(tell, 0), partial(tell, steps - 1)

    (rough,) = _by_joints(starting, _noise, R, ~gone)
    found = Outliers(*_by_joints(starting, partial(_outliers, fps=fps), R, ~gone, rough))
    jumped = point_spikes(place, placed, point_noise(place[:, None], placed[:, None])[:, 0])
    wrong = found.any if fill_gaps else np.zeros_like(gone)
    reliable = ~gone & ~wrong
    # a body that is frozen as a whole is frozen in its place, too
    placed_well = placed & ~(jumped | found.frozen.all(axis=1)) if fill_gaps else placed

    (noise,) = _by_joints(starting, _noise, R, reliable)
    grid, known = _by_joints(starting, line.rotations_to_grid, R, reliable)
    points, here = line.points_to_grid(place, placed_well)
    coarse = fps < FPS and not line.same
    level = noise * INTERPOLATED if coarse else _by_joints(starting, _noise, grid, known)[0]
    level = line.nearest_to_grid(level) if coarse else level
    place_noise = point_noise(points[:, None], here[:, None])[:, 0]

    shift, scale = _onto_standard(grid, points, here, offsets, soles)
    observed = Observed.of_rotations(
        grid,
        np.where(known, np.hypot(level, LEAST_RAD), np.inf),
        (points - shift) * scale,
        np.where(here, np.hypot(place_noise * scale, LEAST_METRES), np.inf),
    )
    clean = _behind(prior, observed, tell)

    ending()
    lost = to_rotvec(transpose(line.rotations_from_grid(grid)) @ R)
    rotations = line.rotations_from_grid(clean.rotations) @ from_rotvec(_detail(line, lost, reliable, noise))
    filled = (gone if fill_gaps else np.zeros_like(gone)) | (wrong & (force > 0))
    share = np.where(filled, 1.0, force * ~gone)
    ending()
    rotations = np.where((share > 0)[..., None, None], slerp(R, rotations, share), R)
    lost = (place - line.points_from_grid(points))[:, None]
    kept = _detail(line, lost, placed_well[:, None], point_noise(place[:, None], placed_well[:, None]))
    clean_place = line.points_from_grid(clean.place / scale + shift) + kept[:, 0]
    refill = ~placed if fill_gaps else np.zeros(T, dtype=bool)
    place_share = np.where(refill | (~placed_well & (force[0] > 0)), 1.0, force[0] * placed)
    new_place = place + place_share[:, None] * (clean_place - place)

    stand = np.zeros((T, 2), dtype=bool)
    ending()
    if contacts:
        _, joints = forward_kinematics(rotations, offsets)
        toes = joints[:, [leg[3] for leg in LEGS]] + new_place[:, None]
        stand = standing(line.nearest_on_grid(clean.contacts), toes, fps)
        sides = tuple(float(force[list(leg[:3])].min()) for leg in LEGS)
        rotations, stand = hold_feet(
            rotations, new_place, stand, fps, strength=(sides[0], sides[1]), offsets=offsets
        )
    ending()
    return Denoised(
        motion=Motion(Pose(rotations, new_place), motion.fps, motion.name),
        noise_deg=np.degrees(np.median(noise, axis=0)),
        replaced=gone | wrong,
        spikes=found.spikes.sum(axis=0),
        contacts=stand,
        moved_mm=_moved_mm(R, place, rotations, new_place, offsets),
    )


def _checked(
    motion: Motion, missing: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rotations and place with gaps bridged, what is missing (T, 22), and where there is a place (T,)."""
    R = np.array(to_numpy(motion.poses.rotations), dtype=np.float64)
    place = np.array(to_numpy(motion.poses.transl), dtype=np.float64)
    low, high = FPS_RANGE
    if not (np.isfinite(motion.fps) and low <= motion.fps <= high):
        raise ValueError(f"The frame rate must be between {low:g} and {high:g}, not {motion.fps}")
    if R.ndim != 4 or len(R) < 2:
        raise ValueError("Denoising needs at least 2 frames")
    T = len(R)
    gone = np.zeros((T, NUM_JOINTS), dtype=bool) if missing is None else np.asarray(missing, dtype=bool)
    if gone.shape != (T, NUM_JOINTS):
        raise ValueError(
            f"'missing' must be ({T}, {NUM_JOINTS}), one mark a frame and joint, not {gone.shape}"
        )
    finite = np.isfinite(R).all(axis=(-1, -2))
    placed = np.isfinite(place).all(axis=-1)
    unmarked = np.argwhere(~finite & ~gone)
    if len(unmarked) or np.any(~placed & ~gone[:, 0]):
        frame = int(unmarked[0, 0]) if len(unmarked) else int(np.flatnonzero(~placed & ~gone[:, 0])[0])
        raise ValueError(f"Frame {frame} has values that are not finite; mark them as missing or remove them")
    placed &= ~gone[:, 0]
    for joint in np.flatnonzero(gone.any(axis=0)):
        R[:, joint] = bridged_rotations(R[:, joint], ~gone[:, joint])
    return R, bridged_points(place, placed), gone, placed


def _noise(R: np.ndarray, reliable: np.ndarray) -> tuple[np.ndarray]:
    return (rotation_noise(R, reliable),)


def _outliers(
    R: np.ndarray, reliable: np.ndarray, noise: np.ndarray, *, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    found = find_outliers(R, reliable, noise, fps)
    return found.spikes, found.frozen


def _by_joints(
    tell: Callable[[], None], function: Callable[..., tuple[np.ndarray, ...]], *values: np.ndarray
) -> tuple[np.ndarray, ...]:
    """What a function makes of values (T, J, ...), a few joints at a time, and told of each time."""
    parts = []
    for first in range(0, values[0].shape[1], JOINTS_AT_ONCE):
        tell()
        parts.append(function(*(value[:, first : first + JOINTS_AT_ONCE] for value in values)))
    return tuple(np.concatenate(part, axis=1) for part in zip(*parts, strict=True))


def _behind(prior: MotionPrior, observed: Observed, tell: Callable[[int], None]) -> Recovered:
    """The clean clip behind an observation, by two truncated steps of the reverse process."""
    count = len(observed.place)
    asked, once = probes(count, prior), passes(count, prior.frames)
    ending = partial(tell, asked + 2 * once)
    known, here = np.isfinite(observed.rotation_level), np.isfinite(observed.place_level)
    observed = with_long_gaps(observed)
    slow = drift(prior, observed, lambda step, _: tell(step))
    told = replace(
        observed,
        rotation_level=np.hypot(observed.rotation_level, slow[:, None]),
        place_level=np.hypot(observed.place_level, DRIFT_METRES * slow),
    )
    clean = recover(prior, told, lambda step, _: tell(asked + step))
    # what the first step left is noise of its own
    left = Observed.of_rotations(
        clean.rotations,
        np.where(known, LEFT * told.rotation_level, LEFT_IN_GAPS),
        clean.place,
        np.where(here, LEFT * told.place_level, LEFT_IN_GAPS_METRES),
    )
    again = recover(prior, left, lambda step, _: tell(asked + once + step))
    white = np.where(known, observed.rotation_level, np.inf)
    (rotations,) = _by_joints(
        ending, partial(_faithful, slow=slow), again.rotations, observed.rotations, white
    )
    ending()
    taken = (observed.place - again.place)[:, None]
    white = np.where(here, observed.place_level, np.inf)[:, None]
    place = again.place + faithful(taken, white, DRIFT_METRES * slow)[:, 0]
    for joint in np.flatnonzero(~known.all(axis=0) & known.any(axis=0)):
        ending()
        seen = known[:, joint]
        curve = curved_rotations(rotations[:, joint, None], seen[:, None])[:, 0]
        rotations[:, joint] = slerp(curve, rotations[:, joint], prior_share(seen))
    if here.any() and not here.all():
        curve = curved_points(place, here)
        place = curve + prior_share(here)[:, None] * (place - curve)
    return replace(again, rotations=rotations, place=place, contacts=clean.contacts)


def _faithful(
    clean: np.ndarray, seen: np.ndarray, white: np.ndarray, *, slow: np.ndarray
) -> tuple[np.ndarray]:
    """Clean rotations with the movement put back that cannot have been noise."""
    return (clean @ from_rotvec(faithful(to_rotvec(transpose(clean) @ seen), white, slow)),)


def _strength(strength: float | np.ndarray) -> np.ndarray:
    force = np.asarray(strength, dtype=np.float64)
    if force.shape not in {(), (NUM_JOINTS,)} or not np.all((force >= 0) & (force <= 1)):
        raise ValueError(f"The strength must be a number from 0 to 1, or {NUM_JOINTS} of them")
    return np.broadcast_to(force, (NUM_JOINTS,))


def _onto_standard(
    R: np.ndarray,
    place: np.ndarray,
    placed: np.ndarray,
    offsets: np.ndarray | None,
    soles: Soles | None,
) -> tuple[np.ndarray, float]:
    """Where the clip's ground is (3,), metres, and how much longer the standard body's legs are."""
    if not placed.any():
        return np.zeros(3), 1.0
    world, positions = forward_kinematics(R[placed], offsets)
    soles = Soles.of(offsets) if soles is None else soles
    lowest = place[placed, 1] + soles.heights(world, positions).min(axis=-1)
    ground = np.array([0, np.percentile(lowest, GROUND_PERCENTILE), 0])
    if offsets is None:
        return ground, 1.0
    return ground, leg_length(STANDARD_OFFSETS) / max(leg_length(offsets), 1e-6)


def _detail(line: Timeline, lost: np.ndarray, reliable: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """(T, J, 3) what the grid lost of the clip where reliable (T, J), as far as more than noise (T, J)."""
    if line.same:
        return np.zeros(lost.shape)
    lost = lost * reliable[..., None]
    power = np.sum(lost**2, axis=-1) / 3
    reach = np.arange(-DETAIL_FRAMES, DETAIL_FRAMES + 1)
    index = np.clip(np.arange(len(lost))[:, None] + reach, 0, len(lost) - 1)
    power = power[index].mean(axis=1)
    kept = np.clip(1 - DETAIL_NOISE * noise**2 / np.maximum(power, 1e-12), 0, 1)
    return lost * kept[..., None]


def _moved_mm(
    R: np.ndarray, place: np.ndarray, new: np.ndarray, new_place: np.ndarray, offsets: np.ndarray | None
) -> np.ndarray:
    _, before = forward_kinematics(R, offsets)
    _, after = forward_kinematics(new, offsets)
    away = after + new_place[:, None] - before - place[:, None]
    return 1000 * np.linalg.norm(away, axis=-1).mean(axis=-1)
