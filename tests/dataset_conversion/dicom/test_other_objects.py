"""What is no plain MR image: other objects are counted by kind, other images refused by name."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from dataset_conversion.dicom.scan import scan
from tests.dataset_conversion.dicom.damage import lay_out, whole_way
from tests.dataset_conversion.dicom.rewritten import assert_identical, edited_series, voxels_of


def other_objects(series: Path) -> dict[str, bytes]:
    """Objects that lie beside images: each with study and series, none with a slice."""
    first = pydicom.dcmread(next(series.iterdir()))
    classes = {
        "PS": ("1.2.840.10008.5.1.4.1.1.11.1", "PR"),
        "RTSTRUCT": ("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT"),
        "SEG": ("1.2.840.10008.5.1.4.1.1.66.4", "SEG"),
        "SR": ("1.2.840.10008.5.1.4.1.1.88.22", "SR"),
        "private": ("1.3.46.670589.11.0.0.12.2", "MR"),
    }
    found = {}
    for name, (uid, modality) in classes.items():
        header = Dataset()
        header.SOPClassUID, header.SOPInstanceUID = UID(uid), generate_uid(entropy_srcs=[name])
        header.PatientID, header.StudyInstanceUID = first.PatientID, first.StudyInstanceUID
        header.SeriesInstanceUID = generate_uid(entropy_srcs=["series", name])
        header.Modality = modality
        if name == "SEG":
            header.Rows, header.Columns, header.NumberOfFrames = 256, 256, 1
            header.SegmentSequence = [Dataset()]
            header.PixelData = bytes(256 * 256 // 8)
            header["PixelData"].VR = "OB"
        buffer = io.BytesIO()
        header.file_meta = pydicom.dataset.FileMetaDataset()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        pydicom.dcmwrite(buffer, header, enforce_file_format=True)
        found[name] = buffer.getvalue()
    return found


def directory_file() -> bytes:
    directory = Dataset()
    directory.file_meta = pydicom.dataset.FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.1.3.10")
    directory.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["directory"])
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.DirectoryRecordSequence = [Dataset()]
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, directory, enforce_file_format=True)
    return buffer.getvalue()


def test_other_objects_are_counted_by_kind(siemens: Path, tmp_path: Path) -> None:
    files = {path.name: path.read_bytes() for path in siemens.iterdir()} | other_objects(siemens)
    files |= {
        "DICOMDIR": directory_file(),
        "readme.txt": "Übersicht\n".encode("latin-1"),
        "a.pdf": b"%PDF-1.7\n\0",
    }
    folder = lay_out(files, tmp_path / "x")
    found = scan(folder)
    assert found.damaged == {}
    assert found.others == {
        "Enhanced SR Storage": 1,
        "Grayscale Softcopy Presentation State Storage": 1,
        "Media Storage Directory Storage": 1,
        "RT Structure Set Storage": 1,
        "Segmentation Storage": 1,
        "not DICOM": 2,
        "private object of the vendor": 1,
    }
    assert_identical(voxels_of(folder), voxels_of(siemens))


def _without_geometry(header: Dataset, _: int) -> None:
    header.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    del header.ImagePositionPatient, header.ImageOrientationPatient


def _colour(header: Dataset, _: int) -> None:
    header.SamplesPerPixel, header.PhotometricInterpretation, header.PlanarConfiguration = 3, "RGB", 0
    header.PixelData = header.PixelData * 3


def _put(keyword: str, value: Any) -> Callable[[Dataset, int], object]:
    return lambda header, _: setattr(header, keyword, value)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (_put("PhotometricInterpretation", "MONOCHROME1"), "PhotometricInterpretation: found MONOCHROME1,"),
        (_put("PhotometricInterpretation", "PALETTE COLOR"), "PhotometricInterpretation: found PALETTE"),
        (_colour, "SamplesPerPixel: found 3 (colour), expected 1"),
        (_put("ImageType", ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]), "ImageType: found MOSAIC, expected one"),
        (_without_geometry, "no usable ImageOrientationPatient"),
        (_put("NumberOfFrames", 2), "NumberOfFrames: found 2, expected per-frame functional groups"),
    ],
)
def test_what_is_no_plain_slice_is_named(
    siemens: Path, tmp_path: Path, edit: Callable[[Dataset, int], object], reason: str
) -> None:
    outcome = whole_way(edited_series(siemens, tmp_path / "x", edit))
    assert not outcome.volumes
    assert outcome.refusals[0].startswith(reason)
