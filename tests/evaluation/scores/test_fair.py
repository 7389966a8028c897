"""Every rater meets the consensuses that hold no mask of its own, and the bias is gone."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import Votes, count_votes, paint
from evaluation.masks.knees import split_knees
from evaluation.measures.dice import Dice, EmptyMask, score
from evaluation.scores.fair import COLUMNS, bias, over_consensuses, score_fair

LABELS = (0, 1, 2, 3)
LEVELS = {"level1": (1,), "level2": (2,), "level3": (3,), "level2+3": (2, 3)}
READERS = ["reader1", "reader2", "reader3", "reader4"]

MakeMasks = Callable[..., dict[str, np.ndarray]]


def fair_of(votes: Votes, readers: list[str] = READERS, rule: str = "multilabel") -> pd.DataFrame:
    return score_fair(votes, leave_one_out(votes.select(readers), rule=rule), LEVELS)


def test_every_dice_is_that_of_the_voxels_against_the_painted_consensus(ordinal_masks: MakeMasks) -> None:
    masks = ordinal_masks([*READERS, "model"])
    votes = count_votes(masks, LABELS)
    fair = fair_of(votes)
    assert list(fair.columns) == COLUMNS[1:]
    assert len(fair) == (4 + 4) * len(LEVELS)
    for row in fair.itertuples():
        others = {reader: masks[reader] for reader in READERS if reader != row.left_out}
        reference = paint(others, count_votes(others, LABELS), staple(count_votes(others, LABELS)).label)
        assert row.dice == Dice(LEVELS[row.level])(reference, masks[row.rater])
        assert row.rater in (row.left_out, "model")


def test_binary_rule_against_simpleitk(ordinal_masks: MakeMasks) -> None:
    masks = ordinal_masks([*READERS, "model"])
    masks = {rater: (mask > 0).astype(np.uint8) for rater, mask in masks.items()}
    votes = count_votes(masks, (0, 1))
    without = leave_one_out(votes.select(READERS), rule="binary")
    fair = score_fair(votes, without, {"level1": (1,)})
    for row in fair.itertuples():
        others = [sitk.GetImageFromArray(masks[reader]) for reader in READERS if reader != row.left_out]
        reference = sitk.STAPLE(others, 1.0) > 0.5
        overlap = sitk.LabelOverlapMeasuresImageFilter()
        overlap.Execute(reference, sitk.GetImageFromArray(masks[row.rater]))
        assert row.dice == pytest.approx(overlap.GetDiceCoefficient())


def test_a_reader_has_no_part_in_its_own_yardstick(ordinal_masks: MakeMasks) -> None:
    masks = ordinal_masks([*READERS, "model"])
    before = fair_of(count_votes(masks, LABELS))
    masks["reader2"] = np.zeros_like(masks["reader2"])
    after = fair_of(count_votes(masks, LABELS))

    def rows(fair: pd.DataFrame) -> pd.DataFrame:
        return fair[(fair.rater == "model") & (fair.left_out == "reader2")]

    pd.testing.assert_frame_equal(rows(before), rows(after))


def test_the_mean_over_consensuses_leaves_undefined_out_and_counts_them() -> None:
    rows = [("a", "model", "level3", "reader1", 0.4), ("a", "model", "level3", "reader2", 0.6)]
    rows += [("b", "model", "level3", "reader1", np.nan), ("b", "model", "level3", "reader2", 0.0)]
    rows += [("c", "model", "level3", "reader1", np.nan), ("c", "model", "level3", "reader2", np.nan)]
    rows += [("a", "reader1", "level3", "reader1", 0.7)]
    fair = pd.DataFrame(rows, columns=["exam", "rater", "level", "left_out", "dice"])
    found = over_consensuses(fair)
    assert list(found.columns) == ["exam", "rater", "level", "dice", "n_defined", "n_consensuses", "absent"]
    np.testing.assert_allclose(found.dice, [0.5, 0.0, np.nan, 0.7])
    assert list(found.n_defined) == [2, 1, 0, 1]
    assert list(found.n_consensuses) == [2, 2, 2, 1]
    assert list(found.absent) == [False, False, True, False]


def plain_over_consensuses(fair: pd.DataFrame) -> list[tuple]:
    """As the docstring says it, group by group."""
    found = []
    for (exam, rater, level), rows in fair.groupby(["exam", "rater", "level"], sort=False):
        there = fair[(fair.exam == exam) & (fair.level == level)].groupby("left_out")
        if "n_reference" in fair:
            holds = [of_one.n_reference.max() > 0 for _, of_one in there if of_one.n_reference.notna().any()]
        else:
            holds = [(of_one.dice > 0).any() or of_one.dice.notna().all() for _, of_one in there]
        absent = bool(holds) and sum(holds) / len(holds) < 0.5
        marked = (rows.n_rater > 0).any() if "n_rater" in fair else rows.dice.notna().any()
        dice = rows.dice.mean()
        if absent:
            dice = rows.get("worst", pd.Series(0.0)).iloc[0] if marked else np.nan
        found.append((exam, rater, level, dice, rows.dice.count() * pd.notna(dice), len(rows), absent))
    return found


@settings(max_examples=40)
@given(data=st.data())
def test_of_any_scores_it_is_what_it_says(data: st.DataObject) -> None:
    exams, raters = ["a", "b"], ["model", "reader1", "reader2"]
    keys = list(product(exams, ["level2", "level1"], raters, ["reader1", "reader2", "reader3"]))
    kept = data.draw(st.permutations(data.draw(st.lists(st.sampled_from(keys), min_size=1, unique=True))))
    rows = []
    for exam, level, rater, left_out in kept:
        n_reference, n_rater = data.draw(st.sampled_from([(0, 0), (0, 3), (5, 0), (5, 3), (np.nan, 3)]))
        dice = np.nan if n_reference == n_rater == 0 else data.draw(st.sampled_from([0.0, 0.1, 0.3, 0.7]))
        rows.append((exam, level, rater, left_out, dice, n_reference, n_rater, 7.0))
    columns = ["exam", "level", "rater", "left_out", "dice", "n_reference", "n_rater", "worst"]
    fair = pd.DataFrame(rows, columns=columns)
    absent = data.draw(st.sets(st.sampled_from(columns[-3:])))
    found = over_consensuses(fair.drop(columns=list(absent)))
    expected = pd.DataFrame(plain_over_consensuses(fair.drop(columns=list(absent))), columns=list(found))
    # The same to the last digit: verdicts break ties by it.
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_dtype=False)
    # Whatever stands for a missing number: boards keep counts as whole numbers that may be missing.
    nullable = fair.drop(columns=list(absent)).convert_dtypes()
    pd.testing.assert_frame_equal(over_consensuses(nullable), found, check_exact=True, check_dtype=False)


def one_exam(n_reference: list[int], dice: dict[str, list[float]]) -> pd.Series:
    """Fair Dice by rater, where the consensus without each reader has so many voxels."""
    rows = [
        ("a", rater, "level3", reader, value, n, 0 if any(np.isnan(values)) or not any(values) else 5)
        for rater, values in dice.items()
        for reader, n, value in zip(READERS, n_reference, values, strict=True)
        if rater in (reader, "marks", "empty")
    ]
    columns = ["exam", "rater", "level", "left_out", "dice", "n_reference", "n_rater"]
    return over_consensuses(pd.DataFrame(rows, columns=columns)).set_index("rater").dice


def test_where_most_consensuses_have_nothing_a_dice_is_not_that_of_the_few_that_have() -> None:
    """A focus that one of four consensuses has: today 0.25 for who marks it, 0 for who rightly does not."""
    nan = np.nan
    found = one_exam([9, 0, 0, 0], {"marks": [1.0, 0.0, 0.0, 0.0], "empty": [0.0, nan, nan, nan]})
    assert found["marks"] == 0
    assert np.isnan(found["empty"])


def test_where_half_of_the_consensuses_have_the_level_it_is_there() -> None:
    nan = np.nan
    found = one_exam([9, 9, 0, 0], {"marks": [0.8, 0.6, 0.0, 0.0], "empty": [0.0, 0.0, nan, nan]})
    assert found.to_dict() == pytest.approx({"marks": 0.35, "empty": 0.0})


def test_readers_go_by_the_same_exams_as_models() -> None:
    """The consensus without reader1 alone has the level; who marks it has Dice 0, reader1 or its twin."""
    nan = np.nan
    dice = {"reader1": [0.9] * 4, "reader2": [nan] * 4, "marks": [0.9, 0.0, 0.0, 0.0]}
    found = one_exam([9, 0, 0, 0], dice)
    assert (found["reader1"], found["marks"]) == (0, 0)
    assert np.isnan(found["reader2"])


def test_an_empty_level_follows_the_policy(ordinal_masks: MakeMasks) -> None:
    masks = {rater: np.minimum(mask, 2) for rater, mask in ordinal_masks([*READERS, "model"]).items()}
    votes = count_votes(masks, LABELS)
    without = leave_one_out(votes.select(READERS))
    for policy in EmptyMask:
        fair = score_fair(votes, without, LEVELS, policy)
        np.testing.assert_equal(fair[fair.level == "level3"].dice.unique(), [policy.value_when_empty])


@pytest.mark.parametrize("policy", EmptyMask)
def test_an_absent_level_follows_the_policy_over_consensuses(policy: EmptyMask) -> None:
    """Reader1 alone marks level 1: no consensus has it but those of two votes, of which there is none."""
    masks = {rater: np.zeros(20, np.uint8) for rater in [*READERS, "empty", "marks"]}
    masks["reader1"][:5] = masks["marks"][:5] = 1
    votes = count_votes(masks, (0, 1))
    without = leave_one_out(votes.select(READERS), rule="majority")
    fair = score_fair(votes, without, {"level1": (1,)}, policy).assign(exam="a")
    found = over_consensuses(fair).set_index("rater").dice
    expected = {"reader1": 0.0, "reader2": policy.value_when_empty, "empty": policy.value_when_empty}
    for rater, dice in (expected | {"marks": 0.0}).items():
        np.testing.assert_equal(found[rater], dice)


def test_bias_is_usual_minus_fair_where_both_are_defined() -> None:
    columns = ["exam", "rater", "level", "dice"]
    usual = pd.DataFrame(
        [("a", "reader1", "level1", 0.8), ("b", "reader1", "level1", np.nan), ("a", "model", "level1", 0.5)],
        columns=columns,
    )
    fair = pd.DataFrame(
        [
            ("a", "reader1", "level1", "reader1", 0.7),
            ("b", "reader1", "level1", "reader1", 0.3),
            ("a", "model", "level1", "reader1", 0.4),
            ("a", "model", "level1", "reader2", 0.6),
        ],
        columns=[*columns[:3], "left_out", "dice"],
    )
    found = bias(usual, fair)
    assert list(found.columns) == [*columns[:3], "usual", "fair", "dice"]
    np.testing.assert_allclose(found.dice, [0.1, np.nan, 0.0], atol=1e-12)
    np.testing.assert_allclose(found.fair, [0.7, 0.3, 0.5])


def test_a_consensus_that_holds_the_reader_is_refused(ordinal_masks: MakeMasks) -> None:
    votes = count_votes(ordinal_masks(READERS), LABELS)
    everybody = staple(votes)
    with pytest.raises(ValueError, match="consensus without reader1: found one of reader1, reader2, reader3"):
        score_fair(votes, dict.fromkeys(READERS, everybody), LEVELS)


def test_by_knee_the_consensus_stays_that_of_the_exam(ordinal_masks: MakeMasks) -> None:
    masks = ordinal_masks([*READERS, "model"], shape=(40, 20, 6))
    for mask in masks.values():
        mask[14:26] = 0
    votes = count_votes(masks, LABELS)
    without = leave_one_out(votes.select(READERS))
    parts = split_knees(masks, np.diag([-0.9, -0.9, 3.5, 1.0]))
    knees = {
        knee: count_votes({rater: mask[part] for rater, mask in masks.items()}, LABELS)
        for knee, part in parts.items()
    }
    by_knee = pd.concat(
        [score_fair(part, without, LEVELS).assign(exam="a", knee=knee) for knee, part in knees.items()]
    )
    keys, counts = ["rater", "level", "left_out"], ["tp", "fp", "fn", "n_reference", "n_rater"]
    whole = score_fair(votes, without, LEVELS).set_index(keys)[counts]
    together = by_knee.groupby(keys, sort=False)[counts].sum()
    pd.testing.assert_frame_equal(together, whole, check_dtype=False)
    assert list(over_consensuses(by_knee).columns[:2]) == ["exam", "knee"]


def exchangeable_raters(seed: int, n_raters: int = 10, voxels: int = 10_000) -> dict[str, np.ndarray]:
    """Raters drawn from one model: a graded signal, seen with noise, cut at thresholds that vary."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=voxels)
    masks = {}
    for rater in range(n_raters):
        cuts = np.sort(rng.normal([1.0, 1.7, 2.4], 0.1))
        masks[f"rater{rater}"] = np.digitize(signal + 0.45 * rng.normal(size=voxels), cuts).astype(np.uint8)
    return masks


