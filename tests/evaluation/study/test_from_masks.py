"""The face: masks of any kind give the same answers, and what is no mask is refused by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from matplotlib.figure import Figure

import evaluation as ev
from dataset_conversion.images import read_volume
from evaluation.consensus.rules import staple
from evaluation.consensus.votes import count_votes, paint
from evaluation.measures.dice import Dice
from evaluation.study import tables

AFFINE = np.diag([-0.9, 0.9, 3.5, 1.0])
LEVELS = {"level1": 1, "level2": 2, "level3": 3}


def label_map(seed: int, shape: tuple[int, ...] = (5, 4, 3)) -> np.ndarray:
    return np.random.default_rng(seed).choice(4, shape, p=[0.4, 0.3, 0.2, 0.1]).astype(np.uint8)


def kinds(array: np.ndarray, folder: Path) -> dict[str, Any]:
    image = nib.Nifti1Image(array, AFFINE)
    nib.save(image, folder / "mask.nii.gz")
    other = sitk.GetImageFromArray(array.T)
    other.SetSpacing((0.9, 0.9, 3.5))
    other.SetDirection((1, 0, 0, 0, -1, 0, 0, 0, 1))
    return {
        "array": array, "float": array.astype(float), "list": array.tolist(), "nibabel": image,
        "path": folder / "mask.nii.gz", "text": str(folder / "mask.nii.gz"), "SimpleITK": other,
    }  # fmt: skip


@pytest.fixture
def study() -> ev.ReaderStudy:
    masks = {name: [label_map(10 * k + n) for n in range(4)] for k, name in enumerate(("a", "b", "c", "net"))}
    return ev.read_study(
        {name: masks[name] for name in "abc"}, {"net": masks["net"]}, levels=LEVELS, rule="majority"
    )


def test_masks_of_every_kind_have_one_dice_and_one_consensus(tmp_path: Path) -> None:
    one, two, three = (label_map(seed) for seed in range(3))
    expected = Dice(level=(2, 3))(two, one)
    arrays = {"rater1": one, "rater2": two, "rater3": three}
    votes = count_votes(arrays, (0, 1, 2, 3))
    label = paint(arrays, votes, staple(votes, rule="binary").label)
    for name, mask in kinds(one, tmp_path).items():
        assert ev.dice(mask, two, level=(2, 3)) == expected, name
        assert ev.dice(two, mask, level=np.array([2, 3])) == expected, name
        assert np.array_equal(ev.staple([mask, two, three], rule="binary").label, label), name
    assert ev.dice([0, 1, 2], [0, 2, 2]) == 1
    assert np.isnan(ev.dice([0], [0])) and ev.dice([0], [0], empty_mask="one") == 1


def test_a_consensus_keeps_shape_names_labels_and_grid(tmp_path: Path) -> None:
    found = ev.staple({"ann": [[0, 7], [7, 9]], "bob": [[0, 7], [9, 9]]}, rule="majority")
    assert found.label.tolist() == [[0, 7], [7, 9]]
    assert found.consensus.raters == ("ann", "bob") and found.consensus.labels == (0, 7, 9)
    assert found.notices == (
        "of labels that tied the one declared first was taken: 1 voxel",
        "two raters do not determine a consensus: on 1 of 3 marked voxels they differ, and the rule decides",
    )
    assert read_volume(found.save(tmp_path / "new" / "a.nii.gz")).array.shape == (2, 2, 1)
    with pytest.raises(ValueError, match=r"a\.nii: found another ending, expected \.nii\.gz"):
        found.save(tmp_path / "a.nii")
    placed = ev.staple(
        [label_map(0), kinds(label_map(1), tmp_path)["nibabel"]], labels=[0, 1, 2, 3], rule="binary"
    )
    again = read_volume(placed.save(tmp_path / "b.nii.gz"))
    np.testing.assert_allclose(again.affine, AFFINE)
    assert np.array_equal(again.array, placed.label)
    assert repr(placed).startswith("<ConsensusMap of 5 x 4 x 3 voxels: <Consensus of rater1, rater2: ")
    assert not ev.staple([[0, 0], [0, 0]]).label.any()


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ([[0, 1.5]], "mask: label: found 1.5 in 1 of 2 voxels"),
        ([[0, np.nan]], "mask: label: found nan"),
        ([[0, -1]], "mask: label: found -1 in 1 of 2 voxels"),
        ([[0], [1]], "mask: size: found 2 x 1, expected 1 x 2 voxels"),
        ([[0], [1, 2]], "mask: found rows of different lengths"),
        ("gone.nii.gz", r"gone\.nii\.gz: no such file"),
        (object(), "mask: found object"),
    ],
)
def test_what_is_no_mask_is_refused_by_name(mask: Any, words: str) -> None:
    with pytest.raises(ev.MaskError, match=words):
        ev.dice(mask, [[0, 1]])


def test_grids_of_images_are_compared(tmp_path: Path) -> None:
    here, array = kinds(label_map(0), tmp_path), label_map(0)
    moved = AFFINE.copy()
    moved[0, 3] = 5
    with pytest.raises(ev.MaskError, match=r"mask: origin: found \(5, 0, 0\) mm, expected"):
        ev.dice(nib.Nifti1Image(array, moved), here["path"])


def test_a_study_of_arrays_is_a_study_of_files(tmp_path: Path) -> None:
    masks = {name: [label_map(10 * k + n) for n in range(4)] for k, name in enumerate(("a", "b", "net"))}
    for name, every in masks.items():
        (tmp_path / name).mkdir()
        for n, mask in enumerate(every, start=1):
            nib.save(nib.Nifti1Image(mask, AFFINE), tmp_path / name / f"exam{n}.nii.gz")
    how: dict[str, Any] = {"levels": LEVELS, "groups": {"any": [1, 2, 3]}, "rule": "ordinal"}
    files = ev.read_study({name: tmp_path / name for name in "ab"}, {"net": tmp_path / "net"}, **how)
    by_exam = {f"exam{n}": mask for n, mask in enumerate(masks["a"], start=1)}
    arrays = ev.read_study({"a": by_exam, "b": masks["b"]}, {"net": masks["net"]}, **how)
    assert files.exams == arrays.exams == ["exam1", "exam2", "exam3", "exam4"]
    for fair in (False, True):
        assert files.table1(fair=fair).to_csv() == arrays.table1(fair=fair).to_csv()
    assert files.agreement().to_csv() == arrays.agreement().to_csv()
    labels = [found.consensus["exam2"].label for found in (files, arrays)]
    assert np.array_equal(*labels)
    arrays.consensus["exam2"].save(tmp_path / "c.nii.gz")
    # A plain array's voxel is 1 cubic mm.
    ml = [found[tables.VOLUMES].ml.sum() for found in (files, arrays)]
    assert ml[0] == pytest.approx(ml[1] * 0.9 * 0.9 * 3.5)


def test_what_a_study_answers(study: ev.ReaderStudy) -> None:
    assert repr(study) == "<ReaderStudy: 3 readers, 1 model, 4 exams>"
    assert study.scores.attrs == {"models": ["net"]}
    assert set(study.fair_scores.left_out) == {"a", "b", "c"}
    compared = study.compare(margin=0.05)
    assert len(compared.rows) == 3 * 4
    assert compared.rows[0][0] == "level1, net minus a"
    assert compared.columns[-1] == "Not worse by the margin: Holm p"
    assert "Margin: 0.05; clear where the one-sided Holm p is at most 0.025." in compared.notes
    assert any(note.startswith("*: too few exams for 95 %") for note in compared.notes)
    assert len(study.compare().columns) == 5
    agreement = study.agreement()
    assert [row[:2] for row in agreement.rows[:2]] == [
        ["level1, a and b", "Dice"],
        ["level1, a and c", "Dice"],
    ]
    assert agreement.rows[-1][:2] == ["readers, whole volume", "kappa"]
    with pytest.raises(ev.StatisticsError, match="models: found net, expected two or more"):
        study.compare_models()
    # Asked for once, it was not computed again; what takes longest not at all.
    assert study[tables.TABLE1] is study[tables.TABLE1]
    assert tables.SENSITIVITY.name not in study.tables._made  # type: ignore[attr-defined]


def test_a_study_refuses_what_makes_no_sense() -> None:
    masks = [label_map(n) for n in range(2)]
    with pytest.raises(ev.MaskError, match="readers: found none"):
        ev.read_study({}, levels=LEVELS)
    with pytest.raises(ev.MaskError, match="models: found a, which is a reader"):
        ev.read_study({"a": masks}, {"a": masks}, levels=LEVELS)
    with pytest.raises(ev.MaskError, match="b: missing exam2"):
        ev.read_study({"a": masks, "b": masks[:1]}, levels=LEVELS)
    with pytest.raises(ev.MaskError, match="exam exam1: a: label: found 3 in .* expected 0, 1, 2"):
        ev.read_study({"a": masks}, levels={"level1": 1, "level2": 2})
    alone = ev.read_study({"a": masks}, levels=LEVELS)
    assert "its own Dice is 1" in str(alone.table1())
    for ask in (alone.compare, alone.agreement, lambda: alone.table1(fair=True)):
        with pytest.raises(ev.StatisticsError, match="found reader a alone, expected two or more"):
            ask()


def test_figures_are_drawn_into_given_axes(study: ev.ReaderStudy) -> None:
    figure = Figure(figsize=(9, 6))
    axes = figure.subplots(2, 3)
    before = dict(mpl.rcParams)
    assert ev.figures.raters(study.scores, axes=axes[0, 0], note="Synthetic cohort") is figure
    assert ev.figures.levels(study.scores, rater="net", colors={}, axes=axes[0, 1]) is figure
    ev.figures.forest(study.compare(margin=0.05).data, model="net", axes=axes[1], note="below")
    assert dict(mpl.rcParams) == before
    assert [text.get_text() for text in axes[0, 0].get_legend().get_texts()] == ["a", "b", "c", "net"]
    assert any("Synthetic cohort" in text.get_text() for text in axes[0, 0].texts)
    assert "below" in [text.get_text() for text in axes[1, 2].texts]
    assert [panel.get_title("left") for panel in axes[1]] == list(LEVELS)
    assert not figure.legends and not figure.get_supxlabel()
    with pytest.raises(ValueError, match="axes: found 1, expected 3 panels: level1, level2, level3"):
        ev.figures.forest(study.compare().data, model="net", axes=axes[0, 2])
    figure.canvas.draw()


def test_names_are_there_and_nothing_is_imported_for_them() -> None:
    assert sorted(ev.__all__) == dir(ev) == sorted(dir(ev))
    assert set(ev.figures.__all__) <= set(dir(ev.figures))
    for package in (ev, ev.figures):
        assert [name for name in package.__all__ if getattr(package, name) is None] == []
    with pytest.raises(
        AttributeError, match="module 'evaluation' has no attribute 'stapel'; it has .*staple"
    ):
        ev.stapel  # noqa: B018
    code = (
        "import sys, evaluation; print([m for m in ('pandas', 'matplotlib', 'seaborn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
