"""Real series of three vendors: equal to the NIfTI beside them, or refused for their true reason."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from dataset_conversion.dicom.found_volume import FoundVolume
from dataset_conversion.dicom.pixels import read_voxels
from dataset_conversion.dicom.scan import scan
from dataset_conversion.dicom.volumes import find_volumes
from dataset_conversion.images import Volume
from tests.support.same_volume import assert_same


def volumes_in(folder: Path) -> list[FoundVolume]:
    return find_volumes(scan(folder).frames)


def nifti(path: Path, part: int | None = None) -> Volume:
    image = nib.load(path)
    array = np.asanyarray(image.dataobj)
    return Volume(array if part is None else array[..., part], image.affine)


@pytest.mark.parametrize("case", ["STS_002", "STS_015", "STS_025"])
def test_ibsi_equals_the_nifti_beside_it(test_data: Path, case: str) -> None:
    """Philips, GE and Siemens."""
    folder = test_data / "ibsi_sts_extremity"
    (found,) = volumes_in(folder / "dicom" / case / "MR_T1")
    assert found.reason == ""
    assert_same(read_voxels(found), nifti(folder / "nifti" / case / "MR_T1_image.nii.gz"))


@pytest.mark.parametrize(
    ("name", "plane", "part", "relative"),
    [
        ("siemens", "sagittal", None, 0),
        ("philips", "coronal", None, 0),
        ("ge", "sagittal", None, 0),
        ("siemens_multiframe", "axial", None, 0),
        ("philips_enhanced", "sagittal", 0, 1e-6),
    ],
)
def test_dicom2nifti_reference(
    test_data: Path, name: str, plane: str, part: int | None, relative: float
) -> None:
    folder = test_data / "dicom2nifti_tests" / name / "anatomical"
    (found,) = volumes_in(folder / "001")
    assert (found.reason, found.plane) == ("", plane)
    reference = nifti(folder / "001_ground_truth.nii.gz", part)
    assert_same(read_voxels(found), reference, relative=relative)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("sliceorientation", "mixed orientation: found 2 in one series (2, 2 slices), expected one"),
        ("slicecount", "too few slices: found 2, expected at least 3"),
        (
            "sliceincrement",
            "uneven spacing: found 5 to 10 mm between slices, expected one; 1 missing after slice 3 of 4",
        ),
    ],
)
def test_failing_series_are_refused_for_their_true_reason(test_data: Path, name: str, reason: str) -> None:
    (found,) = volumes_in(test_data / "dicom2nifti_tests" / "failing" / name)
    assert found.reason == reason


def test_many_contrasts_in_one_object_are_told_apart(test_data: Path) -> None:
    """13 positions x 2 echoes x 4 components."""
    found = volumes_in(test_data / "dbdicom_philips_enhanced_coronal" / "MULTIFRAME" / "IM_0014")
    assert {(v.first.component, v.first.echo_time) for v in found} == {
        (component, echo)
        for component in ("magnitude", "real", "imaginary", "phase")
        for echo in (4.001, 6.3)
    }
    assert {(v.reason, v.plane, v.shape) for v in found} == {("", "coronal", (128, 128, 13))}
    assert round(found[0].obliqueness, 1) == 18.2
    magnitude = next(v for v in found if (v.first.component, v.first.echo_time) == ("magnitude", 4.001))
    assert read_voxels(magnitude).array.min() == 0


def test_siemens_enhanced_files_of_one_series_are_parts_of_the_reference(test_data: Path) -> None:
    """XA10: a file a time point; the 4-D reference holds them in order of acquisition."""
    folder = test_data / "dcm_qa_enh"
    found = volumes_in(folder / "In" / "Siemens")
    assert [v.first.acquisition for v in found] == [1, 2, 3, 4]
    for part, volume in enumerate(found):
        assert_same(read_voxels(volume), nifti(folder / "Ref" / "Siemens_REST1_w_SMS_PF7-8_6.nii", part))


def test_siemens_xa_classic_series_equal_their_reference(test_data: Path) -> None:
    folder = test_data / "dcm_qa_xa30i"
    references = {
        (9001, "magnitude"): "9001_gre_field_mapping_e1.nii.gz",
        (9002, "magnitude"): "9002_gre_field_mapping_e2.nii.gz",
        (10001, "phase"): "10001_gre_field_mapping_e2_ph.nii.gz",
    }
    found = volumes_in(folder / "In")
    assert len(found) == 3
    for volume in found:
        reference = references[volume.first.series_number, volume.first.component]
        assert_same(read_voxels(volume), nifti(folder / "Ref" / reference))


def test_a_field_map_is_no_magnitude(test_data: Path) -> None:
    found = volumes_in(test_data / "dcm_qa_enh" / "In" / "Philips")
    assert sorted(v.first.component for v in found) == ["field_map", "magnitude"]
