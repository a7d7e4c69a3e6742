# SPDX-License-Identifier: GPL-3.0-or-later
"""Model files of the user's own are read, and never trusted."""

from __future__ import annotations

import pickle
import zipfile

import numpy as np
import pytest
from smpl_models import (
    SHAPES,
    VERTICES,
    smpl_arrays,
    three_hundred_shapes,
    write_chumpy_pickle,
    write_npz,
    write_pickle,
)

from contrapposto.body.body_file import default_body
from contrapposto.body.joints import JOINTS_OF
from contrapposto.body.skinning import pose_vertices, rest_points
from contrapposto.body.smpl_files import NEEDED, read_smpl, read_smpl_arrays
from contrapposto.skeleton import JOINT_INDEX

KINDS = ["SMPL", "SMPL-H", "SMPL-X"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("write", [write_npz, write_pickle])
def test_a_model_of_each_kind_is_read_from_either_kind_of_file(kind, write, tmp_path):
    path = write(tmp_path / f"model{'.npz' if write is write_npz else '.pkl'}", kind)
    model = read_smpl(path)
    assert model.kind == kind
    assert model.joint_names == JOINTS_OF[kind]
    assert model.num_vertices == VERTICES[kind]
    assert model.num_betas == 10
    assert model.num_expressions == (10 if kind == "SMPL-X" else 0)
    assert np.abs(model.v_template - smpl_arrays(kind)["v_template"]).max() < 1e-6
    assert np.abs(model.J_template[:22] - default_body().J_template[:22]).max() < 0.02


def test_a_pickle_with_chumpys_arrays_gives_what_a_plain_one_gives(tmp_path):
    plain = read_smpl(write_pickle(tmp_path / "plain.pkl", "SMPL"))
    chumpy = read_smpl(write_chumpy_pickle(tmp_path / "chumpy.pkl", "SMPL"))
    for name in ("v_template", "shapedirs", "posedirs", "J_template", "J_shapedirs", "weights"):
        assert np.array_equal(getattr(plain, name), getattr(chumpy, name)), name


def test_as_many_shapes_are_taken_as_asked_for_and_as_there_are(tmp_path):
    stored = three_hundred_shapes()
    path = write_npz(tmp_path / "model.npz", "SMPL-X", shapedirs=stored)
    model = read_smpl(path, num_betas=4, num_expressions=2)
    assert model.num_shapes == 6
    assert np.allclose(model.shapedirs[..., :4], stored[..., :4])
    assert np.allclose(model.shapedirs[..., 4:], stored[..., 300:302])
    most = read_smpl(write_npz(tmp_path / "small.npz", "SMPL-H"), num_betas=500)
    assert most.num_shapes == SHAPES["SMPL-H"]


def test_hands_that_no_one_asks_about_are_the_files_mean_hands(tmp_path):
    model = read_smpl(write_npz(tmp_path / "model.npz", "SMPL-H"))
    assert np.allclose(model.relaxed[:22], np.eye(3))
    assert not np.allclose(model.relaxed[22:], np.eye(3), atol=0.05)
    flat = read_smpl(write_npz(tmp_path / "flat.npz", "SMPL-H", hands_meanl=None))
    assert np.allclose(flat.relaxed, np.eye(3))


def test_points_on_the_surface_are_the_vertices_that_the_kind_is_known_to_have_there(tmp_path):
    model = read_smpl(write_npz(tmp_path / "model.npz", "SMPL-X"))
    points = dict(zip(model.points.names, rest_points(model), strict=True))
    assert np.linalg.norm(points["left_heel"] - model.J_template[JOINT_INDEX["left_ankle"]]) < 0.15
    assert points["nose"][2] > model.J_template[JOINT_INDEX["head"], 2]
    assert points["left_eye"][0] > 0 > points["right_eye"][0]


def test_a_pickle_that_would_run_code_is_refused_and_nothing_runs(tmp_path):
    class Malicious:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps({"v_template": Malicious()}, protocol=2))
    with pytest.raises(ValueError, match=r"model.pkl was not opened.*could run code: refused \w*\.open"):
        read_smpl(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "program",
    [
        b"cos\nsystem\n(S'touch ran'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\nload\n(S'x'\ntR.",
        b"cnumpy.core.multiarray\n__dict__\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dump\x93.",
        b"cchumpy.ch\nCh.__init__\n.",
        b"cscipy.sparse\ncsr_matrix\n.",
        b"ccopyreg\n_reconstructor\n(cbuiltins\nset\ncbuiltins\nobject\nNtR.",
        b"ccopyreg\n_reconstructor\n(N}S'__defaults__'\nNstb.",
        b"c_codecs\nencode\n(S'a'\nS'rot13'\ntR.",
        b"c_codecs\nencode\n(N}S'__defaults__'\nNstb.",
        b"cos\n" + b"x" * 5000 + b"\n.",
    ],
)
def test_every_other_name_in_a_pickle_is_refused(program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.pkl"
    path.write_bytes(program)
    with pytest.raises(ValueError, match=r"refused|damaged") as refusal:
        read_smpl(path)
    assert len(str(refusal.value)) < 300
    assert not (tmp_path / "ran").exists()


def test_an_array_of_objects_is_refused_and_others_beside_it_are_not_looked_at(tmp_path):
    class Malicious:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    objects = np.array([Malicious()], dtype=object)
    assert read_smpl(write_npz(tmp_path / "beside.npz", "SMPL", part2num=objects)).kind == "SMPL"
    with pytest.raises(ValueError, match=r"The array 'weights' in .* cannot be read"):
        read_smpl(write_npz(tmp_path / "within.npz", "SMPL", weights=objects))
    with pytest.raises(ValueError, match="not opened"):
        read_smpl(write_pickle(tmp_path / "within.pkl", "SMPL", weights=objects))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weights": None}, "lacks the array weights"),
        ({"v_template": np.zeros((6890, 2))}, r"'v_template' must be \(6890, 3\)"),
        ({"weights": np.ones((6890, 16)) / 16}, "16 joints; those that are known have SMPL 24"),
        ({"weights": np.zeros((6890, 24))}, "do not sum to 1"),
        ({"kintree_table": np.zeros((2, 24), dtype=np.int64)}, "do not hang together"),
        ({"kintree_table": np.zeros((2, 24))}, "must be whole numbers"),
        ({"f": np.full((9, 3), 6890)}, "names a vertex that there is not"),
        ({"f": np.full((9, 3), -1)}, "names a vertex that there is not"),
        ({"v_template": np.full((6890, 3), np.nan)}, "not finite"),
        ({"v_template": 100 * smpl_arrays("SMPL")["v_template"]}, "another unit"),
        ({"J_regressor": np.array("none")}, "must be numbers"),
        ({"posedirs": np.zeros((6890, 3, 9))}, "'posedirs' must be"),
    ],
)
def test_a_wrong_or_damaged_model_is_refused_in_a_sentence_that_names_the_file(changes, words, tmp_path):
    path = write_npz(tmp_path / "model.npz", "SMPL", **changes)
    with pytest.raises(ValueError, match=words) as refusal:
        read_smpl(path)
    assert "model.npz" in str(refusal.value)


