# SPDX-License-Identifier: GPL-3.0-or-later
"""Any rig is read as the same 22 joints, and written so that it reads back the same."""

from __future__ import annotations

import numpy as np
import pytest
from posing import Z_UP, bend, calibrated, matrices_with, random_pose, rigmap_of, turns_to
from scipy.spatial.transform import Rotation

from contrapposto.evaluation.armatures import basis_of, make_armature
from contrapposto.motion import Pose
from contrapposto.rig.alignment import shortest_arc
from contrapposto.rig.armature import Armature
from contrapposto.rig.calibration import Calibration
from contrapposto.rig.hinges import calibrate_by_motion
from contrapposto.rig.profile import load_profiles
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import (
    JOINT_INDEX,
    JOINT_NAMES,
    MIRROR,
    STANDARD_OFFSETS,
    forward_kinematics,
    mirror,
)

PROFILES = sorted(profile.name for profile in load_profiles())
SOME = ["Mixamo", "Unreal Engine 5", "MPFB default", "KayKit", "CMU, MotionBuilder names", "Rigify metarig"]
ALL = frozenset(JOINT_NAMES)


def degrees_apart(a: Pose, b: Pose, joints: np.ndarray | None = None) -> float:
    """Largest angle between world rotations of the joints."""
    world_a, _ = forward_kinematics(a.rotations)
    world_b, _ = forward_kinematics(b.rotations)
    angle = np.degrees(geodesic_angle(world_a, world_b))
    return float(angle[..., joints].max() if joints is not None else angle.max())


