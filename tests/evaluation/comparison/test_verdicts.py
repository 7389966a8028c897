"""The verdicts: who is called better, what turns that round, and what is said where nothing is settled."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.comparison.families import adjusted
from evaluation.comparison.models import YARDSTICK, compare_models
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.comparison.verdicts import Verdict, model_verdicts, reader_verdicts
from evaluation.comparison.ways import COLUMNS

LEVELS = ["level1", "level2", "level3"]
NO_WAYS = pd.DataFrame(columns=COLUMNS)


def rows(
    differences: list[float], p: list[float], *, n_pairs: list[int] | int = 10, **changed: object
) -> pd.DataFrame:
    table = pd.DataFrame({"level": LEVELS[: len(differences)], "difference": differences, "p": p})
    table = table.assign(way=YARDSTICK, model="nnunet", other="unet", confidence=0.95, n_pairs=n_pairs)
    table = table.assign(n_equal=0, n_false=0, n_false_other=0, p_absent=np.nan)
    table = table.assign(low=table.difference - 0.02, high=table.difference + 0.02, **changed)
    return with_n_absent(table)


def with_n_absent(table: pd.DataFrame) -> pd.DataFrame:
    """As of two models: the test is of the exams that are counted."""
    return table.assign(n_absent=table.n_false + table.n_false_other)


def verdict(table: pd.DataFrame, ways: pd.DataFrame = NO_WAYS, **options: object) -> Verdict:
    (found,) = model_verdicts(table, ways, levels=LEVELS, **options)
    return found


def way(level: str, difference: float, name: str = "without anna", other: str = "unet") -> pd.DataFrame:
    return pd.DataFrame([("nnunet", other, level, name, difference, 10)], columns=COLUMNS)


def test_better_where_a_difference_is_clear_and_none_against_it() -> None:
    found = verdict(rows([0.03, 0.08, 0.12], [0.2, 0.01, 0.002]))
    assert found.call == "better"
    assert found.words == (
        "nnunet is better than unet: its Dice is clearly higher on level2 (by 0.08; 0.06 to 0.10), level3 "
        "(by 0.12; 0.10 to 0.14); the difference on level1 (+0.03) could be chance (p adjusted over 3 "
        "levels, 10 exams)."
    )
    assert [level.side for level in found.levels] == [0, 1, 1]


def test_the_better_one_comes_first() -> None:
    found = verdict(rows([-0.03, -0.08, 0.01], [0.2, 0.01, 0.9]))
    assert found.call == "worse"
    assert found.words.startswith(
        "unet is better than nnunet: its Dice is clearly higher on level2 (by 0.08; 0.06 to 0.10); the "
        "differences on level1 (+0.03), level3 (-0.01) could be chance"
    )


def test_holm_adjusts_over_the_levels_spoken_of_alone() -> None:
    # 0.03 is clear alone, and not as the best of three; a group of levels is no further level.
    table = rows([0.1, 0.1, 0.1], [0.03, 0.5, 0.5])
    group = table[:1].assign(level="level2+3", p=1e-6)
    assert verdict(pd.concat([table, group])).call == "not settled"
    (alone,) = model_verdicts(table, NO_WAYS, levels=["level1"])
    assert alone.call == "better"
    # All pairs are one family.
    two = pd.concat([rows([0.1], [0.03]), rows([0.1], [0.03], other="third")])
    assert {each.call for each in model_verdicts(two, NO_WAYS, levels=["level1"])} == {"not settled"}


def test_what_could_be_chance_is_not_settled_and_not_equal() -> None:
    found = verdict(rows([-0.03, -0.004, 0.02], [0.9, 1, 1]))
    assert found.call == "not settled"
    assert found.words == (
        "Which of nnunet and unet is better is not settled: the differences on level1 (-0.03), level2 "
        "(0.00), level3 (+0.02) could be chance (p adjusted over 3 levels, 10 exams)."
    )


def test_another_way_that_turns_a_difference_round_unsettles_it() -> None:
    table = rows([0.1, 0.08, 0.0], [0.001, 0.9, 1.0])
    assert verdict(table, way("level1", 0.01)).call == "better"
    # Less than a hundredth of Dice the other way is no turn.
    assert verdict(table, way("level1", -0.004)).call == "better"
    # Nor does a way of another level or pair matter.
    assert (
        verdict(table, pd.concat([way("level2", -0.1), way("level1", -0.1, other="third")])).call == "better"
    )
    found = verdict(table, pd.concat([way("level1", -0.02), way("level1", -0.3, "by majority vote")]))
    assert found.call == "not settled"
    assert found.levels[0].turned == ("without anna", "by majority vote")
    assert "on level1 nnunet is 0.10 ahead, but unet is without anna, by majority vote" in found.words
    assert "clearly" not in found.words


def test_each_is_better_somewhere() -> None:
    found = verdict(rows([0.2, -0.1, 0.0], [0.001, 0.002, 1]))
    assert found.call == "split"
    assert found.words.startswith(
        "Neither nnunet nor unet is better throughout: the Dice of nnunet is clearly higher on level1 (by "
        "0.20; 0.18 to 0.22); the Dice of unet is clearly higher on level2 (by 0.10; 0.08 to 0.12); the "
        "difference on level3"
    )


def test_levels_that_cannot_be_compared_are_named() -> None:
    nan = np.nan
    found = verdict(rows([0.2, nan, 0.1], [0.001, nan, 0.002], n_pairs=[8, 0, 10]))
    assert found.call == "better"
    assert "level2 cannot be compared" in found.words
    assert found.words.endswith("8 to 10 exams).")
    none = verdict(rows([nan, nan], [nan, nan], n_pairs=0))
    assert none.call == "not comparable"
    assert none.words == "nnunet and unet cannot be compared: in no exam are both defined."


def test_the_last_digits_of_floating_point_are_no_difference() -> None:
    assert verdict(rows([1e-17], [1e-9])).call == "not settled"


def test_so_few_exams_can_be_clear_about_nothing() -> None:
    found = verdict(rows([0.3, 0.3, 0.3], [0.0625] * 3, n_pairs=5))
    assert found.words.endswith(
        " With 5 exams and 3 levels no difference of Dice can be clear, however large."
    )
    assert "can be clear" not in verdict(rows([0.3], [0.01], n_pairs=7)).words


def test_beside_the_median_reader_all_models_of_the_page_are_a_family() -> None:
    table = rows([0.2, 0.1], [0.02, 0.02], way="fair", other=MEDIAN_READER)
    (alone,) = reader_verdicts(table, NO_WAYS, levels=LEVELS)
    assert alone.call == "better"
    assert alone.words.startswith(
        "nnunet is better than the median reader: its Dice is clearly higher on level1"
    )
    assert alone.words.endswith("(p adjusted over 2 levels, 10 exams).")
    both = pd.concat([table, table.assign(model="unet", difference=-table.difference, p=1.0)])
    one, other = reader_verdicts(both, NO_WAYS, levels=LEVELS)
    assert (one.call, other.call) == ("not settled", "not settled")
    assert one.levels[0].p == 4 * 0.02
    assert other.words.startswith("Which of unet and the median reader is better is not settled")
    assert other.words.endswith("(p adjusted over 2 levels of 2 models, 10 exams).")
    turned = way("level1", -0.1, other=MEDIAN_READER)
    assert reader_verdicts(table, turned, levels=LEVELS)[0].levels[0].side == 0


def test_beside_the_readers_agreement_without_a_consensus_must_say_the_same() -> None:
    table = rows([0.2, -0.1, 0.1], [0.001, 0.001, 0.002], way="fair", other=MEDIAN_READER)
    backed = {("nnunet", "level1"): 1, ("nnunet", "level2"): -1, ("nnunet", "level3"): 1}
    assert reader_verdicts(table, NO_WAYS, levels=LEVELS, agreement=backed)[0].call == "split"
    for other in ({("nnunet", "level1"): 0}, {("nnunet", "level1"): -1}, {}):
        (found,) = reader_verdicts(table, NO_WAYS, levels=LEVELS, agreement=other)
        assert found.call == "not settled"
        assert (
            "on level1 (0.20), level3 (0.10) nnunet is ahead by the fair scores, but agreement without a "
            "consensus does not bear it out; on level2 (0.10) the median reader is ahead by the fair scores, "
            "but agreement without a consensus does not bear it out"
        ) in found.words


def test_what_could_not_be_asked_settles_nothing_and_is_said() -> None:
    table = rows([0.2, 0.1], [0.001, 0.9], way="fair", other=MEDIAN_READER)
    unknown = {"nnunet": "agreement is not known here"}
    (found,) = reader_verdicts(table, NO_WAYS, levels=LEVELS, unknown=unknown)
    assert found.call == "not settled"
    assert (
        "on level1 (0.20) nnunet is ahead by the fair scores, but agreement is not known here" in found.words
    )


def test_marking_what_is_not_there_tells_two_apart() -> None:
    """False level 3 in 7 of 10 exams, and nothing else: Dice is the same wherever both have one."""
    table = rows([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], n_pairs=[10, 10, 3])
    table = table.assign(n_equal=table.n_pairs, n_false=[0, 0, 7], p_absent=[np.nan, np.nan, 2 / 2**7])
    table = with_n_absent(table)
    found = verdict(table)
    assert found.call == "worse"
    assert found.words.startswith(
        "unet is better than nnunet: nnunet marks level3 where there is none in 7 exams, unet in none (clear)"
    )
    # Where the Dice of two levels differ too, three tests could come out clear: 3 * 2 / 2**7 is 0.047.
    assert verdict(table.assign(n_equal=[0, 0, 3], p=[0.9, 0.8, 1.0])).call == "worse"
    few = verdict(with_n_absent(table.assign(n_false=[0, 0, 5], p_absent=[np.nan, np.nan, 2 / 2**5])))
    assert few.call == "not settled"
    assert "marks level3 where there is none in 5 exams, unet in none (could be chance)" in few.words
    # One such exam, or as many of the one as of the other, is not worth a word; three are.
    for counts, p, said in (([0, 0, 1], 1.0, False), ([0, 0, 2], 0.5, False), ([0, 0, 3], 0.25, True)):
        one = verdict(with_n_absent(table.assign(n_false=counts, p_absent=[np.nan, np.nan, p])))
        assert ("where there is none" in one.words) == said and one.call == "not settled"
    # A higher Dice does not make up for it.
    both = table.assign(difference=[0.1, 0, 0], n_equal=[0, 10, 3], p=[0.002, 1, 1])
    assert verdict(both).call == "split"


def test_tests_that_could_never_be_clear_take_no_part() -> None:
    """Tarone: of three exams no exact p is below 0.25."""
    table = rows([0.1, 0.2, 0.1], [0.03, 0.25, 0.25], n_pairs=[10, 3, 3])
    assert adjusted(table).p_holm.tolist() == [0.03, 0.25, 0.25]
    assert adjusted(rows([0.1, 0.2], [0.03, 0.04])).p_holm.tolist() == [0.06, 0.06]


def test_chance_alone_makes_few_verdicts() -> None:
    """Two models that differ by nothing but chance, on three levels of ten exams."""
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(50):
        scores = pd.DataFrame(
            [
                (f"e{exam}", rater, level, dice)
                for exam in range(10)
                for level in LEVELS
                for rater, dice in zip(("a", "b"), rng.beta(4, 2, 2), strict=True)
            ],
            columns=["exam", "rater", "level", "dice"],
        )
        table = compare_models(scores, models=["a", "b"])
        wrong += model_verdicts(table, NO_WAYS, levels=LEVELS)[0].call != "not settled"
    # One in twenty is allowed; more than 7 of 50 come of that in 1 of 200 cases.
    assert wrong <= 7