@pytest.mark.parametrize("suffix", [".npz", ".pkl"])
@pytest.mark.parametrize("part", [0, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_refused_in_a_sentence(suffix, part, tmp_path):
    whole = (write_npz if suffix == ".npz" else write_pickle)(
        tmp_path / f"whole{suffix}", "SMPL"
    ).read_bytes()
    (tmp_path / f"model{suffix}").write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(ValueError, match=r"is damaged|is no SMPL|is larger|cannot be read"):
        read_smpl(tmp_path / f"model{suffix}")


def test_files_of_random_bytes_are_refused_in_a_sentence(tmp_path):
    random, path = np.random.default_rng(0), tmp_path / "model.pkl"
    for _ in range(200):
        path.write_bytes(random.bytes(int(random.integers(1, 300))))
        with pytest.raises(ValueError, match=r"model\.pkl"):
            read_smpl(path)


def test_a_pickle_with_any_byte_changed_is_read_or_refused(tmp_path):
    random, path = np.random.default_rng(1), tmp_path / "model.pkl"
    content = pickle.dumps({"v_template": np.zeros((4, 3)), "f": {"x": [1, 2]}, "weights": "a"}, protocol=2)
    for _ in range(500):
        changed = bytearray(content)
        for _ in range(int(random.integers(1, 4))):
            changed[int(random.integers(len(changed)))] = int(random.integers(256))
        path.write_bytes(bytes(changed))
        with pytest.raises(ValueError, match=r"model\.pkl"):
            read_smpl(path)


def test_a_pickle_whose_arrays_hold_themselves_is_refused_in_a_sentence(tmp_path):
    itself = b"cchumpy.ch\nCh\n)\x81q\x01}X\x01\x00\x00\x00xh\x01sb"  # its state is {"x": itself}
    stored = [b"X" + len(name).to_bytes(4, "little") + name.encode() + b"%s" for name in NEEDED]
    values = [itself] + [b"h\x01"] * (len(NEEDED) - 1)
    named = b"".join(name % value for name, value in zip(stored, values, strict=True))
    (tmp_path / "loop.pkl").write_bytes(b"\x80\x02}(" + named + b"u.")
    with pytest.raises(ValueError, match=r"loop\.pkl: 'v_template' cannot be read, it holds itself"):
        read_smpl(tmp_path / "loop.pkl")


def test_a_file_that_unpacks_to_more_than_a_body_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = write_npz(tmp_path / "model.npz", "SMPL")
    monkeypatch.setattr("contrapposto.files.npz.MOST_BYTES", 10_000_000)
    with zipfile.ZipFile(tmp_path / "small.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("v_template.npy", bytes(20_000_000))
    with pytest.raises(ValueError, match="unpacks to more"):
        read_smpl(tmp_path / "small.npz")
    monkeypatch.setattr("contrapposto.body.smpl_files.MOST_BYTES", 10_000_000)
    with pytest.raises(ValueError, match="larger than any body model"):
        read_smpl(path)


def test_what_is_no_file_of_a_model_is_said(tmp_path):
    with pytest.raises(ValueError, match="There is no file"):
        read_smpl(tmp_path / "none.npz")
    with pytest.raises(ValueError, match=r"a .pkl or a .npz file, not '.txt'"):
        read_smpl(tmp_path / "none.txt")
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(ValueError, match="no named arrays"):
        read_smpl(tmp_path / "list.pkl")


def test_a_models_file_is_posed_without_torch_or_smplx(tmp_path):
    model = read_smpl(write_npz(tmp_path / "model.npz", "SMPL"))
    vertices = pose_vertices(model, np.tile(np.eye(3, dtype=np.float32), (2, 22, 1, 1)))
    assert np.abs(vertices - model.v_template).max() < 1e-6
    assert set(read_smpl_arrays(tmp_path / "model.npz")) >= {"v_template", "weights"}
