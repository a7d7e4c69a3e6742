# SPDX-License-Identifier: GPL-3.0-or-later
"""DiffPose: an uncertain pose, refined in few steps of a diffusion whose noise has the shape of the doubt.

What is believed of a pose is a mixture of Gaussians with kernels ``m``. Forward, the true pose
becomes a draw of it, about the kernel's mean:

    h_k = mu_m + a(k) (h_0 - mu_m) + s(k) e        e ~ N(0, Sigma_m)

Backward, from a draw at k = K, the network finds the true pose step by step, told what the
lifter sees. Given one ``e`` a chain, h_0, ``e`` and h_{k-1} follow from each other, so the
network predicts h_0, and any ladder of steps is a plain DDIM about ``mu_m``.

Source: Gong et al. 2023, "DiffPose: Toward More Reliable 3D Pose Estimation". The paper gives
no schedule: ours is the cosine over K = 50, at whose end nothing is left of the pose itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.arrays import Array, like, namespace, to_numpy
from contrapposto.diffusion.discrete import Steps
from contrapposto.diffusion.mixture import Mixture
from contrapposto.diffusion.sampler import Callback, ddim
from contrapposto.keypoints.sight import NUM_LIFTED, Sight
from contrapposto.networks import pose_graph
from contrapposto.priors import container
from contrapposto.priors.lifter import NORMALISER, STATE, Estimate
from contrapposto.priors.uncertain_start import DRAWS, KERNELS, Belief, standard_normal

WEIGHTS = Path(__file__).parent / "weights" / "diffpose.npz"
SEQUENCE_WEIGHTS = WEIGHTS.with_name("diffpose_sequence.npz")
"""What ships for the lifter of single frames, and for that over time."""

LAST = 50
"""K."""

STEPS, POSES = 5, 5
"""Steps of the sampler, and draws whose mean is the result."""

INPUTS = 19
"""Numbers a joint: the state, the lifter's answer, the detector's point, up and the size."""

STARTS = ("gmm", "gaussian", "normal")
"""The fitted mixture, a single Gaussian, and one that knows nothing."""

OBJECTIVES = ("diffusion", "stacked", "one_step")
"""What a network was trained to do: to denoise; to refine its own answer in ``STEPS`` passes; in one."""


@dataclass(frozen=True, eq=False)
class Context:
    """What the network is told beside the state, the same in all steps.

    Attributes:
        joints: (B, 23, 16) of each joint.
        pose: (B, F) the lifter's features.
        positions: (B, 23, 3) the lifter's, metres.
    """

    joints: Array
    pose: Array
    positions: Array

    def repeated(self, times: int) -> Context:
        """(times * B, …), the whole batch again and again."""
        xp = namespace(self.pose)

        def again(value: Array) -> Array:
            many = xp.broadcast_to(value[None], (times, *value.shape))
            return xp.reshape(many, (times * value.shape[0], *value.shape[1:]))

        return Context(again(self.joints), again(self.pose), again(self.positions))


@dataclass(frozen=True, eq=False)
class DiffPose:
    """A trained network; it goes with the lifter that it was trained with.

    Attributes:
        weights: the network's arrays, of NumPy or torch.
        mean, scale: (23, 3) and (23,) metres, the lifter's.
        width, blocks: the network's size.
        objective: one of ``OBJECTIVES``.
        start: one of ``STARTS``, the mixture that the network was trained with.
        schedule: the noise schedule.
    """

    weights: Mapping[str, Array]
    mean: Array
    scale: Array
    width: int
    blocks: int
    objective: str = "diffusion"
    start: str = "gmm"
    schedule: Steps = field(default_factory=lambda: Steps.cosine(LAST))

    def on(self, reference: Array) -> DiffPose:
        """This prior in the array library, dtype and device of ``reference``."""
        weights = {name: like(value, reference) for name, value in self.weights.items()}
        return replace(
            self, weights=weights, mean=like(self.mean, reference), scale=like(self.scale, reference)
        )

    def told(self, sight: Sight, estimate: Estimate, belief: Belief) -> Context:
        """What the network is told of sights (B).

        Args:
            sight, estimate: in the library of the weights.
            belief: of them, NumPy.
        """
        xp = namespace(estimate.positions)
        scale = self.scale[:, None]
        known = xp.astype(sight.confidence > 0, sight.confidence.dtype)[..., None]
        seen = (like(belief.seen, known) - estimate.positions[..., :2]) / scale
        whole = xp.concat([sight.up, xp.log(sight.size)[..., None]], axis=-1)[..., None, :]
        joints = [
            (estimate.positions - self.mean) / scale,
            xp.log(estimate.deviation / scale),
            sight.points,
            known,
            sight.confidence[..., None],
            seen,
            xp.broadcast_to(whole, (*known.shape[:-1], 4)),
        ]
        return Context(xp.concat(joints, axis=-1), estimate.features, estimate.positions)

    def h0hat(self, context: Context, h: Array, k: Array) -> Array:
        """The true pose (B, 69) that the network expects behind ``h`` (B, 69) at steps ``k``, (B) or (1,)."""
        xp = namespace(h)
        scale = self.scale[:, None]
        state = xp.reshape(h, (-1, NUM_LIFTED, 3))
        off = (state - context.positions) / scale
        x = xp.concat([off, context.joints], axis=-1)
        out = pose_graph.forward(self.weights, x, k, context.pose, self.blocks)
        return xp.reshape(context.positions + scale * out, tuple(h.shape))

    def mixture(self, belief: Belief) -> Mixture:
        """The start distribution that this network was trained with.

        The paper fits its mixture to draws of what is believed, which is told by heat-maps. Here
        it is a mixture already, that ``Belief.mixture`` would only find again.
        """
        if self.start == "normal":
            return standard_normal(to_numpy(self.mean), to_numpy(self.scale), len(belief.seen))
        return belief.modes if self.start == "gmm" else belief.gaussian()

    def sample(
        self,
        sight: Sight,
        estimate: Estimate,
        rng: np.random.Generator,
        *,
        poses: int = POSES,
        steps: int = STEPS,
        balanced: bool = True,
        fitted: bool = False,
        callback: Callback | None = None,
    ) -> Array:
        """(N, B, 23, 3) refined ``LIFTED`` about the pelvis in the sights' axes, metres.

        Noise is shared by all B, so that frames of a clip stay together; their mean over N is
        the result. A network that was not trained to denoise refines what is believed on
        average, once or in ``STEPS`` passes, and gives one answer.

        Args:
            sight, estimate: of B frames, in the library of the weights.
            rng: of the draws.
            poses: N.
            steps: of the sampler.
            balanced: whether draws come in pairs that are opposite, and kernels as often as they are
                worth, so that a mean of few is near that of many; the paper's are independent.
            fitted: whether the mixture is fitted to ``DRAWS`` draws of it by EM, as the paper does.
            callback: called with (step, steps) before each step; may raise to stop.
        """
        xp = namespace(estimate.positions)
        B = int(estimate.positions.shape[0])
        belief = Belief.of(sight, estimate)
        context = self.told(sight, estimate, belief)
        mixture = belief.mixture(KERNELS, DRAWS, rng) if fitted else self.mixture(belief)
        if self.objective != "diffusion":
            middle = (mixture.weight[..., None] * mixture.mean).sum(axis=1)
            passes = STEPS if self.objective == "stacked" else 1
            answers = self.passes(context, like(middle, context.pose), passes)
            return xp.reshape(answers[-1], (1, B, NUM_LIFTED, 3))
        u, z = _balanced(poses, rng) if balanced else _independent(poses, rng)
        mu, deviation = mixture.of(mixture.chosen(u))
        e = deviation * z
        mu, e = (like(value.reshape(poses * B, STATE), context.pose) for value in (mu, e))
        many = context.repeated(poses)

        def about_mu(x: Array, k: float) -> Array:
            return self.h0hat(many, mu + x, like([k], x)) - mu

        found = ddim(about_mu, e, self.schedule, self.schedule.falling(steps), callback)
        return xp.reshape(mu + found, (poses, B, NUM_LIFTED, 3))

    def passes(self, context: Context, h: Array, count: int) -> list[Array]:
        """The answers (B, 69) of so many passes, each of which refines the one before."""
        answers = []
        for k in self.schedule.falling(count):
            h = self.h0hat(context, h, like([k], h))
            answers.append(h)
        return answers


def _independent(poses: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Uniform (N, 1) and normal (N, 1, 69) draws."""
    return rng.random((poses, 1)), rng.standard_normal((poses, 1, STATE))


