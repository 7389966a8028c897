"""`bmseg evaluate --probability`: maps are scored by their likeliest label, and held against the votes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import evaluation as ev
from bmseg.errors import InputError
from bmseg.scoring.probable import predicted_with_probabilities
from dataset_conversion.parallel import run_each
from evaluation.figures.files import save_figure
from evaluation.masks.reading import MaskError
from evaluation.study import calibrated
from tests.support.command_line import assert_refused, bmseg
from tests.support.masks import save_mask, thresholded

READERS = ("anna", "ben")
EXAMS = ("e1", "e2", "e3")


def soft(mask: np.ndarray, seed: int) -> np.ndarray:
    """Maps of which a mask's labels are the likeliest, surer here than there."""
    sure = np.random.default_rng(seed).uniform(0.6, 1, mask.shape)
    return np.stack([np.where(mask == label, sure, (1 - sure) / 3) for label in range(4)]).astype(np.float32)


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps are most often large, and scored in several: of these few voxels each would only import."""

    def here(work: Any, items: Any, *, died: Any, **_: Any) -> Any:
        return run_each(work, items, died=died, processes=1)

    monkeypatch.setattr("bmseg.scoring.exams.run_each", here)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Masks of two readers and a model, and maps of the model."""
    for seed, exam in enumerate(EXAMS):
        for rater, mask in thresholded([*READERS, "net"], seed=seed).items():
            path = tmp_path / rater / f"{exam}.nii.gz"
            save_mask(path, mask.astype(np.uint8))
        image = nib.load(path)
        maps = np.moveaxis(soft(mask, seed), 0, -1)
        (tmp_path / "maps").mkdir(exist_ok=True)
        nib.save(nib.Nifti1Image(maps, image.affine), tmp_path / "maps" / f"{exam}.nii.gz")
    return tmp_path


def words(root: Path, *more: object) -> list[object]:
    return ["evaluate", "--ordinal", *(f"--reader={name}={root / name}" for name in READERS), *more]


@pytest.mark.usefixtures("no_figures")
def test_maps_alone_score_as_the_mask_of_their_likeliest_label(
    root: Path, few_tables: Callable[..., None]
) -> None:
    few_tables("fair_scores", "comparisons", "measures_table1", "calibration", "calibration_exams")
    result = bmseg(*words(root, f"--probability=net={root / 'maps'}", "-o", root / "maps_alone"))
    assert result.returncode == 0, result.stderr
    assert bmseg(*words(root, f"--prediction=net={root / 'net'}", "-o", root / "masks")).returncode == 0
    for name in ("dice.csv", "fair_scores.csv", "comparisons.csv", "measures_table1.csv"):
        assert (root / "maps_alone" / name).read_text() == (root / "masks" / name).read_text()
    assert not (root / "masks" / "calibration.csv").exists()
    table = pd.read_csv(root / "maps_alone" / "calibration.csv")
    assert set(table.against) == {"anna", "ben", "votes"}
    assert set(table.level) == {"label1", "label2", "label3", "all labels"}
    each = pd.read_csv(root / "maps_alone" / "calibration_exams.csv").set_index(
        ["exam", "against", "level", "region"]
    )
    mask, anna = (np.asarray(nib.load(root / who / "e2.nii.gz").dataobj) for who in ("net", "anna"))
    maps = soft(mask, 1)
    assert each.brier["e2", "anna", "label2", "volume"] == pytest.approx(
        ((maps[2] - (anna == 2)) ** 2).mean()
    )
    again = bmseg(*words(root, f"--probability=net={root / 'maps'}", "-o", root / "maps_alone"))
    assert "already made from the same inputs" in again.stdout


