# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to fit a body from a start: without a prior, with a Gaussian, with DPoser, by guided inversion.

All see the same keypoints through the same robust kernel and move the body's place freely. Clips are
smoothed alike at the end, but for guided inversion as published, which has its own temporal term.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from contrapposto.arrays import Array, like, to_numpy
from contrapposto.diffusion.adam import Adam
from contrapposto.diffusion.invert_guide import gradient, invert_guide
from contrapposto.diffusion.prior_loss import Timesteps, residual, snr_weight
from contrapposto.evaluation.fit_cases import Scene
from contrapposto.evaluation.fit_inversion import Turning, inverted
from contrapposto.motion import Pose
from contrapposto.priors.dposer import DPoser, body_of, with_root
from contrapposto.priors.lifting import Lifting
from contrapposto.priors.motion import SPREAD_6D, MotionPrior
from contrapposto.priors.pose import STATE, PosePrior
from contrapposto.priors.space import Space
from contrapposto.rotation import from_rotvec, project, transpose
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics
from contrapposto.tasks.fit import fit
from contrapposto.tasks.fit_points import fit_points, jacobian, observed
from contrapposto.tasks.fit_refine import observation
from contrapposto.tasks.fit_start import Start
from contrapposto.tasks.reconstruct import smoothed

Method = Callable[[Scene, Any], Start]
"""From a start; what ships also from none."""

DAMPING_RAD = 0.5
"""How far a step without prior may lead; the next begins anew, so that nothing is remembered."""
STEPS = 20

FREE_RAD = 10.0
"""The pelvis' looseness under a Gaussian prior, which knows nothing of headings."""

TAU_RATIO = 0.0913
SCOREHMR_STEPS, SCOREHMR_ROUNDS = 25, 10
"""ScoreHMR's highest noise by signal, steps a walk and rounds, for images and clips."""
KEYPOINTS, TEMPORAL = 0.003, 30.0
GM_PIXELS = 100.0
"""ScoreHMR's weights of keypoints and of movement, and the scale of its kernel, of images 1000 px large."""

DPOSER_STEPS, DPOSER_LR, DPOSER_WEIGHT = 100, 0.05, 0.2
DPOSER_TIMES = Timesteps(0.12, 0.08)
"""Of DPoser-regularised fitting; the times are the paper's for bodies in images."""


def _clip(one: Scene, pose: Pose) -> Pose:
    """Smoothed, if there is a clip to smooth."""
    if one.is_still:
        return pose
    return Pose(project(smoothed(pose.rotations, one.fps)), smoothed(pose.transl, one.fps))


def unmoved(_: Scene, start: Start) -> Start:
    """The start itself."""
    return start


def gauss_newton(one: Scene, start: Start) -> Start:
    """Keypoints alone, by damped Gauss-Newton steps (Levenberg 1944)."""
    pose, observe = start.pose, observation(one.footage)
    for _ in range(STEPS):
        pose = fit_points(start.body, observe, pose, pose.rotations, looseness=DAMPING_RAD, steps=1)
    return Start(start.body, _clip(one, pose))


def gaussian(prior: PosePrior) -> Method:
    """Keypoints and a Gaussian of each joint's rotation, by Gauss-Newton."""
    mean = to_numpy(prior.decode(like(np.zeros(STATE), prior.mean))).astype(np.float64)
    spread = to_numpy(prior.std)[:, 0].astype(np.float64) / SPREAD_6D
    spread[0] = FREE_RAD

    def method(one: Scene, start: Start) -> Start:
        home = np.tile(mean, (len(start.pose.transl), 1, 1, 1))
        pose = fit_points(
            start.body, observation(one.footage), start.pose, home, looseness=spread, steps=STEPS
        )
        return Start(start.body, _clip(one, pose))

    return method


def dposer(prior: DPoser, seed: int = 0) -> Method:
    """Keypoints by Adam with DPoser's regulariser, root and place by Adam, too."""

    def method(one: Scene, start: Start) -> Start:
        rng = np.random.default_rng(seed)
        body, observe, pose = start.body, observation(one.footage), start.pose
        T = len(pose.transl)
        x = prior.space.encode(like(body_of(pose.rotations), prior.space.mean))
        root, place = pose.rotations[:, 0], pose.transl
        for_body, for_root, for_place = Adam(DPOSER_LR), Adam(DPOSER_LR / 2), Adam(DPOSER_LR / 2)
        denoiser = prior.denoiser()
        for step in range(DPOSER_STEPS):
            rotations = to_numpy(with_root(prior.space.decode(x), like(root, x))).astype(np.float64)
            world, joints, points, _, pull = observed(body, observe, Pose(rotations, place))
            flat = transpose(jacobian(body, world, joints, points).reshape(T, -1, 3 * NUM_JOINTS + 3))
            down = -(flat @ pull.reshape(T, -1, 1))[..., 0]
            torque = like(down[:, 3:-3].reshape(T, NUM_JOINTS - 1, 3), x)
            t = DPOSER_TIMES.at(step, DPOSER_STEPS, rng)
            away = residual(denoiser, prior.schedule, x, t, rng)
            slope = prior.space.pullback(x, torque)
            x = for_body.step(x, slope + 2 * DPOSER_WEIGHT * snr_weight(prior.schedule, t) * away)
            turn = for_root.step(np.zeros((T, 3)), down[:, :3])
            root = project(from_rotvec(turn) @ root)
            place = for_place.step(place, down[:, -3:])
        rotations = to_numpy(with_root(prior.space.decode(x), like(root, x))).astype(np.float64)
        return Start(body, _clip(one, Pose(rotations, place)))

    return method


