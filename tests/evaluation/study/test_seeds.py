"""Methods that were trained with several seeds: who is judged, and what is said over seeds."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter

import evaluation as ev
from evaluation.comparison.brief import in_brief
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.comparison.seeds import COLUMNS, FEWEST, compare_over_seeds, in_words, networks_of
from evaluation.comparison.seeds import in_brief as in_brief_over_seeds
from evaluation.comparison.verdicts import LevelVerdict, Verdict
from evaluation.study import ReaderStudy
from evaluation.study import tables as t
from evaluation.study.brief import answers
from evaluation.study.lineage import judged
from evaluation.study.results import Results
from evaluation.study.seeds import METHODS_OVER_SEEDS, beside_seeds, over_seeds

LEVELS = {"level1": 1, "level2": 2}
READERS = [f"reader{number}" for number in range(1, 4)]
NETWORKS = {"net": 0.0, "net_b": 0.02, "net_c": -0.03, "unet": 0.6, "unet_b": 0.5, "unet_c": 0.7, "one": 0.2}
SEED_OF = {"net_b": "net", "net_c": "net", "unet_b": "unet", "unet_c": "unet"}


@lru_cache
def study(*, seeds: bool = True, measures: tuple[str, ...] = ("dice",)) -> ReaderStudy:
    """Three readers, and networks that cut the signal too high by what `NETWORKS` says."""
    rng = np.random.default_rng(4)
    masks: dict[str, dict[str, np.ndarray]] = {}
    for number in range(8):
        signal = gaussian_filter(rng.normal(size=(30, 30, 4)), (3, 3, 1))
        signal /= signal.std()
        for rater, bias in {**dict.fromkeys(READERS, 0.0), **NETWORKS}.items():
            seen = signal + 0.3 * rng.normal(size=signal.shape)
            masks.setdefault(rater, {})[f"e{number}"] = np.digitize(seen, [1 + bias, 1.8 + bias])
    models = {name: masks[name] for name in NETWORKS if seeds or name not in SEED_OF}
    readers = {reader: masks[reader] for reader in READERS}
    # Of readers and models that look alike nothing is a copy.
    return ev.read_study(
        readers, models, levels=LEVELS, measures=measures, seed_of=SEED_OF if seeds else {},
        titles={"net": "The net", "net_b": "The net, seed 2"},
    )  # fmt: skip


def test_networks_of_one_method() -> None:
    assert networks_of(list(NETWORKS), SEED_OF) == {
        "net": ["net", "net_b", "net_c"], "unet": ["unet", "unet_b", "unet_c"],
    }  # fmt: skip
    # A first that is not there, as a copy of a reader's masks, leaves the others together.
    assert networks_of(["net_b", "net_c"], SEED_OF) == {"net": ["net_b", "net_c"]}


def test_further_seeds_change_no_verdict_and_have_rows_among_scores() -> None:
    """The first networks' tables are those of a study without the others: the same pairs, the same p."""
    with_seeds, without = study(), study(seeds=False)
    assert judged(with_seeds) == list(without.models) == ["net", "unet", "one"]
    for table in (t.METHODS_COMPARED, t.COMPARISONS, t.OTHER_WAYS, t.INTERCHANGEABILITY):
        pd.testing.assert_frame_equal(with_seeds[table], without[table])
    for one, alone in zip(t.verdicts(with_seeds), t.verdicts(without), strict=True):
        assert one.call == alone.call
        assert one.words.partition(" Of th")[0] == alone.words
    assert {*NETWORKS} <= {*with_seeds[t.TABLE1].rater}
    assert METHODS_OVER_SEEDS in with_seeds
    assert METHODS_OVER_SEEDS not in without
    assert over_seeds(without) == []


