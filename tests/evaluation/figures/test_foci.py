from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from evaluation.figures.foci import foci_by_volume
from evaluation.measures.foci import FOCI_COLUMNS, exam_foci

LEVELS = {"level1": 1, "level2": 2, "level3": 3}


@pytest.fixture
def foci() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for exam in "abc":
        reference = rng.choice([0, 0, 0, 0, 0, 1, 2, 3], (12, 12, 2))
        for rater in ("net", "anna", "bert"):
            mask = np.where(
                rng.random(reference.shape) < 0.6, reference, rng.choice([0, 2, 3], reference.shape)
            )
            for left_out in ("anna", "bert", "") if rater == "net" else (rater,):
                found = exam_foci(reference, mask, LEVELS, (1, 1, 3))
                rows += [(exam, rater, left_out, *row) for row in found]
    return pd.DataFrame(rows, columns=FOCI_COLUMNS)


def points(axes) -> list[float]:
    return sorted(y for line in axes.get_lines() if line.get_marker() != "None" for y in line.get_ydata())


def numbers(axes) -> list[int]:
    return [int(text.get_text()) for text in axes.texts]


def test_every_focus_of_the_level_is_a_point_and_counted(foci: pd.DataFrame) -> None:
    figure = foci_by_volume(foci, models=["net"], reference="the yardstick", note="Synthetic cohort")
    upper, lower = figure.axes
    drawn = foci[(foci.level == "level3") & ((foci.rater != "net") | (foci.left_out == ""))]
    theirs = drawn[drawn.outcome.isin(["found", "lower", "missed"])]
    np.testing.assert_allclose(points(upper), sorted(theirs.volume_ml))
    np.testing.assert_allclose(points(lower), sorted(drawn.volume_ml[drawn.outcome == "false"]))
    # Readers first, whatever the order of the table.
    names = [label.get_text() for label in lower.get_xticklabels()]
    assert names == ["anna", "bert", "net"]
    expected = [
        int(((theirs.rater == rater) & (theirs.outcome == outcome)).sum())
        for rater in names
        for outcome in ("found", "lower", "missed")
    ]
    assert numbers(upper) == expected
    assert upper.get_ylabel() == "level3 foci of the yardstick (ml)"
    assert figure.get_supxlabel() == "Synthetic cohort"


def test_the_callers_axes_are_drawn_into(foci: pd.DataFrame) -> None:
    figure, axes = plt.subplots(2, 1)
    assert foci_by_volume(foci, level="level2", axes=axes) is figure
    assert points(axes[0])
    with pytest.raises(ValueError, match="axes: found 1, expected 2 panels: foci, false"):
        foci_by_volume(foci, axes=axes[0])
    plt.close(figure)


def test_points_of_one_volume_lie_side_by_side_in_their_lane(foci: pd.DataFrame) -> None:
    same = foci[foci.rater == "anna"].assign(outcome="found", volume_ml=0.01, level="level3")
    upper, _ = foci_by_volume(same).axes
    (lane,) = [line for line in upper.get_lines() if len(line.get_xdata()) == len(same)]
    assert len({*np.round(lane.get_xdata(), 6)}) > 3
    assert np.abs(lane.get_xdata()).max() < 0.15


def test_a_level_that_nobody_has_is_refused_and_one_without_foci_is_drawn(foci: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="level: found 'level9', expected one of level1, level2, level3"):
        foci_by_volume(foci, level="level9")
    empty = pd.DataFrame(
        [
            ("a", "net", "", *row)
            for row in exam_foci(np.zeros((2, 2)), np.zeros((2, 2)), {"level3": 3}, (1, 1))
        ],
        columns=FOCI_COLUMNS,
    )
    assert points(foci_by_volume(empty).axes[0]) == []


@pytest.mark.parametrize("n_raters", [3, 15])
def test_names_and_numbers_of_many_raters_do_not_run_into_each_other(
    foci: pd.DataFrame, n_raters: int
) -> None:
    rater = foci[foci.rater == foci.rater.iloc[0]]
    many = pd.concat(
        [pd.concat([rater] * 1200).assign(rater=f"model{number:02}") for number in range(n_raters)]
    )
    figure = foci_by_volume(many, models=sorted(set(many.rater)))
    figure.draw_without_rendering()
    for panel in figure.axes:
        boxes = [text.get_window_extent() for text in panel.texts if text.get_text() != "0"]
        assert boxes
        assert all(one.x1 <= next_.x0 for one, next_ in pairwise(sorted(boxes, key=lambda box: box.x0)))
    names = figure.axes[1].get_xticklabels()
    assert {name.get_rotation() for name in names} == {30.0 if n_raters > 8 else 0.0}