def similarity(seed: int, scale: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = scale * Rotation.random(random_state=seed).as_matrix()
    matrix[:3, 3] = np.random.default_rng(seed).normal(size=3)
    return matrix


@pytest.mark.parametrize("profile", PROFILES)
def test_a_written_pose_reads_back_on_every_rig_family(profile):
    rest = ("A", "T", "down", "random")[PROFILES.index(profile) % 4]
    armature, truth = make_armature(profile, rest=rest, seed=5, scale=100, extra=("twist", "leaf"))
    calibration = calibrated(armature, truth)
    pose = random_pose(1, (3,))
    to_world = similarity(2, 0.01)
    written = calibration.write(pose, to_world, armature.rest, ALL, move_pelvis=True)
    back = calibration.read(matrices_with(calibration, written, armature.rest), to_world)
    assert degrees_apart(back, pose, calibration.present) < 1e-4
    assert np.abs(back.transl - pose.transl).max() < 1e-9


@pytest.mark.parametrize("profile", SOME)
def test_a_bent_rig_is_restored_from_its_pose(profile):
    armature, truth = make_armature(profile, rest="A", seed=3, scale=0.4)
    calibration = calibrated(armature, truth)
    posed = bend(armature, truth, turns_to(random_pose(4)))
    to_world = similarity(1, 3.0)
    written = calibration.write(
        calibration.read(posed, to_world), to_world, armature.rest, ALL, move_pelvis=True
    )
    for joint, group in truth.items():
        bone = armature.index[group[-1]]
        assert np.degrees(geodesic_angle(written[group[-1]][:3, :3], posed[bone, :3, :3])) < 0.1, joint
    hips = truth["pelvis"][0]
    assert np.linalg.norm(written[hips][:3, 3] - posed[armature.index[hips], :3, 3]) < 1e-4 * 0.4


@pytest.mark.parametrize("rest", ["T", "A", "down"])
@pytest.mark.parametrize("profile", SOME)
def test_roll_unit_axes_and_tilt_do_not_change_what_is_read(profile, rest):
    drop = {"T": 0, "A": 45, "down": 78}[rest]
    pose = random_pose(6)
    read = []
    for seed, scale, axes in ((1, 1.0, ("z", "-y")), (2, 100.0, ("y", "z")), (3, 0.02, ("-x", "y"))):
        armature, truth = make_armature(profile, rest=rest, seed=seed, scale=scale, axes=axes)
        to_world = np.eye(4)
        to_world[:3, :3] = 7.0 * basis_of(axes).T
        posed = bend(armature, truth, turns_to(pose, drop), axes)
        read.append(calibrated(armature, truth).read(posed, to_world))
    for other in read[1:]:
        assert np.abs(other.rotations - read[0].rotations).max() < 1e-4


@pytest.mark.parametrize("profile", SOME)
def test_the_rest_pose_does_not_change_what_is_read(profile):
    pose = random_pose(7)
    for rest, drop in (("T", 0), ("A", 45), ("down", 78)):
        armature, truth = make_armature(profile, rest=rest)
        calibration = calibrated(armature, truth)
        read = calibration.read(bend(armature, truth, turns_to(pose, drop)), Z_UP)
        assert degrees_apart(read, pose, calibration.present) < 0.01, rest


def test_a_rig_in_smpl_layout_needs_no_alignment():
    armature, truth = make_armature("SMPL, SMPL-H, SMPL-X")
    calibration = calibrated(armature, truth)
    at_rest = calibration.read(armature.rest, Z_UP)
    assert np.abs(at_rest.rotations - np.eye(3)).max() < 1e-9
    spines = [JOINT_INDEX[f"spine{i}"] for i in (1, 2)]  # the builder moves these off the standard body
    others = np.delete(np.arange(22), spines)
    assert np.abs(calibration.offsets - STANDARD_OFFSETS)[others].max() < 1e-9


def test_a_rig_whose_head_leans_forward_still_rests_upright():
    armature, truth = make_armature("Mixamo", axes=("y", "z"))
    rest = armature.rest.copy()
    rest[armature.index[truth["head"][0]], :3, 3] += [0, 0, 0.1]
    leaning = Armature(armature.names, armature.parents, rest, armature.lengths)
    pose = calibrated(leaning, truth).read(rest, np.eye(4))
    assert np.abs(pose.global_orient - np.eye(3)).max() < 1e-9


def test_a_body_modelled_along_no_axis_is_read_by_its_own_up_and_left():
    armature, truth = make_armature("SMPL, SMPL-H, SMPL-X", rest="A", seed=1)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", [40, 25, -35], degrees=True).as_matrix()
    turned = Armature(armature.names, armature.parents, turn @ armature.rest, armature.lengths)
    posed = bend(armature, truth, turns_to(random_pose(1)))
    upright = calibrated(armature, truth).read(posed, Z_UP)
    oblique = calibrated(turned, truth).read(turn @ posed, Z_UP @ turn.T)
    assert degrees_apart(upright, oblique) < 2


def test_offsets_place_the_joints_where_the_bones_are():
    armature, truth = make_armature("SMPL, SMPL-H, SMPL-X", rest="random", seed=8, scale=100)
    calibration = calibrated(armature, truth)
    posed = bend(armature, truth, turns_to(random_pose(9)))
    pose = calibration.read(posed, Z_UP)
    _, positions = forward_kinematics(pose.rotations, calibration.offsets)
    for joint, group in truth.items():
        head = calibration.scale * (Z_UP[:3, :3] @ posed[armature.index[group[0]], :3, 3])
        assert np.abs(positions[JOINT_INDEX[joint]] + pose.transl - head).max() < 1e-9, joint


def test_the_pelvis_has_the_same_height_on_a_large_and_a_small_rig_of_any_unit():
    heights = []
    for scale, object_scale in ((1.0, 1.0), (100.0, 0.01), (100.0, 0.003), (0.2, 40.0)):
        armature, truth = make_armature("Mixamo", scale=scale)
        to_world = Z_UP.copy()
        to_world[:3, :3] *= object_scale
        heights.append(calibrated(armature, truth).read(armature.rest, to_world).transl[1])
    assert np.ptp(heights) < 1e-9
    assert 0.9 < heights[0] < 1.0


def test_a_tilted_object_tilts_the_body():
    armature, truth = make_armature("Mixamo")
    tilt = np.eye(4)
    tilt[:3, :3] = Rotation.from_euler("x", 90, degrees=True).as_matrix()
    pose = calibrated(armature, truth).read(armature.rest, tilt @ Z_UP)
    assert np.abs(pose.global_orient - tilt[:3, :3]).max() < 1e-9


@pytest.mark.parametrize("profile", SOME)
def test_a_flipped_rig_reads_the_flipped_pose(profile):
    armature, truth = make_armature(profile, rest="A", axes=("y", "z"), seed=2)
    posed = bend(armature, truth, turns_to(random_pose(3)), ("y", "z"))
    sign = np.diag([-1.0, 1, 1, 1])
    flipped = Armature(armature.names, armature.parents, sign @ armature.rest @ sign, armature.lengths)
    partner = {joint: JOINT_NAMES[MIRROR[i]] for joint, i in JOINT_INDEX.items()}
    flipped_truth = {partner[joint]: group for joint, group in truth.items()}
    read = calibrated(armature, truth).read(posed, np.eye(4))
    read_flipped = calibrated(flipped, flipped_truth).read(sign @ posed @ sign, np.eye(4))
    assert np.abs(read_flipped.rotations - mirror(read.rotations)).max() < 1e-9


def test_scaled_bones_read_the_same_and_keep_their_scale():
    armature, truth = make_armature("Unreal Engine 4", rest="A", seed=1)
    calibration = calibrated(armature, truth)
    posed = bend(armature, truth, turns_to(random_pose(1)))
    scaled = posed.copy()
    bone = armature.index["calf_l"]
    scaled[bone, :3, :3] *= [1.2, 2.0, 0.7]
    assert (
        np.abs(calibration.read(scaled, Z_UP).rotations - calibration.read(posed, Z_UP).rotations).max()
        < 1e-9
    )
    written = calibration.write(random_pose(2), Z_UP, scaled, ALL)
    assert np.allclose(np.linalg.norm(written["calf_l"][:3, :3], axis=0), [1.2, 2.0, 0.7])


def test_single_precision_matrices_read_as_exact_rotations():
    armature, truth = make_armature("Mixamo", rest="A", seed=1)
    posed = bend(armature, truth, turns_to(random_pose(1))).astype(np.float32)
    R = calibrated(armature, truth).read(posed, Z_UP).rotations
    assert np.abs(R.swapaxes(-1, -2) @ R - np.eye(3)).max() < 1e-12


@pytest.mark.parametrize("profile", SOME)
def test_joints_that_are_not_free_keep_their_place_on_the_joint_above(profile):
    armature, truth = make_armature(profile, rest="A", seed=4)
    calibration = calibrated(armature, truth)
    now = bend(armature, truth, turns_to(random_pose(5)))
    pose = random_pose(6)
    free = {"left_shoulder", "left_elbow", "right_knee"}
    written = matrices_with(calibration, calibration.write(pose, Z_UP, now, free), now)
    before, after = calibration.read(now, Z_UP), calibration.read(written, Z_UP)
    for joint in truth:
        i = JOINT_INDEX[joint]
        kept = after.rotations[i] - (pose if joint in free else before).rotations[i]
        if calibration.present[[i, *_above(i)]].all():
            assert np.abs(kept).max() < 1e-9, joint
    untouched = armature.index[truth["right_shoulder"][-1]]
    assert np.abs(written[untouched] - now[untouched]).max() < 1e-9
    assert np.abs(after.transl - before.transl).max() < 1e-9


def _above(joint: int) -> list[int]:
    from contrapposto.skeleton import PARENTS

    return [PARENTS[joint]] if joint else []


def test_writing_nothing_moves_nothing():
    armature, truth = make_armature("MPFB default", rest="A", seed=4)
    calibration = calibrated(armature, truth)
    now = bend(armature, truth, turns_to(random_pose(5)))
    for name, matrix in calibration.write(random_pose(6), Z_UP, now, ()).items():
        assert np.abs(matrix - now[armature.index[name]]).max() < 1e-12, name


def test_many_poses_can_be_written_onto_one_state():
    armature, truth = make_armature("Mixamo")
    calibration = calibrated(armature, truth)
    poses = random_pose(1, (4, 2))
    many = calibration.write(poses, Z_UP, armature.rest, ALL, move_pelvis=True)
    one = calibration.write(poses[3, 1], Z_UP, armature.rest, ALL, move_pelvis=True)
    for name, matrix in many.items():
        assert matrix.shape == (4, 2, 4, 4)
        assert np.abs(matrix[3, 1] - one[name]).max() < 1e-12


@pytest.mark.parametrize("profile", ["Unreal Engine 5", "MPFB default", "CMU, MotionBuilder names"])
def test_a_joints_turn_is_spread_over_its_bones_by_their_length(profile):
    armature, truth = make_armature(profile)
    calibration = calibrated(armature, truth)
    pose = Pose(np.broadcast_to(np.eye(3), (22, 3, 3)).copy(), np.zeros(3))
    groups = {joint: group for joint, group in truth.items() if len(group) > 1 and joint != "pelvis"}
    assert groups
    for joint, group in groups.items():
        pose.rotations[:] = np.eye(3)
        pose.rotations[JOINT_INDEX[joint]] = from_rotvec(np.array([0.3, -0.7, 0.5]))
        written = calibration.write(pose, Z_UP, armature.rest, {joint})
        turned = [
            float(geodesic_angle(written[bone][:3, :3], armature.rest[armature.index[bone], :3, :3]))
            for bone in group
        ]
        lengths = np.array([armature.lengths[armature.index[bone]] for bone in group])
        whole = np.linalg.norm([0.3, -0.7, 0.5])
        assert np.allclose(turned, whole * np.cumsum(lengths) / lengths.sum(), atol=1e-6)


def test_missing_spine_joints_share_the_turn_between_their_neighbours():
    armature, truth = make_armature("KayKit")
    calibration = calibrated(armature, truth)
    assert "spine2" not in truth
    assert "neck" not in truth
    turns = {joint: np.eye(3) for joint in JOINT_NAMES}
    turn = from_rotvec(np.array([0.4, 0.2, -0.6]))
    for joint in (
        "spine3",
        "head",
        *(f"{s}_{p}" for s in ("left", "right") for p in ("shoulder", "elbow", "wrist")),
    ):
        turns[joint] = turn
    read = calibration.read(bend(armature, truth, turns), Z_UP)
    half = from_rotvec(np.array([0.2, 0.1, -0.3]))
    assert np.abs(read.rotations[JOINT_INDEX["spine2"]] - half).max() < 1e-9
    assert np.abs(read.rotations[JOINT_INDEX["spine3"]] - half).max() < 1e-9
    assert not calibration.present[JOINT_INDEX["spine2"]]


def test_a_missing_collar_takes_a_small_share_of_the_arms_swing_and_none_of_its_twist():
    armature, truth = make_armature("KayKit")
    calibration = calibrated(armature, truth)
    arm = STANDARD_OFFSETS[JOINT_INDEX["left_elbow"]] / np.linalg.norm(
        STANDARD_OFFSETS[JOINT_INDEX["left_elbow"]]
    )
    for rotvec, expected in ((np.array([0, 0, -1.0]), 0.17), (arm * 0.8, 0.0)):
        turns = {joint: np.eye(3) for joint in JOINT_NAMES}
        for part in ("shoulder", "elbow", "wrist"):
            turns[f"left_{part}"] = from_rotvec(rotvec)
        read = calibration.read(bend(armature, truth, turns), Z_UP)
        collar = read.rotations[JOINT_INDEX["left_collar"]]
        assert float(geodesic_angle(collar, np.eye(3))) == pytest.approx(expected, abs=0.01)
        product = collar @ read.rotations[JOINT_INDEX["left_shoulder"]]
        assert np.abs(product - from_rotvec(rotvec)).max() < 1e-9


def test_a_joint_that_ends_a_limb_reads_as_identity_when_it_is_missing():
    armature, truth = make_armature("Mixamo", drop=("left_foot", "right_foot"))
    read = calibrated(armature, truth).read(bend(armature, truth, turns_to(random_pose(2))), Z_UP)
    assert np.array_equal(read.rotations[JOINT_INDEX["left_foot"]], np.eye(3))


def test_a_rest_with_bent_elbows_is_twisted_by_their_hinge():
    """An elbow bent upward at rest means an upper arm rolled back by a right angle."""
    armature, truth = make_armature("SMPL, SMPL-H, SMPL-X", axes=("y", "z"))
    turns = turns_to(Pose(np.tile(np.eye(3), (22, 1, 1)), np.zeros(3)))
    turns["left_elbow"] = turns["left_wrist"] = from_rotvec(np.array([0, 0, np.pi / 3]))
    bent = Armature(
        armature.names, armature.parents, bend(armature, truth, turns, ("y", "z")), armature.lengths
    )
    read = calibrated(bent, truth).read(bent.rest, np.eye(4))
    elbow = Rotation.from_matrix(read.rotations[JOINT_INDEX["left_elbow"]]).as_rotvec(degrees=True)
    shoulder = Rotation.from_matrix(read.rotations[JOINT_INDEX["left_shoulder"]]).as_rotvec(degrees=True)
    assert np.allclose(elbow, [0, -60, 0], atol=3)
    along = STANDARD_OFFSETS[JOINT_INDEX["left_elbow"]]
    assert np.allclose(shoulder, -90 * along / np.linalg.norm(along), atol=3)


def test_motion_tells_the_hinge_that_a_straight_rest_hides():
    armature, truth = make_armature("SMPL, SMPL-H, SMPL-X", axes=("y", "z"), seed=0)
    roll = Rotation.from_euler("x", 30, degrees=True)
    matrices = []
    for angle in np.linspace(0.3, 1.8, 20):
        turns = turns_to(Pose(np.tile(np.eye(3), (22, 1, 1)), np.zeros(3)))
        turn = Rotation.from_rotvec(roll.apply([0, -angle, 0])).as_matrix()
        turns["left_elbow"] = turns["left_wrist"] = turn
        matrices.append(bend(armature, truth, turns, ("y", "z")))
    motion = np.stack(matrices)
    rest_only = calibrated(armature, truth)
    elbow = JOINT_INDEX["left_elbow"]

    def tilt(calibration: Calibration) -> float:
        axis = Rotation.from_matrix(calibration.read(motion, np.eye(4)).rotations[:, elbow]).as_rotvec()
        axis /= np.linalg.norm(axis, axis=-1, keepdims=True)
        return float(np.degrees(np.arccos(np.clip(-axis[:, 1], -1, 1))).max())

    assert tilt(rest_only) == pytest.approx(30, abs=1)
    assert tilt(calibrate_by_motion(rest_only, motion)) < 3


def test_motion_that_agrees_on_no_hinge_changes_nothing():
    armature, truth = make_armature("Mixamo")
    calibration = calibrated(armature, truth)
    motion = np.stack([bend(armature, truth, turns_to(random_pose(i))) for i in range(20)])
    assert calibrate_by_motion(calibration, motion) is calibration


def test_an_ik_control_and_its_target_are_each_others_inverse():
    armature, truth = make_armature("Rigify", rest="A", seed=3, scale=10)
    calibration = calibrated(armature, truth)
    posed = bend(armature, truth, turns_to(random_pose(4)))
    to_world = similarity(5, 0.1)
    pose = calibration.read(posed, to_world)
    world, positions = forward_kinematics(pose.rotations, calibration.offsets)
    for joint, control in (("left_wrist", "hand_ik.L"), ("right_ankle", "foot_ik.R")):
        hand = posed[armature.index[truth[joint][0]]]
        matrix = calibration.bone_for(joint, control, hand)
        target = calibration.target_from_bone(joint, matrix, control, to_world)
        i = JOINT_INDEX[joint]
        assert np.abs(target.rotation - world[i]).max() < 1e-9
        assert np.abs(target.position - positions[i] - pose.transl).max() < 1e-3
        head = to_world[:3, :3] @ hand[:3, 3] + to_world[:3, 3]
        assert np.abs(target.position - head * calibration.scale / 0.1).max() < 1e-9


def test_the_shortest_arc_is_scipys_and_has_an_answer_for_opposite_vectors():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50, 3))
    R = shortest_arc(a, b)
    turned = (R @ a[..., None])[..., 0]
    assert np.allclose(np.cross(turned, b), 0, atol=1e-9)
    angle = np.arccos(np.sum(a * b, -1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1))
    assert np.allclose(Rotation.from_matrix(R).magnitude(), angle)
    half = shortest_arc(a, -a)
    assert np.allclose((half @ a[..., None])[..., 0], -a)


