"""What the benchmark of teachers makes of scores."""

from itertools import product

import numpy as np
import pandas as pd

from benchmarks.teachers import FAIR, PLAIN, TEACHERS, TRUTH, WAYS, by_seed, render, turned


def dice_of_ways(more_by_truth: dict[str, float]) -> pd.DataFrame:
    """By the fair yardstick ways stand in the order of `WAYS`; by the truth some have so much more."""
    noise = np.random.default_rng(0).normal(scale=0.02, size=12)
    rows = [
        {"against": against, "way": way, "seed": seed, "exam": exam, "level": "level1",
         "dice": 0.6 - 0.01 * place + apart + (more_by_truth.get(way, 0) if against == TRUTH else 0)}
        for (exam, seed), apart in zip(product("abcd", range(3)), noise, strict=True)
        for place, way in enumerate(WAYS)
        for against in (FAIR, TRUTH)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_only_pairs_of_teachers_that_the_truth_turns_are_named() -> None:
    assert turned(dice_of_ways({}), ["level1"]) == []
    assert turned(dice_of_ways({TEACHERS[1]: 0.02}), ["level1"]) == [
        f"level1: `{TEACHERS[0]}` minus `{TEACHERS[1]}` (fair +0.010, truth -0.010)"
    ]


def test_exams_in_which_a_network_is_undefined_are_left_out_for_all() -> None:
    scores = dice_of_ways({})
    scores.loc[(scores.way == "unet") & (scores.exam == "b") & (scores.seed == 1), "dice"] = np.nan
    assert {way: of.shape for way, of in by_seed(scores, FAIR, "level1").items()} == dict.fromkeys(
        WAYS, (3, 3)
    )


def test_every_way_has_a_row_by_each_yardstick() -> None:
    told = render(dice_of_ways({TEACHERS[1]: 0.02}), "Synthetic.")
    assert told.count("| level1 |") == 2 * len(WAYS)
    assert f"Best teacher of nnunet: {PLAIN} on level1." in told
    assert f"Best teacher of nnunet: {TEACHERS[1]} on level1." in told
    assert "1 of 6" in told
