# SPDX-License-Identifier: GPL-3.0-or-later
"""DPoser's own algorithms, as published: Adam on the pose with the prior as a regulariser.

What Contrapposto is compared with, not what it ships.

Source: Lu et al., "DPoser-X", arXiv 2508.00599; numbers that the paper leaves open are
those of its released code.
"""
