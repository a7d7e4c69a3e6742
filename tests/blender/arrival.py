# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a rig stays away from the pose that it was asked to take."""

from __future__ import annotations

import importlib

import numpy as np

from contrapposto.rotation import geodesic_angle, project


def watch_writer(monkeypatch, extension: str) -> dict:
    """What the writer is asked for from now on: read bone to matrix (4, 4) in the armature's space."""
    writing = importlib.import_module(f"{extension}.addon.writing")
    seen = {}
    write = writing.Writer.write

    def spy(self, plan, desired):
        seen.update(desired)
        write(self, plan, desired)

    monkeypatch.setattr(writing.Writer, "write", spy)
    return seen


def off_deg(rig, wanted, bones):
    """Degrees between the evaluated bones and the wanted ones."""
    turns = [
        np.array([m[bone] for bone in bones])
        for m in (wanted, {b.name: np.array(b.matrix) for b in rig.pose.bones})
    ]
    return np.degrees(geodesic_angle(*(project(turn[:, :3, :3].astype(float)) for turn in turns)))


def off_mm(rig, wanted, bones):
    """Millimetres between the heads of the evaluated bones and the wanted ones."""
    return [
        1000 * np.linalg.norm(wanted[b][:3, 3] - np.array(rig.pose.bones[b].matrix)[:3, 3]) for b in bones
    ]


def plane_off_deg(rig, wanted, upper, middle, end):
    """Angle about the line from root to end between the wanted elbow and the one that came out."""
    sides = []
    for place in (lambda b: wanted[b][:3, 3], lambda b: np.array(rig.pose.bones[b].matrix)[:3, 3]):
        axis = place(end) - place(upper)
        axis /= np.linalg.norm(axis)
        side = place(middle) - place(upper)
        sides.append(side - axis * (side @ axis))
    cosine = sides[0] @ sides[1] / np.prod([np.linalg.norm(s) for s in sides])
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def mapped(rig, extension: str) -> dict:
    """The bones of each of the 22 joints, as the extension maps them."""
    return importlib.import_module(f"{extension}.addon.rig_storage").map_of(rig).joints
