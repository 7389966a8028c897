"""A study as a pilot: its differences are those that the study compares, and bad ones are refused."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import evaluation as ev
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.measures.components import FociRules
from evaluation.measures.measure import OneEmpty
from evaluation.planning.pilot import Pilot
from evaluation.scores.fair import over_consensuses
from evaluation.scores.interchangeability import RANDOM
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.signed_rank import hodges_lehmann
from evaluation.study import measure_tables as m
from evaluation.study import tables as t
from tests.support.masks import thresholded

NAMES, MODELS = ["anna", "ben", "carl"], ["net", "other"]
FOUR = ["r1", "r2", "r3", "r4"]
LEVELS = {"level1": 1, "level2": 2, "level3": 3}


@pytest.fixture(scope="module")
def found() -> ev.ReaderStudy:
    drawn = [thresholded([*NAMES, *MODELS], (9, 8, 2), seed) for seed in range(5)]
    # The highest level is absent from one exam, and in another a model alone marks it.
    for mask in [*drawn[0].values(), *drawn[1].values()]:
        if mask is not drawn[1].get("net"):
            mask[mask == 3] = 2
    masks = {name: [each[name] for each in drawn] for name in drawn[0]}
    return ev.read_study(
        {name: masks[name] for name in NAMES}, {name: masks[name] for name in MODELS},
        levels=LEVELS, rule="majority", measures=("dice", "hd95", "volume_difference"),
    )  # fmt: skip


def test_differences_are_those_that_the_study_compares_by_every_measure(found: ev.ReaderStudy) -> None:
    rows = found[m.MEASURES_COMPARISONS].query("other == 'median reader'")
    assert len(rows) == 2 * 3 * 3
    compared = 0
    for row in rows[rows.n_pairs > 2].itertuples():
        pilot = Pilot.of(found, level=row.level, model=row.model, measure=row.measure)
        try:
            spread = pilot.beside_median()
        except StatisticsError as error:
            assert "found the same difference" in str(error)
            continue
        sign = 1 if pilot.measure.higher_is_better else -1
        assert sign * spread.difference == pytest.approx(row.difference, abs=1e-12), (row.level, row.measure)
        assert (spread.n, spread.n_undefined, spread.n_equal) == (row.n_pairs, row.n_left_out, row.n_equal)
        compared += 1
    assert compared > 12


def _sparse(empty: Callable[[str, np.ndarray], None]) -> dict[str, dict[str, np.ndarray]]:
    """Rater to exams: eight with a ball, drawn a little differently, and three that `empty` marks."""
    random, grid = np.random.default_rng(3), np.indices((24, 20, 6))
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in [*FOUR, "net"]}
    for exam in range(11):
        for name, masks in found.items():
            mask = np.zeros((24, 20, 6), np.uint8)
            if exam < 8:
                x, y = 10 + random.integers(-1, 2), 9 + random.integers(-1, 2)
                radius = 5 + random.integers(2)
                inside = (grid[0] - x) ** 2 + (grid[1] - y) ** 2 + (3 * (grid[2] - 3)) ** 2 <= radius**2
                mask[inside & (random.random(mask.shape) < 0.94)] = 1
            else:
                empty(name, mask)
            masks[f"e{exam}"] = mask
    return found


def _one_reader_and_the_model(name: str, mask: np.ndarray) -> None:
    if name in ("r1", "net"):
        place = 5 if name == "r1" else 16
        mask[place : place + 3, 4:7, 2:4] = 1


def _specks_apart(name: str, mask: np.ndarray) -> None:
    """Voxels that are no foci, each rater elsewhere: there is something to mark, and no focus."""
    mask[2 * (1 + [*FOUR, "net"].index(name)), 15, 2] = 1
    if name == "net":
        mask[16:19, 4:7, 2:4] = 1


@pytest.mark.parametrize("one_empty", [*OneEmpty])
@pytest.mark.parametrize("empty", [_one_reader_and_the_model, _specks_apart])
def test_exams_that_the_study_leaves_out_are_left_out(
    one_empty: OneEmpty, empty: Callable[[str, np.ndarray], None]
) -> None:
    """By every measure, whatever an empty mask is: no exam without a value enters as 0."""
    masks = _sparse(empty)
    found = ev.read_study(
        {name: masks[name] for name in FOUR}, {"net": masks["net"]}, levels={"level1": 1}, rule="majority",
        measures=("dice", "hd95", "assd", "volume_difference", "foci", "nsd@2"), one_empty=one_empty,
        foci=FociRules(smallest_mm3=3),
    )  # fmt: skip
    rows = found[m.MEASURES_COMPARISONS].query("other == 'median reader'")
    assert len(rows) == len(found.design.measured) == 8
    for row in rows.itertuples():
        pilot = Pilot.of(found, level="level1", model="net", measure=row.measure)
        differences = hodges_lehmann(pilot._differences(MEDIAN_READER).to_numpy(float))
        assert (differences.n, differences.n_left_out) == (row.n_pairs, row.n_left_out), row.measure
        assert differences.estimate == pytest.approx(row.difference, abs=1e-12), row.measure
    assert rows.n_left_out.max() == 3


def test_scores_of_an_earlier_version_are_refused_but_for_dice(found: ev.ReaderStudy) -> None:
    before = found[m.FAIR_SCORES].drop(columns=["n_reference", "n_rater", "worst"])
    earlier = replace(found, tables={**found.tables, m.FAIR_SCORES.name: before})
    with pytest.raises(StatisticsError, match="found no n_reference, n_rater, worst.*; evaluate again"):
        Pilot.of(earlier, level="level1", model="net", measure="hd95").beside_median()
    assert Pilot.of(earlier, level="level1", model="net").beside_median().n == 5


def test_teams_are_the_pilots_models_or_else_model_and_median_reader(found: ev.ReaderStudy) -> None:
    pilot = Pilot.of(found, level="level1", model="net")
    teams = pilot.between_teams()
    assert teams.of_models
    assert teams.notes("net") == []
    assert pilot.n_tests == 6
    fair = found.fair_scores
    settled = over_consensuses(fair[fair.level == "level1"])
    means = settled.pivot(index="exam", columns="rater", values="dice")
    assert teams.spread.sd == pytest.approx((means.net - means.other).std())
    first = found[t.COMPARISONS][found[t.COMPARISONS].model == "net"]
    alone = Pilot.of(
        replace(found, tables={t.COMPARISONS.name: first, t.FAIR_DICE.name: fair}), level="level1"
    )
    teams = alone.between_teams()
    assert not teams.of_models
    assert teams.notes("net") == ["Between teams: the SD of net minus the median reader: one model alone."]
    assert alone.model == "net"
    assert teams.spread.sd == alone.beside_median().sd
    assert teams.spread.centres is None


def test_pairs_of_models_that_do_not_vary_are_left_out_of_teams_and_counted() -> None:
    """Two of three models mark nothing of the level: their pair alone says nothing."""
    drawn = [thresholded([*NAMES, "net", "none", "nothing"], (9, 8, 2), seed) for seed in range(5)]
    for exam in drawn:
        for name in ("none", "nothing"):
            exam[name][exam[name] == 2] = 1
        # No copies of each other.
        exam["none"][0, 0, 0], exam["nothing"][0, 0, 0] = 1, 0
    masks = {name: [each[name] for each in drawn] for name in drawn[0]}
    found = ev.read_study(
        {name: masks.pop(name) for name in NAMES}, masks, levels=LEVELS, rule="majority", measures=("dice",)
    )
    pilot = Pilot.of(found, level="level2", model="net")
    assert pilot.judged == ["net", "none", "nothing"]
    teams = pilot.between_teams()
    fair = found.fair_scores
    means = over_consensuses(fair[fair.level == "level2"]).pivot(index="exam", columns="rater", values="dice")
    assert set(means.none.dropna()) == set(means.nothing.dropna()) == {0}
    # Both pairs that are left are net minus 0.
    assert teams.spread.sd == pytest.approx((means.net - means.none).std())
    assert (teams.n_pairs, teams.n_left_out) == (3, 1)
    (note,) = teams.notes("net")
    assert note.startswith(
        "Between teams: 1 of 3 pairs of models left out, which differ by the same in every"
    )
    of_two = t.COMPARISONS.name, found[t.COMPARISONS].query("model != 'net'")
    alone = replace(found, tables={**found.tables, of_two[0]: of_two[1]})
    with pytest.raises(StatisticsError, match="found the same difference 0 in all 4 exams"):
        Pilot.of(alone, level="level2", model="none").between_teams()


def test_readers_are_asked_of_the_studys_own_tables(found: ev.ReaderStudy) -> None:
    pilot = Pilot.of(found, level="level2", model="other")
    widths = pilot.reader_widths()
    row = (
        found[t.INTERCHANGEABILITY]
        .query(
            "level == 'level2' and model == 'other' and left_out == 'nobody' and way == @RANDOM",
            local_dict={"RANDOM": RANDOM},
        )
        .iloc[0]
    )
    assert widths is not None
    assert widths.half_width(int(row.n_exams), 3) == pytest.approx(
        (row.jackknife_high - row.jackknife_low) / 2
    )
    assert pilot.by_reader().n_readers == 3
    assert Pilot.of(found, level="level2", model="other", measure="hd95").reader_widths() is None


def test_one_more_reader_is_held_against_the_yardsticks_without_one(found: ev.ReaderStudy) -> None:
    scores = found[t.DICE_BY_YARDSTICK]
    own = scores[
        (scores.rater == "net") & (scores.level == "level1") & (scores["rule"] == found.design.yardstick)
    ]
    differences = [
        rows.dice[rows.left_out == ""].item() - rows.dice[rows.left_out != ""].mean()
        for _, rows in own.groupby("exam")
    ]
    more = Pilot.of(found, level="level1", model="net").one_more_reader()
    assert more is not None
    assert more.estimate == pytest.approx(hodges_lehmann(np.array(differences)).estimate)
    assert more.n == 5


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"level": "level9"}, "level: found 'level9', expected one of level1, level2, level3"),
        ({"level": "level1", "model": ""}, "model: found none named, expected one of net, other"),
        ({"level": "level1", "model": "anna"}, "model: found 'anna', expected one of net, other"),
        ({"level": "level1", "measure": "assd"}, "measure: found 'assd', expected one of dice, hd95"),
    ],
)
def test_what_the_pilot_does_not_hold_is_refused(
    found: ev.ReaderStudy, asked: dict[str, str], message: str
) -> None:
    with pytest.raises(StatisticsError, match=message):
        Pilot.of(found, **({"model": "net"} | asked))


def test_what_is_no_pilot_is_refused(found: ev.ReaderStudy) -> None:
    with pytest.raises(StatisticsError, match="pilot: found one exam, expected several"):
        Pilot.of(replace(found, exams=found.exams[:1]), level="level1", model="net")
    tables = {t.FAIR_DICE.name: found[t.FAIR_DICE]}
    with pytest.raises(StatisticsError, match="pilot: found 3 readers and 2 models to be compared"):
        Pilot.of(replace(found, tables=tables), level="level1", model="net")
    with pytest.raises(StatisticsError, match="pilot: found 1 reader and"):
        Pilot.of(replace(found, readers=["anna"]), level="level1", model="net")


def test_names_of_exams_decide_nothing(found: ev.ReaderStudy) -> None:
    renamed = {exam: f"z{n}" for n, exam in enumerate(reversed(found.exams))}
    tables = {
        t.COMPARISONS.name: found[t.COMPARISONS], t.FAIR_DICE.name: _renamed(found[t.FAIR_DICE], renamed)
    }  # fmt: skip
    other = replace(found, tables=tables, exams=list(renamed.values()))
    one, two = (Pilot.of(each, level="level2", model="net").beside_median() for each in (found, other))
    assert (one.difference, one.sd, one.n) == pytest.approx((two.difference, two.sd, two.n))


def _renamed(table: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    return table.assign(exam=table.exam.map(names)).sort_values("exam", kind="stable")
