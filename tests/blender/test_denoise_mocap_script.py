# SPDX-License-Identifier: GPL-3.0-or-later
"""The batch script of Denoise Mocap, run as its own process on real files, with a stand-in for the prior."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import bpy
import mocap
import numpy as np
import pytest
import rigs

from contrapposto.files.bvh import write_bvh
from contrapposto.motion import Motion, Pose
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import STANDARD_OFFSETS

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "scripts" / "denoise_mocap.py"
STAND_IN = Path(__file__).resolve().parent / "stand_in"
FRAMES = 12


@pytest.fixture
def blend(tmp_path):
    rig = rigs.build()
    mocap.perform(rig, hips="pelvis", frames=np.arange(1, 1 + FRAMES))
    rig.animation_data.action.name = "Walk"
    path = tmp_path / "in.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


@pytest.fixture
def folder(tmp_path):
    """Three BVH files, one of them in a folder of its own."""
    folder = tmp_path / "captured"
    (folder / "deep").mkdir(parents=True)
    for number, name in enumerate(("a.bvh", "b.bvh", "deep/c.bvh")):
        motion(number, folder / name)
    return folder


def motion(number: int, path: Path) -> None:
    time_ = np.arange(FRAMES)[:, None, None] / 30
    turns = from_rotvec(0.3 * np.sin(5 * time_ + np.arange(22)[:, None] + number) * [1.0, 0.5, 0.2])
    transl = np.tile([0.0, 0.95, 0.0], (FRAMES, 1))
    write_bvh(path, Motion(Pose(turns, transl), 30.0), STANDARD_OFFSETS)


def environment(**more):
    path = os.pathsep.join([str(STAND_IN), str(ROOT / "core")])
    return dict(os.environ, PYTHONPATH=path, **more)


def run(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=300, env=environment(), cwd=cwd,
    )  # fmt: skip


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_blend_file_is_denoised_and_reported(blend, tmp_path, extension):
    content, output = blend.read_bytes(), tmp_path / "out.blend"
    done = run(blend, "--", "--output", output, "--part", "legs=0", "--frames", "2:9")
    assert done.returncode == 0, done.stderr
    assert "'Walk denoised': denoised 22 joints" in done.stdout
    assert blend.read_bytes() == content
    assert names(tmp_path) == {"in.blend", "out.blend", "out.blend.json"}
    record = json.loads((tmp_path / "out.blend.json").read_text())
    (action,) = record["actions"]
    assert action["frames"] == [2, 9]
    assert action["joints"]["head"]["noise_deg"] == 1.5
    bpy.ops.wm.open_mainfile(filepath=str(output))
    rig = bpy.data.objects["Rig"]
    assert rig.animation_data.action.name == "Walk denoised"
    assert set(bpy.data.actions.keys()) == {"Walk", "Walk denoised"}
    before = mocap.dump_action(extension, bpy.data.actions["Walk"], rig)
    after = mocap.dump_action(extension, rig.animation_data.action, rig)
    where = ('pose.bones["left_knee"].rotation_quaternion', 1)
    assert after[where] == before[where]


def test_all_actions_of_a_file(blend, tmp_path, extension):
    bpy.data.actions["Walk"].copy().name = "Run"
    bpy.data.actions["Run"].use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    done = run(blend, "--output", tmp_path / "out.blend", "--all-actions")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("denoised 22 joints") == 2


@pytest.mark.parametrize("suffix", [".bvh", ".fbx", ".glb"])
def test_other_files_come_out_as_what_they_were(suffix, blend, tmp_path, extension):
    source, output = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    if suffix == ".bvh":
        motion(0, source)
    else:
        export(suffix, source)
    done = run(source, "--output", output)
    assert done.returncode == 0, done.stderr
    assert output.stat().st_size > 1000
    (action,) = json.loads(Path(f"{output}.json").read_text())["actions"]
    assert len(action["joints"]) >= 20
    again = run(output, "--output", tmp_path / "again.blend")
    assert again.returncode == 0, again.stderr
    (second,) = json.loads((tmp_path / "again.blend.json").read_text())["actions"]
    assert second["samples"] == pytest.approx(action["samples"], abs=1)


@pytest.mark.parametrize("suffix", [".fbx", ".glb"])
def test_other_actions_of_a_file_stay_in_it_under_their_names(suffix, blend, tmp_path, extension):
    bpy.data.actions["Walk"].copy().name = "Run"
    bpy.data.actions["Run"].use_fake_user = True
    source, output = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    export(suffix, source, every=True)
    done = run(source, "--output", output)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("denoised 22 joints") == 1
    assert actions_in(output) == actions_in(source)
    assert len(actions_in(output)) == 2


def actions_in(path: Path) -> set[str]:
    """The names of its actions, after an import."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    read = bpy.ops.import_scene.fbx if path.suffix == ".fbx" else bpy.ops.import_scene.gltf
    read(filepath=str(path))
    return set(bpy.data.actions.keys())