def _balanced(poses: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The same, evenly and in opposite pairs; of an odd number, one is the middle."""
    half = rng.standard_normal((poses // 2, 1, STATE))
    middle = np.zeros((poses % 2, 1, STATE))
    return (np.arange(poses)[:, None] + 0.5) / poses, np.concatenate([middle, half, -half])


def save(prior: DiffPose, path: Path, facts: Mapping[str, Any]) -> None:
    """Write a prior (NumPy arrays) with the facts of its training."""
    config = {
        "width": prior.width,
        "blocks": prior.blocks,
        "objective": prior.objective,
        "start": prior.start,
        **facts,
    }
    normaliser = {name: getattr(prior, name) for name in NORMALISER}
    container.save(path, "diffpose", config, {**prior.weights, **normaliser})


def read(path: Path = WEIGHTS) -> DiffPose:
    """Read a prior as NumPy float32 arrays.

    Raises:
        WeightsError: if the file is missing, damaged or of another kind.
    """
    config, arrays = container.load(path, "diffpose")
    damaged = f"The weights file '{path.name}' is damaged"
    try:
        width, blocks = int(config["width"]), int(config["blocks"])
        objective, start = str(config["objective"]), str(config["start"])
        mean, scale = (arrays.pop(name) for name in NORMALISER)
        context = arrays["context.w"].shape[0]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise container.WeightsError(f"{damaged}: {error}") from error
    if objective not in OBJECTIVES or start not in STARTS:
        raise container.WeightsError(f"{damaged}: it was trained as '{objective}' from '{start}'")
    expected = pose_graph.shapes(INPUTS, context, width, blocks)
    fits = mean.shape == (NUM_LIFTED, 3) and scale.shape == (NUM_LIFTED,)
    if not fits or {name: a.shape for name, a in arrays.items()} != expected:
        raise container.WeightsError(f"The weights in '{path.name}' do not fit a network of their size")
    return DiffPose(arrays, mean, scale, width, blocks, objective, start)
