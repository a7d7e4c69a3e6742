# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips in front of virtual cameras, as lifting networks over time learn from them.

As ``sights``, each clip with a camera, a detector and proportions of its own. A detector's
noise and its exchanged sides last for a while; so do parts that are not seen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from contrapposto.evaluation.filmed import film
from contrapposto.keypoints.sight import Sight
from contrapposto.priors.motion import FPS
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, mirror
from contrapposto.training.masks import PARTS
from contrapposto.training.sights import UP_UNKNOWN, random_body, random_detector, rated
from contrapposto.training.windows import Windows

LENGTHS = ((27, 0.25), (81, 0.5), (243, 0.25))
"""Frames of a batch's clips, and how often; what has that many frames in a row is drawn from."""

USUAL = 81
"""Frames that a clip counts; of longer clips a batch holds fewer."""

PART_UNSEEN, PERSON_UNSEEN = 0.08, 0.08
"""Chance that a part, and that the whole person, is not seen for some of a clip."""
LONGEST_UNSEEN = 10
"""Frames for which nothing at all may be seen."""


def hidden_spans(frames: int, rng: np.random.Generator) -> np.ndarray:
    """(frames, 22) bool, False for joints that are taken away, parts and the whole person for a while."""
    known = np.ones((frames, NUM_JOINTS), dtype=bool)
    spans = [([JOINT_INDEX[name] for name in joints], PART_UNSEEN, frames) for joints in PARTS.values()]
    for joints, rate, longest in (*spans, (list(range(NUM_JOINTS)), PERSON_UNSEEN, LONGEST_UNSEEN)):
        if rng.random() < rate:
            length = int(rng.integers(1, min(longest, frames) + 1))
            start = int(rng.integers(0, frames - length + 1))
            known[start : start + length, joints] = False
    return known


class SightedClips:
    """Draws clips of motion as random cameras and detectors see them.

    Args:
        windows: the motion; its windows are as long as the shortest of ``LENGTHS``.
        device: where the examples go.
    """

    def __init__(self, windows: Windows, device: torch.device) -> None:
        self.rotations, self.place, self.device = windows.rotations, windows.place, device
        self.starts = {frames: _starts(windows, frames) for frames, _ in LENGTHS}

    def batch(self, generator: torch.Generator, batch: int) -> tuple[Sight, torch.Tensor]:
        """Sights (B, T) of clips, and their ``LIFTED`` (B, T, 23, 3) in each sight's axes.

        ``batch`` clips of ``USUAL`` frames, fewer longer or more shorter ones.
        """
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        lengths, shares = zip(*((f, s) for f, s in LENGTHS if len(self.starts[f][0])), strict=True)
        frames = int(rng.choice(lengths, p=np.array(shares) / sum(shares)))
        start, cumulative = self.starts[frames]
        chosen = start[np.searchsorted(cumulative, rng.random(max(1, batch * USUAL // frames)), side="right")]
        seen = [self._clip(slice(first, first + frames), rng) for first in chosen]
        sights, positions = zip(*seen, strict=True)
        reference = torch.zeros((), device=self.device)
        fields = zip(*(vars(sight).values() for sight in sights), strict=True)
        joined = Sight(*(np.stack(values) for values in fields))
        return joined.on(reference), torch.as_tensor(np.stack(positions)).to(reference)

    def _clip(self, frames: slice, rng: np.random.Generator) -> tuple[Sight, np.ndarray]:
        rotations, place = self.rotations[frames].astype(np.float64), self.place[frames].astype(np.float64)
        if rng.random() < 0.5:
            rotations, place = mirror(rotations), place * [-1, 1, 1]
        body = random_body(rng)
        seen, positions = film(rotations, place, body, random_detector(rng), FPS, rng)
        known = hidden_spans(len(place), rng)[:, body.joints]
        confidence = rated(np.where(known, seen.confidence, 0), rng)
        sight = Sight.of(replace(seen, confidence=confidence))
        up = sight.up * (rng.random() >= UP_UNKNOWN)
        return replace(sight, up=up), sight.from_camera(positions)


def _starts(windows: Windows, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """First frames of stretches so long, and the cumulative chance that they are drawn.

    Windows at all of the first frames in a row make up one long stretch of a clip.
    """
    more = frames - windows.frames
    last = np.minimum(np.arange(len(windows)) + more, len(windows) - 1)
    whole = windows.start[last] - windows.start == more
    weight = windows.weight[whole]
    return windows.start[whole], np.cumsum(weight) / max(weight.sum(), 1e-12)
