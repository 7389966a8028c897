"""What is said of two rounds whose models met on the same exams."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from bmseg.annotation.corrections import Effort
from bmseg.annotation.words import OVER_LEVELS, RoundReport, sentences, verdict_of
from evaluation.statistics.intervals import median_interval


def report(
    number: int, now: list[float], earlier: list[float] | None = None, **changes: object
) -> RoundReport:
    pairs = pd.DataFrame({"now": now, "earlier": earlier} if earlier else {"now": [], "earlier": []})
    exams = [f"e{place}" for place in range(len(pairs))]
    values = {
        "number": number, "trained_on": 8 * number, "state": "accepted", "exams": len(now),
        "accepted": len(now), "unchanged": 0, "helped": len(now),
        "dice": {OVER_LEVELS: median_interval(np.array(now))},
        "effort": Effort(changed=50, marked=100, proposed=90, kept=60), "volumes": pd.DataFrame(),
        "pairs": pairs, "compared": pairs.assign(exam=exams, level="level1"),
    }  # fmt: skip
    return RoundReport(**{**values, **changes})  # type: ignore[arg-type]


NOW = [0.50, 0.55, 0.61, 0.44, 0.52, 0.58, 0.49, 0.63]
EARLIER = [0.47, 0.50, 0.57, 0.45, 0.44, 0.56, 0.43, 0.60]


def test_models_meet_on_the_same_exams_in_the_words_of_every_verdict() -> None:
    one = report(2, NOW, EARLIER)
    said = sentences([report(1, NOW), one])[-1]
    assert said.startswith(
        "Both models on round 2's 8 exams (median Dice over levels 0.54, by the model before 0.48): round "
        "2's model is better than round 1's model: its Dice is clearly higher on level1 (by 0.04; 0.01 to "
        "0.06) "
        "(p adjusted over 1 level, 8 exams)."
    )
    assert said.endswith(
        "which favours its model: how much of the difference that is these exams cannot say."
    )
    p = stats.wilcoxon(NOW, EARLIER, method="exact").pvalue
    assert verdict_of(one).levels[0].p == p


def test_a_model_that_is_worse_and_one_that_could_be_so_by_chance() -> None:
    said = sentences([report(2, EARLIER, NOW), report(3, EARLIER, NOW)])[-1]
    assert "round 2's model is better than round 3's model: its Dice is clearly higher on level1" in said
    assert said.endswith("which favours its model.")
    mixed = [0.4, 0.6, *NOW[2:6], 0.6, 0.5]
    said = sentences([report(2, NOW), report(3, NOW, mixed)])[-1]
    assert "which of round 3's model and round 2's model is better is not settled: the difference" in said
    assert "could be chance" in said
    few = sentences([report(1, NOW[:2]), report(2, NOW[:2], EARLIER[:2])])[-1]
    assert "With 2 exams and 1 level no difference of Dice can be clear, however large." in few


def test_marking_what_is_not_there_counts_between_rounds_too() -> None:
    nan = float("nan")
    invented = pd.DataFrame(
        {"exam": [f"e{n}" for n in range(7)], "level": "level3", "now": 0.0, "earlier": nan}
    )
    said = sentences([report(1, NOW), report(2, NOW, EARLIER, compared=invented)])[-1]
    assert "round 1's model is better than round 2's model: round 2's model marks level3 where there" in said


def test_without_the_earlier_model_exams_differ_and_nothing_is_settled() -> None:
    said = sentences([report(1, EARLIER), report(2, NOW)])[-1]
    assert said.startswith("Round 2 against round 1: the median Dice over levels is 0.54")
    assert said.endswith("in other exams: which of the two models is better is not settled.")


def test_help_is_measured_against_drawing_from_nothing() -> None:
    assert (
        "the model helped: voxels changed: 50, where the corrected masks mark 100, 50% less"
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
