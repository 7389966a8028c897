"""Frames of an enhanced object edited, lost, or miscounted: refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset

from tests.dataset_conversion.dicom.damage import Sound, edited
from tests.dataset_conversion.dicom.sound_series import put

FRAME_EDITS: dict[str, Callable[[Dataset], object]] = {
    "position lost": lambda frame: frame.pop("PlanePositionSequence", None),
    "position empty": lambda frame: setattr(frame.PlanePositionSequence[0], "ImagePositionPatient", None),
    "position zero": lambda frame: setattr(
        frame.PlanePositionSequence[0], "ImagePositionPatient", ["0", "0", "0"]
    ),
    "orientation other": lambda frame: setattr(
        frame.PlaneOrientationSequence[0], "ImageOrientationPatient", ["1", "0", "0", "0", "1", "0"]
    ),
    "spacing other": lambda frame: setattr(
        frame.PixelMeasuresSequence[0], "PixelSpacing", ["0.5", "0.5"]
    ),
    "scale lost": lambda frame: frame.pop("PixelValueTransformationSequence", None),
    "scale zero": lambda frame: setattr(
        frame.PixelValueTransformationSequence[0], "RescaleSlope", "0"
    ),
    "type other": lambda frame: setattr(
        frame.MRImageFrameTypeSequence[0], "FrameType", ["ORIGINAL", "PRIMARY", "T1", "X"]
    ),
    "echo other": lambda frame: setattr(frame.MREchoSequence[0], "EffectiveEchoTime", 6.3),
    "everything lost": lambda frame: frame.clear(),
}  # fmt: skip


@pytest.mark.parametrize("edit", FRAME_EDITS)
@pytest.mark.parametrize("place", [0, -1])
def test_an_edited_frame_of_an_enhanced_object(
    sound: Callable[[str], Sound], tmp_path: Path, edit: str, place: int
) -> None:
    series = sound("philips_enhanced")
    (file,) = series.files

    def change_frame(header: Dataset) -> None:
        FRAME_EDITS[edit](header.PerFrameFunctionalGroupsSequence[place])

    changed = edited(series.files[file], change_frame)
    assert series.judge(series.outcome_with({file: changed}, tmp_path / "x")) == "refused"


@pytest.mark.parametrize("claimed", ["7", "9", "99999999", "0", "-1", "1"])
def test_an_enhanced_object_with_another_number_of_frames(
    sound: Callable[[str], Sound], tmp_path: Path, claimed: str
) -> None:
    series = sound("philips_enhanced")
    (file,) = series.files
    changed = edited(series.files[file], lambda header: put(header, "NumberOfFrames", claimed))
    outcome = series.outcome_with({file: changed}, tmp_path / "x")
    assert series.judge(outcome) == "refused"
    assert outcome.refusals[0].startswith("NumberOfFrames: found")


@pytest.mark.parametrize("consistent", [False, True])
def test_an_enhanced_object_without_its_last_item(
    sound: Callable[[str], Sound], tmp_path: Path, consistent: bool
) -> None:
    series = sound("philips_enhanced")
    (file,) = series.files

    def shorten(header: Dataset) -> None:
        del header.PerFrameFunctionalGroupsSequence[-1]
        if consistent:
            header.NumberOfFrames = len(header.PerFrameFunctionalGroupsSequence)

    outcome = series.outcome_with({file: edited(series.files[file], shorten)}, tmp_path / "x")
    assert series.judge(outcome) == "refused"
    assert ("PixelData: found" if consistent else "NumberOfFrames: found") in outcome.refusals[0]
