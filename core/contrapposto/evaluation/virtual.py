# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual cameras around a body, and what a detector would make of it: for training and tests.

The noise of a detector, each piece with its parameter in ``DetectorNoise``:

- Jitter, by point as COCO's annotators differ (its OKS constants), in units of the body's size
  in the image. Half of its variance is slow: detectors are wrong in the same way for a while.
- More jitter the faster a point moves (motion blur), and where the body hides it from the camera.
- Points that are missing, more often hidden ones; all beyond the border of the image.
- Arms or legs whose sides are exchanged for a moment.
- Confidence that is low where jitter is large, and 0 where missing; it knows nothing of swaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.keypoints.body import Body
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.sets import mirrored
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX

SIZES = ((1920, 1080), (1280, 720), (1080, 1920))
FOCAL = (0.6, 1.8)
"""Range of the focal length, by the image's longer side: from wide lenses to short telephoto."""
HEIGHT = (0.3, 2.6)
"""Metres above the floor."""
SHARE = (0.35, 0.95)
"""How much of the image's height a standing person fills."""
STANDING = 1.75
"""Metres that a standing person is taken to be tall."""
DISTANCE = (1.5, 15.0)
"""Metres between which cameras stay, whatever the share."""
ROLL_DEG = 4.0
AIM = 0.15
"""Deviation of the roll, and of where the camera looks from the pelvis, metres."""

COCO_SIGMAS = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062,
    "hip": 0.107, "knee": 0.087, "ankle": 0.089,
}  # fmt: skip
"""Deviation of COCO's annotators by point, in units of the root of a person's area."""
OTHER_SIGMA = 0.08

_FLESH = {
    ("pelvis", "neck"): 0.13, ("head", "head"): 0.09,
    **{(f"{s}_hip", f"{s}_knee"): 0.07 for s in ("left", "right")},
    **{(f"{s}_knee", f"{s}_ankle"): 0.045 for s in ("left", "right")},
    **{(f"{s}_shoulder", f"{s}_elbow"): 0.045 for s in ("left", "right")},
    **{(f"{s}_elbow", f"{s}_wrist"): 0.035 for s in ("left", "right")},
}  # fmt: skip
"""What hides points: the radius in metres around the line between two joints."""

_LIMBS = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle", "heel", "big_toe", "small_toe", "toes"))


@dataclass(frozen=True)
class DetectorNoise:
    """How wrong a detector is; ``CLEAN`` is not at all.

    Attributes:
        jitter: deviation by coordinate, in units of ``COCO_SIGMAS``. OpenPose on four calibrated
            cameras has 0.1 to 0.15, smaller and blurred people have more.
        slow_share: share of its variance that lasts ``slow_seconds``.
        blur: how much more jitter a point has that crosses the body's size in a second.
        hidden_jitter: how many times the jitter of a hidden point is larger.
        missing, hidden_missing: chance that a point, and that a hidden one, is missing.
        swaps: share of the time that the sides of arms, or of legs, are exchanged.
        swap_seconds: how long, on average.
        truncates: whether what lies beyond the image is missing.
    """

    jitter: float = 0.2
    slow_share: float = 0.5
    slow_seconds: float = 0.5
    blur: float = 0.5
    hidden_jitter: float = 3.0
    missing: float = 0.01
    hidden_missing: float = 0.25
    swaps: float = 0.02
    swap_seconds: float = 0.15
    truncates: bool = True


CLEAN = DetectorNoise(jitter=0, missing=0, hidden_missing=0, swaps=0, truncates=False)
"""Every point where it is, hidden or not, with full confidence."""


def cameras_around(place: np.ndarray, rng: np.random.Generator) -> Camera:
    """A camera for each of N people.

    Args:
        place: (N, 3) where the pelvis is, metres; the floor is y = 0.
        rng: draws sizes, lenses, distances, heights, headings, aim and roll.
    """
    N = len(place)
    size = np.array(SIZES, dtype=float)[rng.integers(len(SIZES), size=N)]
    focal = size.max(axis=1) * np.exp(rng.uniform(np.log(FOCAL[0]), np.log(FOCAL[1]), N))
    distance = np.clip(focal * STANDING / (rng.uniform(*SHARE, N) * size[:, 1]), *DISTANCE)
    heading = rng.uniform(0, 2 * np.pi, N)
    away = np.stack([np.sin(heading), np.zeros(N), np.cos(heading)], axis=-1) * distance[:, None]
    centre = place + away
    centre[:, 1] = rng.uniform(*HEIGHT, N)
    forward = place + AIM * rng.standard_normal((N, 3)) - centre
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    upright = np.stack([right, np.cross(forward, right), forward], axis=-2)
    roll = np.zeros((N, 3))
    roll[:, 2] = np.radians(ROLL_DEG) * rng.standard_normal(N)
    intrinsics = np.zeros((N, 3, 3))
    intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = focal
    intrinsics[:, :2, 2] = size / 2
    intrinsics[:, 2, 2] = 1
    return Camera(intrinsics, from_rotvec(roll) @ upright, centre, size)


