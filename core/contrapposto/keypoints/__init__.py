# SPDX-License-Identifier: GPL-3.0-or-later
"""Image keypoints and cameras: sets of points, files, which person, where the points are in space."""
