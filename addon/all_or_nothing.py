# SPDX-License-Identifier: GPL-3.0-or-later
"""New data of a file is made whole, or none of it is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

_KINDS = ("objects", "meshes", "armatures", "cameras", "movieclips", "actions")


@contextmanager
def all_or_nothing(view_layer: bpy.types.ViewLayer) -> Iterator[None]:
    """Remove all objects, actions and clips that were made inside, if anything goes wrong.

    Args:
        view_layer: whose active object is then the one that was.
    """
    before, active = {one.session_uid for one in _data()}, view_layer.objects.active
    try:
        yield
    except BaseException:
        bpy.data.batch_remove([one for one in _data() if one.session_uid not in before])
        view_layer.objects.active = active
        raise


def _data() -> Iterator[bpy.types.ID]:
    for kind in _KINDS:
        yield from getattr(bpy.data, kind)