def detect(
    camera: Camera,
    body: Body,
    world: np.ndarray,
    positions: np.ndarray,
    rng: np.random.Generator,
    *,
    noise: DetectorNoise,
    fps: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """What a detector makes of T poses.

    Args:
        camera: one for all poses, or T.
        body: whose points are looked for.
        world, positions: (T, 22, 3, 3) and (T, 22, 3), metres, in the world.
        rng: same generator, same result.
        noise: how wrong the detector is.
        fps: frames a second of a clip; None for poses that have nothing to do with each other.

    Returns:
        (T, K, 2) pixels, NaN where missing, and (T, K) confidence, 0 there.
    """
    places = body.points(world, positions)
    pixels = camera.project(places)
    T, K = pixels.shape[:2]
    seen = np.isfinite(pixels)
    span = np.where(seen, pixels, -np.inf).max(axis=1) - np.where(seen, pixels, np.inf).min(axis=1)
    size = np.sqrt(np.maximum(np.where(span > 0, span, 0).prod(axis=-1), 1.0))[:, None]
    covered = hidden(camera.centre, positions, places)
    more = np.where(covered, noise.hidden_jitter, 1.0) * (1 + noise.blur * _speed(pixels, fps) / size)
    sigma = noise.jitter * more * np.array([_sigma(name) for name in body.names])
    slow = _slow((T, K, 2), noise.slow_seconds, fps, rng)
    white = rng.standard_normal((T, K, 2))
    error = np.sqrt(noise.slow_share) * slow + np.sqrt(1 - noise.slow_share) * white
    found = _swapped(pixels, body.names, noise, fps, rng) + (sigma * size)[..., None] * error
    gone = rng.random((T, K)) < np.where(covered, noise.hidden_missing, noise.missing)
    gone |= ~np.isfinite(found).all(axis=-1)
    if noise.truncates:
        gone |= (found < 0).any(axis=-1) | (found >= camera.size[..., None, :]).any(axis=-1)
    spread = np.exp(0.3 * (noise.jitter > 0) * rng.standard_normal((T, K)))
    confidence = np.exp(-5 * sigma * spread)
    return np.where(gone[..., None], np.nan, found), np.where(gone, 0.0, confidence)


def hidden(centre: np.ndarray, positions: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(T, K) whether a body is between a camera and points.

    Args:
        centre: (3,) or (T, 3) of the camera, metres.
        positions: (T, 22, 3) the body's joints.
        places: (T, K, 3) the points.
    """
    found = np.zeros(places.shape[:2], dtype=bool)
    eye = np.broadcast_to(centre, (len(places), 3))[:, None]
    ray = places - eye
    for (start, end), radius in _FLESH.items():
        a, b = positions[:, JOINT_INDEX[start], None], positions[:, JOINT_INDEX[end], None]
        along, depth = _nearest(eye, ray, a, b - a)
        gap = np.linalg.norm(eye + depth[..., None] * ray - a - along[..., None] * (b - a), axis=-1)
        short = radius / np.maximum(np.linalg.norm(ray, axis=-1), 1e-9)
        found |= (gap < radius) & (depth < 1 - short)  # what is on a bone's own surface it does not hide
    return found


def _nearest(
    eye: np.ndarray, ray: np.ndarray, a: np.ndarray, bone: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where a bone and a ray are nearest: shares of the bone and of the ray, each within 0 and 1."""
    rr, bb, rb = (np.sum(x * y, axis=-1) for x, y in ((ray, ray), (bone, bone), (ray, bone)))
    offset = eye - a
    r0, b0 = np.sum(ray * offset, axis=-1), np.sum(bone * offset, axis=-1)
    apart = rr * bb - rb**2
    along = np.where(apart > 1e-12, (rr * b0 - rb * r0) / np.where(apart > 1e-12, apart, 1), 0)
    along = np.clip(along, 0, 1)
    return along, np.clip((along * rb - r0) / np.maximum(rr, 1e-12), 0, 1)


def _sigma(name: str) -> float:
    return next((sigma for part, sigma in COCO_SIGMAS.items() if part in name), OTHER_SIGMA)


def _speed(pixels: np.ndarray, fps: float | None) -> np.ndarray:
    """(T, K) pixels a second."""
    if fps is None or len(pixels) < 2:
        return np.zeros(pixels.shape[:2])
    return np.linalg.norm(np.nan_to_num(np.gradient(pixels, axis=0)), axis=-1) * fps


def _slow(shape: tuple[int, ...], seconds: float, fps: float | None, rng: np.random.Generator) -> np.ndarray:
    """Unit noise (T, ...) that forgets itself in so many seconds."""
    noise = rng.standard_normal(shape)
    if fps is None:
        return noise
    keep = np.exp(-1 / (seconds * fps))
    for frame in range(1, shape[0]):
        noise[frame] = keep * noise[frame - 1] + np.sqrt(1 - keep**2) * noise[frame]
    return noise


def _swapped(
    pixels: np.ndarray,
    names: tuple[str, ...],
    noise: DetectorNoise,
    fps: float | None,
    rng: np.random.Generator,
) -> np.ndarray:
    """The points with the sides of arms or legs exchanged now and then."""
    partner, swapped = np.array(mirrored(names)), pixels.copy()
    stay = 0.0 if fps is None else np.exp(-1 / (noise.swap_seconds * fps))
    for parts in _LIMBS:
        limb = np.array([name.partition("_")[2] in parts for name in names])
        now, swaps = False, np.zeros(len(pixels), dtype=bool)
        for frame, draw in enumerate(rng.random((len(pixels), 2))):
            if frame == 0 or draw[0] >= stay:
                now = draw[1] < noise.swaps
            swaps[frame] = now
        chosen = swaps[:, None] & limb
        swapped = np.where(chosen[..., None], pixels[:, partner], swapped)
    return swapped
