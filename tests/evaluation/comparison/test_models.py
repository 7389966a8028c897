"""Models against each other: who is paired on what, against SciPy and statsmodels, and the printed table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from evaluation.comparison.models import (
    COLUMNS,
    compare_models,
    of_models,
    side_by_side,
)
from evaluation.comparison.paired import paired_dice, paired_differences
from evaluation.comparison.printed import methods_table
from evaluation.statistics.intervals import StatisticsError

EXAMS = [f"knee_{number}" for number in range(10)]
LEVELS = ["level1", "level2", "level2+3"]
MODELS = ["nnunet", "unet", "other"]
READERS = ["anna", "ben"]


def usual_scores() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = [
        (exam, rater, level, rng.uniform(0.3, 0.8) + 0.12 * (rater == "nnunet"))
        for level in LEVELS
        for rater in [*READERS, *MODELS]
        for exam in EXAMS
    ]
    return pd.DataFrame(rows, columns=["exam", "rater", "level", "dice"])


def fair_scores() -> pd.DataFrame:
    """A model's Dice differs by the reader left out; a reader has one."""
    rng = np.random.default_rng(6)
    usual = usual_scores()
    parts = [usual[usual.rater.isin([*MODELS, out])].assign(left_out=out) for out in READERS]
    return pd.concat(parts, ignore_index=True).assign(dice=lambda t: t.dice - rng.uniform(0, 0.1, len(t)))


def test_every_pair_and_level_is_one_family_of_its_way() -> None:
    usual, fair = usual_scores(), fair_scores()
    table = compare_models(usual, fair, models=MODELS)
    assert list(table) == COLUMNS
    assert list(table.way) == ["yardstick"] * 9 + ["fair"] * 9
    assert list(zip(table.model, table.other, strict=True))[:3] == [
        ("nnunet", "unet"), ("nnunet", "other"), ("unet", "other"),
    ]  # fmt: skip
    for way, scores in (("yardstick", usual), ("fair", fair)):
        rows = table[table.way == way]
        means = scores.groupby(["level", "rater", "exam"]).dice.mean()
        expected = [
            stats.wilcoxon(means[row.level, row.model], means[row.level, row.other], method="exact").pvalue
            for row in rows.itertuples()
        ]
        assert list(rows.p) == pytest.approx(expected)
        # statsmodels is the other program for Holm's rule.
        assert list(rows.p_holm) == pytest.approx(list(multipletests(expected, method="holm")[1]))
        first = rows.iloc[0]
        assert first["median"] == pytest.approx(means["level1", "nnunet"].median())
        assert first.other_median == pytest.approx(means["level1", "unet"].median())
    assert (table[["n_pairs", "n_left_out", "n_equal", "n_partly"]] == [10, 0, 0, 0]).all(axis=None)


def test_without_leave_one_out_scores_there_is_one_way() -> None:
    usual = usual_scores()
    assert set(compare_models(usual, models=MODELS).way) == {"yardstick"}
    none = compare_models(usual, pd.DataFrame({"exam": []}), models=MODELS)
    pd.testing.assert_frame_equal(none, compare_models(usual, models=MODELS))


def test_models_meet_where_most_consensuses_have_the_level() -> None:
    """Three readers; in exam a two of their consensuses have the level, in b all, in c one alone."""
    nan = np.nan
    dice = {
        ("a", "nnunet"): [0.8, 0.6, nan], ("a", "unet"): [0.6, 0.3, 0.0],
        ("b", "nnunet"): [0.5, 0.7, 0.6], ("b", "unet"): [0.4, 0.4, 0.4],
        ("c", "nnunet"): [0.0, nan, nan], ("c", "unet"): [0.3, 0.0, 0.0],
    }  # fmt: skip
    n_reference = {"a": [9, 9, 0], "b": [9, 9, 9], "c": [9, 0, 0]}
    parts = [
        pd.DataFrame(
            {"exam": exam, "rater": rater, "level": "level3", "left_out": ["anna", "ben", "carl"],
             "dice": values, "n_reference": n_reference[exam], "n_rater": 0 if np.isnan(values).any() else 5}
        )
        for (exam, rater), values in dice.items()
    ]  # fmt: skip
    scores = pd.concat(parts, ignore_index=True)
    found = side_by_side(scores, "nnunet", "unet")
    # Exam a: unet's marking against an empty consensus is in its mean. Exam c: nnunet is right, unet is not.
    np.testing.assert_allclose(found.nnunet, [0.7, 0.6, nan])
    np.testing.assert_allclose(found.unet, [0.3, 0.4, nan])
    assert list(found.index) == ["a", "b", "c"]
    assert not found.partly.any()
    row = compare_models(scores, models=["nnunet", "unet"]).iloc[0]
    assert (row.n_pairs, row.n_left_out, row.n_partly) == (2, 1, 0)
    assert (row.n_false, row.n_false_other) == (0, 1)


def test_knees_are_averaged_in_their_exam_as_beside_readers() -> None:
    dice = {
        ("right", "nnunet"): [0.9, 0.8, np.nan], ("left", "nnunet"): [0.5, np.nan, np.nan],
        ("right", "unet"): [0.7, 0.5, 0.6], ("left", "unet"): [0.4, 0.1, 0.2],
    }  # fmt: skip
    parts = [
        pd.DataFrame({"exam": EXAMS[:3], "knee": knee, "rater": rater, "level": "level1", "dice": values})
        for (knee, rater), values in dice.items()
    ]
    scores = pd.concat(parts, ignore_index=True)
    found = side_by_side(scores, "nnunet", "unet")
    np.testing.assert_allclose(found.nnunet - found.unet, [0.15, 0.3, np.nan])
    expected = paired_differences(scores, "nnunet", "unet")
    np.testing.assert_allclose(found.nnunet - found.unet, expected)
    assert list(found.partly) == [False, True, False]


