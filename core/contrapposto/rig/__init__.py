# SPDX-License-Identifier: GPL-3.0-or-later
"""Any humanoid rig as the 22 SMPL joints, and back."""
