# SPDX-License-Identifier: GPL-3.0-or-later
"""When a clip is sampled: a regular grid that lies on its keys, and where keys are missing.

Captured motion has a key on each sample, whatever the scene's frame rate: at 120 samples a second in a
scene of 24 frames there is one every fifth of a frame. The grid takes that spacing. Curves with few keys
are sampled on each frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .errors import Advice, Refusal

MOST_SAMPLES = 100_000
_CONTEXT_SECONDS = 2.0
"""How much of the motion around a range is looked at."""
_RAMP_SECONDS = 0.15
"""How long it takes at the ends of a range to go from the motion as it was to the clean one."""
_DENSE = 0.9
"""A curve that was captured has at least this share of its keys one sample apart …"""
_HOLE = 3
"""… and where the next key is this many samples away, some were dropped …"""
LONGEST_HOLE_SECONDS = 5.0
"""… unless it is so far away that nothing sensible could be said of the time between."""
LONGEST_DESERT_SECONDS = 60.0
"""No take goes on for so long without a key of any bone: keys that are further away are there by mistake."""
_SLOWEST_FPS, _FASTEST_FPS = 1.0, 1000.0


@dataclass(frozen=True, eq=False)
class Timing:
    """When a clip is sampled.

    Attributes:
        frames: (T,) frames of the action, regular, with some before and after what is written.
        step: frames from one sample to the next.
        fps: samples a second.
        first, last: the range in which keys are written, frames of the action.
        weight: (T,) 0 to 1, how much of the change counts; below 1 at the ends of a range.
    """

    frames: np.ndarray
    step: float
    fps: float
    first: float
    last: float
    weight: np.ndarray

    @property
    def written(self) -> np.ndarray:
        """(T,) bool, the samples within the range."""
        return (self.frames > self.first - 1e-3) & (self.frames < self.last + 1e-3)


def make_timing(
    keys: Sequence[np.ndarray],
    scene_fps: float,
    frame_range: tuple[float, float] | None,
    name: str,
    *,
    is_cyclic: bool = False,
) -> Timing:
    """Lay the grid.

    Args:
        keys: the key times of each curve that may be written, frames of the action.
        scene_fps: frames a second.
        frame_range: first and last frame to write; None for all.
        name: the action's, for sentences.
        is_cyclic: whether the motion goes on before its first and after its last key.

    Raises:
        Refusal: if there are too few or too many frames, or the frame rate is absurd.
    """
    if not np.isfinite(scene_fps) or not _SLOWEST_FPS <= scene_fps <= _FASTEST_FPS:
        raise Refusal(
            f"The scene plays {scene_fps:g} frames a second; set a frame rate from {_SLOWEST_FPS:g} to "
            f"{_FASTEST_FPS:g} in the Output properties"
        )
    start, end = min(float(k[0]) for k in keys), max(float(k[-1]) for k in keys)
    if end - start < 1e-3:
        raise Refusal(
            f"Action '{name}' has keys on frame {start:g} only; there is no motion to denoise in one frame"
        )
    first, last = start, end
    if frame_range is not None:
        first, last = max(start, frame_range[0]), min(end, frame_range[1])
        if not first < last:
            raise Refusal(
                f"The range {frame_range[0]:g} to {frame_range[1]:g} holds less than two frames of action "
                f"'{name}', which has keys from {start:g} to {end:g}; ",
                Advice.OTHER_FRAMES,
            )
    step = max(spacing(keys), scene_fps / _FASTEST_FPS)
    count = max(round((end - start) / step), 1)
    fits = abs(start + count * step - end) < 0.05 * step
    step = (end - start) / count if fits else step
    margin = _CONTEXT_SECONDS * scene_fps
    low = first - margin if is_cyclic else max(start, first - margin)
    high = last + margin if is_cyclic else min(end, last + margin)
    _check_no_desert(keys, (low, high), scene_fps, name)
    if (high - low) / step > MOST_SAMPLES:
        raise Refusal(
            f"Action '{name}' goes from frame {first:g} to {last:g} with {1 / step:.3g} samples a frame; "
            f"{MOST_SAMPLES:,} samples is the most, so ",
            Advice.OTHER_FRAMES,
        )
    indices = np.arange(np.floor((low - start) / step + 1e-6), np.ceil((high - start) / step - 1e-6) + 1)
    frames = start + step * indices
    if len(frames) < 2:
        raise Refusal(
            f"The range {first:g} to {last:g} of action '{name}' holds one sample only; ",
            Advice.OTHER_FRAMES,
        )
    fps = scene_fps / step
    weight = np.ones(len(frames))
    ramp = max(_RAMP_SECONDS * scene_fps, step)
    if first > start + 1e-3:
        weight = np.minimum(weight, np.clip((frames - first) / ramp, 0, 1))
    if last < end - 1e-3:
        weight = np.minimum(weight, np.clip((last - frames) / ramp, 0, 1))
    return Timing(frames, step, fps, first, last, weight)


def _check_no_desert(
    keys: Sequence[np.ndarray], span: tuple[float, float], scene_fps: float, name: str
) -> None:
    """Refuse a span of frames without any key in which there would be nothing but waiting."""
    times = np.unique(np.clip(np.concatenate(list(keys)), *span))
    apart = np.diff(times)
    if len(apart) and apart.max() > LONGEST_DESERT_SECONDS * scene_fps:
        begin, end = times[apart.argmax()], times[apart.argmax() + 1]
        raise Refusal(
            f"Action '{name}' has no keys between frames {begin:.10g} and {end:.10g}; "
            "delete keys that are far away by mistake, or ",
            Advice.OTHER_FRAMES,
        )


def spacing(keys: Sequence[np.ndarray]) -> float:
    """How far samples are apart: the keys' own spacing where it is below a frame, else one frame."""
    usual = [float(np.median(np.diff(k))) for k in keys if len(k) > 2]
    dense = [step for step in usual if step > 1e-3]
    step = float(np.median(dense)) if dense else 1.0
    return step if step < 0.999 else 1.0


def holes(keys: np.ndarray, timing: Timing) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Where a captured bone has no keys.

    Args:
        keys: (N,) its key times.
        timing: the grid.

    Returns:
        (T,) bool, the samples without a value, and the holes that are too long to be filled.
    """
    missing = np.zeros(len(timing.frames), dtype=bool)
    apart = np.diff(keys) / timing.step
    if len(apart) < 2 or np.mean(apart < 1.5) < _DENSE:
        return missing, []
    long: list[tuple[float, float]] = []
    for i in np.flatnonzero(apart > _HOLE):
        if apart[i] / timing.fps > LONGEST_HOLE_SECONDS:
            long.append((float(keys[i]), float(keys[i + 1])))
        else:
            near = 0.01 * timing.step
            missing |= (timing.frames > keys[i] + near) & (timing.frames < keys[i + 1] - near)
    return missing, long
