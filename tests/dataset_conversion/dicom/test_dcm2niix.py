"""Everything that dcm2niix converts of the real images: the same voxels at the same places in ours."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydicom", reason="pydicom is not installed: pip install '.[dicom]'")

from benchmarks.bench_dicom import render
from benchmarks.dcm2niix import SeriesComparison, compare_folder, difference, find_dcm2niix
from dataset_conversion.images import Volume


@pytest.fixture(scope="module")
def compared(test_data: Path) -> list[SeriesComparison]:
    if find_dcm2niix() is None:
        pytest.skip("dcm2niix is not here: pip install dcm2niix")
    return compare_folder(test_data)


def test_every_voxel_is_dcm2niixs_at_the_same_place(compared: list[SeriesComparison]) -> None:
    faults = {(str(row.folder), row.series): row.differences for row in compared if any(row.differences)}
    assert not faults
    assert sum(len(row.names) for row in compared) == 26


def test_each_image_of_dcm2niix_is_one_of_ours_or_of_a_series_that_is_refused(
    compared: list[SeriesComparison],
) -> None:
    for row in compared:
        assert row.parts == len(row.names) or row.refused, row


def test_whole_values_are_equal_and_rescaled_ones_in_single_precision(
    compared: list[SeriesComparison],
) -> None:
    """Philips' enhanced objects have slopes that are no whole numbers."""
    rescaled = {row.folder.parts[0] for row in compared if row.worst}
    assert rescaled <= {"dbdicom_philips_enhanced_coronal", "dcm_qa_enh", "dicom2nifti_tests"}
    assert max(row.worst for row in compared) < 1e-4


def test_what_is_refused_and_why(compared: list[SeriesComparison]) -> None:
    """dcm2niix makes something of all three: a volume of two slices, two volumes, an uneven one."""
    refused = {row.folder.parts[2]: (row.refused, row.parts) for row in compared if row.refused}
    assert refused == {
        "slicecount": (("too few slices: found 2, expected at least 3",), 1),
        "sliceincrement": (
            ("uneven spacing: found 5 to 10 mm between slices, expected one; 1 missing after slice 3 of 4",),
            1,
        ),
        "sliceorientation": (
            ("mixed orientation: found 2 in one series (2, 2 slices), expected one",),
            2,
        ),
    }


def test_the_table_names_no_identifier(compared: list[SeriesComparison]) -> None:
    table = render(compared)
    assert Counter(table)["\n"] == len(compared) + 2
    assert "1.2." not in table
    assert "1.3." not in table


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v, ""),
        (lambda v: v.stored_as("sagittal"), ""),
        (lambda v: Volume(v.array[::-1], v.affine), "values: 60 of 60 voxels differ"),
        (lambda v: Volume(v.array.astype(float) * (1 + 2e-4), v.affine), "values: 59 of 60 voxels differ"),
        (lambda v: Volume(v.array, v.affine + np.eye(4)[:, [3, 1, 2, 0]] * 0.01), "place: a corner is 0.0"),
        (lambda v: Volume(v.array[:, :, :4], v.affine), "size: "),
    ],
    ids=["same", "turned", "flipped", "scaled", "moved", "cut"],
)
def test_the_comparison_sees_what_differs(change: Callable[[Volume], Volume], message: str) -> None:
    volume = Volume(np.arange(60, dtype=np.int16).reshape(4, 3, 5), np.diag([0.9, 0.9, 3.5, 1.0]))
    assert (
        difference(volume, change(volume)).startswith(message)
        if message
        else not difference(volume, change(volume))
    )
