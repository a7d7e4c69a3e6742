# SPDX-License-Identifier: GPL-3.0-or-later
"""What turns a rig's bones into SMPL's 22 joints and back, measured once at rest.

For each mapped joint one constant rotation K, so that the joint's world rotation is
``G = W R K``: R the posed bone in armature space, W the way from there to the world.
K holds all that rigs differ in: the bone's own axes and roll (K begins with the rest
rotation's transpose, so only the turn since rest counts), where the body faces, and
how its rest pose differs from the T-pose (see alignment).
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from contrapposto.motion import Pose
from contrapposto.observations import Target
from contrapposto.rig import retarget
from contrapposto.rig.alignment import body_frame, limb_alignments
from contrapposto.rig.armature import Armature
from contrapposto.rig.joints import heir
from contrapposto.rig.rigmap import RigMap
from contrapposto.rig.similarity import Similarity, rotation_and_scale
from contrapposto.rig.soles import rig_soles
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, NUM_JOINTS, PARENTS, STANDARD_OFFSETS
from contrapposto.soles import Soles

_LEGS = (("left_hip", "left_knee", "left_ankle"), ("right_hip", "right_knee", "right_ankle"))
_SAME_PLACE = 1e-3  # of the leg's length: limb joints closer than this are one place

_DOWN = 0.3  # of the leg's length, at least, an ankle is below its hip at rest


@dataclass(frozen=True, eq=False)
class Calibration:
    """A rig at rest, seen as the 22 joints.

    Attributes:
        armature: the rig.
        rigmap: which bones stand for which joints.
        present: (22,) bool, the joints that have bones; the others are read as a
            share of their neighbours' turn and should count as unknown.
        offsets: (22, 3) the rig's own proportions: joint positions in the parent's
            frame at the T-pose, scaled so that the legs are as long as the
            standard body's; metres.
        scale: what that took: standard metres a unit of armature space.
        frame: (3, 3) rotation from armature space to the body's axes at rest.
        bone_to_joint: (22, 3, 3) the constants K; identity where not present.
        soles: how deep the soles are below ankles and toes.
    """

    armature: Armature
    rigmap: RigMap
    present: np.ndarray
    offsets: np.ndarray
    scale: float
    frame: np.ndarray
    bone_to_joint: np.ndarray
    soles: Soles

    @classmethod
    def of(cls, armature: Armature, rigmap: RigMap, twists: Mapping[str, float] | None = None) -> Calibration:
        """Measure a rig.

        Args:
            armature: the rig.
            rigmap: its map.
            twists: see ``limb_alignments``; ``hinge_twists`` finds them in a motion.

        Raises:
            ValueError: naming the joint or bone, if the hips or a whole leg are
                unmapped, the map names a bone that is not there, a limb has no
                length or the rest pose is not finite.
        """
        if not np.all(np.isfinite(armature.rest)):
            bone = armature.names[int(np.argmax(~np.isfinite(armature.rest).all(axis=(1, 2))))]
            raise ValueError(f"The rest pose of bone '{bone}' is not finite")
        groups = _groups(armature, rigmap)
        heads = {joint: armature.heads[bones[0]].astype(float) for joint, bones in groups.items()}
        frame = body_frame(heads)
        leg = _leg_length(heads)
        _check_limbs(heads, leg, frame)
        scale = _leg_length(_standard_places()) / leg
        places = {joint: scale * (frame @ head) for joint, head in heads.items()}
        tips = _foot_tips(armature, groups, places, scale * frame)
        alignments = limb_alignments(places | tips, twists)
        offsets = _offsets(places, alignments)
        rest = _rigid_rest(armature)[:, :3, :3]
        bone_to_joint = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
        for joint, bones in groups.items():
            i = JOINT_INDEX[joint]
            bone_to_joint[i] = rest[bones[-1]].T @ frame.T @ alignments[i]
        return cls(
            armature=armature,
            rigmap=rigmap,
            present=np.array([joint in groups for joint in JOINT_NAMES]),
            offsets=offsets,
            scale=scale,
            frame=frame,
            bone_to_joint=bone_to_joint,
            soles=rig_soles(places, tips | _toe_ends(armature, groups, scale * frame), alignments, offsets),
        )

    @cached_property
    def groups(self) -> dict[str, list[int]]:
        """The indices of each mapped joint's read bones, joints in SMPL's order."""
        return _groups(self.armature, self.rigmap)

    @cached_property
    def rest(self) -> np.ndarray:
        """(B, 4, 4) rest matrices of all bones, rigid to double precision."""
        return _rigid_rest(self.armature)

    def bones(self, joint: str) -> tuple[str, ...]:
        """The bones that stand for the joint, from the body outward; none if it is missing."""
        return self.rigmap.joints[joint].read if joint in self.rigmap.joints else ()

    def read(self, matrices: np.ndarray, to_world: np.ndarray) -> Pose:
        """The pose of the 22 joints.

        A missing joint takes a share of the turn from its nearest mapped ancestor to
        its nearest mapped descendant (see ``retarget.spread_missing``); one that
        branches or ends a limb reads as identity. Products are exact either way.

        Args:
            matrices: (..., B, 4, 4) armature-space matrices of all bones.
            to_world: (4, 4) similarity from armature space to a y-up world whose
                floor is y = 0. Its scale does not matter to the result.

        Returns:
            (..., 22) joints, the pelvis in standard-body metres.

        Raises:
            ValueError: if a bone or ``to_world`` is not finite, mirrored or squashed.
        """
        return retarget.read(self, matrices, to_world)

    def write(
        self,
        pose: Pose,
        to_world: np.ndarray,
        current_matrices: np.ndarray,
        free: Collection[str],
        move_pelvis: bool = False,
    ) -> dict[str, np.ndarray]:
        """Where the bones have to be for the free joints to take the pose's rotations.

        Free joints turn as in the pose relative to the new place of their nearest
        mapped ancestor; the others keep their current rotation relative to it, so
        that they ride along. Where a joint has several bones its turn since rest is
        spread over them by length. Bone heads and scales stay as they are relative
        to the bone before.

        Args:
            pose: (...) the wanted pose.
            to_world: (4, 4) as for ``read``.
            current_matrices: (..., B, 4, 4) armature-space matrices of all bones now.
            free: names of the joints to set; missing ones count with their descendant.
            move_pelvis: whether the pelvis goes where the pose has it.

        Returns:
            Bone name to (..., 4, 4) armature-space matrix, for every read bone.

        Raises:
            ValueError: as ``read``, and if ``free`` names no joint.
        """
        return retarget.write(self, pose, to_world, current_matrices, free, move_pelvis)

    def target_from_bone(
        self, joint: str, matrix: np.ndarray, bone_name: str, to_world: np.ndarray
    ) -> Target:
        """Where a control that carries the joint puts it.

        Args:
            joint: a mapped joint.
            matrix: (4, 4) the control's armature-space matrix.
            bone_name: the control; its place relative to the joint's bone at rest is kept.
            to_world: (4, 4) as for ``read``.
        """
        world = Similarity.of(to_world)
        turn, _ = rotation_and_scale(np.asarray(matrix, float)[None, :3, :3], (bone_name,))
        control = self._rest(bone_name)
        group = [self._rest(bone) for bone in self._mapped(joint)]
        moved = turn[0] @ control[:3, :3].T
        head = np.asarray(matrix, float)[:3, 3] + moved @ (group[0][:3, 3] - control[:3, 3])
        K = self.bone_to_joint[JOINT_INDEX[joint]]
        return Target(
            joint,
            self.scale * (world.rotation @ head + world.translation / world.scale),
            world.rotation @ moved @ group[-1][:3, :3] @ K,
        )

    def bone_for(self, joint: str, control: str, desired_read_matrix: np.ndarray) -> np.ndarray:
        """The control's matrix that carries the joint's first bone to a wanted place.

        The inverse of ``target_from_bone``.

        Args:
            joint: a mapped joint.
            control: name of the control bone.
            desired_read_matrix: (..., 4, 4) armature-space matrix of the joint's first read bone.

        Returns:
            (..., 4, 4) armature-space matrix of the control, without scale.
        """
        first = self._mapped(joint)[0]
        desired = np.array(desired_read_matrix, dtype=float)
        linear, _ = rotation_and_scale(desired[..., None, :3, :3], (first,))
        desired[..., :3, :3] = linear[..., 0, :, :]
        return desired @ np.linalg.inv(self._rest(first)) @ self._rest(control)

    def _mapped(self, joint: str) -> tuple[str, ...]:
        bones = self.bones(joint)
        if not bones:
            raise ValueError(f"No bone is mapped to '{joint}'")
        return bones

    def _rest(self, bone: str) -> np.ndarray:
        if bone not in self.armature.index:
            raise ValueError(f"The armature has no bone '{bone}'")
        return self.rest[self.armature.index[bone]]


def _rigid_rest(armature: Armature) -> np.ndarray:
    rest = np.array(armature.rest, dtype=float)
    rest[:, :3, :3] = rotation_and_scale(rest[:, :3, :3], armature.names)[0]
    return rest


def _groups(armature: Armature, rigmap: RigMap) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for joint in JOINT_NAMES:
        if joint in rigmap.joints:
            bones = rigmap.joints[joint].read
            lost = [bone for bone in bones if bone not in armature.index]
            if lost or not bones:
                name = lost[0] if lost else ""
                raise ValueError(f"'{joint}' is mapped to bone '{name}', which the armature does not have")
            groups[joint] = [armature.index[bone] for bone in bones]
    return groups


def _leg_length(places: dict[str, np.ndarray]) -> float:
    """Thigh and shin, the mean of the legs that are whole."""
    lengths = [
        np.linalg.norm(places[knee] - places[hip]) + np.linalg.norm(places[ankle] - places[knee])
        for hip, knee, ankle in _LEGS
        if hip in places and knee in places and ankle in places
    ]
    if not lengths:
        raise ValueError("Neither leg is mapped whole; map hip, knee and ankle of one side first")
    return float(np.mean(lengths))


def _check_limbs(heads: dict[str, np.ndarray], leg: float, frame: np.ndarray) -> None:
    for side in ("left", "right"):
        for limb in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
            joints = [f"{side}_{part}" for part in limb if f"{side}_{part}" in heads]
            for upper, lower in itertools.pairwise(joints):
                if not np.linalg.norm(heads[lower] - heads[upper]) > _SAME_PLACE * leg:
                    raise ValueError(f"The bones of '{upper}' and '{lower}' start at the same place at rest")

    for hip, _, ankle in _LEGS:
        if hip in heads and ankle in heads and frame[1] @ (heads[ankle] - heads[hip]) > -_DOWN * leg:
            raise ValueError(f"'{ankle}' is not below '{hip}' at rest; the rest pose has to stand upright")


def _standard_places() -> dict[str, np.ndarray]:
    places = np.zeros((NUM_JOINTS, 3))
    for joint in range(1, NUM_JOINTS):
        places[joint] = places[PARENTS[joint]] + STANDARD_OFFSETS[joint]
    return dict(zip(JOINT_NAMES, places, strict=True))


def _foot_tips(
    armature: Armature, groups: dict[str, list[int]], places: dict[str, np.ndarray], to_body: np.ndarray
) -> dict[str, np.ndarray]:
    """Where feet without a toe joint point: to the tail of the ankle's bone, if that is forward."""
    tips: dict[str, np.ndarray] = {}
    for side in ("left", "right"):
        ankle, foot = f"{side}_ankle", f"{side}_foot"
        if ankle in groups and foot not in groups:
            tail = to_body @ armature.tails[groups[ankle][-1]]
            step = tail - places[ankle]
            if step[2] > 0.5 * np.linalg.norm(step):
                tips[foot] = tail
    return tips


def _toe_ends(armature: Armature, groups: dict[str, list[int]], to_body: np.ndarray) -> dict[str, np.ndarray]:
    toes = [joint for joint in ("left_foot", "right_foot") if joint in groups]
    return {joint: to_body @ armature.tails[groups[joint][-1]] for joint in toes}


def _offsets(places: dict[str, np.ndarray], alignments: np.ndarray) -> np.ndarray:
    """(22, 3) T-pose offsets; a missing joint sits on its one mapped descendant.

    There its turn cannot matter to where the descendant is, as on the rig. With
    several descendants or none it sits where the standard body has it.
    """
    positions = np.zeros((NUM_JOINTS, 3))
    offsets = np.zeros((NUM_JOINTS, 3))
    for joint, name in enumerate(JOINT_NAMES):
        parent = PARENTS[joint]
        place = places.get(name)
        if place is None and (below := heir(name, places)) is not None:
            place = places[below]
        if place is None:
            place = positions[parent] + alignments[parent] @ STANDARD_OFFSETS[joint]
        positions[joint] = place
        if parent >= 0:
            offsets[joint] = alignments[parent].T @ (place - positions[parent])
    return offsets
