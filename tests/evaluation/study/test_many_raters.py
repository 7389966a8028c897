"""Studies of many models or labels: who has figures of its own, and what is said of the others."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

import evaluation as ev
from evaluation.comparison.models import YARDSTICK
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.figures import style
from evaluation.figures.audit import audit_sheet
from evaluation.figures.many import models_beside_readers
from evaluation.figures.measures import measures_of_levels
from evaluation.measures.named import measures
from evaluation.study import drawing
from evaluation.study import tables as t
from evaluation.study.design import Design
from evaluation.study.drawing import MEASURES_OVERVIEW, MOST_OWN, figures_told, with_own_figures
from evaluation.study.results import Results

LABELS = {f"organ{number}": number for number in range(1, 13)}


def study(n_models: int, levels: dict[str, int], **of_design: object) -> Results:
    """Models whose Dice rises with their number; the first marks one label alone, and that well."""
    models = [f"m{number}" for number in range(n_models)]
    rows = [
        (exam, rater, level, number / n_models)
        for exam in "ab"
        for number, rater in enumerate(models)
        for level in levels
    ]
    scores = pd.DataFrame(rows, columns=["exam", "rater", "level", "dice"])
    scores.loc[(scores.rater == "m0") & (scores.level == next(iter(levels))), "dice"] = 1.0
    design = Design(levels=levels, ordered=False, **of_design)
    return Results(design, ["ann", "bo"], models, ["a", "b"], {t.FAIR_DICE.name: scores})


def test_of_many_pairs_it_is_counted_on_how_many_levels_one_is_clearly_better() -> None:
    models = ["a", "b", "c", "d", "e", "f"]
    rows = [
        (first, second, level, (-1) ** (first == "a"), 0.01 if {first, second} <= {"a", "b", "c"} else 0.5)
        for place, first in enumerate(models) for second in models[place + 1 :] for level in ("low", "high")
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["model", "other", "level", "difference", "p_holm"])
    # Of a group nothing is tested; on `high` a and b can be told apart no more.
    group = table[table.level == "low"].assign(level="both", p_holm=np.nan)
    table.loc[(table.model == "a") & (table.other == "b") & (table.level == "high"), "p_holm"] = 0.2
    table = pd.concat([table, group]).assign(confidence=0.95, way=YARDSTICK)
    panel = ev.figures.paired(pd.DataFrame(), table).axes[0]
    told = {
        (panel.get_yticklabels()[round(text.get_position()[1])].get_text(),
         panel.get_xticklabels()[round(text.get_position()[0])].get_text()): text.get_text()
        for text in panel.texts
    }  # fmt: skip
    # Behind are a's: the first minus the second is below 0.
    better = {("b", "a"): "1", ("c", "a"): "2", ("b", "c"): "2"}
    assert {pair: n for pair, n in told.items() if n not in ("0", "–")} == better
    said = " ".join(text.get_text() for text in panel.figure.findobj(Text))
    assert "Of 2 differences: how many" in said.replace("\n", " ")


def test_few_models_and_labels_all_have_figures() -> None:
    found = study(MOST_OWN, {"heart": 1, "liver": 2})
    assert with_own_figures(found) == (list(found.models), ["heart", "liver"])
    assert figures_told(found) == []


def test_of_many_models_the_highest_have_figures_in_the_order_of_the_study() -> None:
    found = study(14, {"heart": 1, "liver": 2})
    assert with_own_figures(found)[0] == ["m0", *(f"m{number}" for number in range(5, 14))]
    (said,) = figures_told(found)
    assert said.startswith(
        "figures of one model each: 10 of 14 models, those of the highest mean Dice (m0, m5,"
    )


def test_of_many_labels_those_that_verdicts_speak_of_come_first() -> None:
    last = list(LABELS)[-3:]
    found = study(2, LABELS, primary=tuple(last), measures=("dice", "hd95"))
    assert with_own_figures(found)[1] == last
    (said,) = figures_told(found)
    assert said.startswith(
        "figures of NSD over the tolerance, and of measures in every exam: 3 of 12 labels, the first ones "
    )
    assert with_own_figures(study(2, LABELS))[1] == list(LABELS)[:MOST_OWN]


def test_many_labels_by_many_measures_are_one_figure_of_a_point_a_rater() -> None:
    rows = [
        (measure, way, level, rater, place / 20 + (way == "usual"))
        for measure in ("dice", "hd95")
        for way in ("usual", "fair")
        for place, level in enumerate(LABELS)
        for rater in ("ann", "bo", "net")
        if (measure, level) != ("hd95", "organ3")
    ]
    summary = pd.DataFrame(rows, columns=["measure", "way", "level", "rater", "median"])
    both = measures(["dice", "hd95"])
    figure = measures_of_levels(summary, measures=both, levels=list(LABELS), models=["net"])
    dice, hd95 = figure.axes
    assert [label.get_text() for label in dice.get_yticklabels()] == list(LABELS)
    readers, net = (line.get_xydata() for line in dice.lines)
    np.testing.assert_allclose(net, [(place / 20, place) for place in range(len(LABELS))])
    assert len(readers) == 2 * len(LABELS)
    assert 2 not in hd95.lines[1].get_ydata() and len(hd95.lines[1].get_ydata()) == len(LABELS) - 1


def test_models_without_a_figure_of_their_own_are_not_drawn_as_readers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mask = np.arange(26, dtype=np.uint8).reshape(13, 2, 1) // 2
    masks = [np.where(np.arange(26).reshape(mask.shape) == voxel, 0, mask) for voxel in range(14)]
    found = ev.read_study(
        {name: masks[number : number + 2] for number, name in enumerate(("ann", "bo"))},
        {f"m{number}": [masks[number], masks[number]] for number in range(12)},
        levels=LABELS, ordered=False, measures=("dice", "volume_difference"), rule="majority",
    )  # fmt: skip
    shown: list[list[str]] = []
    for name, drawn in vars(drawing).copy().items():
        if getattr(drawn, "__module__", "").startswith("evaluation.figures"):
            monkeypatch.setattr(drawing, name, lambda *_, **__: None)
    monkeypatch.setattr(
        drawing, "measures_of_levels", lambda summary, **_: shown.append(list(summary.rater.unique()))
    )
    own, _ = with_own_figures(found)
    assert len(own) == MOST_OWN and MEASURES_OVERVIEW in dict(drawing.draw(found))
    assert [set(raters) for raters in shown] == [{"ann", "bo", *own}]


def test_no_model_has_a_grey_of_readers() -> None:
    colors = style.of_models([f"m{number}" for number in range(style.MOST_COLORS)]).values()
    assert all(max(color) - min(color) > 0.2 for color in colors)
    assert all(max(color) - min(color) < 0.01 for color in style.of_readers(["ann", "bo"]).values())


@pytest.mark.parametrize("p", [0.01, 0.2])
def test_many_models_beside_readers_are_one_table(p: float) -> None:
    rows = pd.DataFrame(
        [
            (model, level, other, 0.1, p, 0.95)
            for model in ("m1", "m2")
            for level in ("heart", "liver")
            for other in ("ann", MEDIAN_READER)
        ],
        columns=["model", "level", "other", "difference", "p_holm", "confidence"],
    )
    panel = models_beside_readers(rows, note="synthetic").axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["m1", "m2"]
    assert [label.get_text() for label in panel.get_xticklabels()] == ["heart", "liver"]
    assert {text.get_text() for text in panel.texts} == {"+0.10*" if p < 0.05 else "+0.10"}
    np.testing.assert_array_equal(np.ma.getdata(panel.images[0].get_array()), np.full((2, 2), 0.1))


def test_an_audit_of_many_readers_and_labels_has_rows_and_names_what_is_there() -> None:
    mask = np.arange(12).reshape(3, 4) % 3
    masks = {f"r{number}": mask for number in range(20)}
    names = {value: f"organ{value}" for value in range(1, 40)}
    figure = audit_sheet(masks, mask == 1, colors={}, names=names, title="found")
    assert len(figure.axes) == 20
    assert len({round(panel.get_subplotspec().rowspan.start) for panel in figure.axes}) == 3
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told == ["organ1", "organ2", "found here"]
