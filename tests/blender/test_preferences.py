# SPDX-License-Identifier: GPL-3.0-or-later
"""The preferences: a folder of body models, used where bodies are added, and memory that can be freed."""

from __future__ import annotations

import importlib
import types

import bpy
import pytest
import rigs


@pytest.fixture
def preferences(extension):
    chosen = bpy.context.preferences.addons[extension].preferences
    yield chosen
    chosen.body_models = ""


@pytest.fixture
def folder(tmp_path, preferences):
    """A folder of files that may be models, one of them in a folder of its own."""
    (tmp_path / "smplx").mkdir()
    for name in ("SMPL_NEUTRAL.pkl", "smplx/SMPLX_MALE.npz", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    preferences.body_models = str(tmp_path)
    return tmp_path


class Layout:
    """Takes every drawing call, and keeps labels and the operators that are drawn."""

    def __init__(self, seen=None):
        self.__dict__["seen"] = [] if seen is None else seen

    def __getattr__(self, name):
        def call(*arguments, text="", **options):
            drawn = Layout(self.seen)
            if name == "operator":
                drawn.__dict__["name"] = arguments[0]
                self.seen.append(drawn)
            elif text:
                self.seen.append(text)
            return drawn

        return call

    def __setattr__(self, name, value):
        self.__dict__[name] = value


def drawn_preferences(extension) -> list:
    module = importlib.import_module(f"{extension}.panels.preferences")
    preferences = bpy.context.preferences.addons[extension].preferences
    shown = types.SimpleNamespace(layout=Layout())
    for name in ("body_models", "device"):
        setattr(shown, name, getattr(preferences, name))
    module.ContrappostoPreferences.draw(shown, bpy.context)
    return [seen for seen in shown.layout.seen if isinstance(seen, str)]


def drawn_menu(extension) -> list[tuple[str, str]]:
    """Each entry of Add > Armature that is ours, and the file that it is for."""
    layout = Layout()
    menus = importlib.import_module(f"{extension}.panels.menus")
    menus.draw_add(types.SimpleNamespace(layout=layout), bpy.context)
    return [(entry.name, vars(entry).get("filepath", "")) for entry in layout.seen]


def test_the_models_of_the_folder_are_listed_and_offered(extension, folder):
    shown = drawn_preferences(extension)
    assert {"SMPL_NEUTRAL.pkl", "SMPLX_MALE.npz"} <= set(shown)
    assert "notes.txt" not in shown
    assert drawn_menu(extension) == [
        ("contrapposto.add_body", ""),
        ("contrapposto.add_body", str(folder / "SMPL_NEUTRAL.pkl")),
        ("contrapposto.add_body", str(folder / "smplx" / "SMPLX_MALE.npz")),
        ("contrapposto.add_body_from_file", ""),
    ]


def test_choosing_a_model_file_begins_in_the_folder(extension, folder, preferences):
    operators = importlib.import_module(f"{extension}.operators.add_body")
    chosen = types.SimpleNamespace(filepath="")
    opened = []
    manager = types.SimpleNamespace(fileselect_add=opened.append)
    context = types.SimpleNamespace(window_manager=manager, preferences=bpy.context.preferences)
    answer = operators.CONTRAPPOSTO_OT_add_body_from_file.invoke(chosen, context, None)
    assert answer == {"RUNNING_MODAL"}
    assert opened == [chosen]
    assert chosen.filepath == f"{folder}/"
    preferences.body_models = str(folder / "gone")
    operators.CONTRAPPOSTO_OT_add_body_from_file.invoke(chosen, context, None)
    assert not chosen.filepath


def test_a_folder_without_models_is_told(extension, tmp_path, preferences):
    assert "No .pkl or .npz file can be found in this folder" not in drawn_preferences(extension)
    preferences.body_models = str(tmp_path)
    assert "No .pkl or .npz file can be found in this folder" in drawn_preferences(extension)
    assert [name for name, _ in drawn_menu(extension)] == [
        "contrapposto.add_body", "contrapposto.add_body_from_file",
    ]  # fmt: skip


def test_what_is_kept_in_memory_is_counted_and_can_be_freed(extension, preferences):
    held = importlib.import_module(f"{extension}.addon.held")
    held.free()
    assert held.held_mb() == 0
    rig = rigs.build()
    rigs.key(rig, "left_shoulder")
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}
    kept = held.held_mb()
    assert kept > 1
    assert f"{kept:.0f} MB in memory, nothing on disk" in drawn_preferences(extension)
    assert bpy.ops.contrapposto.free_memory() == {"FINISHED"}
    assert held.held_mb() == 0
    assert importlib.import_module(f"{extension}.addon.alternatives").held_for(rig) is None
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}  # read again
    assert held.held_mb() == pytest.approx(kept)


def test_memory_is_not_freed_under_what_is_at_work(extension):
    running = importlib.import_module(f"{extension}.addon.running")
    running.begin("Sample Poses")
    try:
        with pytest.raises(RuntimeError, match="Sample Poses is at work"):
            bpy.ops.contrapposto.free_memory()
    finally:
        running.end()
