"""Readers who drew some of the exams each: every exam counts with those who drew it, nothing is a zero."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pytest

from evaluation import read_study
from evaluation.masks.reading import MaskError
from evaluation.study import ReaderStudy, incomplete
from evaluation.study import tables as t
from tests.support.masks import thresholded

LEVELS = {"level1": 1, "level2": 2, "level3": 3}
READERS, MODELS = ["anna", "ben", "carl", "dora"], ["net", "unet"]
#: Exam to the readers who drew it: exam4 one alone; dora no exam with anybody.
DREW = {
    "exam1": ["anna", "ben", "carl"], "exam2": ["anna", "ben"], "exam3": ["ben", "carl"], "exam4": ["dora"],
    "exam5": ["anna", "ben", "carl"], "exam6": ["anna", "carl"],
}  # fmt: skip


def masks() -> dict[str, dict[str, np.ndarray]]:
    """Exam to rater to mask; nobody marks level 3 in exam6."""
    found = {exam: thresholded([*READERS, *MODELS], (14, 12, 4), seed=seed) for seed, exam in enumerate(DREW)}
    found["exam6"] = {rater: np.minimum(mask, 2) for rater, mask in found["exam6"].items()}
    return found


@cache
def study_of(exam: str) -> ReaderStudy:
    """One exam and who drew it."""
    return study({exam: DREW[exam]})


def study(drew: dict[str, list[str]], **rules: object) -> ReaderStudy:
    every = masks()
    readers = [reader for reader in READERS if any(reader in names for names in drew.values())]
    by_reader = {r: {e: every[e][r] for e, names in drew.items() if r in names} for r in readers}
    by_model = {model: {exam: every[exam][model] for exam in drew} for model in MODELS}
    return read_study(by_reader, by_model, levels=LEVELS, **rules)


@pytest.fixture(scope="module")
def some() -> ReaderStudy:
    return study(DREW, incomplete=True, measures=("nsd@readers", "foci"))


def test_an_exam_is_scored_as_in_a_study_of_those_who_drew_it(some: ReaderStudy) -> None:
    """Every table of exams, against studies of one exam and its readers."""
    for table, exam in product((t.DICE, t.FAIR_DICE, t.VOLUMES, t.SLICES), ("exam1", "exam2", "exam5")):
        found, alone = (each[table][each[table].exam == exam] for each in (some, study_of(exam)))
        keys = [name for name in ("rater", "level", "left_out", "slice") if name in found]
        pd.testing.assert_frame_equal(
            found.sort_values(keys, ignore_index=True), alone.sort_values(keys, ignore_index=True)
        )


def test_an_exam_that_one_reader_drew(some: ReaderStudy) -> None:
    """No score of that reader, models against that mask, and nobody has a fair score."""
    dice = some[t.DICE][some[t.DICE].exam == "exam4"]
    assert sorted(set(dice.rater)) == MODELS
    pairs = some[t.AGREEMENT_DICE].set_index(["level", "rater", "other"])
    usual = some[t.DICE].set_index(["exam", "level", "rater"]).dice
    assert usual["exam4", "level1", "net"] == pytest.approx(pairs.loc[("level1", "dora", "net"), "mean"])
    assert "exam4" not in set(some[t.FAIR_DICE].exam)
    assert "dora" not in {*some[t.TABLE1].rater, *some[t.COMPARISONS].other, *some[t.FAIR_DICE].rater}
    compared = some[t.METHODS_COMPARED].query("way == 'yardstick' and level == 'level1'")
    assert (compared.n_pairs + compared.n_left_out).tolist() == [6]
    notes = some.table1().notes
    assert any(note.startswith("One reader alone drew 1 of 6 exams (exam4): that reader") for note in notes)
    assert "No exam in common, so no agreement: anna and dora, ben and dora, carl and dora." in notes


def test_who_drew_what_stands_below_every_table(some: ReaderStudy) -> None:
    drew = some[incomplete.READERS_PER_EXAM]
    assert drew.n_readers.tolist() == [3, 2, 2, 1, 3, 2] and drew.readers[0] == "anna, ben, carl"
    said = (
        "of 6 exams the readers drew anna 4, ben 4, carl 4, dora 1; 1 exam by 1, 3 exams by 2, 2 exams by 3"
    )
    printed = [some.printed(table) for table in some.declared() if table.printed]
    assert len(printed) > 10
    told = [table.title for table in printed if not any(said in note for note in table.notes)]
    assert not told
    assert "the consensus of 1 to 3 of 4 readers, 6 exams" in some.table1().title
    rows = [row for row in some.table1().rows if "defined in" in row[0]]
    assert rows[0][1:] == ["4 of 4 exams"] * 3 + ["6 of 6 exams"] * 2


def test_raters_stand_in_their_order(some: ReaderStudy) -> None:
    for table in (t.TABLE1, t.DICE, t.AGREEMENT_DICE, t.READER_RATES, t.ERRORS_SUMMARY):
        raters = [*READERS, *MODELS]
        found = list(dict.fromkeys(some[table].rater))
        assert found == [rater for rater in raters if rater in found], table.name


def test_a_reader_is_compared_where_both_have_scores(some: ReaderStudy) -> None:
    rows = some[t.COMPARISONS].query("way == 'fair' and level == 'level1' and model == 'net'")
    n = dict(zip(rows.other, rows.n_pairs + rows.n_left_out, strict=True))
    assert n == {"anna": 4, "ben": 4, "carl": 4, "median reader": 5}
    fair = some[t.FAIR_DICE].set_index(["exam", "level", "left_out", "rater"]).dice
    apart = [fair[exam, "level1", "anna", "net"] - fair[exam, "level1", "anna", "anna"]
             for exam, names in DREW.items() if "anna" in names]  # fmt: skip
    row = rows[rows.other == "anna"].iloc[0]
    assert row.difference == pytest.approx(
        np.median([(a + b) / 2 for i, a in enumerate(apart) for b in apart[i:]])
    )


def test_interchangeability_is_within_the_exam(some: ReaderStudy) -> None:
    """The model with those who drew the exam, minus these with each other; mean over exams of two or more."""
    row = some[t.INTERCHANGEABILITY].query(
        "level == 'level1' and model == 'net' and way == 'readers fixed' and left_out == 'nobody'"
    ).iloc[0]  # fmt: skip
    by_hand = []
    for exam, names in DREW.items():
        if len(names) > 1:
            alone = study_of(exam)[t.AGREEMENT_DICE].query("level == 'level1'")
            pairs = {(one, other): mean for one, other, mean in alone[["rater", "other", "mean"]].values}
            ours = np.mean([pairs[name, "net"] for name in names])
            theirs = [mean for pair, mean in pairs.items() if {*pair} <= {*names}]
            by_hand.append(ours - np.mean(theirs))
    assert row.n_exams == 5 and row.difference == pytest.approx(np.mean(by_hand))
    places = some[t.INTERCHANGEABILITY_BY_READER].query("level == 'level3'").set_index(["model", "other"])
    assert (places.n_exams + places.n_absent).unique().tolist() == [4]


def test_the_median_reader_is_of_those_who_drew() -> None:
    """One of three drew exam b: who is not there left nothing empty."""
    from evaluation.comparison.paired import paired_dice

    rows = [("a", "anna", 0.5), ("a", "ben", 0.7), ("a", "carl", 0.9), ("a", "net", 0.6),
            ("b", "carl", 0.0), ("b", "net", 0.0)]  # fmt: skip
    scores = pd.DataFrame(rows, columns=["exam", "rater", "dice"]).assign(
        level="level1", n_reference=[5] * 4 + [0] * 2, n_rater=5
    )
    found = paired_dice(scores, "net", "median reader", ["anna", "ben", "carl"])
    assert found.other.tolist() == [0.7, 0.0]


def test_comparisons_stay_where_they_are_when_masks_are_taken_away(some: ReaderStudy) -> None:
    """Within the complete data's intervals; docs/howto/designs.md has 50 repetitions on real outlines."""
    every = study(dict.fromkeys(DREW, READERS))
    keys = ["level", "rater", "other"]
    whole, part = (each[t.AGREEMENT_DICE].set_index(keys) for each in (every, some))
    both = part.merge(whole, on=keys, suffixes=("", "_whole"))
    both = both[both.n_defined > 2]
    assert len(both) > 20 and both["mean"].between(both.low_whole, both.high_whole).mean() >= 0.95
    keys = ["level", "model", "other", "way"]
    whole, part = (each[t.COMPARISONS].set_index(keys) for each in (every, some))
    both = (
        part.merge(whole, on=keys, suffixes=("", "_whole")).query("way == 'fair'").dropna(subset="difference")
    )
    assert len(both) > 20 and both.difference.between(both.low_whole, both.high_whole).mean() >= 0.9


