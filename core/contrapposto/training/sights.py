# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses in front of virtual cameras, as lifting networks learn from them.

Each batch is seen through a few detectors: each has its own set of points, its own amount of
noise and its own idea of where a hip or an ear is, and the people before it have proportions
of their own. On top, hierarchical masks take away whole people, parts and joints.

Source of the masks: Ci et al. 2023, "GFPose", section 3.3, there called HPJ.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from contrapposto.evaluation.filmed import with_nose
from contrapposto.evaluation.virtual import CLEAN, DetectorNoise, cameras_around, detect
from contrapposto.keypoints.body import Body, usable
from contrapposto.keypoints.sets import SETS
from contrapposto.keypoints.sight import Seen, Sight
from contrapposto.skeleton import JOINT_INDEX, MIRROR, NUM_JOINTS, forward_kinematics, sole_height
from contrapposto.training.augment import mirrored_half
from contrapposto.training.corpus import Corpus
from contrapposto.training.masks import PARTS

DETECTORS = 4
"""How many see a batch."""

SET_SHARES = {
    "coco_17": 0.35, "halpe_26": 0.15, "body_25": 0.15, "body_25b": 0.1,
    "mediapipe_33": 0.1, "openpose_18": 0.05, "h36m_17": 0.1,
}  # fmt: skip

CLEAN_SHARE = 0.25
JITTER = (0.06, 0.45)
"""How many detectors are exact, and the range of the others' jitter, see ``DetectorNoise``."""

RATED_AS_IT_IS = 0.4
SUREST, RATING = 0.97, (0.5, 8.0)
"""How many detectors tell their confidence as virtual ones do; of the others, the most that they tell,
and the range of the power that they raise it to. OpenPose's mean in good footage is 0.6."""

PROPORTIONS = 0.05
"""Logarithmic deviation of the length of a bone; the body's overall size stays."""

SPOTS = 0.012
"""Metres by which a detector's points deviate from where they are on the standard body."""

UP_UNKNOWN = 0.2
"""Share of the cameras of which nobody knows how they lean."""


def hierarchical_mask(batch: int, rates: tuple[float, float, float], rng: np.random.Generator) -> np.ndarray:
    """(batch, 22) bool, False for joints that are taken away.

    Args:
        batch: examples.
        rates: chance that a whole person, a part, and a joint is taken.
        rng: same generator, same masks.
    """
    person, part, joint = rates
    known = rng.random((batch, NUM_JOINTS)) >= joint
    for joints in PARTS.values():
        known[:, [JOINT_INDEX[name] for name in joints]] &= rng.random((batch, 1)) >= part
    return known & (rng.random((batch, 1)) >= person)


def random_detector(rng: np.random.Generator) -> DetectorNoise:
    """An exact detector, or one that is wrong by a random amount."""
    if rng.random() < CLEAN_SHARE:
        return CLEAN
    return replace(DetectorNoise(), jitter=float(np.exp(rng.uniform(*np.log(JITTER)))))


def rated(confidence: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Confidence as another detector might put it, which says 0.6 where virtual ones say 0.92."""
    if rng.random() < RATED_AS_IT_IS:
        return confidence
    return np.minimum(confidence, SUREST) ** np.exp(rng.uniform(*np.log(RATING)))


def random_body(rng: np.random.Generator) -> Body:
    """Someone's proportions, alike on both sides, and where a random detector's points are on them."""
    name = str(rng.choice(list(SET_SHARES), p=list(SET_SHARES.values())))
    body = Body.standard(tuple(SETS[name][index] for index in usable(SETS[name])))
    scale = np.exp(PROPORTIONS * rng.standard_normal(NUM_JOINTS))
    scale = np.where(np.arange(NUM_JOINTS) <= np.array(MIRROR), scale, scale[list(MIRROR)])
    offsets = body.offsets * scale[:, None]
    offsets *= np.linalg.norm(body.offsets, axis=-1).sum() / np.linalg.norm(offsets, axis=-1).sum()
    return replace(body, offsets=offsets, places=body.places + SPOTS * rng.standard_normal(body.places.shape))


def look(
    rotations: np.ndarray,
    known: np.ndarray,
    body: Body,
    noise: DetectorNoise,
    rng: np.random.Generator,
) -> tuple[Sight, np.ndarray]:
    """How B poses look to cameras of their own, and where their joints are.

    Args:
        rotations: (B, 22, 3, 3) poses; they stand on the floor.
        known: (B, 22) bool, False for joints whose points are taken away.
        body: theirs, with the detector's points.
        noise: the detector's.
        rng: of cameras and detector.

    Returns:
        The sight, and (B, 23, 3) ``LIFTED`` about the camera in its axes, metres.
    """
    world, joints = forward_kinematics(rotations, body.offsets)
    place = np.zeros((len(rotations), 3))
    place[:, 1] = -sole_height(joints, body.offsets).min(axis=-1)
    cameras = cameras_around(place, rng)
    points, sure = detect(cameras, body, world, joints + place[:, None], rng, noise=noise)
    sure = rated(np.where(known[:, body.joints], sure, 0), rng)
    sight = Sight.of(Seen(cameras, body.names, points, sure))
    up = np.where(rng.random((len(rotations), 1)) < UP_UNKNOWN, 0, sight.up)
    places = cameras.seen(with_nose(world, joints) + place[:, None])
    return replace(sight, up=up), sight.from_camera(places)


class SightedPoses:
    """Draws poses of a corpus as random cameras and detectors see them.

    Args:
        corpus: the poses.
        rates: chance that a whole person, a part, and a joint is not seen.
        device: where the examples go.
    """

    def __init__(self, corpus: Corpus, rates: tuple[float, float, float], device: torch.device) -> None:
        self.rotations = torch.as_tensor(corpus.rotations)
        self.cumulative = torch.as_tensor(np.cumsum(corpus.weight))
        self.rates, self.device = rates, device

    def batch(self, generator: torch.Generator, batch: int) -> tuple[Sight, torch.Tensor]:
        """Sights of ``batch`` poses, and their ``LIFTED`` (batch, 23, 3) about the pelvis."""
        sights, places = self.placed(generator, batch)
        return sights, places - places[:, :1]

    def placed(self, generator: torch.Generator, batch: int) -> tuple[Sight, torch.Tensor]:
        """Sights of ``batch`` poses, half of them mirrored, and their ``LIFTED`` about the camera."""
        u = torch.rand(batch, generator=generator, dtype=torch.float64)
        index = torch.searchsorted(self.cumulative, u).clamp(max=len(self.cumulative) - 1)
        rotations = mirrored_half(self.rotations[index], generator).numpy().astype(np.float64)
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        known = hierarchical_mask(batch, self.rates, rng)
        seen = [
            look(rotations[part], known[part], random_body(rng), random_detector(rng), rng)
            for part in np.array_split(np.arange(batch), DETECTORS)
        ]
        sights, places = zip(*seen, strict=True)
        reference = torch.zeros((), device=self.device)
        fields = zip(*(vars(sight).values() for sight in sights), strict=True)
        joined = Sight(*(np.concatenate(values) for values in fields))
        return joined.on(reference), torch.as_tensor(np.concatenate(places)).to(reference)
