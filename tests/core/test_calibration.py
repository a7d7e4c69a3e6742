# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of calibration comes back as the same cameras; lenses bend as OpenCV's do."""

from __future__ import annotations

import calibrations
import numpy as np
import pytest
from footage import four_cameras, points_of, seen_by, swing, write_calibration

from contrapposto.keypoints.calibration import Y_UP, read_calibration, read_lens, upright
from contrapposto.keypoints.filestorage import parse_filestorage
from contrapposto.keypoints.intrinsics import intrinsics_of, likely_intrinsics, lone_camera
from contrapposto.keypoints.lens import Lens, straightened
from contrapposto.rotation import from_rotvec

K = np.array([[1200.0, 0, 960], [0, 1210, 540], [0, 0, 1]])
PIXELS = np.array([[100.0, 80], [960, 540], [1800, 1000], [1500, 300]])


@pytest.mark.parametrize("name", calibrations.WRITERS)
def test_every_kind_of_calibration_comes_back_as_the_cameras_that_it_was_written_of(name, tmp_path):
    cameras = four_cameras()
    back = read_calibration(calibrations.WRITERS[name](tmp_path / name, cameras))
    for part, value in vars(cameras).items():
        np.testing.assert_allclose(getattr(back.cameras, part), value, atol=1e-9, err_msg=part)
    assert back.up == "z"
    assert all(lens.coefficients[:5] == calibrations.BENT for lens in back.lenses)
    assert len(set(back.names)) == 4


def test_what_the_newest_opencv_writes_is_read(tmp_path):
    """As FileStorage of OpenCV 4.12 wrote it, matrices of one dimension among it."""
    (tmp_path / "a.yml").write_text(
        '%YAML 1.2\n---\ncalibration_time: "Mon Nov 30 2026"\nimage_width: 1920\nimage_height: 1080\n'
        "camera_matrix: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n"
        "   data: [ 1200., 0., 960., 0., 1210., 540., 0., 0., 1. ]\n"
        "distortion_coefficients: !!opencv-nd-matrix\n   sizes: [ 5 ]\n   dt: d\n"
        "   data: [ -0.28000000000000003, 0.11, 0.001, -0.00069999999999999999,\n       -0.02 ]\n"
        "rvec: !!opencv-nd-matrix\n   sizes: [ 3 ]\n   dt: d\n   data: [ 0.29999999999999999, -0.5, 2e-01 ]\n"
        "tvec: !!opencv-nd-matrix\n   sizes: [ 3 ]\n   dt: d\n   data: [ 0.1, 0.2, 3. ]\n"
        '# done\nnames:\n   - "1"\n   - "2"\n'
    )
    found = read_lens(tmp_path / "a.yml")
    np.testing.assert_array_equal(found.intrinsics, K)
    np.testing.assert_array_equal(found.size, [1920, 1080])
    assert found.lens.coefficients[:5] == calibrations.BENT
    np.testing.assert_allclose(found.rotation, from_rotvec(np.array([0.3, -0.5, 0.2])))
    np.testing.assert_allclose(found.translation, [0.1, 0.2, 3])


def test_a_stereo_pair_is_two_cameras(tmp_path):
    (tmp_path / "a.yml").write_text(
        "%YAML:1.0\n"
        + "".join(calibrations.matrix(f"M{i}", K) + calibrations.matrix(f"D{i}", np.zeros(5)) for i in (1, 2))
        + calibrations.matrix("R", from_rotvec(np.array([0.0, 0.3, 0])))
        + calibrations.matrix("T", np.array([[-0.5], [0], [0]]))
    )
    found = read_calibration(tmp_path / "a.yml", up="-y")
    np.testing.assert_allclose(np.linalg.norm(found.cameras.centre[1] - found.cameras.centre[0]), 0.5)
    np.testing.assert_array_equal(found.cameras.size, [[1920, 1080], [1920, 1080]])


def test_numbered_matrices_of_which_no_one_knows_the_order_are_not_taken_for_one_camera(tmp_path):
    (tmp_path / "a.yml").write_text(
        calibrations.matrix("camera_matrix1", K) + calibrations.matrix("camera_matrix2", 2 * K)
    )
    with pytest.raises(ValueError, match="has no camera with a 'camera_matrix'"):
        read_lens(tmp_path / "a.yml")


def test_a_matrix_may_have_a_line_for_each_number(tmp_path):
    many = np.arange(40_000.0)
    data = ",\n".join(map(str, many.tolist()))
    found = parse_filestorage(f"a: !!opencv-matrix\n  rows: 1\n  cols: {len(many)}\n  data: [{data}]\nb: 3\n")
    np.testing.assert_array_equal(found["a"], many[None])
    assert found["b"] == 3


