# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension comes and goes without a trace, and explains itself."""

from __future__ import annotations

import importlib
import subprocess
import sys
import types

import bpy
import pytest
import rigs

OPERATORS = (
    "complete_pose", "detect_rig", "accept_rig", "clear_rig", "set_rig_bone", "export_rig", "import_rig",
    "select_generated_keys", "remove_generated_keys", "denoise_mocap", "toggle_denoised",
    "export_denoise_report", "sample_poses", "show_naturalness", "mark_unnatural_frames",
    "clear_unnatural_frames", "take_alternative", "keep_alternative", "discard_alternatives", "retarget",
)  # fmt: skip

OF_GHOSTS = {"take_ghost": "Select a ghost first", "remove_ghosts": "There is no ghost"}
"""The others, with their reason to be grey in an empty file."""


READY = ("add_body", "add_body_from_file", "add_view", "fit_body", "free_memory", "remove_view")
"""Those that an empty file is enough for."""


def registered():
    names = {name for name in dir(bpy.types) if "contrapposto" in name.lower()}
    names |= set(dir(bpy.ops.contrapposto))
    owners = (bpy.types.Scene, bpy.types.Armature)
    properties = {
        f"{owner.__name__}.{name}"
        for owner in owners
        for name in owner.bl_rna.properties.keys()  # noqa: SIM118 - a Blender collection yields values
        if name.startswith("contrapposto")
    }
    menus = [
        len(getattr(bpy.types, menu).draw._draw_funcs)
        for menu in MENUS
        if hasattr(getattr(bpy.types, menu).draw, "_draw_funcs")
    ]
    return names, properties, menus


MENUS = ("VIEW3D_MT_pose", "VIEW3D_MT_pose_context_menu", "VIEW3D_MT_armature_add")


def test_it_registers_and_unregisters_twice_in_a_row(extension):
    package = importlib.import_module(extension)
    there = registered()
    for _ in range(2):
        package.unregister()
        names, properties, menus = registered()
        assert not names
        assert not properties
        assert [a - b for a, b in zip(there[2], menus, strict=True)] == [1, 1, 1]
        package.register()
        assert registered() == there


@pytest.mark.parametrize("name", [*OPERATORS, *OF_GHOSTS, *READY])
def test_every_operator_has_a_label_a_description_and_a_reason_to_be_grey(extension, name):
    operator = getattr(bpy.ops.contrapposto, name)
    kind = operator.get_rna_type()
    assert kind.name
    assert kind.description
    assert not kind.description.endswith(".")
    for property_ in kind.properties:
        if property_.identifier not in {"rna_type", "filter_glob"}:
            assert property_.name, property_.identifier
            assert property_.description or property_.identifier == "filepath", property_.identifier
    if name in READY:
        assert operator.poll()
        return
    assert not operator.poll()
    with pytest.raises(RuntimeError, match=OF_GHOSTS.get(name, "Select an armature first")):
        operator("EXEC_DEFAULT")


def test_no_operator_is_left_out():
    assert {*OPERATORS, *OF_GHOSTS, *READY} == set(dir(bpy.ops.contrapposto))


def test_the_redo_panel_has_every_choice(extension):
    properties = bpy.ops.contrapposto.complete_pose.get_rna_type().properties
    defaults = {p.identifier: p.default for p in properties if p.identifier != "rna_type"}
    assert defaults == {
        "known_bones": "KEYED",
        "hypotheses": 8,
        "diversity": 0.0,
        "alternative": 1,
        "seed": 0,
        "strength": 1.0,
        "mirror": False,
        "keep_feet_on_floor": True,
        "insert_keys": False,
        "refill_generated": False,
    }
    assert (properties["hypotheses"].hard_min, properties["hypotheses"].hard_max) == (1, 64)


def test_edit_mode_is_refused_with_the_mode_to_switch_to(extension):
    rigs.build()
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match="Switch the armature to Pose Mode or Object Mode first"):
        bpy.ops.contrapposto.complete_pose()


