"""Knee-sized DICOM exams with simulated knees in them: noise and air compress as real ones do.

Classic Siemens style: a series an exam, a file a slice, explicit little endian, coronal, Dixon water, and
a patient's identity that no output may repeat.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from dataset_conversion.images import Volume
from dataset_conversion.phantom.cohort import plan_cohort, simulate_exam

COLUMNS, ROWS, SLICES = 256, 256, 24
KNEES = 5


def write_dicom_exams(folder: Path, exams: int) -> None:
    """Write exams of 256 x 256 x 24 voxels, each in a folder of its own with its own UIDs.

    Parameters
    ----------
    folder : Path
    exams : int
        They share the voxels of `KNEES` simulated knees, which neither program can notice.
    """
    knees = [_knee(number) for number in range(min(KNEES, exams))]
    for number in range(exams):
        _write_series(folder / f"exam{number:03d}", knees[number % KNEES], number)


def _knee(number: int) -> Volume:
    planned = replace(plan_cohort(training=KNEES)[number], slices=SLICES)
    image = simulate_exam(planned, channels=["water"], seed=number, readers=()).channels["water"]
    margin = (image.array.shape[0] - COLUMNS) // 2
    return Volume(image.array[margin : margin + COLUMNS], image.affine)


def _write_series(folder: Path, knee: Volume, number: int) -> None:
    folder.mkdir(parents=True)
    series = _series(number)
    to_lps = np.diag([-1.0, -1, 1, 1]) @ knee.affine
    series.ImageOrientationPatient = [
        *knee.grid.direction[:, 0] * [-1, -1, 1],
        *knee.grid.direction[:, 1] * [-1, -1, 1],
    ]
    series.PixelSpacing = [knee.spacing[1], knee.spacing[0]]
    series.SliceThickness = series.SpacingBetweenSlices = knee.spacing[2]
    for k in range(SLICES):
        series.SOPInstanceUID = series.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        series.InstanceNumber = k + 1
        series.ImagePositionPatient = [round(value, 6) for value in (to_lps @ [0, 0, k, 1])[:3]]
        series.PixelData = knee.array[:, :, k].T.astype("<u2").tobytes()
        series.save_as(folder / f"IM{k:04d}", enforce_file_format=True)


def _series(number: int) -> Dataset:
    """All that slices share."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MRImageStorage
    dataset = pydicom.Dataset()
    dataset.file_meta = meta
    values = {
        "SOPClassUID": MRImageStorage, "StudyInstanceUID": generate_uid(), "Modality": "MR",
        "SeriesInstanceUID": generate_uid(), "FrameOfReferenceUID": generate_uid(),
        "ImageType": ["DERIVED", "PRIMARY", "DIXON", "WATER"],
        "PatientName": f"Planted^Identity{number}", "PatientID": f"ID{number:06d}", "PatientSex": "F",
        "PatientBirthDate": "20100203", "StudyDate": "20220304", "StudyTime": "101112", "StudyID": "1",
        "AccessionNumber": f"A{number}", "SeriesDescription": "cor T2 tse dixon_W", "SeriesNumber": 4,
        "Manufacturer": "SIEMENS", "ManufacturerModelName": "Aera", "MagneticFieldStrength": 1.5,
        "RepetitionTime": 3000.0, "EchoTime": 60.0, "BodyPartExamined": "KNEE", "PatientPosition": "FFS",
        "AcquisitionNumber": 1, "Rows": ROWS, "Columns": COLUMNS, "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11,
        "PixelRepresentation": 0,
    }  # fmt: skip
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset
