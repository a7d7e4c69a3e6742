# SPDX-License-Identifier: GPL-3.0-or-later
"""A clip's rotation channels: the way to write each key by itself, beside its twin that goes key by key."""

from __future__ import annotations

import mocap
import numpy as np
import pytest

from contrapposto.rotation import from_rotvec

MODES = ("QUATERNION", "XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "AXIS_ANGLE")


@pytest.mark.parametrize("mode", MODES)
def test_each_key_by_itself_is_written_as_it_would_be_alone(mode, extension):
    module, rng = mocap.addon(extension, "rotation_channels"), np.random.default_rng(0)
    rotations = from_rotvec(rng.normal(size=(200, 3)) * 2)
    rotations[:3] = np.eye(3)
    reference = rng.normal(size=(200, module.CHANNELS.get(mode, 3))) * 8
    alone = [module.values_of(mode, rotations[i : i + 1], reference[i : i + 1]) for i in range(200)]
    values = module.nearest_values_of(mode, rotations, reference)
    assert np.allclose(values, np.concatenate(alone), atol=1e-12)
    assert np.allclose(module.matrices_of(mode, values), rotations, atol=1e-12)
