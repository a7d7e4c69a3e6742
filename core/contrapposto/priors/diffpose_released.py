# SPDX-License-Identifier: GPL-3.0-or-later
"""DiffPose as its released code has it: few steps of a weak diffusion, from a lifter's answer.

A joint's state is where it was seen, (u, v), and where it is, (x, y, z), metres about the
pelvis. Training adds noise of the channels' scales under betas from 1e-4 to 1e-3, so that at
the last step hardly a sixth of a metre of it is there, and the network estimates it. At test
the state is the lifter's answer without any noise, of which two evaluations take some away.

What differs from the release: our 23 points instead of 17, no dropout, our trainer and
cameras; where a point was not seen, (u, v) is where the lifter puts it.

Source: the released code of Gong et al. 2023, "DiffPose" (frame configuration).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from contrapposto.arrays import Array, like, namespace
from contrapposto.diffusion.discrete import Steps
from contrapposto.diffusion.sampler import ddim
from contrapposto.keypoints.sight import NUM_LIFTED, Sight
from contrapposto.networks import chebyshev_graph, pose_graph
from contrapposto.priors import container
from contrapposto.priors.lifter import Estimate
from contrapposto.priors.uncertain_start import Belief

CHANNELS = 5
WIDTH, BLOCKS = 96, 5

EVALUATIONS = (13.0, 1.0)
"""Steps at which the network is asked; the released code counts them from 0."""


@dataclass(frozen=True, eq=False)
class ReleasedDiffPose:
    """A trained network.

    Attributes:
        weights: the network's arrays, of NumPy or torch.
        width, blocks: the network's size.
        schedule: the noise schedule.
    """

    weights: Mapping[str, Array]
    width: int = WIDTH
    blocks: int = BLOCKS
    schedule: Steps = field(default_factory=lambda: Steps.linear(51, 1e-4, 1e-3))

    def on(self, reference: Array) -> ReleasedDiffPose:
        """This prior in the array library, dtype and device of ``reference``."""
        return replace(self, weights={name: like(value, reference) for name, value in self.weights.items()})

    def noise(self, x: Array, k: Array) -> Array:
        """The noise (B, 23, 5) that the network sees in ``x`` (B, 23, 5) at steps ``k``, (B) or (1,)."""
        return chebyshev_graph.forward(self.weights, x, k - 1, like(_BONES, x), self.blocks)

    def refine(self, sight: Sight, estimate: Estimate) -> Array:
        """(B, 23, 3) ``LIFTED`` about the pelvis in the sights' axes, metres, of a lifter's estimate (B)."""
        xp = namespace(estimate.positions)
        seen = like(Belief.of(sight, estimate).seen, estimate.positions)

        def x0hat(x: Array, k: float) -> Array:
            a, s = float(self.schedule.a(k)), float(self.schedule.s(k))
            return (x - s * self.noise(x, like([k], x))) / a

        start = xp.concat([seen, estimate.positions], axis=-1)
        return ddim(x0hat, start, self.schedule, EVALUATIONS)[..., 2:]


_BONES = chebyshev_graph.laplacian(pose_graph.neighbours())


def network_shapes(width: int, blocks: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a network of this size."""
    return chebyshev_graph.shapes(NUM_LIFTED, CHANNELS, width, blocks)


def save(prior: ReleasedDiffPose, path: Path, facts: Mapping[str, Any]) -> None:
    """Write a prior (NumPy arrays) with the facts of its training."""
    config = {"width": prior.width, "blocks": prior.blocks, **facts}
    container.save(path, "diffpose-released", config, dict(prior.weights))


def read(path: Path) -> ReleasedDiffPose:
    """Read a prior as NumPy float32 arrays.

    Raises:
        WeightsError: if the file is missing, damaged or of another kind.
    """
    config, arrays = container.load(path, "diffpose-released")
    try:
        width, blocks = int(config["width"]), int(config["blocks"])
    except (KeyError, TypeError, ValueError) as error:
        raise container.WeightsError(f"The weights file '{path.name}' is damaged: {error}") from error
    if {name: a.shape for name, a in arrays.items()} != network_shapes(width, blocks):
        raise container.WeightsError(f"The weights in '{path.name}' do not fit a network of their size")
    return ReleasedDiffPose(arrays, width, blocks)
