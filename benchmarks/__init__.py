# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmarks: ``python -m benchmarks speed`` and ``python -m benchmarks blender-ik``."""
