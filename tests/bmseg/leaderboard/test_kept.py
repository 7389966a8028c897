"""What no table of scores of a board holds is refused, whoever put its hash into the record."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from bmseg.errors import WorkError
from bmseg.leaderboard.kept import check_rows, read_scores, scores_text
from bmseg.leaderboard.scoring import COLUMNS

NAMES = {"exam": ["e1", "e2"], "level": ["level1", "level2"], "left_out": ["", "reader1"]}


def made() -> pd.DataFrame:
    rows = pd.DataFrame(product(*NAMES.values()), columns=[*NAMES])
    counts = dict.fromkeys(("fp", "fn"), 1) | {"tp": 3} | dict.fromkeys(("n_reference", "n_rater"), 4)
    return rows.assign(dice=0.75, status="scored", **counts)[COLUMNS]


def test_a_sound_table_is_taken() -> None:
    check_rows(Path("dice.csv"), made(), NAMES, whole=True)
    check_rows(Path("dice.csv"), made()[:3], NAMES)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("dice", 7.0, "dice: found 7, expected 0 to 1"),
        ("dice", -3.0, "dice: found -3, expected 0 to 1"),
        ("dice", float("inf"), "dice: found inf, expected 0 to 1"),
        ("dice", float("nan"), "dice: found nan where the status is scored"),
        ("status", "missing", "dice: found 0.75 where the status is missing"),
        ("status", "unheard", "status: found 'unheard'"),
        ("exam", "e9", "exam: found 'e9'"),
        ("level", "level9", "level: found 'level9'"),
        ("left_out", "nobody", "left_out: found 'nobody'"),
        ("exam", "e2", "found 1 row more than once"),
    ],
)
def test_what_is_no_score_is_named(column: str, value: object, says: str) -> None:
    scores = made()
    scores.loc[0, column] = value
    with pytest.raises(WorkError) as refused:
        check_rows(Path("dice.csv"), scores, NAMES, whole=True)
    assert says in str(refused.value) and "dice.csv" in str(refused.value)


def test_rows_that_were_taken_out_are_missed() -> None:
    with pytest.raises(WorkError, match="found 7 rows, expected 8"):
        check_rows(Path("dice.csv"), made()[1:], NAMES, whole=True)


@pytest.mark.parametrize(("old", "new"), [("0.75", "text"), (",3,", f",{10**30},"), (",3,", ",x,")])
def test_what_is_no_number_is_one_line(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "dice.csv"
    path.write_text(scores_text(made()).replace(old, new, 1))
    with pytest.raises(WorkError, match=r"dice\.csv: cannot be read as a table of scores \(.*\); restore it"):
        read_scores(path)
