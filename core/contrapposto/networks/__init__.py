# SPDX-License-Identifier: GPL-3.0-or-later
"""The denoisers, plain functions of (weights, inputs)."""
