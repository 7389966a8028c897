"""The picture of an answer, and outlines on a slice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from evaluation.figures.beside_readers import levels_beside_readers
from evaluation.figures.outlines import outlined_slice

READERS = ["anna", "ben"]


def summary(models: Sequence[str], levels: Sequence[str] = ("low", "high")) -> pd.DataFrame:
    rows = [
        (level, rater, 0.1 * (1 + place), 0.05, 0.9, 0.978)
        for level in levels
        for place, rater in enumerate([*READERS, *models])
    ]
    return pd.DataFrame(
        rows, columns=["level", "rater", "median", "median_low", "median_high", "median_coverage"]
    )


def test_every_rater_is_drawn_where_its_median_is() -> None:
    figure = levels_beside_readers(
        summary(["net"]), models=["net"], readers=READERS, median_reader={"low": 0.15},
        colors={"low": "#ff0000"}, note="Synthetic cohort",
    )  # fmt: skip
    (panel,) = figure.axes
    assert [text.get_text() for text in panel.get_yticklabels()] == ["low", "high"]
    points = np.concatenate([np.asarray(each.get_offsets()) for each in panel.collections])
    assert {round(float(x), 2) for x, _ in points} >= {0.1, 0.2, 0.3}
    # Of the median reader of one level, and the model's intervals of both.
    lines = [tuple(np.round(line.get_xdata(), 2)) for line in panel.lines]
    assert (0.15, 0.15) in lines and lines.count((0.05, 0.9)) == 2
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["net", "95 % interval", "a reader", "median reader", "range of readers"]
    assert figure.get_supxlabel() == "Synthetic cohort"
    # Of five exams none has 95 %; the key does not say that of them.
    of_few = summary(["net"])
    of_few.loc[of_few.level == "high", "median_coverage"] = 0.9375
    few = levels_beside_readers(of_few, models=["net"], readers=READERS, median_reader={})
    assert few.legends[0].get_texts()[1].get_text() == "95 % interval, or the widest of too few exams"


def test_undefined_medians_and_many_raters_are_drawn_too() -> None:
    undefined = summary(["net"]).assign(median=np.nan, median_low=np.nan)
    assert levels_beside_readers(undefined, models=["net"], readers=READERS, median_reader={}).axes
    many = [f"net{n}" for n in range(30)]
    figure = levels_beside_readers(summary(many), models=many, readers=READERS, median_reader={})
    assert "30 models" in [text.get_text() for text in figure.legends[0].get_texts()]
    levels = [f"organ {n}" for n in range(40)]
    assert levels_beside_readers(summary(many, levels), models=many, readers=READERS, median_reader={}).axes


def test_outlines_lie_around_the_marks_of_each() -> None:
    image = np.arange(400.0).reshape(20, 20)
    reference, mask = np.zeros((20, 20), int), np.zeros((20, 20), int)
    reference[5:9, 5:9], mask[12:15, 2:6] = 1, 1
    figure = outlined_slice(
        image,
        reference,
        mask,
        colors={1: "#00ff00", 2: "#0000ff"},
        limits=(0, 400),
        names=("yardstick", "net"),
    )
    left, right = figure.axes
    for panel, rows, columns in ((left, (5, 8), (5, 8)), (right, (12, 14), (2, 5))):
        (outline,) = panel.collections
        x, y = outline.get_paths()[0].vertices.T
        assert (y.min(), y.max()) == pytest.approx((rows[0] - 0.5, rows[1] + 0.5))
        assert (x.min(), x.max()) == pytest.approx((columns[0] - 0.5, columns[1] + 0.5))
    assert [panel.texts[0].get_text() for panel in figure.axes] == ["yardstick", "net"]
