from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from evaluation.figures import raters_by_measure
from evaluation.figures.panels import MANY_EXAMS
from evaluation.figures.scores import dice_boxplot, raters_boxplot
from evaluation.figures.slices import overlay_sheet
from evaluation.measures.named import measures
from tests.support.figures import panel_titles


@pytest.fixture
def scores() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        (exam, rater, level, rng.uniform(0.2, 0.9))
        for exam in "abcde"
        for rater in ("anna", "bert", "net")
        for level in ("level1", "level3")
    ]
    table = pd.DataFrame(rows, columns=["exam", "rater", "level", "dice"])
    table.loc[(table.exam == "e") & (table.level == "level3"), "dice"] = np.nan
    return table


def points(figure: Figure) -> list[float]:
    return sorted(
        float(y) for shown in figure.axes[0].collections for y in np.ma.getdata(shown.get_offsets())[:, 1]
    )


def ticks(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_xticklabels()]


def test_every_defined_exam_is_a_point_and_the_others_are_counted(scores: pd.DataFrame) -> None:
    figure = dice_boxplot(scores, rater="net", colors={"level1": "#40e0d0"}, note="Synthetic cohort")
    assert ticks(figure) == ["level1", "level3\n(4 of 5)"]
    assert figure.axes[0].get_title() == "net against the consensus"
    assert figure.get_supxlabel().endswith("a point is an exam.\nSynthetic cohort")
    np.testing.assert_allclose(points(figure), sorted(scores.dice[scores.rater == "net"].dropna()))


def test_readers_stand_beside_models_in_the_order_of_the_table(scores: pd.DataFrame) -> None:
    figure = raters_boxplot(scores, models=["net"], note="Synthetic cohort")
    legend = figure.axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["anna", "bert", "net"]
    red, green, blue, _ = legend.get_patches()[0].get_facecolor()
    assert red == pytest.approx(green) == pytest.approx(blue)
    np.testing.assert_allclose(points(figure), sorted(scores.dice.dropna()))
    assert ticks(figure)[1] == "level3\n(4 of 5)"


def test_a_rater_s_own_number_of_exams_stands_below_its_box(scores: pd.DataFrame) -> None:
    scores.loc[(scores.exam == "e") & (scores.level == "level3") & (scores.rater == "net"), "dice"] = 0.0
    figure = raters_boxplot(scores, models=["net"])
    assert ticks(figure) == ["level1", "level3\n(n, of 5)"]
    counts = [(text.get_text(), text.xy[0]) for text in figure.axes[0].texts if isinstance(text, Annotation)]
    assert [n for n, _ in counts] == ["4", "4", "5"]
    assert [at for _, at in counts] == pytest.approx([0.75, 1.0, 1.25])


def test_every_measure_has_a_panel_on_its_own_scale(scores: pd.DataFrame) -> None:
    shown = {"nsd@2": scores.dice, "hd95": 300 * scores.dice, "volume_difference": scores.dice - 0.5}
    tables = [scores.assign(measure=name, value=values) for name, values in shown.items()]
    table = pd.concat(tables, ignore_index=True)
    figure = raters_by_measure(table, measures=measures(list(shown)), models=["net"], note="Synthetic cohort")
    assert panel_titles(figure) == ["NSD at 2 mm", "HD95", "Volume difference"]
    assert [panel.get_ylabel() for panel in figure.axes] == ["", "mm", "ml"]
    for panel, values in zip(figure.axes, shown.values(), strict=True):
        low, high = panel.get_ylim()
        assert low < values.min() < values.max() < high
        drawn = sorted(y for each in panel.collections for y in np.ma.getdata(each.get_offsets())[:, 1])
        np.testing.assert_allclose(drawn, sorted(values.dropna()))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["anna", "bert", "net"]


def test_the_callers_settings_and_random_numbers_are_left_alone(scores: pd.DataFrame) -> None:
    np.random.seed(5)
    expected = np.random.RandomState(5).uniform()
    before = dict(mpl.rcParams)
    raters_boxplot(scores, models=["net"])
    assert dict(mpl.rcParams) == before
    assert np.random.uniform() == expected


