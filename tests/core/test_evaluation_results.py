# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the docs are filled from records, and from nothing else."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = runpy.run_path(str(ROOT / "tools" / "results.py"))
DOCS = {name: (ROOT / name).read_text(encoding="utf-8") for name in RESULTS["DOCS"]}


def table(name: str, folder: Path, **files: list[dict]) -> list[list[str]]:
    """The cells of a table below its header, filled from these files of records."""
    for source, records in files.items():
        (folder / f"{source}.json").write_text(json.dumps(records), encoding="utf-8")
    text = RESULTS["filled"](f"<!-- table {name} -->\nold\n<!-- end -->", folder, [], [])
    _, _, _, *lines, _ = text.splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("name", DOCS)
def test_every_table_of_a_document_is_known(name):
    found = [name for _, name, _ in RESULTS["BLOCK"].findall(DOCS[name])]
    assert found
    assert set(found) <= set(RESULTS["TABLES"])


def test_every_known_table_stands_in_a_document():
    found = {name for text in DOCS.values() for _, name, _ in RESULTS["BLOCK"].findall(text)}
    assert found == set(RESULTS["TABLES"])


def test_a_table_without_records_stays_as_it_is(tmp_path):
    written: list[str] = []
    kept: list[str] = []
    assert all(RESULTS["filled"](text, tmp_path, written, kept) == text for text in DOCS.values())
    assert written == []
    assert set(kept) == set(RESULTS["TABLES"])


def test_an_unknown_table_is_refused(tmp_path):
    with pytest.raises(ValueError, match="No table is called 'guesses'"):
        RESULTS["filled"]("<!-- table guesses -->\n<!-- end -->", tmp_path, [], [])


def test_the_headline_has_a_row_a_case_with_ours_in_bold(tmp_path):
    errors = {"contrapposto": 60.4, "nearest": 80.0, "gaussian": 70.6}
    records = [
        {"case": case, "method": method, "mpjpe_min_mm": error}
        for case in RESULTS["DESCRIPTIONS"]
        for method, error in errors.items()
    ]
    rows = table("completion-headline", tmp_path, completion=records)
    assert [row[1:] for row in rows] == [["**60**", "80", "71"]] * len(RESULTS["DESCRIPTIONS"])


def test_the_ablations_verdict_stands_among_the_claims_and_not_among_its_errors(tmp_path):
    verdict = {"task": "claims", "case": "D7", "holds": "holds", "claim": "axis-angle wins", "values": "a 1"}
    of_claims = [{**verdict, "case": case, "largest_seed_std": 0.123} for case in ("D1", "D8")]
    error = {"task": "ablation", "case": "left_leg", "method": "rot6d_zscore", "mpjpe_min_mm": 41.0}
    files = {"claims": of_claims, "ablation": [error, verdict]}
    rows = table("claims", tmp_path, **files)
    assert [row[0] for row in rows] == ["D1", "D7", "D8"]
    assert [row[4] for row in rows] == ["0.12", "", "0.12"]
    assert rows[1][1:4] == ["axis-angle wins", "holds", "a 1"]
    assert table("ablation", tmp_path) == [["left leg", "rot6d_zscore", "41.0", "", ""]]


def test_claims_are_not_written_without_the_ablation_that_judges_one(tmp_path):
    (tmp_path / "claims.json").write_text("[]", encoding="utf-8")
    text = "<!-- table claims -->\nold\n<!-- end -->"
    assert RESULTS["filled"](text, tmp_path, [], []) == text
