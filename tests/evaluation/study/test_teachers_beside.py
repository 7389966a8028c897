"""A verdict on a model stands beside the one without the reader whose masks taught it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

import evaluation as ev
from evaluation.comparison.brief import beside_readers, between_models
from evaluation.comparison.verdicts import LevelVerdict, Verdict
from evaluation.scores.interchangeability import FIXED, NOBODY
from evaluation.statistics.intervals import StatisticsError
from evaluation.study import ReaderStudy
from evaluation.study import tables as t
from evaluation.study.lineage import COMPARISONS_WITHOUT_TEACHER, _beside, judged

LEVELS = {"level1": 1, "level2": 2}
READERS = [f"reader{number}" for number in range(1, 5)]


@lru_cache
def raters() -> dict[str, dict[str, np.ndarray]]:
    rng = np.random.default_rng(4)
    habit = {reader: rng.normal(0, 0.25, 2) for reader in READERS}
    masks: dict[str, dict[str, np.ndarray]] = {}
    for number in range(9):
        signal = gaussian_filter(rng.normal(size=(40, 40, 4)), (3, 3, 1))
        signal /= signal.std()
        seen = {reader: signal + 0.4 * rng.normal(size=signal.shape) for reader in READERS}
        seen |= {"student": signal, "own": signal + 0.2 * rng.normal(size=signal.shape)}
        for rater, values in seen.items():
            cuts = np.array([1.0, 1.8]) + habit.get("reader1" if rater == "student" else rater, np.zeros(2))
            masks.setdefault(rater, {})[f"e{number}"] = np.digitize(values, cuts).astype(np.uint8)
    return masks


@lru_cache
def study(*, copies: bool = True, taught: bool = True, teachers: str = "reader1") -> ReaderStudy:
    """Four readers with habits; ``student`` is reader1 without a fault, ``copy`` has reader1's masks."""
    masks = raters()
    models = {"student": masks["student"], "own": masks["own"]}
    if copies:
        # Its name stands before the others'; ``again`` is a copy of a model.
        models = {"copy": masks["reader1"], **models, "again": masks["own"]}
    readers = {reader: masks[reader] for reader in READERS}
    by = {"student": teachers.split()} if taught else {}
    return ev.read_study(readers, models, levels=LEVELS, taught_by=by, titles={"reader2": "Reader Two"})


def test_the_teacher_is_named_beside_the_verdict_and_a_copy_has_none() -> None:
    found = {(one.first, one.second): one for one in t.verdicts(study())}
    for pair in (("student", "own"), ("student", "median reader")):
        assert found[pair].words.count("ithout reader1, whose masks taught student") == 1
    assert "ithout reader1, whose" not in found["own", "median reader"].words
    copies = [one for pair, one in found.items() if {"copy", "again"} & {*pair}]
    assert [(one.first, one.second, one.call) for one in copies] == [
        ("copy", "reader1", "copy"),
        ("again", "own", "copy"),
    ]
    assert copies[0].words.startswith("copy is a copy of reader1: equal in every voxel of 9 exams")
    assert "It gets no verdict, and the scores that reader1 gets" in copies[0].words
    untaught = {(one.first, one.second): one for one in t.verdicts(study(taught=False))}
    for pair, one in untaught.items():
        assert found[pair].words.startswith(one.words)
        assert found[pair].call == one.call


def test_without_the_teacher_is_said_in_full_only_where_it_is_another() -> None:
    level = LevelVerdict("level1", 0.1, 0.05, 0.15, 0.01, 9, True)
    chance = replace(level, clear=False)
    better, open_ = (
        Verdict("net", "unet", call, (one,), f"{call}.")
        for call, one in (("better", level), ("not settled", chance))
    )
    other = replace(better, call="worse", levels=(replace(level, difference=-0.1),), words="Which is worse.")
    assert _beside(better, better, "ben") == " The same is clear without ben."
    assert _beside(open_, better, "ben") == " It is not settled without ben."
    assert _beside(open_, open_, "ben") == " Nor is it settled without ben."
    assert _beside(other, better, "ben") == " Without ben: which is worse."


