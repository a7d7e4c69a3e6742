# SPDX-License-Identifier: GPL-3.0-or-later
"""BVH files: read, seen as an armature, written."""

from contrapposto.files.bvh.reader import BvhFile, read_bvh
from contrapposto.files.bvh.skeleton import bvh_armature, bvh_matrices
from contrapposto.files.bvh.writer import write_bvh

__all__ = ["BvhFile", "bvh_armature", "bvh_matrices", "read_bvh", "write_bvh"]
