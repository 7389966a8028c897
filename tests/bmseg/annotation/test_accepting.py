"""Corrected masks come back: checked, measured, never written over; what does not fit is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from bmseg.annotation.accept import accept
from bmseg.annotation.propose import propose
from bmseg.annotation.rounds import Annotation, open_annotation
from bmseg.errors import InputError
from dataset_conversion.images import Volume, read_volume, write_volume
from tests.bmseg.annotation.tiny import accept_command, correct, mask_of, settings, truth
from tests.support.command_line import assert_refused

pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")


def test_nothing_is_accepted_by_halves(proposed: Annotation) -> None:
    one, other = proposed.rounds()[0].exams
    folder = correct(proposed, one)
    assert_refused(
        accept_command(proposed), f"found no mask of {other}, expected one of every exam of round 1"
    )
    mask = truth(other)[1]
    write_volume(folder / f"{other}.nii.gz", Volume(mask.array * 9, mask.affine))
    assert_refused(accept_command(proposed), f"{other}.nii.gz: label: found 9 in")
    shifted = mask.affine.copy()
    shifted[0, 3] += 1
    write_volume(folder / f"{other}.nii.gz", Volume(mask.array, shifted))
    assert_refused(accept_command(proposed), f"{other}.nii.gz: origin: found")
    write_volume(folder / "knee_9.nii.gz", mask)
    assert_refused(
        accept_command(proposed), "found knee_9.nii.gz, expected only <exam>.nii.gz of the 2 exams"
    )
    assert len(proposed.lineage()) == 3
    assert not proposed.rounds()[0].accepted(one).exists()


def test_a_mask_that_slicer_numbered_anew_is_refused(proposed: Annotation) -> None:
    """Slicer 5.13 without 'Use color table values': level 2 is missing, and level 3 or a new segment is 2."""
    exam = proposed.rounds()[0].exams[0]
    folder = correct(proposed)
    numbers = folder / f"{exam}.labels.csv"
    heading = "LabelValue,Name,Color_R,Color_G,Color_B,Color_A\n"
    numbers.write_text(f"{heading}1,level2,31,95,255,255\n")
    assert_refused(accept_command(proposed), "segment level2: found 1 in the mask, expected 2")
    numbers.write_text(f"{heading}1,level1,64,224,208,255\n2,Segment_1,0,0,0,255\n")
    assert_refused(
        accept_command(proposed), "segment Segment_1: found 2 in the mask, expected the name of a level"
    )
    numbers.write_text("\0")
    assert_refused(accept_command(proposed), "cannot be read as 3D Slicer's table")
    assert len(proposed.lineage()) == 3
    numbers.write_text(f"{heading}1,level1,64,224,208,255\n2,level2,31,95,255,255\n")
    result = accept_command(proposed)
    assert result.returncode == 0, result.stderr
    assert "no masks and were not read" not in result.stdout


def test_a_level_that_is_gone_is_said(proposed: Annotation) -> None:
    round_ = proposed.rounds()[0]
    exam = round_.exams[0]
    folder = correct(proposed)
    proposal, mask = read_volume(round_.original(exam)), truth(exam)[1]
    has = np.unique(proposal.array)
    level = int(has[has > 0][0])
    other = 3 - level
    changed = np.where(mask.array == 0, 0, other).astype(np.uint8)
    write_volume(folder / f"{exam}.nii.gz", Volume(changed, mask.affine))
    result = accept_command(proposed)
    assert result.returncode == 0, result.stderr
    assert f"{exam}: level{level} was proposed and is nowhere in the corrected mask" in result.stderr


def test_some_first(proposed: Annotation) -> None:
    one, other = proposed.rounds()[0].exams
    correct(proposed, one)
    result = accept_command(proposed, "--exams", one)
    assert f"the round stays open for 1: {other}" in result.stdout
    assert proposed.rounds()[0].state == "proposed"
    assert proposed.dataset.exams("training") == ["training_0", "training_1", "training_2", one]
    assert_refused(accept_command(proposed, "--exams", "x"), "--exams: found x, expected exams of round 1")
    correct(proposed, other)
    assert "1 mask accepted, 1 already accepted" in accept_command(proposed).stdout
    assert proposed.rounds()[0].state == "accepted"
    assert sorted(pd.read_csv(proposed.rounds()[0].effort).exam) == [one, other]
    assert "0 masks accepted, 2 already accepted" in accept_command(proposed).stdout


def test_an_accepted_mask_is_never_overwritten(proposed: Annotation) -> None:
    folder = correct(proposed)
    accept(proposed)
    exam = proposed.rounds()[0].exams[0]
    before = mask_of(proposed, exam)
    write_volume(folder / f"{exam}.nii.gz", Volume(before * 0, truth(exam)[1].affine))
    assert_refused(accept_command(proposed), f"found another than was accepted ({exam}.nii.gz)")
    assert np.array_equal(mask_of(proposed, exam), before)
    # And what was changed behind the back of the rounds is not trained on.
    path = proposed.dataset.mask_path(exam, "training", "reader1")
    write_volume(path, Volume(before * 0, truth(exam)[1].affine))
    with pytest.raises(InputError, match=r"found another mask, expected the one that lineage\.csv says"):
        propose(proposed, settings())


def test_an_uncorrected_copy_is_counted(proposed: Annotation) -> None:
    round_ = proposed.rounds()[0]
    one, other = round_.exams
    correct(proposed, other)
    write_volume(round_.corrected / f"{one}.nii.gz", read_volume(round_.proposals / f"{one}.nii.gz"))
    result = accept_command(proposed)
    assert f"1 of them exactly as proposed, nothing corrected: {one}" in result.stdout
    lineage = proposed.lineage().set_index("exam")
    assert lineage.unchanged[one] == "True"
    assert lineage.unchanged[other] == "False"


def test_a_file_of_slicer(proposed: Annotation) -> None:
    """Saved as NRRD, in another order of axes; and twice, which is once too often."""
    folder = correct(proposed)
    exam = proposed.rounds()[0].exams[0]
    image = sitk.DICOMOrient(sitk.ReadImage(folder / f"{exam}.nii.gz"), "LPS")
    sitk.WriteImage(image, folder / f"{exam}.nrrd")
    assert_refused(accept_command(proposed), f"exam {exam}: found twice")
    (folder / f"{exam}.nii.gz").unlink()
    assert accept_command(proposed).returncode == 0
    assert np.array_equal(mask_of(proposed, exam), truth(exam)[1].array)


def test_saved_into_the_wrong_folder(proposed: Annotation) -> None:
    round_ = proposed.rounds()[0]
    one, other = round_.exams
    correct(proposed, other)
    write_volume(round_.proposals / f"{one}.nii.gz", truth(one)[1])
    result = accept_command(proposed)
    assert_refused(result, f"{one}: the file in proposals was changed; was it saved there?")
    (round_.proposals / f"{one}.nii.gz").rename(round_.corrected / f"{one}.nii.gz")
    assert accept_command(proposed).returncode == 0
    # Measured against what the model drew, not against what lies in proposals.
    effort = pd.read_csv(round_.effort).set_index("exam")
    original = read_volume(round_.original(one)).array
    assert effort.changed[one] == (original != truth(one)[1].array).sum()


def test_voxels_that_the_reader_was_unsure_of(proposed: Annotation) -> None:
    """Trained on as nnU-Net's ignore label; neither right nor wrong in what is measured."""
    study = proposed.workspace.study_file
    study.write_text(study.read_text() + "[scores]\nignore = 200\n")
    proposed = open_annotation(proposed.workspace.root)
    one, other = proposed.rounds()[0].exams
    folder = correct(proposed)
    mask, proposal = truth(one)[1], read_volume(proposed.rounds()[0].original(one)).array
    drawn = mask.array.copy()
    drawn[:, :, 2] = 200
    write_volume(folder / f"{one}.nii.gz", Volume(drawn, mask.affine))
    result = accept_command(proposed)
    assert result.returncode == 0, result.stderr
    n = drawn[:, :, 2].size
    said = f"marked as unsure, which no model learns from and no Dice counts: voxels of {one} {n}\n"
    assert said in result.stdout
    trained = mask_of(proposed, one)
    assert np.array_equal(trained, np.where(drawn == 200, 3, drawn))
    assert not (mask_of(proposed, other) == 3).any()
    proposed.check_masks()
    assert "0 masks accepted, 2 already accepted" in accept_command(proposed).stdout
    sure = drawn != 200
    found = pd.read_csv(proposed.rounds()[0].changes).set_index(["exam", "level"]).loc[(one, "level1")]
    both = ((proposal == 1) & (drawn == 1))[sure].sum()
    assert found.n_proposal == (proposal == 1)[sure].sum()
    assert found.dice == pytest.approx(2 * both / (found.n_proposal + (drawn == 1).sum()), abs=1e-6)
    effort = pd.read_csv(proposed.rounds()[0].effort).set_index("exam").loc[one]
    assert effort.changed == (proposal != drawn).sum()
