# SPDX-License-Identifier: GPL-3.0-or-later
"""A visible body for a Rigify human: an artist's mannequin, every part rigid with one deform bone.

A part is a rounded tube along a bone: a row of elliptical sections, closed by domes. Each part has the
material of the joint that it belongs to, so that a picture can tell what was set from what was completed.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix, Vector

SIDES = ("L", "R")
AROUND = 32
DOME_RINGS = 7


@dataclass(frozen=True)
class Part:
    """One solid of the body, in metres, in the rest pose.

    Attributes:
        control: the name that `tint` knows the part by.
        bone: deform bone that carries it.
        start, end: where it begins and ends.
        across: direction of the section's first axis; made square to the part.
        sections: (position along the part 0..1, half width along `across`, half depth), in order.
        domes: how far the rounded ends reach beyond start and end, in end half-depths.
    """

    control: str
    bone: str
    start: Vector
    end: Vector
    across: Vector
    sections: tuple[tuple[float, float, float], ...]
    domes: tuple[float, float] = (1.0, 1.0)


def body_parts(rig: bpy.types.Object) -> list[Part]:
    """The mannequin's parts, measured on the rest pose of a Rigify human."""
    bones = rig.data.bones
    x, forward = Vector((1, 0, 0)), Vector((0, -1, 0))

    def head(name: str) -> Vector:
        return bones[f"DEF-{name}"].head_local.copy()

    def tail(name: str) -> Vector:
        return bones[f"DEF-{name}"].tail_local.copy()

    spine = [head("spine"), head("spine.001"), head("spine.002"), head("spine.003"), head("spine.004")]
    skull = head("spine.006")
    parts = [
        Part(
            "hips", "DEF-spine", spine[0] + Vector((0, 0.01, 0.0)), spine[1], x,
            ((0.0, 0.118, 0.088), (0.35, 0.146, 0.104), (0.8, 0.128, 0.092), (1.0, 0.112, 0.082)),
            (0.75, 0.5),
        ),
        Part(
            "waist", "DEF-spine.001", spine[1] + Vector((0, 0, 0.03)), spine[2] - Vector((0, 0, 0.02)), x,
            ((0.0, 0.106, 0.08), (0.5, 0.104, 0.08), (1.0, 0.112, 0.085)),
            (0.7, 0.7),
        ),
        Part(
            "chest", "DEF-spine.002", spine[2] + Vector((0, -0.005, 0.01)), spine[3], x,
            ((0.0, 0.12, 0.09), (0.5, 0.142, 0.106), (1.0, 0.152, 0.112)),
            (0.7, 0.3),
        ),
        Part(
            "chest", "DEF-spine.003", spine[3] - Vector((0, 0, 0.02)), spine[4] - Vector((0, 0, 0.055)), x,
            ((0.0, 0.152, 0.112), (0.45, 0.154, 0.106), (0.85, 0.128, 0.082), (1.0, 0.098, 0.066)),
            (0.3, 0.5),
        ),
        Part(
            "neck", "DEF-spine.004", spine[4] - Vector((0, 0, 0.03)), skull + Vector((0, 0.01, 0.03)), x,
            ((0.0, 0.054, 0.056), (0.5, 0.049, 0.052), (1.0, 0.05, 0.054)),
        ),
        Part(
            "head", "DEF-spine.006", skull + Vector((0, -0.012, 0.005)), skull + Vector((0, 0.004, 0.135)), x,
            ((0.0, 0.05, 0.066), (0.3, 0.066, 0.086), (0.65, 0.077, 0.098), (1.0, 0.076, 0.096)),
            (0.75, 0.72),
        ),
        Part(  # the nose, so that the face has a front
            "head", "DEF-spine.006",
            skull + forward * 0.103 + Vector((0, 0, 0.085)), skull + forward * 0.118 + Vector((0, 0, 0.05)), x,
            ((0.0, 0.008, 0.01), (1.0, 0.014, 0.014)),
        ),
    ]
    for side in SIDES:
        parts += _arm(bones, side) + _leg(bones, side)
    return parts


