# SPDX-License-Identifier: GPL-3.0-or-later
"""The alternatives of the last press in the sidebar: a click takes one."""

import bpy

from ..addon.alternatives import Browsing, held_for
from .drawing import SidebarPanel, write

_COLUMNS = 4


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
    """Rank and naturalness, best first; those that fail have a line each, with the reason."""
    found = list(enumerate(browsing.alternatives))
    grid = layout.grid_flow(row_major=True, columns=_COLUMNS, even_columns=True, align=True)
    for index, alternative in found:
        if not alternative.why_failing:
            _button(grid, index, taken, _label(index, alternative.naturalness), "NONE")
    column = layout.column(align=True)
    for index, alternative in found:
        if alternative.why_failing:
            text = f"{_label(index, alternative.naturalness)}  {alternative.why_failing}"
            _button(column, index, taken, text, "ERROR")


def _label(index: int, percent: float | None) -> str:
    return f"{index + 1}" if percent is None else f"{index + 1}:  {percent:.0f} %"


def _button(layout: bpy.types.UILayout, index: int, taken: int | None, text: str, icon: str) -> None:
    button = layout.operator("contrapposto.take_alternative", text=text, icon=icon, depress=index == taken)
    button.number = index + 1


register, unregister = bpy.utils.register_classes_factory((CONTRAPPOSTO_PT_alternatives,))
