# SPDX-License-Identifier: GPL-3.0-or-later
"""Contrapposto: diffusion priors over human poses, on NumPy or torch, without Blender."""

__version__ = "0.1.0"