def _arm(bones: bpy.types.ArmatureBones, side: str) -> list[Part]:
    def at(name: str) -> Vector:
        return bones[f"DEF-{name}"].head_local.copy()

    across = Vector((0, 1, 0))
    shoulder, elbow, wrist = at(f"upper_arm.{side}"), at(f"forearm.{side}"), at(f"hand.{side}")
    knuckles = sum((at(f"f_{f}.01.{side}") for f in ("index", "middle", "ring", "pinky")), Vector()) / 4
    clavicle = bones[f"DEF-shoulder.{side}"]
    palm_across = at(f"f_pinky.01.{side}") - at(f"f_index.01.{side}")
    middle = elbow.lerp(wrist, 0.5)
    upper_middle = shoulder.lerp(elbow, 0.5)
    arm = f"arm.{side}"
    parts = [
        Part(
            f"collar.{side}", clavicle.name, clavicle.head_local.lerp(clavicle.tail_local, 0.5), shoulder, across,
            ((0.0, 0.052, 0.042), (0.6, 0.058, 0.05), (1.0, 0.058, 0.056)),
        ),
        Part(arm, f"DEF-upper_arm.{side}", shoulder, upper_middle, across,
             ((0.0, 0.057, 0.055), (0.5, 0.054, 0.053), (1.0, 0.05, 0.049)), (1.0, 0.2)),
        Part(arm, f"DEF-upper_arm.{side}.001", upper_middle, elbow, across,
             ((0.0, 0.05, 0.049), (0.6, 0.043, 0.042), (1.0, 0.041, 0.04)), (0.2, 1.0)),
        Part(arm, f"DEF-forearm.{side}", elbow, middle, across,
             ((0.0, 0.041, 0.04), (0.4, 0.046, 0.043), (1.0, 0.042, 0.038)), (1.0, 0.2)),
        Part(arm, f"DEF-forearm.{side}.001", middle, wrist, across,
             ((0.0, 0.042, 0.038), (0.6, 0.033, 0.029), (1.0, 0.029, 0.025)), (0.2, 1.0)),
        Part(f"hand.{side}", f"DEF-hand.{side}", wrist.lerp(knuckles, 0.12), knuckles, palm_across,
             ((0.0, 0.028, 0.02), (0.45, 0.043, 0.019), (1.0, 0.046, 0.014)), (0.9, 0.7)),
    ]
    for finger, radius in (("f_index", 0.0105), ("f_middle", 0.011), ("f_ring", 0.0105), ("f_pinky", 0.009),
                           ("thumb", 0.0125)):
        for number in (1, 2, 3):
            bone = bones[f"DEF-{finger}.0{number}.{side}"]
            thick = radius * (1.08 - 0.08 * number)
            parts.append(Part(f"hand.{side}", bone.name, bone.head_local, bone.tail_local, palm_across,
                              ((0.0, thick, thick), (1.0, thick * 0.92, thick * 0.92))))
    return parts


def _leg(bones: bpy.types.ArmatureBones, side: str) -> list[Part]:
    def at(name: str) -> Vector:
        return bones[f"DEF-{name}"].head_local.copy()

    x = Vector((1, 0, 0))
    hip, knee, ankle = at(f"thigh.{side}"), at(f"shin.{side}"), at(f"foot.{side}")
    ball = at(f"toe.{side}")
    toe = bones[f"DEF-toe.{side}"].tail_local
    thigh_middle, shin_middle = hip.lerp(knee, 0.5), knee.lerp(ankle, 0.5)
    heel = ankle + Vector((0, 0.04, -0.045))
    leg, foot = f"leg.{side}", f"foot.{side}"
    return [
        Part(leg, f"DEF-thigh.{side}", hip - Vector((0, 0, 0.02)), thigh_middle, x,
             ((0.0, 0.088, 0.092), (0.5, 0.083, 0.088), (1.0, 0.073, 0.077)), (1.0, 0.2)),
        Part(leg, f"DEF-thigh.{side}.001", thigh_middle, knee, x,
             ((0.0, 0.073, 0.077), (0.6, 0.058, 0.061), (1.0, 0.054, 0.057)), (0.2, 1.0)),
        Part(leg, f"DEF-shin.{side}", knee, shin_middle, x,
             ((0.0, 0.053, 0.056), (0.5, 0.056, 0.061), (1.0, 0.051, 0.055)), (1.0, 0.2)),
        Part(leg, f"DEF-shin.{side}.001", shin_middle, ankle, x,
             ((0.0, 0.051, 0.055), (0.55, 0.038, 0.041), (1.0, 0.034, 0.038)), (0.2, 1.0)),
        Part(foot, f"DEF-foot.{side}", heel, ball + Vector((0, 0.0, 0.018)), x,
             ((0.0, 0.032, 0.036), (0.3, 0.038, 0.05), (0.7, 0.045, 0.04), (1.0, 0.047, 0.03)), (0.7, 0.4)),
        Part(foot, f"DEF-toe.{side}", ball + Vector((0, 0.0, 0.016)), toe + Vector((0, 0.012, 0.005)), x,
             ((0.0, 0.047, 0.029), (1.0, 0.038, 0.019)), (0.4, 0.9)),
    ]


