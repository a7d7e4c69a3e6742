# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bones are over a range of frames.

Where nothing but curves moves the bones, their matrices are multiplied out for all frames at once, and
no mesh, modifier or other object is evaluated. Where constraints or drivers have a say, or the object
itself moves, Blender plays the frames.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

import bpy
import numpy as np

from contrapposto.rig.armature import Armature

from .action_curves import ActionCurves
from .channels import CHANNELS, read_channels, write_channels
from .curves import bone_of
from .rotation_channels import matrices_of
from .rotations import rotation_path
from .steps import Steps

_OF_OBJECT = frozenset({*CHANNELS, *(f"delta_{name}" for name in CHANNELS)})


def with_ancestors(armature: Armature, names: Iterable[str]) -> list[str]:
    """The bones and all above them, parents first."""
    found = {armature.index[name] for name in names}
    found |= {parent for bone in tuple(found) for parent in armature.ancestors(bone)}
    return [armature.names[bone] for bone in sorted(found)]


def curves_suffice(
    armature_object: bpy.types.Object, curves: ActionCurves, armature: Armature, names: Iterable[str]
) -> bool:
    """Whether the action's curves alone say where the bones are, and the object stands still."""
    if object_moves(armature_object, curves):
        return False
    needed = with_ancestors(armature, names)
    bones = armature_object.pose.bones
    if any(_is_held(bones[name]) or (name, "rotation_mode") in curves.channels for name in needed):
        return False
    if bones_in_ik_chains(bones) & set(needed) or driven_channels(armature_object, needed):
        return False
    scaled = any(
        (name, "scale") in curves.channels or tuple(bones[name].scale) != (1, 1, 1) for name in needed
    )
    return all(
        bone.use_inherit_rotation
        and bone.use_local_location
        and not bone.use_relative_parent
        and (bone.inherit_scale == "FULL" or not scaled)
        for bone in (bones[name].bone for name in needed)
    )


def object_moves(armature_object: bpy.types.Object, curves: ActionCurves) -> bool:
    """Whether the armature object itself may move over time."""
    data = armature_object.animation_data
    return (
        armature_object.parent is not None
        or any(not constraint.mute for constraint in armature_object.constraints)
        or any(path in _OF_OBJECT for path in curves.properties)
        or any(
            driver.data_path in _OF_OBJECT and not driver.mute for driver in (data.drivers if data else ())
        )
    )


def driven_channels(armature_object: bpy.types.Object, names: Collection[str]) -> set[tuple[str, str]]:
    """(bone, property) of those bones' own channels that a driver moves."""
    data = armature_object.animation_data
    found = {bone_of(driver.data_path) for driver in (data.drivers if data else ()) if not driver.mute}
    return {where for where in found if where and where[0] in names and where[1] in CHANNELS}


def bones_in_ik_chains(bones: Iterable[bpy.types.PoseBone]) -> set[str]:
    """The bones that an IK or spline IK constraint moves, whoever owns it."""
    found: set[str] = set()
    for owner in bones:
        for constraint in owner.constraints:
            if constraint.mute or constraint.type not in {"IK", "SPLINE_IK"}:
                continue
            whole = constraint.type == "SPLINE_IK" or constraint.use_tail
            chain = [owner, *owner.parent_recursive] if whole else owner.parent_recursive
            count = constraint.chain_count
            found |= {bone.name for bone in (chain[:count] if count else chain)}
    return found


def matrices_from_curves(
    armature_object: bpy.types.Object,
    curves: ActionCurves,
    armature: Armature,
    names: Iterable[str],
    frames: np.ndarray,
) -> Steps[dict[str, np.ndarray]]:
    """Bone -> (T, 4, 4) armature-space matrices, from the curves alone; also of all bones above.

    The same as Blender makes them where ``curves_suffice``. Yields how much is done.
    """
    found: dict[str, np.ndarray] = {}
    every = with_ancestors(armature, names)
    for number, name in enumerate(every):
        yield number / len(every)
        bone = armature_object.pose.bones[name]
        parent = armature.parents[armature.index[name]]
        rest = armature.rest[armature.index[name]]
        with np.errstate(all="ignore"):  # who asks refuses what is not finite
            basis = basis_matrices(bone, curves, frames)
            if parent < 0:
                found[name] = rest @ basis
            else:
                found[name] = (
                    found[armature.names[parent]] @ (np.linalg.inv(armature.rest[parent]) @ rest) @ basis
                )
    return found


def basis_matrices(bone: bpy.types.PoseBone, curves: ActionCurves, frames: np.ndarray) -> np.ndarray:
    """(T, 4, 4) a bone's own channels as matrices; (1, 4, 4) if none of them is animated."""
    path = rotation_path(bone)
    if not any((bone.name, p) in curves.channels for p in (path, "location", "scale")):
        frames = frames[:1]
    basis = np.tile(np.eye(4), (len(frames), 1, 1))
    rotation = matrices_of(bone.rotation_mode, curves.values(bone, path, frames))
    basis[:, :3, :3] = rotation * curves.values(bone, "scale", frames)[:, None, :]
    if not (bone.parent and bone.bone.use_connect):
        basis[:, :3, 3] = curves.values(bone, "location", frames)
    return basis


def play(
    scene: bpy.types.Scene, armature_object: bpy.types.Object, names: Collection[str], frames: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Have Blender play the frames; at each, (n, 4, 4) matrices of the bones and (4, 4) of the object."""
    bones = armature_object.pose.bones
    order = {name: i for i, name in enumerate(bones.keys())}
    rows = np.array([order[name] for name in names], dtype=int)
    flat = np.empty(16 * len(bones), dtype=np.float32)
    for frame in frames.tolist():
        whole = int(np.floor(frame + 1e-6))
        scene.frame_set(whole, subframe=max(frame - whole, 0.0))
        bones.foreach_get("matrix", flat)
        matrices = flat.reshape(-1, 4, 4)[rows].transpose(0, 2, 1).astype(float)
        yield matrices, np.array(armature_object.matrix_world, dtype=float)


def played(
    scene: bpy.types.Scene, armature_object: bpy.types.Object, names: Iterable[str], frames: np.ndarray
) -> Steps[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Bone -> (T, 4, 4) and the object's (T, 4, 4) world matrices, as Blender plays the frames."""
    names = tuple(names)
    bones = np.empty((len(frames), len(names), 4, 4))
    worlds = np.empty((len(frames), 4, 4))
    for i, (matrices, world) in enumerate(play(scene, armature_object, names, frames)):
        bones[i], worlds[i] = matrices, world
        yield (i + 1) / len(frames)
    return {name: bones[:, i] for i, name in enumerate(names)}, worlds


@contextmanager
def frame_kept(scene: bpy.types.Scene, armature_object: bpy.types.Object) -> Iterator[None]:
    """Come back to the scene's frame at the end, and to the pose with what was moved and has no key."""
    frame, subframe = scene.frame_current, scene.frame_subframe
    pose = read_channels(armature_object)
    try:
        yield
    finally:
        scene.frame_set(frame, subframe=subframe)
        write_channels(armature_object, pose)


def _is_held(bone: bpy.types.PoseBone) -> bool:
    return any(not constraint.mute for constraint in bone.constraints)
