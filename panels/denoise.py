# SPDX-License-Identifier: GPL-3.0-or-later
"""Denoise Mocap in the sidebar: the button and its options, how far it is, and what it found."""

import bpy

from ..addon import before_after, running
from ..addon.denoise_report import DenoiseReport, counted
from ..operators.denoise_mocap import (
    ALL_OPTIONS,
    OPTIONS,
    PART_OPTIONS,
    RESULT_OPTIONS,
    CONTRAPPOSTO_OT_denoise_mocap,
    is_shown,
    shown_report,
)
from ..operators.rig_mapping import joint_label
from .drawing import SidebarPanel, hindrance, write

_ROWS = 6
_MOMENTS = 5


class CONTRAPPOSTO_PT_denoise_mocap(SidebarPanel, bpy.types.Panel):
    """Denoise Mocap with its options."""

    bl_label = "Denoise Mocap"
    bl_order = 4

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the button, or how far it is, or what stands in its way."""
        layout = self.layout
        if sentence := hindrance(context, "to clean its motion"):
            write(layout, sentence, icon="INFO")
        row = layout.row()
        row.scale_y = 1.4
        done = running.progress(CONTRAPPOSTO_OT_denoise_mocap.bl_label)
        if done is None:
            draw_denoise_mocap(row, context.scene, icon="FCURVE")
        else:
            row.progress(factor=done, text=f"{done:.0%}, Esc to stop")
        column = layout.column()
        column.enabled = done is None
        _draw_options(column, context.scene, (*OPTIONS, *RESULT_OPTIONS))
        active = context.object
        data = active.animation_data if active is not None and active.type == "ARMATURE" else None
        played = [a for a in before_after.played_actions(data) if before_after.partner(a) is not None]
        if played:
            is_after = before_after.is_denoised(played[0])
            layout.operator(
                "contrapposto.toggle_denoised",
                text="Show Original" if is_after else "Show Denoised",
                icon="HIDE_OFF",
            )


class CONTRAPPOSTO_PT_denoise_parts(SidebarPanel, bpy.types.Panel):
    """The strength of each body part."""

    bl_label = "Body Parts"
    bl_parent_id = "CONTRAPPOSTO_PT_denoise_mocap"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """Draw a slider a part."""
        _draw_options(self.layout, context.scene, PART_OPTIONS)


class CONTRAPPOSTO_PT_denoise_report(SidebarPanel, bpy.types.Panel):
    """What was found in the action, and what was done."""

    bl_label = "Report"
    bl_parent_id = "CONTRAPPOSTO_PT_denoise_mocap"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only for an armature that plays what was denoised, or its original."""
        active = context.object
        return active is not None and active.type == "ARMATURE" and shown_report(active) is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the noisiest joints and the moments that changed most."""
        draw_report(self.layout, shown_report(context.object))


def draw_denoise_mocap(layout: bpy.types.UILayout, scene: bpy.types.Scene, **look: str) -> None:
    """Draw the button with the options that the sidebar remembers with the scene.

    Args:
        layout: where to draw.
        scene: whose options are taken.
        **look: further arguments of ``layout.operator``.
    """
    button = layout.operator("contrapposto.denoise_mocap", **look)
    for name in ALL_OPTIONS:
        setattr(button, name, getattr(scene.contrapposto_denoise, name))


def draw_report(layout: bpy.types.UILayout, report: DenoiseReport) -> None:
    """A report as a table."""
    if report.warning:
        write(layout, report.warning, icon="ERROR")
    column = layout.column(align=True)
    column.label(text="Noisiest joints:")
    for joint, found in report.noisiest[:_ROWS]:
        spikes = f", {counted(found.spikes, 'spike')}" if found.spikes else ""
        _row(column, joint_label(joint), f"{found.noise_deg:.1f}°{spikes}")
    held = ", ".join(f"{times} {side}" for side, (times, _) in report.contacts.items() if times)
    column.label(text=f"Foot contacts held: {held or 'none'}")
    if report.changed_most:
        column.label(text="Changed most:")
        for frame, mm in report.changed_most[:_MOMENTS]:
            _row(column, f"Frame {frame:g}", f"{mm:.0f} mm")
    if report.keys != report.keys_before:
        column.label(text=f"Keys: {report.keys_before} before, {report.keys} now")
    layout.operator("contrapposto.export_denoise_report", icon="EXPORT")


def _row(column: bpy.types.UILayout, what: str, value: str) -> None:
    row = column.row()
    row.label(text=what, icon="BLANK1")
    row.label(text=value)


def _draw_options(layout: bpy.types.UILayout, scene: bpy.types.Scene, names: tuple[str, ...]) -> None:
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    options = scene.contrapposto_denoise
    for name in names:
        if is_shown(options, name):
            column.prop(options, name)


register, unregister = bpy.utils.register_classes_factory(
    (CONTRAPPOSTO_PT_denoise_mocap, CONTRAPPOSTO_PT_denoise_parts, CONTRAPPOSTO_PT_denoise_report)
)