def _surface(part: Part) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Vertices (V, 3) and faces of one part: rings along it, a dome at each end, smooth between sections."""
    along = part.end - part.start
    length = along.length
    axis = along.normalized()
    first = (part.across - axis * part.across.dot(axis)).normalized()
    second = axis.cross(first)
    positions, widths, depths = map(np.array, zip(*part.sections, strict=True))

    angles = np.linspace(0, np.pi / 2, DOME_RINGS + 1)[:-1]  # from the equator outwards
    inner = np.linspace(0, 1, 13)
    start_reach, end_reach = part.domes[0] * depths[0], part.domes[1] * depths[-1]
    # Each ring: position along the part in metres, and the scale of the section there.
    rings = [
        *((-start_reach * np.sin(a), widths[0] * np.cos(a), depths[0] * np.cos(a)) for a in angles[:0:-1]),
        *((t * length, _smooth(t, positions, widths), _smooth(t, positions, depths)) for t in inner),
        *((length + end_reach * np.sin(a), widths[-1] * np.cos(a), depths[-1] * np.cos(a)) for a in angles[1:]),
    ]
    turn = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    circle = np.cos(turn)[:, None] * np.array(first), np.sin(turn)[:, None] * np.array(second)
    origin, direction = np.array(part.start), np.array(axis)
    vertices = [origin + direction * (-start_reach)]
    for height, width, depth in rings:
        vertices.extend(origin + direction * height + width * circle[0] + depth * circle[1])
    vertices.append(origin + direction * (length + end_reach))

    faces: list[tuple[int, ...]] = []
    for ring in range(len(rings) - 1):
        a, b = 1 + ring * AROUND, 1 + (ring + 1) * AROUND
        faces += [(a + i, a + (i + 1) % AROUND, b + (i + 1) % AROUND, b + i) for i in range(AROUND)]
    last, end = 1 + (len(rings) - 1) * AROUND, len(vertices) - 1
    faces += [(0, 1 + (i + 1) % AROUND, 1 + i) for i in range(AROUND)]
    faces += [(end, last + i, last + (i + 1) % AROUND) for i in range(AROUND)]
    return np.array(vertices), faces


def _smooth(t: float, positions: np.ndarray, values: np.ndarray) -> float:
    """Interpolate with a cosine between neighbours, so that a silhouette has no corners."""
    index = int(np.clip(np.searchsorted(positions, t, side="right") - 1, 0, len(positions) - 2))
    u = (t - positions[index]) / (positions[index + 1] - positions[index])
    u = (1 - np.cos(np.pi * np.clip(u, 0, 1))) / 2
    return float(values[index] * (1 - u) + values[index + 1] * u)


def build(rig: bpy.types.Object) -> bpy.types.Object:
    """Build the mannequin, skinned to the rig; each part's faces carry its control's material slot."""
    parts = body_parts(rig)
    vertices: list[np.ndarray] = []
    faces: list[tuple[int, ...]] = []
    slots: list[int] = []
    groups: dict[str, list[int]] = {}
    controls = list(dict.fromkeys(part.control for part in parts))
    for part in parts:
        offset = sum(map(len, vertices))
        points, polygons = _surface(part)
        vertices.append(points)
        faces += [tuple(offset + i for i in polygon) for polygon in polygons]
        slots += [controls.index(part.control)] * len(polygons)
        groups.setdefault(part.bone, []).extend(range(offset, offset + len(points)))

    mesh = bpy.data.meshes.new("Mannequin")
    mesh.from_pydata(np.concatenate(vertices).tolist(), [], faces)
    mesh.polygons.foreach_set("material_index", slots)
    mesh.polygons.foreach_set("use_smooth", [True] * len(faces))
    for control in controls:
        mesh.materials.append(bpy.data.materials.new(control))
    body = bpy.data.objects.new("Mannequin", mesh)
    body.matrix_world = Matrix(rig.matrix_world)
    for bone, indices in groups.items():
        body.vertex_groups.new(name=bone).add(indices, 1.0, "REPLACE")
    body.modifiers.new("Rig", "ARMATURE").object = rig
    bpy.context.scene.collection.objects.link(body)
    return body


def statue(body: bpy.types.Object, name: str) -> bpy.types.Object:
    """A still copy of the mannequin in its present pose, with materials of its own."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    mesh = bpy.data.meshes.new_from_object(body.evaluated_get(depsgraph))
    mesh.name = name
    for index, material in enumerate(body.data.materials):
        mesh.materials[index] = material.copy()
    copy = bpy.data.objects.new(name, mesh)
    copy.matrix_world = body.matrix_world.copy()
    bpy.context.scene.collection.objects.link(copy)
    return copy


def tint(body: bpy.types.Object, colours: dict[str, tuple[float, float, float]], other: tuple[float, ...]) -> None:
    """Colour the parts by control name ("arm.L", "hips"), the rest in the other colour; linear RGB, 0 to 1."""
    for material, control in zip(body.data.materials, controls_of(body), strict=True):
        material.diffuse_color = (*colours.get(control, other), 1.0)
        material.roughness = 0.55


def controls_of(body: bpy.types.Object) -> list[str]:
    """The control name of each material slot."""
    return [material.name.rsplit(".0", 1)[0] for material in body.data.materials]
