# SPDX-License-Identifier: GPL-3.0-or-later
"""Any humanoid armature is mapped to the 22 joints: right, or not at all, and never silently."""

import json
from dataclasses import replace

import numpy as np
import pytest

from contrapposto.evaluation.armatures import (
    EXTRAS,
    RESTS,
    Builder,
    joined,
    make_armature,
    mirrored,
    shuffled,
)
from contrapposto.rig.armature import Armature
from contrapposto.rig.mapping import STRUCTURE_ONLY, NotHumanoid, check_map, map_armature
from contrapposto.rig.names import canonical, flip_name, strip_prefix
from contrapposto.rig.profile import flip_joint, load_profiles, parse_profile, profile_named
from contrapposto.rig.rigmap import REQUIRED_JOINTS, RigMap
from contrapposto.skeleton import JOINT_NAMES

FAMILIES = [p.name for p in load_profiles()]
SKELETONS = [p.name for p in load_profiles() if not p.is_control_rig]
OPTIONAL = [j for j in JOINT_NAMES if j not in REQUIRED_JOINTS]
AXES = [("z", "-y"), ("y", "z"), ("x", "y"), ("-z", "x"), ("z", "y")]


def read(rigmap: RigMap) -> dict[str, tuple[str, ...]]:
    return {joint: bones.read for joint, bones in rigmap.joints.items()}


