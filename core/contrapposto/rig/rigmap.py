# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bones of a rig play which of the 22 SMPL joints, and how sure we are.

The value that mapping produces, the panel edits, the armature stores and a
preset file carries. Saved as JSON; nothing in it is ever executed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from contrapposto.joint_names import JOINT_NAMES

FORMAT = "contrapposto-rig-map"
VERSION = 1

REQUIRED_JOINTS = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee",
    "left_ankle", "right_ankle", "head", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip


@dataclass(frozen=True)
class JointBones:
    """The bones that stand for one joint.

    Attributes:
        read: the joint's bone group from the body outward. The joint sits at the
            head of the first bone; its orientation is that of the last.
        write: controls that set them; ``read`` itself on a plain skeleton.
        confidence: 0 to 1; 1 is said by the user or by the file itself.
        reason: one short sentence for the panel.
    """

    read: tuple[str, ...]
    write: tuple[str, ...]
    confidence: float
    reason: str


@dataclass(frozen=True)
class Handle:
    """An IK control that places the end of a limb.

    Attributes:
        joint: the joint that it places (a wrist or an ankle).
        bone: the control.
        pole: the bone that aims the elbow or knee by its position, if any.
        swing: the bone that aims it by its rotation, if any (Rigify's ``upper_arm_ik.L``).
        switch: (bone, custom property) that blends to FK, 0 = IK and 1 = FK; None = always IK.
    """

    joint: str
    bone: str
    pole: str | None = None
    swing: str | None = None
    switch: tuple[str, str] | None = None


@dataclass(frozen=True)
class RigMap:
    """A rig's bones by SMPL joint name; a joint that the rig lacks is absent."""

    profile: str
    joints: Mapping[str, JointBones]
    handles: Mapping[str, Handle] = field(default_factory=dict)

    @property
    def missing_required(self) -> tuple[str, ...]:
        """The required joints that no bone was found for."""
        return tuple(j for j in REQUIRED_JOINTS if j not in self.joints)

    def doubtful(self, below: float = 0.6) -> tuple[str, ...]:
        """Joints mapped with less confidence than ``below``, worst first."""
        found = [j for j, bones in self.joints.items() if bones.confidence < below]
        return tuple(sorted(found, key=lambda j: self.joints[j].confidence))

    def to_json(self) -> str:
        """The map as text; ``from_json`` gives it back."""
        data = {
            "format": FORMAT,
            "version": VERSION,
            "profile": self.profile,
            "joints": {
                joint: {
                    "read": list(b.read),
                    "write": list(b.write),
                    "confidence": b.confidence,
                    "reason": b.reason,
                }
                for joint, b in self.joints.items()
            },
            "handles": {
                joint: {
                    "bone": h.bone,
                    "pole": h.pole,
                    "swing": h.swing,
                    "switch": list(h.switch) if h.switch else None,
                }
                for joint, h in self.handles.items()
            },
        }
        return json.dumps(data, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> RigMap:
        """Read a saved map.

        Raises:
            ValueError: with one sentence, if the text is not a rig map.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"The mapping is not valid JSON (line {error.lineno})") from error
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError("This file is not a Contrapposto rig mapping")
        if data.get("version") != VERSION:
            raise ValueError(f"The mapping has version {data.get('version')}, expected {VERSION}")
        try:
            joints = {
                str(joint): JointBones(
                    read=tuple(map(str, b["read"])),
                    write=tuple(map(str, b["write"])),
                    confidence=float(b["confidence"]),
                    reason=str(b["reason"]),
                )
                for joint, b in data["joints"].items()
            }
            handles = {
                str(joint): Handle(
                    joint=str(joint),
                    bone=str(h["bone"]),
                    pole=None if h["pole"] is None else str(h["pole"]),
                    swing=None if h["swing"] is None else str(h["swing"]),
                    switch=None if h["switch"] is None else (str(h["switch"][0]), str(h["switch"][1])),
                )
                for joint, h in data["handles"].items()
            }
            profile = str(data["profile"])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ValueError(f"The mapping file is damaged: {error}") from error
        empty = sorted(joint for joint, bones in joints.items() if not bones.read)
        if empty:
            raise ValueError(f"The mapping names no bone for {', '.join(empty)}")
        unknown = sorted((set(joints) | set(handles)) - set(JOINT_NAMES))
        if unknown:
            raise ValueError(f"The mapping names joints that do not exist: {', '.join(unknown)}")
        return cls(profile=profile, joints=joints, handles=handles)
