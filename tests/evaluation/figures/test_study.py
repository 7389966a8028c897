"""What the figures hold; how they look is judged by eye."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from evaluation.comparison.models import compare_models
from evaluation.comparison.readers import MEDIAN_READER, compare
from evaluation.figures.bland_altman import bland_altman_panels
from evaluation.figures.matrix import matrix
from evaluation.figures.reliability import reliability_panels
from evaluation.figures.study import (
    agreement_heatmap,
    fair_against_usual,
    forest_plot,
    paired_models,
)
from evaluation.figures.style import COLUMN_INCHES
from evaluation.measures.volume import bland_altman
from evaluation.statistics.words import signed
from tests.support.figures import panel_titles

RATERS = ["anna", "ben", "carl", "net"]
LEVELS = ["level1", "level3", "level2+3"]
EXAMS = [f"e{place}" for place in range(8)]
COLORS = {"level1": "#40e0d0", "level3": "#ffe100"}
NOTE = "Synthetic cohort"


@pytest.fixture
def scores() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [(e, r, lv, rng.uniform(0.2, 0.9)) for e in EXAMS for r in RATERS for lv in LEVELS]
    return pd.DataFrame(rows, columns=["exam", "rater", "level", "dice"])


def words(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def points(axes: Axes) -> np.ndarray:
    """Every point of the axes, in the order drawn."""
    return np.concatenate([np.ma.getdata(shown.get_offsets()) for shown in axes.collections])


def check(figure: Figure) -> None:
    """One column wide, with its note."""
    assert figure.get_figwidth() == COLUMN_INCHES
    assert figure.get_supxlabel() == NOTE


def test_a_heatmap_shows_every_pair_once() -> None:
    pairs = [("anna", "ben", 0.81), ("anna", "net", 0.52), ("ben", "net", np.nan)]
    rows = [(level, a, b, dice) for level in LEVELS for a, b, dice in pairs]
    figure = agreement_heatmap(pd.DataFrame(rows, columns=["level", "rater", "other", "mean"]), note=NOTE)
    check(figure)
    assert panel_titles(figure) == LEVELS
    axes = figure.axes[0]
    assert words(axes) == ["0.81", "0.52", "–"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ben", "net"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["anna", "ben"]
    shades = np.ma.filled(axes.get_images()[0].get_array(), np.nan)
    np.testing.assert_array_equal(shades, [[0.81, np.nan], [0.52, np.nan]])
    assert axes.get_images()[0].get_clim() == (0, 1)


def test_bland_altman_panels_show_bias_limits_and_every_exam() -> None:
    rng = np.random.default_rng(1)
    rows = [(e, lv, r, rng.uniform(1, 9)) for e in EXAMS for lv in LEVELS for r in ("net", "consensus")]
    table = pd.DataFrame(rows, columns=["exam", "level", "rater", "ml"])
    figure = bland_altman_panels(table, rater="net", reference="consensus", colors=COLORS, note=NOTE)
    check(figure)
    assert panel_titles(figure) == LEVELS
    ml = table[table.level == "level3"].pivot(index="exam", columns="rater", values="ml")
    expected = bland_altman(ml.net.tolist(), ml.consensus.tolist())
    axes = figure.axes[1]
    heights = [line.get_ydata()[0] for line in axes.lines]  # type: ignore[index]
    assert heights == pytest.approx(
        [expected.bias.estimate, expected.lower.estimate, expected.upper.estimate, 0]
    )
    np.testing.assert_allclose(points(axes), np.c_[(ml.net + ml.consensus) / 2, ml.net - ml.consensus])
    np.testing.assert_allclose(axes.collections[0].get_facecolor()[0][:3], to_rgb(COLORS["level3"]))
    assert words(axes)[0] == f"{expected.bias.estimate:+.2f}".replace("-", "−")
    assert figure.get_supylabel() == "net minus consensus (ml)"


def test_fair_beside_usual(scores: pd.DataFrame) -> None:
    table = scores.assign(usual=scores.dice, fair=scores.dice - 0.1)
    table.loc[(table.exam == "e0") & (table.rater == "ben"), "fair"] = np.nan
    table.loc[(table.level == "level3") & (table.rater == "carl"), "usual"] = np.nan
    figure = fair_against_usual(table, models=["net"], note=NOTE)
    check(figure)
    assert panel_titles(figure) == LEVELS
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == RATERS
    assert words(axes) == ["+0.10"] * 4 + ["usual − fair"]
    # Exams without a fair Dice count in neither mean.
    ben = scores[(scores.rater == "ben") & (scores.level == "level1") & (scores.exam != "e0")].dice.mean()
    np.testing.assert_allclose(points(axes)[2:4], [[ben, 1], [ben - 0.1, 1]])
    assert len(points(figure.axes[1])) == 2 * 3
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["usual", "fair: own mask left out", "models", "readers"]


def test_a_forest_of_differences(scores: pd.DataFrame) -> None:
    scores.loc[(scores.level == "level3") & (scores.rater == "ben"), "dice"] = np.nan
    table = compare(scores, models=["net"], readers=RATERS[:3], margin=0.1)
    figure = forest_plot(table, model="net", note=NOTE)
    check(figure)
    assert panel_titles(figure) == LEVELS
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [*RATERS[:3], MEDIAN_READER]
    level1 = table[table.level == "level1"]
    np.testing.assert_allclose(points(axes), np.c_[level1.difference, range(4)])
    intervals = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 1.2]
    np.testing.assert_allclose(intervals, level1[["low", "high"]])
    first = level1.iloc[0]
    shown = f"{first.difference:+.2f} ({first.low:+.2f} to {first.high:+.2f})".replace("-", "−")
    assert words(axes)[0] == shown
    assert words(axes)[-1] == "estimate (95 % interval)"
    assert words(figure.axes[-1])[-2:] == ["← reader better", "net better →"]
    assert figure.axes[-1].get_xlim()[0] == -figure.axes[-1].get_xlim()[1]
    assert "not comparable" in words(figure.axes[1])
    assert len(points(figure.axes[1])) == 3
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told == [
        "clear (Holm p ≤ 0.05)", "could be chance", "95 % interval", "margin of non-inferiority, −0.10"
    ]  # fmt: skip
    assert figure.axes[-1].get_xlabel() == "Difference of Dice"
    without = forest_plot(table.drop(columns="margin"), model="net").legends[0]
    assert [text.get_text() for text in without.get_texts()] == told[:-1]


def test_models_against_each_other(scores: pd.DataFrame) -> None:
    """A panel a pair; points, estimate and interval of each level, and in words who is better where."""
    scores.loc[(scores.rater == "net") & (scores.level == "level1"), "dice"] = np.linspace(0.91, 0.98, 8)
    scores.loc[(scores.rater == "net") & (scores.level == "level3"), "dice"] = np.nan
    table = compare_models(scores, models=["net", "ben"])
    figure = paired_models(scores, table, note=NOTE)
    check(figure)
    axes = figure.axes[0]
    assert words(axes)[-2:] == ["← ben better", "net better →"]
    assert [label.get_text() for label in axes.get_yticklabels()] == LEVELS
    dice = scores.pivot(index=["level", "exam"], columns="rater", values="dice")
    differences = (dice.net - dice.ben)["level1"]
    np.testing.assert_allclose(np.sort(points(axes)[:8, 0]), np.sort(differences))
    row = table.iloc[0]
    np.testing.assert_allclose(np.asarray(axes.lines[1].get_xdata(), float), [row.low, row.high])
    assert points(axes)[8, 0] == row.difference
    assert words(axes)[:2] == [
        f"{row.difference:+.2f} ({row.low:+.2f} to {row.high:+.2f})".replace("-", "−"), "not comparable",
    ]  # fmt: skip
    # The diamond is filled where the difference is shown, and empty where it is not.
    shown, not_shown = (axes.collections[place].get_facecolor()[0] for place in (1, 3))
    assert row.p_holm <= 0.05 < table[table.level == "level2+3"].p_holm.iloc[0]
    assert tuple(not_shown[:3]) == (1, 1, 1) != tuple(shown[:3])
    low, high = axes.get_xlim()
    assert low == -high
    assert len(paired_models(scores, compare_models(scores, models=["net", "ben", "carl"])).axes) == 3


MANY = [f"organ {place}" for place in range(20)]


def test_many_labels_are_rows_of_one_table():
    rows = [
        (level, a, b, 0.5 + place / 50)
        for place, level in enumerate(MANY)
        for a, b in (("ann", "ben"), ("ann", "net"), ("ben", "net"))
    ]
    figure = agreement_heatmap(pd.DataFrame(rows, columns=["level", "rater", "other", "mean"]), note=NOTE)
    panel = figure.axes[0]
    assert [name.get_text() for name in panel.get_yticklabels()] == MANY
    assert [name.get_text() for name in panel.get_xticklabels()] == [
        "ann and ben",
        "ann and net",
        "ben and net",
    ]
    assert panel.texts[3].get_text() == "0.52"
    both = pd.DataFrame(
        [("e1", rater, level, 0.8, 0.7) for level in MANY for rater in ("ann", "net")],
        columns=["exam", "rater", "level", "usual", "fair"],
    )
    fair = fair_against_usual(both, models=["net"], note=NOTE).axes[0]
    assert {text.get_text() for text in fair.texts} == {"0.80 → 0.70"}
    assert len(fair.texts) == 40


def test_many_raters_are_a_table_of_pairs_without_a_panel_each():
    raters = [f"r{place}" for place in range(30)]
    rows = [
        (level, a, b, 0.25 if level == "one" else 0.75)
        for level in ("one", "two")
        for place, a in enumerate(raters)
        for b in raters[place + 1 :]
    ]
    figure = agreement_heatmap(pd.DataFrame(rows, columns=["level", "rater", "other", "mean"]))
    panel = figure.axes[0]
    assert len(figure.axes) == 2
    assert len(panel.get_yticklabels()) == 29
    assert {text.get_text() for text in panel.texts} == {"0.50"}


def test_differences_of_many_labels_are_starred_where_holm_calls_them_clear():
    rows = pd.DataFrame(
        [("net", level, "ann", 0.1, 0.02, 0.2, 0.95, 0.001 if place == 3 else 0.2)
         for place, level in enumerate(MANY)],
        columns=["model", "level", "other", "difference", "low", "high", "confidence", "p_holm"],
    )  # fmt: skip
    told = [text.get_text() for text in forest_plot(rows, model="net").axes[0].texts]
    assert told == ["+0.10*" if place == 3 else "+0.10" for place in range(20)]


def test_volumes_of_many_labels_are_a_row_each_in_ml_and_coloured_by_their_share():
    rows = [
        (f"e{exam}", level, rater, ml)
        for level in MANY
        for exam in range(4)
        for rater, ml in (("ref", 0.1 + exam), ("net", 0.1 + exam + (0.2 if exam % 2 else 0)))
    ]
    volumes = pd.DataFrame(rows, columns=["exam", "level", "rater", "ml"])
    figure = bland_altman_panels(volumes, rater="net", reference="ref", colors={}, note=NOTE)
    panel = figure.axes[0]
    found = bland_altman([0.1, 1.3, 2.1, 3.3], [0.1, 1.1, 2.1, 3.1])
    told = [text.get_text() for text in panel.texts]
    assert told[:3] == [
        signed(x, 2, typeset=True) for x in (found.lower.estimate, found.bias.estimate, found.upper.estimate)
    ]
    assert panel.get_yticklabels()[0].get_text() == "organ 0 (1.65 ml)"
    assert np.asarray(panel.get_images()[0].get_array())[0, 1] == pytest.approx(0.1 / 1.65)
    # In axes of one's own every label keeps its panel.
    own = Figure().subplots(4, 5)
    assert len(bland_altman_panels(volumes, rater="net", reference="ref", colors={}, axes=own).axes) == 20


@pytest.mark.parametrize("n_columns", [16, 17])
def test_many_columns_of_few_rows_are_rows(n_columns):
    values = pd.DataFrame(np.full((2, n_columns), 0.5), ["low", "high"], [f"r{n}" for n in range(n_columns)])
    values.iloc[1, 0] = 0.25
    told = values.map("{:.2f}".format)
    panel = matrix(values, told, label="Dice").axes[0]
    rows, columns = [
        [name.get_text() for name in side()] for side in (panel.get_yticklabels, panel.get_xticklabels)
    ]
    assert (columns if n_columns == 17 else rows) == ["low", "high"]
    (low,) = [text.get_position() for text in panel.texts if text.get_text() == "0.25"]
    assert low == ((1, 0) if n_columns == 17 else (0, 1))


def test_the_words_over_a_table_are_broken_where_it_ends():
    values = pd.DataFrame([[0.5]], index=["organ"], columns=["net"])
    label = "Dice of a model with a long name against everybody else, exam by exam and label by label"
    figure = matrix(values, None, label=label)
    words = figure.axes[1].get_xlabel()
    assert words.replace("\n", " ") == label
    figure.canvas.draw()
    box = figure.axes[1].xaxis.label.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width


@pytest.mark.parametrize(("n_exams", "key"), [
    (8, "95 % interval"), (5, "95 % interval (*: less)"),
])  # fmt: skip
def test_the_key_does_not_promise_what_so_few_exams_cannot_give(
    scores: pd.DataFrame, n_exams: int, key: str
) -> None:
    some = scores[scores.exam.isin(EXAMS[:n_exams])]
    figure = forest_plot(compare(some, models=["net"], readers=RATERS[:3]), model="net")
    assert figure.legends[0].get_texts()[2].get_text() == key
    assert all(text.endswith(")*" if "*" in key else ")") for text in words(figure.axes[1]))


def test_of_one_exam_there_is_a_bias_and_no_band() -> None:
    rows = [("e0", "level1", "net", 2.0), ("e0", "level1", "consensus", 1.5)]
    table = pd.DataFrame(rows, columns=["exam", "level", "rater", "ml"])
    (panel,) = bland_altman_panels(table, rater="net", reference="consensus", colors={}).axes
    assert not panel.patches
    assert words(panel)[0] == "+0.50"


def test_a_model_without_probabilities_of_a_level_has_no_line_there() -> None:
    table = pd.DataFrame({
        "level": ["low", "low", "high"], "model": ["a", "b", "b"], "probability": 0.4, "observed": 0.5,
        "n_voxels": 9,
    })  # fmt: skip
    low, high = reliability_panels(table, levels=["low", "high"], models=["a", "b"]).axes
    assert [len(panel.collections) for panel in (low, high)] == [2, 1]
