"""Rows of all exams and measures, taken apart and given back as they were."""

import numpy as np
import pandas as pd

from evaluation.study.apart import Apart


def rows(exam: str, *, of: str = "hd95") -> pd.DataFrame:
    found = pd.DataFrame(
        [
            ("usual", "", "ann", of, 1.5, "scored", 3),
            ("fair", "bo", "ann", of, np.nan, "undefined", 0),
            ("fair", None, "net", of, 0.0, "scored", 7),
        ],
        columns=["against", "other", "rater", "measure", "value", "status", "n_reference"],
    )
    return found.assign(exam=exam)


def test_rows_come_back_as_they_were_in_the_order_of_exams() -> None:
    tables = [rows("a"), rows("b"), rows("a b", of="assd")]
    apart = Apart(iter(tables))
    assert set(apart) == {(measure, way) for measure in ("hd95", "assd") for way in ("usual", "fair")}
    for measure, way in apart:
        together = pd.concat(tables)
        expected = together[(together.measure == measure) & (together.against == way)]
        pd.testing.assert_frame_equal(apart[measure, way], expected.reset_index(drop=True))


def test_what_nobody_measured_has_no_rows_but_all_columns() -> None:
    none = Apart([rows("a")])["dice", "usual"]
    assert none.empty and list(none) == list(rows("a"))


def test_text_of_many_exams_is_kept_as_numbers() -> None:
    apart = Apart(rows(f"exam{number}") for number in range(200))
    kept = sum(frame.memory_usage(deep=True).sum() for frame in apart._rows.values())
    given = sum(apart[key].memory_usage(deep=True).sum() for key in apart)
    assert 5 * kept < given
