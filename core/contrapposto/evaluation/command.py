# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m contrapposto evaluate …``: print a protocol's table, write its records."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from contrapposto.arrays import need_torch, torch_zero
from contrapposto.files.table import Record, format_table, make_room, write_json
from contrapposto.priors import dposer, gfpose, pose

TASKS = {
    "completion": "hide joints, complete them, measure the error",
    "generation": "sample with nothing known, compare with real poses",
    "ik": "find poses from joint positions, beside damped least squares",
    "samples": "sample poses as drawn and spread out: how varied, how real",
    "lift": "find joints in space from image keypoints of virtual cameras",
    "fit": "fit a body to keypoints of one image, a clip or several views",
    "naturalness": "tell damaged poses from real ones",
    "unusual": "complete hand-written poses that no recording has, measure the drag to standing",
    "rigs": "find the joints of rigs of every make, with their names and without",
    "solvers": "ways and numbers of steps to ask the prior: error, diversity and time",
    "denoise": "clean damaged clips, beside filters at their best in hindsight",
    "lift_ablation": "train GFPose with each level of masking, lift with each",
    "diffpose_ablation": "train DiffPose from each start and to each end, refine with each",
    "ablation": "train DPoser in each representation and normaliser, complete with each",
    "leave_one_out": "train without each source of recordings, complete its poses",
    "claims": "the directional claims of DPoser's papers, tried on this data",
}
NEEDS_DPOSER = ("claims",)
MEASURES_OURS = (
    "completion",
    "generation",
    "samples",
    "ik",
    "lift",
    "fit",
    "naturalness",
    "unusual",
    "solvers",
)
ON_NUMPY = ("solvers",)
NO_SPLIT = ("leave_one_out", "rigs", "unusual")
OWN_SEEDS = ("ablation", "lift_ablation", "diffpose_ablation", "claims")
"""Protocols that need DPoser's weights, that measure the pose prior, of these the ones that
run on NumPy only, those of no split, and those that average over seeds of their own."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of ``evaluate`` a parser for each protocol."""
    tasks = parser.add_subparsers(dest="task", required=True)
    for name, text in TASKS.items():
        task = tasks.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name == "rigs":
            task.add_argument("--data", type=Path, help="also the real rigs of a folder with bvh/*.bvh")
        else:
            task.add_argument("--data", type=Path, required=True, help="a folder with splits.json")
        if name not in NO_SPLIT:
            task.add_argument("--split", default="val", help="train, val or test (default val)")
        if name != "unusual":
            task.add_argument("--quick", action="store_true", help="a small fixed subset, within a minute")
        task.add_argument("--json", type=Path, help="also write the records to this file")
        if name not in OWN_SEEDS:
            task.add_argument("--seed", type=int, default=0)
        _add_own_options(name, task)


def _add_own_options(name: str, task: argparse.ArgumentParser) -> None:
    """What only some protocols have a choice of."""
    if name in MEASURES_OURS:
        task.add_argument("--weights", type=Path, help="a pose prior; the shipped one by default")
    if name in MEASURES_OURS and name not in ON_NUMPY:
        task.add_argument("--backend", choices=("numpy", "torch"), default="numpy")
    if name == "fit":
        task.add_argument("--footage", type=Path, help="also fit real views, as evaluate lift has them")
    if name == "lift":
        task.add_argument(
            "--gfpose", type=Path, help="weights of `train gfpose`; the shipped ones by default"
        )
        task.add_argument("--plain", type=Path, help="weights of `train lifter --plain`, to compare with")
        task.add_argument(
            "--footage", type=Path, help="also lift real views: a folder with Calib.qca.txt and pose/*_json"
        )
    if name == "denoise":
        task.add_argument("--weights", type=Path, help="a motion prior; the shipped one by default")
        task.add_argument("--backend", choices=("numpy", "torch"), default="numpy")
        task.add_argument("--only", nargs="*", default=(), metavar="CASE", help="only these cases")
    if name in ("completion", "generation", "ik", "denoise", "fit", *NEEDS_DPOSER):
        task.add_argument(
            "--dposer",
            type=Path,
            required=name in NEEDS_DPOSER,
            help="weights of `train dposer`, to run the published method (needs torch)",
        )
    if name == "completion":
        task.add_argument("--stride", type=int, default=10, help="complete every n-th good frame")
    if name in ("ablation", "lift_ablation", "diffpose_ablation"):
        task.add_argument("--output", type=Path, required=True, help="folder for the training runs")
        task.add_argument("--steps", type=int, default=2000, help="training steps each (default 2000)")
    if name == "leave_one_out":
        task.add_argument("--output", type=Path, required=True, help="folder for the training runs")
        task.add_argument("--steps", type=int, default=5000, help="training steps each (default 5000)")
        task.add_argument("--only", nargs="*", default=(), metavar="SOURCE", help="only these sources")
    if name == "claims":
        task.add_argument("--only", nargs="*", default=(), metavar="D1", help="only these claims")


