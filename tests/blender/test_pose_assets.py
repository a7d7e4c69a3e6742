# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples as pose assets: the character's own picture, the catalog, and back onto the rig."""

from __future__ import annotations

import importlib
from pathlib import Path

import bpy
import numpy as np
import pytest
import rigs


@pytest.fixture(autouse=True)
def prior(monkeypatch, extension):
    return rigs.use_simple_prior(monkeypatch, extension)


def press(**options):
    return bpy.ops.contrapposto.sample_poses(destination="ASSETS", **options)


def assets() -> list:
    return sorted((a for a in bpy.data.actions if a.asset_data is not None), key=lambda action: action.name)


def picture(action) -> np.ndarray:
    preview = action.preview
    pixels = np.empty(4 * preview.image_size[0] * preview.image_size[1], dtype=np.float32)
    preview.image_pixels_float.foreach_get(pixels)
    return pixels.reshape(*preview.image_size, 4)


def dress(rig, colour=(0.8, 0.05, 0.05)):
    """A box for every bone, skinned to the rig."""
    vertices, faces, groups = [], [], {}
    for bone in rig.data.bones:
        start = len(vertices)
        for point in (bone.head_local, bone.tail_local):
            for x, y in ((-0.05, -0.05), (0.05, -0.05), (0.05, 0.05), (-0.05, 0.05)):
                vertices.append((point.x + x, point.y + y, point.z + 0.01))
        corners = [(0, 1, 2, 3), (4, 5, 6, 7), *((i, (i + 1) % 4, 4 + (i + 1) % 4, 4 + i) for i in range(4))]
        faces += [tuple(start + i for i in face) for face in corners]
        groups[bone.name] = range(start, start + 8)
    mesh = bpy.data.meshes.new("Body")
    mesh.from_pydata(vertices, [], faces)
    material = bpy.data.materials.new("Skin")
    material.diffuse_color = (*colour, 1)
    mesh.materials.append(material)
    body = bpy.data.objects.new("Body", mesh)
    bpy.context.scene.collection.objects.link(body)
    for name, members in groups.items():
        body.vertex_groups.new(name=name).add(list(members), 1.0, "REPLACE")
    body.modifiers.new("Rig", "ARMATURE").object = rig
    return body


def test_every_sample_becomes_an_asset_and_the_pose_stays_to_the_bit(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    rigs.turn(rig, "left_knee", (30, 0, 0))
    before, keys = rigs.channels(rig), rigs.curves(rig, extension)
    objects = len(bpy.data.objects), len(bpy.data.meshes), len(bpy.data.scenes)
    assert press(samples=4, asset_name="Idea", tags="a, b") == {"FINISHED"}
    assert [action.name for action in assets()] == ["Idea 01", "Idea 02", "Idea 03", "Idea 04"]
    assert rigs.channels(rig) == before
    assert rigs.curves(rig, extension) == keys
    assert (len(bpy.data.objects), len(bpy.data.meshes), len(bpy.data.scenes)) == objects
    data = assets()[0].asset_data
    assert {tag.name for tag in data.tags} == {"a", "b"}
    assert "Sampled for Rig, seed 0" in data.description


def test_the_picture_shows_this_character_in_each_pose(extension):
    rig = rigs.build()
    dress(rig)
    press(samples=2)
    first, second = (picture(action) for action in assets())
    assert first.shape == (256, 256, 4)
    seen = first[..., 3] > 0.5
    assert 0.03 < seen.mean() < 0.6
    red, green, _ = first[seen][:, :3].mean(axis=0)
    assert red > 2 * green, "the colour of its material"
    assert np.abs(first - second).max() > 0.3
    rows = np.flatnonzero(seen.any(axis=1))
    assert rows[0] > 5
    assert rows[-1] < 250


def test_a_character_without_meshes_shows_its_bones(extension):
    rigs.build()
    press(samples=1)
    assert 0.005 < (picture(assets()[0])[..., 3] > 0.5).mean() < 0.5


def test_a_picture_stands_upright(extension):
    module = importlib.import_module(f"{extension}.addon.raster")
    corners = np.array([[[-1, -1, 0], [1, -1, 0], [0, -0.5, 0]]], dtype=float)
    normals = np.tile([0.0, 0.0, 1.0], (1, 3, 1))
    image = module.draw(corners, normals, np.ones((1, 3)), 32)
    assert image[:8, :, 3].sum() > 50
    assert image[16:, :, 3].sum() == 0


def test_the_nearer_of_two_triangles_is_seen(extension):
    module = importlib.import_module(f"{extension}.addon.raster")
    one = np.array([[-1, -1, 0], [1, -1, 0], [0, 1, 0]], dtype=float)
    corners = np.stack([one + [0, 0, 0.5], one])
    normals = np.tile([0.0, 0.0, 1.0], (2, 3, 1))
    colours = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    for order in ([0, 1], [1, 0]):
        image = module.draw(corners[order], normals, colours[order], 16)
        middle = image[6, 8]
        assert middle[0] > 0.5 > middle[1]


def test_assets_survive_saving_and_opening_with_pictures_tags_and_catalog(tmp_path, extension):
    rig = rigs.build()
    path = tmp_path / "rig.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    press(samples=2, catalog="Poses/Ideas")
    before = [(a.name, a.asset_data.catalog_id, a.asset_data.description) for a in assets()]
    pictures = [picture(action) for action in assets()]
    catalogs = (tmp_path / "blender_assets.cats.txt").read_text()
    assert f"{before[0][1]}:Poses/Ideas:Poses-Ideas" in catalogs.splitlines()
    press(samples=1, catalog="Poses/Ideas", asset_name="More")
    assert (tmp_path / "blender_assets.cats.txt").read_text() == catalogs, "no catalog is written twice"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    after = [a for a in assets() if not a.name.startswith("More")]
    assert [(a.name, a.asset_data.catalog_id, a.asset_data.description) for a in after] == before
    for action, wanted in zip(after, pictures, strict=True):
        assert np.abs(picture(action) - wanted).max() < 0.01
    assert rig is not None


def test_other_catalogs_stay_and_those_of_a_library_above_are_found(tmp_path, extension):
    (tmp_path / "blender_assets.cats.txt").write_text(
        "VERSION 1\n\n11111111-1111-4111-8111-111111111111:Mine:Mine"
    )
    folder = tmp_path / "characters"
    folder.mkdir()
    rigs.build()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "rig.blend"))
    press(samples=1, catalog="Mine", asset_name="A")
    press(samples=1, catalog="Other", asset_name="B")
    a, b = assets()
    assert a.asset_data.catalog_id == "11111111-1111-4111-8111-111111111111"
    lines = (tmp_path / "blender_assets.cats.txt").read_text().splitlines()
    assert lines[2] == "11111111-1111-4111-8111-111111111111:Mine:Mine"
    assert lines[3] == f"{b.asset_data.catalog_id}:Other:Other"
    assert not list(folder.glob("*.txt"))


