"""A verdict beside the median reader in a few words, with the levels that it is of."""

from __future__ import annotations

import pandas as pd
import pytest

from bmseg.leaderboard.beside import by_call, call_in_words
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.comparison.verdicts import LevelVerdict, Verdict


def verdict(call: str, **sides: tuple[int, int]) -> Verdict:
    """Of levels by the sides of Dice, and of marking what is not there."""
    levels = tuple(
        LevelVerdict(
            level, 0.1 * side, 0, 0, 0.01, 9, bool(side),
            n_false=int(absent < 0), n_false_other=int(absent > 0), clear_absent=bool(absent),
        )
        for level, (side, absent) in sides.items()
    )  # fmt: skip
    return Verdict("net", MEDIAN_READER, call, levels, "")


AHEAD, BEHIND, EVEN = (1, 0), (-1, 0), (0, 0)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (verdict("worse", one=BEHIND, two=EVEN), "worse on one"),
        (
            verdict("better", one=AHEAD, two=(0, 1), three=EVEN),
            "better on one and two",
        ),
        (verdict("better", one=AHEAD, two=AHEAD), "better on every level"),
        (verdict("better", one=AHEAD), "better on one"),
        (
            verdict("worse", **dict.fromkeys("abcd", BEHIND), e=EVEN),
            "worse on a, b, c and d",
        ),
        (
            verdict("worse", **dict.fromkeys("abcde", BEHIND), f=EVEN),
            "worse on 5 of 6 levels",
        ),
        (verdict("split", one=AHEAD, two=BEHIND, three=EVEN), "better on one, worse on two"),
        (verdict("split", one=(1, -1), two=BEHIND), "worse on two, both on one"),
        (verdict("not settled", one=EVEN), "not settled"),
        (verdict("not comparable", one=EVEN), "cannot be compared"),
    ],
)
def test_a_call_names_its_levels(found: Verdict, said: str) -> None:
    assert call_in_words(found) == said


def test_those_of_a_call_stand_together() -> None:
    calls = {
        "a/1": "worse on level1",
        "b/1": "better on level2",
        "c/1": "worse on level1",
        "d/1": "not settled",
    }
    called = {"worse": "ac", "better": "b", "not settled": "d"}
    rows = pd.DataFrame([(f"{team}/1", team, call) for call, teams in called.items() for team in teams])
    rows.columns = ["key", "team", "beside"]
    assert by_call(rows, calls) == {
        "better on level2": ["b"], "worse on level1": ["a", "c"], "not settled": ["d"],
    }  # fmt: skip
    many = pd.DataFrame({"key": [*"abcd"], "team": [*"abcd"], "beside": "worse"})
    each = {key: f"worse on {key}" for key in "abcd"}
    assert by_call(many, each) == {"worse on one level or more": [*"abcd"]}
    assert len(by_call(many[1:], each)) == 3
