# SPDX-License-Identifier: GPL-3.0-or-later
"""Adam, on arrays of any library.

Source: Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.
"""

from __future__ import annotations

from contrapposto.arrays import Array, namespace

EPSILON = 1e-8


class Adam:
    """An optimiser for one array.

    Args:
        lr: learning rate.
        betas: decay of both moments.
    """

    def __init__(self, lr: float, betas: tuple[float, float] = (0.9, 0.999)) -> None:
        self.lr, self.betas = lr, betas
        self.mean: Array = 0.0
        self.square: Array = 0.0
        self.steps = 0

    def step(self, x: Array, gradient: Array) -> Array:
        """``x`` after one step against ``gradient``."""
        xp = namespace(x)
        self.steps += 1
        b1, b2 = self.betas
        self.mean = b1 * self.mean + (1 - b1) * gradient
        self.square = b2 * self.square + (1 - b2) * gradient * gradient
        mean, square = self.mean / (1 - b1**self.steps), self.square / (1 - b2**self.steps)
        return x - self.lr * mean / (xp.sqrt(square) + EPSILON)
