# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of motion: BVH, AMASS-style arrays, the shared data format."""
