# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig as it stands on the current frame: its joints, its live layers and its pose."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from contrapposto.motion import Pose
from contrapposto.rig.armature import Armature
from contrapposto.rig.calibration import Calibration
from contrapposto.rig.rigmap import RigMap

from . import checks
from .errors import Refusal
from .limbs import IkLimb, live_ik_limbs
from .rig_reader import read_armature, read_matrices
from .rig_storage import map_of
from .space import to_world


@dataclass(frozen=True, eq=False)
class Rig:
    """Everything that is read off an armature object.

    Attributes:
        object: the armature object.
        armature: its rest skeleton.
        calibration: how its bones stand for the 22 joints.
        limbs: the limbs that IK places on this frame, by their end.
        to_world: (4, 4) similarity from armature space to core's world.
        matrices: (B, 4, 4) armature-space pose matrices.
        pose: the pose of the 22 joints.
    """

    object: bpy.types.Object
    armature: Armature
    calibration: Calibration
    limbs: dict[str, IkLimb]
    to_world: np.ndarray
    matrices: np.ndarray
    pose: Pose

    @property
    def rigmap(self) -> RigMap:
        """Which bones play which joints."""
        return self.calibration.rigmap


def calibrate(armature_object: bpy.types.Object) -> Calibration:
    """Measure the armature's bones as the 22 joints, at rest.

    Raises:
        Refusal: if the map cannot be used.
        ValueError: with one sentence, if it is no humanoid or its rest pose cannot be used.
    """
    armature = read_armature(armature_object)
    rigmap = map_of(armature_object, armature)
    checks.check_map(armature_object, rigmap)
    return Calibration.of(armature, rigmap)


def read_rig(armature_object: bpy.types.Object) -> Rig:
    """Read a rig; the view layer is up to date.

    Raises:
        Refusal: if it is no humanoid, or its map, rest pose or transform cannot be used.
    """
    try:
        calibration = calibrate(armature_object)
        armature = calibration.armature
        space = to_world(armature_object)
        matrices = read_matrices(armature_object, armature)
        checks.check_finite(armature, matrices)
        pose = calibration.read(matrices, space)
    except Refusal:
        raise
    except ValueError as error:
        raise Refusal(f"'{armature_object.name}' cannot be posed: {error}") from error
    limbs = live_ik_limbs(armature_object, calibration.rigmap)
    return Rig(armature_object, armature, calibration, limbs, space, matrices, pose)