def test_enabling_and_disabling_load_no_numerics_and_no_weights(extension):
    # Of NumPy only a Blender that does not start with it can tell: 4.2 as a module.
    code = (
        "import sys, bpy, addon_utils\n"
        "opened = []\n"
        "sys.addaudithook(lambda e, a: opened.append(a) if e == 'open' and '.npz' in str(a[0]) else None)\n"
        "before = set(sys.modules)\n"
        f"addon_utils.enable({extension!r})\n"
        f"assert {extension!r} in sys.modules\n"
        f"addon_utils.disable({extension!r})\n"
        "heavy = {'torch', 'scipy', 'numpy', 'contrapposto.arrays', 'contrapposto.skeleton'}\n"
        "bad = heavy & (set(sys.modules) - before)\n"
        "print('loaded', sorted(bad), len(opened), flush=True)\n"
        "import os; os._exit(0)\n"
    )
    path = [p for p in sys.path if p.endswith("core")]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{code}"],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert "loaded [] 0" in done.stdout


class Layout:
    """Takes every drawing call and keeps the labels."""

    def __init__(self, labels):
        self.__dict__["labels"] = labels

    def __getattr__(self, name):
        def call(*arguments, text="", **options):
            self.labels.append(text)
            return Layout(self.labels)

        return call

    def __setattr__(self, name, value):
        pass


def drawn(extension):
    sidebar = importlib.import_module(f"{extension}.panels.sidebar")
    labels = []
    for name in ("complete_pose", "rig", "rig_bones"):
        panel = getattr(sidebar, f"CONTRAPPOSTO_PT_{name}")
        if not hasattr(panel, "poll") or panel.poll(bpy.context):
            panel.draw(types.SimpleNamespace(layout=Layout(labels)), bpy.context)
    return " ".join(labels)


def test_the_panels_say_what_is_missing_and_what_was_found(extension):
    assert "Select an armature to complete its pose" in drawn(extension)
    rig = rigs.build()
    bpy.ops.object.mode_set(mode="EDIT")
    assert "Switch the armature to Pose Mode" in drawn(extension)
    bpy.ops.object.mode_set(mode="POSE")
    assert "Rig not detected yet" in drawn(extension)
    bpy.ops.contrapposto.detect_rig()
    assert "(detected)" in drawn(extension)
    assert "22 of 22 joints mapped" in drawn(extension)
    bpy.ops.contrapposto.set_rig_bone(joint="head", bone="")
    assert "Missing: Head" in drawn(extension)
    assert "(saved)" in drawn(extension)
    rig.data["contrapposto_rig_map"] = "{"
    assert "cannot be used" in drawn(extension)


def test_a_bone_field_that_takes_no_entry_says_why_in_the_panel(extension, tmp_path):
    rig = rigs.build()
    bpy.ops.contrapposto.detect_rig()
    rig.data.contrapposto.neck = "nowhere"
    assert "'Rig' has no bone named 'nowhere'" in drawn(extension)
    rig.data.contrapposto.neck = "twist"
    assert "nowhere" not in drawn(extension)
    rig.data["contrapposto_rig_map"] = "{"
    rig.data.contrapposto.neck = "neck"
    assert rig.data["contrapposto_rig_map"] == "{"
    path = tmp_path / "rig.blend"
    del rig.data["contrapposto_rig_map"]
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(path), link=True) as (_, to):
        to.armatures = ["Rig"]
    rig = bpy.data.objects.new("Mine", to.armatures[0])
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.contrapposto.detect_rig()
    rig.data.contrapposto.neck = "twist"
    assert "'Rig' is linked from another file" in drawn(extension)
    assert rig.data.contrapposto.neck == "neck"


def test_menus_press_the_button_with_the_options_of_the_sidebar(extension):
    button_module = importlib.import_module(f"{extension}.panels.button")
    options = bpy.context.scene.contrapposto
    options.seed, options.known_bones = 7, "SELECTED"
    button = types.SimpleNamespace()
    layout = types.SimpleNamespace(operator=lambda name: button)
    button_module.draw_complete_pose(layout, bpy.context.scene)
    assert (button.seed, button.known_bones) == (7, "SELECTED")
    assert not hasattr(button, "alternative")
