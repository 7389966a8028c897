"""A study as a pilot: its differences are those that the study compares, and bad ones are refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import evaluation as ev
from evaluation.planning.pilot import Pilot
from evaluation.scores.fair import over_consensuses
from evaluation.scores.interchangeability import RANDOM
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.signed_rank import hodges_lehmann
from evaluation.study import measure_tables as m
from evaluation.study import tables as t
from tests.support.masks import thresholded

NAMES, MODELS = ["anna", "ben", "carl"], ["net", "other"]
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


def test_teams_are_the_pilots_models_or_else_model_and_median_reader(found: ev.ReaderStudy) -> None:
    pilot = Pilot.of(found, level="level1", model="net")
    spread, of_models = pilot.between_teams()
    assert of_models
    assert pilot.n_tests == 6
    fair = found.fair_scores
    settled = over_consensuses(fair[fair.level == "level1"])
    means = settled.pivot(index="exam", columns="rater", values="dice")
    assert spread.sd == pytest.approx((means.net - means.other).std())
    first = found[t.COMPARISONS][found[t.COMPARISONS].model == "net"]
    alone = Pilot.of(
        replace(found, tables={t.COMPARISONS.name: first, t.FAIR_DICE.name: fair}), level="level1"
    )
    spread, of_models = alone.between_teams()
    assert not of_models
    assert alone.model == "net"
    assert spread.sd == alone.beside_median().sd
    assert spread.centres is None


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
