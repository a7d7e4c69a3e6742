# SPDX-License-Identifier: GPL-3.0-or-later
"""GFPose's ablation: its verdicts, and that every configuration is trained and lifts."""

from __future__ import annotations

import pytest

from contrapposto.evaluation.lift_ablation import masking_costs_nothing, more_is_better


@pytest.mark.parametrize(
    ("none", "parts", "holds"),
    [
        ([35.6, 35.5, 35.7], [35.1, 35.2, 35.0], "holds"),
        ([35.0, 35.1, 35.2], [35.1, 35.0, 35.2], "holds"),
        ([35.0, 35.1, 35.2], [39.0, 39.1, 39.2], "does not hold"),
    ],
)
def test_masking_may_not_cost_more_than_the_seeds_differ(none: list, parts: list, holds: str) -> None:
    assert masking_costs_nothing(none, parts)["holds"] == holds


@pytest.mark.parametrize(
    ("best", "holds"),
    [
        ({1: [52.0, 51.8], 10: [40.0, 40.1], 200: [30.0, 30.2]}, "holds"),
        ({1: [52.0, 51.8], 10: [40.0, 40.1], 200: [38.0, 38.2]}, "does not hold"),
    ],
)
def test_the_best_of_more_must_be_much_better(best: dict, holds: str) -> None:
    assert more_is_better(best)["holds"] == holds
