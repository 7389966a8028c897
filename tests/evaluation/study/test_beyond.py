"""Every measure of a study: by the same consensuses as Dice, in the same tables, its direction respected."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import surface_distance

from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import count_votes, paint
from evaluation.measures.measure import OneEmpty
from evaluation.study import ReaderStudy
from evaluation.study import measure_tables as m
from evaluation.study import tables as t
from tests.support.measured_studies import (
    LEVELS,
    READERS,
    SPACING,
    Masks,
    by_peer,
    exams_seen,
    study_of,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:surface_distance")


@pytest.fixture(scope="module")
def masks() -> Masks:
    return exams_seen()


@pytest.fixture(scope="module")
def study(masks: Masks) -> ReaderStudy:
    return study_of(masks)


def test_usual_scores_are_against_the_studys_consensus(study: ReaderStudy, masks: Masks) -> None:
    scores = study[m.SCORES].set_index(["measure", "exam", "rater", "level"]).value
    for exam, each in masks.items():
        readers = {reader: each[reader] for reader in READERS}
        votes = count_votes(readers, (0, 1, 2, 3))
        consensus = paint(readers, votes, staple(votes, rule="majority").label)
        for rater in ("anna", "net"):
            for level, values in (("level1", (1,)), ("level2+3", (2, 3))):
                first, second = np.isin(consensus, values), np.isin(each[rater], values)
                for measure in ("nsd@1", "hd95"):
                    theirs = by_peer(first, second, measure)
                    assert scores[measure, exam, rater, level] == pytest.approx(theirs, abs=1e-6)
                ml = (int(second.sum()) - int(first.sum())) * np.prod(SPACING) / 1000
                assert scores["volume_difference", exam, rater, level] == pytest.approx(ml)


def test_fair_scores_are_against_consensuses_without_the_own_mask(study: ReaderStudy, masks: Masks) -> None:
    scores = study[m.FAIR_SCORES].set_index(["measure", "exam", "rater", "level", "left_out"]).value
    exam, each = "e1", masks["e1"]
    votes = count_votes({reader: each[reader] for reader in READERS}, (0, 1, 2, 3))
    without = leave_one_out(votes, rule="map")
    for rater, left_out in (("ben", "ben"), ("net", "ben"), ("net", "carl")):
        others = {reader: each[reader] for reader in READERS if reader != left_out}
        reference = paint(others, without[left_out].votes, without[left_out].label)
        for measure in ("nsd@1", "hd95"):
            theirs = by_peer(reference == 2, each[rater] == 2, measure)
            assert scores[measure, exam, rater, "level2", left_out] == pytest.approx(theirs, abs=1e-6)
    assert ("hd95", exam, "ben", "level2", "anna") not in scores.index


def test_dice_is_the_same_as_ever(study: ReaderStudy) -> None:
    for listed, own in ((m.SCORES, t.DICE), (m.FAIR_SCORES, t.FAIR_DICE)):
        keys = ["exam", "rater", "level", *(["left_out"] if own is t.FAIR_DICE else [])]
        ours = study[listed].query("measure == 'dice'").set_index(keys).value
        theirs = study[own].set_index(keys).dice
        pd.testing.assert_series_equal(ours, theirs.reindex(ours.index), check_names=False)
    table = study[m.MEASURES_TABLE1].query("measure == 'dice'").drop(columns="measure")
    pd.testing.assert_frame_equal(table.reset_index(drop=True), study[t.TABLE1_FAIR])


def test_the_tolerance_is_that_of_the_readers_alone(study: ReaderStudy, masks: Masks) -> None:
    tolerance = study[m.TOLERANCE].set_index("level")
    distances, areas = [], []
    for each in masks.values():
        for first, second in combinations(READERS, 2):
            found = surface_distance.compute_surface_distances(each[first] == 1, each[second] == 1, SPACING)
            distances += [found["distances_gt_to_pred"], found["distances_pred_to_gt"]]
            areas += [found["surfel_areas_gt"], found["surfel_areas_pred"]]
    together, sizes = np.concatenate(distances), np.concatenate(areas)
    order = np.argsort(together)
    place = np.searchsorted(np.cumsum(sizes[order]) / sizes.sum(), 0.95)
    assert 0 <= tolerance.tolerance["level1"] - together[order][place] < 0.01
    assert tolerance.n_pairs["level1"] == 15
    without_models = study_of(masks, models=(), measures=("nsd@readers",))[m.TOLERANCE]
    assert without_models.tolerance.tolist() == study[m.TOLERANCE].tolerance.tolist()
    nsd = study[m.SCORES].query("measure == 'nsd@readers' and level == 'level1' and exam == 'e0'")
    given = study_of(masks, tolerances={"level1": 1.0}, measures=("nsd@readers", "nsd@1"))
    at_one = given[m.SCORES].query("level == 'level1'").set_index(["measure", "exam", "rater"]).value
    assert at_one["nsd@readers"].to_numpy() == pytest.approx(at_one["nsd@1"].to_numpy())
    assert at_one["nsd@readers", "e0"].to_numpy() != pytest.approx(nsd.value.to_numpy(), abs=1e-3)
    assert given[m.TOLERANCE].set_index("level").source["level1"] == "fixed before"


def test_readers_who_miss_each_other_have_the_median_as_tolerance() -> None:
    far = np.zeros((60, 8, 5), np.uint8)
    apart = {}
    for exam in ("e0", "e1"):
        apart[exam] = {rater: far.copy() for rater in READERS}
        for place, mask in enumerate(apart[exam].values()):
            mask[2:8, 2:6, 1:4] = 1
            mask[20 + 12 * place : 24 + 12 * place, 2:6, 1:4] = 1
    found = study_of(apart, models=(), measures=("nsd@readers",))[m.TOLERANCE]
    row = found.set_index("level").loc["level1"]
    # More than half of their surfaces coincide.
    assert row.tolerance == 0.9
    assert row.source == "half of the readers' surfaces lie this close to another reader's, at least a voxel"
    assert "they differ in whole foci, not by borders alone" in row.notices


def test_differences_respect_the_direction(study: ReaderStudy) -> None:
    rows = study[m.MEASURES_COMPARISONS].query("level == 'level1' and model == 'poor'")
    beside = rows[rows.other == "median reader"].set_index("measure").difference
    assert beside["dice"] < 0
    assert beside["nsd@1"] < 0
    assert beside["hd95"] > 0
    assert beside["assd"] > 0
    shown = m.beside_median_table(study, ["level1"])
    # Of so few exams no interval has the confidence that stands above the column.
    assert rows.coverage.max() < 0.95 == rows.confidence.max()
    assert all(row[1].endswith("*") for row in shown.rows)
    assert shown.notes[1] == "*: too few exams; the widest interval that there is."
    favoured = {row[0].partition(",")[0]: row[2] for row in shown.rows if row[0].endswith("poor")}
    assert favoured["Dice"] == favoured["HD95"] == favoured["NSD at 1 mm"] == "readers"
    pairs = study[m.MEASURES_METHODS].query("level == 'level1'").set_index("measure").difference
    assert pairs["hd95"] < 0 < pairs["nsd@1"]
    agreement = study[m.MEASURES_INTERCHANGEABILITY].query("level == 'level1'")
    agreement = agreement.set_index(["measure", "model"])
    for measure in ("nsd@1", "hd95", "assd"):
        # More than 0 is more agreement, also of distances.
        assert agreement.difference[measure, "poor"] < 0
    assert agreement.model_mean["hd95", "poor"] > agreement.readers_mean["hd95", "poor"] > 0


def test_the_size_of_a_volume_difference_is_compared(study: ReaderStudy) -> None:
    fair = study[m.FAIR_SCORES].query("measure == 'volume_difference'")
    assert (fair.value < 0).any()
    fair = fair[fair.level == "level1"]
    table = study[m.MEASURES_TABLE1].query("measure == 'volume_difference' and level == 'level1'")
    medians = table.set_index(["way", "rater"])["median"]
    of_net = fair[fair.rater == "net"].groupby("exam").value.mean()
    assert medians["fair", "net"] == pytest.approx(of_net.median())
    against = study[m.MEASURES_COMPARISONS].query("measure == 'volume_difference' and level == 'level1'")
    row = against.set_index(["model", "other"]).loc[("net", "ben")]
    by_ben = fair[fair.left_out == "ben"].set_index(["rater", "exam"]).value.abs()
    differences = (by_ben["net"] - by_ben["ben"]).to_numpy()
    assert differences.min() <= row.difference <= differences.max()


def test_one_empty_is_the_worst_or_left_out_and_counted(masks: Masks) -> None:
    changed = {exam: dict(each) for exam, each in masks.items()}
    changed["e0"]["net"] = np.where(masks["e0"]["net"] == 2, 1, masks["e0"]["net"])
    diagonal = float(np.linalg.norm(np.array([14, 12, 5]) * SPACING))
    for policy, value in ((OneEmpty.WORST, diagonal), (OneEmpty.LEFT_OUT, np.nan)):
        study = study_of(changed, one_empty=policy, measures=("hd95",))
        rows = study[m.SCORES].query("exam == 'e0' and rater == 'net' and level == 'level2'")
        rows = rows.set_index("measure")
        assert rows.status["hd95"] == rows.status["dice"] == "one_empty"
        assert rows.value["hd95"] == pytest.approx(value, nan_ok=True)
        assert rows.value["dice"] == 0
        table = study[m.MEASURES_TABLE1].query("measure == 'hd95' and rater == 'net' and level == 'level2'")
        n_defined = table.set_index("way").n_defined
        assert n_defined["usual"] == n_defined["fair"] == (5 if policy is OneEmpty.WORST else 4)
        printed = str(m.measures_table(study, ["level2"]))
        assert ("(4 of 5)" in printed) == (policy is OneEmpty.LEFT_OUT)


def test_a_level_that_most_yardsticks_lack_is_the_worst_for_who_marks_it(masks: Masks) -> None:
    changed = {
        exam: {rater: np.minimum(mask, 2) for rater, mask in each.items()} for exam, each in masks.items()
    }
    changed["e0"]["poor"] = changed["e0"]["poor"].copy()
    changed["e0"]["poor"][4:6, 4:6, 2] = 3
    study = study_of(changed, measures=("hd95", "nsd@1", "volume_difference"))
    table = study[m.MEASURES_TABLE1].query("way == 'fair' and level == 'level3'")
    found = table.set_index(["measure", "rater"])
    diagonal = float(np.linalg.norm(np.array([14, 12, 5]) * SPACING))
    assert found["median"]["hd95", "poor"] == pytest.approx(diagonal)
    assert found["median"]["nsd@1", "poor"] == 0
    assert found.n_defined["hd95", "poor"] == 1
    assert found.n_defined["hd95", "net"] == found.n_defined["hd95", "anna"] == 0
    # Who has to mark nothing is scored by volumes all the same.
    assert found.n_defined["volume_difference", "net"] == 5
    assert found["maximum"]["volume_difference", "poor"] == pytest.approx(4 * np.prod(SPACING) / 1000)


def test_a_copy_has_its_readers_fair_scores(masks: Masks) -> None:
    copied = {exam: {**each, "net": each["ben"]} for exam, each in masks.items()}
    study = study_of(copied)
    table = study[m.MEASURES_TABLE1].query("way == 'fair'").set_index(["measure", "level", "rater"])["median"]
    for measure in ("hd95", "nsd@readers", "foci_f1", "volume_difference"):
        for level in LEVELS:
            assert table[measure, level, "net"] == pytest.approx(table[measure, level, "ben"], nan_ok=True)
    assert set(study[m.MEASURES_COMPARISONS].model) == {"poor"}


def test_with_one_reader_there_are_scores_and_no_tolerance(masks: Masks) -> None:
    study = study_of(masks, readers=["anna"])
    assert m.FAIR_SCORES not in study
    assert m.MEASURES_COMPARISONS not in study
    nsd = study[m.SCORES].query("measure == 'nsd@readers' and level == 'level1'")
    assert nsd.value.isna().all()
    assert set(nsd.status) == {"undefined"}
    assert study[m.TOLERANCE].source.unique().tolist() == ["no two readers marked it in one exam"]
    assert not study[m.SCORES].query("measure == 'hd95' and level == 'level1'").value.isna().any()
    assert "–" in str(study.printed(m.MEASURES_TABLE1))


def test_groups_have_no_foci_for_a_level_is_all_above_it(study: ReaderStudy) -> None:
    levels = study[m.SCORES].groupby("measure", sort=False)["level"].unique()
    assert "level2+3" in levels["hd95"]
    assert "level2+3" not in levels["foci_f1"]
    assert not study[m.FOCI].empty


def test_foci_are_those_of_yardsticks_without_the_own_mask(study: ReaderStudy) -> None:
    foci = study[m.FOCI]
    assert set(foci.left_out[foci.rater == "ben"]) == {"ben"}
    assert set(foci.left_out[foci.rater == "net"]) == {"", *READERS}
    summary = study[m.FOCI_SUMMARY].set_index(["rater", "left_out", "level"])
    fair = study[m.FAIR_SCORES].query("rater == 'ben' and level == 'level1' and measure == 'foci_false'")
    assert summary.false["ben", "ben", "level1"] == fair.value.sum()


def test_a_study_of_dice_alone_has_no_further_table(masks: Masks) -> None:
    study = study_of(masks, measures=("dice",))
    assert not [table.name for table in m.TABLES if table in study]


def test_nsd_over_the_tolerance_never_falls(study: ReaderStudy) -> None:
    curve = study[m.NSD_CURVE]
    for _, found in curve.groupby(["rater", "level"]):
        assert (found.nsd.diff().dropna() >= 0).all()
    at = curve[(curve.tolerance == 1) & (curve.level == "level1")].set_index("rater").nsd
    fair = study[m.FAIR_SCORES].query("measure == 'nsd@1' and level == 'level1'")
    for rater in ("ben", "net"):
        of_exams = fair[fair.rater == rater].groupby("exam").value.mean()
        assert at[rater] == pytest.approx(of_exams.median())


def test_sensitivity_is_undefined_where_most_yardsticks_have_no_focus(masks: Masks) -> None:
    changed = {
        exam: {rater: np.minimum(mask, 2) for rater, mask in each.items()} for exam, each in masks.items()
    }
    for rater in ("anna", "ben", "net"):
        changed["e0"][rater] = changed["e0"][rater].copy()
        changed["e0"][rater][4:6, 4:6, 2] = 3
    study = study_of(changed, measures=("foci",))
    fair = study[m.FAIR_SCORES].query("measure == 'foci_sensitivity' and level == 'level3' and exam == 'e0'")
    of_net = fair[fair.rater == "net"].set_index("left_out").value
    table = study[m.MEASURES_TABLE1].query("measure == 'foci_sensitivity' and level == 'level3'")
    found = table.set_index(["way", "rater"])
    # Without carl both of those who are left see it.
    assert of_net.notna().sum() == 1
    assert of_net["carl"] == 1
    # Not 0: it was found where there was something to find.
    assert found.n_defined["fair", "net"] == found.n_defined["fair", "poor"] == 0
