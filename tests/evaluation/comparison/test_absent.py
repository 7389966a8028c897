"""To mark what is not there costs something: beside models, beside readers, and in a sentence."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from evaluation.comparison.absent import count_and_test, false_markings
from evaluation.comparison.families import adjusted
from evaluation.comparison.models import FAIR, compare_models
from evaluation.comparison.paired import paired_dice
from evaluation.comparison.printed import methods_table, readers_table
from evaluation.comparison.readers import MEDIAN_READER, compare, in_words
from evaluation.comparison.verdicts import model_verdicts, reader_verdicts
from evaluation.comparison.ways import COLUMNS
from evaluation.consensus.votes import count_votes
from evaluation.measures.dice import EmptyMask
from evaluation.scores.fair import over_consensuses
from evaluation.study import Consensuses, Design, score_votes

READERS = ["reader1", "reader2", "reader3", "reader4"]
MODELS = ["careful", "inventive"]
LEVELS = ["level1", "level2", "level3"]
NO_WAYS = pd.DataFrame(columns=COLUMNS)


@lru_cache
def scores(policy: EmptyMask = EmptyMask.UNDEFINED) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ten exams, three with level 3; two models that differ in nothing but false level 3 in seven."""
    design = Design({"level1": 1, "level2": 2, "level3": 3}, rule="majority", yardstick="majority",
                    empty_mask=policy)  # fmt: skip
    rng = np.random.default_rng(4)
    usual: list[pd.DataFrame] = []
    fair: list[pd.DataFrame] = []
    for exam in range(10):
        has_level3 = exam < 3
        truth = np.repeat([0, 1, 2, 3 * has_level3], 50)
        masks = {}
        for rater in [*READERS, "careful"]:
            swapped = (rng.random(200) < 0.1) & (truth > 0)
            masks[rater] = np.where(swapped, 0, truth)
        masks["inventive"] = masks["careful"].copy()
        if not has_level3:
            masks["inventive"][-5:] = 3
        votes = count_votes(masks, design.labels)
        found = score_votes(design, votes, Consensuses.of(design, votes.select(READERS)))
        for table, of_exam in zip((usual, fair), found, strict=True):
            table.append(of_exam.assign(exam=f"e{exam}"))
    return pd.concat(usual, ignore_index=True), pd.concat(fair, ignore_index=True)


def test_two_models_that_differ_in_nothing_but_false_level_3_are_told_apart() -> None:
    table = compare_models(*scores(), models=MODELS)
    for way in ("yardstick", "fair"):
        rows = table[table.way == way].set_index("level")
        level3 = rows.loc["level3"]
        assert (level3.n_pairs, level3.n_equal, level3.n_false, level3.n_false_other) == (3, 3, 0, 7)
        assert level3.p == 1
        # One level has such exams: a family of one.
        assert level3.p_absent == level3.p_absent_holm == pytest.approx(2 / 2**7)
        assert rows.drop("level3").p_absent.isna().all()
    # The verdict of all levels says so, and rests on nothing else.
    (verdict,) = model_verdicts(table, NO_WAYS, levels=LEVELS)
    assert (verdict.first, verdict.call) == ("careful", "better")
    assert [(level.side, level.absent_side) for level in verdict.levels] == [(0, 0), (0, 0), (0, 1)]
    assert in_words(table.iloc[2]).endswith(
        " In 7 exams without level3 only one of the two marked it: careful in 0, inventive in 7 (exact sign "
        "test p = 0.016, Holm 0.016): clear."
    )
    turned = compare_models(*scores(), models=MODELS[::-1]).iloc[2]
    assert (turned.n_false, turned.p_absent) == (7, table.p_absent[2])
    (verdict,) = model_verdicts(compare_models(*scores(), models=MODELS[::-1]), NO_WAYS, levels=LEVELS)
    assert (verdict.first, verdict.call) == ("inventive", "worse")


def test_beside_readers_the_inventive_model_is_behind_and_the_careful_one_is_not() -> None:
    _, fair = scores()
    table = compare(fair, models=MODELS, readers=READERS)
    level3 = table[table.level == "level3"].set_index(["model", "other"])
    assert (level3.loc["inventive"].n_false == 7).all()
    assert (level3.loc["careful"].n_false == 0).all()
    assert (level3.n_false_other == 0).all()
    median = level3.loc[("inventive", MEDIAN_READER)].to_dict()
    # The largest p of the four readers', in one family with the tests of Dice beside the median reader: of
    # those some can never be clear.
    assert median["p_absent"] == pytest.approx(2 / 2**7)
    of_median = table[table.other == MEDIAN_READER]
    holm_p = adjusted(of_median).p_absent_holm[of_median.model == "inventive"]
    assert median["p_absent_holm"] == pytest.approx(holm_p.iloc[2]) and holm_p.iloc[2] == 4 * 2 / 2**7
    said = in_words(level3.reset_index().iloc[-1])
    assert said.endswith(
        " In 7 exams without level3 only one of the two marked it: inventive in 7, the median reader in 0 "
        "(exact sign tests beside each reader, the largest p = 0.016, Holm 0.062): could be chance."
    )
    # Of one model on a page it is clear; two models are four tests that could be, and 4 * 2 / 2**7 is 0.06.
    for models, side in ((["inventive"], -1), (MODELS, 0)):
        rows = compare(fair, models=models, readers=READERS).assign(way=FAIR)
        found = {v.first: v for v in reader_verdicts(rows, NO_WAYS, levels=LEVELS)}
        assert [level.absent_side for level in found["inventive"].levels] == [0, 0, side]
        assert "inventive marks level3 where there is none in 7 exams" in found["inventive"].words
        assert all(level.side == 0 for verdict in found.values() for level in verdict.levels[2:])
    assert [level.absent_side for level in found["careful"].levels] == [0, 0, 0]
    assert "where there is none" not in found["careful"].words