def test_the_table_is_the_mean_over_networks_and_exams() -> None:
    found = study()
    table = found[METHODS_OVER_SEEDS]
    assert list(table) == COLUMNS
    assert list(zip(table.model, table.other, strict=True))[:2] == [("net", "unet")] * 2
    assert {*table.other} == {"unet", MEDIAN_READER}
    dice = found[t.DICE_BY_YARDSTICK]
    own = dice[(dice.rule == found.design.yardstick) & (dice.left_out == "") & (dice.level == "level2")]
    means = own.groupby("rater").dice.mean()
    row = table[(table.level == "level2") & (table.other == "unet")].iloc[0]
    networks = networks_of(found.models, SEED_OF)
    assert row.difference == pytest.approx(means[networks["net"]].mean() - means[networks["unet"]].mean())
    assert row.sd_seeds == pytest.approx(means[networks["net"]].std())
    assert row.sd_seeds_other == pytest.approx(means[networks["unet"]].std())
    assert (row.n_seeds, row.n_seeds_other, row.n_pairs, row.n_left_out) == (3, 3, 8, 0)
    assert row.call == "clear"


def test_every_measure_and_printed_by_titles() -> None:
    found = study(measures=("dice", "volume_difference"))
    table = found[METHODS_OVER_SEEDS]
    assert list(dict.fromkeys(table.measure)) == ["dice", "volume_difference"]
    # Of a signed measure its size: the U-Net marks too little.
    sizes = table[(table.measure == "volume_difference") & (table.other == "unet")]
    assert (sizes.difference < 0).all()
    printed = METHODS_OVER_SEEDS.table(found)
    assert printed is not None
    assert len(printed.rows) == (table.measure == "dice").sum()
    assert printed.rows[0][0] == "level1, The net minus unet"
    brief = [one.words for one in answers(found) if one.about == "Over seeds"]
    assert len(brief) == 1
    assert brief[0].startswith("The net minus unet over seeds (3 and 3 networks): clear on level1 (+")
    assert MEDIAN_READER not in brief[0]
    many = in_brief_over_seeds(table, list(LEVELS), 0)
    assert many == "Of 2 differences of 1 pairs over seeds: 2 clear."
    (said, *_) = over_seeds(found.titled)
    assert said.startswith("The net minus unet over seeds (3 and 3 networks): clear on level1 +")


def scores(*networks: tuple[str, float], exams: int = 10, seed: int = 1) -> pd.DataFrame:
    """Dice on one level: a network's own offset, and noise."""
    rng = np.random.default_rng(seed)
    rows = [(f"e{exam:02d}", name, 0.6 + offset) for exam in range(exams) for name, offset in networks]
    table = pd.DataFrame(rows, columns=["exam", "rater", "dice"]).assign(level="level1")
    return table.assign(dice=table.dice + rng.normal(scale=0.01, size=len(table)))


def over(table: pd.DataFrame, **networks: list[str]) -> pd.Series:
    return compare_over_seeds(table, None, networks, []).iloc[0]


def test_a_difference_that_every_pair_of_networks_shows_is_no_difference_of_methods() -> None:
    """Two networks alone would be called apart: 0.05 on ten of ten exams."""
    table = scores(("a", 0.05), ("a2", -0.05), ("a3", 0.02), ("b", 0.0), ("b2", 0.04), ("b3", -0.03))
    pair = table.pivot(index="exam", columns="rater", values="dice")
    assert stats.wilcoxon(pair.a, pair.b).pvalue < 0.01
    row = over(table, a=["a", "a2", "a3"], b=["b", "b2", "b3"])
    assert row.call == "within seeds"
    assert row.low < 0 < row.high
    assert "within the spread between seeds on level1" in in_words(
        pd.DataFrame([row]).assign(measure="dice"), ["level1"]
    )[0]  # fmt: skip


def test_one_reader_and_one_method_have_nothing_to_compare_over_seeds() -> None:
    masks = {f"e{number}": np.eye(6, dtype=int)[np.newaxis] for number in range(3)}
    shifted = {exam: np.roll(mask, 1, axis=1) for exam, mask in masks.items()}
    found = ev.read_study(
        {"anna": masks}, {"net": shifted, "net_b": masks | {"e0": shifted["e0"]}},
        levels={"level1": 1}, seed_of={"net_b": "net"},
    )  # fmt: skip
    assert METHODS_OVER_SEEDS not in found
    assert over_seeds(found) == []


