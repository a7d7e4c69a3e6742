# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m contrapposto sample``: poses from the prior into a BVH or AMASS-style npz file, one a frame."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from contrapposto.arrays import torch_zero
from contrapposto.files.motion_files import check_output, read_motion, write_motion
from contrapposto.motion import Motion, Pose
from contrapposto.observations import Known, Target
from contrapposto.priors import pose as pose_prior
from contrapposto.skeleton import JOINT_INDEX
from contrapposto.tasks.sample import sample_poses


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of ``sample`` its options."""
    parser.add_argument("--output", type=Path, required=True, help="the .bvh or .npz file to write")
    parser.add_argument("--count", type=int, default=24, metavar="N", help="poses (default 24)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same poses (default 0)")
    parser.add_argument(
        "--diversity", type=float, default=1.0, metavar="D", help="0 to 1, how much they differ (default 1)"
    )
    parser.add_argument("--pose", type=Path, metavar="FILE", help="a motion file with the current pose")
    parser.add_argument("--frame", type=int, default=0, help="its frame in that file, from 0 (default 0)")
    parser.add_argument(
        "--distance",
        type=float,
        default=1.0,
        metavar="D",
        help="0 to 1, how far from --pose (default 1, free)",
    )
    parser.add_argument(
        "--keep", type=_joints, default=(), metavar="JOINT,JOINT", help="joints that stay as in --pose"
    )
    parser.add_argument(
        "--target",
        type=_target,
        action="append",
        default=[],
        metavar="JOINT=X,Y,Z",
        help="a place for a joint, metres: x to the left of the body, y up from the floor, z forward",
    )
    parser.add_argument("--mirrored", action="store_true", help="exchange left and right of every pose")
    parser.add_argument(
        "--keep-feet-on-floor",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="let the bodies rest on the floor (default: yes)",
    )
    parser.add_argument("--fps", type=float, default=30.0, help="frames a second of the file (default 30)")
    parser.add_argument("--weights", type=Path, help="a pose prior; the shipped one by default")
    parser.add_argument("--backend", choices=("numpy", "torch"), default="numpy")


def sample(arguments: argparse.Namespace) -> None:
    """Sample, write the file and say what is in it.

    Args:
        arguments: of ``add_options``.

    Raises:
        ValueError: with one sentence, if an option or a file cannot be used; nothing is written.
        OSError: if the file cannot be written.
    """
    check_output(arguments.output)
    if not arguments.fps > 0:
        raise ValueError(f"--fps must be above 0, not {arguments.fps:g}")
    if arguments.pose is None and (arguments.keep or arguments.distance < 1):
        raise ValueError("--keep and --distance speak of a current pose; give it with --pose")
    found = sample_poses(
        None if arguments.pose is None else _frame(arguments.pose, arguments.frame),
        Known.of(*arguments.keep, targets=tuple(arguments.target)),
        count=arguments.count,
        seed=arguments.seed,
        diversity=arguments.diversity,
        distance=arguments.distance,
        mirrored=arguments.mirrored,
        keep_feet_on_floor=arguments.keep_feet_on_floor,
        prior=_prior(arguments),
    )
    motion = Motion(found.poses, arguments.fps, arguments.output.stem)
    percent = {} if found.naturalness is None else {"naturalness_percent": found.naturalness}
    write_motion(arguments.output, motion, energy=found.energy, fails=found.fails, **percent)
    for number, failing in enumerate(found.fails):
        natural = (
            "" if found.naturalness is None else f", more natural than {found.naturalness[number]:.0f} %"
        )
        print(f"frame {number}{natural}{', failing' if failing else ''}")
    print(f"wrote {arguments.output}")


def _joints(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in JOINT_INDEX:
            raise argparse.ArgumentTypeError(f"there is no joint '{name}', only {', '.join(JOINT_INDEX)}")
    return names


def _target(text: str) -> Target:
    joint, _, place = text.partition("=")
    _joints(joint)
    try:
        position = np.array([float(value) for value in place.split(",")])
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no target such as left_wrist=0.3,1.2,0.4") from error
    if position.shape != (3,) or not np.all(np.isfinite(position)):
        raise argparse.ArgumentTypeError(f"'{text}' is no target such as left_wrist=0.3,1.2,0.4")
    return Target(joint, position)


def _frame(path: Path, frame: int) -> Pose:
    motion = read_motion(path)
    if not 0 <= frame < len(motion):
        raise ValueError(f"{path} has no frame {frame}, only 0 to {len(motion) - 1}")
    return motion.poses[frame]


def _prior(arguments: argparse.Namespace) -> pose_prior.PosePrior:
    prior = pose_prior.load(arguments.weights or pose_prior.WEIGHTS)
    return prior if arguments.backend == "numpy" else prior.on(torch_zero("The torch backend"))
