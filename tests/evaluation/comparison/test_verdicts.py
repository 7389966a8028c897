"""The sentences: who is called better, who is not, and what is said of levels that show nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.comparison.models import compare_models
from evaluation.comparison.readers import MEDIAN_READER, compare
from evaluation.comparison.verdicts import reach_readers, verdict, verdicts

LEVELS = ["level1", "level2", "level3", "level2+3"]


def rows(
    differences: list[float], p_holm: list[float], *, n_pairs: list[int] | int = 10, way: str = "usual"
) -> pd.DataFrame:
    table = pd.DataFrame({"level": LEVELS[: len(differences)], "difference": differences, "p_holm": p_holm})
    return table.assign(way=way, model="nnunet", other="unet", confidence=0.95, n_pairs=n_pairs)


def scores_of(differences: dict[str, list[float]]) -> pd.DataFrame:
    """Dice of nnunet above that of unet, exam by exam."""
    parts = [
        pd.DataFrame(
            {"exam": [f"e{i}" for i in range(len(values))], "rater": rater, "level": level, "dice": dice}
        )
        for level, values in differences.items()
        for rater, dice in (("nnunet", 0.5 + np.array(values)), ("unet", np.full(len(values), 0.5)))
    ]
    return pd.concat(parts, ignore_index=True)


TEN = [0.1, 0.12, 0.08, 0.15, 0.05, 0.11, 0.09, 0.07, 0.13, 0.06]


def test_better_on_every_level() -> None:
    assert verdict(rows([0.03, 0.08, 0.12, 0.05], [0.2, 0.01, 0.03, 0.04])) == (
        "nnunet is better than unet: its Dice is higher on 4 of 4 levels (by 0.03 to 0.12), shown on level2, "
        "level3, level2+3 (usual scores; Holm p at most 0.05; 10 exams)."
    )


def test_the_better_one_comes_first() -> None:
    assert verdict(rows([-0.03, -0.08, 0.01], [0.02, 0.01, 0.9])) == (
        "unet is better than nnunet: its Dice is higher on 2 of 3 levels (by 0.03 to 0.08), shown on all of "
        "these; lower on 1 (by 0.01), not shown (usual scores; Holm p at most 0.05; 10 exams)."
    )


def test_nothing_is_shown() -> None:
    assert verdict(rows([-0.03, -0.004, 0.02, -0.1], [0.9, 1, 1, 0.051])) == (
        "unet and nnunet cannot be told apart: the Dice of unet is higher on 3 of 4 levels (by less than "
        "0.01 to 0.10), not shown; lower on 1 (by 0.02), not shown (usual scores; Holm p at most 0.05; 10 "
        "exams)."
    )


def test_each_is_better_somewhere() -> None:
    assert verdict(rows([0.2, -0.1, 0.0], [0.01, 0.01, 1])).startswith(
        "Neither nnunet nor unet is better on every level: the Dice of nnunet is higher on 1 of 3 levels (by "
        "0.20), shown on level1; lower on 1 (by 0.10), shown on level2; estimated equal on level3 ("
    )


def test_levels_that_cannot_be_compared_are_named() -> None:
    nan = np.nan
    found = verdict(rows([0.2, nan, 0.1], [0.01, nan, 0.04], n_pairs=[8, 0, 10]))
    assert "higher on 2 of 3 levels" in found
    assert found.endswith("; not comparable on level2 (usual scores; Holm p at most 0.05; 8 to 10 exams).")
    assert verdict(rows([nan, nan], [nan, nan], n_pairs=0)) == (
        "nnunet and unet cannot be compared: in no exam are both defined."
    )


def test_the_last_digits_of_floating_point_are_no_difference() -> None:
    assert "estimated equal on level1" in verdict(rows([1e-17], [1.0]))


def test_the_fair_scores_agree_or_not() -> None:
    usual = scores_of({"level1": TEN, "level2": [-d for d in TEN]})
    fair = pd.concat([usual.assign(left_out=reader) for reader in ("anna", "ben")])
    models = ["nnunet", "unet"]
    (same,) = verdicts(compare_models(usual, fair, models=models))
    assert same.endswith(" The fair scores show the same.")
    (alone,) = verdicts(compare_models(usual, models=models))
    assert alone == same.removesuffix(" The fair scores show the same.")
    turned = fair.assign(dice=fair.dice.where(fair.rater == "unet", 1 - fair.dice))
    (other,) = verdicts(compare_models(usual, turned, models=models))
    assert other.endswith(" The fair scores show nnunet ahead on level2 and unet ahead on level1.")
    flat = fair.assign(dice=0.5)
    (none,) = verdicts(compare_models(usual, flat, models=models))
    assert none.endswith(" The fair scores show no difference.")
    (neither,) = verdicts(compare_models(usual.assign(dice=0.5), flat, models=models))
    assert neither.endswith(" The fair scores show no difference either.")


def test_so_few_exams_can_show_nothing() -> None:
    five = scores_of({"level1": TEN[:5], "level2": TEN[:5]})
    (found,) = verdicts(compare_models(five, models=["nnunet", "unet"]))
    assert found.startswith(
        "nnunet and unet cannot be told apart: the Dice of nnunet is higher on 2 of 2 levels"
    )
    assert found.endswith(" With 5 exams and 2 tests no difference can be shown, however large.")
    # Seven exams can: 2 / 2**7 for each of two tests is 0.03.
    seven = scores_of({"level1": TEN[:7], "level2": TEN[:7]})
    (found,) = verdicts(compare_models(seven, models=["nnunet", "unet"]))
    assert found.startswith("nnunet is better than unet")


def test_a_model_reaches_the_median_reader_or_not() -> None:
    model = scores_of({"level1": TEN, "level2": TEN}).query("rater == 'nnunet'")
    below = {"anna": 0.1, "ben": 0.2, "cora": 0.3}
    parts = [
        model.assign(rater=rater, left_out=reader, dice=model.dice - lower)
        for reader, loss in below.items()
        for rater, lower in (("nnunet", 0), (reader, loss))
    ]
    fair, readers = pd.concat(parts), list(below)
    table = compare(fair, models=["nnunet"], readers=readers, margin=0.05).assign(way="fair")
    assert (table[table.other == MEDIAN_READER].difference.round(9) == 0.2).all()
    assert reach_readers(table) == [
        "nnunet is better than the median reader: its Dice is higher on 2 of 2 levels (by 0.20), shown on "
        "all of these (fair scores; Holm p at most 0.05; 10 exams). Non-inferiority with a margin of 0.05 is "
        "shown on level1, level2."
    ]
    three = fair[fair.exam.isin(["e0", "e1", "e2"])]
    few = compare(three, models=["nnunet"], readers=readers).assign(way="fair")
    assert reach_readers(few)[0].endswith(
        " With 3 exams and 4 tests no difference can be shown, however large."
    )