def test_all_is_written_and_drawn(some: ReaderStudy) -> None:
    assert {"readers_per_exam.csv", "dice_adjusted.csv", "dice_adjusted_in_words.md"} <= {*some.texts()}
    assert len(list(some.figures())) > 10
    # Who did not draw an exam has no vote in it, and no 0.
    decisions = some[t.DECISION_TABLE]
    assert decisions.dora[decisions.exam == "exam1"].isna().all()
    assert some.printed(t.DECISIONS).rows[0][0].count("–") >= 1


def test_easier_exams_are_warned_of(some: ReaderStudy) -> None:
    told = incomplete.warnings(some)
    rows = some[incomplete.DICE_ADJUSTED]
    for level in LEVELS:
        spread = np.ptp(rows.ease[rows.level == level])
        assert any(line.startswith(f"{level}: the exams of ") for line in told) == (spread >= 0.02)
    assert told and "adjusted for the exam" in told[0]


def test_adjusted_scores_are_of_the_exams_in_which_somebody_has_one(some: ReaderStudy) -> None:
    """Exam 4 was drawn by one reader alone; level 3 is in none of the masks of exam 6."""
    table = some.printed(incomplete.DICE_ADJUSTED)
    assert table.title == "Fair Dice adjusted for the exam, 5 of 6 exams"
    assert "what it would be on the 5 of 6 exams in which anybody has one" in table.notes[0]
    assert "all exams" not in table.notes[0]
    cells = {row[0]: row[-1] for row in table.rows}
    assert (cells["level1, net"], cells["level3, net"]) == ("5 of 5", "4 of 4")
    without = {exam: names for exam, names in DREW.items() if exam != "exam4"}
    every = study(without, incomplete=True).printed(incomplete.DICE_ADJUSTED)
    assert every.title.endswith(", 5 exams") and "what it would be on all exams" in every.notes[0]


def test_a_complete_design_is_told_nothing_of_it() -> None:
    drew = dict.fromkeys(("exam1", "exam2"), READERS)
    allowed, refused = study(drew, incomplete=True), study(drew)
    assert incomplete.READERS_PER_EXAM not in allowed and not incomplete.warnings(allowed)
    for table in (t.TABLE1_FAIR, t.COMPARISONS, t.INTERCHANGEABILITY, t.VOLUMES_ICC, t.AGREEMENT_CHANCE):
        pd.testing.assert_frame_equal(allowed[table], refused[table])


def test_holes_are_refused_unless_allowed() -> None:
    with pytest.raises(MaskError, match="incomplete=True; found\n  anna: missing exam3, exam4\n"):
        study(DREW)
    with pytest.raises(MaskError, match="no two of the readers anna, ben who drew one exam"):
        study({"exam1": ["anna"], "exam2": ["ben"]}, incomplete=True)
