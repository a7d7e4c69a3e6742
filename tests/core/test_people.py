# SPDX-License-Identifier: GPL-3.0-or-later
"""People who pass each other stay who they are, and the one who is meant is followed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from calibrations import BENT
from footage import four_cameras, points_of, seen_by, swing, write_calibration, write_frames

from contrapposto.__main__ import main
from contrapposto.keypoints import people
from contrapposto.keypoints.calibrated import Calibrated
from contrapposto.keypoints.footage import read_everyone, read_footage
from contrapposto.keypoints.intrinsics import LIKELY_LENS
from contrapposto.keypoints.tracking import NOBODY, Click, Rule, choice_of, one_person, tracks
from contrapposto.keypoints.view import read_view

FRAMES = 40


def scene(frames: int = FRAMES) -> np.ndarray:
    """(V, T, P, K, 2) one who swings, and another, nearer to the first camera, who walks past and is gone."""
    cameras, one = four_cameras(), points_of(swing(frames), "coco_17")
    walk = (
        np.linspace(-1.5, 1.5, frames)[:, None, None] * cameras.rotation[0, 0] + 1.2 * cameras.centre[0] / 5
    )
    other = one[::-1] + walk * [1, 0, 1]
    seen = np.stack([seen_by(cameras, one), seen_by(cameras, other)], axis=2)
    seen[:, frames * 3 // 4 :, 1] = np.nan
    return seen


@pytest.fixture
def shuffled():
    """The scene with its people in any order, and who is whose: (V, T)."""
    seen = scene()
    order = np.random.default_rng(1).integers(2, size=seen.shape[:2])
    return np.where(order[..., None, None, None] == 0, seen, seen[:, :, ::-1]), order


def test_people_who_pass_each_other_are_told_apart(shuffled):
    seen, order = shuffled
    for view, which in zip(seen, order, strict=True):
        people = tracks(view, np.isfinite(view[..., 0]) * 0.9)
        assert len(people) == 2
        here = np.flatnonzero(people[0] != NOBODY)
        assert len(set(people[0][here] ^ which[here])) == 1
    assert sorted((people != NOBODY).sum(axis=1)) == [FRAMES * 3 // 4, FRAMES]


def test_someone_who_is_hidden_for_a_moment_comes_back_as_the_same_person():
    view = scene()[0][:, :1]
    view[10:25] = np.nan
    people = tracks(view, np.isfinite(view[..., 0]) * 0.9)
    assert len(people) == 1
    assert np.array_equal(np.flatnonzero(people[0] == NOBODY), np.arange(10, 25))


@pytest.mark.parametrize(("choice", "who"), [(Rule.BEST, 0), (Rule.LONGEST, 0), (Rule.LARGEST, 1)])
def test_the_one_who_is_meant_in_one_view_is_chosen_by_a_rule(choice, who, shuffled):
    seen, order = shuffled
    chosen = one_person(seen[0], np.isfinite(seen[0][..., 0]) * 0.9, choice)
    here = np.flatnonzero(chosen != NOBODY)
    assert set(chosen[here] ^ order[0][here]) == {who}


@pytest.mark.parametrize("who", [0, 1])
def test_a_click_says_who_is_meant(who, shuffled):
    seen, order = shuffled
    x, y = np.nanmean(scene()[0, 5, who], axis=0)
    chosen = one_person(seen[0], np.isfinite(seen[0][..., 0]) * 0.9, Click(x, y, 105), first=100)
    here = np.flatnonzero(chosen != NOBODY)
    assert set(chosen[here] ^ order[0][here]) == {who}
    assert len(here) == (FRAMES, FRAMES * 3 // 4)[who]


@pytest.fixture
def footage(tmp_path, shuffled):
    seen, _ = shuffled
    folders = [write_frames(tmp_path / "shot" / f"cam{number}", view) for number, view in enumerate(seen)]
    return folders, write_calibration(tmp_path / "shot" / "calib.qca.txt", four_cameras())


@pytest.mark.parametrize("who", [0, 1])
def test_the_person_who_was_clicked_in_one_camera_is_followed_in_all(who, footage):
    seen = scene()
    x, y = np.nanmean(seen[2, 8, who], axis=0)
    found = read_footage(*footage, person=Click(x, y, 8, 3))
    frames = slice(0, FRAMES * 3 // 4)
    np.testing.assert_allclose(found.points[:, frames], seen[:, frames, who, :], atol=1e-6)


def test_who_is_in_the_picture_longest_is_followed_in_all_cameras(footage):
    found = read_footage(*footage, person=Rule.LONGEST)
    np.testing.assert_allclose(found.points, scene()[:, :, 0], atol=1e-6)


def test_everyone_is_kept_apart(footage):
    seen, found = scene(), read_everyone(*footage)
    assert len(found) == 2
    for person, who in zip(found, (0, 1), strict=True):
        shows = np.isfinite(person.points)
        np.testing.assert_allclose(person.points[shows], seen[:, :, who][shows], atol=1e-6)
        assert shows.any(axis=(2, 3)).sum() == 4 * (FRAMES, FRAMES * 3 // 4)[who]


def test_what_goes_wrong_after_the_first_person_is_not_taken_for_the_last(footage, monkeypatch):
    chain, calls = people._chain, iter(range(9))

    def broken(*arguments):
        if next(calls):
            raise ValueError("something is wrong")
        return chain(*arguments)

    monkeypatch.setattr(people, "_chain", broken)
    with pytest.raises(ValueError, match="something is wrong"):
        read_everyone(*footage)


def test_everyone_is_written_to_a_file_of_their_own(footage, tmp_path, capsys):
    folders, calibration = footage
    given = [
        "--keypoints",
        *map(str, folders),
        "--calibration",
        str(calibration),
        "--fps",
        "30",
        "--everyone",
    ]
    assert main(["triangulate", *given, "--output", str(tmp_path / "a.bvh")]) == 0
    assert sorted(path.name for path in tmp_path.glob("*.bvh")) == ["a_1.bvh", "a_2.bvh"]
    out = capsys.readouterr().out
    assert "Person 2 of 2" in out
    assert f"wrote {tmp_path / 'a_2.bvh'}" in out


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("best", Rule.BEST),
        ("largest", Rule.LARGEST),
        ("10,20.5,3", Click(10, 20.5, 3)),
        ("10,20,3,2", Click(10, 20, 3, 2)),
    ],
)
def test_a_choice_is_read_as_it_is_written(text, choice):
    assert choice_of(text) == choice


@pytest.mark.parametrize("text", ["", "me", "1,2", "1,2,nan", "1,2,3,4,5"])
def test_what_is_no_choice_is_told_in_a_sentence(text):
    with pytest.raises(ValueError, match="--person is best, largest, longest, or where to click"):
        choice_of(text)


@pytest.mark.parametrize(
    ("click", "sentence"),
    [
        (Click(5, 5, 8), "No one is at 5, 5 of frame 8 of camera 1"),
        (Click(5, 5, 99), "There is no frame 99 to click in, only 0 to 39"),
        (Click(5, 5, 8, 5), "There is no camera 5 to click in, only 1 to 4"),
    ],
)
def test_a_click_beside_everyone_is_told_in_a_sentence(click, sentence, footage):
    with pytest.raises(ValueError, match=sentence):
        read_footage(*footage, person=click)


def test_one_view_has_the_likeliest_camera_or_the_one_that_is_known(footage, tmp_path):
    folders, _ = footage
    found = read_view(folders[0], size=(1920, 1080), person=Rule.LONGEST)
    np.testing.assert_allclose(found.points[0], scene()[0, :, 0], atol=1e-6)
    assert found.cameras.intrinsics[0, 0, 0] == pytest.approx(LIKELY_LENS * np.hypot(1920, 1080))
    known = Calibrated.of(
        "a",
        tmp_path,
        intrinsics=np.array([[1200.0, 0, 960], [0, 1200, 540], [0, 0, 1]]),
        distortion=np.array(BENT),
    )
    straight = read_view(folders[0], camera=known, person=Rule.LONGEST)
    np.testing.assert_array_equal(straight.cameras.intrinsics[0], known.intrinsics)
    np.testing.assert_array_equal(straight.cameras.size[0], [1920, 1080])
    rays = (straight.points[0] - [960, 540]) / 1200
    np.testing.assert_allclose(1200 * known.lens.bent(rays) + [960, 540], found.points[0], atol=1e-3)
    around = read_view(folders[0])
    assert np.all(np.nanmax(around.points[0], axis=(0, 1)) < around.cameras.size[0])


def test_one_view_that_shows_nothing_sure_is_told_in_a_sentence(tmp_path):
    folder = write_frames(tmp_path / "a", scene(3)[0], 0.2)
    with pytest.raises(ValueError, match="is sure by 30% or more"):
        read_view(folder)
    (tmp_path / "b.json").write_text(json.dumps([[[0.5, 0.5, 0.9]] * 33] * 3))
    with pytest.raises(ValueError, match="the image's size is needed"):
        read_view(tmp_path / "b.json")
    with pytest.raises(ValueError, match="An image cannot be 0 x 1080"):
        read_view(tmp_path / "b.json", size=(0, 1080))
