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

Colour = tuple[float, float, float]
"""Linear RGB, 0 to 1."""

SIDES = ("L", "R")
AROUND = 32
DOME_RINGS = 7


@dataclass(frozen=True)
class Part:
    """One solid of the body, in metres, in the rest pose.

    Attributes:
        control: the name that `tint` knows the part by.
        bone: deform bone that carries it, or two that share it, the first at the start.
        start, end: where it begins and ends.
        across: direction of the section's first axis; made square to the part.
        sections: (position along the part 0..1, half width along `across`, half depth), in order.
        domes: how far the rounded ends reach beyond start and end, in end half-depths.
    """

    control: str
    bone: str | tuple[str, str]
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
            "hips",
            "DEF-spine",
            spine[0] + Vector((0, 0.01, 0.0)),
            spine[1],
            x,
            ((0.0, 0.122, 0.09), (0.35, 0.15, 0.106), (0.8, 0.136, 0.094), (1.0, 0.122, 0.084)),
            (0.75, 0.5),
        ),
        Part(
            "waist",
            "DEF-spine.001",
            spine[1] + Vector((0, 0, 0.02)),
            spine[2] - Vector((0, 0, 0.01)),
            x,
            ((0.0, 0.112, 0.08), (0.5, 0.108, 0.08), (1.0, 0.114, 0.085)),
            (0.8, 0.8),
        ),
        Part(
            "chest",
            ("DEF-spine.002", "DEF-spine.003"),
            spine[2] + Vector((0, -0.006, 0.005)),
            spine[4] - Vector((0, 0, 0.045)),
            x,
            (
                (0.0, 0.124, 0.092),
                (0.35, 0.156, 0.116),
                (0.62, 0.172, 0.116),
                (0.88, 0.152, 0.084),
                (1.0, 0.112, 0.066),
            ),
            (0.7, 0.5),
        ),
        Part(
            "neck",
            "DEF-spine.004",
            spine[4] - Vector((0, 0, 0.03)),
            skull + Vector((0, 0.01, 0.03)),
            x,
            ((0.0, 0.072, 0.062), (0.4, 0.053, 0.056), (1.0, 0.05, 0.055)),
        ),
        Part(
            "head",
            "DEF-spine.006",
            skull + Vector((0, -0.012, 0.005)),
            skull + Vector((0, 0.004, 0.135)),
            x,
            ((0.0, 0.052, 0.07), (0.3, 0.07, 0.09), (0.65, 0.081, 0.102), (1.0, 0.08, 0.1)),
            (0.75, 0.72),
        ),
        Part(  # the nose, so that the face has a front
            "head",
            "DEF-spine.006",
            skull + forward * 0.103 + Vector((0, 0, 0.085)),
            skull + forward * 0.118 + Vector((0, 0, 0.05)),
            x,
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
    arm = f"arm.{side}"
    parts = [
        Part(
            f"collar.{side}",
            clavicle.name,
            clavicle.head_local.lerp(clavicle.tail_local, 0.5),
            shoulder,
            across,
            ((0.0, 0.052, 0.042), (0.6, 0.058, 0.05), (1.0, 0.058, 0.056)),
        ),
        Part(
            arm,
            (f"DEF-upper_arm.{side}", f"DEF-upper_arm.{side}.001"),
            shoulder,
            elbow,
            across,
            ((0.0, 0.06, 0.057), (0.35, 0.056, 0.055), (0.8, 0.044, 0.043), (1.0, 0.042, 0.041)),
        ),
        Part(
            arm,
            (f"DEF-forearm.{side}", f"DEF-forearm.{side}.001"),
            elbow,
            wrist,
            across,
            ((0.0, 0.041, 0.04), (0.25, 0.048, 0.045), (0.8, 0.033, 0.029), (1.0, 0.03, 0.026)),
        ),
        Part(
            f"hand.{side}",
            f"DEF-hand.{side}",
            wrist.lerp(knuckles, 0.12),
            knuckles,
            palm_across,
            ((0.0, 0.028, 0.02), (0.45, 0.043, 0.019), (1.0, 0.046, 0.014)),
            (0.9, 0.7),
        ),
    ]
    for finger, radius in (
        ("f_index", 0.0105),
        ("f_middle", 0.011),
        ("f_ring", 0.0105),
        ("f_pinky", 0.009),
        ("thumb", 0.0125),
    ):
        for number in (1, 2, 3):
            bone = bones[f"DEF-{finger}.0{number}.{side}"]
            thick = radius * (1.08 - 0.08 * number)
            parts.append(
                Part(
                    f"hand.{side}",
                    bone.name,
                    bone.head_local,
                    bone.tail_local,
                    palm_across,
                    ((0.0, thick, thick), (1.0, thick * 0.92, thick * 0.92)),
                )
            )
    return parts


def _leg(bones: bpy.types.ArmatureBones, side: str) -> list[Part]:
    def at(name: str) -> Vector:
        return bones[f"DEF-{name}"].head_local.copy()

    x = Vector((1, 0, 0))
    hip, knee, ankle = at(f"thigh.{side}"), at(f"shin.{side}"), at(f"foot.{side}")
    ball = at(f"toe.{side}")
    toe = bones[f"DEF-toe.{side}"].tail_local
    heel = ankle + Vector((0, 0.04, -0.045))
    leg, foot = f"leg.{side}", f"foot.{side}"
    return [
        Part(
            leg,
            (f"DEF-thigh.{side}", f"DEF-thigh.{side}.001"),
            hip - Vector((0, 0, 0.02)),
            knee,
            x,
            ((0.0, 0.092, 0.095), (0.3, 0.087, 0.091), (0.8, 0.061, 0.064), (1.0, 0.056, 0.059)),
        ),
        Part(
            leg,
            (f"DEF-shin.{side}", f"DEF-shin.{side}.001"),
            knee,
            ankle,
            x,
            ((0.0, 0.054, 0.057), (0.28, 0.06, 0.065), (0.78, 0.038, 0.041), (1.0, 0.035, 0.038)),
        ),
        Part(
            foot,
            f"DEF-foot.{side}",
            heel,
            ball + Vector((0, 0.0, 0.018)),
            x,
            ((0.0, 0.032, 0.036), (0.3, 0.038, 0.05), (0.7, 0.045, 0.04), (1.0, 0.047, 0.03)),
            (0.7, 0.4),
        ),
        Part(
            foot,
            f"DEF-toe.{side}",
            ball + Vector((0, 0.0, 0.016)),
            toe + Vector((0, 0.012, 0.005)),
            x,
            ((0.0, 0.047, 0.029), (1.0, 0.038, 0.019)),
            (0.4, 0.9),
        ),
    ]


def surface(part: Part) -> tuple[np.ndarray, list[tuple[int, ...]]]:
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
        *(
            (length + end_reach * np.sin(a), widths[-1] * np.cos(a), depths[-1] * np.cos(a))
            for a in angles[1:]
        ),
    ]
    turn = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    circle = np.cos(turn)[:, None] * np.array(first), np.sin(turn)[:, None] * np.array(second)
    origin, direction = np.array(part.start), np.array(axis)
    vertices = [origin + direction * (-start_reach)]
    for height, width, depth in rings:
        vertices.extend(origin + direction * height + width * circle[0] + depth * circle[1])
    vertices.append(origin + direction * (length + end_reach))
    vertices = np.array(vertices)
    if part.control.startswith("foot"):  # a sole is flat
        vertices[:, 2] = np.maximum(vertices[:, 2], 0)

    faces: list[tuple[int, ...]] = []
    for ring in range(len(rings) - 1):
        a, b = 1 + ring * AROUND, 1 + (ring + 1) * AROUND
        faces += [(a + i, a + (i + 1) % AROUND, b + (i + 1) % AROUND, b + i) for i in range(AROUND)]
    last, end = 1 + (len(rings) - 1) * AROUND, len(vertices) - 1
    faces += [(0, 1 + (i + 1) % AROUND, 1 + i) for i in range(AROUND)]
    faces += [(end, last + i, last + (i + 1) % AROUND) for i in range(AROUND)]
    return vertices, faces


