"""Voxels that a reader was unsure of are left out of every count, as nnU-Net's ignore label is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation import read_study
from evaluation.consensus.ignored import paint_all
from evaluation.consensus.votes import count_votes
from evaluation.masks.reading import MaskError
from evaluation.measures.surface import Surfaces
from evaluation.study import ReaderStudy, unsure
from evaluation.study import tables as t
from tests.support.masks import thresholded

LEVELS = {"level1": 1, "level2": 2, "level3": 3}
READERS = ["anna", "ben", "carl"]
IGNORE = 255


def masks() -> dict[str, list[np.ndarray]]:
    """Anna was unsure of a block of the first exam, Ben of another that overlaps it."""
    exams = [thresholded([*READERS, "net"], (14, 12, 4), seed=seed) for seed in range(2)]
    exams[0]["anna"][2:6, 3:8, 1:3] = IGNORE
    exams[0]["ben"][4:9, 2:5, :2] = IGNORE
    return {rater: [exam[rater] for exam in exams] for rater in exams[0]}


def study(drawn: dict[str, list[np.ndarray]], **rules: object) -> ReaderStudy:
    readers = {name: drawn[name] for name in READERS}
    return read_study(readers, {"net": drawn["net"]}, levels=LEVELS, ignore=IGNORE, **rules)


@pytest.fixture(scope="module")
def found() -> ReaderStudy:
    return study(masks(), measures=("hd95", "nsd@2"))


def test_counts_are_those_of_nnunet(found: ReaderStudy) -> None:
    """`nnunetv2.evaluation.evaluate_predictions.compute_tp_fp_fn_tn`, the consensus as its reference."""
    evaluate = pytest.importorskip("nnunetv2.evaluation.evaluate_predictions")
    drawn = masks()
    ignored = (drawn["anna"][0] == IGNORE) | (drawn["ben"][0] == IGNORE)
    reference = found.consensus["exam1"].label
    assert not reference[ignored].any()
    scores = found[t.DICE].set_index(["exam", "rater", "level"])
    for rater in (*READERS, "net"):
        for name, value in LEVELS.items():
            level = drawn[rater][0] == value
            tp, fp, fn, _ = evaluate.compute_tp_fp_fn_tn(reference == value, level, ignored)
            row = scores.loc[("exam1", rater, name)]
            assert (row.tp, row.fp, row.fn) == (tp, fp, fn)


def test_what_lies_there_changes_nothing(found: ReaderStudy) -> None:
    """Whatever the others drew on the ignored voxels, every score stays, surfaces too."""
    drawn = masks()
    ignored = (drawn["anna"][0] == IGNORE) | (drawn["ben"][0] == IGNORE)
    noise = np.random.default_rng(0).integers(0, 4, ignored.shape)
    for rater in ("carl", "net"):
        drawn[rater][0] = np.where(ignored, noise, drawn[rater][0]).astype(np.uint8)
    again = study(drawn, measures=("hd95", "nsd@2"))
    for table in (t.DICE, t.FAIR_DICE, t.AGREEMENT_CHANCE, t.VOLUMES, t.INTERCHANGEABILITY):
        pd.testing.assert_frame_equal(again[table], found[table])
    scores = ["exam", "rater", "level", "measure", "value"]
    from evaluation.study import measure_tables as m

    pd.testing.assert_frame_equal(again[m.SCORES][scores], found[m.SCORES][scores])


def test_their_number_stands_below_every_table(found: ReaderStudy) -> None:
    table = found[unsure.IGNORED].set_index("rater")
    assert table.voxels.to_dict() == {"anna": 40, "ben": 30, "carl": 0}
    assert set(table.left_out) == {40 + 30 - 2 * 2 * 1} and set(table.exam) == {"exam1"}
    said = (
        "Left out of every count: 66 voxels in 1 of 2 exams that a reader marked as unsure (label 255: anna "
        "40, ben 30). A border with them is no surface."
    )
    for table in (t.TABLE1, t.TABLE1_FAIR, t.INTERCHANGEABILITY):
        assert said in found.printed(table).notes
    assert "ignored.csv" in found.texts()


def test_a_model_is_not_unsure() -> None:
    drawn = masks()
    drawn["net"][1][0, 0, 0] = IGNORE
    with pytest.raises(MaskError, match=r"exam2: net: label: found 255 \(ignore\) in 1 voxel,"):
        study(drawn)


def test_something_is_left_and_a_level_is_none() -> None:
    drawn = masks()
    drawn["carl"][1] = np.full_like(drawn["carl"][1], IGNORE)
    with pytest.raises(MaskError, match=r"exam exam2: label: found 255 \(ignore\) everywhere"):
        study(drawn)
    with pytest.raises(MaskError, match="ignore: found 3, expected a value that is no level's"):
        read_study({"anna": masks()["carl"], "ben": masks()["net"]}, levels=LEVELS, ignore=3)


def test_a_border_of_ignored_voxels_is_no_surface() -> None:
    """Half of a box is ignored: what is left has the surface that it has there, and none on the cut."""
    whole = np.zeros((12, 10, 8), bool)
    whole[2:10, 3:7, 2:6] = True
    ignored = np.zeros_like(whole)
    ignored[6:] = True
    half = whole & ~ignored
    for convention in ("elements", "voxels"):
        cut = Surfaces({"half": half}, (1, 1, 1), convention)
        open_ended = Surfaces({"half": half}, (1, 1, 1), convention, ignored=ignored)
        (area,), (less,) = ([each.extent("half")[1]] for each in (cut, open_ended))
        assert less < area
    # By elements it is the whole box's surface, of cells without an ignored voxel.
    every = Surfaces({"box": whole}, (1, 1, 1))
    places, areas = every._elements["box"]
    along = every._frame.indices(places)[:, 0] - every._frame.margin[0] + every._frame.box[0].start
    left = Surfaces({"half": half}, (1, 1, 1), "elements", ignored=ignored).extent("half")[1]
    assert left == pytest.approx(areas[along + 1 < 6].sum())
    far = np.zeros_like(whole)
    far[2:6, 3:7, 2:6] = True
    moved = Surfaces({"half": half, "far": far}, (1, 1, 1), "elements", ignored=ignored).between(
        "half", "far"
    )
    assert moved.hausdorff() == 0


def test_a_mask_with_no_other_border_keeps_it() -> None:
    mask = np.zeros((5, 5, 5), bool)
    mask[2, 2, 2] = True
    found = Surfaces({"a": mask, "b": mask}, (1, 1, 1), "elements", ignored=~mask)
    assert found.between("a", "b").hausdorff() == 0


@given(st.integers(0, 2**32 - 1))
def test_painting_leaves_them_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = {rater: rng.integers(0, 3, (4, 3, 2)).astype(np.uint8) for rater in "ab"}
    ignored = rng.random((4, 3, 2)) < 0.4
    if ignored.all():
        return
    empty = {rater: np.where(ignored, 0, mask).astype(np.uint8) for rater, mask in drawn.items()}
    n = int(ignored.sum())
    votes = count_votes({rater: mask[~ignored] for rater, mask in drawn.items()}, (0, 1, 2))
    painted = paint_all(empty, votes, votes.patterns[:, 0], n)
    np.testing.assert_array_equal(painted, empty["a"])
