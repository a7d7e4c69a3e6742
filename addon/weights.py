# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights of the user's own, trained on other motion than those that ship."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import bpy

from contrapposto.priors.container import WeightsError
from contrapposto.priors.pose import PosePrior, load, read

from .device import on_device
from .errors import Refusal


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


def prior_on(weights: str, device: str) -> PosePrior | None:
    """The prior of ``own_prior`` where it is to compute; None for the shipped one on the processor.

    Args:
        weights: as for ``own_prior``.
        device: ``CPU`` or ``GPU``.

    Raises:
        Refusal: as ``own_prior`` and ``device.on_device``, or if the shipped weights cannot be read.
    """
    prior = own_prior(weights)
    if device == "CPU":
        return prior
    try:
        return on_device(prior or load(), device)
    except (OSError, WeightsError) as error:
        raise Refusal("The weights that come with the extension are damaged; install it anew") from error


@lru_cache(maxsize=1)
def _read(path: Path, changed: int) -> PosePrior:  # noqa: ARG001 - part of the key, not of the reading
    return read(path)