def first_bones(joints: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Where each required joint sits; how far its group reaches is a matter of taste."""
    return {joint: bones[0] for joint, bones in joints.items() if joint in REQUIRED_JOINTS}


# names


@pytest.mark.parametrize(
    ("name", "words", "side"),
    [
        ("mixamorig7:LeftUpLeg", ("up", "leg"), "l"),
        ("mixamorigLeftUpLeg", ("up", "leg"), "l"),
        ("LHipJoint", ("hip", "joint"), "l"),
        ("lShldrBend", ("shldr", "bend"), "l"),
        ("RIGHTARM", ("arm",), "r"),
        ("armleftshoulder1", ("arm", "shoulder", "1"), "l"),
        ("左腕", ("腕",), "l"),
        ("足首.R", ("足首",), "r"),
        ("L5", ("l", "5"), ""),
        ("T12", ("t", "12"), ""),
        ("Bip001 L Thigh", ("thigh",), "l"),
        ("ValveBiped.Bip01_R_Calf", ("calf",), "r"),
        ("CC_Base_L_Upperarm", ("upperarm",), "l"),
        ("upper_arm.fk.L", ("upper", "arm", "fk"), "l"),
        ("spine_03", ("spine", "3"), ""),
        ("spine03", ("spine", "3"), ""),
        ("Spine1", ("spine", "1"), ""),
        ("l_hand_JNT1", ("hand", "1"), "l"),
    ],
)
def test_a_name_says_the_same_whatever_its_prefix_and_spelling(name, words, side):
    said = canonical(name)
    assert (said.words, said.side) == (words, side)


@pytest.mark.parametrize("family", FAMILIES)
def test_flipping_a_bone_name_twice_gives_it_back(family):
    profile = profile_named(family)
    for joint, bones in profile.joints.items():
        for name in bones:
            # all-lower-case names such as "lshin" do not show their side: the profile gives both
            if joint.startswith(("left", "right")) and flip_name(name) != name:
                assert flip_name(flip_name(name)) == name


def test_prefixes_are_stripped_a_bone_at_a_time():
    assert strip_prefix("Armature|mixamorig:Hips") == "Hips"
    assert strip_prefix("DEF-upper_arm.L.001") == "upper_arm.L.001"
    assert strip_prefix("Hips") == "Hips"


# the tables


@pytest.mark.parametrize("family", FAMILIES)
def test_a_profile_has_both_sides_and_no_bone_twice(family):
    profile = profile_named(family)
    assert {flip_joint(j) for j in profile.joints} == set(profile.joints)
    assert set(REQUIRED_JOINTS) <= set(profile.joints)
    bones = [bone for group in profile.joints.values() for bone in group]
    assert len(set(bones)) == len(bones)
    for table in (profile.write, profile.handles, profile.alternatives, profile.between, profile.twist):
        assert {flip_joint(j) for j in table} == set(table)
    for joint, bones in profile.joints.items():
        if joint.startswith("left"):
            assert profile.joints[flip_joint(joint)] != bones


@pytest.mark.parametrize("family", FAMILIES)
def test_twist_bones_are_never_joints(family):
    profile = profile_named(family)
    joints = {bone for group in profile.joints.values() for bone in group}
    for table in (profile.twist, profile.between):
        assert not joints & {bone for group in table.values() for bone in group}


def test_profile_names_are_unique_and_each_can_be_told_from_the_others():
    assert len(set(FAMILIES)) == len(FAMILIES)
    for profile in load_profiles():
        assert profile.fingerprint or profile.pattern


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "needs a name and joints"),
        ('{"name": "X", "joints": {"tail": "Tail"}}', "joints that do not exist: tail"),
        ('{"name": "X", "joints": {}, "jonts": 1}', "unknown fields: jonts"),
        ('{"name": "X", "joints": {"pelvis": 3}}', "is damaged"),
        ('{"name": "X", "joints": {}, "handles": {"left_wrist": {}}}', "is damaged"),
        ('{"name": "X", "joints": {}, "pattern": "("}', "is damaged"),
    ],
)
def test_a_damaged_profile_is_told_in_one_sentence(text, message):
    with pytest.raises(ValueError, match=message):
        parse_profile(text)


# detection


@pytest.mark.parametrize("extra", [(), EXTRAS], ids=["bare", "cluttered"])
@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_recognised_with_all_its_joints(family, extra):
    for seed, rest in enumerate(RESTS):
        armature, truth = make_armature(
            family, rest=rest, seed=seed, extra=extra, axes=AXES[seed], scale=(1, 100, 0.01, 1)[seed]
        )
        rigmap = map_armature(armature)
        assert rigmap.profile == family
        assert read(rigmap) == truth
        assert not rigmap.doubtful()
        assert check_map(armature, rigmap) == ()


@pytest.mark.parametrize("joint", OPTIONAL)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_recognised_without_any_one_optional_joint(family, joint):
    if joint not in profile_named(family).joints:
        joint = "none"  # the family has no such bones: the whole rig, once more
    armature, truth = make_armature(family, rest="A", seed=3, drop=(joint,))
    rigmap = map_armature(armature)
    assert rigmap.profile == family
    assert read(rigmap) == truth


def test_mixamo_names_without_prefix_give_the_same_joints():
    armature, truth = make_armature("Mixamo", rename=lambda n: n.removeprefix("mixamorig:"))
    expected = {joint: tuple(n.removeprefix("mixamorig:") for n in b) for joint, b in truth.items()}
    assert read(map_armature(armature)) == expected


@pytest.mark.parametrize(
    "rename",
    [lambda n: f"Char:{n}", lambda n: f"Armature|{n}", lambda n: f"{n}.001", str.upper],
    ids=["namespace", "bar", "duplicate", "capitals"],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_joints_are_found_under_renamed_bones(family, rename):
    armature, truth = make_armature(family, rest="A", rename=rename)
    assert first_bones(read(map_armature(armature))) == first_bones(truth)


def test_joints_are_found_where_only_some_bones_carry_an_importers_number():
    armature, truth = make_armature(
        "Mixamo", rename=lambda n: f"{n}.001" if "Leg" in n or "Spine" in n else n
    )
    rigmap = map_armature(armature)
    assert rigmap.profile == "Mixamo"
    assert read(rigmap) == truth
    assert rigmap.joints["left_knee"].confidence < rigmap.joints["left_elbow"].confidence


def test_names_in_capitals_tell_the_family():
    for family in ("ACCAD", "CMU, MotionBuilder names", "3ds Max Biped"):
        armature, truth = make_armature(family, rename=str.upper)
        rigmap = map_armature(armature)
        assert rigmap.profile == family
        assert read(rigmap) == truth


@pytest.mark.parametrize("family", ["Mixamo", "Unreal Engine 5", "MHX2", "Auto-Rig Pro", "Rigify"])
def test_names_dealt_out_anew_among_the_bones_are_not_believed(family):
    armature, _ = make_armature(family, extra=EXTRAS, seed=1)
    for seed in range(5):
        names = np.random.default_rng(seed).permutation(np.array(armature.names))
        lying = replace(armature, names=tuple(map(str, names)))
        assert max(b.confidence for b in map_armature(lying).joints.values()) <= 0.8


def test_a_spine_with_a_bone_that_no_name_explains_is_less_sure():
    spine = {"spine3": ("Spine2", "SpineX")}
    armature, truth = make_armature(dict(profile_named("Mixamo").joints) | spine)
    joints = map_armature(armature).joints
    assert joints["spine3"].read == truth["spine3"]
    assert {joints[joint].confidence for joint in ("spine1", "spine2", "spine3")} == {0.8}
    assert joints["head"].confidence == 0.95


@pytest.mark.parametrize("family", FAMILIES)
def test_joints_do_not_depend_on_the_order_of_bones(family):
    armature, truth = make_armature(family, extra=EXTRAS, seed=4)
    for seed in range(3):
        assert read(map_armature(shuffled(armature, seed))) == truth


def test_of_two_spine_bones_the_one_that_carries_the_arms_is_spine3():
    _, truth = make_armature("VRM / Unity humanoid", drop=("spine3",))
    assert truth["spine3"] == ("chest",)
    armature, _ = make_armature("VRM / Unity humanoid", drop=("spine3",))
    assert read(map_armature(armature))["spine3"] == ("chest",)


def test_unknown_bones_along_the_spine_join_the_group_before_them():
    spine = {"spine2": ("Spine1", "SpineX"), "spine3": ("Spine2", "SpineY")}
    joints = dict(profile_named("HumanIK").joints) | spine
    armature, truth = make_armature(joints)
    assert read(map_armature(armature)) == truth


def test_an_unknown_bone_between_the_arms_and_the_head_is_the_neck():
    joints = dict(profile_named("HumanIK").joints) | {"neck": ("Giraffe",)}
    armature, _ = make_armature(joints)
    rigmap = map_armature(armature)
    assert rigmap.joints["neck"].read == ("Giraffe",)
    assert rigmap.joints["neck"].confidence <= 0.5


def test_what_the_file_says_wins_over_names():
    armature, _ = make_armature("HumanIK", extra=("fingers",))
    rigmap = map_armature(replace(armature, embedded={"left_wrist": "thumb_01_l"}))
    assert rigmap.joints["left_wrist"].read == ("thumb_01_l",)
    assert rigmap.joints["left_wrist"].confidence == 1.0


def test_a_required_joint_without_a_bone_is_missing_not_invented():
    armature, truth = make_armature("FreeMoCap", drop=("left_wrist", "right_wrist"))
    rigmap = map_armature(armature)
    assert rigmap.missing_required == ("left_wrist", "right_wrist")
    assert read(rigmap) == truth


# control rigs


def test_a_control_rig_is_read_from_its_joints_and_written_through_its_controls():
    armature, _ = make_armature("Rigify", rest="A")
    rigmap = map_armature(armature)
    arm = rigmap.joints["right_elbow"]
    assert (arm.read, arm.write) == (("ORG-forearm.R",), ("forearm_fk.R",))
    hand = rigmap.handles["right_wrist"]
    assert (hand.bone, hand.pole, hand.swing) == ("hand_ik.R", "upper_arm_ik_target.R", "upper_arm_ik.R")
    assert hand.switch == ("upper_arm_parent.R", "IK_FK")


def test_controls_under_a_namespace_are_found_by_their_full_names():
    armature, _ = make_armature("Auto-Rig Pro", rename=lambda n: f"rig:{n}")
    rigmap = map_armature(armature)
    assert rigmap.joints["left_knee"].write == ("rig:c_leg_fk.l",)
    assert rigmap.handles["left_ankle"].switch == ("rig:c_foot_ik.l", "ik_fk_switch")


def test_the_chest_of_a_short_spine_keeps_its_own_control():
    armature, _ = make_armature("Auto-Rig Pro", drop=("spine3",))
    chest = map_armature(armature).joints["spine3"]
    assert (chest.read, chest.write) == (("spine_02.x",), ("c_spine_02.x",))


# structure


@pytest.mark.parametrize("extra", [(), EXTRAS], ids=["bare", "cluttered"])
@pytest.mark.parametrize("family", SKELETONS)
def test_required_joints_are_found_when_all_names_are_destroyed(family, extra):
    for seed, rest in enumerate(RESTS):
        armature, truth = make_armature(
            family,
            rest=rest,
            seed=seed,
            extra=extra,
            axes=AXES[seed],
            scale=(1, 100, 0.01, 1)[seed],
            destroy=1,
        )
        rigmap = map_armature(armature)
        assert rigmap.profile == STRUCTURE_ONLY
        assert first_bones(read(rigmap)) == first_bones(truth)
        assert max(b.confidence for b in rigmap.joints.values()) <= 0.5


@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
@pytest.mark.parametrize("family", SKELETONS)
def test_required_joints_are_found_when_some_names_are_destroyed(family, share):
    for seed in (1, 2):
        armature, truth = make_armature(
            family, rest=RESTS[seed], seed=seed, extra=EXTRAS if seed == 1 else (), destroy=share
        )
        assert first_bones(read(map_armature(armature))) == first_bones(truth)


@pytest.mark.parametrize("family", ["Mixamo", "MPFB default", "KayKit", "CMU, MotionBuilder names"])
def test_a_mirrored_armature_without_names_gives_the_flipped_map(family):
    armature, truth = make_armature(family, rest="A", seed=2, extra=("fingers", "weapon"), destroy=1)
    flipped = {flip_joint(joint): bones for joint, bones in truth.items()}
    assert first_bones(read(map_armature(armature))) == first_bones(truth)
    assert first_bones(read(map_armature(mirrored(armature)))) == first_bones(flipped)


def test_bones_named_for_the_wrong_side_are_mapped_by_where_they_lie_and_doubted():
    armature, truth = make_armature("Mixamo", rest="A")
    rigmap = map_armature(mirrored(armature))
    assert read(rigmap) == {flip_joint(joint): bones for joint, bones in truth.items()}
    assert "left_elbow" in rigmap.doubtful()
    assert "side" in rigmap.joints["left_elbow"].reason


def test_without_feet_that_point_anywhere_the_sides_are_a_guess():
    armature, truth = make_armature("HumanIK", drop=("left_foot", "right_foot"), destroy=1)
    lengths = armature.lengths.copy()
    for joint in ("left_ankle", "right_ankle"):
        lengths[armature.index[truth[joint][0]]] = 1e-6
    straight = armature.rest.copy()
    for side in ("left", "right"):  # knees exactly between hips and ankles: no bend to tell the front by
        hip, knee, ankle = (armature.index[truth[f"{side}_{p}"][0]] for p in ("hip", "knee", "ankle"))
        straight[knee, :3, 3] = (armature.heads[hip] + armature.heads[ankle]) / 2
    rigmap = map_armature(replace(armature, rest=straight, lengths=lengths))
    assert rigmap.joints["left_wrist"].confidence == 0.3
    assert "left from right" in rigmap.joints["left_wrist"].reason


def test_a_joint_that_lies_below_the_feet_is_no_head():
    armature, truth = make_armature("Mixamo", rest="A")
    rest = armature.rest.copy()
    rest[armature.index[truth["head"][0]], 2, 3] = -2.0
    rigmap = map_armature(replace(armature, rest=rest))
    assert rigmap.joints.get("head") is None or rigmap.joints["head"].confidence < 0.95


def test_limbs_of_unlike_length_are_mapped_with_doubt():
    armature, truth = make_armature("Mixamo")
    rest = armature.rest.copy()
    wrist, elbow = (armature.index[truth[j][0]] for j in ("left_wrist", "left_elbow"))
    rest[wrist, :3, 3] = 0.5 * (rest[wrist, :3, 3] + rest[elbow, :3, 3])
    rigmap = map_armature(replace(armature, rest=rest))
    assert rigmap.joints["left_wrist"].read == truth["left_wrist"]
    assert "left_wrist" in rigmap.doubtful()


# refusals


def points(*rows: tuple[float, float, float]) -> np.ndarray:
    return np.array(rows, dtype=float)


def quadruped(prefix: str = "") -> Armature:
    builder = Builder(np.random.default_rng(0))
    trunk = ["Hips", "Spine", "Spine1", "Spine2", "Neck", "Head"]
    names = [prefix + n for n in trunk]
    way = points(
        (0, 1, -0.5),
        (0, 1.02, -0.25),
        (0, 1.02, 0),
        (0, 1, 0.25),
        (0, 1.1, 0.5),
        (0, 1.4, 0.7),
        (0, 1.4, 0.9),
    )
    builder.chain(names, None, way)
    for side, x in (("Left", 0.15), ("Right", -0.15)):
        for top, z, parts in (
            ("Hips", -0.5, ("UpLeg", "Leg", "Foot", "ToeBase")),
            ("Spine2", 0.3, ("Arm", "ForeArm", "Hand", "Finger")),
        ):
            leg = points(
                (x, 0.95, z), (x, 0.5, z + 0.05), (x, 0.1, z), (x, 0.02, z + 0.1), (x, 0.02, z + 0.15)
            )
            builder.chain([f"{prefix}{side}{p}" for p in parts], prefix + top, leg)
    return builder.armature()


def markers() -> Armature:
    builder = Builder(np.random.default_rng(0))
    place = np.random.default_rng(1)
    for i in range(40):
        head = place.uniform(-1, 1, 3)
        builder.add(f"M{i:03d}", None, head, head + [0, 0.02, 0])
    return builder.armature()


def hand() -> Armature:
    builder = Builder(np.random.default_rng(0))
    builder.chain(["forearm.L", "hand.L"], None, points((0, 0, 0), (0.25, 0, 0), (0.33, 0, 0)))
    for i in range(5):
        way = [(0.33 + 0.03 * k, 0, 0.04 - 0.02 * i) for k in range(4)]
        builder.chain([f"f{i}.{k}.L" for k in range(3)], "hand.L", points(*way))
    return builder.armature()


def two_characters() -> Armature:
    first, _ = make_armature("Mixamo")
    second, _ = make_armature("Mixamo", seed=1)
    return joined(first, second, (1.5, 0, 0))


def openpose() -> Armature:
    builder = Builder(np.random.default_rng(0))
    for i, name in enumerate(("MidHip", "Neck", "LBigToe", "RBigToe", "LShoulder", "RShoulder")):
        builder.add(name, None, (0.1 * i, 0, 0), (0.1 * i, 0.1, 0))
    return builder.armature()


def no_bones() -> Armature:
    return Armature((), (), np.zeros((0, 4, 4)), np.zeros(0))


@pytest.mark.parametrize(
    ("armature", "message"),
    [
        (quadruped(), "four legs"),
        (quadruped("qz"), "four legs"),
        (markers(), "marker rig"),
        (openpose(), "marker rig"),
        (hand(), "No human body .* of 15 needed joints"),
        (no_bones(), "no bones"),
        (two_characters(), "two characters"),
        (shuffled(two_characters(), 3), "two characters"),
    ],
    ids=["animal", "nameless animal", "markers", "openpose", "hand", "empty", "two", "two, shuffled"],
)
def test_what_is_no_human_body_is_refused_in_one_sentence(armature, message):
    with pytest.raises(NotHumanoid, match=message) as caught:
        map_armature(armature)
    assert "\n" not in str(caught.value)


def test_any_tree_of_bones_is_mapped_or_refused():
    words = sorted({bone for p in load_profiles() for group in p.joints.values() for bone in group})
    refused = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        count = int(rng.integers(1, 60))
        names = tuple(rng.choice(words, count, replace=False)) if seed % 2 else tuple(map(str, range(count)))
        parents = tuple(int(rng.integers(-1, i)) if i else -1 for i in range(count))
        rest = np.tile(np.eye(4), (count, 1, 1))
        rest[:, :3, 3] = rng.normal(size=(count, 3)) * (seed % 5 > 0)  # or all in one place
        armature = Armature(names, parents, rest, np.abs(rng.normal(size=count)) * (seed % 3 > 0))
        try:
            assert set(map_armature(armature).joints) <= set(JOINT_NAMES)
        except NotHumanoid:
            refused += 1
    assert refused > 150  # chance makes no bodies


def test_a_character_beside_a_big_prop_in_one_armature_is_mapped():
    armature, truth = make_armature("Mixamo")
    builder = Builder(np.random.default_rng(0))
    builder.chain([f"rope_{i}" for i in range(30)], None, np.linspace([2, 0, 0], [2, 3, 0], 31))
    assert read(map_armature(joined(armature, builder.armature(), (0, 0, 0)))) == truth


# saved maps


def test_a_map_survives_its_json():
    for family in ("Rigify", "Mixamo", "MikuMikuDance"):
        rigmap = map_armature(make_armature(family)[0])
        assert RigMap.from_json(rigmap.to_json()) == rigmap


def test_a_damaged_map_is_told_in_one_sentence():
    data = json.loads(map_armature(make_armature("Mixamo")[0]).to_json())

    def saved(**changes):
        return json.dumps(data | changes)

    for text, message in (
        ("", "not valid JSON"),
        ("{}", "not a Contrapposto rig mapping"),
        (saved(version=99), "version 99"),
        (saved(joints=[1]), "damaged"),
        (saved(joints={"pelvis": {"read": ["Hips"]}}), "damaged"),
        (saved(handles={"left_wrist": {"bone": "x"}}), "damaged"),
        (saved(joints={"pelvis": data["joints"]["pelvis"] | {"read": []}}), "no bone for pelvis"),
        (saved(joints={"tail": data["joints"]["pelvis"]}), "do not exist: tail"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            RigMap.from_json(text)
        assert "\n" not in str(caught.value)


def test_a_map_made_for_the_armature_has_nothing_to_report():
    armature, _ = make_armature("Rigify", extra=EXTRAS)
    assert check_map(armature, map_armature(armature)) == ()


def test_what_no_longer_fits_of_a_map_is_named():
    armature, _ = make_armature("Mixamo", rest="A")
    rigmap = map_armature(armature)
    joints = dict(rigmap.joints)

    renamed, _ = make_armature("Mixamo", rest="A", rename=lambda n: n.replace("LeftHand", "LeftPaw"))
    assert check_map(renamed, rigmap) == (
        "Bone 'mixamorig:LeftHand' of the left wrist is not in this armature any more",
    )

    del joints["head"]
    assert check_map(armature, replace(rigmap, joints=joints)) == ("No bone is mapped to the head",)

    joints = dict(rigmap.joints) | {"neck": rigmap.joints["head"]}
    assert check_map(armature, replace(rigmap, joints=joints)) == (
        "Bone 'mixamorig:Head' stands for neck and head",
    )

    joints = dict(rigmap.joints)
    joints["left_knee"], joints["right_knee"] = joints["right_knee"], joints["left_knee"]
    assert check_map(armature, replace(rigmap, joints=joints)) == ("The left and right knee are crossed",)


def test_a_vanished_control_of_a_saved_map_is_named():
    armature, _ = make_armature("Rigify")
    rigmap = map_armature(armature)
    renamed, _ = make_armature("Rigify", rename=lambda n: "gone" if n == "hand_ik.L" else n)
    assert check_map(renamed, rigmap) == (
        "Bone 'hand_ik.L' of the left wrist is not in this armature any more",
    )
