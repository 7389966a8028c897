"""Numbers of series as they are shown: none that may be a date, or a number of somebody."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_conversion.dicom.exams import FoundExam, find_exams
from dataset_conversion.dicom.inspection import inspect, read_choices
from dataset_conversion.dicom.rule import ChannelRule
from dataset_conversion.dicom.scan import scan
from dataset_conversion.dicom.scanner import scanner_of
from dataset_conversion.dicom.selection import choose
from tests.dataset_conversion.dicom.test_scanner import header
from tests.support.dicom_series import with_, write_slices

WATER = ChannelRule("water", "coronal", "water")
PLACES = [0, 3, 6, 9]


def exam_with(folder: Path, *numbers: int | str | None) -> FoundExam:
    for k, number in enumerate(numbers):
        edit = with_(SeriesNumber=number, SeriesInstanceUID=f"1.2.3.{k}")
        write_slices(folder, [place + 100 * k for place in PLACES], edit, name=f"S{k}_")
    (exam,), _ = find_exams(scan(folder), [])
    return exam


@pytest.mark.parametrize(
    "number",
    [
        20150312,
        12032015,
        150312,
        120315,
        201503,
        20150312 * 10,
        1032015,
        2_147_483_647,
        311299,
        -20150312,
        50312,
        10312,
    ],
)
def test_a_number_that_may_be_a_date_is_replaced_by_its_order(tmp_path: Path, number: int) -> None:
    exam = exam_with(tmp_path, 3, 10001, number)
    order = "s1" if number < 0 else "s3"
    assert sorted(volume.name for volume in exam.volumes) == sorted(["3a", "10001a", f"{order}a"])
    table, refused = inspect([exam], [WATER])
    assert str(abs(number)) not in table.to_csv()
    assert str(abs(number)) not in str(refused)
    assert sorted(table.series) == sorted(["3", "10001", order])


@pytest.mark.parametrize(
    "number", [0, 1, 401, 2015, 9001, 10001, 40001, 99999, 746402, 5226050, 6564013, None]
)
def test_scanners_own_numbers_stay(tmp_path: Path, number: int | None) -> None:
    (volume,) = exam_with(tmp_path, number).volumes
    shown = "" if number is None else str(number)
    assert (volume.series, volume.name) == (shown, f"{shown or '?'}a")


def test_zeros_in_front_of_a_date(tmp_path: Path) -> None:
    """12 March 2000, six digits in the header."""
    (volume,) = exam_with(tmp_path, "000312").volumes
    assert (volume.series, volume.first.series_number) == ("s1", 312)


def test_a_person_chooses_by_the_replaced_name(tmp_path: Path) -> None:
    exam = exam_with(tmp_path / "a", 20150312, 20150313)
    table, _ = inspect([exam], [WATER])
    table.loc[table.volume == "s2a", "channel"] = "water"
    table.to_csv(tmp_path / "volumes.csv", index=False)
    choices = read_choices(tmp_path / "volumes.csv", [exam], [WATER])
    assert choices == {exam.identifier: {"water": "s2a"}}
    assert choose(exam, [WATER], choices[exam.identifier])["water"].first.series_number == 20150313


def test_several_volumes_of_a_replaced_series(tmp_path: Path) -> None:
    for kind in "WF":
        edit = with_(SeriesNumber=20150312, ImageType=["DERIVED", "PRIMARY", kind, kind])
        write_slices(tmp_path, PLACES, edit, name=kind)
    (exam,), _ = find_exams(scan(tmp_path), [])
    assert [volume.name for volume in exam.volumes] == ["s1a", "s1b"]


@pytest.mark.parametrize(
    "model", ["Aera 20150312", "Aera 2015-03-12", "Skyra 12.03.15", "MR 120315", "A 1 2 2015"]
)
def test_a_date_in_a_models_name_is_not_kept(model: str) -> None:
    assert scanner_of(header(ManufacturerModelName=model)).model == ""


@pytest.mark.parametrize(
    "model",
    [
        "SIGNA Architect 3.0T",
        "Achieva dStream",
        "uMR 780",
        "Titan 3T MRT200PP3",
        "Signa HDxt 1.5T",
        "Prodiva 1.5T CX",
    ],
)
def test_models_names_are_kept(model: str) -> None:
    assert scanner_of(header(ManufacturerModelName=model)).model == model
