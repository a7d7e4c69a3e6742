# SPDX-License-Identifier: GPL-3.0-or-later
"""Data-blocks that were made a while ago: some of them may have been removed since, by whatever."""

from __future__ import annotations

from collections.abc import Iterable

import bpy


def still_there(blocks: Iterable[bpy.types.ID], session_uids: Iterable[int]) -> list[bpy.types.ID]:
    """Those of the blocks with these session ids, in the order of the ids; what is gone is left out."""
    by_uid = {block.session_uid: block for block in blocks}
    return [by_uid[uid] for uid in session_uids if uid in by_uid]
