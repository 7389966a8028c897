"""What the figures hold; how they look is judged by eye."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from evaluation.failures.places import PROFILE_COLUMNS
from evaluation.figures.failures import dice_against_volume, slice_profile_panels
from evaluation.figures.panels import MANY_EXAMS
from evaluation.figures.slices import DIFFERENCES, difference_sheet
from evaluation.figures.style import COLUMN_INCHES, PAGE_INCHES
from evaluation.masks.differing import difference
from evaluation.statistics.permutation import spearman
from tests.support.figures import panel_titles

LEVELS = ["level1", "level3"]
COLORS = {"level1": "#40e0d0", "level3": "#ffe100"}
NOTE = "Synthetic cohort"


def test_dice_against_volume_has_a_point_an_exam() -> None:
    rng = np.random.default_rng(0)
    rows = [
        (f"e{n}", r, lv, *rng.uniform(0, 1, 2)) for n in range(7) for r in ("anna", "net") for lv in LEVELS
    ]
    errors = pd.DataFrame(rows, columns=["exam", "rater", "level", "reference_ml", "dice"])
    errors.loc[(errors.exam == "e3") & (errors.level == "level3"), "dice"] = np.nan
    figure = dice_against_volume(errors, rater="net", colors=COLORS, note=NOTE)
    assert figure.get_figwidth() == COLUMN_INCHES
    assert (figure.get_supxlabel(), figure.get_supylabel()) == (NOTE, "Dice of net")
    assert panel_titles(figure) == LEVELS
    axes = figure.axes[1]
    expected = errors.query("rater == 'net' and level == 'level3'").dropna()
    assert len(expected) == 6
    np.testing.assert_allclose(axes.collections[0].get_offsets(), expected[["reference_ml", "dice"]])
    np.testing.assert_allclose(axes.collections[0].get_facecolor()[0][:3], to_rgb(COLORS["level3"]))
    assert axes.lines[0].get_xdata()[0] == pytest.approx(expected.reference_ml.median())  # type: ignore[index]
    rho, p = spearman(expected.dice.to_numpy(), expected.reference_ml.to_numpy())
    assert axes.texts[0].get_text() == f"ρ = {rho:+.2f}, p = {p:.3f}".replace("-", "−")


def test_where_there_is_no_correlation_the_number_of_exams_is_told() -> None:
    rows = [("e0", "net", "level1", 0.5, 0.7), ("e1", "net", "level1", 0.6, np.nan)]
    errors = pd.DataFrame(rows, columns=["exam", "rater", "level", "reference_ml", "dice"])
    assert dice_against_volume(errors, rater="net", colors={}).axes[0].texts[0].get_text() == "n = 1"


def test_the_profile_of_a_model_stands_before_the_readers() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for level in LEVELS:
        for rater in ("anna", "net", "ben"):
            for position in (0.125, 0.375, 0.625, 0.875):
                dice, *ml = rng.uniform(0.3, 0.7, 4)
                rows.append((rater, level, position, dice, dice - 0.1, dice + 0.1, *ml, 10))
    profile = pd.DataFrame(rows, columns=PROFILE_COLUMNS)
    figure = slice_profile_panels(profile, model="net", note=NOTE)
    assert figure.get_figwidth() == COLUMN_INCHES
    assert figure.get_supxlabel() == NOTE
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == LEVELS
    dice, false = figure.axes[2:]
    ours = profile.query("rater == 'net' and level == 'level3'")
    assert len(dice.lines) == 3
    np.testing.assert_allclose(dice.lines[-1].get_xydata(), ours[["position", "dice"]])
    band = dice.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(ours.low.min())
    assert band[:, 1].max() == pytest.approx(ours.high.max())
    np.testing.assert_allclose([line.get_ydata() for line in false.lines], [ours.fp_ml, ours.fn_ml])
    ends = [label.get_text() for label in dice.get_xticklabels()]
    assert (ends[0], ends[-1]) == ("anterior", "posterior")
    axial = slice_profile_panels(profile, model="net", plane="axial")
    assert axial.axes[-1].get_xticklabels()[0].get_text() == "superior"


REFERENCE = np.array([[0, 1, 1, 2, 3, 0]])
MASK = np.array([[0, 1, 2, 0, 3, 1]])


def test_differences_voxel_by_voxel() -> None:
    kinds = ["", *DIFFERENCES]
    found = [kinds[code] for code in difference(REFERENCE, MASK)[0]]
    assert found == ["", "same level", "other level", "false negative", "same level", "false positive"]
    # Levels 2 and 3 as one.
    found = [kinds[code] for code in difference(REFERENCE, MASK, (2, 3))[0]]
    assert found == ["", "", "false positive", "false negative", "same level", ""]


def test_a_sheet_of_differences() -> None:
    slices = []
    for rows in (6, 9):
        image = np.random.default_rng(0).uniform(0, 100, (rows, 6))
        slices.append((f"exam {rows}", image, *(np.repeat(mask, rows, axis=0) for mask in (REFERENCE, MASK))))
    colors = {1: "#40e0d0", 2: "#1f5fff", 3: "#ffe100"}
    figure = difference_sheet(slices, rater="net", colors=colors, note=NOTE)
    assert figure.get_figwidth() == PAGE_INCHES
    assert figure.get_supxlabel() == NOTE
    assert [axes.get_title() for axes in figure.axes[:4]] == ["image", "consensus", "net", "difference"]
    assert [len(axes.get_images()) for axes in figure.axes] == [1, 2, 2, 2] * 2
    tint = np.asarray(figure.axes[3].get_images()[1].get_array())
    assert (tint[0, 0] == 0).all()
    np.testing.assert_allclose(tint[0, 3, :3], to_rgb(DIFFERENCES["false negative"]), atol=1e-6)
    np.testing.assert_allclose(figure.axes[2].get_images()[1].get_array()[0, 2, :3], to_rgb(colors[2]))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(DIFFERENCES)
    merged = difference_sheet(slices, rater="net", colors=colors, levels=(2, 3))
    assert "other level" not in [text.get_text() for text in merged.legends[0].get_texts()]
    assert (np.asarray(merged.axes[1].get_images()[1].get_array())[0, 1] == 0).all()


def test_what_is_outlined_lies_around_its_voxels_and_stands_in_the_key() -> None:
    image, mask = np.zeros((6, 8)), np.zeros((6, 8), int)
    missed = np.zeros((6, 8), bool)
    missed[2:4, 3:6] = True
    figure = difference_sheet(
        [("exam", image, mask + missed, mask)], rater="net", colors={1: "#40e0d0"},
        names={1: "level1"}, outlined=[{"missed": missed, "invented": missed & False}],
    )  # fmt: skip
    *others, last = figure.axes
    assert not any(axes.collections for axes in others)
    (around,) = last.collections
    low, high = (end(np.concatenate([p.vertices for p in around.get_paths()]), axis=0)
                 for end in (np.min, np.max))  # fmt: skip
    # Columns, then rows; half a voxel beyond the middle of the outermost.
    np.testing.assert_allclose([*low, *high], [2.5, 1.5, 5.5, 3.5])
    key = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"missed", "level1"} < {*key}


MANY = [f"organ {place}" for place in range(20)]


def test_dice_of_many_labels_stands_by_little_and_much_volume() -> None:
    rows = [
        (f"e{n}", rater, level, 1.0 + n, (0.2, 0.4, 0.8, 0.9, np.nan)[n])
        for level in MANY for rater in ("anna", "net") for n in range(5)
    ]  # fmt: skip
    errors = pd.DataFrame(rows, columns=["exam", "rater", "level", "reference_ml", "dice"])
    panel = dice_against_volume(errors, rater="net", colors={}, note=NOTE).axes[0]
    assert [text.get_text() for text in panel.texts][:2] == ["0.30 (2)", "0.85 (2)"]
    assert panel.get_yticklabels()[19].get_text() == "organ 19 (2.50 ml)"


def test_the_profile_of_many_labels_is_one_table() -> None:
    rows = [
        (rater, level, position, dice, *[np.nan] * 5, 3)
        for level in MANY
        for rater, dice in (("anna", 0.9), ("net", 0.5), ("ben", 0.7))
        for position in (0.125, 0.375, 0.625, 0.875)
    ]
    profile = pd.DataFrame(rows, columns=PROFILE_COLUMNS)
    profile.loc[(profile.level == "organ 1") & (profile.position < 0.5), "dice"] = np.nan
    panel = slice_profile_panels(profile, model="net", note=NOTE).axes[0]
    assert {text.get_text() for text in panel.texts} == {"0.50 (0.80)"}
    assert len(panel.texts) == 20 * 4 - 2
    assert [name.get_text() for name in panel.get_xticklabels()] == [
        "12%, anterior", "38%", "62%", "88%, posterior",
    ]  # fmt: skip


def test_of_many_exams_a_line_and_a_band_say_where_they_lie() -> None:
    """Dice rises with the volume; the p that is known is printed, not found again."""
    n = MANY_EXAMS + 50
    volume = np.linspace(1, 11, n)
    errors = pd.DataFrame({"exam": range(n), "rater": "net", "level": "level1", "reference_ml": volume})
    known = pd.DataFrame([("net", "level1", 0.97, 0.0123)], columns=["rater", "level", "rho", "p"])
    figure = dice_against_volume(
        errors.assign(dice=volume / 20), rater="net", colors=COLORS, correlations=known, note=NOTE
    )
    (panel,) = figure.axes
    assert any("0.97" in text.get_text() and "0.012" in text.get_text() for text in panel.texts)
    line = max(panel.lines, key=lambda each: len(each.get_xdata()))
    np.testing.assert_allclose(line.get_ydata(), np.asarray(line.get_xdata()) / 20)
    assert len(line.get_xdata()) == 10
    assert figure.get_supxlabel() == f"Line, band: median and 80 % of each tenth of the exams.\n{NOTE}"
