# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill the tables of the docs from the records that the commands beside them wrote.

    .venv/dev/bin/python tools/results.py build/results

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``. Those whose records are all in the
folder are written anew, the others stay as they are.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from contrapposto.evaluation.cases import DESCRIPTIONS

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = "core/contrapposto/priors/weights"
DOCS = ("README.md", "docs/results.md", f"{WEIGHTS}/pose.md", f"{WEIGHTS}/motion.md")
BLOCK = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Record = Mapping[str, str | float]
Records = Sequence[Record]
Rows = list[list[str]]


PLAIN = {"contrapposto": "Contrapposto", "nearest": "nearest", "gaussian": "Gaussian"}


def markdown(rows: Rows) -> str:
    """Rows, the first of them the header, as a table."""
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: str | float | None, digits: int = 1) -> str:
    """A number to so many digits after the point; words as they are, nothing as nothing."""
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:.{digits}f}"


def value(records: Records, case: str, method: str, key: str) -> float:
    """One number of the record of a case and method."""
    for record in records:
        if (record["case"], record["method"]) == (case, method):
            return float(record[key])
    raise ValueError(f"No record of '{method}' for '{case}'")


def pivot(key: str, methods: Mapping[str, str], first: str = "hidden") -> Callable[[Records], Rows]:
    """One row a case, one column a method."""

    def rows(records: Records) -> Rows:
        cases = list(dict.fromkeys(str(record["case"]) for record in records))
        return [
            [first, *methods.values()],
            *(
                [
                    DESCRIPTIONS.get(case, case.replace("_", " ")),
                    *(number(value(records, case, method, key)) for method in methods),
                ]
                for case in cases
            ),
        ]

    return rows


def flat(columns: Mapping[str, tuple[str, int]]) -> Callable[[Records], Rows]:
    """One row a record; columns as header: (key, digits)."""

    def rows(records: Records) -> Rows:
        return [
            list(columns),
            *(
                [
                    DESCRIPTIONS.get(str(record.get(key)), number(record.get(key), digits))
                    for key, digits in columns.values()
                ]
                for record in records
            ),
        ]

    return rows


def completion(records: Records) -> Rows:
    """Best of ten beside the baselines, our ratio to the better one, and the errors of the means."""
    rows = [["hidden", "Contrapposto", "nearest", "Gaussian", "ratio", "mean pose of ours", "Gaussian mean"]]
    for case, words in DESCRIPTIONS.items():
        ours, near, gaussian = (
            value(records, case, method, "mpjpe_min_mm") for method in ("contrapposto", "nearest", "gaussian")
        )
        of_mean = value(records, case, "contrapposto", "mpjpe_of_mean_mm")
        of_gaussian = value(records, case, "gaussian_mean", "mpjpe_of_mean_mm")
        ratio = f"{ours / min(near, gaussian):.2f}"
        rows.append(
            [
                words,
                f"**{ours:.1f}**",
                number(near),
                number(gaussian),
                ratio,
                number(of_mean),
                number(of_gaussian),
            ]
        )
    return rows


def headline(records: Records) -> Rows:
    """The README's: best of ten, small numbers with one digit after the point."""
    rows = [["hidden", "Contrapposto", "the most similar poses that it learnt from", "guesses from averages"]]
    for case, words in DESCRIPTIONS.items():
        errors = [value(records, case, method, "mpjpe_min_mm") for method in PLAIN]
        ours, near, gaussian = (number(error, 0 if min(errors) > 20 else 1) for error in errors)
        rows.append([words, f"**{ours}**", near, gaussian])
    return rows


ORIGINAL = {"left_leg": (104, 203), "both_legs": (129, 206), "both_arms": (102, 137), "trunk": (23, 55)}
"""Best of ten and spread of the original DPoser code on the test split, mm; from the data's REFERENCE.md."""


def original(records: Records) -> Rows:
    """The original DPoser code beside ours at diversity 1, on the same poses."""
    rows = [["hidden", "DPoser, best of 10", "ours", "DPoser, spread", "ours"]]
    for case, (error, spread) in ORIGINAL.items():
        ours, apart = (
            value(records, case, "contrapposto_diverse", key) for key in ("mpjpe_min_mm", "spread_mm")
        )
        rows.append([DESCRIPTIONS[case], str(error), f"**{ours:.1f}**", str(spread), f"**{apart:.0f}**"])
    return rows


