# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics, baselines and protocols."""
