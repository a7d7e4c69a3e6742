# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways in which an action, its armature or its scene can be broken, each seeded, to be combined at random.

A damage takes a ``Patient`` and spoils something that files in the wild have been seen to hold, or that a
script or an importer could leave there. It may not care whether the result makes any sense.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import bpy
import mocap
import numpy as np
import rigs

ABSURD = (np.nan, np.inf, -np.inf, 3e38, -1e12, 1e6, 0.0, -0.0, 1e-30, 1e-42)
MODES = ("QUATERNION", "XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "AXIS_ANGLE")
MODIFIERS = ("CYCLES", "NOISE", "STEPPED", "GENERATOR", "LIMITS", "ENVELOPE", "FNGENERATOR")
EACH_RIGIFY = 25
CONTROLS = (
    "torso", "spine_fk", "spine_fk.001", "spine_fk.002", "spine_fk.003", "neck", "head", "shoulder.L",
    "hand_ik.L", "upper_arm_ik.L", "upper_arm_fk.R", "forearm_fk.R", "foot_ik.R", "thigh_ik.R", "foot_ik.L",
)  # fmt: skip
PATHS = (
    'pose.bones["ghost"].rotation_quaternion',
    'pose.bones["ghost"].location',
    'pose.bones["head"].rotation',
    'pose.bones["head"]',
    'pose.bones["he"ad"].location',
    'pose.bones["left_knee"].constraints["IK"].influence',
    "pose.bones[0].location",
    '["nothing"]',
    "delta_location",
    "\u2603",
)


@dataclass
class Patient:
    """What is damaged.

    Attributes:
        rig: an armature that plays ``action``.
        rng: draws everything.
        folder: where files may be written.
        options: what the operator will be called with.
    """

    rig: bpy.types.Object
    extension: str
    rng: np.random.Generator
    folder: Path
    options: dict = field(default_factory=dict)

    @property
    def data(self) -> bpy.types.AnimData:
        return self.rig.animation_data

    @property
    def versions(self):
        return mocap.addon(self.extension, "versions")

    @property
    def has_slots(self) -> bool:
        return "slots" in bpy.types.Action.bl_rna.properties

    def curves(self, share: float = 1.0) -> list[bpy.types.FCurve]:
        """The curves that play; of them about a share, and one at least if there is any."""
        found = list(self.versions.fcurves(self.rig))
        chosen = [curve for curve in found if self.rng.random() < share]
        return chosen or found[:1]

    def collection(self):
        """Where a curve can be added; None if there is no place."""
        return next(iter(self.versions.fcurve_collections(self.rig)), None)

    def bones(self, share: float = 0.3) -> list[bpy.types.PoseBone]:
        bones = list(self.rig.pose.bones)
        return [bone for bone in bones if self.rng.random() < share] or bones[:1]

    def pick(self, of: Iterable):
        values = list(of)
        return values[int(self.rng.integers(len(values)))]

    def keys(self, share: float) -> Iterable[bpy.types.Keyframe]:
        for curve in self.curves(0.5):
            for key in curve.keyframe_points:
                if self.rng.random() < share:
                    yield key
            curve.update()


def healthy(seed: int, extension: str, folder: Path, rigify: Path | None = None) -> Patient:
    """An armature that performs for a second or so: all of its body or some bones, in any rotation mode.

    Args:
        seed: draws everything; one in ``EACH_RIGIFY`` is on a Rigify human, one in five has a leg on IK.
        extension: the add-on's package.
        folder: for files.
        rigify: a file with Rigify's human; without it such seeds are on a plain skeleton.
    """
    rng = np.random.default_rng(seed)
    is_rigify = rigify is not None and seed % EACH_RIGIFY == EACH_RIGIFY - 1
    rig = appended(rigify) if is_rigify else rigs.build(rolls_seed=3)
    bones = list(CONTROLS if is_rigify else rigs.SMPL)
    count = int(rng.integers(2, 12 if is_rigify else 40))
    frames = np.round(rng.uniform(-50, 50)) + rng.choice([1, 1, 1, 0.2, 0.5, 7]) * np.arange(count)
    hips = "torso" if is_rigify else "pelvis"
    if not is_rigify and rng.random() < 0.2:
        bones.append(ik_target(rig))
    if rng.random() < 0.5:
        bones = [
            str(b) for b in rng.choice([*bones, "root" if is_rigify else "prop"], rng.integers(1, 9), False)
        ]
    modes = {b: str(rng.choice(MODES)) for b in bones} if rng.random() < 0.5 else {}
    hips = hips if hips in bones and rng.random() < 0.8 else ""
    mocap.perform(rig, bones=bones, frames=frames, modes=modes, hips=hips, seed=seed)
    for handle in {"target", "hand_ik.L", "foot_ik.R"} & set(bones):
        rig.pose.bones[handle].keyframe_insert("location", frame=frames[0])
        rig.pose.bones[handle].keyframe_insert("location", frame=frames[-1])
    return Patient(rig, extension, rng, folder)


def appended(path: Path) -> bpy.types.Object:
    """The armature of a file, active and in pose mode."""
    with bpy.data.libraries.load(str(path)) as (there, to):
        to.objects = [name for name in there.objects if name == "rig"]
    (rig,) = to.objects
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    return rig


def ik_target(rig: bpy.types.Object) -> str:
    """Put the left leg on IK; the bone that it aims for."""
    bpy.ops.object.mode_set(mode="EDIT")
    target, ankle = rig.data.edit_bones.new("target"), rig.data.edit_bones["left_ankle"]
    target.head, target.tail, target.roll = ankle.head, ankle.tail, ankle.roll
    bpy.ops.object.mode_set(mode="POSE")
    constraint = rig.pose.bones["left_knee"].constraints.new("IK")
    constraint.target, constraint.subtarget, constraint.chain_count = rig, "target", 2
    return "target"


# --- keys ---------------------------------------------------------------------------------------------------


def values_that_are_absurd(patient: Patient) -> None:
    share = patient.pick([0.02, 0.3, 1.0])
    for key in patient.keys(share):
        key.co.y = patient.pick(ABSURD)


def values_that_are_not_numbers(patient: Patient) -> None:
    for key in patient.keys(0.1):
        key.co.y = patient.pick(ABSURD[:3])


def handles_that_are_absurd(patient: Patient) -> None:
    for key in patient.keys(0.2):
        key.interpolation, key.handle_left_type, key.handle_right_type = "BEZIER", "FREE", "FREE"
        key.handle_left = (key.co.x - patient.pick(ABSURD), patient.pick(ABSURD))
        key.handle_right = (key.co.x + patient.pick(ABSURD), patient.pick(ABSURD))


def interpolations_of_every_kind(patient: Patient) -> None:
    items = [item.identifier for item in bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items]
    for key in patient.keys(0.5):
        key.interpolation = patient.pick(items)


def frames_that_are_not_numbers(patient: Patient) -> None:
    for key in patient.keys(0.1):
        key.co.x = patient.pick(ABSURD[:3])


def frames_that_are_absurd(patient: Patient) -> None:
    for key in patient.keys(0.05):
        key.co.x = patient.pick([3e38, -3e38, 1e9, -1e9, 1048574, 5e5, 1e-30])


def a_gap_of_a_hundred_thousand_frames(patient: Patient) -> None:
    gap = patient.pick([100_000.0, 99_900.0, -100_000.0, 30_000.0])
    for curve in patient.curves(patient.pick([0.05, 1.0])):
        for key in list(curve.keyframe_points)[-1:]:
            key.co.x += gap
        curve.update()


def negative_frames(patient: Patient) -> None:
    shift = patient.pick([-5000.0, -1e6, -0.5])
    for curve in patient.curves(patient.pick([0.5, 1.0])):
        for key in curve.keyframe_points:
            key.co.x += shift
        curve.update()


def keys_on_one_frame(patient: Patient) -> None:
    share = patient.pick([0.3, 1.0])
    for curve in patient.curves(share):
        for key in curve.keyframe_points:
            key.co.x = 7.0


def keys_twice(patient: Patient) -> None:
    for curve in patient.curves(0.5):
        points = list(curve.keyframe_points)
        for before, key in pairwise(points):
            if patient.rng.random() < 0.3:
                key.co.x = before.co.x + patient.pick([0.0, 1e-5, 1e-3, 0.01])
        curve.update()


def keys_out_of_order(patient: Patient) -> None:
    for curve in patient.curves(0.4):
        frames = [key.co.x for key in curve.keyframe_points]
        for key, frame in zip(curve.keyframe_points, reversed(frames), strict=True):
            key.co.x = frame  # without an update, as importers forget it


def no_keys(patient: Patient) -> None:
    for curve in patient.curves(patient.pick([0.1, 1.0])):
        curve.keyframe_points.clear()


def one_key(patient: Patient) -> None:
    for curve in patient.curves(patient.pick([0.3, 1.0])):
        for number in reversed(range(1, len(curve.keyframe_points))):
            curve.keyframe_points.remove(curve.keyframe_points[number])


def dropped_keys(patient: Patient) -> None:
    for curve in patient.curves(0.5):
        count = len(curve.keyframe_points)
        begin = int(patient.rng.integers(count + 1))
        for number in reversed(range(begin, min(count, begin + int(patient.rng.integers(1, 30))))):
            curve.keyframe_points.remove(curve.keyframe_points[number])


def samples_in_place_of_keys(patient: Patient) -> None:
    for curve in patient.curves(patient.pick([0.1, 1.0])):
        if len(curve.keyframe_points):
            curve.convert_to_samples(1, 20)


# --- rotations ----------------------------------------------------------------------------------------------


def rotations_of_no_length(patient: Patient) -> None:
    for curve in patient.curves():
        if curve.data_path.endswith(("rotation_quaternion", "rotation_axis_angle")):
            for key in curve.keyframe_points:
                if patient.rng.random() < 0.5:
                    key.co.y = 0.0


def quaternions_of_any_length(patient: Patient) -> None:
    factor = patient.pick([-1.0, 1e-20, 1e-3, 50.0, 1e18])
    for curve in patient.curves():
        if curve.data_path.endswith("rotation_quaternion"):
            for key in curve.keyframe_points:
                key.co.y *= factor


def modes_that_are_not_those_of_the_curves(patient: Patient) -> None:
    for bone in patient.bones():
        bone.rotation_mode = patient.pick(MODES)


def curves_of_several_modes(patient: Patient) -> None:
    for bone in patient.bones():
        for path in ("rotation_quaternion", "rotation_euler", "rotation_axis_angle", "rotation_mode"):
            if patient.rng.random() < 0.6:
                bone.keyframe_insert(path, frame=float(patient.rng.integers(40)))


def turns_beyond_a_circle(patient: Patient) -> None:
    turns = patient.pick([10.0, 1e4, 1e8])
    for curve in patient.curves(0.5):
        if curve.data_path.endswith("rotation_euler"):
            for key in curve.keyframe_points:
                key.co.y += turns * patient.rng.random()


# --- curves -------------------------------------------------------------------------------------------------


def curves_of_odd_paths(patient: Patient) -> None:
    for path in PATHS:
        collection = patient.collection()
        if collection is not None and patient.rng.random() < 0.5:
            curve = collection.new(path, index=int(patient.pick([0, 1, 5])))
            curve.keyframe_points.insert(3, patient.pick(ABSURD))
            curve.keyframe_points.insert(9, 1.0)


def curves_of_odd_indices(patient: Patient) -> None:
    for bone in patient.bones(0.2):
        path = f'pose.bones["{bone.name}"].{patient.pick(["location", mocap.path_of(bone), "scale"])}'
        collection, index = patient.collection(), int(patient.pick([3, 4, 7, 1000]))
        if collection is not None and collection.find(path, index=index) is None:
            curve = collection.new(path, index=index)
            for frame in range(int(patient.pick([0, 1, 10]))):
                curve.keyframe_points.insert(frame, 0.1 * frame)


def channels_without_curves(patient: Patient) -> None:
    collection = patient.collection()
    for curve in patient.curves(0.3) if collection is not None else ():
        collection.remove(curve)


def muted_and_locked_curves(patient: Patient) -> None:
    for curve in patient.curves(patient.pick([0.2, 1.0])):
        what = patient.pick(["mute", "lock", "group mute", "group lock", "hide"])
        owner = curve.group if what.startswith("group") else curve
        if owner is not None:
            setattr(owner, what.removeprefix("group "), True)


def modifiers(patient: Patient) -> None:
    kinds = patient.pick([MODIFIERS, ("CYCLES",)])
    for curve in patient.curves(patient.pick([0.05, 1.0])):
        modifier = curve.modifiers.new(patient.pick(kinds))
        modifier.mute = patient.rng.random() < 0.2
        if patient.rng.random() < 0.3:
            modifier.use_influence, modifier.influence = True, patient.pick([0.0, 0.5])
        if modifier.type == "CYCLES":
            modifier.mode_after = patient.pick(["NONE", "REPEAT", "REPEAT_OFFSET", "MIRROR"])


def lines_that_go_on(patient: Patient) -> None:
    for curve in patient.curves(0.5):
        curve.extrapolation = "LINEAR"


def scales(patient: Patient) -> None:
    for bone in patient.bones(0.1):
        bone.scale = [patient.pick([1.0, 2.0, 1e-9, 0.0, -1.0, np.nan, 1e20]) for _ in range(3)]
        bone.keyframe_insert("scale", frame=2)


# --- the armature -------------------------------------------------------------------------------------------


def driven_channels(patient: Patient) -> None:
    for bone in patient.bones(0.1):
        path = patient.pick(["location", mocap.path_of(bone)])
        curve = bone.driver_add(path, int(patient.rng.integers(3)))
        curve.driver.expression = patient.pick(["frame / 10", "1 / 0", "nonsense(", "float('nan')"])


def locked_bones(patient: Patient) -> None:
    for bone in patient.bones():
        bone.lock_rotation = [bool(patient.rng.random() < 0.5) for _ in range(3)]
        bone.lock_location = [bool(patient.rng.random() < 0.5) for _ in range(3)]


def constraints(patient: Patient) -> None:
    for bone in patient.bones(0.15):
        kind = patient.pick(
            ["IK", "COPY_ROTATION", "COPY_TRANSFORMS", "CHILD_OF", "DAMPED_TRACK", "SPLINE_IK"]
        )
        constraint = bone.constraints.new(kind)
        if patient.rng.random() < 0.8:
            constraint.target = patient.rig
        if hasattr(constraint, "subtarget"):
            constraint.subtarget = patient.pick([bone.name, "head", "ghost", "finger", "left_wrist"])
        constraint.influence = patient.pick([0.0, 0.5, 1.0])


def a_bone_gone(patient: Patient) -> None:
    names = ("pelvis", "left_knee", "head", "right_collar", "spine2", "finger", "torso", "ORG-shin.L")
    name = patient.pick(name for name in names if name in patient.rig.data.bones)
    bpy.ops.object.mode_set(mode="EDIT")
    bones = patient.rig.data.edit_bones
    if patient.rng.random() < 0.5:
        bones.remove(bones[name])
    else:
        bones[name].name = "left_\u00e9\"lbow']"
    bpy.ops.object.mode_set(mode="POSE")


def ways_to_inherit(patient: Patient) -> None:
    for bone in patient.bones():
        bone.bone.use_inherit_rotation = bool(patient.rng.random() < 0.5)
        bone.bone.use_local_location = bool(patient.rng.random() < 0.5)
        bone.bone.inherit_scale = patient.pick(["NONE", "FULL", "AVERAGE", "ALIGNED"])


def an_object_that_moves(patient: Patient) -> None:
    path = patient.pick(["location", "rotation_euler", "scale"])
    for frame in (1, 10):
        setattr(patient.rig, path, [patient.pick([0.5, 1.0, 1.5]) for _ in range(3)])
        patient.rig.keyframe_insert(path, frame=frame)


def an_object_out_of_shape(patient: Patient) -> None:
    rig = patient.rig
    rig.scale = patient.pick([(0, 0, 0), (1e-8,) * 3, (1e8,) * 3, (-1, 1, 1), (1, 2, 1), (np.nan,) * 3])
    rig.location = [patient.pick([0.0, 1e7, np.inf]) for _ in range(3)]


def several_users(patient: Patient) -> None:
    action, slot = patient.versions.assigned(patient.data)
    for _ in range(int(patient.rng.integers(1, 4))):
        other = bpy.data.objects.new("Other", patient.pick([patient.rig.data, None]))
        other.animation_data_create()
        patient.versions.assign(other.animation_data, action, slot)
    if action is not None:
        action.use_fake_user = bool(patient.rng.random() < 0.5)


def strips(patient: Patient) -> None:
    action, slot = patient.versions.assigned(patient.data)
    if action is None:
        return
    for start in (10, 5000):
        strip = patient.data.nla_tracks.new().strips.new("Strip", start, action)
        patient.versions.assign(strip, action, slot)
        strip.scale, strip.repeat = patient.pick([0.01, 1.0, 50.0]), patient.pick([0.5, 1.0, 20.0])
        strip.use_reverse, strip.mute = bool(patient.rng.random() < 0.3), bool(patient.rng.random() < 0.3)
        strip.select = True
    if patient.rng.random() < 0.5:
        patient.data.action = None
    if patient.rng.random() < 0.7:
        patient.options["source"] = patient.pick(["STRIPS", "ALL"])


# --- the action ---------------------------------------------------------------------------------------------


def slots_and_layers(patient: Patient) -> None:
    action = patient.data.action
    if action is None or not patient.has_slots:
        return
    what = patient.pick(["no slot", "empty slot", "no slots", "no layers", "another's slot", "two slots"])
    if what == "no slot":
        patient.data.action_slot = None
    elif what == "empty slot":
        patient.data.action_slot = action.slots.new(id_type="OBJECT", name="Empty")
    elif what == "no slots":
        for slot in list(action.slots):
            action.slots.remove(slot)
    elif what == "no layers":
        for layer in list(action.layers):
            action.layers.remove(layer)
    elif what == "another's slot":
        action.slots.new(id_type="MATERIAL", name="Paint")
    else:
        action.slots.new(id_type="OBJECT", name="Rig")
        patient.options["source"] = "ALL"


def an_empty_action(patient: Patient) -> None:
    action = bpy.data.actions.new("Empty")
    patient.versions.assign(patient.data, action)
    if patient.has_slots and patient.rng.random() < 0.5:
        patient.data.action_slot = action.slots.new(id_type="OBJECT", name="Rig")


def no_action(patient: Patient) -> None:
    if patient.rng.random() < 0.5:
        patient.rig.animation_data_clear()
    else:
        patient.data.action = None
    patient.options["source"] = patient.pick(["ACTIVE", "STRIPS", "ALL"])


def a_linked_action(patient: Patient) -> None:
    action, slot = patient.versions.assigned(patient.data)
    if action is None:
        return
    path = patient.folder / "library.blend"
    bpy.data.libraries.write(str(path), {action})
    identifier = getattr(slot, "identifier", None)
    with bpy.data.libraries.load(str(path), link=True) as (_, to):
        to.actions = [action.name]
    linked = to.actions[0]
    patient.versions.assign(patient.data, linked, linked.slots[identifier] if identifier else None)


def names_that_are_odd(patient: Patient) -> None:
    if patient.data.action is not None:
        patient.data.action.name = patient.pick(["x" * 63, "\u7a7a", "a\nb", "{name} %s", " denoised", '"'])
    patient.rig.name = patient.pick(["r" * 63, "\u2603", "'", "{0}"])


def marks_of_ours_that_are_damaged(patient: Patient) -> None:
    action = patient.data.action
    if action is not None:
        action["contrapposto_report"] = patient.pick(["", "{}", "[1]", '{"joints": 3}', 5])
        action["contrapposto_original"] = patient.pick([action, "Walk", 1.0])


def a_range_of_its_own(patient: Patient) -> None:
    action = patient.data.action
    if action is not None:
        action.use_frame_range, action.use_cyclic = True, bool(patient.rng.random() < 0.5)
        action.frame_start, action.frame_end = patient.pick([(-1e6, 1e6), (3, 3), (5, 8)])


# --- the scene, and what is asked ---------------------------------------------------------------------------


def frame_rates_that_are_absurd(patient: Patient) -> None:
    render = bpy.context.scene.render
    render.fps = patient.pick([1, 24, 240, 1000, 32767])
    render.fps_base = patient.pick([1e-5, 0.02, 1.0, 1.001, 24.0, 1000.0, 1e6])


def a_scene_of_odd_frames(patient: Patient) -> None:
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = patient.pick([(1, 250), (900_000, 1_048_574), (0, 0)])
    scene.frame_set(patient.pick([0, 17, 500_000]))
    patient.options["frames"] = "SCENE"


def options_at_their_ends(patient: Patient) -> None:
    patient.options |= {
        "frames": patient.pick(["ALL", "CUSTOM"]),
        "frame_start": patient.pick([-1e9, 1.0, 10.2, 1e30, -np.inf, np.nan]),
        "frame_end": patient.pick([1e9, 1.0, 10.3, 12.0, np.inf, np.nan]),
        "strength": patient.pick([0.0, 0.5, 1.0, 1e9]),
        "strength_legs": patient.pick([0.0, 1.0]),
        "preserve_contacts": patient.pick([True, False]),
        "fill_gaps": patient.pick([True, False]),
        "max_error_deg": patient.pick([0.0, 0.5, 1e30]),
        "max_error_mm": patient.pick([0.0, 2.0, np.inf]),
    }


def keys_baked_or_reduced(patient: Patient) -> None:
    patient.options |= {"keys": patient.pick(["KEEP", "BAKE"]), "reduce": patient.pick([True, False])}


def only_selected_bones(patient: Patient) -> None:
    chosen = {bone.name for bone in patient.bones()}
    for bone in patient.rig.pose.bones:
        patient.versions.set_selected(bone, bone.name in chosen)
    patient.options["selected_only"] = True


def names_of_actions(patient: Patient) -> None:
    names = [action.name for action in bpy.data.actions] + ["", "nobody"]
    patient.options["actions"] = [{"name": patient.pick(names)} for _ in range(2)]


Damage = Callable[[Patient], None]
DAMAGES: tuple[Damage, ...] = tuple(
    thing
    for name, thing in list(globals().items())
    if callable(thing) and getattr(thing, "__annotations__", {}).get("patient") == "Patient"
)
"""All of the above."""

_LAST = (a_linked_action, no_action)
"""After these there is nothing left to damage."""


def damaged(seed: int, extension: str, folder: Path, rigify: Path | None = None) -> tuple[Patient, list[str]]:
    """A patient with one to four damages, and their names; ``len(DAMAGES)`` seeds in a row have every one."""
    patient = healthy(seed, extension, folder, rigify)
    others = patient.rng.choice(len(DAMAGES), patient.rng.integers(0, 4), replace=False)
    chosen = dict.fromkeys([DAMAGES[seed % len(DAMAGES)], *(DAMAGES[i] for i in others)])
    ordered = sorted(chosen, key=lambda damage: _LAST.index(damage) if damage in _LAST else -1)
    for damage in ordered:
        damage(patient)
    return patient, [damage.__name__.replace("_", " ") for damage in ordered]