def published(records: Records) -> Rows:
    """Ours beside DPoser: error, spread and time of one hypothesis."""
    methods = {
        "contrapposto": "Contrapposto",
        "contrapposto_diverse": "Contrapposto, diversity 1",
        "dposer": "DPoser",
        "scoresde": "ScoreSDE",
        "gaussian": "Gaussian",
        "nearest": "nearest",
    }
    rows = [["hidden", "method", "best of 1", "of 5", "of 10", "of the mean", "spread", "ms a hypothesis"]]
    for record in records:
        if record["method"] not in methods:
            continue
        each = 1000 * float(record["seconds"]) / (float(record["hypotheses"]) * float(record["poses"]))
        keys = ("mpjpe_min_of_1_mm", "mpjpe_min_of_5_mm", "mpjpe_min_mm", "mpjpe_of_mean_mm", "spread_mm")
        rows.append(
            [
                DESCRIPTIONS[str(record["case"])],
                methods[str(record["method"])],
                *(number(record[key]) for key in keys),
                f"{each:.2f}",
            ]
        )
    return rows


def left_out(records: Records) -> Rows:
    """One row a source: best of ten, the mean over the masks that hide rotations."""
    rows = [["source left out", *PLAIN.values(), "ratio"]]
    for source in dict.fromkeys(record["source"] for record in records):
        means = []
        for method in PLAIN:
            errors = [
                float(record["mpjpe_min_mm"])
                for record in records
                if (record["source"], record["method"]) == (source, method)
                and record["case"] != "ends_placed"
            ]
            means.append(sum(errors) / len(errors))
        ratio = f"{means[0] / min(means[1:]):.2f}"
        rows.append([str(source).replace("_", " "), *(number(mean) for mean in means), ratio])
    return rows


def claims(records: Records) -> Rows:
    """One row a claim, D7 from the ablation's last record among them; the spread is of the seeds."""
    verdicts = sorted((r for r in records if r["task"] == "claims"), key=lambda record: str(record["case"]))
    rows = [["", "claim", "verdict", "measured", "largest spread", "holds if"]]
    for record in verdicts:
        spread = record.get("largest_seed_std")
        words = (str(record.get(key, "")) for key in ("case", "claim", "holds", "values"))
        rows.append([*words, "" if spread is None else f"{spread:.2g}", str(record.get("holds_if", ""))])
    return rows


DENOISED = {
    "noise_{}_mm": "positions, {} mm",
    "white_{}_deg": "rotations, white, {} degrees",
    "drift_{}_deg": "rotations, drifting, {} degrees",
    "dropped_{}_frames": "limb missing, {} frames",
    "body_dropped_{}_frames": "whole body missing, {} frames",
    "frozen_{}_frames": "limb frozen, {} frames",
    "spikes": "spikes",
    "flips": "flips",
    "markerless": "markerless mixture",
    "clean": "clean",
}
"""What the damage of a capture is called; the number in its name goes where the braces are."""


def denoised(records: Records) -> Rows:
    """Beside the filter that is best in hindsight: error, then jitter, sliding feet and sharpness."""
    rows = [
        [
            "damage",
            "mm",
            "best filter",
            "untouched",
            "saved",
            "acceleration error m/s²",
            "best filter",
            "skate cm/s",
            "best filter",
            "sharpness",
            "best filter",
        ]
    ]
    for case in dict.fromkeys(str(record["case"]) for record in records):
        of_case = {str(record["method"]): record for record in records if record["case"] == case}
        if not {"contrapposto", "untouched"} <= of_case.keys():
            continue
        ours, untouched = of_case["contrapposto"], of_case["untouched"]
        key = "damaged_mpjpe_mm" if "dropped" in case or "frozen" in case else "mpjpe_mm"
        best = _best_filter(of_case, key)
        saved = 1 - float(ours[key]) / float(best[key]) if float(best[key]) > 0.1 else None
        name = re.sub(r"\d+", "{}", case)
        rows.append(
            [
                DENOISED[name].format(*re.findall(r"\d+", case)),
                number(ours[key]),
                number(best[key]),
                number(untouched[key]),
                "" if saved is None else f"{100 * saved:.0f} %",
                *(
                    number(record.get(entry), digits)
                    for entry, digits in (("acceleration_error_m_s2", 1), ("skate_cm_s", 1), ("sharpness", 2))
                    for record in (ours, best)
                ),
            ]
        )
    return rows


NO_FILTERS = ("contrapposto", "contrapposto_body", "dposer", "no_prior")
"""Methods that are no filters; doing nothing counts as one."""


def _best_filter(of_case: Mapping[str, Record], key: str) -> Record:
    filters = [record for method, record in of_case.items() if method not in NO_FILTERS]
    return min(filters, key=lambda record: float(record[key]))


