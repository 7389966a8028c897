"""Masks in DICOM, made for tests: segmentations and structure sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

from dataset_conversion.images import Volume, read_volume

#: Series, image and a mask of it.
Exam = tuple[list[Dataset], Volume, np.ndarray]
FRAME = "1.2.3.4"


def real_series(test_data: Path) -> tuple[list[Dataset], Volume]:
    """The slices of a real exam by place, and its image."""
    folder = test_data / "ibsi_sts_extremity"
    series = [pydicom.dcmread(path) for path in sorted((folder / "dicom/STS_025/MR_T1/image").glob("*.dcm"))]
    series.sort(key=lambda slice_: float(slice_.ImagePositionPatient[2]))
    return series, read_volume(folder / "nifti/STS_025/MR_T1_image.nii.gz")


def segmentation(
    exam: Exam,
    path: Path,
    names: tuple[str, ...] = ("level1", "level2", "level3"),
    kind: str = "BINARY",
    stack: np.ndarray | None = None,
    **options: Any,
) -> Dataset:
    """A SEG of the exam's mask, or of a stack of segments (slices, rows, columns, segments)."""
    series, _, mask = exam
    # NIfTI counts i along a row and j down the rows here, as the series' orientation is axial.
    pixels = mask.transpose(2, 1, 0).astype(np.uint8) if stack is None else stack
    descriptions = [
        SegmentDescription(n, name, codes.SCT.Tissue, codes.SCT.Tissue, SegmentAlgorithmTypeValues.MANUAL)
        for n, name in enumerate(names, start=1)
    ]
    dataset = Segmentation(
        source_images=series,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=1,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="bmseg",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
        **options,
    )
    dataset.save_as(path)
    return dataset


def structure_set(sets: dict[str, list[Dataset] | None], frame: str = FRAME) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = RTStructureSetStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.StructureSetROISequence = Sequence()
    dataset.ROIContourSequence = Sequence()
    for number, (name, contours) in enumerate(sets.items(), start=1):
        roi, drawn = Dataset(), Dataset()
        roi.ROINumber = drawn.ReferencedROINumber = number
        roi.ROIName = name
        roi.ReferencedFrameOfReferenceUID = frame
        dataset.StructureSetROISequence.append(roi)
        if contours is not None:
            drawn.ContourSequence = Sequence(contours)
            dataset.ROIContourSequence.append(drawn)
    return dataset