def test_a_figure_and_sentences_say_what_is_to_be_known(
    root: Path, few_tables: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(figure: Figure, folder: Path, name: str) -> None:
        if name == "reliability":
            save_figure(figure, folder, name)

    monkeypatch.setattr("bmseg.scoring.evaluate.save_figure", asked)
    few_tables("calibration")
    result = bmseg(*words(root, f"--probability=net={root / 'maps'}", "-o", root / "out", "--synthetic"))
    assert result.returncode == 0, result.stderr
    figure = (root / "out" / "figures" / "reliability.svg").read_text()
    assert "Share of readers" in figure and "Synthetic cohort" in figure
    told = (root / "out" / "calibration_in_words.md").read_text()
    assert told.startswith("- Where a reader or net marks anything, net gives label1 ")
    assert "Synthetic cohort" in told


@pytest.mark.usefixtures("no_figures", "few_tables")
def test_of_a_model_with_both_the_mask_is_scored_and_what_differs_is_said(root: Path) -> None:
    path = root / "net" / "e2.nii.gz"
    image = nib.load(path)
    mask = np.asarray(image.dataobj).copy()
    mask[tuple(np.argwhere(mask == 3)[0])] = 2
    save_mask(path, mask)
    both = (f"--prediction=net={root / 'net'}", f"--probability=net={root / 'maps'}")
    result = bmseg(*words(root, *both, "-o", root / "both"))
    assert result.returncode == 0, result.stderr
    said = "e2: net: its likeliest label is not its mask's in 1 voxel; the mask was scored"
    assert said in result.stderr
    assert bmseg(*words(root, both[0], "-o", root / "masks")).returncode == 0
    assert (root / "both" / "dice.csv").read_text() == (root / "masks" / "dice.csv").read_text()


def test_all_that_is_wrong_is_named_at_once(root: Path) -> None:
    for exam, factor in (("e1", 0.5), ("e3", 30)):
        path = root / "maps" / f"{exam}.nii.gz"
        image = nib.load(path)
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj) * np.float32(factor), image.affine), path)
    result = bmseg(*words(root, f"--probability=net={root / 'maps'}", "-o", root / "out"))
    assert result.returncode == 2
    lines = [line for line in result.stderr.splitlines() if "probabilities: found" in line]
    assert len(lines) == 2 and "e1.nii.gz" in lines[0] and "e3.nii.gz" in lines[1]
    assert not (root / "out").exists() or not any((root / "out").glob("*.csv"))


def test_misuse_is_refused_in_a_line(root: Path) -> None:
    maps = f"--probability=net={root / 'maps'}"
    assert_refused(bmseg("evaluate", maps), "--probability needs --reader")
    assert_refused(
        bmseg(*words(root, "--probability", "net", "-o", root / "o")), "--probability: found 'net', expected"
    )
    of_reader = f"--probability=anna={root / 'maps'}"
    assert_refused(bmseg(*words(root, of_reader, "-o", root / "o")), "found anna, which is a reader")
    (root / "maps" / "e2.nii.gz").unlink()
    refused = bmseg(*words(root, maps, "-o", root / "o"))
    assert refused.returncode == 2 and "net" in refused.stderr and "e2" in refused.stderr


def test_on_another_grid_they_are_refused(root: Path) -> None:
    path = root / "maps" / "e2.nii.gz"
    image = nib.load(path)
    affine = image.affine.copy()
    affine[0, 3] += 5
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine), path)
    result = bmseg(*words(root, f"--probability=net={root / 'maps'}", "-o", root / "o"))
    assert result.returncode == 2 and f"{path}: " in result.stderr and "origin" in result.stderr


def test_a_workspace_has_those_of_every_exam_or_of_none(tmp_path: Path) -> None:
    folder = tmp_path / "unet"
    folder.mkdir()
    for exam in EXAMS:
        (folder / f"{exam}.nii.gz").touch()
    assert predicted_with_probabilities({"unet": folder}, tmp_path) == {}
    (folder / "e1.npz").touch()
    with pytest.raises(InputError, match=r"unet: probabilities: found 1 of 3 exams.*predict unet --prob"):
        predicted_with_probabilities({"unet": folder}, tmp_path)
    for exam in EXAMS:
        (folder / f"{exam}.npz").touch()
    assert predicted_with_probabilities({"unet": folder}, tmp_path) == {"unet": folder}


@pytest.mark.usefixtures("no_figures")
def test_from_python(root: Path, few_tables: Callable[..., None]) -> None:
    few_tables("calibration")
    masks = {seed: thresholded([*READERS, "net"], seed=seed) for seed in range(3)}
    readers = {name: {f"e{seed + 1}": each[name] for seed, each in masks.items()} for name in READERS}
    maps = {f"e{seed + 1}": soft(each["net"], seed) for seed, each in masks.items()}
    levels = {"label1": 1, "label2": 2, "label3": 3}
    study = ev.read_study(readers, levels=levels, probabilities={"net": maps}, rule="map")
    assert study.models == ["net"]
    result = bmseg(*words(root, f"--probability=net={root / 'maps'}", "-o", root / "out"))
    assert result.returncode == 0
    written = pd.read_csv(root / "out" / "calibration.csv")
    pd.testing.assert_frame_equal(study[calibrated.CALIBRATION], written, atol=1e-6)
    with pytest.raises(MaskError, match="exam e1: net: probabilities: found shape"):
        ev.read_study(readers, levels={"label1": 1}, probabilities={"net": maps})
    with pytest.raises(MaskError, match="exam e1: net: probabilities: found sums off 1"):
        ev.read_study(readers, levels=levels, probabilities={"net": {"e1": maps["e1"] / 2}})
