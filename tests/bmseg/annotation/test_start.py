"""Where rounds begin: segmented exams are noted, masks of unread exams are taken in."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bmseg.annotation.rounds import open_annotation
from dataset_conversion.images import Volume, write_volume
from tests.bmseg.annotation.tiny import mask_of, truth
from tests.support.command_line import assert_refused, bmseg, printed_command, run_printed


@pytest.fixture
def by_hand(tmp_path: Path) -> Path:
    write_volume(tmp_path / "by_hand" / "unread_3.nii.gz", truth("unread_3")[1])
    return tmp_path / "by_hand"


def test_training_exams_and_masks_by_hand(fresh: Path, by_hand: Path) -> None:
    (by_hand / "notes.txt").write_text("seen on Monday")
    result = bmseg("annotate", "start", "-w", fresh, "--masks", by_hand)
    assert result.returncode == 0, result.stderr
    assert "4 exams segmented, 6 unread" in result.stdout
    assert "not read, since no mask: 1 other file in" in result.stdout
    annotation = open_annotation(fresh)
    lineage = annotation.lineage().set_index("exam")
    assert (lineage["round"] == 0).all()
    assert lineage.chosen["training_0"] == "segmented before"
    assert lineage.chosen["unread_3"] == "segmented by hand"
    assert np.array_equal(mask_of(annotation, "unread_3"), truth("unread_3")[1].array)
    assert "unread_3" not in annotation.unread()
    annotation.check_masks()
    # The next step can be pasted as it stands.
    printed = run_printed(printed_command(result.stdout, "next: "), "--folds", 9)
    assert_refused(printed, "--folds: found 9, expected 0 to 3: segmented: 4 exams")
    again = bmseg("annotate", "start", "-w", fresh, "--masks", by_hand)
    assert "already begun with 4 segmented exams; nothing was changed" in again.stdout


def test_another_mask_of_an_accepted_exam(fresh: Path, by_hand: Path) -> None:
    bmseg("annotate", "start", "-w", fresh, "--masks", by_hand)
    mask = truth("unread_3")[1]
    write_volume(by_hand / "unread_3.nii.gz", Volume(mask.array * 0, mask.affine))
    result = bmseg("annotate", "start", "-w", fresh, "--masks", by_hand)
    assert_refused(result, "found another than was accepted (unread_3.nii.gz), expected the same")
    assert mask_of(open_annotation(fresh), "unread_3").any()
    (by_hand / "unread_3.nii.gz").rename(by_hand / "unread_4.nii.gz")
    result = bmseg("annotate", "start", "-w", fresh, "--masks", by_hand)
    assert_refused(result, "exam unread_4: found a mask after rounds had begun")


def test_masks_that_do_not_fit(fresh: Path, by_hand: Path) -> None:
    image, mask = truth("unread_0")
    write_volume(by_hand / "unread_0.nii.gz", Volume(mask.array[:, :, :1], mask.affine))
    write_volume(by_hand / "unread_1.nii.gz", Volume(mask.array * 4, image.affine))
    result = bmseg("annotate", "start", "-w", fresh, "--masks", by_hand)
    assert_refused(result, "unread_0.nii.gz: size: found")
    assert "unread_1.nii.gz: label: found 4 in" in result.stderr
    write_volume(by_hand / "knee_9.nii.gz", mask)
    assert_refused(bmseg("annotate", "start", "-w", fresh, "--masks", by_hand), "exam: found knee_9.nii.gz")
    assert not (fresh / "annotation").exists()


def test_another_seed(fresh: Path) -> None:
    bmseg("annotate", "start", "-w", fresh)
    assert_refused(bmseg("annotate", "start", "-w", fresh, "--seed", 5), "seed: found 2022, expected 5")


def test_nothing_to_begin_with(fresh: Path) -> None:
    result = bmseg("annotate", "propose", "-w", fresh)
    assert_refused(result, "found no rounds, expected some; begin with")
    assert run_printed(printed_command(result.stderr, "begin with: ")).returncode == 0
    shutil.rmtree(fresh / "annotation")
    assert_refused(bmseg("annotate", "status", "-w", fresh), "annotation.json: found no rounds")
    raw = fresh / "nnUNet_raw" / "Dataset501_Tiny"
    (raw / "cohort.csv").unlink()
    assert_refused(bmseg("annotate", "start", "-w", fresh), "found no segmented exam, expected at least one")
    (raw / "images" / "exams.csv").unlink()
    assert_refused(bmseg("annotate", "start", "-w", fresh), "exams.csv: found no unread exams")


def test_exams_that_would_leak(fresh: Path) -> None:
    """A patient of the test exams is not trained on, and an exam is in one place."""
    path = fresh / "nnUNet_raw" / "Dataset501_Tiny" / "images" / "exams.csv"
    table = pd.read_csv(path)
    table.loc[2, "patient"] = "test 0"
    table.to_csv(path, index=False)
    assert_refused(bmseg("annotate", "start", "-w", fresh), "patient test 0: found among test exams too")
    cohort = path.parents[1] / "cohort.csv"
    cohort.write_text(cohort.read_text().replace("training_1", "unread_1"))
    assert_refused(bmseg("annotate", "start", "-w", fresh), "exam unread_1: found in cohort.csv too")


def test_no_conversion_into_rounds(fresh: Path, tmp_path: Path) -> None:
    bmseg("annotate", "start", "-w", fresh)
    result = bmseg("convert", "nifti", "-w", fresh, "--table", tmp_path / "exams.csv")
    assert_refused(result, "annotation.json: found rounds of segmentation, expected none")