@pytest.mark.parametrize("suffix", [".bvh", ".fbx", ".glb"])
def test_who_stands_in_a_file_stands_in_the_clean_one(suffix, blend, tmp_path, extension, monkeypatch):
    source, output = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    if suffix == ".bvh":
        motion(0, source)
    else:
        export(suffix, source)
    assert run(source, "--output", output, "--strength", "0").returncode == 0
    before, after = (head_over_hips(path, monkeypatch) for path in (source, output))
    assert before[2] > 0.3 * np.linalg.norm(before)
    np.testing.assert_allclose(after, before, atol=0.02 * np.linalg.norm(before))


def head_over_hips(path: Path, monkeypatch) -> np.ndarray:
    """From the hips' bone to the head's on the first frame, in the world, after an import."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    import motion_files

    assert motion_files.read(bpy, path) == ""
    (rig,) = [thing for thing in bpy.context.scene.objects if thing.type == "ARMATURE"]
    bpy.context.scene.frame_set(1)
    names = {bone.name.lower(): bone for bone in rig.pose.bones}
    hips, head = (next(names[name] for name in names if part in name) for part in ("pelvis", "head"))
    return np.array(rig.matrix_world.to_3x3() @ (head.head - hips.head))


def export(suffix: str, path: Path, *, every: bool = False) -> None:
    rig = bpy.data.objects["Rig"]
    bpy.ops.object.mode_set(mode="OBJECT")
    rig.select_set(True)
    bpy.context.scene.frame_end = FRAMES
    if suffix == ".fbx":
        bpy.ops.export_scene.fbx(
            filepath=str(path), add_leaf_bones=False, bake_anim_use_nla_strips=False,
            bake_anim_use_all_actions=every,
        )  # fmt: skip
    else:
        mode = "ACTIONS" if every else "ACTIVE_ACTIONS"
        bpy.ops.export_scene.gltf(filepath=str(path), export_animation_mode=mode)


def test_a_folder_is_denoised_in_parallel_and_not_twice(folder, tmp_path):
    before = {path: path.read_bytes() for path in folder.rglob("*.bvh")}
    output = tmp_path / "clean"
    done = run(folder, "--output", output, "--jobs", 2, "--report", tmp_path / "all.json")
    assert done.returncode == 0, done.stderr
    assert "3 denoised, 0 done before, 0 refused or failed" in done.stdout
    made = {"a.bvh", "b.bvh", "deep/c.bvh"}
    assert names(output) == made | {f"{name}.json" for name in made}
    assert {path: path.read_bytes() for path in folder.rglob("*.bvh")} == before
    records = json.loads((tmp_path / "all.json").read_text())
    assert [Path(record["input"]).name for record in records] == ["a.bvh", "b.bvh", "c.bvh"]
    ages = {name: (output / name).stat().st_mtime_ns for name in made}
    motion(7, folder / "b.bvh")
    again = run(folder, "--output", output)
    assert "1 denoised, 2 done before, 0 refused or failed" in again.stdout
    changed = {name for name in made if (output / name).stat().st_mtime_ns != ages[name]}
    assert changed == {"b.bvh"}
    assert "3 denoised" in run(folder, "--output", output, "--strength", 0.5).stdout


def test_one_bad_file_stops_no_other(folder, tmp_path):
    (folder / "b.bvh").write_text("no motion")
    output = tmp_path / "clean"
    done = run(folder, "--output", output, "--format", "blend")
    assert done.returncode == 1
    assert "2 denoised, 0 done before, 1 refused or failed" in done.stdout
    assert "b.bvh cannot be opened; it is no .bvh file that this Blender can read" in done.stderr
    assert "Traceback" not in done.stderr
    made = {"a.bvh.blend", "deep/c.bvh.blend"}
    assert names(output) == made | {f"{name}.json" for name in made} | {"b.bvh.blend.json"}
    assert "refused" in json.loads((output / "b.bvh.blend.json").read_text())


def test_a_killed_batch_goes_on_where_it_was(folder, tmp_path):
    output = tmp_path / "clean"
    command = [sys.executable, str(SCRIPT), str(folder), "--output", str(output), "--jobs", "1"]
    with subprocess.Popen(command, env=environment(CLEANER_SECONDS="3"), start_new_session=True) as process:
        wait_for(output / "a.bvh")
        os.killpg(process.pid, signal.SIGKILL)
    assert names(output) >= {"a.bvh", "a.bvh.json"}
    assert not (output / "deep/c.bvh").exists()
    (output / f".{process.pid}.b.bvh").write_text("half")
    done = run(folder, "--output", output)
    assert done.returncode == 0, done.stderr
    assert "2 denoised, 1 done before, 0 refused or failed" in done.stdout
    made = {"a.bvh", "b.bvh", "deep/c.bvh"}
    assert names(output) == made | {f"{name}.json" for name in made}


def wait_for(path: Path) -> None:
    for _ in range(1200):
        if path.exists():
            return
        time.sleep(0.1)
    raise AssertionError(f"no {path}")


def test_what_another_program_made_is_not_overwritten(blend, tmp_path):
    output = tmp_path / "mine.blend"
    output.write_bytes(b"precious")
    done = run(blend, "--output", output)
    assert done.returncode == 1
    assert f"{output} exists and was not made by this program" in done.stderr
    assert output.read_bytes() == b"precious"
    assert run(blend, "--output", output, "--overwrite").returncode == 0
    assert output.read_bytes() != b"precious"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--action", "Fly"), "There is no action named 'Fly' in this file"),
        (("--armature", "Nobody"), "The scene has no object 'Nobody'; its armatures: 'Rig'"),
        (("--frames", "100:200"), "give other --frames"),
        (("--selected-bones",), "or leave out --selected-bones"),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_no_output(blend, tmp_path, extension, arguments, sentence):
    for bone in bpy.data.objects["Rig"].pose.bones:
        mocap.addon(extension, "versions").set_selected(bone, False)
    blend.unlink()
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    done = run(blend, *arguments, "--output", tmp_path / "out.blend")
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("denoise_mocap: ")]
    assert sentence in line
    assert "Traceback" not in done.stderr
    assert names(tmp_path) == {"in.blend", "out.blend.json"}
    assert sentence in json.loads((tmp_path / "out.blend.json").read_text())["refused"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("in.blend",),
        ("in.blend", "--output", "in.blend"),
        ("in.blend", "--output", "."),
        ("in.blend", "--output", "x.fbx"),
        ("in.blend", "--output", "missing/x.blend"),
        ("in.blend", "--output", "x.blend", "--strength", "2"),
        ("in.blend", "--output", "x.blend", "--part", "tail=1"),
        ("in.blend", "--output", "x.blend", "--frames", "9"),
        ("in.blend", "--output", "x.blend", "--max-error-deg", "0"),
        ("in.blend", "--output", "x.blend", "--report", "x.blend"),
        ("gone.bvh", "--output", "x.bvh"),
        (".", "--output", "."),
        ("in.blend", "--output", "x.blend", "--nonsense"),
    ],
)
def test_wrong_usage_ends_with_two(blend, tmp_path, arguments):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if "denoise_mocap" in line]
    assert line.startswith("denoise_mocap: ")
    assert names(tmp_path) == {"in.blend"}


def test_help():
    done = run("--help")
    assert done.returncode == 0
    for option in (
        "--all-actions",
        "--jobs",
        "--bake",
        "--no-preserve-contacts",
        "--part",
        "--max-error-deg",
    ):
        assert option in done.stdout
