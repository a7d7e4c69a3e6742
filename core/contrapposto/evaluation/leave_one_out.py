# SPDX-License-Identifier: GPL-3.0-or-later
"""Leave one source out: train without a kind of recording, complete its poses.

The val and test people mostly do what the train people do. How a prior fares with
actions, recording routes and characters that it has no example of, only a run without
them tells: for each source the prior is trained anew without it, briefly, and scored on
it by the completion protocol, beside the baselines fitted on the same remaining poses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from contrapposto.evaluation.completion import compare
from contrapposto.evaluation.poses import QUICK_POSES, TRAIN_STRIDE, poses_of, spread_evenly
from contrapposto.files.mocap import Clip, read_split
from contrapposto.priors import container
from contrapposto.priors.pose import PosePrior, read
from contrapposto.training.corpus import Corpus
from contrapposto.training.pose import PoseTask, Settings, export
from contrapposto.training.run import Trainer

SOURCES: dict[str, tuple[str, ...]] = {
    "walking": (
        "cmu/cmu007", "cmu/cmu008", "cmu/cmu009", "cmu/cmu016", "cmu/cmu032", "cmu/cmu038", "cmu/cmu043",
        "cmu/cmu091", "cmu/cmujumping", "cmu/cmuwalking",
    ),
    "climbing": ("cmu/cmu001",),
    "ballet": ("cmu/cmu005",),
    "sport": (
        "cmu/cmu006", "cmu/cmu010", "cmu/cmu011", "cmu/cmu013", "cmu/cmu014", "cmu/cmuJJ",
        "cmu/cmubasketballsi",
    ),
    "salsa": ("cmu/cmu060", "cmu/cmu061"),
    "indian_dance": ("cmu/cmu094",),
    "gestures": ("cmu/cmudirectingtra", "cmu/cmuwashwindow"),
    "idle": ("reactidle/",),
    "kaykit": ("kaykit/",),
    "mesh2motion": ("mesh2motion/", "mannequiny/"),
}  # fmt: skip
"""Subjects of the train split by what they do or where they stem from; a name that ends
in a slash means all of a folder."""

POSES = 300
"""Poses a source is scored on, evenly spaced."""


def of_source(clip: Clip, source: str) -> bool:
    """Whether a clip belongs to one of ``SOURCES``."""
    return any(
        clip.subject.startswith(name) if name.endswith("/") else clip.subject == name
        for name in SOURCES[source]
    )


def evaluate(
    data: Path,
    folder: Path,
    *,
    settings: Settings,
    sources: Sequence[str] = (),
    quick: bool = False,
    seed: int = 0,
    tell: Callable[[str], None] = print,
) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a source, case and method; train before each source.

    A source whose weights of these settings lie in ``folder`` already is not trained again, and
    one whose run was stopped goes on, so that the whole can be done in parts.

    Args:
        data: a motion data folder with ``splits.json``; ``val`` chooses each run's weights.
        folder: where each run's checkpoint and weights go, a folder a source.
        settings: of each run; a few thousand steps tell the sources apart.
        sources: names of ``SOURCES``; all if none is given.
        quick: fewer poses.
        seed: of the samples.
        tell: receives a line on what is being done.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged, a source is unknown or
            a run in ``folder`` had other settings.
    """
    unknown = [source for source in sources if source not in SOURCES]
    if unknown:
        raise ValueError(f"There is no source named '{unknown[0]}', only {', '.join(SOURCES)}")
    train, val = read_split(data, "train"), read_split(data, "val")
    count = QUICK_POSES if quick else POSES
    for source in sources or SOURCES:
        left_out = [clip for clip in train if of_source(clip, source)]
        rest = [clip for clip in train if not of_source(clip, source)]
        if not left_out:
            raise ValueError(f"The data in {data} has no clip of '{source}'")
        tell(f"{source}: learning from the other {len(rest)} clips")
        prior = _trained(rest, val, folder / source, settings, tell)
        chosen = spread_evenly(poses_of(left_out, 1), count)
        known_poses = poses_of(rest, TRAIN_STRIDE)
        for record in compare(chosen, known_poses, prior, seed=seed):
            steps = {"training_steps": settings.steps}
            yield {**record, "task": "leave_one_out", "source": source, **steps}


def _trained(
    rest: list[Clip], val: list[Clip], folder: Path, settings: Settings, tell: Callable[[str], None]
) -> PosePrior:
    """The prior that such a run learns from the rest.

    Raises:
        ValueError: if the folder has weights or a checkpoint of other settings.
    """
    weights = folder / "pose.npz"
    if weights.is_file():
        _check_settings(weights, settings)
    else:
        task = PoseTask(Corpus.of(rest), Corpus.of(val), settings)
        trainer = Trainer(task, folder, settings)
        trainer.resume()
        trainer.run(tell)
        export(trainer, task, weights, {"clips": len(rest)})
    return read(weights)


def _check_settings(weights: Path, settings: Settings) -> None:
    """Refuse weights that were trained with other settings, by name."""
    config, _ = container.load(weights, "pose")
    then, now = config.get("training", {}), asdict(settings)
    changed = [name for name in now if then.get(name) != now[name]]
    if changed:
        were = ", ".join(f"{name} {then.get(name)} instead of {now[name]}" for name in changed)
        raise ValueError(f"{weights} was trained with other settings ({were}); choose another output folder")
