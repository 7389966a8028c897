"""One value of a slice's header lost, empty, or another: refused by name, or the volume as it was."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset

from tests.dataset_conversion.dicom.damage import Sound, edited
from tests.dataset_conversion.dicom.sound_series import CLASSIC, header_of, pick, put, scaled

# What a header may say instead: nothing, an empty value, nonsense, and something plausible.
NONSENSE = ["NaN", "inf", "1e308", "-1", "0", "x", "1e-320", "99999999999999", "\u00e6\u00f8"]
OTHERS: dict[str, list[Any]] = {
    "ImagePositionPatient": [["0", "0", "0"], ["1", "2"], ["1", "2", "3", "4"], ["NaN"] * 3, ["1e308"] * 3],
    "ImageOrientationPatient": [
        ["1", "0", "0", "0", "1", "0"], ["0"] * 6, ["1e308"] * 6, ["1", "0", "0"], ["1"] * 6,
    ],
    "PixelSpacing": [["0.5", "0.5"], ["0", "0"], ["-1", "-1"], ["1"], ["1e308", "1e308"], ["NaN", "NaN"]],
    "Rows": [1, 0, 65535, 128], "Columns": [1, 0, 65535, 128],
    "EchoTime": ["1", *NONSENSE],
    "ImageType": [["DERIVED", "PRIMARY", "DIXON", "WATER"], ["ORIGINAL"], ["A", "B", "M", "MOSAIC"]],
    "SeriesInstanceUID": ["1.2.3", "x y", "1.2.3\\4"],
    "StudyInstanceUID": ["1.2.3", "x y", "1.2.3\\4"],
    "FrameOfReferenceUID": ["1.2.3"],
    "PatientID": ["somebody else"],
    "SeriesNumber": ["77", "NaN", "x", "1e308"],
    "InstanceNumber": ["77", "NaN", "x", "1e308"],
    "AcquisitionNumber": ["77", "NaN", "x", "1e308"],
    "TemporalPositionIdentifier": ["77", "NaN", "x", "1e308"],
    "SOPClassUID": [
        "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.66", "1.2.840.10008.5.1.4.1.1.66.4",
        "1.2.840.10008.5.1.4.1.1.88.11", "1.2.3", "1.2.840.10008.5.1.4.1.1.4.2",
    ],
    "BitsStored": [8, 13, 0, 16, 65535], "BitsAllocated": [8, 32, 0, 1, 65535], "HighBit": [7],
    "PixelRepresentation": [0, 1, 2],
    "RescaleSlope": NONSENSE, "RescaleIntercept": NONSENSE,
    "NumberOfFrames": ["0", "2", "99999999", "x", "-1"],
    "SamplesPerPixel": [3, 0, 65535],
    "PhotometricInterpretation": ["MONOCHROME1", "RGB", "x"],
    "ComplexImageComponent": ["PHASE"],
}  # fmt: skip
# Nothing contradicts these in a single slice: the values alone change.
VALUES = {"RescaleSlope", "RescaleIntercept"}


def change(header: Dataset, *, keyword: str, value: Any) -> None:
    """Remove (None), empty (b""), or set an element."""
    if value is None:
        header.pop(keyword, None)
    elif value == b"":
        setattr(header, keyword, None)
    elif isinstance(value, str | int | list) and not isinstance(value, pydicom.valuerep.IS):
        put(header, keyword, value)
    else:
        setattr(header, keyword, value)


@pytest.mark.parametrize("name", CLASSIC)
@pytest.mark.parametrize("keyword", OTHERS)
def test_an_edited_header_of_one_slice(
    sound: Callable[[str], Sound], tmp_path: Path, name: str, keyword: str
) -> None:
    series = sound(name)
    for which in (0, -1):
        file = pick(series, which)
        values = [*OTHERS[keyword], None, b""]
        if keyword in header_of(series.files[file]):
            values += [header_of(series.files[pick(series, k)]).get(keyword) for k in (0, 1, -1)]
        for value in values:
            changed = edited(series.files[file], partial(change, keyword=keyword, value=value))
            outcome = series.outcome_with({file: changed}, tmp_path / "x")
            verdict = series.judge(outcome, values_of=[file] if keyword in VALUES else [], touched=scaled)
            assert verdict in ("same", "refused", "values"), (file, value)


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("FrameOfReferenceUID", "1.2.3", "FrameOfReferenceUID: blank in 3 of 4 slices, expected in all"),
        ("RescaleSlope", "2", "RescaleSlope: found in 1 of 4 slices, expected in all or none"),
        ("SeriesInstanceUID", "1.2.3", "torn: 1 further slices continue this volume and differ in Series"),
        ("StudyInstanceUID", "1.2.3", "SeriesInstanceUID: found 1 series that stand in another study"),
        ("PatientID", "x", "PatientID: found 2 in one study, expected one"),
        ("EchoTime", "1", "torn: 1 further slices continue this volume and differ in echo time"),
        ("ImageType", ["A", "B"], "torn: 1 further slices continue this volume and differ in image type"),
        ("Rows", 65535, "Rows, Columns: found 65535 x 256, expected 1 to 8192 in 1 of 4 frames"),
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.66", ""),
        ("SamplesPerPixel", 3, "SamplesPerPixel: found 3 (colour), expected 1 in 1 of 4 frames"),
        ("BitsStored", 8, "mixed BitsAllocated/BitsStored/PixelRepresentation"),
        ("NumberOfFrames", "2", "NumberOfFrames: found 2, expected per-frame functional groups"),
    ],
)
def test_an_edited_end_slice_is_named(
    sound: Callable[[str], Sound], tmp_path: Path, keyword: str, value: Any, reason: str
) -> None:
    series = sound("siemens")
    for which in (0, -1):
        file = pick(series, which)
        changed = edited(series.files[file], partial(change, keyword=keyword, value=value))
        outcome = series.outcome_with({file: changed}, tmp_path / "x")
        assert series.judge(outcome) == ("refused" if reason else "same")
        assert any(found.startswith(reason) for found in outcome.refusals) or not reason