def _without(truth, joint):
    return {j: group for j, group in truth.items() if j != joint}


def test_what_cannot_be_calibrated_is_told_in_a_sentence():
    armature, truth = make_armature("Mixamo")
    with pytest.raises(ValueError, match="No bone is mapped to 'left_hip'"):
        calibrated(armature, _without(truth, "left_hip"))
    with pytest.raises(ValueError, match="Neither leg is mapped whole"):
        calibrated(armature, _without(_without(truth, "left_knee"), "right_ankle"))
    with pytest.raises(ValueError, match="'head' is mapped to bone 'Kopf', which the armature does not have"):
        calibrated(armature, truth | {"head": ("Kopf",)})
    with pytest.raises(ValueError, match="'left_shoulder' and 'left_elbow' start at the same place"):
        calibrated(armature, truth | {"left_elbow": truth["left_shoulder"]})
    with pytest.raises(ValueError, match="'left_ankle' is not below 'left_hip' at rest"):
        calibrated(armature, truth | {"left_knee": truth["left_shoulder"], "left_ankle": truth["left_wrist"]})
    rest = armature.rest.copy()
    rest[armature.index[truth["head"][0]], 0, 3] = np.nan
    broken = Armature(armature.names, armature.parents, rest, armature.lengths)
    with pytest.raises(ValueError, match=f"The rest pose of bone '{truth['head'][0]}' is not finite"):
        calibrated(broken, truth)


