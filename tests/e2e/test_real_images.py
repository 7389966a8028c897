"""docs/tutorials/train.md on 18 real extremity exams, with a shorter training."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from bmseg.methods.profiles import PROFILES
from tests.support.command_line import bmseg

pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install '.[train]'")
pytestmark = pytest.mark.slow

STUDY = Path(__file__).parents[2] / "bmseg" / "studies" / "ibsi_extremity" / "study.toml"


def installed(*words: object) -> None:
    program = Path(sys.executable).parent / "bmseg"
    result = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def in_process(*words: object) -> None:
    """Seconds of work after seconds of imports are done here."""
    result = bmseg(*words)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def source(test_data: Path) -> Path:
    return test_data / "ibsi_sts_extremity" / "nifti"


@pytest.fixture(scope="module")
def workspace(
    source: Path,
    tmp_path_factory: pytest.TempPathFactory,
    vector_figures: None,  # noqa: ARG001
) -> Path:
    folder = tmp_path_factory.mktemp("sarcoma")
    exams = sorted(path.name for path in source.iterdir())
    rows = [
        f"{exam},{'training' if place < 14 else 'test'},"
        f"{source / exam / 'MR_T1_image.nii.gz'},{source / exam / 'MR_T1_mask.nii.gz'}"
        for place, exam in enumerate(exams)
    ]
    (folder / "cohort.csv").write_text("exam,split,T1,expert\n" + "\n".join(rows) + "\n")
    root = folder / "workspace"
    installed("convert", "nifti", "--table", folder / "cohort.csv", "--study", STUDY, "-w", root)
    in_process("plan", "-w", root)
    in_process("train", "-w", root, "--epochs", "2", "--iterations", "3")
    with pytest.MonkeyPatch.context() as patch:
        # Tiles side by side: how well these networks predict is not asked.
        patch.setitem(PROFILES, "quick", replace(PROFILES["quick"], tile_step=1.0))
        in_process("predict", "-w", root)
    in_process("evaluate", "-w", root)
    in_process("report", "-w", root)
    return root


def test_images_keep_their_voxels_at_their_places(workspace: Path, source: Path) -> None:
    dataset = workspace / "nnUNet_raw" / "Dataset601_ExtremitySarcoma"
    converted = [*dataset.glob("imagesTr/*.nii.gz"), *dataset.glob("imagesTs/*.nii.gz")]
    assert len(converted) == 18
    for path in converted:
        exam = path.name.removesuffix("_0000.nii.gz")
        image = sitk.ReadImage(path)
        original = sitk.ReadImage(source / exam / "MR_T1_image.nii.gz")
        brought = sitk.DICOMOrient(
            original, sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection())
        )
        np.testing.assert_array_equal(sitk.GetArrayViewFromImage(image), sitk.GetArrayViewFromImage(brought))
        np.testing.assert_allclose(image.GetOrigin(), brought.GetOrigin(), atol=1e-3)
        np.testing.assert_allclose(image.GetDirection(), brought.GetDirection(), atol=1e-5)


def test_the_four_test_exams_are_scored_against_the_expert(workspace: Path) -> None:
    scores = pd.read_csv(workspace / "evaluation" / "dice.csv")
    assert sorted(set(scores.exam)) == ["STS_042", "STS_043", "STS_047", "STS_051"]
    assert set(scores.rater) == {"expert", "nnunet"}
    assert (scores.dice[scores.rater == "expert"] == 1).all()
    assert (scores.n_reference > 0).all()
    text = (workspace / "evaluation" / "report.html").read_text()
    assert "synthetic cohort" not in text.lower()
