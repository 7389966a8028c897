"""Dixon exams of classic objects for tests, made from real series by editing tags."""

# No public series with an ImageType of WATER or FAT was found. So the files at hand are written again with
# the tags that Siemens, Philips and GE write into Dixon images; geometry and everything else stay the
# scanner's. Enhanced objects are in `dixon_enhanced`.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

# The pixels of a contrast are the real ones divided by this (integer division), so that a test can tell
# which one was taken.
DIVISOR = {"in_phase": 1, "water": 2, "fat": 3, "opposed_phase": 4}

# Turns a sagittal series about the long axis of the body into a coronal one.
_TO_CORONAL = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class DixonExam:
    """An exam on disk and what must come out of it.

    Parameters
    ----------
    folder : Path
    voxels : mapping of str to ndarray, shape (i, j, k)
        Displayed values a contrast; on the grid of `affine`.
    affine : ndarray, shape (4, 4)
        Voxel indices to world millimetres, RAS+.
    """

    folder: Path
    voxels: dict[str, np.ndarray]
    affine: np.ndarray


def siemens(
    test_data: Path,
    out: Path,
    *,
    release: Literal["VE11", "XA30"] = "VE11",
    exam: str = "1",
    coronal: bool = True,
    without_tags: bool = False,
) -> DixonExam:
    """Four series, one contrast each (dicom2nifti_tests/siemens, 4 slices).

    VE11 writes ``M\\ND\\DIXON\\W``; XA30 ``DIXON\\WATER\\DIS2D\\MFSPLIT``. ProtocolName is shared, the
    SeriesDescription ends in ``_W``, ``_F``, ``_in``, ``_opp``.
    """
    codes = {"water": "W", "fat": "F", "in_phase": "IN_PHASE", "opposed_phase": "OPP_PHASE"}
    suffixes = {"water": "_W", "fat": "_F", "in_phase": "_in", "opposed_phase": "_opp"}
    long = codes | {"water": "WATER", "fat": "FAT"}

    def edit(header: FileDataset, contrast: str) -> None:
        number = 5 + list(DIVISOR).index(contrast)
        header.SeriesInstanceUID = uid_of("siemens", exam, contrast)
        header.SeriesNumber = number
        header.Manufacturer = "SIEMENS" if release == "VE11" else "Siemens Healthineers"
        header.ManufacturerModelName = "Aera"
        header.ProtocolName = "t2_tse_dixon_cor"
        header.SeriesDescription = header.ProtocolName + ("" if without_tags else suffixes[contrast])
        if without_tags:
            header.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
        elif release == "VE11":
            header.ImageType = ["DERIVED", "PRIMARY", "M", "ND", "DIXON", codes[contrast]]
        else:
            header.ImageType = ["DERIVED", "PRIMARY", "DIXON", long[contrast], "DIS2D", "MFSPLIT"]

    source = test_data / "dicom2nifti_tests" / "siemens" / "anatomical"
    return _classic(
        source, out, edit, exam=f"siemens{exam}", name="{contrast}/IM-{number:04d}.dcm", turn=coronal
    )


def philips_classic(test_data: Path, out: Path, *, exam: str = "1", without_tags: bool = False) -> DixonExam:
    """One series with four contrasts, files without an ending (dicom2nifti_tests/philips, coronal).

    Water and fat differ from the others by ImageType; in and opposed phase share it and differ by
    EchoTime alone, so that their contrast cannot be known.
    """
    codes = {"water": "W", "fat": "F"}
    echo = {"in_phase": "4.6", "opposed_phase": "2.3", "water": "2.3", "fat": "2.3"}

    def edit(header: FileDataset, contrast: str) -> None:
        header.SeriesInstanceUID = uid_of("philips", exam)
        header.SeriesNumber = 401
        header.ManufacturerModelName = "Ingenia"
        header.SeriesDescription = ""
        header.ProtocolName = "WIP T2 mDIXON cor"
        header.EchoTime = echo[contrast]
        header.ImageType = ["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"]
        if contrast in codes and not without_tags:
            header.ImageType = ["DERIVED", "PRIMARY", codes[contrast], codes[contrast], "DERIVED"]

    source = test_data / "dicom2nifti_tests" / "philips" / "anatomical"
    return _classic(source, out, edit, exam=f"philips{exam}", name="IM_{number:04d}")