def test_two_seeds_call_nothing_clear() -> None:
    table = scores(("a", 0.1), ("a2", 0.1), ("b", 0.0), ("b2", 0.0))
    row = over(table, a=["a", "a2"], b=["b", "b2"])
    assert FEWEST == 3
    assert row.p < 0.001
    assert row.call == "few seeds"


def test_groups_repeat_levels_and_are_not_judged() -> None:
    table = scores(("a", 0.1), ("a2", 0.1), ("a3", 0.1), ("b", 0.0), ("b2", 0.0), ("b3", 0.0))
    both = pd.concat([table, table.assign(level="group")])
    networks = {name: [name, f"{name}2", f"{name}3"] for name in "ab"}
    level, group = compare_over_seeds(both, None, networks, [], spoken_of=["level1"]).itertuples()
    assert (level.call, group.call) == ("clear", "not judged")
    assert level.p_holm == level.p
    assert np.isnan(group.p_holm)


def test_exams_in_which_a_network_is_undefined_are_left_out_and_counted() -> None:
    table = scores(("a", 0.1), ("a2", 0.1), ("b", 0.0), ("b2", 0.0))
    table.loc[(table.exam == "e03") & (table.rater == "b2"), "dice"] = np.nan
    row = over(table, a=["a", "a2"], b=["b", "b2"])
    assert (row.n_pairs, row.n_left_out) == (9, 1)
    nowhere = over(table.assign(dice=np.nan), a=["a", "a2"], b=["b", "b2"])
    assert (nowhere.call, nowhere.n_pairs, nowhere.n_left_out) == ("not comparable", 0, 10)


def test_knees_are_averaged_in_their_exam() -> None:
    table = scores(("a", 0.1), ("a2", 0.1), ("b", 0.0), ("b2", 0.0))
    knees = pd.concat([table.assign(knee="left"), table.assign(knee="right", dice=table.dice + 0.1)])
    one, other = (over(of, a=["a", "a2"], b=["b", "b2"]) for of in (table, knees))
    assert other.difference == pytest.approx(one.difference)
    assert other.n_pairs == 10


def test_a_verdict_on_two_networks_says_where_their_methods_are_not_apart() -> None:
    rows = [
        {"measure": "dice", "level": level, "model": "unet", "other": "net", "call": call, "difference": by}
        for level, call, by in [("level1", "clear", -0.1), ("level2", "within seeds", -0.1)]
    ]
    tables = {METHODS_OVER_SEEDS.name: pd.DataFrame(rows)}
    found = Results(ev.Design(LEVELS), READERS, ["net", "unet"], [], tables)
    levels = [LevelVerdict(level, 0.1, 0.05, 0.15, 0.01, 9, True) for level in LEVELS]
    better = Verdict("net", "unet", "better", tuple(levels), "net is better than unet.")
    (said,) = beside_seeds(found, [better])
    assert said.unclear_over_seeds == ("level2",)
    assert said.words == (
        "net is better than unet. Of these two networks alone: over seeds it is not clear on level2."
    )
    assert in_brief(said) == (
        "net is better than unet on level1 (by 0.10), level2 (by 0.10) (not clear over seeds on level2)"
    )
    # What is not settled needs no word, and who has one network has none to say.
    chance = replace(better, levels=tuple(replace(level, clear=False) for level in levels))
    alone = replace(better, second="one")
    assert beside_seeds(found, [chance, alone]) == [chance, alone]
    # The other way round over seeds is not the same.
    turned = replace(better, levels=tuple(replace(level, difference=-0.1) for level in levels))
    assert beside_seeds(found, [turned])[0].unclear_over_seeds == ("level1", "level2")
