"""A model against the yardstick without the reader who taught it: the rows that there are, and no others."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.comparison.models import side_by_side
from evaluation.comparison.readers import MEDIAN_READER, compare
from evaluation.comparison.teachers import (
    models_without_teacher,
    none_left,
    readers_without_teacher,
    several_teachers,
    taught_in_words,
    without_several,
)

READERS = ["anna", "ben", "cleo"]
MODELS = ["student", "other", "both"]
TAUGHT = {"student": ["ben"], "both": ["anna", "ben"]}
ASKED = {"models": MODELS, "readers": READERS}


def scores() -> pd.DataFrame:
    """A student who gains 0.1 on each consensus that holds its teacher, as good as the others without."""
    rng = np.random.default_rng(1)
    rows = []
    for level in ("level1", "level2"):
        for exam in range(8):
            for out in READERS:
                for rater in [out, *MODELS]:
                    gain = 0.1 * (rater == "student" and out != "ben")
                    rows.append((f"e{exam}", rater, level, out, rng.uniform(0.5, 0.7) + gain))
    return pd.DataFrame(rows, columns=["exam", "rater", "level", "left_out", "dice"])


def test_a_student_stands_beside_teacher_and_median_reader_without_the_teacher() -> None:
    fair = scores()
    found = readers_without_teacher(fair, TAUGHT, **ASKED)
    assert found.model.unique().tolist() == ["student"]
    assert found["without"].unique().tolist() == ["ben"]
    assert found.other.tolist() == ["ben", MEDIAN_READER] * 2
    # Beside the teacher it is the usual fair comparison, which meets the consensus without the teacher.
    usual = compare(fair, models=["student"], readers=READERS)
    of_teacher = usual[usual.other == "ben"].difference.to_numpy()
    np.testing.assert_array_equal(found.difference[found.other == "ben"], of_teacher)
    beside_median = usual.difference[usual.other == MEDIAN_READER].to_numpy()
    assert (found.difference[found.other == MEDIAN_READER].to_numpy() < beside_median).all()


def test_pairs_of_models_meet_on_the_consensus_without_the_teacher_alone() -> None:
    fair = scores()
    found = models_without_teacher(fair, TAUGHT, **ASKED)
    assert set(zip(found.model, found.other, strict=True)) == {("student", "other"), ("student", "both")}
    assert found.way.unique().tolist() == ["without ben"]
    alone = fair[(fair.left_out == "ben") & (fair.level == "level1")].drop(columns="left_out")
    medians = side_by_side(alone, "student", "other").median(numeric_only=True)
    row = found[(found.level == "level1") & (found.other == "other")].iloc[0]
    assert (row["median"], row.other_median) == (medians["student"], medians["other"])


def test_who_taught_is_said_and_nothing_is_made_of_unknown_teachers() -> None:
    assert taught_in_words(TAUGHT, MODELS, READERS) == [
        "student learned from the masks of ben: see what it is without ben.",
        "both learned from the masks of anna and ben: cleo alone is left whose masks it did not learn from, "
        "and one reader is no yardstick.",
    ]
    assert taught_in_words(TAUGHT, ["both"], [*READERS, "dora"]) == [
        "both learned from the masks of anna and ben: see what it is without them."
    ]
    assert taught_in_words(TAUGHT, ["both"], ["ben", "cleo", "dora"]) == [
        "both learned from the masks of anna and ben: see what it is without ben."
    ]
    assert taught_in_words({"net": READERS}, ["net"], READERS) == [
        "net learned from the masks of anna, ben and cleo: no reader is left whose masks it did not learn "
        "from."
    ]
    assert taught_in_words({"net": ["x", "y"]}, ["net"], READERS) == [
        "net learned from the masks of x and y: none of them is among the readers."
    ]
    for taught in ({}, {"student": ["somebody"]}, {"both": ["anna", "ben"]}):
        assert readers_without_teacher(scores(), taught, **ASKED).empty
        assert models_without_teacher(scores(), taught, **ASKED).empty


def test_of_several_teachers_one_who_reads_the_test_exams_is_as_one_teacher() -> None:
    """A consensus of anna, ben and cleo without ben holds no mask of whoever taught beside ben."""
    alone = readers_without_teacher(scores(), {"student": ["ben"]}, **ASKED)
    with_others = readers_without_teacher(scores(), {"student": ["dora", "ben"]}, **ASKED)
    pd.testing.assert_frame_equal(alone, with_others)
    assert several_teachers({"student": ["dora", "ben"]}, MODELS, READERS) == {}


def test_several_teachers_are_left_out_together() -> None:
    taught = {"student": ["cleo", "anna"], "other": ["anna", "cleo"], "both": ["ben"]}
    assert several_teachers(taught, MODELS, READERS) == {"anna + cleo": ["student", "other"]}
    readers, rng = ["anna", "ben", "cleo", "dora", "emil"], np.random.default_rng(2)
    left = ["ben", "dora", "emil"]
    rows = [
        (f"e{exam}", rater, "level1", out, rng.uniform(0.5, 0.7) - 0.2 * (rater == "student"))
        for exam in range(8)
        for out in left
        for rater in [out, *MODELS]
    ]
    fair = pd.DataFrame(rows, columns=["exam", "rater", "level", "left_out", "dice"])
    beside, pairs = without_several(fair, "anna + cleo", ["student", "other"], models=MODELS, readers=readers)
    assert beside.model.tolist() == ["student", "other"]
    assert set(beside.other) == {MEDIAN_READER}
    # As in a study of the three readers alone.
    expected = compare(fair, models=["student", "other"], readers=left, others=[MEDIAN_READER])
    pd.testing.assert_frame_equal(beside[[*expected]], expected)
    assert beside.difference[0] < -0.1
    assert set(zip(pairs.model, pairs.other, strict=True)) == {
        ("student", "other"), ("student", "both"), ("other", "both")
    }  # fmt: skip
    assert set(pairs.way) == {"without anna + cleo"} and set(pairs["without"]) == {"anna + cleo"}


def test_who_is_left() -> None:
    assert none_left("ben", ["ben"]) == ""
    assert none_left("anna + ben", [*READERS, "dora"]) == ""
    assert none_left("anna + ben + cleo", READERS, them=True).endswith("whose masks they did not learn from")
