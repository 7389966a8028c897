"""What the figure of NSD over the tolerance holds; how it looks is judged by eye."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from evaluation.figures import style, tolerances
from evaluation.measures.tolerance import CURVE, CURVE_COLUMNS, SURFACES
from tests.support.figures import panel_titles

LEVELS = ["level1", "level3"]


@pytest.fixture
def curve() -> pd.DataFrame:
    rows = [
        (rater, level, tolerance, 1 - np.exp(-tolerance - place), 9, SURFACES)
        for place, rater in enumerate(("net", "anna", "ben"))
        for level in LEVELS
        for tolerance in CURVE
    ]
    return pd.DataFrame(rows, columns=CURVE_COLUMNS)


def test_models_stand_before_readers_and_steps_of_the_voxels_are_marked(curve: pd.DataFrame) -> None:
    found = {"level1": 1.28, "level3": 51.31}
    figure = tolerances(
        curve, models=["net"], spacing=(0.9, 0.9, 3.5), tolerances=found, note="Synthetic cohort"
    )
    assert figure.get_supxlabel() == "Synthetic cohort"
    assert panel_titles(figure) == ["level1 (9 exams)", "level3 (9 exams)"]
    assert [panel.texts[0].get_text() for panel in figure.axes] == ["1.28 mm", "51.31 mm →"]
    first, last = (panel.lines for panel in figure.axes)
    assert [line.get_xdata()[0] for line in first[:3]] == [0.9, 3.5, 1.28]
    # Beyond the axis there is no line.
    assert [line.get_xdata()[0] for line in last[:3]] == [0.9, 3.5, 0]
    model = last[-1]
    assert to_rgb(model.get_color()) != to_rgb(style.LIGHT)
    assert [to_rgb(line.get_color()) for line in last[-3:-1]] == [to_rgb(style.LIGHT)] * 2
    expected = curve[(curve.rater == "net") & (curve.level == "level3")]
    np.testing.assert_allclose(model.get_xydata(), expected[["tolerance", "nsd"]])
    assert model.get_drawstyle() == "steps-post"
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["net", "readers", "readers' tolerance", "voxel, 0.9 mm", "step between slices, 3.5 mm"]


def test_cubic_voxels_have_one_step_and_a_figure_joins_the_axes_given(curve: pd.DataFrame) -> None:
    own = Figure()
    panels = own.subplots(1, 2)
    figure = tolerances(curve, models=[], spacing=(1.0, 1.0), axes=panels)
    assert figure is own
    assert [len(panel.lines) for panel in panels] == [4, 4]
    words = [text.get_text() for text in panels[0].get_legend().get_texts()]
    assert words == ["readers", "voxel, 1 mm"]
    with pytest.raises(ValueError, match="^axes: found 1, expected 2 panels: level1, level3$"):
        tolerances(curve, models=[], spacing=(1.0, 1.0), axes=panels[0])
