# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose assets of a character: an action a pose, with a picture of this character in it.

They are what Blender's own Pose Library makes, so that its browser shows and applies them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

import bpy

from .catalogs import Catalog, catalog_for
from .limbs import controls
from .plan import Plan
from .rig import Rig
from .rotations import rotation_path
from .sample_settings import SampleSettings
from .still_there import still_there
from .thumbnail import THUMBNAIL, Photographer
from .versions import new_action, new_curve

FRAME = 1.0
"""Where the one key of each channel lies."""


class PoseAssets:
    """Makes pose assets of one armature; if anything goes wrong inside, none of them is left."""

    def __init__(self, rig: Rig, plan: Plan, settings: SampleSettings) -> None:
        self.rig = rig
        self.settings = settings
        self._made: list[int] = []
        self._body = _body_channels(rig, plan)
        self._catalog: Catalog | None = None
        self._photographer = Photographer(rig)

    def __enter__(self) -> Self:
        """Find the catalog before any work is done."""
        if self.settings.catalog:
            self._catalog = catalog_for(self.settings.home or bpy.data.filepath, self.settings.catalog)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the assets again if there was an error."""
        if kind is not None:
            for action in still_there(bpy.data.actions, self._made):
                bpy.data.actions.remove(action)
            self._made.clear()

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the assets got."""
        return tuple(action.name for action in still_there(bpy.data.actions, self._made))

    def add(
        self, context: bpy.types.Context, written: Mapping[str, Iterable[str]], naturalness: float | None
    ) -> bpy.types.Action:
        """The armature's present pose as an asset.

        Args:
            context: whose view layer is up to date.
            written: bone -> its properties that the sample set; those of kept bones come along.
            naturalness: percent of real poses that are less natural, if that is known.
        """
        number = len(self._made) + 1
        action, collection = new_action(f"{self.settings.name} {number:02d}", self.rig.object)
        self._made.append(action.session_uid)
        bones = self.rig.object.pose.bones
        for name in dict.fromkeys((*self._body, *written)):
            for path in sorted({*self._body.get(name, ()), *written.get(name, ())}):
                values = getattr(bones[name], path)
                for index in range(len(values)):
                    curve = new_curve(collection, f"{bones[name].path_from_id()}.{path}", index, name)
                    curve.keyframe_points.insert(FRAME, values[index], keyframe_type="GENERATED")
        action.user_clear()
        action.asset_mark()
        data = action.asset_data
        data.description = self._description(naturalness)
        for tag in self.settings.tags:
            data.tags.new(tag, skip_if_exists=True)
        if self._catalog is not None:
            data.catalog_id = self._catalog.uuid
        preview = action.preview_ensure()
        preview.image_size = (THUMBNAIL, THUMBNAIL)
        preview.image_pixels_float.foreach_set(self._photographer.picture(context).reshape(-1))
        return action

    def file_under_catalog(self) -> str:
        """Write the catalog beside the .blend file; why that was not possible, or nothing."""
        return "" if self._catalog is None else self._catalog.write()

    def _description(self, naturalness: float | None) -> str:
        natural = "" if naturalness is None else f", more natural than {naturalness:.0f} % of real poses"
        return f"Sampled for {self.rig.object.name}, seed {self.settings.seed}{natural}"


def _body_channels(rig: Rig, plan: Plan) -> dict[str, set[str]]:
    """The channels that a pose asset holds, written or kept: it is of the whole body."""
    bones = rig.object.pose.bones
    found: dict[str, set[str]] = {}

    def add(name: str, *paths: str) -> None:
        found.setdefault(name, set()).update(paths)

    for joint in rig.rigmap.joints:
        for name in controls(rig.object, rig.rigmap, joint):
            add(name, rotation_path(bones[name]))
    add(rig.rigmap.joints["pelvis"].write[0], "location")
    for limb in rig.limbs.values():
        add(limb.handle.bone, "location", rotation_path(bones[limb.handle.bone]))
        for name in limb.aims:
            if name in bones:
                add(name, "location" if name == limb.handle.pole else rotation_path(bones[name]))
    for name in plan.moved_bones:
        add(name, "location")
    return found
