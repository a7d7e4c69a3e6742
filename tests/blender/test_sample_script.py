# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that samples poses, run as its own process on real files with the shipped prior."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
import rigs

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "scripts" / "sample_poses.py"


@pytest.fixture
def scene(tmp_path):
    rig = rigs.build()
    rigs.key(rig, "head", frame=1)
    path = tmp_path / "in.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def run(*arguments):
    environment = dict(os.environ, PYTHONPATH=str(ROOT / "core"))
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=300, env=environment,
    )  # fmt: skip


def test_pose_assets_are_made_with_pictures_and_a_catalog(scene, tmp_path, extension):
    content, before = scene.read_bytes(), rigs.dump(bpy.data.objects["Rig"], extension)
    output, report = tmp_path / "poses" / "out.blend", tmp_path / "out.json"
    output.parent.mkdir()
    done = run(scene, "--count", 3, "--seed", 5, "--catalog", "Ideas", "--output", output, "--report", report)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Made 3 pose assets" in done.stdout
    assert scene.read_bytes() == content
    records = json.loads(report.read_text())
    assert [record["asset"] for record in records] == ["Sample 01", "Sample 02", "Sample 03"]
    assert all(0 <= record["naturalness_percent"] <= 100 for record in records)
    bpy.ops.wm.open_mainfile(filepath=str(output))
    assert rigs.channels(bpy.data.objects["Rig"]) is not None
    assets = [a for a in bpy.data.actions if a.asset_data is not None]
    assert len(assets) == 3
    catalogs = (output.parent / "blender_assets.cats.txt").read_text()
    for action in assets:
        assert f"{action.asset_data.catalog_id}:Ideas:Ideas" in catalogs
        pixels = np.empty(4 * 256 * 256, dtype=np.float32)
        action.preview.image_pixels_float.foreach_get(pixels)
        assert pixels.max() > 0.5
    assert not (tmp_path / "blender_assets.cats.txt").exists()
    for action in assets:
        bpy.data.actions.remove(action)
    assert rigs.dump(bpy.data.objects["Rig"], extension) == before


def test_poses_are_keyed_along_the_timeline(scene, tmp_path, extension):
    output = tmp_path / "out.blend"
    done = run(scene, "--into", "keys", "--count", 3, "--every", 7, "--output", output)
    assert done.returncode == 0, done.stderr
    assert "Keyed 3 poses on frames 1 to 15" in done.stdout
    bpy.ops.wm.open_mainfile(filepath=str(output))
    keys = rigs.curves(bpy.data.objects["Rig"], extension)
    generated = {key[0] for points in keys.values() for key in points if key[-1] == "GENERATED"}
    assert generated == {1.0, 8.0, 15.0}
    mine = [key for path, points in keys.items() for key in points if '"head"' in path[0]]
    assert {key[-1] for key in mine} == {"KEYFRAME"}


def test_ghosts_are_put_beside_the_character(scene, tmp_path, extension):
    before = rigs.channels(bpy.data.objects["Rig"]), rigs.curves(bpy.data.objects["Rig"], extension)
    output, report = tmp_path / "out.blend", tmp_path / "out.json"
    done = run(
        scene, "--into", "ghosts", "--count", 2, "--spacing", 2, "--output", output, "--report", report
    )
    assert done.returncode == 0, done.stderr
    assert "Put 2 ghosts beside 'Rig'" in done.stdout
    names = [record["ghost"] for record in json.loads(report.read_text())]
    bpy.ops.wm.open_mainfile(filepath=str(output))
    assert names == ["Rig ghost 1", "Rig ghost 2"]
    assert set(names) <= {thing.name for thing in bpy.context.scene.objects}
    rig = bpy.data.objects["Rig"]
    assert (rigs.channels(rig), rigs.curves(rig, extension)) == before


def test_the_same_command_gives_the_same_poses(scene, tmp_path):
    found = []
    for name in ("a", "b"):
        output = tmp_path / f"{name}.blend"
        assert run(scene, "--into", "pose", "--count", 2, "--output", output).returncode == 0
        bpy.ops.wm.open_mainfile(filepath=str(output))
        found.append(rigs.channels(bpy.data.objects["Rig"]))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "nothing would be kept"),
        (("--count", "0", "--output", "OUT"), 2, "Samples must be 1 to 64, not 0"),
        (("--into", "ghosts", "--spacing", "0", "--output", "OUT"), 2, "Spacing of ghosts must be above 0"),
        (("--distance", "2", "--output", "OUT"), 2, "Distance must be 0 to 1, not 2"),
        (("--keep", "tail", "--output", "OUT"), 1, "has no bone named 'tail'"),
        (("--mirrored", "--output", "OUT"), 1, "Mirrored samples would not agree"),
        (("--armature", "Nobody", "--output", "OUT"), 1, "The scene has no object 'Nobody'"),
        (
            ("--into", "keys", "--keep", "nothing", "--output", "OUT"),
            1,
            "Bone 'head' has a key on frame 1 that would change; give another --frame or --every",
        ),
    ],
)
def test_what_cannot_be_done_ends_with_one_sentence_and_no_file(arguments, code, sentence, scene, tmp_path):
    output = tmp_path / "out.blend"
    done = run(scene, *(output if a == "OUT" else a for a in arguments))
    assert done.returncode == code
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"in.blend"}


def test_the_file_that_is_read_is_never_overwritten_unless_asked_to(scene):
    content = scene.read_bytes()
    done = run(scene, "--count", 1, "--output", scene)
    assert done.returncode == 2
    assert scene.read_bytes() == content
    assert run(scene, "--count", 1, "--output", scene, "--overwrite").returncode == 0
    assert scene.read_bytes() != content