def _smooth(t: float, positions: np.ndarray, values: np.ndarray) -> float:
    """Interpolate with a cosine between neighbours, so that a silhouette has no corners."""
    index = int(np.clip(np.searchsorted(positions, t, side="right") - 1, 0, len(positions) - 2))
    u = (t - positions[index]) / (positions[index + 1] - positions[index])
    u = (1 - np.cos(np.pi * np.clip(u, 0, 1))) / 2
    return float(values[index] * (1 - u) + values[index + 1] * u)


def _weights(part: Part, points: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """How much each of a part's bones carries of each vertex: the second takes over in the middle."""
    if isinstance(part.bone, str):
        return [(part.bone, np.ones(len(points)))]
    along = np.array(part.end - part.start)
    t = (points - np.array(part.start)) @ along / (along @ along)
    second = (1 - np.cos(np.pi * np.clip(t * 1.5 - 0.25, 0, 1))) / 2
    return [(part.bone[0], 1 - second), (part.bone[1], second)]


def build(rig: bpy.types.Object) -> bpy.types.Object:
    """Build the mannequin, skinned to the rig; each part's faces carry its control's material slot."""
    parts = body_parts(rig)
    vertices: list[np.ndarray] = []
    faces: list[tuple[int, ...]] = []
    slots: list[int] = []
    groups: dict[str, list[tuple[int, float]]] = {}
    controls = list(dict.fromkeys(part.control for part in parts))
    for part in parts:
        offset = sum(map(len, vertices))
        points, polygons = surface(part)
        vertices.append(points)
        faces += [tuple(offset + i for i in polygon) for polygon in polygons]
        slots += [controls.index(part.control)] * len(polygons)
        for bone, weights in _weights(part, points):
            groups.setdefault(bone, []).extend((offset + i, float(w)) for i, w in enumerate(weights) if w > 0)

    mesh = bpy.data.meshes.new("Mannequin")
    mesh.from_pydata(np.concatenate(vertices).tolist(), [], faces)
    mesh.polygons.foreach_set("material_index", slots)
    mesh.polygons.foreach_set("use_smooth", [True] * len(faces))
    for control in controls:
        mesh.materials.append(bpy.data.materials.new(control))
    body = bpy.data.objects.new("Mannequin", mesh)
    body.matrix_world = Matrix(rig.matrix_world)
    for bone, weighted in groups.items():
        group = body.vertex_groups.new(name=bone)
        for index, weight in weighted:
            group.add([index], weight, "REPLACE")
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


def lowest(body: bpy.types.Object, control: str) -> float:
    """World height of the lowest point of the parts of one control, as posed, metres."""
    slot = controls_of(body).index(control)
    posed = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = posed.to_mesh()
    own = {index for face in mesh.polygons if face.material_index == slot for index in face.vertices}
    height = min((body.matrix_world @ mesh.vertices[index].co).z for index in own)
    posed.to_mesh_clear()
    return height


def tint(
    body: bpy.types.Object, colours: dict[str, tuple[float, float, float]], other: tuple[float, ...]
) -> None:
    """Colour the parts by control name ("arm.L", "hips"), the rest in the other colour."""
    for material, control in zip(body.data.materials, controls_of(body), strict=True):
        material.diffuse_color = (*colours.get(control, other), 1.0)
        material.roughness = 0.55


def controls_of(body: bpy.types.Object) -> list[str]:
    """The control name of each material slot."""
    return [material.name.rsplit(".0", 1)[0] for material in body.data.materials]
