# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what is kept stays over the frames that poses are to be keyed on.

All samples agree with the frame they were made on: a kept bone that moves on by its own curves
would stand apart from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import bpy
import numpy as np

from .errors import Advice, Refusal
from .limbs import carriers, controls, live_ik_limbs
from .playback import frame_kept
from .solving import Solved

_SAME = 1e-4
"""Of a bone's matrix, lengths as shares of the bone's."""


def check_holds_still(scene: bpy.types.Scene, solved: Solved, frames: Iterable[float]) -> None:
    """Refuse frames on which a kept bone, a limb's IK or the floor is not as on the current frame.

    The scene plays the frames and comes back.

    Raises:
        Refusal: naming the bone, limb or object, and the frame.
    """
    rig, now = solved.rig, scene.frame_current_final
    bones = rig.object.pose.bones
    kept = {name: np.array(bones[name].matrix_basis) for name in sorted(set(_kept(solved)))}
    floor = np.array(rig.object.matrix_world)[2] if solved.settings.keep_feet_on_floor else None
    with frame_kept(scene, rig.object):
        for frame in frames:
            if frame == now:
                continue
            scene.frame_set(frame)
            for name, before in kept.items():
                if not _is_same(np.array(bones[name].matrix_basis), before, bones[name].length):
                    raise Refusal(
                        f"Bone '{name}' is kept, but on frame {frame:g} its curves have it elsewhere than on "
                        f"frame {now:g}; hold it still, or ",
                        Advice.OTHER_START,
                    )
            for end in set(rig.limbs) ^ set(live_ik_limbs(rig.object, rig.rigmap)):
                raise Refusal(
                    f"The {end.replace('_', ' ')} of '{rig.object.name}' changes between IK and FK before "
                    f"frame {frame:g}; ",
                    Advice.OTHER_START,
                )
            if floor is not None and not np.allclose(np.array(rig.object.matrix_world)[2], floor, atol=_SAME):
                raise Refusal(
                    f"'{rig.object.name}' itself rises or tilts before frame {frame:g}; ",
                    Advice.OTHER_START_OR_AIR,
                )


def _kept(solved: Solved) -> Iterator[str]:
    """The bones in the live layers that set what the samples agree with."""
    rig, intent = solved.rig, solved.intent
    for joint in intent.joints:
        yield from controls(rig.object, rig.rigmap, joint)
        yield from intent.bones & carriers(rig.object, rig.rigmap, joint)
    for limb in rig.limbs.values():
        yield from intent.bones.intersection((limb.handle.bone, *limb.aims))


def _is_same(matrix: np.ndarray, other: np.ndarray, length: float) -> bool:
    away = np.abs(matrix - other)
    return bool(away[:3, :3].max() < _SAME and away[:3, 3].max() < _SAME * max(length, _SAME))
