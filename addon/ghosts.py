# SPDX-License-Identifier: GPL-3.0-or-later
"""Ghosts: sampled poses of a character as figures beside it, to look at side by side and to take one.

A ghost is a light object of its own: no bone, constraint or driver of the character stands behind it. It
knows whose it is and what its pose wrote, so that it can be taken long after, also from a saved file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import bpy

from . import told
from .channels import write_channels
from .errors import Advice, Refusal
from .rotations import rotation_path

COLLECTION = "Contrapposto Ghosts"
MATERIAL = "Contrapposto Ghost"
COLOUR = (0.13, 0.30, 0.58, 1.0)

_MADE = "contrapposto_ghosts"
"""Marks the collection and the material, whatever they are called."""
_OWNER = "contrapposto_ghost_of"
_POSE = "contrapposto_ghost_pose"

Written = Mapping[str, Iterable[str]]
"""Bone -> its properties that a sample set."""


def ghosts(owner: bpy.types.Object | None = None) -> list[bpy.types.Object]:
    """The ghosts of this file, or those of one character."""
    return [
        thing
        for thing in bpy.data.objects
        if is_ghost(thing) and thing.library is None and owner in {None, thing.get(_OWNER)}
    ]


def is_ghost(thing: bpy.types.Object | None) -> bool:
    """Whether an object is one of ours."""
    return thing is not None and _POSE in thing


def new_ghost(
    context: bpy.types.Context, owner: bpy.types.Object, mesh: bpy.types.Mesh, written: Written
) -> bpy.types.Object:
    """A ghost of the pose that a character has now.

    Args:
        context: whose scene gets it.
        owner: the character.
        mesh: the figure.
        written: bone -> its properties that belong to the pose.
    """
    ghost = bpy.data.objects.new(mesh.name, mesh)
    _collection(context.scene).objects.link(ghost)
    ghost.hide_render = True
    ghost.show_name = True
    bones = owner.pose.bones
    pose = {
        bone: {path: list(getattr(bones[bone], path)) for path in sorted(written[bone])} for bone in written
    }
    ghost[_OWNER] = owner
    ghost[_POSE] = json.dumps(pose)
    return ghost


def material() -> bpy.types.Material:
    """What ghosts are made of."""
    for found in bpy.data.materials:
        if _is_ours(found):
            return found
    made = bpy.data.materials.new(MATERIAL)
    made[_MADE] = True
    made.diffuse_color = COLOUR
    return made


def take_ghost(context: bpy.types.Context, ghost: bpy.types.Object) -> str:
    """Give the ghost's pose to its character; what was done, in one sentence.

    Bones that the sample kept stay as they are now. Keyed as Blender keys by itself.

    Raises:
        Refusal: if the character is gone, is another rig now, or a bone is keyed by the animator on this
            frame or would not obey; then nothing has changed.
    """
    from . import checks, keys
    from .rig import read_rig

    rig, pose = ghost.get(_OWNER), _pose_of(ghost)
    if rig is None or context.scene.objects.get(rig.name) != rig:
        raise Refusal(f"The character of '{ghost.name}' is not in this scene any more")
    frame = context.scene.frame_current_final
    checks.check_armature(rig, context.view_layer)
    bones = rig.pose.bones
    if gone := sorted(set(pose) - set(bones.keys())):
        raise Refusal(f"'{rig.name}' has no bone '{gone[0]}' any more; sample again")
    channels = [(bone, path) for bone, paths in pose.items() for path in paths]
    for bone, path in channels:
        if path not in {"location", rotation_path(bones[bone])}:
            raise Refusal(f"Bone '{bone}' has another rotation mode now; sample again")
        if len(pose[bone][path]) != len(getattr(bones[bone], path)):
            raise Refusal(_damaged(ghost))
    checks.check_keys_stay(rig, channels, [frame], Advice.WITHOUT_KEY)
    swings = {limb.handle.swing for limb in read_rig(rig).limbs.values()}
    insert = context.scene.tool_settings.use_keyframe_insert_auto
    checks.check_obey(rig, channels, swings, Advice.NO_AUTO_KEYS if insert else None)
    told.forget()
    with keys.all_or_none(rig, pose):
        write_channels(rig, {(bone, path): pose[bone][path] for bone, path in channels})
        keyed = insert and keys.insert_keys(rig, pose, frame)
        context.view_layer.update()
    return f"'{rig.name}' took the pose of '{ghost.name}'" + (f", {keyed} channels keyed" if keyed else "")


def has_ghosts() -> bool:
    """Whether there are ghosts to remove; cheap, whatever else the file holds."""
    return any(_is_ours(collection) for collection in bpy.data.collections)


def remove_ghosts(which: Iterable[bpy.types.Object] | None = None) -> int:
    """Remove ghosts, all of them if none are named, with whatever was made for them; how many."""
    found = ghosts() if which is None else list(which)
    for ghost in found:
        mesh = ghost.data
        bpy.data.objects.remove(ghost)
        if not mesh.users:
            bpy.data.meshes.remove(mesh)
    for material in [m for m in bpy.data.materials if _is_ours(m) and not m.users]:
        bpy.data.materials.remove(material)
    for collection in [c for c in bpy.data.collections if _is_ours(c)]:
        if not collection.objects and not collection.children:
            bpy.data.collections.remove(collection)
        elif not any(is_ghost(thing) for thing in collection.objects):
            del collection[_MADE]  # what is left in it is the animator's
    return len(found)


def _pose_of(ghost: bpy.types.Object) -> dict[str, dict[str, tuple[float, ...]]]:
    """Bone -> property -> what the sample wrote there."""
    try:
        return {
            bone: {path: tuple(map(float, values)) for path, values in paths.items()}
            for bone, paths in json.loads(ghost[_POSE]).items()
        }
    except (ValueError, TypeError, AttributeError) as error:  # someone has edited it
        raise Refusal(_damaged(ghost)) from error


def _damaged(ghost: bpy.types.Object) -> str:
    return f"The pose that '{ghost.name}' carries is damaged; sample again"


def _collection(scene: bpy.types.Scene) -> bpy.types.Collection:
    """Where the ghosts of a scene are."""
    for found in scene.collection.children_recursive:
        if _is_ours(found):
            return found
    made = bpy.data.collections.new(COLLECTION)
    made[_MADE] = True
    scene.collection.children.link(made)
    return made


def _is_ours(block: bpy.types.Collection | bpy.types.Material) -> bool:
    return _MADE in block and block.library is None
