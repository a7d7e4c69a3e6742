# SPDX-License-Identifier: GPL-3.0-or-later
"""The alternatives of the last press in the sidebar: a click takes one."""

import bpy

from ..addon.alternatives import Browsing, held_for
from ..addon.icons import icon_of
from .drawing import SidebarPanel, write

_COLUMNS = 4
_PICTURE_SCALE = 3.0


class CONTRAPPOSTO_PT_alternatives(SidebarPanel, bpy.types.Panel):
    """There while there is something to browse for the active armature."""

    bl_label = "Alternatives"
    bl_order = 1

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """After a press, until one is kept or all are discarded."""
        return held_for(context.object) is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw a button an alternative, or why none can be taken."""
        layout, browsing = self.layout, held_for(context.object)
        sentence = browsing.hindrance(context.object, context.scene.frame_current_final)
        if sentence:
            write(layout, sentence, icon="INFO")
        else:
            _draw_alternatives(layout, browsing, browsing.taken(context.object))
        row = layout.row(align=True)
        row.operator("contrapposto.keep_alternative", text="Keep", icon="CHECKMARK")
        row = row.row(align=True)
        row.enabled = not sentence
        row.operator("contrapposto.discard_alternatives", text="Discard", icon="X")


def _draw_alternatives(layout: bpy.types.UILayout, browsing: Browsing, taken: int | None) -> None:
    """Picture, rank and naturalness, best first; those that fail have a line each, with the reason."""
    grid = layout.grid_flow(row_major=True, columns=_COLUMNS, even_columns=True, even_rows=True)
    column = layout.column(align=True)
    for index, alternative in enumerate(browsing.alternatives):
        label = str(index + 1)
        if alternative.naturalness is not None:
            label += f":  {alternative.naturalness:.0f} %"
        cell = grid.column(align=True)
        cell.template_icon(icon_value=icon_of(index), scale=_PICTURE_SCALE)
        _button(cell, index, taken, label, "ERROR" if alternative.why_failing else "NONE")
        if alternative.why_failing:
            write(column, f"{index + 1}: {alternative.why_failing}", icon="ERROR")


def _button(layout: bpy.types.UILayout, index: int, taken: int | None, text: str, icon: str) -> None:
    button = layout.operator("contrapposto.take_alternative", text=text, icon=icon, depress=index == taken)
    button.number = index + 1


register, unregister = bpy.utils.register_classes_factory((CONTRAPPOSTO_PT_alternatives,))
