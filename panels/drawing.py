# SPDX-License-Identifier: GPL-3.0-or-later
"""What every panel of the extension draws with."""

import bpy

_LINE = 35
"""Characters that fit a line of the sidebar at its usual width."""


class SidebarPanel:
    """Where every panel of the extension lives."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Contrapposto"


def hindrance(context: bpy.types.Context, purpose: str) -> str:
    """What stands in the way of a task on the active armature; empty if nothing does.

    Args:
        context: whose active object counts.
        purpose: what the armature is for, such as "to complete its pose".
    """
    active = context.object
    if active is None or active.type != "ARMATURE":
        return f"Select an armature {purpose}"
    if active.mode not in {"OBJECT", "POSE"}:
        return "Switch the armature to Pose Mode"
    return ""


def write(layout: bpy.types.UILayout, sentence: str, *, icon: str) -> None:
    """A sentence as labels, broken between words."""
    lines = [""]
    for word in sentence.split():
        if len(lines[-1]) + len(word) >= _LINE and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    column = layout.column(align=True)
    for i, line in enumerate(lines):
        column.label(text=line, icon=icon if i == 0 else "BLANK1")
