# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m contrapposto``: sample poses, triangulate and fit keypoints; train, evaluate, calibrate."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from contrapposto import fit_command, sample_command, triangulate_command
from contrapposto.arrays import need_torch
from contrapposto.evaluation.command import add_options, evaluate

POSE_EXAMPLES = (
    ("broad", 0.08, "share of examples that nobody recorded"),
    ("recombination", 0.0, "share of examples made of two poses"),
    ("pose-noise", 0.0, "radians by which whole poses are turned"),
)
"""What is done to the examples of the pose prior, as ``training.pose.Settings`` has it."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m contrapposto", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser("train", help="train a prior (needs torch)")
    priors = train.add_subparsers(dest="prior", required=True)
    pose = priors.add_parser(
        "pose",
        help="the pose prior",
        description="Train the pose prior. Stop at any time; the same command takes the run up again.",
    )
    _add_training_options(pose, width=512, blocks=4, batch=512, lr=1e-3)
    pose.add_argument("--start", type=Path, help="a pose.npz to begin from instead of random weights")
    for name, value, text in POSE_EXAMPLES:
        pose.add_argument(f"--{name}", type=float, default=value, help=f"{text} (default {value})")
    motion = priors.add_parser(
        "motion",
        help="the motion prior",
        description="Train the motion prior. Stop at any time; the same command takes the run up again.",
    )
    _add_training_options(motion, width=256, blocks=5, batch=16, lr=8e-4)
    motion.add_argument("--frames", type=int, default=64, help="frames of a window (default 64)")
    motion.add_argument("--start", type=Path, help="a motion.npz to begin from instead of random weights")
    dposer = priors.add_parser(
        "dposer",
        help="DPoser, the published prior to compare with",
        description="Train DPoser. Stop at any time; the same command takes the run up again.",
    )
    _add_training_options(dposer, width=1024, blocks=2, batch=1280, lr=5e-4)
    dposer.add_argument("--representation", choices=("rotvec", "rot6d", "tangent"), default="rotvec")
    dposer.add_argument("--normalisation", choices=("zscore", "minmax", "none"), default="zscore")
    gfpose = priors.add_parser(
        "gfpose",
        help="GFPose, joint positions of which an image or a part is known",
        description="Train GFPose on poses as virtual cameras see them.",
    )
    _add_training_options(gfpose, width=512, blocks=4, batch=256, lr=8e-4)
    gfpose.add_argument("--target", choices=("clean", "noise"), default="clean")
    gfpose.add_argument("--lifter", type=Path, help="a lifter.npz whose answers it starts from")
    gfpose.add_argument("--masks", default="111", help="tenths of people, parts and joints hidden")

    lifter = priors.add_parser(
        "lifter",
        help="the lifter, from one camera's keypoints to joints in space",
        description="Train the lifter. Stop at any time; the same command takes the run up again.",
    )
    _add_training_options(lifter, width=384, blocks=3, batch=512, lr=1e-3)
    lifter.add_argument("--start", type=Path, help="a lifter.npz to begin from instead of random weights")
    lifter.add_argument("--plain", action="store_true", help="learn positions alone, without deviations")
    sequence = priors.add_parser(
        "sequence-lifter",
        help="the lifter over time, from one camera's keypoints of a clip to joints in space",
        description="Train the lifter over time. Stop at any time; the same command takes the run up again.",
    )
    _add_training_options(sequence, width=192, blocks=4, batch=12, lr=1e-3)
    sequence.add_argument("--lifter", type=Path, required=True, help="the lifter.npz that it corrects")
    diffpose = priors.add_parser(
        "diffpose",
        help="DiffPose, which refines a lifter's answers",
        description="Train DiffPose. Stop at any time; the same command takes the run up again.",
    )
    _add_training_options(diffpose, width=96, blocks=3, batch=192, lr=1e-3)
    diffpose.add_argument("--lifter", type=Path, required=True, help="a lifter.npz or sequence_lifter.npz")
    diffpose.add_argument("--sequence", action="store_true", help="the lifter is one over time")
    diffpose.add_argument("--begin", type=Path, help="a diffpose.npz to begin from")
    diffpose.add_argument("--objective", choices=("diffusion", "stacked", "one_step"), default="diffusion")
    diffpose.add_argument("--start", choices=("gmm", "gaussian", "normal"), default="gmm")

    released = priors.add_parser(
        "diffpose-released",
        help="DiffPose as its released code has it, to compare with",
        description="Train the released DiffPose. Stop at any time; the same command takes the run up again.",
    )
    _add_training_options(released, width=96, blocks=5, batch=192, lr=5e-4)
    released.add_argument("--lifter", type=Path, required=True, help="a lifter.npz")

    sample_command.add_options(
        commands.add_parser(
            "sample",
            help="write poses from the prior into a BVH or npz file",
            description="Sample poses, free or around what is known, one a frame of a BVH or npz file.",
        )
    )
    triangulate_command.add_options(
        commands.add_parser(
            "triangulate",
            help="turn keypoints of calibrated cameras into motion",
            description="Find one person in the keypoints of several calibrated cameras; write their motion.",
        )
    )
    fit_command.add_options(
        commands.add_parser(
            "fit",
            help="fit a body to keypoints of one camera or several",
            description="Fit a body to one person's keypoints, of one camera or several; write their motion.",
        )
    )
    add_options(commands.add_parser("evaluate", help="measure a prior beside the baselines"))
    calibrate = commands.add_parser(
        "calibrate",
        help="measure how natural real poses are to a prior",
        description="Store in a weights file how natural the real poses of a split are to it.",
    )
    calibrate.add_argument("--weights", type=Path, required=True, help="a pose.npz, changed in place")
    calibrate.add_argument("--data", type=Path, required=True, help="a folder with splits.json")
    calibrate.add_argument("--split", default="val", help="people it was not trained on (default val)")
    return parser


def _add_training_options(
    parser: argparse.ArgumentParser, *, width: int, blocks: int, batch: int, lr: float
) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        help="a folder with splits.json, or a folder of .bvh or AMASS-style .npz files; may be repeated",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for weights, log and checkpoint")
    parser.add_argument("--minutes", type=float, default=50.0, help="length of the run (default 50)")
    parser.add_argument("--steps", type=int, default=0, help="length of the run in steps instead")
    parser.add_argument("--width", type=int, default=width, help=f"width of the network (default {width})")
    parser.add_argument("--blocks", type=int, default=blocks, help=f"residual blocks (default {blocks})")
    parser.add_argument("--batch", type=int, default=batch, help=f"poses a step (default {batch})")
    parser.add_argument("--lr", type=float, default=lr, help=f"learning rate at its highest (default {lr})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default=None, help="torch device; a GPU if there is one")
    parser.add_argument("--every", type=int, default=500, help="steps between two reports (default 500)")


def _train(arguments: argparse.Namespace) -> None:
    need_torch("Training")
    from contrapposto.training import command

    train = {
        "pose": command.train_pose,
        "motion": command.train_motion,
        "dposer": command.train_dposer,
        "gfpose": command.train_gfpose,
        "lifter": command.train_lifter,
        "sequence-lifter": command.train_sequence_lifter,
        "diffpose": command.train_diffpose,
        "diffpose-released": command.train_released_diffpose,
    }
    train[arguments.prior](arguments)


def _calibrate(arguments: argparse.Namespace) -> None:
    from contrapposto.evaluation.naturalness import calibrate_file

    calibrate_file(arguments.weights, arguments.data, arguments.split)
    print(f"{arguments.weights}: calibrated on '{arguments.split}'")


def main(argv: list[str] | None = None) -> int:
    """Run a command; 0 when it worked, 1 with one sentence when it did not."""
    arguments = _parser().parse_args(argv)
    run = {
        "sample": sample_command.sample,
        "triangulate": triangulate_command.run,
        "fit": fit_command.run,
        "train": _train,
        "evaluate": evaluate,
        "calibrate": _calibrate,
    }[arguments.command]
    try:
        run(arguments)
    except (ValueError, OSError) as error:
        print(f"contrapposto: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("contrapposto: stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
