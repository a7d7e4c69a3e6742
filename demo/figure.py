# SPDX-License-Identifier: GPL-3.0-or-later
"""A figure without a rig: rounded solids hung on the 22 joints of the standard body.

The solids are the mannequin's, measured on the skeleton instead of a Rigify human; each belongs
to one joint and turns with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import bpy
import numpy as np
from mannequin import Part, surface
from mathutils import Vector

from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, NUM_JOINTS, forward_kinematics

TO_BLENDER = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""SMPL's axes (y up, z forward) in Blender's (z up, -y forward)."""

SIDE, DEPTH = Vector((1, 0, 0)), Vector((0, 1, 0))


UPRIGHT = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
"""The T-pose."""


def _rest() -> np.ndarray:
    """(22, 3) joints of the T-pose, Blender's axes."""
    return forward_kinematics(UPRIGHT)[1] @ TO_BLENDER.T


def standing() -> np.ndarray:
    """(22, 3) joints of the T-pose that stands on z = 0, Blender's axes."""
    rest = _rest()
    return rest - np.array([0, 0, min(points[:, 2].min() + rest[joint, 2] for joint, points, _ in _solids())])


def _parts() -> list[Part]:
    """Each part's ``bone`` is the joint that carries it."""
    rest = {name: Vector(point) for name, point in zip(JOINT_NAMES, _rest(), strict=True)}
    up = Vector((0, 0, 1))
    hips = (rest["left_hip"] + rest["right_hip"]) / 2
    table = [
        ("pelvis", hips + 0.0 * up, rest["spine2"] - 0.03 * up, SIDE,
         ((0.0, 0.13, 0.095), (0.4, 0.148, 0.108), (1.0, 0.12, 0.088))),
        ("spine1", rest["spine1"] + 0.05 * up, rest["spine2"] + 0.01 * up, SIDE,
         ((0.0, 0.118, 0.085), (1.0, 0.114, 0.085))),
        ("spine2", rest["spine2"], rest["spine3"], SIDE, ((0.0, 0.116, 0.086), (1.0, 0.138, 0.1))),
        ("spine3", rest["spine3"] - 0.02 * up, rest["spine3"] + 0.15 * up, SIDE,
         ((0.0, 0.138, 0.1), (0.5, 0.162, 0.11), (1.0, 0.115, 0.07))),
        ("neck", rest["neck"] - 0.03 * up, rest["head"] + 0.03 * up, SIDE,
         ((0.0, 0.064, 0.06), (1.0, 0.05, 0.054))),
        ("head", rest["head"] + Vector((0, -0.015, 0.02)), rest["head"] + Vector((0, 0, 0.15)), SIDE,
         ((0.0, 0.052, 0.07), (0.35, 0.072, 0.09), (1.0, 0.08, 0.1))),
        ("head", rest["head"] + Vector((0, -0.112, 0.1)), rest["head"] + Vector((0, -0.125, 0.065)), SIDE,
         ((0.0, 0.008, 0.01), (1.0, 0.014, 0.014))),
    ]  # fmt: skip
    for side, sign in (("left", 1.0), ("right", -1.0)):
        joint = {name.removeprefix(f"{side}_"): point for name, point in rest.items()}
        out = Vector((sign, 0, 0))
        hand = joint["wrist"]
        table += [
            (f"{side}_collar", joint["collar"] + 0.08 * out, joint["shoulder"], DEPTH,
             ((0.0, 0.055, 0.05), (1.0, 0.058, 0.057))),
            (f"{side}_shoulder", joint["shoulder"], joint["elbow"], DEPTH,
             ((0.0, 0.059, 0.057), (0.35, 0.055, 0.054), (1.0, 0.042, 0.041))),
            (f"{side}_elbow", joint["elbow"], joint["wrist"], DEPTH,
             ((0.0, 0.041, 0.04), (0.25, 0.047, 0.044), (1.0, 0.03, 0.026))),
            (f"{side}_wrist", hand + 0.015 * out, hand + 0.15 * out, DEPTH,
             ((0.0, 0.028, 0.02), (0.45, 0.044, 0.02), (1.0, 0.036, 0.013))),
            (f"{side}_wrist", hand + 0.03 * out + Vector((0, -0.03, 0)),
             hand + 0.085 * out + Vector((0, -0.062, 0)), DEPTH, ((0.0, 0.014, 0.014), (1.0, 0.011, 0.011))),
            (f"{side}_hip", joint["hip"] - 0.02 * up, joint["knee"], SIDE,
             ((0.0, 0.088, 0.093), (0.3, 0.083, 0.088), (1.0, 0.055, 0.058))),
            (f"{side}_knee", joint["knee"], joint["ankle"], SIDE,
             ((0.0, 0.054, 0.057), (0.28, 0.058, 0.064), (1.0, 0.035, 0.038))),
            (f"{side}_ankle", joint["ankle"] + Vector((0, 0.035, -0.018)), joint["foot"], SIDE,
             ((0.0, 0.034, 0.036), (0.5, 0.042, 0.044), (1.0, 0.046, 0.03))),
            (f"{side}_foot", joint["foot"], joint["foot"] + Vector((0.01 * sign, -0.06, -0.006)), SIDE,
             ((0.0, 0.046, 0.03), (1.0, 0.038, 0.022))),
        ]  # fmt: skip
    return [Part(name, name, start, end, across, shape) for name, start, end, across, shape in table]


