# SPDX-License-Identifier: GPL-3.0-or-later
"""Contrapposto: completes partly keyed poses with a diffusion prior."""

from .addon.registration import register, unregister

__all__ = ["register", "unregister"]
