"""Slices and regions that a reader did not draw: left out for everybody, and said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import evaluation as ev
from bmseg.scoring.evaluation import Evaluation
from evaluation.study import tables as t
from tests.support.command_line import assert_refused, bmseg
from tests.support.masks import save_mask, thresholded

RATERS = ("anna", "ben", "net")
EXAMS = ("e1", "e2")
#: First and last slice (from 0) that Anna drew of the first exam; an axial stack of six.
FIRST, LAST = 1, 3


def masks_of(seed: int) -> dict[str, np.ndarray]:
    drawn = thresholded(list(RATERS), (14, 12, 6), seed=seed)
    if seed == 0:
        drawn["anna"][..., :FIRST] = drawn["anna"][..., LAST + 1 :] = 0
    return drawn


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for seed, exam in enumerate(EXAMS):
        for rater, mask in masks_of(seed).items():
            save_mask(tmp_path / rater / f"{exam}.nii.gz", mask)
    table(tmp_path, "e1,anna,2,4")
    return tmp_path


def table(root: Path, *rows: str, heading: str = "exam,reader,first,last") -> Path:
    path = root / "slices.csv"
    path.write_text("\n".join([heading, *rows, ""]))
    return path


def regions(root: Path, change: Callable[[np.ndarray], None] = lambda _: None) -> Path:
    """Of Anna, with a mask an exam: 1 where she drew."""
    for seed, exam in enumerate(EXAMS):
        where = np.ones(masks_of(seed)["anna"].shape, np.uint8)
        if seed == 0:
            where[..., :FIRST] = where[..., LAST + 1 :] = 0
        change(where)
        save_mask(root / "where" / f"{exam}.nii.gz", where)
    return root / "where"


def run(root: Path, *more: object) -> object:
    readers = [f"--reader={name}={root / name}" for name in RATERS[:2]]
    return bmseg("evaluate", "--ordinal", *readers, f"--prediction=net={root / 'net'}", *more)


@pytest.mark.usefixtures("no_figures")
def test_slices_that_a_reader_did_not_draw_count_for_nobody(
    root: Path, few_tables: Callable[..., None]
) -> None:
    few_tables("fair_dice", "volumes", "ignored")
    result = run(root, "--drawn-slices", root / "slices.csv", "-o", root / "out")
    assert result.returncode == 0, result.stderr
    drawn = [masks_of(seed) for seed in range(2)]
    cut = {rater: [drawn[0][rater][..., FIRST : LAST + 1], drawn[1][rater]] for rater in RATERS}
    # What is scored is what would be if these slices were not in the images at all.
    study = ev.read_study(
        {name: cut[name] for name in RATERS[:2]}, {"net": cut["net"]},
        levels={"label1": 1, "label2": 2, "label3": 3}, rule="map",
    )  # fmt: skip
    for declared, of in ((t.DICE, "dice"), (t.FAIR_DICE, "dice"), (t.VOLUMES, "ml")):
        found = pd.read_csv(root / "out" / f"{declared.name}.csv")
        expected = study[declared].reset_index(drop=True)
        if of == "ml":
            # Arrays have no voxel size.
            there = expected[of] > 0
            assert np.std(found[of][there] / expected[of][there]) == pytest.approx(0, abs=1e-6)
        else:
            assert found[of].to_numpy() == pytest.approx(expected[of].to_numpy(), nan_ok=True)
    ignored = pd.read_csv(root / "out" / "ignored.csv")
    n = drawn[0]["anna"][..., 0].size * 3
    assert ignored[["rater", "voxels", "left_out"]].to_numpy().tolist() == [["anna", n, n], ["ben", 0, n]]
    said = f"{n} voxels in 1 of 2 exams that a reader did not look at, or marked as unsure (anna {n})"
    assert said in (root / "out" / "table1.md").read_text()
    read_back = Evaluation.read(root / "out", root / "out" / "study.toml")
    assert said in "\n".join(read_back.table.notes)


@pytest.mark.usefixtures("no_figures")
def test_slices_are_counted_along_the_readers_own_file(root: Path, few_tables: Callable[..., None]) -> None:
    few_tables("fair_dice", "ignored")
    run(root, "--drawn-slices", root / "slices.csv", "-o", root / "out")
    path = root / "anna" / "e1.nii.gz"
    image = nib.load(path)
    # The same mask at the same place, its slices stored from the other end.
    axis = 2
    mirrored = image.affine.copy()
    mirrored[:3, axis] *= -1
    mirrored[:3, 3] += image.affine[:3, axis] * (image.shape[axis] - 1)
    nib.save(nib.Nifti1Image(np.flip(np.asanyarray(image.dataobj), axis), mirrored), path)
    n = image.shape[axis]
    table(root, f"e1,anna,{n - LAST},{n - FIRST}")
    result = run(root, "--drawn-slices", root / "slices.csv", "-o", root / "again")
    assert result.returncode == 0, result.stderr
    for name in ("fair_dice", "ignored"):
        assert (root / "out" / f"{name}.csv").read_text() == (root / "again" / f"{name}.csv").read_text()


@pytest.mark.usefixtures("no_figures")
def test_a_region_says_the_same_as_its_slices(root: Path, few_tables: Callable[..., None]) -> None:
    few_tables("fair_scores", "measures_table1", "ignored")
    for out, how in (
        ("a", ("--drawn-slices", root / "slices.csv")),
        ("b", (f"--drawn=anna={regions(root)}",)),
    ):
        assert run(root, *how, "-o", root / out).returncode == 0
    for name in ("dice.csv", "fair_scores.csv", "measures_table1.csv", "ignored.csv", "table1.md"):
        assert (root / "a" / name).read_text() == (root / "b" / name).read_text()
    again = run(root, f"--drawn=anna={root / 'where'}", "-o", root / "b")
    assert "already made from the same inputs" in again.stdout
    image = nib.load(root / "where" / "e2.nii.gz")
    smaller = np.asarray(image.dataobj).copy()
    smaller[0] = 0
    save_mask(root / "where" / "e2.nii.gz", smaller)
    other = run(root, f"--drawn=anna={root / 'where'}", "-o", root / "b")
    assert "already made" not in other.stdout


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["e1,anne,1,3"], "reader: found 'anne', expected one of anna, ben"),
        (["e9,anna,1,3"], "anna: exam: found 'e9', expected one of e1, e2"),
        (["e1,anna,3,2"], "row 1: first, last: found '3', '2', expected two slices counted from 1"),
        (["e1,ben,1,6", "e1,anna,0,3"], "row 2: first, last: found '0', '3', expected two slices"),
        (["e1,anna,one,3"], "row 1: first, last: found 'one', '3'"),
        (["e1,anna,1.5,3"], "row 1: first, last: found '1.5', '3'"),
        (["e1,anna,2,4", "e1,anna,2,4"], "row 2: found anna of e1 twice, expected once"),
        (["e1,anna,2,7"], "exam e1: anna: last: found slice 7, expected one of 6 (axial)"),
        (["e1,anna,3,4"], "voxels marked where anna is said not to have drawn, expected none"),
        (["e2,net,1,2"], "reader: found 'net', expected one of anna, ben"),
    ],
)
def test_a_table_that_cannot_be_is_refused_in_a_line(root: Path, rows: list[str], said: str) -> None:
    assert_refused(run(root, "--drawn-slices", table(root, *rows), "-o", root / "out"), said)


def test_further_misuse(root: Path) -> None:
    out = ("-o", root / "out")
    table(root, "e1,anna", heading="exam,reader")
    assert_refused(
        run(root, "--drawn-slices", root / "slices.csv", *out), "found no column first, last, expected"
    )
    assert_refused(
        run(root, f"--drawn=carl={regions(root)}", *out), "drawn: reader: found 'carl', expected one of"
    )
    nothing = run(root, f"--drawn=anna={regions(root, lambda where: where.fill(0))}", *out)
    # Both exams are named, a line each.
    assert nothing.returncode == 2 and nothing.stderr.count("said not to have drawn") == 2
    (root / "where" / "e2.nii.gz").unlink()
    assert_refused(
        run(root, f"--drawn=anna={root / 'where'}", *out), "anna: found no region of exam e2, expected"
    )