def test_transforms_that_cannot_be_read_are_told_in_a_sentence():
    armature, truth = make_armature("Mixamo")
    calibration = calibrated(armature, truth)
    with pytest.raises(ValueError, match="negative or zero scale"):
        calibration.read(armature.rest, np.diag([-1.0, 1, 1, 1]))
    with pytest.raises(ValueError, match=r"scaled unevenly \(1, 2, 1\)"):
        calibration.read(armature.rest, np.diag([1.0, 2, 1, 1]))
    with pytest.raises(ValueError, match="bones, so matrices must be"):
        calibration.read(armature.rest[:2], np.eye(4))
    for value, problem in ((0.0, "scaled to zero"), (np.nan, "not finite"), (-1.0, "mirrored")):
        matrices = armature.rest.copy()
        bone = truth["head"][0]
        matrices[armature.index[bone], :3, :3] *= value
        with pytest.raises(ValueError, match=f"Bone '{bone}' .*{problem}"):
            calibration.read(matrices, np.eye(4))
    with pytest.raises(ValueError, match="no joint named 'Kopf'"):
        calibration.write(random_pose(0), np.eye(4), armature.rest, {"Kopf"})
    with pytest.raises(ValueError, match="no bone 'ik'"):
        calibration.bone_for("left_wrist", "ik", np.eye(4))


def test_the_map_decides_which_joints_are_present():
    armature, truth = make_armature("Mixamo", drop=("neck", "left_foot"))
    calibration = Calibration.of(armature, rigmap_of(truth))
    assert [JOINT_NAMES[i] for i in np.flatnonzero(~calibration.present)] == ["left_foot", "neck"]
    assert calibration.bones("neck") == ()
    assert calibration.bones("head") == truth["head"]