@pytest.mark.parametrize(
    ("lens", "straight"),
    [
        (
            Lens.of(np.array([-0.28, 0.11, 0.001, -0.0007, -0.02]), "a"),
            [
                [-100.74707532, -29.43080798],
                [960, 540],
                [1991.38265478, 1102.84825049],
                [1541.84656077, 281.14843784],
            ],
        ),
        (
            Lens.of(np.array([0.1, -0.05, 0.001, 0.002, 0.01, 0.05, -0.02, 0.003]), "a"),
            [
                [113.22034563, 87.1175784],
                [960, 540],
                [1779.07631798, 988.60325221],
                [1493.30078054, 302.44613234],
            ],
        ),
        (
            Lens.of(np.array([-0.1, 0.05, 0.001, 0, 0, 0, 0, 0, 0.01, -0.02, 0.005, 0.003]), "a"),
            [
                [61.66820245, 49.78585485],
                [960, 540],
                [1842.56414574, 1014.33880953],
                [1510.88470567, 292.36715734],
            ],
        ),
        (
            Lens.of(np.array([0.05, -0.01, 0.003, -0.001]), "a", is_fisheye=True),
            [
                [-108.34879126, -31.44237672],
                [960, 540],
                [1994.14057992, 1106.31507948],
                [1540.45663363, 282.01927394],
            ],
        ),
    ],
)
def test_a_lens_is_straightened_as_opencv_does_it(lens, straight):
    """The places are those that cv2.undistortPoints and cv2.fisheye.undistortPoints gave."""
    found = straightened(PIXELS, K, lens)
    np.testing.assert_allclose(found, straight, atol=1e-5)
    rays = (found - K[:2, 2]) / K[[0, 1], [0, 1]]
    np.testing.assert_allclose(lens.bent(rays) * K[[0, 1], [0, 1]] + K[:2, 2], PIXELS, atol=1e-5)


def test_what_a_lens_cannot_show_has_no_place():
    lens = Lens.of(np.array([-0.3]), "a")
    found = straightened(np.array([[960.0, 540], [9000, 9000], [np.nan, 3]]), K, lens)
    assert np.array_equal(np.isfinite(found[:, 0]), [True, False, False])


def test_bent_images_are_straight_behind_the_border(tmp_path):
    calibration = read_calibration(calibrations.write_toml(tmp_path / "a.toml", four_cameras()))
    straight = seen_by(four_cameras(), points_of(swing(5), "coco_17"))
    rays = (straight - [960, 540]) / 1200
    bent = np.stack([lens.bent(view) for lens, view in zip(calibration.lenses, rays, strict=True)])
    assert np.abs(1200 * bent + [960, 540] - straight).max() > 1
    np.testing.assert_allclose(calibration.straightened(1200 * bent + [960, 540]), straight, atol=1e-3)


@pytest.mark.parametrize("up", Y_UP)
def test_the_axis_that_is_up_is_the_one_along_which_cameras_stand_upright(up, tmp_path):
    cameras = four_cameras()
    path = calibrations.write_toml(tmp_path / "a.toml", cameras, to_file=Y_UP[up].T)
    found = read_calibration(path)
    assert found.up == up
    np.testing.assert_allclose(np.linalg.det(Y_UP[up]), 1)
    np.testing.assert_allclose(found.cameras.rotation @ [0, 1, 0], cameras.rotation @ [0, 1, 0], atol=1e-9)
    np.testing.assert_allclose(found.cameras.centre[:, 1], cameras.centre[:, 1], atol=1e-9)
    assert upright(found.cameras.rotation) == "y"


def test_a_unit_is_taken_at_its_word(tmp_path):
    cameras = four_cameras()
    path = calibrations.write_toml(tmp_path / "a.toml", cameras, unit=0.001)
    np.testing.assert_allclose(read_calibration(path, unit="mm").cameras.centre, cameras.centre, atol=1e-9)


def test_qualisys_tells_its_lenses_too(tmp_path):
    path = write_calibration(tmp_path / "a.qca.txt", four_cameras())
    assert all(lens.is_straight for lens in read_calibration(path).lenses)
    text = path.read_text(encoding="utf-8").replace(
        "<intrinsic",
        '<intrinsic radialDistortion1="-0.04" radialDistortion2="0.1" tangentalDistortion1="0.001"',
    )
    path.write_text(text, encoding="utf-8")
    assert read_calibration(path).lenses[3].coefficients[:5] == (-0.04, 0.1, 0.001, 0, 0)


