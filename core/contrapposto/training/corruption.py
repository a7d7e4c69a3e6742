# SPDX-License-Identifier: GPL-3.0-or-later
"""What captures suffer: jitter, drift, dropouts, spikes and frozen joints, for the motion prior to undo.

Dice are thrown on the CPU, so that a seed means the same on every device. Levels are
told to the network as an estimate would: not quite right, and often blind to drift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from contrapposto.priors.motion import Observed
from contrapposto.rotation import from_rotvec, split_heading
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, forward_kinematics
from contrapposto.training.masks import PARTS

INF = float("inf")

BY_POSITIONS = 0.27
"""Share of the examples of which joint positions were observed instead of rotations."""
BOTH = 0.2
"""Of those, share of which rotations were observed, too."""
ROOTLESS = 0.75
"""Of those by positions, share whose root is dropped, as in the published protocol."""

ANGLE_DEG = (0.2, 15.0)
POSITION_MM = (4.0, 130.0)
PLACE_MM = (1.0, 60.0)
"""Range of an example's noise, log-uniform."""

FLOOR_DEG, FLOOR_METRES = (0.05, 0.6), (0.0005, 0.006)
"""What even a clean value's level is told to be."""

UNTOUCHED = 0.12
"""Share of the examples without jitter."""
CLEAN_PARTS = 0.25
"""How often a part of the body is without jitter."""
DRIFT_FRAMES = (2.0, 20.0)
"""Range of the Gaussian kernel that makes low-frequency noise out of white."""

DROPPED = (0.6, 0.3)
SPAN = (5, 60)
"""Shares of the examples with something missing, and with something else, too; frames of a span."""

OUTLIERS = 0.35
"""Share with spikes or frozen parts that nobody marked."""

FORCED = 0.3
"""Of what is dropped, share that is instead seen through white noise of a known, often large, level:
the states that a sampler goes through."""
FORCED_DEG = (2.0, 60.0)

KNOWN_ROOT = 0.002
"""Level of a root that was dropped: it is known to be upright, radians."""

POP_RATE = 0.03
POP_METRES = 0.4
"""At most so many values of an example are spikes; how far one throws a joint's or the pelvis' place."""

HEADING_DEG = 15.0
"""How far the estimate of a window's heading is off."""


@dataclass(frozen=True, eq=False)
class Example:
    """Windows to be found and what is observed of them.

    Attributes:
        rotations, place: (B, T, 22, 3, 3) and (B, T, 3), clean.
        contacts: (B, T, 2), NaN where unknown.
        observed: what the network gets.
        placed: (B,) bool, whether the place is to be told.
    """

    rotations: torch.Tensor
    place: torch.Tensor
    contacts: torch.Tensor
    observed: Observed
    placed: torch.Tensor


class Dice:
    """Random draws of a batch from one generator."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Evenly between two bounds."""
        return low + (high - low) * torch.rand(*shape, generator=self.generator)

    def log_uniform(self, *shape: int, span: tuple[float, float]) -> torch.Tensor:
        """Evenly between the logarithms of two bounds."""
        low, high = math.log(span[0]), math.log(span[1])
        return torch.exp(self.uniform(*shape, low=low, high=high))

    def normal(self, *shape: int) -> torch.Tensor:
        """Standard normal."""
        return torch.randn(*shape, generator=self.generator)

    def chance(self, rate: float, *shape: int) -> torch.Tensor:
        """True so often."""
        return torch.rand(*shape, generator=self.generator) < rate


def part_table() -> torch.Tensor:
    """(parts, 22) bool."""
    table = torch.zeros(len(PARTS), NUM_JOINTS, dtype=torch.bool)
    for number, joints in enumerate(PARTS.values()):
        table[number, [JOINT_INDEX[joint] for joint in joints]] = True
    return table