def score_hmr(prior: PosePrior) -> Method:
    """Guided inversion as published, on the pose prior; the place by a Newton step each time."""
    scale = np.broadcast_to(to_numpy(prior.std), (NUM_JOINTS, 6))
    eye = np.broadcast_to(np.eye(3), (NUM_JOINTS, 3, 3))
    space = Space("rot6d", to_numpy(prior.mean), scale, eye)
    ratios = np.geomspace(0.0064, TAU_RATIO, SCOREHMR_STEPS + 1)
    times = [prior.schedule.time(float(ratio)) for ratio in ratios]

    def method(one: Scene, start: Start) -> Start:
        turning = Turning(start, one.footage, prior)

        def loss(x0hat: Array) -> tuple[Array, Array]:
            turning.place(x0hat)
            value, by_turns = _keypoints(one, turning)
            by_turns[:, 0] = (transpose(turning.heading) @ by_turns[:, 0, :, None])[..., 0]
            x = to_numpy(x0hat).astype(np.float64)
            slope = space.pullback(x, by_turns)
            step = np.diff(x, axis=0) * (not one.is_still)
            slope[1:] += 2 * TEMPORAL * step
            slope[:-1] -= 2 * TEMPORAL * step
            return like(value, x0hat), like(slope, x0hat)

        last = invert_guide(
            prior.denoiser(turning.unconditional()),
            turning.state(),
            prior.schedule,
            times,
            gradient(loss),
            rounds=SCOREHMR_ROUNDS,
        )
        turning.place(last)
        return Start(start.body, turning.pose)

    return method


def _keypoints(one: Scene, turning: Turning) -> tuple[np.ndarray, np.ndarray]:
    """ScoreHMR's loss of keypoints (T,) and its derivative by turns (T, 22, 3); moves the place."""
    f, body = one.footage, turning.body
    world, joints = forward_kinematics(turning.pose.rotations, body.offsets)
    joints = joints + turning.pose.transl[:, None]
    points = body.points(world, joints)
    T = len(points)
    unit = (1000 / f.cameras.size.max(axis=-1))[:, None, None]
    there = f.confidence > 0
    seen = f.cameras[:, None].seen(points[None])
    there &= seen[..., 2] > 0
    off = np.where(there[..., None], f.cameras[:, None].project(points[None]) - f.points, 0) * unit[..., None]
    kernel = GM_PIXELS**2 / (GM_PIXELS**2 + off**2)
    weight = KEYPOINTS * (f.confidence * there)[..., None] ** 2
    value = np.sum(weight * kernel * off**2, axis=(0, 2, 3))
    slope = f.cameras[:, None].slope(np.where(there[..., None], seen, 1)) @ f.cameras.rotation[:, None, None]
    slope = slope * unit[..., None, None]
    held = transpose(slope) @ (2 * (weight * kernel**2)[..., None] * slope)
    by_points = (transpose(slope) @ (2 * weight * kernel**2 * off)[..., None])[..., 0].sum(axis=0)
    shift = -np.linalg.solve(held.sum(axis=(0, 2)) + 1e-6 * np.eye(3), by_points.sum(axis=1)[..., None])[
        ..., 0
    ]
    turning.pose = Pose(turning.pose.rotations, turning.pose.transl + shift)
    flat = transpose(jacobian(body, world, joints, points).reshape(T, -1, 3 * NUM_JOINTS + 3))
    by_turns = (flat @ by_points.reshape(T, -1, 1))[:, :-3, 0].reshape(T, NUM_JOINTS, 3)
    return value, by_turns


def proximal(prior: PosePrior) -> Method:
    """Guided inversion on the pose prior by proximal steps, each frame for itself."""

    def method(one: Scene, start: Start) -> Start:
        found = inverted(start, one.footage, prior)
        return Start(found.body, _clip(one, found.pose))

    return method


def ours(pose_prior: PosePrior, motion_prior: MotionPrior, lifting: Lifting | None) -> Method:
    """What ships; from a start that it finds by itself if none is given."""

    def method(one: Scene, start: Start | None) -> Start:
        found = fit(
            one.footage,
            one.fps,
            start=start,
            motion_prior=motion_prior,
            pose_prior=pose_prior,
            lifting=lifting,
        )
        return Start(found.body, found.motion.poses)

    return method