def test_a_catalog_that_cannot_be_is_refused_before_anything_is_made(extension):
    rigs.build()
    with pytest.raises(RuntimeError, match="is no name of an asset catalog"):
        press(samples=1, catalog="a:b")
    assert not assets()


def test_an_asset_gives_the_pose_back_by_blenders_own_means(extension):
    for names in (rigs.SMPL, rigs.MIXAMO):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        rig = rigs.build(names)
        rigs.turn(rig, names["left_shoulder"], (40, 0, 0))
        rigs.key(rig, names["head"])
        start = rigs.channels(rig)
        press(samples=2)
        bpy.ops.contrapposto.sample_poses(samples=2, alternative=2)
        wanted = {bone.name: np.array(bone.matrix_basis) for bone in rig.pose.bones}
        rigs.restore(rig, start)
        for bone in rig.pose.bones:
            bone.matrix_basis.identity()
        apply(rig, assets()[1])
        for bone in rig.pose.bones:
            assert np.abs(np.array(bone.matrix_basis) - wanted[bone.name]).max() < 1e-5, bone.name


def test_an_asset_gives_the_pose_back_after_opening_the_file_and_from_a_library(tmp_path, extension):
    rig = rigs.build()
    library, other = tmp_path / "library.blend", tmp_path / "other.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(other))
    press(samples=2)
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    bpy.ops.contrapposto.sample_poses(samples=2, alternative=2)
    wanted = {bone.name: np.array(bone.matrix_basis) for bone in rig.pose.bones}

    def assert_taken(action) -> None:
        rig = next(thing for thing in bpy.data.objects if thing.type == "ARMATURE")
        apply(rig, action)
        for bone in rig.pose.bones:
            assert np.abs(np.array(bone.matrix_basis) - wanted[bone.name]).max() < 1e-5, bone.name

    bpy.ops.wm.open_mainfile(filepath=str(library))
    assert_taken(assets()[1])
    for link in (False, True):
        bpy.ops.wm.open_mainfile(filepath=str(other))
        assert not assets()
        with bpy.data.libraries.load(str(library), link=link, assets_only=True) as (listed, taken):
            assert len(listed.actions) == 2
            taken.actions = sorted(listed.actions)[1:]
        assert_taken(taken.actions[0])


def apply(rig, action) -> None:
    """What the Pose Library's operator does with the asset that it finds; it finds one in windows only.

    There, ``make test-window`` has the operator itself apply one from the Asset Browser.
    """
    rig.pose.apply_pose_from_action(action)


