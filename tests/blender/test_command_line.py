# SPDX-License-Identifier: GPL-3.0-or-later
"""``blender --command contrapposto``: what the scripts do, without a script's path."""

from __future__ import annotations

import importlib
import json
import sys

import bpy
import pytest
import rigs


@pytest.fixture
def command(extension):
    return importlib.import_module(f"{extension}.operators.command_line")


def test_the_command_completes_a_file(command, extension, monkeypatch, tmp_path):
    rigs.use_simple_prior(monkeypatch, extension)
    rigs.key(rigs.build(), "left_shoulder")
    source, output, report = (tmp_path / name for name in ("shot.blend", "done.blend", "report.json"))
    bpy.ops.wm.save_as_mainfile(filepath=str(source))
    words = ["complete_pose", str(source), "--output", str(output), "--report", str(report)]
    before = set(sys.modules)
    assert command.run(words) == 0
    assert str(command.SCRIPTS) not in sys.path  # nothing of theirs stays
    assert not {"headless", "complete_pose"} & (set(sys.modules) - before)
    assert output.is_file()
    assert json.loads(report.read_text())[0]["completed"]


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_the_command_alone_lists_its_jobs(command, words, capsys):
    assert command.run(words) == 0
    said = capsys.readouterr().out
    assert all(job in said for job in command.JOBS)


def test_an_unknown_job_is_refused_in_one_sentence(command, capsys):
    assert command.run(["dance"]) == 2
    said = capsys.readouterr().err
    assert "there is no job 'dance'" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("job", ["complete_pose", "denoise_mocap", "fit_body", "sample_poses"])
def test_each_job_lists_its_options_and_refuses_wrong_ones(command, job, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["blender", "--command", "contrapposto", job])
    assert command.run([job, "--help"]) == 0
    assert f"blender --command contrapposto {job}" in capsys.readouterr().out
    assert command.run([job, "--no-such-option"]) == 2


def test_every_script_with_a_program_is_a_job(command):
    programs = {path.stem for path in command.SCRIPTS.glob("*.py") if "__main__" in path.read_text()}
    assert programs == set(command.JOBS)
