"""Every measure of a part of an exam: of its knees, its outer and inner slices, outlines in their plane."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import count_votes, paint
from evaluation.figures.tolerance import nsd_over_tolerance
from evaluation.study import measure_tables as m
from evaluation.study import tables as t
from tests.support.measured_studies import READERS, SPACING, Masks, by_peer, exams_seen, study_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:surface_distance")


@pytest.fixture(scope="module")
def masks() -> Masks:
    return exams_seen()


def test_by_knee_every_measure_is_of_the_knee(masks: Masks) -> None:
    gap = np.zeros((14, 12, 5), np.uint8)
    exams = list(masks.values())
    paired = {
        f"e{place}": {
            rater: np.concatenate([exams[place][rater], gap, exams[place + 1][rater]])
            for rater in (*READERS, "net")
        }
        for place in range(3)
    }
    names = ("nsd@readers", "hd95", "volume_difference", "foci_false")
    study = study_of(paired, models=("net",), unit="knee", measures=names)
    scores = study[m.SCORES].set_index(["measure", "exam", "knee", "rater", "level"]).value
    fair = study[m.FAIR_SCORES].set_index(["measure", "exam", "knee", "rater", "level", "left_out"]).value
    exam, readers = paired["e1"], {reader: paired["e1"][reader] for reader in READERS}
    votes = count_votes(readers, (0, 1, 2, 3))
    without = leave_one_out(votes, rule="map")["ben"]
    others = {reader: mask for reader, mask in readers.items() if reader != "ben"}
    references = {
        None: paint(readers, votes, staple(votes, rule="majority").label),
        "ben": paint(others, without.votes, without.label),
    }
    # The first axis grows to the patient's right.
    for knee, half in (("left", slice(None, 21)), ("right", slice(21, None))):
        for left_out, reference in references.items():
            first, second = reference[half] == 2, exam["net"][half] == 2
            key = "e1", knee, "net", "level2"
            of = (lambda name, key=key: scores[name, *key]) if left_out is None else (
                lambda name, key=key: fair[name, *key, "ben"])  # fmt: skip
            assert of("hd95") == pytest.approx(by_peer(first, second, "hd95"), abs=1e-6)
            ml = (int(second.sum()) - int(first.sum())) * np.prod(SPACING) / 1000
            assert of("volume_difference") == pytest.approx(ml)
    of_dice = study[m.MEASURES_TABLE1].query("measure == 'dice'").drop(columns="measure")
    pd.testing.assert_frame_equal(of_dice.reset_index(drop=True), study[t.TABLE1_FAIR])
    compared = study[m.MEASURES_COMPARISONS].query("measure == 'hd95' and level == 'level1'")
    assert set(compared.n_pairs) == {3}, "exams, whose knees are one"
    assert set(study[m.FOCI].exam) <= set(paired)


def test_a_study_has_every_measure_by_its_slices(masks: Masks) -> None:
    names = ("dice", "nsd@readers", "hd95", "volume_difference", "false_negative_volume", "foci")
    study = study_of(masks, models=("net",), measures=names)
    table = study[m.MEASURES_BY_SLICE]
    assert set(table.measure) == {
        "nsd@readers", "hd95", "volume_difference", "false_negative_volume", "foci_f1", "foci_sensitivity",
        "foci_false",
    }  # fmt: skip
    assert set(table[table.measure == "hd95"].rater) == {*study.readers, "net"}
    by_slice = study[t.SLICES]
    missed = by_slice.assign(ml=by_slice.fn * by_slice.voxel_ml)
    sums = missed.groupby(["rater", "level", "exam", "is_peripheral"]).ml.sum().unstack()
    for row in table[table.measure == "false_negative_volume"].itertuples():
        of_exams = sums.loc[row.rater, row.level]
        assert row.peripheral == pytest.approx(of_exams[True].median())
        assert row.central == pytest.approx(of_exams[False].median())


def test_the_curve_tells_outlines_from_surfaces(masks: Masks) -> None:
    study = study_of(masks, measures=("nsd@readers", "nsd_in_plane@1"))
    curve = study[m.NSD_CURVE].set_index(["of", "rater", "level", "tolerance"]).nsd.sort_index()
    fair = study[m.FAIR_SCORES].query("measure == 'nsd_in_plane@1' and level == 'level1'")
    of_exams = fair.groupby(["rater", "exam"]).value.mean().groupby("rater").median()
    for rater in ("anna", "net"):
        assert curve["outlines", rater, "level1", 1.0] == pytest.approx(of_exams[rater])
    # A slice is 3.5 mm away: below that only what lies in the slice is met.
    below = {of: curve[of].loc[:, "level1", 3.4] for of in ("outlines", "surfaces")}
    assert (below["outlines"] <= below["surfaces"]).all()
    figure = nsd_over_tolerance(study[m.NSD_CURVE], models=["net", "poor"], spacing=SPACING)
    assert "slice by slice" in {text.get_text() for text in figure.legends[0].get_texts()}
