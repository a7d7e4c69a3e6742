# SPDX-License-Identifier: GPL-3.0-or-later
"""What denoising found and did, for the panel, for scripts, and kept with the new action as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import bpy

REPORT = "contrapposto_report"
"""The custom property of a denoised action that holds its report as text."""

_parsed: dict[str, DenoiseReport] = {}


@dataclass(frozen=True)
class JointReport:
    """One joint.

    Attributes:
        noise_deg: estimated noise of its rotation, degrees.
        spikes: how many single values were removed.
        replaced: on how many samples its value was filled in.
        bones: the controls that were written for it.
    """

    noise_deg: float
    spikes: int
    replaced: int
    bones: tuple[str, ...]


@dataclass(frozen=True)
class DenoiseReport:
    """One action.

    Attributes:
        armature, original, action: names of the object, of the action that was denoised and of the new one.
        frames: first and last frame that was written.
        samples: how many samples were looked at.
        fps: samples a second.
        joints: joint -> what was found, for the joints that were written.
        contacts: "left" and "right" -> how often the foot was held on the floor, and on how many samples.
        changed_most: (frame, mm) of what changed most: mean over the joints, on a body of human size.
        left: bone -> why its curves are left as they are.
        unfilled: (first, last) frames of holes that are too long to be filled.
        keys_before, keys: how many keys the written channels had and have.
        off_deg, off_mm: the most that the rig stays away from the clean motion.
        other_users: what else plays the original, and goes on to.
        seconds: how long it took.
    """

    armature: str
    original: str
    action: str
    frames: tuple[float, float]
    samples: int
    fps: float
    joints: Mapping[str, JointReport]
    contacts: Mapping[str, tuple[int, int]]
    changed_most: tuple[tuple[float, float], ...]
    left: Mapping[str, str] = field(default_factory=dict)
    unfilled: tuple[tuple[float, float], ...] = ()
    keys_before: int = 0
    keys: int = 0
    off_deg: float = 0.0
    off_mm: float = 0.0
    other_users: int = 0
    seconds: float = 0.0

    @property
    def sentence(self) -> str:
        """For the status bar."""
        spikes = sum(joint.spikes for joint in self.joints.values())
        held = sum(times for times, _ in self.contacts.values())
        most = f" by up to {self.changed_most[0][1]:.0f} mm" if self.changed_most else ""
        return (
            f"'{self.action}': denoised {counted(len(self.joints), 'joint')}{most}, removed "
            f"{counted(spikes, 'spike')}, held {counted(held, 'foot contact')}"
        )

    @property
    def warning(self) -> str:
        """One sentence on what an animator should know; empty if there is nothing."""
        if self.off_deg > 3 or self.off_mm > 30:
            return (
                f"The rig stays up to {self.off_deg:.1f} degrees and {self.off_mm:.0f} mm away from the "
                "clean motion; look at its constraints"
            )
        if self.left:
            bone, reason = next(iter(self.left.items()))
            others = f" ({len(self.left) - 1} more in the report)" if len(self.left) > 1 else ""
            return f"Bone '{bone}' is left as it is: {reason}{others}"
        if self.unfilled:
            first, last = self.unfilled[0]
            return f"There are no keys from frame {first:g} to {last:g}, too long a gap to be filled"
        return ""

    @property
    def noisiest(self) -> list[tuple[str, JointReport]]:
        """The joints, noisiest first."""
        return sorted(self.joints.items(), key=lambda item: -item[1].noise_deg)

    def to_dict(self) -> dict[str, object]:
        """As plain data."""
        return asdict(self)

    def to_json(self) -> str:
        """As text; ``from_json`` gives it back."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> DenoiseReport:
        """Read a stored report.

        Raises:
            ValueError: if the text is none.
        """
        try:
            data = json.loads(text)
            joints = {
                str(name): JointReport(**(joint | {"bones": tuple(joint["bones"])}))
                for name, joint in data["joints"].items()
            }
            contacts = {side: (int(pair[0]), int(pair[1])) for side, pair in data["contacts"].items()}
            pairs = {
                name: tuple((float(a), float(b)) for a, b in data[name])
                for name in ("changed_most", "unfilled")
            }
            frames = (float(data["frames"][0]), float(data["frames"][1]))
            return cls(**(data | pairs | {"joints": joints, "contacts": contacts, "frames": frames}))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise ValueError(f"The stored report cannot be read: {error}") from error


def keep(action: bpy.types.Action, report: DenoiseReport) -> None:
    """Store a report with its action."""
    action[REPORT] = report.to_json()


def report_of(action: bpy.types.Action | None) -> DenoiseReport | None:
    """The report that is stored with an action; None if there is none, or none that can be read."""
    text = action.get(REPORT) if action is not None else None
    if not isinstance(text, str):
        return None
    if text not in _parsed:
        try:
            _parsed[text] = DenoiseReport.from_json(text)
        except ValueError:
            return None
    return _parsed[text]


def forget() -> None:
    """Forget every parsed report."""
    _parsed.clear()


def counted(number: int, what: str) -> str:
    """So many of something: "1 spike", "2 spikes"."""
    return f"1 {what}" if number == 1 else f"{number} {what}s"
