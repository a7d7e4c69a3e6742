# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights of the user's own, trained on other motion than those that ship."""

from __future__ import annotations

from pathlib import Path

import bpy

from contrapposto.priors.container import WeightsError
from contrapposto.priors.pose import PosePrior, read

from .errors import Refusal

_last: tuple[Path, int, PosePrior] | None = None
"""The file that was read last, when it had been changed, and what it holds."""


def own_prior(weights: str) -> PosePrior | None:
    """The prior of a weights file, read again when the file has changed; None for the shipped one.

    Args:
        weights: path of a ``pose.npz`` as training writes it, ``//`` beside the .blend file; may be empty.

    Raises:
        Refusal: if there is no such file, or it holds no weights of a pose prior.
    """
    if not weights:
        return None
    path = Path(bpy.path.abspath(weights))
    try:
        changed = path.stat().st_mtime_ns
        return _read(path, changed)
    except OSError as error:
        raise Refusal(f"There is no weights file {path}; choose another one or none") from error
    except WeightsError as error:
        raise Refusal(
            f"{path} is damaged or holds no pose weights of this release; choose another file or none"
        ) from error


def held() -> PosePrior | None:
    """The prior that was read last."""
    return _last[2] if _last else None


def forget() -> None:
    """Let go of it."""
    global _last  # noqa: PLW0603 - one is kept, on purpose
    _last = None


def _read(path: Path, changed: int) -> PosePrior:
    global _last  # noqa: PLW0603 - as above
    if _last is None or _last[:2] != (path, changed):
        _last = (path, changed, read(path))
    return _last[2]
