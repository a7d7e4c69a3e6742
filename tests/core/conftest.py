# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets the tests here import their own helpers, such as ``armatures``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