def test_overlays_of_exams_of_different_shape() -> None:
    sheets = []
    for shape in ((20, 30), (40, 25)):
        image = np.random.default_rng(0).integers(0, 100, shape)
        mask = np.zeros(shape, np.uint8)
        mask[5:9, 5:9] = 3
        sheets.append(("exam", image, {"consensus": mask, "net": mask * 0}))
    figure = overlay_sheet(sheets, colors={1: "#40e0d0", 3: "#ffe100"}, note="Synthetic cohort")
    assert [axes.get_title() for axes in figure.axes[:3]] == ["image", "consensus", "net"]
    assert len(figure.axes) == 6
    tint = figure.axes[1].get_images()[1].get_array()
    np.testing.assert_allclose(tint[6, 6], [1, 0xE1 / 255, 0, 0.6], atol=1e-6)
    assert (tint[0, 0] == 0).all()
    assert not figure.legends
    named = overlay_sheet(sheets, colors={1: "#40e0d0", 3: "#ffe100"}, names={3: "level3"})
    (label,) = named.legends[0].get_texts()
    assert label.get_text() == "level3"
    (patch,) = named.legends[0].get_patches()
    np.testing.assert_allclose(patch.get_facecolor()[:3], [1, 0xE1 / 255, 0], atol=1e-6)


def test_many_labels_are_split_over_rows_and_their_names_do_not_meet():
    levels = [f"submandibular gland {place}" for place in range(20)]
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        [(f"e{exam}", rater, level, rng.random()) for exam in range(3) for rater in ("a", "b", "net")
         for level in levels],
        columns=["exam", "rater", "level", "dice"],
    )  # fmt: skip
    figure = raters_boxplot(table, models=["net"])
    named = [name.get_text() for panel in figure.axes for name in panel.get_xticklabels()]
    assert named == levels
    assert len(figure.axes) > 1
    alone = dice_boxplot(table, rater="net", colors={})
    for drawn in (figure, alone):
        drawn.canvas.draw()
        for panel in drawn.axes:
            along = panel.get_xticklabels() if drawn is figure else panel.get_yticklabels()
            boxes = [name.get_window_extent() for name in along]
            assert not any(one.overlaps(two) for one, two in pairwise(boxes))
    assert [name.get_text() for name in alone.axes[0].get_yticklabels()] == levels


def test_more_boxes_than_can_be_read_are_a_table_of_medians():
    rows = [("e", f"m{n}", level, 0.5) for n in range(50) for level in map(str, range(20))]
    figure = raters_boxplot(pd.DataFrame(rows, columns=["exam", "rater", "level", "dice"]), models=[])
    # The more numerous are the rows.
    assert len(figure.axes[0].get_yticklabels()) == 50
    assert len(figure.axes[0].get_xticklabels()) == 20


@pytest.mark.parametrize("n_models", [10, 11])
def test_models_that_colours_do_not_tell_apart_are_rows_with_names(n_models):
    models = [f"m{n}" for n in range(n_models)]
    rows = [(exam, rater, "lesion", 0.5) for exam in "ab" for rater in ["ann", *models]]
    figure = raters_boxplot(pd.DataFrame(rows, columns=["exam", "rater", "level", "dice"]), models=models)
    named = [name.get_text() for name in figure.axes[0].get_xticklabels()]
    if n_models == 10:
        assert named == ["lesion"] and len(figure.axes[0].get_legend().get_texts()) == 11
    else:
        assert named == ["ann", *models]
        assert [text.get_text() for text in figure.axes[0].texts] == ["0.50"] * 12


def test_of_many_exams_points_are_those_beyond_the_whiskers() -> None:
    rng = np.random.default_rng(2)
    dice = np.r_[rng.uniform(0.6, 0.9, MANY_EXAMS), 0.05, 0.1]
    exams = [f"e{number}" for number in range(len(dice))]
    scores = pd.DataFrame({"exam": exams, "rater": "net", "level": "level1", "dice": dice})
    for figure in (
        raters_boxplot(scores, models=["net"], note="n"),
        dice_boxplot(scores, rater="net", colors={}),
    ):
        (points,) = figure.axes[0].collections
        assert sorted(np.ma.getdata(points.get_offsets())[:, 1]) == [0.05, 0.1]
        assert "a point is an exam beyond them." in figure.get_supxlabel().replace("\n", " ")
    few = raters_boxplot(scores[:MANY_EXAMS], models=["net"], note="n")
    assert len(few.axes[0].collections[0].get_offsets()) == MANY_EXAMS
    assert few.get_supxlabel().endswith("a point is an exam.\nn")


def test_a_rater_who_is_undefined_on_a_level_has_no_box_there(scores: pd.DataFrame) -> None:
    scores.loc[(scores.level == "level3") & (scores.rater == "net"), "dice"] = np.nan
    found = points(raters_boxplot(scores, models=["net"]))
    assert len(found) == 5 * 3 + 4 * 2