def per_frame(records: Records) -> Rows:
    """DPoser frame by frame beside ours and the filters: the same clips, the same noise."""
    methods = {"contrapposto": "Contrapposto", "dposer": "DPoser", "no_prior": "DPoser without its prior"}
    rows = [["clips", *(f"{words}, mm" for words in methods.values()), "best filter", "untouched"]]
    for case in dict.fromkeys(str(record["case"]) for record in records):
        of_case = {str(record["method"]): record for record in records if record["case"] == case}
        if "dposer" not in of_case:
            continue
        ours = "contrapposto" in of_case
        unseen = of_case["dposer"]["task"] == "partial_denoise"
        key = "occluded_mpjpe_mm" if unseen else "mpjpe_mm"
        name = re.sub(r"\d+", "{}", case)
        rows.append(
            [
                case.replace("_", " ") if unseen else DENOISED[name].format(*re.findall(r"\d+", case)),
                *(number(of_case[method][key]) if method in of_case else "" for method in methods),
                number(_best_filter(of_case, key)[key]) if ours else "",
                number(of_case["untouched"][key]) if ours else "",
            ]
        )
    return rows


def least(value: float) -> str:
    """A number to three digits after the point, or that it is less."""
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def rigs(records: Records) -> Rows:
    """One row a rig: joints found, with names and without, there and back, and both operators."""
    rows = [
        [
            "rig",
            "joints",
            "right by name, %",
            "renamed, %",
            "half the names, %",
            "no names, %",
            "how sure, %",
            "surest wrong, %",
            "there and back",
            "Complete Pose",
            "Denoise Mocap",
        ]
    ]
    for record in records:
        keys = ("named", "renamed", "half_named", "nameless")
        turn, mm = float(record["round_trip_deg"]), float(record["round_trip_mm"])
        surest = float(record["surest_wrong"])
        off, wrong = float(record["complete_pose_off_deg"]), int(record["wrongly_changed"])
        before, after = (number(record[f"denoise_{when}_mm"]) for when in ("before", "after"))
        pressed = f"{least(off)}°" if record["complete_pose"] == "finished" else str(record["complete_pose"])
        cleaned = f"{before} to {after} mm" if record["denoise"] == "finished" else str(record["denoise"])
        rows.append(
            [
                f"{record['case']}{'' if record['source'] == 'generated' else ' (real)'}",
                str(record["joints"]),
                *(number(record[f"{key}_right_percent"], 0) for key in keys),
                number(100 * float(record["confidence"]), 0),
                number(100 * surest, 0) if surest else "none wrong",
                f"{least(turn)}°, {least(mm)} mm",
                pressed + (f", {wrong} wrongly changed" if wrong else ""),
                cleaned,
            ]
        )
    return rows


def of_task(task: str, rows: Callable[[Records], Rows]) -> Callable[[Records], Rows]:
    """The rows of those records that belong to a task."""
    return lambda records: rows([record for record in records if record["task"] == task])


