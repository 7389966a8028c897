"""A Dixon exam in one enhanced Philips object, made from a real one by editing tags, as in `dixon`."""

from __future__ import annotations

import copy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
import pydicom
from pydicom import Dataset

from tests.support.dixon import DIVISOR, DixonExam, uid_of


def philips_enhanced(
    test_data: Path,
    out: Path,
    *,
    release: Literal["R11", "R12"] = "R12",
    exam: str = "1",
    without_tags: bool = False,
) -> DixonExam:
    """One enhanced object of 52 frames, 13 coronal positions of four contrasts (dbdicom IM_0014).

    ImageType says MIXED; the contrast is each frame's: W, F, IP, OP in R11 and DIXON with WATER, FAT,
    IN_PHASE, OUT_OF_PHASE in R12, with the short code in private (2005,140F) in both.
    MetaboliteMapDescription says WATER on all frames, as it did on the scanner's magnitude frames.
    """
    folder = test_data / "dbdicom_philips_enhanced_coronal" / "MULTIFRAME"
    header = pydicom.dcmread(folder / "IM_0014")
    pixels = header.pixel_array
    frames = list(header.PerFrameFunctionalGroupsSequence)
    groups = {
        code: [i for i, frame in enumerate(frames) if _code(frame) == code and _echo(frame) == 4.001]
        for code in "MRIP"
    }
    kept, stored = [], []
    for place, magnitude in enumerate(groups["M"]):
        for contrast, code in zip(DIVISOR, "MRIP", strict=True):
            # Each of the four kinds of frame lends its dimension index, the magnitude frame its pixels.
            frame = copy.deepcopy(frames[groups[code][place]])
            frame.PixelValueTransformationSequence = frames[magnitude].PixelValueTransformationSequence
            frame.RealWorldValueMappingSequence = frames[magnitude].RealWorldValueMappingSequence
            _relabel(frame, "magnitude" if without_tags else contrast, release)
            kept.append(frame)
            stored.append(pixels[magnitude] // DIVISOR[contrast])
    header.PerFrameFunctionalGroupsSequence = kept
    header.NumberOfFrames = len(kept)
    header.PixelData = np.stack(stored).tobytes()
    header.SoftwareVersions = ["5.1.7"] if release == "R11" else ["12.1.2"]
    header.SeriesDescription = "T2 mDIXON cor"
    header.ProtocolName = "WIP T2 mDIXON cor"
    header.PatientID = f"enhanced{exam}"
    header.ComplexImageComponent = "MAGNITUDE"
    header.SeriesInstanceUID = uid_of("enhanced", exam)
    header.StudyInstanceUID = uid_of("enhanced study", exam)
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = uid_of("enhanced object", exam)
    out.mkdir(parents=True, exist_ok=True)
    header.save_as(out / "IM_0001")
    slope = float(frames[groups["M"][0]].PixelValueTransformationSequence[0].RescaleSlope)
    displayed, affine = _dcm2niix(folder, "501_1_")
    values = np.rint(displayed / slope).astype(np.int64)
    return DixonExam(out, {name: (values // by) * slope for name, by in DIVISOR.items()}, affine)


def _code(frame: Dataset) -> str:
    return frame.MRImageFrameTypeSequence[0].FrameType[3]


def _echo(frame: Dataset) -> float:
    return frame.MREchoSequence[0].EffectiveEchoTime


def _relabel(frame: Dataset, contrast: str, release: str) -> None:
    short = {"water": "W", "fat": "F", "in_phase": "IP", "opposed_phase": "OP", "magnitude": "M"}[contrast]
    long = {"water": "WATER", "fat": "FAT", "in_phase": "IN_PHASE", "opposed_phase": "OUT_OF_PHASE"}
    kind = frame.MRImageFrameTypeSequence[0]
    kind.ComplexImageComponent = "MAGNITUDE"
    private = frame[0x2005, 0x140F].value[0]
    private[0x2005, 0x1011].value = short
    if contrast == "magnitude":
        kind.FrameType = ["ORIGINAL", "PRIMARY", "T1", "M"]
        private.ImageType = ["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"]
        return
    kind.FrameType = ["DERIVED", "PRIMARY", "T1", short]
    if release == "R12":
        kind.FrameType = ["ORIGINAL", "PRIMARY", "DIXON", long[contrast]]
    private.ImageType = ["DERIVED", "PRIMARY", short, short, "DERIVED"]


def _dcm2niix(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Displayed values and affine of one image, by dcm2niix on the unedited files."""
    program = shutil.which("dcm2niix") or str(Path(sys.executable).with_name("dcm2niix"))
    with tempfile.TemporaryDirectory() as scratch:
        call = [
            program,
            "-p",
            "n",
            "-m",
            "o",
            "-z",
            "n",
            "-b",
            "n",
            "-f",
            "%s_%e_",
            "-o",
            scratch,
            str(folder),
        ]
        subprocess.run(call, check=True, capture_output=True)
        image = nib.load(Path(scratch) / f"{name}.nii")
        return np.asanyarray(image.dataobj).astype(float), image.affine.copy()