def evaluate(arguments: argparse.Namespace) -> None:
    """Run one protocol, print its table and write its records.

    Args:
        arguments: of ``add_options``.

    Raises:
        ValueError: with one sentence, if the data, the weights or torch is missing.
        OSError: if the records cannot be written where they should go; before anything is measured.
    """
    if arguments.json:
        make_room(arguments.json)
    records = list(_RUN[arguments.task](arguments))
    if arguments.task == "completion":
        from contrapposto.evaluation.completion import summary

        print(format_table(summary(records)), end="\n\n")
    print(format_table(records))
    if arguments.json:
        write_json(records, arguments.json)


def _completion(a: argparse.Namespace) -> Iterator[Record]:
    from contrapposto.evaluation.completion import evaluate

    published = _read_dposer(a.dposer) if a.dposer else None
    more = {"dposer": published, "stride": a.stride, "seed": a.seed}
    return evaluate(a.data, a.split, _prior(a), **more, **_common(a))


def _generation(a: argparse.Namespace) -> Iterator[Record]:
    from contrapposto.evaluation import published
    from contrapposto.evaluation.generation import evaluate

    methods = published.samplers(_read_dposer(a.dposer)) if a.dposer else {}
    return evaluate(a.data, a.split, _prior(a), methods=methods, seed=a.seed, **_common(a))


def _samples(a: argparse.Namespace) -> Iterator[Record]:
    from contrapposto.evaluation.samples import evaluate

    return evaluate(a.data, a.split, _prior(a), seed=a.seed, **_common(a))


def _ik(a: argparse.Namespace) -> Iterator[Record]:
    from contrapposto.evaluation import published
    from contrapposto.evaluation.ik import evaluate

    methods = published.kinematics(_read_dposer(a.dposer)) if a.dposer else {}
    return evaluate(a.data, a.split, _prior(a), methods=methods, seed=a.seed, **_common(a))


def _lift(a: argparse.Namespace) -> Iterator[Record]:
    from contrapposto.evaluation.lifters import doubted_by, lifted_by, refined_by
    from contrapposto.evaluation.lifting import evaluate, footage_in
    from contrapposto.priors import lifter, lifting

    def there(prior: Any) -> Any:  # noqa: ANN401 - any of the four, on the backend
        return prior.on(torch_zero("The torch backend")) if a.backend == "torch" else prior

    images, clips = there(lifting.of_images()), there(lifting.of_clips())
    methods = {"plain_lifter": lifted_by(there(lifter.read(a.plain)))} if a.plain else {}
    methods |= {
        "lifter": lifted_by(images.lifter),
        "diffpose": refined_by(images.refine, images.lifter, seed=a.seed),
    }
    sequences = {
        "lifter_over_time": lifted_by(clips.lifter),
        "diffpose_over_time": refined_by(clips.refine, clips.lifter, seed=a.seed),
    }
    doubts = dict.fromkeys(("lifter", "diffpose"), doubted_by(images.lifter))
    doubts |= dict.fromkeys(sequences, doubted_by(clips.lifter))
    return evaluate(
        a.data,
        a.split,
        _prior(a),
        there(gfpose.load(a.gfpose or gfpose.WEIGHTS)),
        methods=methods,
        sequences=sequences,
        doubts=doubts,
        footage=footage_in(a.footage) if a.footage else None,
        seed=a.seed,
        **_common(a),
    )