def test_the_others_are_judged_as_if_no_copy_was_there() -> None:
    """The same tables, sentences and adjusted p; below each table of models the copies are named."""
    with_copies, without = study(), study(copies=False)
    judging = [t.COMPARISONS, t.METHODS_COMPARED, t.OTHER_WAYS, t.INTERCHANGEABILITY,
               t.INTERCHANGEABILITY_BY_READER, t.ALTERNATIVE_ANNOTATOR]  # fmt: skip
    for table in judging:
        pd.testing.assert_frame_equal(with_copies[table], without[table])
    said = t.said_first(with_copies)
    assert [words for words in said if " is a copy of " not in words] == t.said_first(without)
    named = "copy is a copy of reader1: equal in every voxel of 9 exams"
    for table in (t.METHODS_COMPARED, t.INTERCHANGEABILITY, t.ALTERNATIVE_ANNOTATOR, t.TABLE1_FAIR, t.TABLE1):
        assert named in str(with_copies.printed(table)), table.name
        assert named not in str(without.printed(table))
    # In the usual table it has its reader's row, and why that is high.
    table1 = with_copies[t.TABLE1].set_index(["rater", "level"])
    pd.testing.assert_frame_equal(table1.loc["copy"], table1.loc["reader1"])
    assert "flatters it as it does readers" in str(with_copies.table1())
    by_way = with_copies[t.DICE_BY_YARDSTICK]
    assert set(by_way.left_out[by_way.rater == "copy"]) == {"reader1"}
    assert judged(with_copies) == ["student", "own"]


def test_a_study_of_copies_alone_judges_none() -> None:
    masks = {reader: [[0, 1, 2, number]] for number, reader in enumerate(READERS[:3])}
    found = ev.read_study({r: [m] for r, m in masks.items()}, {"copy": [masks["reader1"]]}, levels=LEVELS)
    assert [one.call for one in t.verdicts(found)] == ["copy"] and t.COMPARISONS not in found
    with pytest.raises(StatisticsError, match="found no model \\(copies: copy of reader1\\), expected one"):
        found.compare()


def test_taught_by_all_readers_alike_that_is_said_beside_the_verdict() -> None:
    found = study(copies=False, teachers=" ".join(READERS))
    made = {(one.first, one.second): one for one in t.verdicts(found)}
    told = (
        " student was taught by reader1, Reader Two, reader3 and reader4 alike: no reader is left whose "
        "masks it did not learn from."
    )
    for pair, one in made.items():
        assert one.words.endswith(told) == ("student" in pair), pair
        assert one.with_teachers == (("student",) if "student" in pair else ())
        assert not one.without
    whole = {(one.first, one.second): one for one in t.verdicts(study(copies=False, taught=False))}
    assert {pair: one.call for pair, one in made.items()} == {pair: one.call for pair, one in whole.items()}
    once = " No comparison leaves out the readers whose masks taught student."
    assert beside_readers([*made.values()]).endswith(once)
    assert between_models([*made.values()]).endswith(once)
    pair = made["student", "own"]
    both = replace(pair, with_teachers=("student", "own"))
    assert between_models([both]).endswith("whose masks taught student and own.")
    many = [replace(pair, with_teachers=(f"net{number}",)) for number in range(5)]
    assert between_models(many).endswith("No comparison leaves out the readers whose masks taught 5 models.")
    # Of what is not settled, nobody is taken in.
    assert "No comparison" not in between_models([replace(both, call="not settled")])


def test_without_several_teachers_the_others_alone_are_the_study() -> None:
    found = study(copies=False, teachers="reader1 reader2")
    made = {(one.first, one.second): one for one in t.verdicts(found)}
    (without,) = made["student", "median reader"].without
    assert (without.reader, without.taught) == ("reader1 + Reader Two", ("student",))
    assert "ithout reader1 and Reader Two, whose masks taught student" in made["student", "own"].words
    assert not made["own", "median reader"].without
    # The same numbers as of a study that has no other readers.
    rows = found[COMPARISONS_WITHOUT_TEACHER].set_index("level")
    assert set(rows["without"]) == {"reader1 + reader2"}
    masks = raters()
    alone = ev.read_study(
        {reader: masks[reader] for reader in READERS[2:]},
        {model: masks[model] for model in ("student", "own")},
        levels=LEVELS,
    )
    expected = alone[t.COMPARISONS]
    expected = expected[(expected.way == "fair") & (expected.other == "median reader")]
    expected = expected[expected.model == "student"].set_index("level")
    for column in ("difference", "low", "high", "p", "n_pairs"):
        pd.testing.assert_series_equal(rows[column], expected[column], check_dtype=False)
    agreed, same = (each[t.INTERCHANGEABILITY] for each in (found, alone))
    agreed = agreed[agreed.left_out == "reader1 + reader2"].set_index("level")
    same = same[(same.model == "student") & (same.way == FIXED) & (same.left_out == NOBODY)]
    np.testing.assert_allclose(agreed.difference, same.set_index("level").difference[agreed.index])