def test_a_pair_that_is_nowhere_defined_is_no_part_of_the_family() -> None:
    scores = usual_scores()
    scores.loc[(scores.rater == "other") & (scores.level == "level2"), "dice"] = np.nan
    table = compare_models(scores, models=MODELS)
    none = table[(table.level == "level2") & (table.other == "other")]
    assert none[["median", "other_median", "difference", "low", "p", "p_holm"]].isna().all(axis=None)
    assert (none.n_pairs == 0).all()
    assert (none.n_left_out == 10).all()
    assert table.p_holm.min() == pytest.approx(7 * table.p.min())
    printed = methods_table(table, title="")
    cells = dict(zip([row[0] for row in printed.rows], printed.rows, strict=True))
    assert cells["level2, unet minus other"][1:] == ["–", "–", "–", "–", "0 of 10"]
    assert "adjusted over the 7 tests" in " ".join(printed.notes)


@settings(max_examples=40)
@given(
    dice=st.lists(
        st.tuples(st.integers(0, 100), st.integers(0, 100)).map(lambda d: (d[0] / 100, d[1] / 100)),
        min_size=1,
        max_size=9,
    )
)
def test_swapping_the_pair_turns_the_sign_and_a_family_of_one_is_not_adjusted(
    dice: list[tuple[float, float]],
) -> None:
    rows = [
        (f"e{place}", rater, "level1", value)
        for place, pair in enumerate(dice)
        for rater, value in zip(("one", "two"), pair, strict=True)
    ]
    scores = pd.DataFrame(rows, columns=["exam", "rater", "level", "dice"])
    ahead, back = (compare_models(scores, models=pair).iloc[0] for pair in (["one", "two"], ["two", "one"]))
    assert ahead.difference == pytest.approx(-back.difference, abs=1e-12)
    assert [ahead.low, ahead.high] == pytest.approx([-back.high, -back.low], abs=1e-12, nan_ok=True)
    assert (ahead.p, ahead["median"], ahead.n_equal) == (back.p, back.other_median, back.n_equal)
    assert ahead.p_holm == ahead.p


def test_of_some_models_only_their_pairs_are_the_family() -> None:
    usual, fair = usual_scores(), fair_scores()
    some = of_models(compare_models(usual, fair, models=MODELS), ["other", "nnunet"])
    alone = compare_models(usual, fair, models=["nnunet", "other"])
    pd.testing.assert_frame_equal(some, alone)


def test_the_printed_table() -> None:
    table = compare_models(usual_scores(), fair_scores(), models=["nnunet", "unet"])
    printed = methods_table(table, title="Methods", notes=["Synthetic cohort"])
    assert printed.columns == [
        "Level, pair", "Medians", "Difference (95 % interval)", "p", "Holm p", "Exams", "Fair difference",
        "Fair Holm p",
    ]  # fmt: skip
    first, fair = table.iloc[0], table[table.way == "fair"].iloc[0]
    assert printed.rows[0] == [
        "level1, nnunet minus unet",
        f"{first['median']:.2f}, {first.other_median:.2f}",
        f"{first.difference:+.2f} ({first.low:+.2f} to {first.high:+.2f})",
        f"{first.p:.3f}",
        f"{first.p_holm:.3f}",
        "10 of 10",
        f"{fair.difference:+.2f} ({fair.low:+.2f} to {fair.high:+.2f})",
        f"{fair.p_holm:.3f}",
    ]
    assert printed.notes[-1] == "Synthetic cohort"
    assert not any(note.startswith("*") for note in printed.notes)


def test_few_exams_have_a_star_and_one_has_no_interval() -> None:
    scores = usual_scores()
    three = scores[scores.exam.isin(EXAMS[:3])]
    printed = methods_table(compare_models(three, models=["nnunet", "unet"]), title="")
    assert printed.rows[0][2].endswith(")*")
    assert "*: too few exams; the widest interval that there is (75.0 %)." in printed.notes
    one = methods_table(compare_models(scores[scores.exam == EXAMS[0]], models=["nnunet", "unet"]), title="")
    assert one.rows[0][2].endswith(" (no interval)")


def test_partly_undefined_exams_are_told() -> None:
    scores = pd.concat([usual_scores().assign(knee=knee) for knee in ("right", "left")], ignore_index=True)
    undefined = (scores.exam == EXAMS[0]) & (scores.rater == "unet") & (scores.knee == "left")
    scores.loc[undefined, "dice"] = np.nan
    printed = methods_table(compare_models(scores, models=["nnunet", "unet"]), title="")
    assert any(note.startswith("In up to 1 of the exams compared a knee") for note in printed.notes)


def test_what_cannot_be_compared_is_named() -> None:
    scores = usual_scores()
    with pytest.raises(StatisticsError, match="models: found nnunet, expected two or more"):
        compare_models(scores, models=["nnunet"])
    with pytest.raises(StatisticsError, match="model 'vnet': found no scores, expected one of anna"):
        compare_models(scores, models=["nnunet", "vnet"])


def test_a_rater_without_scores_is_refused_by_name() -> None:
    scores = pd.DataFrame({"exam": ["e"], "rater": ["net"], "level": ["low"], "dice": [0.5]})
    with pytest.raises(StatisticsError, match="rater 'nett': found no scores, expected one of net"):
        paired_dice(scores, "nett", "net")
