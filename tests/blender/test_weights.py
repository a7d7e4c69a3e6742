# SPDX-License-Identifier: GPL-3.0-or-later
"""The preference for weights of one's own."""

from __future__ import annotations

import bpy
import pytest
import rigs

from contrapposto.priors.pose import WEIGHTS, read, save


@pytest.fixture
def preferences(extension):
    found = bpy.context.preferences.addons[extension].preferences
    yield found
    found.weights = ""


def completed(rig) -> dict:
    for bone in rig.pose.bones:
        bone.matrix_basis.identity()
    bpy.context.scene.frame_set(1)
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}
    return rigs.channels(rig)


def test_the_button_uses_the_weights_of_the_preferences_and_reads_them_again(preferences, tmp_path):
    rig = rigs.build()
    rigs.key(rig, "left_shoulder", "head")
    shipped = completed(rig)
    prior = read(WEIGHTS)
    preferences.weights = str(tmp_path / "own.npz")
    save(prior, tmp_path / "own.npz", {})
    assert completed(rig) == shipped
    prior.mean[:] = prior.mean[::-1]
    save(prior, tmp_path / "own.npz", {})
    assert completed(rig) != shipped
    preferences.weights = ""
    assert completed(rig) == shipped


@pytest.mark.parametrize(("content", "sentence"), [(None, "There is no weights file"), (b"x", "is damaged")])
def test_weights_that_cannot_be_used_are_refused_and_nothing_changes(
    preferences, extension, tmp_path, content, sentence
):
    rig = rigs.build()
    rigs.key(rig, "head")
    preferences.weights = str(tmp_path / "own.npz")
    if content is not None:
        (tmp_path / "own.npz").write_bytes(content)
    before = rigs.dump(rig, extension)
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.contrapposto.complete_pose()
    assert rigs.dump(rig, extension) == before
