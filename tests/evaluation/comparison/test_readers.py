"""Who is paired with whom, what is counted, and what the sentences say."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from evaluation.comparison.paired import paired_differences
from evaluation.comparison.readers import (
    COLUMNS,
    MARGIN_COLUMNS,
    MEDIAN_READER,
    compare,
    in_words,
    non_inferiority,
)
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.signed_rank import hodges_lehmann, signed_rank

EXAMS = [f"knee_{number}" for number in range(1, 11)]
READERS = ["reader1", "reader2", "reader3"]


def table_of(dice: dict[str, list[float]], level: str = "level2") -> pd.DataFrame:
    exams = EXAMS[: len(next(iter(dice.values())))]
    rows = [
        (exam, rater, level, value)
        for rater, values in dice.items()
        for exam, value in zip(exams, values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["exam", "rater", "level", "dice"])


def ten_exams() -> dict[str, list[float]]:
    rng = np.random.default_rng(4)
    readers = {reader: list(rng.uniform(0.5, 0.9, 10)) for reader in READERS}
    return readers | {"nnunet": list(np.array(readers["reader1"]) - rng.uniform(0.05, 0.35, 10))}


def test_all_readers_and_levels_of_a_model_are_a_family_and_the_median_reader_of_all_models() -> None:
    dice = ten_exams()
    scores = pd.concat([table_of(dice, "level1"), table_of(dice, "level2")])
    table = compare(scores, models=["nnunet"], readers=READERS)
    assert list(table.columns) == COLUMNS
    assert list(table.other) == [*READERS, MEDIAN_READER] * 2
    median = np.median([dice[reader] for reader in READERS], axis=0)
    for row in table.itertuples():
        other = median if row.other == MEDIAN_READER else dice[row.other]
        expected = stats.wilcoxon(dice["nnunet"], other, method="exact").pvalue
        assert row.p == pytest.approx(expected)
        assert (row.n_pairs, row.n_left_out, row.n_equal) == (10, 0, 0)
    for is_family in (table.other == MEDIAN_READER, table.other != MEDIAN_READER):
        of_family = table[is_family]
        expected = multipletests(of_family.p, method="holm")[1]
        assert list(of_family.p_holm) == pytest.approx(list(expected))
    group = pd.concat([scores, table_of(dice, "level1+2")])
    beside = compare(group, models=["nnunet"], readers=READERS, spoken_of=["level1", "level2"])
    assert list(beside.p_holm[:8]) == list(table.p_holm) and beside.p_holm[8:].isna().all()
    assert "Holm" not in in_words(beside.iloc[8]) and beside.p[8:].notna().all()
    assert table[(table.other == "reader1")].difference.between(-0.35, -0.05).all()


def test_another_model_changes_the_p_beside_the_median_reader_alone() -> None:
    dice = ten_exams()
    both = table_of(dice | {"unet": dice["reader3"][::-1]})
    alone = compare(table_of(dice), models=["nnunet"], readers=READERS)
    beside = compare(both, models=["nnunet", "unet"], readers=READERS)
    of_model = beside[beside.model == "nnunet"]
    pd.testing.assert_frame_equal(alone[:3], of_model[:3])
    assert of_model.p_holm[3] == 2 * alone.p_holm[3]


def test_undefined_pairs_are_left_out_and_counted() -> None:
    undefined = np.nan
    scores = table_of(
        {
            "reader1": [0.5, undefined, 0.7, undefined],
            "reader2": [0.6, 0.5, undefined, undefined],
            "reader3": [0.9, 0.7, 0.8, undefined],
            "model": [0.4, 0.4, undefined, undefined],
        }
    )
    table = compare(scores, models=["model"], readers=READERS).set_index("other")
    assert table.n_pairs.to_dict() == {"reader1": 1, "reader2": 2, "reader3": 2, MEDIAN_READER: 2}
    assert table.n_left_out.to_dict() == {"reader1": 3, "reader2": 2, "reader3": 2, MEDIAN_READER: 2}
    median = paired_differences(scores, "model", MEDIAN_READER, READERS)
    np.testing.assert_allclose(median, [-0.2, -0.2, np.nan, np.nan])


def test_a_comparison_without_a_pair_is_no_part_of_the_family() -> None:
    dice = ten_exams()
    scores = table_of(dice | {"reader3": [np.nan] * 10})
    table = compare(scores, models=["nnunet"], readers=READERS)
    none = table[table.other == "reader3"].iloc[0]
    assert np.isnan([none.difference, none.low, none.p, none.p_holm]).all()
    left = table[:2]
    assert left.p_holm.min() == pytest.approx(2 * left.p.min())
    assert in_words(none) == (
        "On level2 nnunet and reader3 cannot be compared: both are defined in 0 of 10 exams."
    )


def test_a_model_meets_a_reader_on_the_consensus_without_that_reader() -> None:
    rows = [
        ("a", "reader1", "level1", "reader1", 0.8),
        ("a", "reader2", "level1", "reader2", 0.6),
        ("a", "model", "level1", "reader1", 0.5),
        ("a", "model", "level1", "reader2", 0.4),
    ]
    scores = pd.DataFrame(rows, columns=["exam", "rater", "level", "left_out", "dice"])
    found = compare(scores, models=["model"], readers=["reader1", "reader2"]).set_index("other").difference
    assert found["reader1"] == pytest.approx(0.5 - 0.8)
    assert found["reader2"] == pytest.approx(0.4 - 0.6)
    assert found[MEDIAN_READER] == pytest.approx(0.45 - 0.7)


def test_two_knees_are_one_exam() -> None:
    scores = pd.concat(
        [
            table_of({"reader1": [0.5, 0.6, 0.7], "model": [0.4, 0.4, np.nan]}).assign(knee="right"),
            table_of({"reader1": [0.5, 0.9, 0.8], "model": [0.2, np.nan, np.nan]}).assign(knee="left"),
        ]
    )
    found = paired_differences(scores, "model", "reader1")
    np.testing.assert_allclose(found, [-0.2, -0.2, np.nan])
    assert list(found.index) == EXAMS[:3]


def test_an_unknown_rater_is_named() -> None:
    with pytest.raises(StatisticsError, match="rater 'unet': found no scores, expected one of reader1"):
        compare(table_of(ten_exams()), models=["unet"], readers=READERS)


differences = st.lists(st.integers(-60, 60), min_size=6, max_size=12, unique=True).map(
    lambda d: np.array(d) / 100
)


@given(differences=differences, margin=st.sampled_from([0.0525, 0.1025, 0.2025]))
def test_non_inferior_exactly_when_the_interval_stays_above_the_margin(
    differences: np.ndarray, margin: float
) -> None:
    # No Walsh average of whole hundredths is such a margin, but two may tie once it is added.
    assume(len(np.unique(np.abs(differences + margin).round(9))) == len(differences))
    p = non_inferiority(differences, margin)
    assert (p <= 0.025) == (hodges_lehmann(differences, confidence=0.95).low > -margin)
    expected = stats.wilcoxon(differences + margin, alternative="greater", method="exact")
    assert p == pytest.approx(expected.pvalue)


def test_few_exams_show_no_non_inferiority() -> None:
    assert non_inferiority([0.1] * 5, 0.05) == pytest.approx(1 / 32)
    assert np.isnan(non_inferiority([np.nan], 0.05))


@pytest.mark.parametrize("margin", [0, -0.05, 5])
def test_a_margin_is_a_loss_of_dice(margin: float) -> None:
    with pytest.raises(StatisticsError, match=f"margin: found {margin}, expected a loss of Dice between"):
        non_inferiority([0.1, 0.2], margin)


def test_a_margin_adds_a_test_and_a_sentence() -> None:
    dice = ten_exams()
    close = list(np.array(dice["reader2"]) - np.linspace(0.001, 0.01, 10))
    table = compare(table_of(dice | {"nnunet": close}), models=["nnunet"], readers=["reader2"], margin=0.05)
    assert list(table.columns) == COLUMNS + MARGIN_COLUMNS
    assert table.p_margin[0] == signed_rank(np.subtract(close, dice["reader2"]) + 0.05, "greater").p
    assert in_words(table.iloc[0]).endswith(
        "Non-inferiority with a margin of 0.05 is clear (one-sided p < 0.001, Holm < 0.001, level 0.025)."
    )


def sentence(values: list[float]) -> str:
    dice = {"reader1": [0.5] * len(values), "nnunet": list(np.array(values) + 0.5)}
    return in_words(compare(table_of(dice), models=["nnunet"], readers=["reader1"]).iloc[0])


def test_sentences() -> None:
    assert sentence([-0.31, -0.28, -0.24, -0.22, -0.2, -0.19, -0.17, -0.15, -0.12, -0.1]) == (
        "On level2 the Dice of nnunet is 0.20 lower than that of reader1 (95 % interval 0.15 to 0.25 lower; "
        "Wilcoxon p = 0.002, Holm 0.002; 10 of 10 exams)."
    )
    assert sentence([-0.1, -0.05, 0.02, 0.06, 0.11, 0.13, 0.17, np.nan]) == (
        "On level2 the Dice of nnunet is 0.05 higher than that of reader1 (95 % interval 0.05 lower to 0.14 "
        "higher; Wilcoxon p = 0.219, Holm 0.219; 7 of 8 exams)."
    )
    assert sentence([0.1, 0.2, 0.3]) == (
        "On level2 the Dice of nnunet is 0.20 higher than that of reader1 (75.0 % interval, the widest of so "
        "few exams, 0.10 to 0.30 higher; Wilcoxon p = 0.250, Holm 0.250; 3 of 3 exams)."
    )
    assert sentence([0.1]) == (
        "On level2 the Dice of nnunet is 0.10 higher than that of reader1 (one exam gives no interval; "
        "Wilcoxon p = 1.000, Holm 1.000; 1 of 1 exam)."
    )
    assert "is equal, to two decimals, to that of reader1" in sentence([0.0, 0.0, 0.001])
    assert "(95 % interval less than 0.005 either way; Wilcoxon" in sentence([0.001] * 8)
    # On which side of 0 an end lies is said, for so does the test.
    near = [0.003, 0.004, 0.03, 0.04, 0.05, 0.06, 0.07]
    assert "interval less than 0.005 to 0.06 higher; Wilcoxon p = 0.016" in sentence(near)
    crossing = [-0.002, -0.004, 0.03, 0.04, 0.05, 0.06, 0.0]
    assert "less than 0.005 lower to 0.05 higher; Wilcoxon p = 0.188" in sentence(crossing)
    assert "3 of 3 exams, 2 without a difference" in sentence([0.0, 0.0, 0.001])


def test_chance_alone_gives_few_models_a_p_below_the_level() -> None:
    """A model that is one more reader, three levels of ten exams: some p_holm is at most 0.05 in few studies.

    Adjusted level by level it would be in more; docs/explanation/verdicts.md has 150 drawn studies.
    """
    rng = np.random.default_rng(8)
    found, by_level = 0, 0
    for _ in range(20):
        dice = {rater: rng.beta(4, 2, (3, 10)) for rater in [*READERS, "model"]}
        scores = pd.concat(
            [table_of({rater: list(d[n]) for rater, d in dice.items()}, f"level{n}") for n in range(3)]
        )
        table = compare(scores, models=["model"], readers=READERS, others=READERS)
        found += bool((table.p_holm <= 0.05).any())
        # Holm's least p; statsmodels' own adjustment collects garbage each time, which takes a second here.
        by_level += bool((table.groupby("level").p.agg(lambda p: p.min() * p.count()) <= 0.05).any())
    assert found <= 2 and by_level > found


def test_a_test_beside_each_reader_is_in_the_family_by_their_exams() -> None:
    """The median reader is alone in five exams, of which no p is below 0.06; each reader in twelve."""
    drew, there = {0: "ab", 1: "cd", 2: "", 3: "abcd"}, [0] * 7 + [1] * 7 + [2] * 3 + [3] * 2
    rows = []
    for exam, kind in enumerate(there):
        for reader in "abcd":
            for rater, marked in ((reader, reader in drew[kind]), ("net", kind < 3)):
                rows.append(
                    (f"x{exam:02}", rater, "false", reader, 0.0 if marked else np.nan, 0, int(marked))
                )
    for exam in range(6):
        for reader in "abcd":
            for rater, dice in ((reader, 0.5 + 0.01 * exam), ("net", 0.6 + 0.03 * exam)):
                rows.append((f"x{exam:02}", rater, "there", reader, dice, 100, 100))
    columns = ["exam", "rater", "level", "left_out", "dice", "n_reference", "n_rater"]
    table = compare(pd.DataFrame(rows, columns=columns), models=["net"], readers=list("abcd"))
    false, there_ = (
        table[(table.other == MEDIAN_READER) & (table.level == level)].iloc[0] for level in ("false", "there")
    )
    assert (false.n_false, false.n_false_other, false.n_absent) == (3, 2, 12)
    assert false.p_absent == pytest.approx(stats.binomtest(2, 12).pvalue)
    # Two tests, of which that of Dice, of six exams, could not be clear beside the other.
    assert there_.p == pytest.approx(0.03125) and there_.p_holm == pytest.approx(0.0625)
    assert false.p_absent_holm == pytest.approx(false.p_absent)
