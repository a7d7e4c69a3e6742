# SPDX-License-Identifier: GPL-3.0-or-later
"""How much Denoise Mocap does at a time on Blender's own thread: Esc waits for that long."""

from __future__ import annotations

import bpy
import mocap
import numpy as np
import pytest
import rigs

FRAMES, AT_ONCE = 600, 256


@pytest.mark.parametrize("moving", [False, True])
def test_controls_are_corrected_a_few_hundred_frames_at_a_time(moving, extension, monkeypatch):
    rig = rigs.build(rolls_seed=3)
    mocap.perform(rig, hips="pelvis", frames=np.arange(1.0, FRAMES + 1))
    if moving:
        rig.keyframe_insert("location", frame=1)  # the object moves: Blender has to play the frames
    corrector = mocap.addon(extension, "correcting").Corrector
    correct, since, stretches = corrector.correct, [], []

    def counted(self, now, wanted, settings, rows, *, aim):
        since.append(len(rows))
        return correct(self, now, wanted, settings, rows, aim=aim)

    def heard(done):
        stretches.append(sum(since))
        since.clear()

    monkeypatch.setattr(corrector, "correct", counted)
    mocap.addon(extension, "denoise").denoise(bpy.context, rig, solve=mocap.Cleaner(), progress=heard)
    assert sum(stretches) >= FRAMES * (1 + moving)
    assert max(stretches) <= AT_ONCE
