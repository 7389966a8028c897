"""What is said of probabilities: nothing that the interval does not bear out."""

from __future__ import annotations

import pandas as pd
import pytest

from evaluation.scores.calibration import SUMMARY_COLUMNS, UNION, VOTES
from evaluation.study.calibrated import CALIBRATION
from evaluation.study.design import Design
from evaluation.study.results import Results

NAN = float("nan")


def said(excess: float, low: float, high: float, n_exams: int) -> tuple[str, str]:
    """In words, and of the table the Brier score."""
    row = dict.fromkeys(SUMMARY_COLUMNS, 0.1) | {
        "model": "net", "against": VOTES, "level": "low", "region": UNION, "excess": excess,
        "excess_low": low, "excess_high": high, "n_voxels": 9, "n_exams": n_exams,
    }  # fmt: skip
    if n_exams < 2:
        row |= {"brier_low": NAN, "brier_high": NAN, "ece_low": NAN, "ece_high": NAN}
    table = pd.DataFrame([row])
    found = Results(Design(levels={"low": 1}), ["a", "b"], ["net"], ["e"], {CALIBRATION.name: table})
    (sentence,) = CALIBRATION.words(found)
    return sentence, CALIBRATION.table(found).rows[0][4]


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((0.15, 0.07, 0.23), "more probability than readers give it votes: +15.0 points (+7.0 to +23.0)"),
        ((-0.15, -0.23, -0.07), "less probability than readers give it votes: -15.0 points (-23.0 to -7.0)"),
        # Thirty points more are not excluded: that is not as much.
        (
            (0.07, -0.21, 0.36),
            "neither clearly more nor clearly less probability than readers give it votes: +7.0 points "
            "(-21.0 to +36.0)",
        ),
    ],
)
def test_of_several_exams(numbers: tuple[float, float, float], told: str) -> None:
    sentence, brier = said(*numbers, 5)
    assert sentence.startswith(f"Where a reader or net marks anything, net gives low {told}; calibration")
    assert sentence.endswith("error 10.0 %, 5 exams.")
    assert brier == "0.100 (0.100 to 0.100)"


def test_of_one_exam_nothing_is_clear() -> None:
    sentence, brier = said(0.156, NAN, NAN, 1)
    assert "gives low neither clearly more nor clearly less probability" in sentence
    assert "+15.6 points (one exam gives no interval)" in sentence
    assert sentence.endswith("1 exam.")
    assert brier == "0.100 (no interval)"


def test_where_nobody_marked_anything() -> None:
    assert said(NAN, NAN, NAN, 0)[0] == (
        "low: neither readers nor net marked anything, so nothing is to be said."
    )