TABLES: dict[str, tuple[str, Callable[[Records], Rows]]] = {
    "completion-headline": ("completion", headline),
    "completion-test": ("completion", completion),
    "completion-val": ("completion_val", completion),
    "completion-moving": ("completion", pivot("moving_mpjpe_min_mm", PLAIN)),
    "completion-natural": ("completion", pivot("naturalness", PLAIN)),
    "completion-original": ("completion", original),
    "completion-dposer": ("completion_dposer", published),
    "generation": (
        "generation",
        flat(
            {
                "method": ("method", 0),
                "APD cm": ("apd_cm", 1),
                "FID": ("fid", 3),
                "precision": ("precision", 3),
                "recall": ("recall", 3),
                "dNN rad": ("dnn_rad", 2),
                "s for all": ("seconds", 1),
            }
        ),
    ),
    "samples": (
        "samples",
        flat(
            {
                "samples": ("case", 0),
                "method": ("method", 0),
                "APD cm": ("apd_cm", 1),
                "precision": ("precision", 3),
                "recall": ("recall", 3),
                "dNN rad": ("dnn_rad", 2),
                "naturalness": ("naturalness_percentile", 0),
                "leaning over, %": ("leaning_percent", 1),
                "ms a pose": ("ms_per_pose", 0),
                "APD rises by": ("apd_rise", 2),
                "precision changes by": ("precision_change", 3),
                "±": ("precision_change_error", 3),
                "claim": ("claim", 0),
            }
        ),
    ),
    "ik": (
        "ik",
        flat(
            {
                "given": ("case", 0),
                "method": ("method", 0),
                "unseen joints, first": ("unseen_mpjpe_mm", 1),
                "best of 10": ("unseen_mpjpe_min_mm", 1),
                "of the mean pose": ("unseen_mpjpe_of_mean_mm", 1),
                "all joints, first": ("mpjpe_mm", 1),
                "MGEO rad": ("mgeo_rad", 3),
                "target mm": ("target_mm", 2),
            }
        ),
    ),
    "blender-ik": (
        "blender_ik",
        flat(
            {
                "given": ("case", 0),
                "method": ("method", 0),
                "unseen joints": ("unseen_mpjpe_mm", 1),
                "of the mean pose": ("unseen_mpjpe_of_mean_mm", 1),
                "target mm": ("target_mm", 2),
            }
        ),
    ),
    "naturalness": (
        "naturalness",
        flat(
            {
                "damage": ("case", 0),
                "method": ("method", 0),
                "ROC-AUC": ("auc", 3),
                "worst joint is damaged": ("worst_joint_touched", 2),
                "… or its neighbour": ("worst_joint_touched_or_next", 2),
                "median percentile": ("median_percentile", 0),
                "ms CPU a pose": ("one_pose_cpu_ms", 1),
            }
        ),
    ),
    "unusual": (
        "unusual",
        flat(
            {
                "pose": ("case", 0),
                "hidden": ("hidden", 0),
                "first of 8": ("first_mm", 0),
                "best of 8": ("best_mm", 0),
                "nearest, best": ("nearest_best_mm", 0),
                "Gaussian, best": ("gaussian_best_mm", 0),
                "mean pose": ("mean_pose_mm", 0),
                "first is dragged": ("first_dragged", 2),
                "best is dragged": ("best_dragged", 2),
            }
        ),
    ),
    "solvers": (
        "solvers",
        flat(
            {
                "hidden": ("case", 0),
                "solver and steps": ("method", 0),
                "best of 10": ("mpjpe_min_mm", 1),
                "of the mean": ("mpjpe_of_mean_mm", 1),
                "spread": ("spread_mm", 1),
                "ms a hypothesis": ("ms_per_hypothesis", 2),
            }
        ),
    ),
    "denoise-dposer": ("denoise_dposer", per_frame),
    "denoise-val": ("denoise_val", denoised),
    "denoise-test": ("denoise_test", denoised),
    "denoise-speed": (
        "denoise_speed",
        flat(
            {
                "clip": ("case", 0),
                "method": ("method", 0),
                "seconds of CPU": ("cpu_seconds", 2),
                "ms of CPU a frame": ("cpu_ms_per_frame", 2),
                "peak MB": ("peak_mb", 0),
                "budget": ("budget", 0),
                "note": ("note", 0),
            }
        ),
    ),
    "ablation": (
        "ablation",
        of_task(
            "ablation",
            flat(
                {
                    "hidden": ("case", 0),
                    "space": ("method", 0),
                    "best of 10": ("mpjpe_min_mm", 1),
                    "± seeds": ("mpjpe_min_std_mm", 1),
                    "spread": ("spread_mm", 1),
                }
            ),
        ),
    ),
    "claims": ("claims ablation", claims),
    "lift-ablation": (
        "lift_ablation",
        of_task(
            "lift_ablation",
            flat(
                {
                    "points": ("case", 0),
                    "network": ("method", 0),
                    "best of 1": ("mpjpe_min_of_1_mm", 1),
                    "of 10": ("mpjpe_min_of_10_mm", 1),
                    "of 200": ("mpjpe_min_of_200_mm", 1),
                    "of the mean": ("mpjpe_of_mean_mm", 1),
                    "of unseen joints": ("hidden_mpjpe_of_mean_mm", 1),
                    "within 90 %": ("inside_90", 2),
                }
            ),
        ),
    ),
    "diffpose-ablation": (
        "diffpose_ablation",
        of_task(
            "diffpose_ablation",
            flat(
                {
                    "points": ("case", 0),
                    "method": ("method", 0),
                    "MPJPE": ("mpjpe_mm", 1),
                    "± seeds": ("seed_std_mm", 1),
                }
            ),
        ),
    ),
    "lift-claims": ("lift_ablation diffpose_ablation", claims),
    "rigs": ("rigs", rigs),
    "leave-one-out": ("leave_one_out", left_out),
    "speed-sample": (
        "speed_sample",
        flat(
            {
                "what": ("case", 0),
                "method": ("method", 0),
                "seconds": ("seconds", 2),
                "CPU seconds": ("cpu_seconds", 2),
                "poses a second": ("poses_per_second", 1),
                "poses a CPU second": ("poses_per_cpu_second", 1),
                "peak MB": ("peak_mb", 0),
                "note": ("note", 0),
            }
        ),
    ),
    "lift": (
        "lift",
        flat(
            {
                "points": ("case", 0),
                "method": ("method", 0),
                "MPJPE": ("mpjpe_mm", 1),
                "PA-MPJPE": ("pa_mpjpe_mm", 1),
                "of unseen joints": ("hidden_mpjpe_mm", 1),
                "best": ("mpjpe_min_mm", 1),
                "of the mean": ("mpjpe_of_mean_mm", 1),
                "within 90 %": ("inside_90", 2),
                "unseen within 90 %": ("hidden_inside_90", 2),
                "spread": ("spread_mm", 0),
                "of unseen": ("hidden_spread_mm", 0),
                "acceleration error": ("acceleration_error_mm", 1),
            }
        ),
    ),
    "fit": (
        "fit",
        flat(
            {
                "seen": ("case", 0),
                "start": ("start", 0),
                "method": ("method", 0),
                "MPJPE": ("mpjpe_mm", 1),
                "PA-MPJPE": ("pa_mpjpe_mm", 1),
                "acceleration": ("acceleration_error_mm", 1),
                "limbs": ("limbs_mm", 1),
                "px": ("reprojection_px", 1),
                "CPU seconds": ("seconds", 2),
            }
        ),
    ),
    "triangulate": (
        "triangulate triangulate_corrected",
        flat(
            {
                "cameras": ("case", 0),
                "": ("method", 0),
                "reprojection median px": ("reprojection_median_px", 1),
                "p90 px": ("reprojection_p90_px", 1),
                "limb length SD mm": ("limb_length_sd_mm", 1),
                "limbs moved mm": ("limbs_moved_mm", 1),
                "seen %": ("seen_percent", 1),
            }
        ),
    ),
    "speed-fit": (
        "speed_fit",
        flat(
            {
                "what": ("case", 0),
                "on": ("method", 0),
                "frames a CPU second": ("frames_per_cpu_second", 0),
                "peak MB": ("peak_mb", 0),
                "budget": ("budget", 0),
                "note": ("note", 0),
            }
        ),
    ),
    "speed-lift": (
        "speed_lift",
        flat(
            {
                "way": ("case", 0),
                "on": ("method", 0),
                "frames a CPU second": ("frames_per_cpu_second", 0),
                "peak MB": ("peak_mb", 0),
                "weights MB": ("size_mb", 1),
                "note": ("note", 0),
            }
        ),
    ),
    "speed": (
        "speed",
        flat(
            {
                "what": ("case", 0),
                "method": ("method", 0),
                "seconds": ("seconds", 3),
                "ms a hypothesis": ("ms_per_hypothesis", 1),
                "peak MB": ("peak_mb", 0),
                "size MB": ("size_mb", 1),
                "budget": ("budget", 0),
                "note": ("note", 0),
            }
        ),
    ),
}
"""The files, by their names without ``.json``, whose records a table shows, and how."""


