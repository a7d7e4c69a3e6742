# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing motion as an AMASS-style ``.npz`` file, which ``read_motion`` and other programs read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.arrays import to_numpy
from contrapposto.files.whole import write_whole
from contrapposto.motion import Motion
from contrapposto.rotation import Z_UP_TO_Y_UP, to_rotvec


def write_amass(path: Path | str, motion: Motion, **more: np.ndarray) -> None:
    """Write ``poses`` (T, 66) axis-angle, ``trans`` (T, 3) and ``mocap_framerate``, z up, metres.

    The file appears whole or not at all.

    Args:
        path: where to write; an existing file is replaced.
        motion: T frames.
        **more: further arrays to keep beside them.

    Raises:
        ValueError: if the motion holds values that are not finite or no frames.
        OSError: if the folder cannot be written.
    """
    rotations = to_numpy(motion.poses.rotations).astype(float)
    transl = to_numpy(motion.poses.transl).astype(float)
    if not len(transl):
        raise ValueError("There are no frames to write")
    if not (np.all(np.isfinite(rotations)) and np.all(np.isfinite(transl))):
        raise ValueError("The motion holds values that are not finite")
    rotations[:, 0] = Z_UP_TO_Y_UP.T @ rotations[:, 0]
    arrays: dict[str, Any] = {
        "poses": to_rotvec(rotations).reshape(len(transl), -1),
        "trans": transl @ Z_UP_TO_Y_UP,
        "mocap_framerate": np.array(motion.fps, dtype=float),
        **more,
    }
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    write_whole(Path(path), content.getvalue())
