"""What the figures hold; how they look is judged by eye."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from evaluation.figures.panels import shortened
from evaluation.figures.ranking import blob_plot, scheme_comparison, significance_map
from evaluation.figures.ranking_scores import exam_heatmap, score_boxplots
from evaluation.figures.style import BLUE, GREY, VERMILLION
from evaluation.ranking import Rankings, Rules, Scheme, rank_scores

NOTE = "Synthetic cohort"
LONG = "a team with a name as long as a line/$\\frac{submission}$"
NAMES = ["best", "good", LONG]


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = [
        (task, name, f"case{case + 1}", 0.9 - 0.2 * place + 0.05 * random.normal(), "scored")
        for task in ("level1", "level3")
        for place, name in enumerate(NAMES)
        for case in range(12)
    ]
    table = pd.DataFrame(rows, columns=["task", "algorithm", "case", "value", "status"])
    table.loc[1, ["value", "status"]] = [np.nan, "missing"]
    table.loc[2, ["value", "status"]] = [np.nan, "undefined"]
    # No row at all: missing too.
    return table.drop(index=3)


@pytest.fixture(scope="module")
def rankings(scores: pd.DataFrame) -> Rankings:
    return rank_scores(scores, Rules(worst=0.0, bootstraps=200))


def of(table: pd.DataFrame, task: str) -> pd.DataFrame:
    rows = table[table.task == task]
    return rows[rows.scheme == Scheme.MEAN] if "scheme" in rows else rows


def labels(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_yticklabels()]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def drawn(figure: Figure) -> None:
    """No text of a figure is a formula that matplotlib cannot read."""
    figure.canvas.draw()


def test_a_blob_is_a_probability(rankings: Rankings) -> None:
    chances, ranks = of(rankings.probabilities, "level3"), of(rankings.ranks, "level3")
    figure = blob_plot(chances, ranks, note=NOTE)
    drawn(figure)
    assert figure.get_supxlabel() == NOTE
    assert labels(figure) == [shortened(name) for name in ranks.algorithm]
    discs, rings = figure.axes[0].collections[1:]
    seen = chances[chances.probability > 0]
    rows = {name: row for row, name in enumerate(ranks.algorithm)}
    np.testing.assert_allclose(discs.get_offsets(), np.c_[seen["rank"], seen.algorithm.map(rows)])
    areas = discs.get_sizes()
    np.testing.assert_allclose(areas / areas.max(), seen.probability / seen.probability.max())
    np.testing.assert_allclose(rings.get_offsets()[:, 0], ranks["rank"])
    spans = [segment[:, 0].tolist() for segment in figure.axes[0].collections[0].get_segments()]
    assert spans == ranks[["rank_low", "rank_high"]].to_numpy().tolist()


def test_a_filled_cell_is_a_significant_difference(rankings: Rankings) -> None:
    pairwise = of(rankings.pairwise, "level3")
    figure = significance_map(pairwise, NAMES, 0.05, note=NOTE)
    drawn(figure)
    shown = figure.axes[0].get_images()[0].get_array()
    assert (pairwise.p_clear <= 0.05).sum() == 3
    for row in pairwise.itertuples():
        cell = shown[NAMES.index(row.algorithm), NAMES.index(row.other)]
        assert (cell[:3] == to_rgba(BLUE)[:3]).all() == (row.p_clear <= 0.05)
    assert "no case defined for both" not in legend(figure)
    untested = pairwise.assign(p_clear=pairwise.p_clear.mask(pairwise.other == "good"))
    assert "no case defined for both" in legend(significance_map(untested, NAMES))


def test_a_line_an_algorithm_and_tied_ones_stand_apart() -> None:
    ranks = pd.DataFrame(
        {
            "scheme": ["mean-then-rank"] * 2 + ["test-then-rank"] * 2,
            "algorithm": [*"abba"],
            "rank": [1, 2, 1, 1],
        }
    )
    axes = scheme_comparison(ranks, note=NOTE).axes[0]
    lines = [line.get_ydata().tolist() for line in axes.lines if len(line.get_xdata()) == 2]
    assert lines[:2] == [[0, 0], [1, 1]]
    # The bar of a tie reaches over both.
    assert lines[-1] == [0, 1]
    assert [text.get_text() for text in axes.texts if text.get_text().isdecimal()] == ["1", "1", "2", "1"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["mean\nthen rank", "test\nthen rank"]


def test_every_case_is_a_point_and_gaps_are_counted(scores: pd.DataFrame) -> None:
    figure = score_boxplots(scores, NAMES, muted={"good"}, worst=0.0, note=NOTE)
    drawn(figure)
    first, second = figure.axes
    assert labels(figure) == [shortened(name, 20) for name in NAMES]
    assert [text.get_text() for text in first.texts] == ["1 undefined, 2 missing", "", ""]
    assert [text.get_text() for text in second.texts] == ["", "", ""]
    points = [len(found.get_offsets()) for found in first.collections]
    assert points == [9, 2, 12, 0, 12, 0]
    crosses = first.collections[1]
    assert crosses.get_offsets()[:, 0].tolist() == [0, 0]
    assert (crosses.get_facecolor()[0] == to_rgba(VERMILLION)).all()
    assert first.collections[2].get_facecolor()[0][:3].tolist() == list(to_rgba(GREY)[:3])
    assert legend(figure) == ["missing: counts as the worst score"]
    # The box of ten counted and two missing cases has the median of all eleven that count.
    own = scores[(scores.task == "level1") & (scores.algorithm == "best")].value.dropna()
    medians = [line.get_xdata()[0] for line in first.lines if line.get_linewidth() == 1.6]
    assert medians[0] == pytest.approx(np.median([*own, 0, 0]))
    without = score_boxplots(scores, NAMES)
    assert without.axes[0].texts[0].get_text() == "1 undefined, 2 missing"
    assert not without.legends


def test_the_heat_map_tells_missing_from_undefined(scores: pd.DataFrame) -> None:
    figure = exam_heatmap(scores, NAMES, note=NOTE)
    drawn(figure)
    axes = figure.axes[0]
    shown = axes.get_images()[0].get_array()
    assert shown.shape == (3, 12)
    assert np.ma.getmaskarray(shown)[0].nonzero()[0].tolist() == [1, 2, 3]
    missing, undefined = axes.lines
    assert np.c_[missing.get_xdata(), missing.get_ydata()].tolist() == [[1, 0], [3, 0]]
    assert np.c_[undefined.get_xdata(), undefined.get_ydata()].tolist() == [[2, 0]]
    assert legend(figure) == ["missing", "undefined"]
    # Natural order: case2 before case10.
    names = [text.get_text() for text in figure.axes[1].get_xticklabels()]
    assert names == [f"case{k + 1}" for k in range(12)]


def test_panels_with_other_cases_have_columns_of_their_own(scores: pd.DataFrame) -> None:
    fewer = scores[(scores.task == "level1") | ~scores.case.isin(["case1", "case2"])]
    figure = exam_heatmap(fewer.assign(value=100 * fewer.value), NAMES)
    assert [axes.get_images()[0].get_array().shape[1] for axes in figure.axes[:2]] == [12, 10]
    assert [axes.get_xlabel() for axes in figure.axes[:2]] == ["12 cases", "10 cases"]
    assert figure.axes[0].get_images()[0].get_clim()[1] > 90


def test_unlike_tasks_have_axes_and_colours_of_their_own(scores: pd.DataFrame) -> None:
    """Distances beside shares; dark is bad in both panels."""
    far = scores.assign(value=np.where(scores.task == "level3", 30 * (1 - scores.value), scores.value))
    labels_of = {"level1": "Dice", "level3": "HD95, mm"}
    worst = {"level1": 0.0, "level3": 80.0}
    figure = score_boxplots(far, NAMES, worst=worst, label=labels_of, apart=True)
    drawn(figure)
    first, second = figure.axes
    assert first.get_xlim() == (-0.03, 1.03) and second.get_xlim()[1] > 5
    assert [axes.get_xlabel() for axes in figure.axes] == ["Dice", "HD95, mm"]
    figure = exam_heatmap(far, NAMES, label=labels_of, apart=True, smaller_is_better=["level3"])
    drawn(figure)
    images = [axes.get_images()[0] for axes in figure.axes[:2]]
    assert [image.get_cmap().name for image in images] == ["viridis", "viridis_r"]
    assert images[0].get_clim() == (0.0, 1.0) and images[1].get_clim()[1] > 5
    bars = [axes.get_ylabel() for axes in figure.axes[2:]]
    assert bars == ["Dice", "HD95, mm"]


def test_a_missing_case_stands_at_its_own_worst(scores: pd.DataFrame) -> None:
    figure = score_boxplots(scores.assign(worst=np.where(scores.case == "case2", 0.2, 0.0)), NAMES)
    assert figure.axes[0].collections[1].get_offsets()[:, 0].tolist() == [0.2]


@pytest.mark.parametrize("n", [2, 40])
def test_two_and_forty_algorithms(n: int) -> None:
    random = np.random.default_rng(n)
    rows = [
        ("t", f"team number {k} of many, with a long name", case, random.normal() + k)
        for k in range(n)
        for case in range(5)
    ]
    table = pd.DataFrame(rows, columns=["task", "algorithm", "case", "value"])
    found = rank_scores(table, Rules(bootstraps=20), [Scheme.MEAN, Scheme.RANK_MEAN])
    order = of(found.ranks, "t").algorithm.tolist()
    figures = [
        blob_plot(of(found.probabilities, "t"), of(found.ranks, "t")),
        significance_map(of(found.pairwise, "t"), order),
        scheme_comparison(found.ranks[found.ranks.task == "t"]),
        exam_heatmap(table, order),
    ]
    for figure in figures:
        drawn(figure)
        width, height = figure.get_size_inches()
        assert width <= 7
        assert height <= 12
        # Constrained layout gives up, with every axes at its full size, where the words have no room.
        assert figure.axes[0].get_position().width > 0.3


def test_five_tasks_leave_no_empty_panel(scores: pd.DataFrame) -> None:
    tasks = [scores[scores.task == "level1"].assign(task=f"task{n}") for n in range(5)]
    assert len(score_boxplots(pd.concat(tasks), NAMES).axes) == 5


def test_blobs_are_as_large_as_given_axes_have_room(rankings: Rankings) -> None:
    chances, ranks = of(rankings.probabilities, "level3"), of(rankings.ranks, "level3")
    sizes = []
    for width in (0.6, 9.0):
        own = Figure(figsize=(width, 3.0)).subplots()
        blob_plot(chances, ranks, axes=own)
        blobs = [each for each in own.collections if isinstance(each, PathCollection)]
        sizes.append(max(each.get_sizes().max() for each in blobs))
    assert sizes[0] < sizes[1]