def filled(text: str, folder: Path, written: list[str], kept: list[str]) -> str:
    """The document with its tables of these records; names of those written, and kept, go into the lists."""

    def table(found: re.Match[str]) -> str:
        opening, name, closing = found.groups()
        if name not in TABLES:
            raise ValueError(f"No table is called '{name}'")
        sources, rows = TABLES[name]
        paths = [folder / f"{source}.json" for source in sources.split()]
        if not all(path.is_file() for path in paths):
            kept.append(name)
            return found.group(0)
        written.append(name)
        records = [record for path in paths for record in json.loads(path.read_text(encoding="utf-8"))]
        return f"{opening}{markdown(rows(records))}\n{closing}"

    return BLOCK.sub(table, text)


def fill(folder: Path) -> Iterator[str]:
    """Write the tables of all documents or of none, and yield a line for each document."""
    texts: dict[Path, str] = {}
    lines = []
    for name in DOCS:
        written: list[str] = []
        kept: list[str] = []
        texts[ROOT / name] = filled((ROOT / name).read_text(encoding="utf-8"), folder, written, kept)
        lines.append(f"{name}: wrote {', '.join(written) or 'nothing'}; kept {', '.join(kept) or 'nothing'}")
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    yield from lines


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage: python tools/results.py FOLDER_WITH_RECORDS")
    for line in fill(Path(sys.argv[1])):
        print(line)
