# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators, one family a file. Each polls, calls a function of ``addon`` and tells what came of it.

What computes is imported in functions, here, in ``panels`` and in what these draw from, so that enabling the
extension, and starting Blender with it, load no numerics.
"""

from . import (
    add_body,
    alternatives,
    command_line,
    complete_pose,
    denoise_mocap,
    fit_body,
    free_memory,
    generated_keys,
    ghosts,
    naturalness,
    retarget,
    rig_mapping,
    sample_poses,
)

_FAMILIES = (
    complete_pose,
    sample_poses,
    alternatives,
    ghosts,
    denoise_mocap,
    fit_body,
    retarget,
    rig_mapping,
    naturalness,
    generated_keys,
    command_line,
    add_body,
    free_memory,
)


def register() -> None:
    """Register every family."""
    for family in _FAMILIES:
        family.register()


def unregister() -> None:
    """Unregister every family, in reverse order."""
    for family in reversed(_FAMILIES):
        family.unregister()