def ge(
    test_data: Path,
    out: Path,
    *,
    exam: str = "1",
    coronal: bool = True,
    image_type: bool = True,
    without_tags: bool = False,
) -> DixonExam:
    """Four series, one contrast each (dicom2nifti_tests/ge, slightly oblique).

    SeriesDescription begins with ``WATER: ``; ImageType holds ``DIXON\\WATER\\MAGNITUDE``, or says OTHER
    with ``image_type=False``, as older software does.
    """
    fronts = {"water": "WATER", "fat": "FAT", "in_phase": "InPhase", "opposed_phase": "OutPhase"}
    codes = {"water": "WATER", "fat": "FAT", "in_phase": "IN_PHASE", "opposed_phase": "OUT_PHASE"}

    def edit(header: FileDataset, contrast: str) -> None:
        header.SeriesInstanceUID = uid_of("ge", exam, contrast)
        header.SeriesNumber = 5 + list(DIVISOR).index(contrast)
        header.ManufacturerModelName = "SIGNA Artist"
        header.ProtocolName = "Knee"
        header.SeriesDescription = ("" if without_tags else f"{fronts[contrast]}: ") + "Cor T2 FLEX"
        header.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        if image_type and not without_tags:
            header.ImageType = ["DERIVED", "PRIMARY", "DIXON", codes[contrast], "MAGNITUDE"]

    source = test_data / "dicom2nifti_tests" / "ge" / "anatomical"
    return _classic(source, out, edit, exam=f"ge{exam}", name="{contrast}/{number}.MRDC", turn=coronal)


def uid_of(*words: str) -> str:
    return generate_uid(entropy_srcs=["bmseg", *words])


def _classic(
    source: Path,
    out: Path,
    edit: Callable[[FileDataset, str], None],
    *,
    exam: str,
    name: str,
    turn: bool = False,
) -> DixonExam:
    """Write every file of a series once a contrast; the reference NIfTI gives voxels and affine."""
    number = 0
    for path in sorted((source / "001").iterdir()):
        for contrast, divisor in DIVISOR.items():
            number += 1
            header = pydicom.dcmread(path)
            if turn:
                _turn(header)
            header.PixelData = (header.pixel_array // divisor).astype(header.pixel_array.dtype).tobytes()
            header.PatientID = exam
            header.PatientName = exam
            header.StudyInstanceUID = uid_of("study", exam)
            header.InstanceNumber = number
            header.SOPInstanceUID = uid_of("object", exam, str(number))
            header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
            edit(header, contrast)
            target = out / name.format(contrast=contrast, number=number)
            target.parent.mkdir(parents=True, exist_ok=True)
            header.save_as(target)
    reference = nib.load(source / "001_ground_truth.nii.gz")
    values, affine = np.asanyarray(reference.dataobj), reference.affine.copy()
    if turn:
        # About the body's axis: the same in DICOM's LPS+ and in NIfTI's RAS+.
        affine[:3] = _TO_CORONAL @ affine[:3]
    return DixonExam(out, {contrast: values // by for contrast, by in DIVISOR.items()}, affine)


def _turn(header: Dataset) -> None:
    axes = np.array(header.ImageOrientationPatient, dtype=float).reshape(2, 3) @ _TO_CORONAL.T
    header.ImageOrientationPatient = [f"{value:.12g}" for value in axes.ravel()]
    position = _TO_CORONAL @ np.array(header.ImagePositionPatient, dtype=float)
    header.ImagePositionPatient = [f"{value:.12g}" for value in position]
