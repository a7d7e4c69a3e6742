# SPDX-License-Identifier: GPL-3.0-or-later
"""Body models: a surface that follows the joints."""
