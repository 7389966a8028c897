"""The page of learning curves: what it shows of each training, and what it says where it cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bmseg.curves import is_current, write_curves_page
from bmseg.curves.figures import dice_figure, label_title, loss_figure
from bmseg.curves.found import Found, Model
from bmseg.curves.settled import still_rising
from bmseg.nnunet.curves import Curves
from bmseg.status import ended, status_of
from bmseg.study import DEFAULT_STUDY, load_study
from bmseg.workspace import Workspace
from tests.support.command_line import bmseg
from tests.support.curves import curves, keep
from tests.support.pages import WIDTHS, axe_findings, overflowing
from tests.support.small_workspace import small_workspace

STUDY = load_study(DEFAULT_STUDY)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    made = small_workspace(tmp_path_factory.mktemp("curves"))
    lost = curves(4, 40, rater="nnunet_seed7", seed=7, fold="all", train_loss=[0.5, None, 0.25, 0.125])
    keep(made, "Dataset1_X/nnUNetTrainerUNet__nnUNetPlans__2d_unet/fold_0", curves().model_dump_json())
    keep(made, "seed7/Dataset1_X/nnUNetTrainer__nnUNetPlans__2d/fold_all", lost.model_dump_json())
    keep(made, "Dataset1_X/nnUNetTrainer__nnUNetPlans__other/fold_0", None)
    keep(made, "Dataset1_X/nnUNetTrainer__nnUNetPlans__torn/fold_1", '{"rater": "unet"')
    yield made


def test_every_training_is_shown_or_named(workspace: Workspace) -> None:
    found = Found.of(workspace)
    assert [(model.rater, len(model.folds)) for model in found.models] == [("nnunet_seed7", 1), ("unet", 1)]
    assert found.without == ("Dataset1_X/nnUNetTrainer__nnUNetPlans__other/fold_0",)
    assert found.damaged[0].startswith(
        "Dataset1_X/nnUNetTrainer__nnUNetPlans__torn/fold_1/bmseg_curves.json: "
    )
    table = found.table()
    assert list(table[table.rater == "unet"].val_loss) == pytest.approx([0.1, 0.2, 0.3])
    assert table.train_loss.isna().sum() == 1


@pytest.fixture
def page(browser: Any, workspace: Workspace) -> Iterator[Any]:
    file = write_curves_page(workspace)
    assert file is not None
    page = browser.new_page()
    page.goto(file.as_uri())
    yield page
    page.close()


def test_the_page_says_how_far_each_is(page: Any, workspace: Workspace) -> None:
    text = page.locator("main").inner_text()
    assert "Synthetic cohort" in text and "not the score of the report" in text
    assert "nnU-Net, seed 7, profile full" in text
    assert "epoch 4 of 40, 2026-09-21 14:13 UTC; stopped or at work" in text
    assert "all 3 epochs, 2026-09-21" in text
    assert "In 1 of 4 epochs the training loss was no number: gaps in the line." in text
    assert "nnUNetPlans__other/fold_0" in text and "nnUNetPlans__torn/fold_1" in text
    assert str(workspace.root) not in text
    assert "settled" not in text  # forty epochs tell nothing of that
    numbers = pd.read_csv(workspace.training / "curves.csv")
    assert list(numbers[numbers.rater == "unet"].pseudo_dice_1) == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_for_everybody(page: Any, dark: bool) -> None:
    page.emulate_media(color_scheme="dark" if dark else "light")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert overflowing(page) == []
    assert axe_findings(page) == []


def test_a_training_that_goes_on_makes_the_page_old_and_the_next_command_makes_it_new(tmp_path: Path) -> None:
    workspace = small_workspace(tmp_path)
    assert write_curves_page(workspace) is None and is_current(workspace)
    refused = bmseg("curves", "-w", workspace.root)
    assert refused.returncode == 2 and "found no training, expected one; train first" in refused.stderr
    folder = "Dataset501_Small/nnUNetTrainerUNet__nnUNetPlans__2d_unet_quick/fold_0"
    keep(workspace, folder, curves(1).model_dump_json())
    page = workspace.pages["Training"]
    assert ended(workspace) and page.is_file() and is_current(workspace)
    before = page.read_bytes()
    ended(workspace)
    assert page.read_bytes() == before
    keep(workspace, folder, curves(2).model_dump_json())
    assert not is_current(workspace)
    done = bmseg("curves", "-w", workspace.root)
    assert done.returncode == 0 and f"open: {page}" in done.stderr
    assert "epoch 2 of 3" in page.read_text() and is_current(workspace)


def test_status_names_the_command(tmp_path: Path) -> None:
    workspace = small_workspace(tmp_path)
    results = workspace.results_dataset.relative_to(workspace.nnunet_results)
    fold = results / "nnUNetTrainerUNet__nnUNetPlans__2d_unet_quick" / "fold_0"

    def stage() -> Any:
        return next(one for one in status_of(workspace).stages if one.name == "learning curves")

    keep(workspace, str(fold), curves(1).model_dump_json())
    assert (stage().state, stage().optional) == ("missing", True)
    write_curves_page(workspace)
    assert (stage().state, stage().page) == ("there", workspace.pages["Training"])
    assert stage().found == "1 fold, 1 of them stopped or at work"
    keep(workspace, str(fold), curves(2).model_dump_json())
    assert stage().state == "stale" and stage().command.startswith("bmseg curves")


# Figures


def test_lines_are_the_numbers_and_gaps_stay_gaps() -> None:
    fold = curves(5, 10, val_loss=[0.1, None, 0.3, None, 0.5])
    (axes,) = loss_figure(Model("m", (fold,)), "Synthetic cohort").axes
    training, validation = [line for line in axes.lines if len(line.get_xdata()) == 5]
    np.testing.assert_allclose(training.get_ydata(), [-0.1, -0.2, -0.3, -0.4, -0.5])
    np.testing.assert_array_equal(validation.get_ydata(), [0.1, np.nan, 0.3, np.nan, 0.5])
    # Between two gaps a line has no length.
    points = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert [list(line.get_xdata()) for line in points] == [[1, 3, 5]]
    assert axes.get_xlim()[1] >= 10  # of all epochs that it is to have
    assert axes.get_title(loc="right") == "Synthetic cohort"


def test_pseudo_dice_has_the_colours_of_levels() -> None:
    fold = curves(2, 2, labels=[[1, 2, 3], [2, 3], [3]], pseudo_dice=[[0.3, 0.2, 0.1], [0.6, 0.5, 0.4]])
    (axes,) = dice_figure(Model("m", (fold,)), STUDY, "").axes
    drawn = {line.get_color(): list(line.get_ydata()) for line in axes.lines if len(line.get_xdata()) == 2}
    assert drawn == {"#40e0d0": [0.3, 0.6], "#1f5fff": [0.2, 0.5], "#ffe100": [0.1, 0.4]}


def test_what_a_pseudo_dice_is_of() -> None:
    of = {(2,): "Level 2", (3, 2): "Level 2 or higher", (1, 3): "Level 1 and Level 3", (9,): "label 9"}
    assert {values: label_title(values, STUDY) for values in of} == of


# Settled


def ended_with(last: np.ndarray, before: np.ndarray, **other: Any) -> Curves:
    values = np.concatenate([np.full(8 * len(last), 0.2), before, last])
    return curves(
        len(values),
        len(values),
        pseudo_dice=[[None if np.isnan(one) else float(one)] for one in values],
        **other,
    )


def test_a_rise_beyond_noise_is_said() -> None:
    noise = np.random.default_rng(1).normal(0, 0.01, 40)
    rising = 0.5 + 0.01 * np.arange(20) + noise[:20]
    rise = still_rising(ended_with(rising, 0.45 + noise[20:]))
    assert rise is not None and rise.epochs == 20
    assert rise.last == pytest.approx(rising.mean()) and rise.before == pytest.approx(
        (0.45 + noise[20:]).mean()
    )


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_rise(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0.5, 0.05, 40)
    assert still_rising(ended_with(noise[:20], noise[20:])) is None


def test_a_step_that_stays_is_no_rise() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 40)
    assert still_rising(ended_with(0.6 + noise[:20], 0.4 + noise[20:])) is None


def test_nothing_is_said_of_few_epochs_gaps_or_a_training_at_work() -> None:
    rising = np.linspace(0.5, 0.9, 20)
    assert still_rising(ended_with(rising, np.full(20, 0.4))) is not None
    assert still_rising(ended_with(rising[:9], np.full(9, 0.4))) is None
    gaps = rising.copy()
    gaps[:11] = np.nan
    assert still_rising(ended_with(gaps, np.full(20, 0.4))) is None
    whole = json.loads(ended_with(rising, np.full(20, 0.4)).model_dump_json())
    assert still_rising(Curves(**{**whole, "epochs": 201})) is None