def drifting(dice: Dice, batch: int, frames: int, channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(batch, frames, channels) unit noise, white, drifting or both, and (batch,) its white share."""
    kind = dice.uniform(batch, 1, 1)
    share = torch.where(kind < 0.4, torch.ones_like(kind), dice.uniform(batch, 1, 1))
    share = torch.where(kind > 0.8, torch.zeros_like(kind), share)
    tau = dice.log_uniform(batch, 1, 1, span=DRIFT_FRAMES)
    apart = torch.arange(frames)[:, None] - torch.arange(frames)[None]
    kernel = torch.exp(-0.5 * (apart / tau) ** 2)
    kernel = kernel / torch.sqrt((kernel**2).sum(-1, keepdim=True))
    slow = kernel @ dice.normal(batch, frames, channels)
    white = dice.normal(batch, frames, channels)
    return torch.sqrt(share) * white + torch.sqrt(1 - share) * slow, share[:, 0, 0]


def spans(dice: Dice, batch: int, frames: int) -> torch.Tensor:
    """(batch, frames) bool: a span, or now and then scattered frames, all but every n-th, or all."""
    length = dice.log_uniform(batch, 1, span=SPAN)
    middle = dice.uniform(batch, 1) * frames
    inside = (torch.arange(frames) + 0.5 - middle).abs() < length / 2
    kind = dice.uniform(batch, 1)
    scattered = dice.uniform(batch, frames) < dice.uniform(batch, 1) * 0.3
    sparse = torch.remainder(torch.arange(frames) + torch.floor(middle), torch.floor(length).clamp(min=4)) > 0
    inside = torch.where(kind < 0.12, scattered, inside)
    inside = torch.where((kind > 0.12) & (kind < 0.2), sparse, inside)
    return inside | (kind > 0.93)


def joints_at_random(dice: Dice, batch: int, parts: torch.Tensor) -> torch.Tensor:
    """(batch, 22) bool: the whole body, parts of it, or single joints."""
    some = (dice.chance(0.25, batch, len(parts))[:, :, None] & parts).any(1)
    one = parts[torch.randint(len(parts), (batch,), generator=dice.generator)]
    single = dice.chance(0.08, batch, NUM_JOINTS)
    kind = dice.uniform(batch, 1)
    chosen = torch.where(kind < 0.4, one, some)
    chosen = torch.where((kind > 0.6) & (kind < 0.75), single, chosen)
    return chosen | (kind > 0.78)


def canonical(rotations: torch.Tensor, place: torch.Tensor, dice: Dice) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows turned to look forward in their middle, about, and moved to the origin, about."""
    batch, frames = place.shape[:2]
    heading, _ = split_heading(rotations[:, frames // 2, 0])
    off = torch.deg2rad(torch.tensor(HEADING_DEG)) * dice.normal(batch, 1)
    zero = torch.zeros(batch, 1)
    turn = from_rotvec(torch.cat([zero, off, zero], -1)) @ heading.transpose(-1, -2)
    rotations = rotations.clone()
    rotations[:, :, 0] = turn[:, None] @ rotations[:, :, 0]
    middle = place.mean(1) + 0.05 * dice.normal(batch, 3)
    middle[:, 1] = 0
    place = (turn[:, None] @ (place - middle[:, None])[..., None])[..., 0]
    return rotations, place


def corrupted(
    rotations: torch.Tensor,
    place: torch.Tensor,
    contacts: torch.Tensor,
    generator: torch.Generator,
) -> Example:
    """Windows (B, T, 22, 3, 3) with their place (B, T, 3), and what a bad capture shows of them."""
    dice, parts = Dice(generator), part_table()
    rotations, place = canonical(rotations, place, dice)
    B = len(place)
    by_positions = dice.chance(BY_POSITIONS, B)
    rootless = by_positions & dice.chance(ROOTLESS, B)
    rotations[rootless, :, 0] = torch.eye(3)
    seen = _Capture(dice, parts, rotations, place, by_positions, rootless)
    seen.shake()
    seen.spoil()
    seen.drop()
    observed = Observed(
        rotations=torch.where(torch.isinf(seen.level)[..., None, None], torch.eye(3), seen.rotations),
        rotation_level=seen.level,
        positions=torch.where(torch.isinf(seen.p_level)[..., None], torch.zeros(1), seen.positions),
        position_level=seen.p_level,
        place=torch.where(torch.isinf(seen.place_level)[..., None], torch.zeros(1), seen.place),
        place_level=seen.place_level,
    )
    return Example(rotations, place, contacts, observed, ~rootless)


class _Capture:
    """What is seen of windows, changed step by step."""

    def __init__(
        self,
        dice: Dice,
        parts: torch.Tensor,
        rotations: torch.Tensor,
        place: torch.Tensor,
        by_positions: torch.Tensor,
        rootless: torch.Tensor,
    ) -> None:
        self.dice, self.parts = dice, parts
        self.clean = rotations
        self.by_positions, self.rootless = by_positions, rootless
        self.rotations, self.place = rotations, place
        self.positions = forward_kinematics(rotations)[1]
        self.B, self.T = place.shape[:2]
        self.untouched = dice.chance(UNTOUCHED, self.B)
        self.blind = dice.chance(0.5, self.B)
        self.level = self.p_level = self.place_level = torch.empty(0)

    def shake(self) -> None:
        """Jitter and drift of rotations, place and positions; and what is told of them."""
        self._shake_rotations()
        shift = self._shake_place()
        self._shake_positions()
        self.level[self.by_positions & ~self.dice.chance(BOTH, self.B)] = INF
        self.level[self.rootless, :, 0] = KNOWN_ROOT
        self.rotations[self.rootless, :, 0] = torch.eye(3)
        self.place_level = torch.where(self.by_positions[:, None], self.p_level[:, :, 0], self.place_level)
        self.place = self.place + torch.where(self.by_positions[:, None, None], torch.zeros(1), shift)

    def _told(self, share: torch.Tensor) -> torch.Tensor:
        """(B,) how much of the noise an estimate sees: all, or only what is white."""
        return torch.where(self.blind, torch.sqrt(share), torch.ones_like(share))

    def _shake_rotations(self) -> None:
        dice, B, T = self.dice, self.B, self.T
        spared = (dice.chance(CLEAN_PARTS, B, len(self.parts))[:, :, None] & self.parts).any(1)
        spared = (spared & dice.chance(0.5, B, 1)) | self.untouched[:, None]
        noise, share = drifting(dice, B, T, NUM_JOINTS * 3)
        uneven = torch.exp(0.4 * dice.normal(B, NUM_JOINTS) * dice.chance(0.7, B, 1))
        sigma = torch.deg2rad(dice.log_uniform(B, 1, span=ANGLE_DEG)) * uneven
        sigma = torch.where(spared, torch.zeros_like(sigma), sigma).clamp(max=0.6)
        turn = noise.reshape(B, T, NUM_JOINTS, 3) * sigma[:, None, :, None]
        self.rotations = self.clean @ from_rotvec(turn)
        floor = torch.deg2rad(dice.log_uniform(B, 1, span=FLOOR_DEG))
        told = sigma * self._told(share)[:, None] * torch.exp(0.25 * dice.normal(B, NUM_JOINTS))
        self.level = torch.hypot(told, floor)[:, None].expand(B, T, NUM_JOINTS).clone()

    def _shake_place(self) -> torch.Tensor:
        """(B, T, 3) how far the pelvis is seen from where it is."""
        dice, B, T = self.dice, self.B, self.T
        noise, share = drifting(dice, B, T, 3)
        sigma = dice.log_uniform(B, span=PLACE_MM) / 1000
        sigma = torch.where(self.untouched | dice.chance(0.3, B), torch.zeros_like(sigma), sigma)
        floor = dice.log_uniform(B, span=FLOOR_METRES)
        told = sigma * self._told(share) * torch.exp(0.25 * dice.normal(B))
        self.place_level = torch.hypot(told, floor)[:, None].expand(B, T).clone()
        return noise * sigma[:, None, None]

    def _shake_positions(self) -> None:
        dice, B, T, J = self.dice, self.B, self.T, NUM_JOINTS
        sigma = dice.log_uniform(B, 1, span=POSITION_MM) / 1000
        sigma = sigma * torch.exp(0.3 * dice.normal(B, J) * dice.chance(0.4, B, 1))
        sigma = torch.where(self.untouched[:, None], torch.full_like(sigma, 0.001), sigma)
        noise, share = drifting(dice, B, T, J * 3)
        white = dice.chance(0.65, B)
        noise = torch.where(white[:, None, None], dice.normal(B, T, J * 3), noise)
        share = torch.where(white, torch.ones_like(share), share)
        away = noise.reshape(B, T, J, 3) * sigma[:, None, :, None]
        # of a body with a root, positions are relative to a pelvis that is seen as badly
        own = torch.where(self.rootless[:, None, None, None], torch.zeros(1), away[:, :, :1])
        self.positions = self.positions + away - own
        self.place = torch.where(self.by_positions[:, None, None], self.place + own[:, :, 0], self.place)
        told = sigma * self._told(share)[:, None] * torch.exp(0.2 * dice.normal(B, J))
        told = torch.where(self.by_positions[:, None], told.clamp(min=0.001), torch.full_like(told, INF))
        self.p_level = told[:, None].expand(B, T, J).clone()

    def spoil(self) -> None:
        """Spikes and frozen parts that nobody marked."""
        dice, B, T, J = self.dice, self.B, self.T, NUM_JOINTS
        hit = dice.chance(OUTLIERS, B)
        rate = dice.uniform(B, 1, 1) * POP_RATE * (dice.chance(0.5, B) & hit)[:, None, None]
        pops = dice.uniform(B, T, J) < rate
        away = dice.normal(int(pops.sum()), 3)
        away = away / away.norm(dim=-1, keepdim=True).clamp(min=1e-6)
        turn = from_rotvec(away * dice.uniform(len(away), 1, low=0.3, high=3.1))
        self.rotations[pops] = self.rotations[pops] @ turn
        thrown = dice.uniform(B, T, J) < rate * ~self.rootless[:, None, None]
        self.positions = self.positions + POP_METRES * thrown[..., None] * dice.normal(B, T, J, 3)
        jumps = dice.uniform(B, T) < rate[..., 0]
        self.place = self.place + POP_METRES * jumps[..., None] * dice.normal(B, T, 3)
        stuck = joints_at_random(dice, B, self.parts)[:, None] & spans(dice, B, T)[..., None]
        stuck = stuck & (hit & dice.chance(0.5, B))[:, None, None]
        first = torch.argmax(stuck.any(-1).float(), dim=1)
        everyone = torch.arange(B)
        held = self.rotations[everyone, first][:, None]
        self.rotations = torch.where(stuck[..., None, None], held, self.rotations)
        held = self.place[everyone, first][:, None]
        self.place = torch.where(stuck.all(-1)[..., None], held, self.place)

    def drop(self) -> None:
        """What is missing, or seen through white noise of a known level."""
        dice, B, T = self.dice, self.B, self.T
        unplaced = dice.chance(0.08, B)[:, None].expand(B, T).clone()
        forced = dice.chance(FORCED, B) & ~self.by_positions
        through = torch.deg2rad(dice.log_uniform(B, span=FORCED_DEG))
        fog = through[:, None, None, None] * dice.normal(B, T, NUM_JOINTS, 3)
        for share in DROPPED:
            when = spans(dice, B, T) & dice.chance(share, B, 1)
            gone = when[..., None] & joints_at_random(dice, B, self.parts)[:, None]
            foggy = gone & forced[:, None, None]
            self.rotations[foggy] = self.clean[foggy] @ from_rotvec(fog[foggy])
            self.level = torch.where(foggy, through[:, None, None], self.level)
            gone = gone & ~foggy
            self.level = torch.where(gone, INF, self.level)
            self.p_level = torch.where(gone, INF, self.p_level)
            unplaced |= gone.all(-1) & dice.chance(0.7, B, 1)
        self.place_level = torch.where(unplaced | self.rootless[:, None], INF, self.place_level)


def on(example: Example, device: torch.device) -> Example:
    """The example on a device."""
    moved = {name: value.to(device) for name, value in vars(example).items() if name != "observed"}
    observed = replace(
        example.observed, **{name: value.to(device) for name, value in vars(example.observed).items()}
    )
    return Example(observed=observed, **moved)
