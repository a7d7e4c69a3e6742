# SPDX-License-Identifier: GPL-3.0-or-later
"""The batch script, run as its own process on real files with the shipped prior."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import bpy
import pytest
import rigs

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "scripts" / "complete_pose.py"


@pytest.fixture
def scene(tmp_path):
    rig = rigs.build()
    rigs.key(rig, "left_shoulder", "head", frame=1)
    rigs.key(rig, "right_hip", frame=5)
    bpy.context.scene.frame_set(1)
    path = tmp_path / "in.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def run(*arguments, cwd=None):
    environment = dict(os.environ, PYTHONPATH=str(ROOT / "core"))
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=300, env=environment, cwd=cwd,
    )  # fmt: skip


def test_frames_are_completed_keyed_and_reported(scene, tmp_path, extension):
    content, output, report = scene.read_bytes(), tmp_path / "out.blend", tmp_path / "out.json"
    done = run(scene, "--", "--armature", "Rig", "--frames", "1:5:4", "--output", output, "--report", report)
    assert done.returncode == 0, done.stderr
    assert "frame 1: Completed 20 bones, kept 2 (alternative 1 of 8)" in done.stdout
    records = json.loads(report.read_text())
    assert [(r["armature"], r["frame"]) for r in records] == [("Rig", 1), ("Rig", 5)]
    assert set(records[0]["kept"]) == {"left_shoulder", "head"}
    assert len(records[1]["completed"]) == 21
    assert scene.read_bytes() == content
    assert {p.name for p in tmp_path.iterdir()} == {"in.blend", "out.blend", "out.json"}
    before = rigs.curves(bpy.data.objects["Rig"], extension)
    bpy.ops.wm.open_mainfile(filepath=str(output))
    after = rigs.curves(bpy.data.objects["Rig"], extension)
    assert len(after) == 22 * 4 + 3, "rotations, and the location of the hips"
    for path, keys in before.items():
        mine = [key for key in after[path] if key[-1] != "GENERATED"]
        assert [(*key[:2], key[-1]) for key in mine] == [(*key[:2], key[-1]) for key in keys]


def test_the_same_arguments_give_the_same_file_of_poses(scene, tmp_path, extension):
    results = []
    for name in ("a.blend", "b.blend"):
        assert run(scene, "--seed", 7, "--output", tmp_path / name).returncode == 0
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / name))
        results.append(rigs.curves(bpy.data.objects["Rig"], extension))
    assert results[0] == results[1]


def test_named_bones_without_keys(scene, tmp_path, extension):
    output = tmp_path / "out.blend"
    done = run(scene, "--known", "pelvis,spine1", "--no-insert-keys", "--frame", 3, "--output", output)
    assert done.returncode == 0, done.stderr
    before = rigs.curves(bpy.data.objects["Rig"], extension)
    bpy.ops.wm.open_mainfile(filepath=str(output))
    assert rigs.curves(bpy.data.objects["Rig"], extension) == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--frame", 3), "No bone of 'Rig' has a key on frame 3"),
        (("--armature", "Nobody"), "The scene has no object 'Nobody'; its armatures: 'Rig'"),
        (("--known", "pelvis,tail"), "'Rig' has no bone named 'tail'"),
        (("--alternative", 9), "There is no alternative 9 of 8"),
        (("--frames", "1:3"), "No bone of 'Rig' has a key on frame 2"),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_no_file(scene, tmp_path, arguments, sentence):
    done = run(scene, *arguments, "--output", tmp_path / "out.blend", "--report", tmp_path / "out.json")
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("complete_pose: ")]
    assert sentence in line
    assert "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"in.blend"}


@pytest.mark.parametrize(
    "arguments",
    [(), ("--output", "x.blend", "--frames", "5"), ("--nonsense",), ("--output", "missing/x.blend")],
)
def test_wrong_usage_ends_with_two(scene, tmp_path, arguments):
    done = run(scene, "--", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_a_file_that_is_no_blend_file(tmp_path):
    path = tmp_path / "in.blend"
    path.write_bytes(b"no blend file")
    done = run(path, "--output", tmp_path / "out.blend")
    assert done.returncode == 1
    assert "cannot be opened" in done.stderr


def test_help(tmp_path):
    done = run("--help")
    assert done.returncode == 0
    for option in ("--frames", "--known", "--no-keep-feet-on-floor", "--no-insert-keys", "--report"):
        assert option in done.stdout


def test_the_input_is_overwritten_only_when_it_is_the_output(scene, tmp_path, extension):
    assert run(scene, "--no-keep-feet-on-floor", "--output", scene).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"in.blend"}
    bpy.ops.wm.open_mainfile(filepath=str(scene))
    assert len(rigs.curves(bpy.data.objects["Rig"], extension)) == 22 * 4
