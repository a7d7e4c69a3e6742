# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user asks for."""
