# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``smplx`` package, given files of all three kinds, says what our own skinning says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bodies import random_poses
from smpl_models import three_hundred_shapes, write_npz, write_pickle

from contrapposto.body import smplx_engine
from contrapposto.body.skinning import pose_joints, pose_vertices
from contrapposto.body.smpl_files import read_smpl

smplx = pytest.importorskip("smplx", reason="the smplx package is not installed")


@pytest.mark.parametrize("kind", ["SMPL", "SMPL-H", "SMPL-X"])
def test_our_skinning_equals_smplx_to_a_tenth_of_a_millimetre(kind, tmp_path, capsys):
    changes = {"shapedirs": three_hundred_shapes()} if kind == "SMPL-X" else {}
    path = write_npz(tmp_path / "model.npz", kind, **changes)
    engine, model = smplx_engine.SmplxEngine(path), read_smpl(path)
    random = np.random.default_rng(2)
    R = random_poses(6, model.num_joints).astype(np.float32)
    betas = random.normal(size=(6, model.num_shapes)).astype(np.float32)
    transl = random.normal(size=(6, 3)).astype(np.float32)
    vertices, joints = engine.pose(*(torch.as_tensor(value) for value in (R, betas, transl)))
    assert vertices.shape == (6, model.num_vertices, 3)
    assert np.abs(pose_vertices(model, R, betas, transl) - vertices.numpy()).max() < 1e-4
    assert np.abs(pose_joints(model, R, betas, transl)[1] - joints.numpy()).max() < 1e-4
    assert capsys.readouterr().out == ""


def test_the_body_alone_may_be_posed_and_hands_are_relaxed(tmp_path):
    path = write_pickle(tmp_path / "model.pkl", "SMPL-H")
    engine, model = smplx_engine.SmplxEngine(path), read_smpl(path)
    R, betas = random_poses(2, 22).astype(np.float32), np.array([1.5, -0.5], dtype=np.float32)
    vertices, _ = engine.pose(torch.as_tensor(R), torch.as_tensor(betas))
    assert np.abs(pose_vertices(model, R, betas) - vertices.numpy()).max() < 1e-4


def test_a_bad_file_is_refused_before_smplx_sees_it(tmp_path):
    (tmp_path / "model.npz").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"model\.npz is damaged"):
        smplx_engine.SmplxEngine(tmp_path / "model.npz")


def test_where_the_package_is_not_installed_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(smplx_engine, "is_installed", lambda: False)
    with pytest.raises(ValueError, match="pip install smplx"):
        smplx_engine.SmplxEngine(write_npz(tmp_path / "model.npz", "SMPL"))