def test_a_rigify_character_gets_its_controls_back(rigify_human, extension):
    before = rigs.channels(rigify_human)
    press(samples=1)
    assert rigs.channels(rigify_human) == before
    bpy.ops.contrapposto.sample_poses(samples=1)
    wanted = {
        name: np.array(rigify_human.pose.bones[name].matrix) for name in ("hand_ik.L", "torso", "foot_ik.R")
    }
    rigs.restore(rigify_human, before)
    versions = importlib.import_module(f"{extension}.addon.versions")
    for bone in rigify_human.pose.bones:  # of selected bones, Blender gives these alone the pose
        versions.set_selected(bone, state=False)
    apply(rigify_human, assets()[0])
    bpy.context.view_layer.update()
    for name, matrix in wanted.items():
        assert np.abs(np.array(rigify_human.pose.bones[name].matrix) - matrix).max() < 1e-3


def test_where_a_picture_fails_no_asset_is_left(monkeypatch, extension):
    rig = rigs.build()
    before = rigs.dump(rig, extension)
    thumbnail = importlib.import_module(f"{extension}.addon.thumbnail")

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(thumbnail, "draw", fail)
    with pytest.raises(RuntimeError):
        press(samples=2)
    assert rigs.dump(rig, extension) == before


def test_a_file_that_is_not_saved_says_that_its_catalog_waits(capfd, extension):
    module = importlib.import_module(f"{extension}.addon.sample")
    settings = importlib.import_module(f"{extension}.addon.sample_settings")
    rigs.build()
    asked = settings.SampleSettings(destination=settings.Destination.ASSETS, hypotheses=1)
    report = module.sample(bpy.context, None, asked)
    assert "shows once the file is saved" in report.warning
    assert report.sentence == "Made 1 pose asset"
    assert Path(bpy.data.filepath or "none").name == "none"


def child(rig, scale, vertices):
    """A triangle of its own that the rig carries."""
    mesh = bpy.data.meshes.new("Bauble")
    mesh.from_pydata(vertices, [], [(0, 1, 2)])
    bauble = bpy.data.objects.new("Bauble", mesh)
    bpy.context.scene.collection.objects.link(bauble)
    bauble.parent, bauble.scale = rig, scale
    return bauble


@pytest.mark.parametrize("scale", [(0, 0, 0), (1, 0, 1), (-1, 1, 1)])
def test_an_object_that_is_scaled_to_nothing_spoils_no_picture(scale, extension):
    rig = rigs.build()
    dress(rig)
    child(rig, scale, [(0, 0, 1), (0.1, 0, 1), (0, 0, 1.1)])
    press(samples=1)
    pixels = picture(assets()[0])
    assert np.isfinite(pixels).all()
    assert 0.03 < (pixels[..., 3] > 0.5).mean() < 0.6


def test_vertices_that_are_nowhere_are_left_out_of_the_picture(extension):
    rig = rigs.build()
    dress(rig)
    press(samples=1, asset_name="A")
    child(rig, (1, 1, 1), [(float("nan"), 0, 1), (float("inf"), 0, 1), (0, 0, 1.1)])
    press(samples=1, asset_name="B")
    with_it, without = (picture(action) for action in assets())
    assert np.array_equal(with_it, without)


def test_normals_turn_with_an_object_that_is_scaled_unevenly(extension):
    module = importlib.import_module(f"{extension}.addon.figure")
    rng = np.random.default_rng(0)
    for linear in (rng.normal(size=(3, 3)), -np.eye(3) @ np.diag([1, 2, 3]), np.diag([1, 1, -5.0])):
        exact = np.linalg.inv(linear)
        np.testing.assert_allclose(
            module._for_normals(linear) / abs(np.linalg.det(linear)), exact, atol=1e-12
        )


def test_hips_that_are_kept_are_in_the_asset_with_their_place(extension):
    rig = rigs.build()
    rig.pose.bones["pelvis"].location = (0.2, -0.3, 0.1)
    rigs.key(rig, "pelvis")
    rig.pose.bones["pelvis"].keyframe_insert("location", frame=1)
    wanted = np.array(rig.pose.bones["pelvis"].matrix_basis)
    press(samples=1)
    rig.animation_data_clear()
    for bone in rig.pose.bones:
        bone.matrix_basis.identity()
    apply(rig, assets()[0])
    assert np.abs(np.array(rig.pose.bones["pelvis"].matrix_basis) - wanted).max() < 1e-5


def test_an_asset_of_a_rigify_character_holds_where_its_elbows_and_knees_aim(rigify_human, extension):
    versions = importlib.import_module(f"{extension}.addon.versions")
    press(samples=1)
    (action,) = assets()
    slot = next(iter(versions.slots_of(action, rigify_human)))
    held = {curve.data_path for curve in versions.curves_of(action, slot)}
    solving = importlib.import_module(f"{extension}.addon.rig")
    limbs = solving.read_rig(rigify_human).limbs
    assert limbs
    for limb in limbs.values():
        handle = limb.handle
        assert {f'pose.bones["{handle.bone}"].{path}' for path in ("location",)} <= held
        if handle.swing:
            assert any(path.startswith(f'pose.bones["{handle.swing}"].rotation') for path in held)
        if handle.pole:
            assert f'pose.bones["{handle.pole}"].location' in held
    assert 'pose.bones["torso"].location' in held