@pytest.mark.parametrize("policy", [EmptyMask.ONE, EmptyMask.ZERO])
def test_where_an_empty_mask_has_a_dice_nothing_is_counted_twice(policy: EmptyMask) -> None:
    row = compare_models(*scores(policy), models=MODELS).iloc[2]
    assert (row.n_pairs, row.n_false, row.n_false_other) == (10, 0, 0)
    assert np.isnan(row.p_absent)
    # Counted as 1 it is a difference of Dice; counted as 0 the study has chosen that it costs nothing.
    assert row.p == pytest.approx(2 / 2**7 if policy is EmptyMask.ONE else 1)


def test_printed_tables_say_it_where_there_is_something_to_say() -> None:
    usual, fair = scores()
    printed = methods_table(compare_models(usual, fair, models=MODELS), title="")
    place = printed.columns.index("Marked though absent")
    assert [row[place : place + 2] for row in printed.rows] == [["–", "–"], ["–", "–"], ["0 and 7", "0.016"]]
    assert any(note.startswith("Marked though absent: exams") for note in printed.notes)
    beside = readers_table(compare(fair, models=MODELS, readers=READERS), title="")
    assert beside.rows[-1][beside.columns.index("Marked though absent")] == "7 and 0"
    without = usual[usual.level != "level3"]
    assert (
        "Marked though absent" not in methods_table(compare_models(without, models=MODELS), title="").columns
    )


def pairs_of(first: list[float], second: list[float], exams: str) -> pd.DataFrame:
    index = pd.MultiIndex.from_arrays([list(exams), range(len(exams))], names=["exam", "knee"])
    return pd.DataFrame({"model": first, "other": second}, index=index)


def test_an_exam_counts_once_whatever_its_knees() -> None:
    nan = np.nan
    pairs = pairs_of([0, 0, 0, nan, nan, 0.4], [nan, nan, nan, 0, nan, nan], "aabbcc")
    signs = false_markings(pairs)
    # Both knees; one knee each; nobody, and a Dice above 0, which no absent level has.
    assert signs.to_dict() == {"a": -1, "b": 0, "c": 0}
    assert count_and_test(signs) == {"n_false": 1, "n_false_other": 0, "n_absent": 1, "p_absent": 1}
    assert np.isnan(count_and_test(signs[1:])["p_absent"])


def test_one_more_reader_does_not_mark_more_than_the_readers() -> None:
    """Five raters each mark an absent level in three exams of ten, by themselves; one of them is the model.

    Beside what most readers do it would be called clear in 19 % of studies of thirty exams and 74 % of a
    hundred (2,000 each), by the tests beside each reader in none.
    """
    rng = np.random.default_rng(2)
    by_majority, by_each = [], []
    for _ in range(200):
        marks = pd.DataFrame(np.where(rng.random((30, 5)) < 0.3, 0.0, np.nan)).rename_axis("exam")
        signs = [false_markings(marks[[4, reader]]) for reader in range(4)]
        share = marks[[0, 1, 2, 3]].notna().mean(axis=1)
        most = pd.DataFrame({"model": marks[4], "most": np.where(share > 0.5, 0.0, np.nan)})
        majority = false_markings(most.mask(share == 0.5))
        by_majority.append(count_and_test(majority)["p_absent"] <= 0.05)
        by_each.append(count_and_test(majority, signs)["p_absent"] <= 0.05)
    assert np.mean(by_majority) > 0.12
    assert np.mean(by_each) <= 0.05


def test_beside_the_median_reader_the_nearest_reader_decides() -> None:
    """Alone in seven exams beside three readers; the fourth marked four of these as well."""
    first, fourth = pd.Series([-1] * 7), pd.Series([-1] * 3 + [0] * 4)
    found = count_and_test(first, [first, first, first, fourth])
    assert found == {"n_false": 7, "n_false_other": 0, "n_absent": 3, "p_absent": 2 / 2**3}
    assert count_and_test(first, [first, -first])["p_absent"] == 1


def test_the_median_reader_does_what_most_readers_do() -> None:
    """Against yardsticks without the level: three, two and one of four readers marked it."""
    parts = []
    for exam, n_marked in {"most": 3, "half": 2, "one": 1}.items():
        marked = {reader: place < n_marked for place, reader in enumerate(READERS)} | {"model": True}
        rows = [
            (exam, rater, "level3", reader, 0.0 if marked[rater] else np.nan, 0, 5 * marked[rater])
            for reader in READERS
            for rater in (reader, "model")
        ]
        columns = ["exam", "rater", "level", "left_out", "dice", "n_reference", "n_rater"]
        parts.append(pd.DataFrame(rows, columns=columns))
    found = paired_dice(pd.concat(parts), "model", MEDIAN_READER, READERS)
    assert found.other.fillna(-1).to_dict() == {"most": 0, "half": -1, "one": -1}
    assert found.model.fillna(-1).to_dict() == {"most": 0, "half": -1, "one": 0}
    assert over_consensuses(pd.concat(parts)).absent.all()
