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

UNTOUCHED = 0.12
"""Share of the examples without jitter."""
CLEAN_PARTS = 0.25
"""How often a part of the body is without jitter."""
DRIFT_FRAMES = (2.0, 20.0)
"""Range of the Gaussian kernel that makes low-frequency noise out of white."""

DROPPED = 0.6
SPAN = (5, 60)
"""Share of the examples with something missing, and frames of a dropped span."""

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
        return low + (high - low) * torch.rand(*shape, generator=self.generator)

    def log_uniform(self, *shape: int, span: tuple[float, float]) -> torch.Tensor:
        low, high = math.log(span[0]), math.log(span[1])
        return torch.exp(self.uniform(*shape, low=low, high=high))

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=self.generator)

    def chance(self, rate: float, *shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=self.generator) < rate


def part_table() -> torch.Tensor:
    """(parts, 22) bool."""
    table = torch.zeros(len(PARTS), NUM_JOINTS, dtype=torch.bool)
    for number, joints in enumerate(PARTS.values()):
        table[number, [JOINT_INDEX[joint] for joint in joints]] = True
    return table


def drifting(dice: Dice, batch: int, frames: int, channels: int) -> torch.Tensor:
    """(batch, frames, channels) unit noise: white, slowly drifting, or both at random shares."""
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
    """(batch, frames) bool, one span of ``SPAN`` frames, or now and then the whole window or scattered frames."""
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
    B, T = place.shape[:2]
    by_positions = dice.chance(BY_POSITIONS, B)
    rootless = by_positions & dice.chance(ROOTLESS, B)
    rotations = rotations.clone()
    rotations[rootless, :, 0] = torch.eye(3)

    untouched = dice.chance(UNTOUCHED, B)
    spared = (dice.chance(CLEAN_PARTS, B, len(parts))[:, :, None] & parts).any(1) & dice.chance(0.5, B, 1)
    spared = spared | untouched[:, None]

    # rotations
    noise, share = drifting(dice, B, T, NUM_JOINTS * 3)
    sigma = torch.deg2rad(dice.log_uniform(B, 1, span=ANGLE_DEG)) * torch.exp(
        0.4 * dice.normal(B, NUM_JOINTS) * dice.chance(0.7, B, 1)
    )
    sigma = torch.where(spared, torch.zeros_like(sigma), sigma).clamp(max=0.6)
    seen = rotations @ from_rotvec(noise.reshape(B, T, NUM_JOINTS, 3) * sigma[:, None, :, None])
    blind = dice.chance(0.5, B)
    told = torch.where(blind, torch.sqrt(share), torch.ones_like(share))[:, None]
    floor = torch.deg2rad(dice.log_uniform(B, 1, span=(0.05, 0.6)))
    level = torch.sqrt((sigma * told * torch.exp(0.25 * dice.normal(B, NUM_JOINTS))) ** 2 + floor**2)
    level = level[:, None].expand(B, T, NUM_JOINTS).clone()

    # the pelvis' place
    shake, place_share = drifting(dice, B, T, 3)
    place_sigma = dice.log_uniform(B, span=PLACE_MM) / 1000
    place_sigma = torch.where(untouched | dice.chance(0.3, B), torch.zeros_like(place_sigma), place_sigma)
    shift = shake * place_sigma[:, None, None]
    place_told = torch.where(blind, torch.sqrt(place_share), torch.ones_like(place_share))
    place_floor = dice.log_uniform(B, span=(0.0005, 0.006))
    place_level = torch.sqrt(
        (place_sigma * place_told * torch.exp(0.25 * dice.normal(B))) ** 2 + place_floor**2
    )
    place_level = place_level[:, None].expand(B, T).clone()

    # positions
    _, positions = forward_kinematics(rotations)
    spread = dice.log_uniform(B, 1, span=POSITION_MM) / 1000
    spread = spread * torch.exp(0.3 * dice.normal(B, NUM_JOINTS) * dice.chance(0.4, B, 1))
    spread = torch.where(untouched[:, None], torch.full_like(spread, 0.001), spread)
    jitter, jitter_share = drifting(dice, B, T, NUM_JOINTS * 3)
    white = dice.chance(0.65, B)
    jitter = torch.where(white[:, None, None], dice.normal(B, T, NUM_JOINTS * 3), jitter)
    jitter_share = torch.where(white, torch.ones_like(jitter_share), jitter_share)
    jitter = jitter.reshape(B, T, NUM_JOINTS, 3) * spread[:, None, :, None]
    jitter = jitter - torch.where(rootless[:, None, None, None], torch.zeros(1), jitter[:, :, :1])
    shift = torch.where(by_positions[:, None, None], shake * spread[:, :1, None], shift)
    told = torch.where(blind, torch.sqrt(jitter_share), torch.ones_like(jitter_share))[:, None]
    p_level = (spread * told * torch.exp(0.2 * dice.normal(B, NUM_JOINTS))).clamp(min=0.001)
    p_level = torch.where(by_positions[:, None], p_level, torch.full_like(p_level, INF))
    p_level = p_level[:, None].expand(B, T, NUM_JOINTS).clone()
    level[by_positions & ~dice.chance(BOTH, B)] = INF
    level[rootless, :, 0] = KNOWN_ROOT
    seen[rootless, :, 0] = torch.eye(3)
    place_level = torch.where(by_positions[:, None], p_level[:, :, 0], place_level)

    # spikes and frozen parts that nobody marked
    hit = dice.chance(OUTLIERS, B)
    rate = dice.uniform(B, 1, 1) * POP_RATE * (dice.chance(0.5, B) & hit)[:, None, None]
    pops = dice.uniform(B, T, NUM_JOINTS) < rate
    away = dice.normal(int(pops.sum()), 3)
    away = away / away.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    seen[pops] = seen[pops] @ from_rotvec(away * dice.uniform(len(away), 1, low=0.3, high=3.1))
    thrown = dice.uniform(B, T, NUM_JOINTS) < rate * ~rootless[:, None, None]
    jitter = jitter + POP_METRES * thrown[..., None] * dice.normal(B, T, NUM_JOINTS, 3)
    jumps = dice.uniform(B, T) < rate[..., 0]
    shift = shift + POP_METRES * jumps[..., None] * dice.normal(B, T, 3)
    stuck = joints_at_random(dice, B, parts)[:, None] & spans(dice, B, T)[..., None]
    stuck = stuck & (hit & dice.chance(0.5, B))[:, None, None]
    first = torch.argmax(stuck.any(-1).float(), dim=1)
    everyone = torch.arange(B)
    seen = torch.where(stuck[..., None, None], seen[everyone, first][:, None], seen)
    seen_place = place + shift
    held = seen_place[everyone, first][:, None]
    seen_place = torch.where(stuck.all(-1)[..., None], held, seen_place)

    # what is missing, or seen through noise of a known level
    place_missing = dice.chance(0.08, B)[:, None].expand(B, T).clone()
    forced = dice.chance(FORCED, B) & ~by_positions
    through = torch.deg2rad(dice.log_uniform(B, span=FORCED_DEG))
    fog = through[:, None, None, None] * dice.normal(B, T, NUM_JOINTS, 3)
    for share in (DROPPED, 0.3):
        when = spans(dice, B, T) & dice.chance(share, B, 1)
        which = joints_at_random(dice, B, parts)
        gone = when[..., None] & which[:, None]
        foggy = gone & forced[:, None, None]
        seen[foggy] = rotations[foggy] @ from_rotvec(fog[foggy])
        level = torch.where(foggy, through[:, None, None], level)
        gone = gone & ~foggy
        level = torch.where(gone, INF, level)
        p_level = torch.where(gone, INF, p_level)
        place_missing |= gone.all(-1) & dice.chance(0.7, B, 1)
    place_missing = place_missing | rootless[:, None]
    place_level = torch.where(place_missing, INF, place_level)

    observed = Observed(
        rotations=torch.where(torch.isinf(level)[..., None, None], torch.eye(3), seen),
        rotation_level=level,
        positions=torch.where(torch.isinf(p_level)[..., None], torch.zeros(1), positions + jitter),
        position_level=p_level,
        place=torch.where(place_missing[..., None], torch.zeros(1), seen_place),
        place_level=place_level,
    )
    return Example(rotations, place, contacts, observed, ~rootless)


def on(example: Example, device: torch.device) -> Example:
    """The example on a device."""
    moved = {name: value.to(device) for name, value in vars(example).items() if name != "observed"}
    observed = replace(
        example.observed, **{name: value.to(device) for name, value in vars(example.observed).items()}
    )
    return Example(observed=observed, **moved)
