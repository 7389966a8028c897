"""Several exams of one patient: no test is surer than that of patients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.comparison.models import YARDSTICK, compare_models
from evaluation.comparison.patients import PATIENT
from evaluation.comparison.readers import MEDIAN_READER, compare
from evaluation.statistics.signed_rank import hodges_lehmann, signed_rank

READERS = ["anna", "ben", "carl"]


def scores(n_patients: int, n_each: int, rng: np.random.Generator, *, knees: bool = False) -> pd.DataFrame:
    """Fair Dice of readers and two models; patients vary by 0.03, their exams by 0.01."""
    rows = []
    for patient in range(n_patients):
        shift = {rater: rng.normal(0, 0.03) for rater in [*READERS, "net", "unet"]}
        for number in range(n_each):
            for knee in ("left", "right") if knees else ("",):
                for reader in READERS:
                    for rater in (reader, "net", "unet"):
                        dice = 0.7 + shift[rater] + rng.normal(0, 0.01)
                        rows.append(
                            (f"p{patient}x{number}", knee, f"{patient}", rater, "low", reader, dice, 9, 9)
                        )
    columns = ["exam", "knee", PATIENT, "rater", "level", "left_out", "dice", "n_reference", "n_rater"]
    found = pd.DataFrame(rows, columns=columns)
    return found if knees else found.drop(columns="knee")


@pytest.mark.parametrize("knees", [False, True])
def test_p_and_intervals_are_the_less_sure_of_exams_and_patients(knees: bool) -> None:
    of_all = scores(7, 4, np.random.default_rng(1), knees=knees)
    asked = {"models": ["net"], "readers": READERS, "margin": 0.05}
    exams, found = (compare(each, **asked) for each in (of_all.drop(columns=PATIENT), of_all))
    table = of_all.groupby([PATIENT, "exam", "rater"]).dice.mean().unstack()
    for reader in READERS:
        row, plain = (each[each.other == reader].iloc[0] for each in (found, exams))
        # By hand: the mean of each patient's exams.
        own = of_all[of_all.left_out == reader].groupby([PATIENT, "exam", "rater"]).dice.mean().unstack()
        means = (own.net - own[reader]).groupby(PATIENT).mean().to_numpy()
        interval = hodges_lehmann(means)
        assert row.p == pytest.approx(max(plain.p, signed_rank(means).p))
        assert row.low == pytest.approx(min(plain.low, interval.low))
        assert row.high == pytest.approx(max(plain.high, interval.high))
        assert row.p_margin == pytest.approx(max(plain.p_margin, signed_rank(means + 0.05, "greater").p))
        assert (row.difference, row.n_pairs) == (plain.difference, plain.n_pairs) == (row.difference, 28)
    assert table.shape[0] == 28
    beside = found[found.other == MEDIAN_READER].iloc[0]
    assert beside.p >= exams[exams.other == MEDIAN_READER].p.iloc[0]


def test_one_exam_a_patient_changes_nothing() -> None:
    of_all = scores(9, 1, np.random.default_rng(2))
    asked = {"models": ["net"], "readers": READERS}
    expected = compare(of_all.drop(columns=PATIENT), **asked)
    pd.testing.assert_frame_equal(compare(of_all, **asked), expected)


def test_without_a_difference_patients_with_many_exams_are_seldom_called_clear() -> None:
    """Of exams alone most such studies have a p of 0.05 or less (about four of ten of them)."""
    rng = np.random.default_rng(3)
    by_exam, found = [], []
    for _ in range(40):
        of_all = scores(6, 4, rng)
        against = of_all[of_all.left_out == "anna"].drop(columns="left_out")
        for kept, each in ((by_exam, against.drop(columns=PATIENT)), (found, against)):
            table = compare_models(each, models=["net", "unet"])
            kept.append(table[table.way == YARDSTICK].p_holm.iloc[0] <= 0.05)
    assert np.mean(by_exam) > 0.2
    assert np.mean(found) <= 0.1
