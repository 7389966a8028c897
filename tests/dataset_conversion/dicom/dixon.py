"""Dixon exams for tests, made from real series by editing tags.

No public series with an ImageType of WATER or FAT was found. So the files at hand are written again with
the tags that Siemens, Philips and GE write into Dixon images; geometry and everything else stay the
scanner's. The pixels of a contrast are the real ones divided by its `DIVISOR` (integer division), so that
a test can tell which one was taken.
"""

from __future__ import annotations

import copy
import gzip
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

DIVISOR = {"in_phase": 1, "water": 2, "fat": 3, "opposed_phase": 4}

GZIP = b"\x1f\x8b"

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
        header.SeriesInstanceUID = _uid("siemens", exam, contrast)
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
        header.SeriesInstanceUID = _uid("philips", exam)
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
        header.SeriesInstanceUID = _uid("ge", exam, contrast)
        header.SeriesNumber = 5 + list(DIVISOR).index(contrast)
        header.ManufacturerModelName = "SIGNA Artist"
        header.ProtocolName = "Knee"
        header.SeriesDescription = ("" if without_tags else f"{fronts[contrast]}: ") + "Cor T2 FLEX"
        header.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        if image_type and not without_tags:
            header.ImageType = ["DERIVED", "PRIMARY", "DIXON", codes[contrast], "MAGNITUDE"]

    source = test_data / "dicom2nifti_tests" / "ge" / "anatomical"
    return _classic(source, out, edit, exam=f"ge{exam}", name="{contrast}/{number}.MRDC", turn=coronal)


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
    header.SeriesInstanceUID = _uid("enhanced", exam)
    header.StudyInstanceUID = _uid("enhanced study", exam)
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = _uid("enhanced object", exam)
    out.mkdir(parents=True, exist_ok=True)
    header.save_as(out / "IM_0001")
    slope = float(frames[groups["M"][0]].PixelValueTransformationSequence[0].RescaleSlope)
    displayed, affine = _dcm2niix(folder, "501_1_")
    values = np.rint(displayed / slope).astype(np.int64)
    return DixonExam(out, {name: (values // by) * slope for name, by in DIVISOR.items()}, affine)


def plant_identity(folder: Path) -> list[str]:
    """Rewrite every DICOM file below a folder with an invented identity, in place.

    Names stand in patient, institution and comment fields, inside SeriesDescription and ProtocolName, in a
    private tag, the preamble, and in the names of files and folders; all instance UIDs are new, the same
    for the same.

    Returns
    -------
    list of str
        Everything that must not be found in any output: planted strings and new UIDs.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    uids: dict[str, str] = {}
    planted: set[str] = {"Plantmann", "Karitest"}
    patients: dict[str, int] = {}
    for number, path in enumerate(files):
        header = _read(path)
        if header is not None:
            patient = patients.setdefault(str(header.get("PatientID", "")), len(patients))
            planted |= _plant(header, patient)
            _new_uids(header, uids)
            header.preamble = b"Plantmann Karitest".ljust(128, b"\0")
            _write(header, path)
        path.rename(path.with_name(f"Plantmann_{number:04d}{path.suffix}"))
    deepest_first = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
    for number, path in enumerate(deepest_first):
        path.rename(path.with_name(f"Karitest {number}"))
    return sorted(planted | set(uids.values()))


def unpacked(path: Path) -> bytes:
    """Content of a file, of a gzip'd one uncompressed, its header with it."""
    content = path.read_bytes()
    return content[:64] + gzip.decompress(content) if content[:2] == GZIP else content


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
            header.StudyInstanceUID = _uid("study", exam)
            header.InstanceNumber = number
            header.SOPInstanceUID = _uid("object", exam, str(number))
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


def _uid(*words: str) -> str:
    return generate_uid(entropy_srcs=["bmseg", *words])


def _read(path: Path) -> FileDataset | None:
    content = path.read_bytes()
    if content[:2] == GZIP:
        content = gzip.decompress(content)
    try:
        header = pydicom.dcmread(io.BytesIO(content))
    except pydicom.errors.InvalidDicomError:
        return None
    return header if "SOPInstanceUID" in header else None


def _write(header: FileDataset, path: Path) -> None:
    buffer = io.BytesIO()
    header.save_as(buffer)
    compressed = path.read_bytes()[:2] == GZIP
    path.write_bytes(gzip.compress(buffer.getvalue(), 1) if compressed else buffer.getvalue())


def _plant(header: FileDataset, patient: int) -> set[str]:
    name = f"Plantmann{patient}^Karitest{patient}"
    fields = {
        "PatientName": name,
        "PatientID": f"PID-88{patient}4711",
        "PatientBirthDate": f"2010021{patient % 10}",
        "PatientBirthName": f"Fodtplant{patient}",
        "PatientAddress": f"Storgata {patient}, Plantby",
        "PatientTelephoneNumbers": f"+47 555 77{patient}",
        "OtherPatientIDs": f"OPID-99{patient}1234",
        "PatientComments": f"mother Plantmor{patient}",
        "AccessionNumber": f"ACC555{patient}0123",
        "InstitutionName": "Plantsykehuset",
        "InstitutionAddress": "Plantveien 12",
        "ReferringPhysicianName": "Henvisermann^Ola",
        "PerformingPhysicianName": "Utforermann^Per",
        "OperatorsName": "Radiografdame^Eva",
        "RequestingPhysician": "Rekvirentmann^Nils",
        "StationName": "MRPLANT01",
        "DeviceSerialNumber": "SER-77219",
        "StudyID": f"STID{patient}61",
        "StudyDescription": f"Kne Plantmann{patient} oktober",
        "ImageComments": f"comment on Karitest{patient}",
        "RequestedProcedureDescription": f"for Plantmann{patient}",
        "PerformedProcedureStepDescription": f"done for Plantmann{patient}",
    }
    fields |= dict.fromkeys(["StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"], "20190417")
    fields |= dict.fromkeys(["StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"], "131742.190000")
    for keyword, value in fields.items():
        setattr(header, keyword, value)
    words = f" Plantmann{patient} Karitest{patient}"
    protocol = str(header.get("ProtocolName", ""))
    description = str(header.get("SeriesDescription", ""))
    if protocol and description.startswith(protocol):
        header.SeriesDescription = protocol + words + description[len(protocol) :]
    else:
        header.SeriesDescription = description + words
    header.ProtocolName = protocol + words
    block = header.private_block(0x0009, "PLANTMANN PRIVATE", create=True)
    block.add_new(0x01, "LO", f"secret of Karitest{patient}")
    planted = set(fields.values()) | {f"Plantmann{patient}", f"Karitest{patient}", "secret of"}
    # Short parts of names could be found anywhere by chance.
    return planted | {part for value in fields.values() for part in value.split("^") if len(part) > 6}


def _new_uids(header: FileDataset, uids: dict[str, str]) -> None:
    """Replace every instance UID, also of references and nested items; classes and syntaxes stay."""

    def new(value: str) -> str:
        return uids.setdefault(str(value), generate_uid(entropy_srcs=["planted", str(value)]))

    def replace(_: Dataset, element: pydicom.DataElement) -> None:
        if element.VR != "UI" or not element.value:
            return
        values: Iterable[str] = [element.value] if element.VM == 1 else element.value
        changed = [value if str(value).startswith("1.2.840.10008.") else new(value) for value in values]
        element.value = changed[0] if len(changed) == 1 else changed

    header.walk(replace)
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