@pytest.mark.parametrize("rule", ["multilabel", "binary"])
def test_readers_drawn_from_one_model_gain_nothing_in_the_fair_table(rule: str) -> None:
    """Five readers inside the consensus beside five identical raters outside, each five in turn."""
    usual, fair = [], []
    for exam in range(6):
        votes = count_votes(exchangeable_raters(exam), LABELS)
        for readers in (votes.raters[:5], votes.raters[5:]):
            marks = {"exam": exam, "inside": ",".join(readers)}
            consensus = staple(votes.select(readers), rule=rule)
            usual.append(score(votes, consensus.label_on(votes), LEVELS).assign(**marks))
            fair.append(fair_of(votes, list(readers), rule).assign(**marks))

    def inside_minus_outside(scores: pd.DataFrame) -> pd.Series:
        inside = [rater in readers for rater, readers in zip(scores.rater, scores.inside, strict=True)]
        dice = scores.assign(is_inside=inside).groupby(["level", "is_inside"]).dice.mean().unstack()
        return dice[True] - dice[False]

    tables = pd.concat(usual), pd.concat(fair)
    # A model's rows are the mean over the consensuses first, as in the table.
    keys = ["exam", "inside", "rater", "level"]
    averaged = tables[1].groupby(keys, sort=False).dice.mean().reset_index()
    assert (inside_minus_outside(tables[0]) > 0.05).all()
    assert (inside_minus_outside(averaged).abs() < 0.01).all()
