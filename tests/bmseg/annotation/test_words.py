"""What is said of two rounds whose models met on the same exams."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from bmseg.annotation.corrections import Effort
from bmseg.annotation.words import OVER_LEVELS, RoundReport, sentences
from evaluation.statistics.intervals import median_interval


def report(
    number: int, now: list[float], earlier: list[float] | None = None, **changes: object
) -> RoundReport:
    pairs = {"now": now, "earlier": earlier} if earlier else {"now": [], "earlier": []}
    values = {
        "number": number, "trained_on": 8 * number, "state": "accepted", "exams": len(now),
        "accepted": len(now), "unchanged": 0, "helped": len(now),
        "dice": {OVER_LEVELS: median_interval(np.array(now))},
        "effort": Effort(changed=50, marked=100, proposed=90, kept=60), "volumes": pd.DataFrame(),
        "pairs": pd.DataFrame(pairs),
    }  # fmt: skip
    return RoundReport(**{**values, **changes})  # type: ignore[arg-type]


NOW = [0.50, 0.55, 0.61, 0.44, 0.52, 0.58, 0.49, 0.63]
EARLIER = [0.47, 0.50, 0.57, 0.45, 0.44, 0.56, 0.43, 0.60]


def test_models_meet_on_the_same_exams() -> None:
    said = sentences([report(1, NOW), report(2, NOW, EARLIER)])[-1]
    assert (
        "both models on round 2's 8 exams: median Dice over levels 0.54, by the model before 0.48: better"
        in said
    )
    p = stats.wilcoxon(NOW, EARLIER, method="exact").pvalue
    assert f"exact Wilcoxon p {p:.3f}" in said
    assert "which favours its model" in said


def test_a_model_that_is_no_better_is_said() -> None:
    assert (
        "0.48, by the model before 0.54: not better"
        in sentences([report(2, EARLIER, NOW), report(3, EARLIER, NOW)])[-1]
    )


def test_without_the_earlier_model_exams_differ() -> None:
    said = sentences([report(1, EARLIER), report(2, NOW)])[-1]
    assert "did not rise" not in said
    assert "cannot tell the model from the choice of exams" in said


def test_help_is_measured_against_drawing_from_nothing() -> None:
    assert (
        "the model helped: 50 voxels were changed where the corrected masks mark 100, 50% less"
        in sentences([report(1, NOW)])[0]
    )
    worse = sentences([report(1, NOW, effort=Effort(130, 100, 90, 60), helped=1)])[0]
    assert "did not help yet" in worse
    assert "no less than drawing from nothing; in 1 of 8 exams it was less" in worse
    assert "not defined" in sentences([report(1, NOW, effort=Effort(3, 0, 90, 60))])[0]


def test_nothing_is_known_before_the_first_round() -> None:
    assert sentences([report(1, [], accepted=0)]) == [
        "No round is accepted yet: whether the model helps is not known."
    ]