def _fit(a: argparse.Namespace) -> Iterator[Record]:
    from contrapposto.evaluation.fitting import evaluate
    from contrapposto.evaluation.lifting import footage_in
    from contrapposto.priors import motion

    published = _read_dposer(a.dposer) if a.dposer else None
    footage = footage_in(a.footage) if a.footage else None
    more = {"dposer": published, "footage": footage, "seed": a.seed}
    return evaluate(a.data, a.split, _prior(a), motion.load(), **more, **_common(a))


def _naturalness(a: argparse.Namespace) -> Iterator[Record]:
    from contrapposto.evaluation.naturalness import evaluate

    return evaluate(a.data, a.split, _prior(a), seed=a.seed, **_common(a))


def _unusual(a: argparse.Namespace) -> Iterator[Record]:
    from contrapposto.evaluation.unusual import evaluate

    return evaluate(a.data, _prior(a), seed=a.seed, tell=_tell)


def _rigs(a: argparse.Namespace) -> Iterator[Record]:
    from contrapposto.evaluation.rigs import evaluate

    return evaluate(a.data, seed=a.seed, **_common(a))


def _solvers(a: argparse.Namespace) -> Iterator[Record]:
    from contrapposto.evaluation.solvers import evaluate

    return evaluate(a.data, a.split, _prior(a), seed=a.seed, **_common(a))


def _denoise(a: argparse.Namespace) -> Iterator[Record]:
    from contrapposto.evaluation import denoise, denoising
    from contrapposto.priors import motion

    published = _read_dposer(a.dposer) if a.dposer else None
    prior = motion.load(a.weights or motion.WEIGHTS)
    if a.backend == "torch":
        prior = prior.on(torch_zero("The torch backend"))
    only = tuple(a.only)
    yield from denoising.evaluate(a.data, a.split, prior, only=only, seed=a.seed, **_common(a))
    if published:
        yield from denoise.evaluate(a.data, a.split, published, seed=a.seed, **_common(a))


def _claims(a: argparse.Namespace) -> Iterator[Record]:
    published = _read_dposer(a.dposer)  # says what is missing before torch is imported
    from contrapposto.evaluation.claims import evaluate

    return evaluate(a.data, a.split, published, only=tuple(a.only), **_common(a))


def _ablation(a: argparse.Namespace) -> Iterator[Record]:
    need_torch("Training")
    from contrapposto.evaluation.ablation import evaluate

    return evaluate(a.data, a.split, a.output, steps=a.steps, **_common(a))


def _lift_ablation(a: argparse.Namespace) -> Iterator[Record]:
    need_torch("Training")
    from contrapposto.evaluation.lift_ablation import evaluate

    return evaluate(a.data, a.split, a.output, steps=a.steps, **_common(a))


def _diffpose_ablation(a: argparse.Namespace) -> Iterator[Record]:
    need_torch("Training")
    from contrapposto.evaluation.refining import evaluate

    return evaluate(a.data, a.split, a.output, steps=a.steps, **_common(a))


def _leave_one_out(a: argparse.Namespace) -> Iterator[Record]:
    need_torch("Training")
    from contrapposto.evaluation.leave_one_out import evaluate
    from contrapposto.training.pose import Settings

    settings = Settings(steps=a.steps, seed=a.seed)
    return evaluate(a.data, a.output, settings=settings, sources=a.only, seed=a.seed, **_common(a))


_RUN: dict[str, Callable[[argparse.Namespace], Iterator[Record]]] = {
    "completion": _completion,
    "generation": _generation,
    "samples": _samples,
    "ik": _ik,
    "lift": _lift,
    "fit": _fit,
    "naturalness": _naturalness,
    "unusual": _unusual,
    "rigs": _rigs,
    "solvers": _solvers,
    "denoise": _denoise,
    "lift_ablation": _lift_ablation,
    "diffpose_ablation": _diffpose_ablation,
    "ablation": _ablation,
    "leave_one_out": _leave_one_out,
    "claims": _claims,
}


def _common(a: argparse.Namespace) -> dict[str, Any]:
    return {"quick": a.quick, "tell": _tell}


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _prior(a: argparse.Namespace) -> pose.PosePrior:
    prior = pose.load(a.weights or pose.WEIGHTS)
    on_torch = a.task not in ON_NUMPY and a.backend == "torch"
    return prior.on(torch_zero("The torch backend")) if on_torch else prior


def _read_dposer(path: Path) -> dposer.DPoser:
    return dposer.read(path).on(torch_zero("DPoser"))