@cache
def _solids() -> list[tuple[int, np.ndarray, list[tuple[int, ...]]]]:
    """Joint, vertices relative to it, and faces of each part."""
    rest = _rest()
    solids = []
    for part in _parts():
        points, faces = surface(part)
        joint = JOINT_INDEX[part.control]
        solids.append((joint, points - rest[joint], faces))
    return solids


def surface_points(rotations: np.ndarray) -> list[np.ndarray]:
    """The points (V, 3) of each solid in a pose (22, 3, 3), Blender's axes, the lowest at z = 0."""
    world, positions = forward_kinematics(rotations)
    turns, places = TO_BLENDER @ world @ TO_BLENDER.T, positions @ TO_BLENDER.T
    posed = [points @ turns[joint].T + places[joint] for joint, points, _ in _solids()]
    floor = min(points[:, 2].min() for points in posed)
    return [points - np.array([0, 0, floor]) for points in posed]


def dress(rig: bpy.types.Object, bones: Mapping[str, str], skin: bpy.types.Material) -> bpy.types.Object:
    """The T-pose as a mesh that is skinned to a rig which stands like it; ``bones`` by joint name."""
    body = build(UPRIGHT, [skin] * NUM_JOINTS, f"{rig.name} body")
    first = 0
    for joint, points, _ in _solids():
        name = bones[JOINT_NAMES[joint]]
        group = body.vertex_groups.get(name) or body.vertex_groups.new(name=name)
        group.add(list(range(first, first + len(points))), 1.0, "REPLACE")
        first += len(points)
    body.modifiers.new("Rig", "ARMATURE").object = rig
    return body


def build(rotations: np.ndarray, materials: list[bpy.types.Material], name: str) -> bpy.types.Object:
    """A mesh object of a pose (22, 3, 3), each joint's solids in the material of the joint (22 of them)."""
    vertices: list[np.ndarray] = []
    faces: list[tuple[int, ...]] = []
    slots: list[int] = []
    for points, (joint, _, polygons) in zip(surface_points(rotations), _solids(), strict=True):
        offset = sum(map(len, vertices))
        vertices.append(points)
        faces += [tuple(offset + i for i in polygon) for polygon in polygons]
        slots += [joint] * len(polygons)
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(np.concatenate(vertices).tolist(), [], faces)
    for material in materials:
        mesh.materials.append(material)
    mesh.polygons.foreach_set("material_index", slots)
    mesh.polygons.foreach_set("use_smooth", [True] * len(faces))
    made = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(made)
    return made
