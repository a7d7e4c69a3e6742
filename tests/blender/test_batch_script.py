# SPDX-License-Identifier: GPL-3.0-or-later
"""The batch script, run as its own process on real files with the shipped prior."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import bpy
import pytest
import rigs

from contrapposto.priors.pose import WEIGHTS

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "scripts" / "complete_pose.py"


@pytest.fixture
def scene(tmp_path):
    rig = rigs.build()
    rigs.key(rig, "left_shoulder", "head", frame=1)
    rigs.key(rig, "right_hip", frame=5)
    bpy.context.scene.frame_set(1)
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("Marker", None))
    path = tmp_path / "in.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def run(*arguments, cwd=None, script=SCRIPT):
    environment = dict(os.environ, PYTHONPATH=str(ROOT / "core"))
    return subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=300, env=environment, cwd=cwd,
    )  # fmt: skip


def test_frames_are_completed_keyed_and_reported(scene, tmp_path, extension):
    content, output, report = scene.read_bytes(), tmp_path / "out.blend", tmp_path / "out.json"
    done = run(scene, "--", "--armature", "Rig", "--frames", "1:5:4", "--output", output, "--report", report)
    assert done.returncode == 0, done.stderr
    assert "frame 1: Completed 20 joints, kept 2 (alternative 1 of 8" in done.stdout
    records = json.loads(report.read_text())
    assert [(r["armature"], r["frame"]) for r in records] == [("Rig", 1), ("Rig", 5)]
    assert set(records[0]["kept"]) == {"left_shoulder", "head"}
    assert all(0 <= record["naturalness_percent"] <= 100 for record in records)
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


def test_frames_without_keys_and_frames_without_anything_else_are_skipped(scene, tmp_path, extension):
    rigs.key(bpy.data.objects["Rig"], *rigs.SMPL, frame=4)
    bpy.ops.wm.save_as_mainfile(filepath=str(scene))
    output, report = tmp_path / "out.blend", tmp_path / "out.json"
    done = run(scene, "--frames", "1:5", "--output", output, "--report", report)
    assert done.returncode == 0, done.stderr
    records = json.loads(report.read_text())
    assert [record["frame"] for record in records] == [1, 2, 3, 4, 5]
    skipped = {record["frame"]: record["skipped"] for record in records if "skipped" in record}
    assert list(skipped) == [2, 3, 4]
    assert skipped[2].startswith("No bone of 'Rig' has a key on frame 2")
    assert skipped[4].startswith("Every mapped bone of 'Rig' has a key on frame 4")
    for frame, sentence in skipped.items():
        assert f"frame {frame}: skipped. {sentence}" in done.stdout
    before = rigs.curves(bpy.data.objects["Rig"], extension)
    bpy.ops.wm.open_mainfile(filepath=str(output))
    after = rigs.curves(bpy.data.objects["Rig"], extension)
    generated = {key[0] for points in after.values() for key in points if key[-1] == "GENERATED"}
    assert generated == {1.0, 5.0}
    for path, keys in before.items():
        assert [key[:2] for key in after[path] if key[-1] != "GENERATED"] == [key[:2] for key in keys]


def test_a_rigify_character_is_meant_not_its_metarig(rigify_human, tmp_path):
    path, report = tmp_path / "in.blend", tmp_path / "out.json"
    bpy.data.objects["metarig"].hide_set(True)
    rigs.key(rigify_human, "head")
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    done = run(path, "--report", report)
    assert done.returncode == 0, done.stderr
    assert [record["armature"] for record in json.loads(report.read_text())] == [rigify_human.name]


def test_files_are_written_both_or_none(scene, tmp_path):
    for folder in ("folder.json", "folder.blend"):
        (tmp_path / folder).mkdir()
    for output, report in (("out.blend", "folder.json"), ("folder.blend", "out.json")):
        done = run(scene, "--output", tmp_path / output, "--report", tmp_path / report)
        assert done.returncode == 1
        assert "The result cannot be written" in done.stderr
        assert {path.name for path in tmp_path.iterdir()} == {"in.blend", "folder.json", "folder.blend"}


@pytest.mark.parametrize("name", ["out.fbx", "out"])
def test_a_blend_file_is_not_called_something_else(scene, tmp_path, name):
    done = run(scene, "--output", tmp_path / name)
    assert done.returncode == 2
    assert "would be a .blend file" in done.stderr
    assert not (tmp_path / name).exists()


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
        (("--armature", "Marker"), "'Marker' is no armature; name one with --armature"),
        (("--known", "pelvis,tail"), "'Rig' has no bone named 'tail'"),
        (("--known", "keyd"), "--known takes keyed, selected, unselected, or names of bones"),
        (("--frame", 2), "or give --known selected"),
        (("--frames", "2:4"), "No frame could be completed. No bone of 'Rig' has a key on frame 2"),
        (("--frames", "1:5:4", "--known", "pelvis,tail"), "'Rig' has no bone named 'tail'"),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_no_file(scene, tmp_path, arguments, sentence):
    done = run(scene, *arguments, "--output", tmp_path / "out.blend", "--report", tmp_path / "out.json")
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("complete_pose: ")]
    assert sentence in line
    assert sentence not in done.stdout or "--frames" in arguments
    assert "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"in.blend"}


def test_every_advice_of_the_add_on_is_an_option_of_a_script(extension):
    errors = importlib.import_module(f"{extension}.addon.errors")
    spec = importlib.util.spec_from_file_location("complete_pose_script", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    others = (SCRIPT.with_name(f"{name}.py") for name in ("denoise_mocap", "sample_poses", "fit_body"))
    usage = "".join(run("--help", script=one).stdout for one in (SCRIPT, *others))
    for advice in errors.Advice:
        refusal = errors.Refusal("Key the bones, or ", advice)
        assert str(refusal) == f"Key the bones, or {advice.value}"
        words = script.in_options(refusal)
        assert words.startswith("Key the bones, or ")
        option = next(word for word in words.split() if word.startswith("--")).rstrip(",")
        assert option.replace("--no-", "--") in usage
    assert set(script.OPTION_FOR) == {advice.name for advice in errors.Advice}


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--output", "x.blend", "--frames", "5"),
        ("--nonsense",),
        ("--output", "missing/x.blend"),
        ("--output", "x.blend", "--report", "x.blend"),
        ("--output", "x.blend", "--strength", "5"),
        ("--output", "x.blend", "--diversity", "2"),
        ("--output", "x.blend", "--alternative", "0"),
        ("--output", "x.blend", "--alternative", "9"),
        ("--output", "x.blend", "--alternatives", "65"),
        ("--output", "x.blend", "--hypotheses", "0"),
        ("--output", "x.blend", "--seed", "-1"),
        ("--output", "in.blend"),
        ("--output", "x.blend", "--weights", "missing.npz"),
    ],
)
def test_wrong_usage_ends_with_two(scene, tmp_path, arguments):
    done = run(scene, "--", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if "complete_pose" in line]
    assert line.startswith("complete_pose: ")
    assert "usage:" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"in.blend"}


def test_a_file_that_is_no_blend_file(tmp_path):
    path = tmp_path / "in.blend"
    path.write_bytes(b"no blend file")
    done = run(path, "--output", tmp_path / "out.blend")
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("complete_pose: ")]
    assert "cannot be opened; it is no .blend file" in line
    missing = run(tmp_path / "missing.blend", "--output", tmp_path / "out.blend")
    assert missing.returncode == 2
    assert "there is no file" in missing.stderr


def test_of_several_armatures_the_only_visible_one_is_meant(scene, tmp_path):
    hidden = rigs.build()
    hidden.name = "Hidden"
    hidden.hide_set(True)
    bpy.ops.wm.save_as_mainfile(filepath=str(scene))
    report = tmp_path / "out.json"
    done = run(scene, "--report", report)
    assert done.returncode == 0, done.stderr
    (record,) = json.loads(report.read_text())
    assert (record["armature"], record["frame"], "warning" in record) == ("Rig", 1, True)
    assert f"wrote {report}" in done.stdout


def test_weights_of_ones_own(scene, tmp_path):
    """A copy of the shipped file gives the same pose; another file is refused with one sentence."""
    own, wrong = tmp_path / "own.npz", tmp_path / "wrong.npz"
    own.write_bytes(WEIGHTS.read_bytes())
    wrong.write_bytes(WEIGHTS.read_bytes()[:1000])
    energies = []
    for arguments in ((), ("--weights", own)):
        done = run(scene, *arguments, "--report", tmp_path / "out.json")
        assert done.returncode == 0, done.stderr
        energies.append(json.loads((tmp_path / "out.json").read_text())[0]["energy"])
    assert energies[0] == energies[1]
    done = run(scene, "--weights", wrong, "--report", tmp_path / "out.json")
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("complete_pose: ")]
    assert f"{wrong} is damaged or holds no pose weights" in line


def test_help(tmp_path):
    done = run("--help")
    assert done.returncode == 0
    for option in (
        "--frames",
        "--known",
        "--no-keep-feet-on-floor",
        "--no-insert-keys",
        "--report",
        "--refill-generated",
    ):
        assert option in done.stdout


def test_the_input_is_overwritten_when_that_is_asked_for(scene, tmp_path, extension):
    done = run(scene, "--no-keep-feet-on-floor", "--output", scene, "--overwrite")
    assert done.returncode == 0, done.stderr
    assert "Saved copy" not in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"in.blend"}
    bpy.ops.wm.open_mainfile(filepath=str(scene))
    assert len(rigs.curves(bpy.data.objects["Rig"], extension)) == 22 * 4
