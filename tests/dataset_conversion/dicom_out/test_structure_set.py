"""Structure sets of real exams: contours that give the mask back, voxel for voxel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from matplotlib.path import Path as Polygon
from pydicom import Dataset

from dataset_conversion.dicom_out.document import document_of
from dataset_conversion.dicom_out.origin import origin_of
from dataset_conversion.dicom_out.structure_set import structure_set_of
from dataset_conversion.images import ConversionError
from tests.support.dicom_origins import MAKER, SEGMENTS, WHOLE, complaints, drawn_on, read_back, volumes_in
from tests.support.dicom_series import with_, write_slices

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize(
    "series",
    [
        "ibsi_sts_extremity/dicom/STS_025/MR_T1/image",
        "dcm_qa_xa30i/In/9001_gre_field_mapping",
        "dcm_qa_enh/In/Siemens",
    ],
)
def test_real_series_come_back_voxel_for_voxel(test_data: Path, tmp_path: Path, series: str) -> None:
    volume = volumes_in(test_data / series)[0]
    origin, mask = origin_of(volume), drawn_on(volume)
    made = structure_set_of(mask, origin, SEGMENTS, MAKER, series_number=10)
    made.save_as(tmp_path / "rt.dcm", enforce_file_format=True)
    np.testing.assert_array_equal(read_back(tmp_path / "rt.dcm", volume), mask)

    dataset = pydicom.dcmread(tmp_path / "rt.dcm")
    assert [roi.ROIName for roi in dataset.StructureSetROISequence] == ["level1", "level2", "level3"]
    assert dataset.ROIContourSequence[0].ROIDisplayColor == [0x40, 0xE0, 0xD0]
    # Nothing is marked as level 3.
    assert ["ContourSequence" in one for one in dataset.ROIContourSequence] == [True, True, False]
    np.testing.assert_array_equal(filled_by_matplotlib(dataset, volume.affine, mask.shape), mask)
    places = {(one.sop_instance, one.frame): one.position for one in origin.slices}
    normal = np.cross(*np.array(origin.orientation).reshape(2, 3))
    for contour in dataset.ROIContourSequence[0].ContourSequence:
        (image,) = contour.ContourImageSequence
        place = places[image.ReferencedSOPInstanceUID, image.get("ReferencedFrameNumber")]
        points = np.array(contour.ContourData, dtype=float).reshape(-1, 3)
        # In the plane of the image that it names.
        assert np.abs((points - place) @ normal).max() < 0.002
        assert max(map(len, map(str, contour.ContourData))) <= 16
    assert dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID == origin.frame_of_reference


def filled_by_matplotlib(dataset: Dataset, affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The mask of contours by another program's test of points: those within an odd number of lines."""
    columns, rows, _ = shape
    centres = np.argwhere(np.ones((columns, rows), dtype=bool))
    mask = np.zeros(shape, dtype=np.uint8)
    for drawn in dataset.ROIContourSequence:
        inside = np.zeros(shape, dtype=bool)
        for contour in drawn.get("ContourSequence", ()):
            points = np.array(contour.ContourData, dtype=float).reshape(-1, 3) * [-1, -1, 1]
            voxels = (points - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
            line = Polygon(np.vstack([voxels[:, :2], voxels[:1, :2]]), closed=True)
            inside[:, :, round(voxels[0, 2])] ^= line.contains_points(centres).reshape(columns, rows)
        mask[inside] = drawn.ReferencedROINumber
    return mask


def test_images_without_a_frame_of_reference(tmp_path: Path) -> None:
    def edit(header: Dataset, _: int) -> None:
        del header.FrameOfReferenceUID

    volume = volumes_in(write_slices(tmp_path, [0, 3, 6], edit))[0]
    with pytest.raises(ConversionError, match="FrameOfReferenceUID: found none in the images, expected one"):
        structure_set_of(drawn_on(volume), origin_of(volume), SEGMENTS, MAKER, series_number=1)


def test_a_document_is_whole_and_of_the_patient(tmp_path: Path) -> None:
    volume = volumes_in(write_slices(tmp_path / "in", [0, 3, 6], with_(PatientName="Doe^Jane")))[0]
    pdf = b"%PDF-1.4 of an odd length"
    made = document_of(pdf, "exam001: volumes", origin_of(volume), MAKER, series_number=11)
    made.save_as(tmp_path / "pdf.dcm", enforce_file_format=True)
    dataset = pydicom.dcmread(tmp_path / "pdf.dcm")
    assert dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength] == pdf
    assert (str(dataset.PatientName), dataset.DocumentTitle) == ("Doe^Jane", "exam001: volumes")
    assert dataset.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert len(dataset.SourceInstanceSequence) == 3


def test_dciodvfy_has_no_complaint(tmp_path: Path) -> None:
    volume = volumes_in(write_slices(tmp_path / "in", [0, 3, 6], with_(**WHOLE)))[0]
    origin = origin_of(volume)
    for made in (
        structure_set_of(drawn_on(volume), origin, SEGMENTS, MAKER, series_number=1),
        document_of(b"%PDF-1.4", "title", origin, MAKER, series_number=2),
    ):
        made.save_as(tmp_path / "made.dcm", enforce_file_format=True)
        assert complaints(tmp_path / "made.dcm") == []
