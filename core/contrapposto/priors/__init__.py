# SPDX-License-Identifier: GPL-3.0-or-later
"""Trained networks with their normalisers and schedules."""
