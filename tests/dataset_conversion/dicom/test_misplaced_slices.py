"""Slices lost, copied, or moved to another study, series or contrast: no volume is made without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid

from tests.dataset_conversion.dicom.damage import Sound, edited, whole_way
from tests.dataset_conversion.dicom.sound_series import CLASSIC, header_of, pick
from tests.support import dixon


@pytest.mark.parametrize("name", CLASSIC)
def test_slices_lost_copied_and_strange(
    sound: Callable[[str], Sound], tmp_path: Path, name: str, test_data: Path
) -> None:
    series = sound(name)
    first, second, *_, last = series.files
    for changed, reason in (
        ({second: None}, "uneven spacing"),
        ({"copy": series.files[second]}, "duplicates: found 1 of 5 slices"),
        ({"copy": series.files[first]}, "duplicates: found 1 of 5 slices"),
        ({last: series.files[first]}, "duplicates: found 1 of 4 slices"),
    ):
        outcome = series.outcome_with(changed, tmp_path / "x")
        assert series.judge(outcome) == "refused"
        assert outcome.refusals[0].startswith(reason)
    other = next(Path(test_data / "dicom2nifti_tests" / "failing" / "slicecount").rglob("*.dcm"))
    outcome = series.outcome_with({"other": other.read_bytes()}, tmp_path / "x")
    assert series.judge(outcome) == "same"
    assert any(reason.startswith("too few slices: found 1") for reason in outcome.refusals)


def test_a_slice_lost_to_another_study_and_series(sound: Callable[[str], Sound], tmp_path: Path) -> None:
    """Found by the fuzzer: both UIDs hit at once left a volume one slice short beside an exam of one."""
    series = sound("philips")
    file = pick(series, 0)

    def edit(header: Dataset) -> None:
        header.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
        header.SeriesInstanceUID = generate_uid(entropy_srcs=["series"])

    outcome = series.outcome_with({file: edited(series.files[file], edit)}, tmp_path / "x")
    assert series.judge(outcome) == "refused"
    assert any("in a study of their own" in reason for reason in outcome.refusals)


def test_an_end_slice_that_passes_for_another_contrast(test_data: Path, tmp_path: Path) -> None:
    """One series with four contrasts: what one of them lacks, another has twice; both are refused."""
    dixon.philips_classic(test_data, tmp_path / "sound")
    series = Sound.of(tmp_path / "sound", tmp_path / "y")
    assert len(series.outcome.volumes) == 4
    names = {tuple(header_of(content).ImageType)[3]: name for name, content in series.files.items()}

    def edit(header: Dataset) -> None:
        header.ImageType = ["DERIVED", "PRIMARY", "F", "F", "DERIVED"]

    outcome = series.outcome_with({names["W"]: edited(series.files[names["W"]], edit)}, tmp_path / "x")
    assert series.judge(outcome) == "refused in part"
    assert sorted(reason.split(":")[0] for reason in outcome.refusals) == ["doubled places", "torn"]
    assert len(outcome.volumes) == 2


def test_an_end_slice_in_another_series(test_data: Path, tmp_path: Path) -> None:
    """A series a contrast, told apart by their UIDs alone."""
    dixon.siemens(test_data, tmp_path / "sound", without_tags=True)
    files = {str(path.relative_to(tmp_path / "sound")): path for path in (tmp_path / "sound").rglob("*.dcm")}
    water, fat = (sorted(name for name in files if name.startswith(c)) for c in ("water", "fat"))
    header = pydicom.dcmread(files[water[-1]])
    header.SeriesInstanceUID = pydicom.dcmread(files[fat[0]]).SeriesInstanceUID
    header.save_as(files[water[-1]])
    outcome = whole_way(tmp_path / "sound")
    assert sorted(reason.split(":")[0] for reason in outcome.refusals) == ["too few slices", "torn"]
    assert {volume.array.shape for _, volume in outcome.volumes} == {(256, 256, 4)}


@pytest.mark.parametrize("number", [None, "77"])
def test_an_end_slice_in_a_series_of_its_own(
    sound: Callable[[str], Sound], tmp_path: Path, number: str | None
) -> None:
    """Found by the fuzzer: with its SeriesNumber hit too, only its place tells where it belongs."""
    series = sound("philips")
    file = pick(series, 0)

    def edit(header: Dataset) -> None:
        header.SeriesInstanceUID, header.SeriesNumber = "1.2.3", number
        header.ImageType = ["A", "B"]

    outcome = series.outcome_with({file: edited(series.files[file], edit)}, tmp_path / "x")
    assert series.judge(outcome) == "refused"
    assert any(reason.startswith("torn: 1 further slices continue") for reason in outcome.refusals)