TOML = "size = [1920, 1080]\nmatrix = [[1000, 0, 960], [0, 1000, 540], [0, 0, 1]]\n"
PLACED = "rotation = [0, 0, 0]\ntranslation = [0, 0, 0]\n"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.toml", "", "has no camera with a 'matrix'"),
        ("a.toml", "[cam_1", "is damaged or no calibration of anipose's"),
        ("a.toml", "[metadata]\nerror = 0.0", "has no camera with a 'matrix'"),
        ("a.toml", "[a]\nmatrix = [1, 2]", "Camera a of .* has no 'matrix' of 3 x 3 numbers"),
        ("a.toml", f"[a]\n{TOML}", "does not say where camera a is"),
        ("a.toml", f"[a]\n{TOML}rotation = [0, 0, 0]", "has no 'translation' of 3 numbers"),
        ("a.toml", f"[a]\n{TOML}rotation = [0, 0, nan]\ntranslation = [0, 0, 0]", "not a finite number"),
        ("a.toml", f"[a]\n{TOML.replace('1000', '-1')}{PLACED}", "focal length that is not above 0"),
        ("a.toml", f"[a]\n{TOML.replace('0, 1]', '0, 2]')}{PLACED}", "a camera matrix that is none"),
        ("a.toml", f"[a]\n{TOML.replace('1080', '0')}{PLACED}", "has no size that can be: 1920.* x 0"),
        ("a.toml", f"[a]\n{TOML.replace('1080', '1e12')}{PLACED}", "has no size that can be"),
        ("a.toml", f"[a]\n{TOML}{PLACED}distortions = [inf]", "a distortion that is not a finite number"),
        ("a.toml", f"[a]\n{TOML}{PLACED}distortions = {[0.1] * 14}", "more distortion coefficients than 12"),
        ("a.yml", "", "is damaged or no calibration of OpenCV's"),
        ("a.yml", "%YAML:1.0\n---\na: 3\n", "has no camera with a 'camera_matrix'"),
        ("a.yml", "camera_matrix: [1, 2]", "Camera a of .* has a matrix of 2 numbers"),
        ("a.yml", "camera_matrix: [1, [2, 3]]", "has a matrix that is no numbers"),
        ("a.yml", "camera_matrix: [1, 2", "a list that does not end"),
        ("a.yml", "camera_matrix: !!opencv-matrix\n  rows: 3\n", "lacks rows, cols or data"),
        ("a.yml", "k: !!opencv-matrix\n  rows: 3\n  cols: 3\n  data: [1]", "has 1 numbers, not 3 x 3"),
        ("a.yml", "k: !!opencv-matrix\n  rows: 1\n  cols: 1\n  data: [b]", "holds what is no number"),
        ("a.yml", "just words\nand more", "is no name with a value"),
        ("a.yml", "".join(f"{' ' * i}a:\n" for i in range(40)), "it is too deep"),
        ("a.yml", "K: [1, 0, 1, 0, 1, 1, 0, 0, 1]", "does not say where camera a is"),
        ("a.txt", "anything", "is damaged or no calibration of anipose's"),
    ],
)
def test_a_damaged_calibration_is_told_in_a_sentence(name, content, sentence, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=sentence) as error:
        read_calibration(tmp_path / name)
    assert "\n" not in str(error.value)


def test_intrinsics_are_given_as_numbers_or_likely_ones():
    np.testing.assert_array_equal(intrinsics_of("1200,1210,960,540"), K)
    for text in ("1200", "a,b,c,d", "1,2,3,nan", "0,1,2,3", ""):
        with pytest.raises(ValueError, match=r"Intrinsics are four numbers|focal length must be above 0"):
            intrinsics_of(text)
    likely = likely_intrinsics(1920, 1080)
    assert likely[0, 0] == likely[1, 1] == pytest.approx(1782, abs=1)
    for size in ((0, 1080), (1920, np.nan), (1e9, 1e9)):
        with pytest.raises(ValueError, match="An image cannot be"):
            likely_intrinsics(*size)


def test_a_lone_camera_looks_where_blenders_does():
    camera = lone_camera(1920, 1080, K)
    np.testing.assert_allclose(
        camera.project(np.array([[[0.0, 0, -4], [1, 1, -4]]]))[0], [[960, 540], [1260, 237.5]]
    )


def test_calibrations_that_are_not_there_are_told_in_a_sentence(tmp_path):
    with pytest.raises(ValueError, match="There is no file"):
        read_calibration(tmp_path / "none.toml")
    with pytest.raises(ValueError, match="is a folder"):
        read_calibration(tmp_path)
    path = calibrations.write_toml(tmp_path / "a.toml", four_cameras())
    with pytest.raises(ValueError, match="has 4 cameras; of one view one is needed"):
        read_lens(path)
