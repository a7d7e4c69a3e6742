# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample poses: ideas from the prior, from nothing or around what is already set.

The same work as completing a pose, with as little known as one likes: nothing, some joints,
places of hands and feet, or the whole pose as a neighbourhood to stay in. Each sample says how
natural it is.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from contrapposto.diffusion.sampler import Callback, part_of
from contrapposto.motion import Pose
from contrapposto.observations import Known
from contrapposto.priors.pose import PosePrior, load
from contrapposto.rotation import split_heading
from contrapposto.skeleton import MIRROR, NUM_JOINTS, forward_kinematics, mirror
from contrapposto.soles import Soles
from contrapposto.tasks.alternatives import Drawing
from contrapposto.tasks.complete import complete_pose
from contrapposto.tasks.judgement import Completion, in_turn
from contrapposto.tasks.naturalness import percent_less_natural
from contrapposto.tasks.standing import AIRBORNE

DRAWS = 10
"""How many poses each sample is chosen from: the more there are, the further apart natural ones can be."""

OUTLIERS = 0.2
"""Share of the draws that are left out at diversity 1, the least natural ones: those that differ most are
often those that nobody would do."""

BATCH = 512
"""Samples that are made at a time, so that time and memory of thousands stay linear and small."""

SPARE = 0.25
"""Share of poses that are made beyond those that were asked for, so that failing ones can be left out."""


def sample_poses(
    pose: Pose | None = None,
    known: Known | None = None,
    *,
    count: int = 8,
    seed: int = 0,
    diversity: float = 1.0,
    distance: float = 1.0,
    mirrored: bool = False,
    offsets: np.ndarray | None = None,
    soles: Soles | None = None,
    present: np.ndarray | None = None,
    keep_feet_on_floor: bool = True,
    prior: PosePrior | None = None,
    callback: Callback | None = None,
) -> Completion:
    """Natural poses, free or around what is known.

    Args:
        pose: the current pose, rotations (22, 3, 3) and transl (3,), NumPy: where the samples
            stand, which way they face, and what is known. At rest at the origin if None.
        known: joints, targets and whether the pelvis height is meant; nothing if None.
        count: N, how many samples.
        seed: same seed and input, same result.
        diversity: 0 for samples as they are drawn most often, 1 for ones that differ most.
        distance: 1 for free samples, less for ones near the current pose: about this share of
            the way from it to any other; 0 is the pose itself.
        mirrored: exchange left and right of every sample. Nothing may be known then.
        offsets: (22, 3) the body's proportions; the standard body if None.
        soles: where its soles are; those of a body of these proportions if None.
        present: (22,) bool, the joints that the figure has. All if None.
        keep_feet_on_floor: let the samples stand, sit or lie on y = 0, unless the current pose is
            near and in the air.
        prior: NumPy or torch; the shipped one on NumPy if None.
        callback: called before each denoising step with (step, steps); an exception
            raised in it stops the work.

    Returns:
        N samples with ``naturalness``, ranked as alternatives of a completion; of more than ``BATCH``,
        the best of each batch, then the second of each. Failing ones come last, and only where there
        are too few others. Known and stiff joints hold the very bits of the input.

    Raises:
        ValueError: as ``complete_pose``, and if a sample is to be mirrored that has to agree with
            something known.
        WeightsError: if the weights are missing or damaged.
    """
    pose = _at_rest(offsets) if pose is None else pose
    known = Known(np.zeros(NUM_JOINTS, dtype=bool)) if known is None else known
    if mirrored and (np.any(known.joints) or known.targets or known.stiff):
        raise ValueError(
            "Mirrored samples would not agree with what is known; know nothing, or do not mirror"
        )
    if count < 1:
        raise ValueError(f"At least one pose has to be sampled, not {count}")
    prior = load() if prior is None else prior
    soles = soles or Soles.of(offsets)
    drawing = Drawing(
        distance=distance,
        draws=DRAWS,
        outliers=diversity * OUTLIERS,
        across=diversity > 0,
        lands=distance == 1 or _is_on_floor(pose, soles, offsets),
    )
    batches = -(-count // BATCH)

    def sampled(batch: int) -> Completion:
        own = len(range(batch, count, batches))
        return complete_pose(
            pose,
            known,
            hypotheses=own + math.ceil(SPARE * own),
            seed=_seed_of(seed, batch),
            diversity=diversity,
            offsets=offsets,
            soles=soles,
            present=present,
            keep_feet_on_floor=keep_feet_on_floor,
            drawing=drawing,
            prior=prior,
            callback=part_of(callback, batch, batches),
        )

    found = in_turn([sampled(batch) for batch in range(batches)])
    found = found[_sound(found.fails, count)]
    found = replace(found, naturalness=percent_less_natural(found.poses.rotations, prior=prior))
    return _seen_in_a_mirror(found) if mirrored else found


def _seed_of(seed: int, batch: int) -> int:
    """The seed itself for the first batch, others for the next ones."""
    return int(np.random.SeedSequence((seed, batch)).generate_state(1)[0]) if batch else seed


def _sound(fails: np.ndarray, count: int) -> np.ndarray:
    """(count,) which of more alternatives are taken: evenly those that do not fail, as far as they go."""
    sound = max(len(fails) - int(np.count_nonzero(fails)), count)  # those that fail come last
    return np.round(np.linspace(0, sound - 1, count)).astype(int)


def _at_rest(offsets: np.ndarray | None) -> Pose:
    """The T-pose on the floor at the origin."""
    rotations = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    world, positions = forward_kinematics(rotations, offsets)
    return Pose(rotations, np.array([0.0, -Soles.of(offsets).heights(world, positions).min(), 0.0]))


def _is_on_floor(pose: Pose, soles: Soles, offsets: np.ndarray | None) -> bool:
    world, positions = forward_kinematics(pose.rotations, offsets)
    return bool(abs(soles.heights(world, positions).min() + pose.transl[1]) < AIRBORNE)


def _seen_in_a_mirror(found: Completion) -> Completion:
    """The samples with left and right exchanged, each where it is and facing the way that it does."""
    heading, upright = split_heading(found.poses.rotations[:, 0])
    rotations = found.poses.rotations.copy()
    rotations[:, 0] = upright
    rotations = mirror(rotations)
    rotations[:, 0] = heading @ rotations[:, 0]
    return replace(
        found, poses=Pose(rotations, found.poses.transl), beyond_deg=found.beyond_deg[:, list(MIRROR)]
    )
