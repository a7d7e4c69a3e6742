# SPDX-License-Identifier: GPL-3.0-or-later
"""The rigs that mapping is measured on: every profile, what else animators call by it, and real files.

Some names stand for the bones of a profile with small differences: Ready Player Me is HumanIK
without its reference bone, Rocketbox a Biped that counts otherwise. What is right on a real rig
was written down from its bones, in ``real_rigs.json``, and is not taken from the profiles.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources

from contrapposto.evaluation.armatures import Truth
from contrapposto.rig.profile import Profile, load_profiles, parse_profile, profile_named


@dataclass(frozen=True)
class Family:
    """Rigs of one make.

    Attributes:
        name: what animators call it.
        profile: the bones to build it of.
        rename: the final name of each bone.
        extra: kinds of bones that every rig of this make has, see ``armatures.EXTRAS``.
    """

    name: str
    profile: Profile
    rename: Callable[[str], str] = str
    extra: tuple[str, ...] = field(default=())


def families() -> tuple[Family, ...]:
    """Every profile under its own name, and the makes that go by another one."""
    return (*(Family(p.name, p) for p in load_profiles()), *_makes())


@cache
def real_rigs() -> Mapping[str, Truth]:
    """File name, or name in Rigify's menu, to the true bones of each joint."""
    text = resources.files("contrapposto.evaluation").joinpath("real_rigs.json").read_text(encoding="utf-8")
    rigs = (parse_profile(json.dumps(entry)) for entry in json.loads(text))
    return {rig.name: dict(rig.joints) for rig in rigs}


def _makes() -> tuple[Family, ...]:
    hik = replace(profile_named("HumanIK"), roots=())
    mixamo, biped = profile_named("Mixamo"), profile_named("3ds Max Biped")
    unreal, smpl = profile_named("Unreal Engine 4"), profile_named("SMPL, SMPL-H, SMPL-X")
    return (
        Family("Ready Player Me", _with(hik, spine3="Spine2", neck="Neck"), extra=("leaf", "fingers")),
        Family("HumanIK, Character1_", profile_named("HumanIK"), rename=lambda n: f"Character1_{n}"),
        Family("Xsens MVN", _with(hik, neck="Neck")),
        Family("Perception Neuron", _with(hik, spine3="Spine2"), extra=("fingers",)),
        Family("OptiTrack Motive", _with(hik, spine2=None, spine3="Spine1", neck="Neck")),
        Family(
            "LaFAN1", _with(hik, spine3="Spine2", neck="Neck", left_foot="LeftToe", right_foot="RightToe")
        ),
        Family("Rokoko, older export", _with(hik, spine3="Spine2", neck="Neck")),
        Family("Mixamo, numbered", mixamo, rename=lambda n: n.replace("mixamorig:", "mixamorig7:")),
        Family("Mixamo, colon lost", mixamo, rename=lambda n: n.replace("mixamorig:", "mixamorig")),
        Family("MPFB Mixamo for Unity", replace(mixamo, roots=("mixamorig:Root",))),
        Family("MPFB game engine", replace(unreal, roots=("Root",)), extra=("fingers",)),
        Family("MPFB CMU", profile_named("CMU, MotionBuilder names"), extra=("fingers",)),
        Family("MPFB Rigify", profile_named("Rigify metarig"), extra=("fingers",)),
        Family(
            "AccuRig",
            profile_named("Character Creator / AccuRig"),
            rename=lambda n: n.replace("CC_Base_BoneRoot", "RL_BoneRoot"),
            extra=("fingers", "twist"),
        ),
        Family("Microsoft Rocketbox", biped, rename=lambda n: n.replace("Bip001", "Bip01")),
        Family("Source Engine", biped, rename=_source_name),
        Family("SMPL-H", smpl, extra=("fingers",)),
        Family("SMPL-X", smpl, extra=("fingers", "face")),
    )


def _source_name(name: str) -> str:
    return name.replace("Bip001 ", "ValveBiped.Bip01_").replace("L ", "L_").replace("R ", "R_")


def _with(profile: Profile, **bones: str | None) -> Profile:
    """The profile with other bones for some joints; None for joints that this make lacks."""
    joints = {joint: group for joint, group in profile.joints.items() if bones.get(joint, "") is not None}
    return replace(profile, joints=joints | {joint: (bone,) for joint, bone in bones.items() if bone})
