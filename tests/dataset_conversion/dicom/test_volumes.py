"""Grouping of slices to volumes, their names, stations and refusals, on edited real series."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import generate_uid

from dataset_conversion.dicom.exams import FoundExam, find_exams
from dataset_conversion.dicom.found_volume import FoundVolume
from dataset_conversion.dicom.pixels import read_voxels
from dataset_conversion.dicom.scan import scan
from dataset_conversion.dicom.volumes import find_volumes
from tests.dataset_conversion.dicom.rewritten import edited_series
from tests.support import dixon

Edit = Callable[[Dataset, int], object]


@pytest.fixture
def coronal(test_data: Path) -> Path:
    return test_data / "dicom2nifti_tests" / "philips" / "anatomical" / "001"


def exam_in(folder: Path) -> FoundExam:
    (exam,), _ = find_exams(scan(folder), [])
    return exam


def alike(a: FoundVolume, b: FoundVolume) -> bool:
    """The same voxels on the same grid under the same name."""
    one, other = read_voxels(a), read_voxels(b)
    return (
        (a.name, a.station) == (b.name, b.station)
        and np.array_equal(one.array, other.array)
        and np.array_equal(one.affine, other.affine)
    )


def at_time(keyword: str, value: int) -> Edit:
    def edit(header: Dataset, _: int) -> None:
        setattr(header, keyword, value)
        header.SOPInstanceUID = generate_uid()
        header.PixelData = (header.pixel_array + value).astype("<u2").tobytes()

    return edit


@pytest.mark.parametrize("keyword", ["TemporalPositionIdentifier", "AcquisitionNumber"])
def test_repeats_are_split_by_what_differs(coronal: Path, tmp_path: Path, keyword: str) -> None:
    """Files of three time points, whose names run across them."""
    for time in (3, 1, 2):
        edited_series(coronal, tmp_path / str(4 - time), at_time(keyword, time))
    exam = exam_in(tmp_path)
    assert [(v.name, v.reason, v.shape) for v in exam.volumes] == [
        ("401a", "", (240, 240, 4)),
        ("401b", "", (240, 240, 4)),
        ("401c", "", (240, 240, 4)),
    ]
    first, second, third = (read_voxels(v).array.astype(int) for v in exam.volumes)
    assert (second - first == 1).all()
    assert (third - second == 1).all()


def test_a_time_that_was_broken_off_is_refused(coronal: Path, tmp_path: Path) -> None:
    """The last repeat of an aborted scan ends early; the others show where it should have gone on."""
    for time in (1, 2):
        edited_series(coronal, tmp_path / str(time), at_time("TemporalPositionIdentifier", time))
    max((tmp_path / "2").iterdir()).unlink()
    first, second = exam_in(tmp_path).volumes
    assert first.reason == ""
    assert second.reason.startswith(
        "torn: 4 further slices continue this volume and differ in temporal position"
    )


def test_copies_that_nothing_tells_apart_are_refused(coronal: Path, tmp_path: Path) -> None:
    for copy in ("a", "b"):
        edited_series(coronal, tmp_path / copy, lambda *_: None)
    (volume,) = exam_in(tmp_path).volumes
    assert volume.reason.startswith("duplicates: found 4 of 8 slices at the place of another")


@settings(max_examples=25)
@given(order=st.permutations(range(16)))
def test_frames_in_any_order_give_the_same_volumes(
    test_data: Path, tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any order"
    if not folder.exists():
        dixon.philips_classic(test_data, folder)
    frames = scan(folder).frames
    assert find_volumes([frames[i] for i in order]) == find_volumes(frames)


def test_other_file_names_give_the_same_volumes(test_data: Path, tmp_path: Path) -> None:
    dixon.siemens(test_data, tmp_path / "a")
    files = sorted(path for path in (tmp_path / "a").rglob("*") if path.is_file())
    (tmp_path / "b").mkdir()
    for number, k in enumerate(np.random.default_rng(0).permutation(len(files))):
        (tmp_path / "b" / f"x{number:02d}").write_bytes(files[k].read_bytes())
    one, other = exam_in(tmp_path / "a"), exam_in(tmp_path / "b")
    assert [v.name for v in one.volumes] == ["5a", "6a", "7a", "8a"]
    assert all(alike(a, b) for a, b in zip(one.volumes, other.volumes, strict=True))


def whole_body(
    test_data: Path, out: Path, *, table: bool = False, height: float = 200.0, with_table: bool = True
) -> None:
    """Three coronal stations of water and fat, acquired from the head down.

    With `table`, all stations have the positions of the first and the table has moved.
    """
    for place, name in enumerate(("head", "belly", "knees")):
        dixon.siemens(test_data, out / name)
        for path in (out / name).rglob("*.dcm"):
            if path.parent.name not in ("water", "fat"):
                path.unlink()
                continue
            header = pydicom.dcmread(path)
            x, y, z = (float(value) for value in header.ImagePositionPatient)
            if not table:
                header.ImagePositionPatient = [f"{x:g}", f"{y:g}", f"{z - height * place:g}"]
            elif with_table:
                header.TablePosition = -height * place
            header.SeriesNumber = 10 * place + int(header.SeriesNumber)
            header.SeriesInstanceUID = generate_uid(entropy_srcs=[name, path.parent.name])
            header.SOPInstanceUID = generate_uid(entropy_srcs=[str(path)])
            header.save_as(path)


def test_stations_at_one_place_are_called_by_the_table(test_data: Path, tmp_path: Path) -> None:
    """Which way the table counts is unknown, so they have no place from the feet."""
    whole_body(test_data, tmp_path, table=True)
    stations = {v.name: v.station for v in exam_in(tmp_path).volumes}
    assert set(stations.values()) == {"table 0 mm", "table -200 mm", "table -400 mm"}
    assert stations["6a"] == stations["7a"] != stations["16a"]


def test_stations_count_from_the_feet(test_data: Path, tmp_path: Path) -> None:
    whole_body(test_data, tmp_path)
    exam = exam_in(tmp_path)
    assert exam.reason == ""
    assert {(v.name, v.station) for v in exam.volumes} == {
        *(("6a", "3 of 3"), ("7a", "3 of 3")),
        *(("16a", "2 of 3"), ("17a", "2 of 3")),
        *(("26a", "1 of 3"), ("27a", "1 of 3")),
    }


@pytest.mark.parametrize("height", [0.0, 5.0])
def test_places_near_each_other_are_no_stations(test_data: Path, tmp_path: Path, height: float) -> None:
    whole_body(test_data, tmp_path, height=height)
    assert {v.station for v in exam_in(tmp_path).volumes} == {""}


def test_no_station_without_a_place(test_data: Path, tmp_path: Path) -> None:
    whole_body(test_data, tmp_path, table=True, with_table=False)
    assert {v.station for v in exam_in(tmp_path).volumes} == {""}


def test_two_patients_in_one_study(coronal: Path, tmp_path: Path) -> None:
    def edit(header: Dataset, number: int) -> None:
        header.PatientID = f"somebody {number % 2}"

    edited_series(coronal, tmp_path, edit)
    assert exam_in(tmp_path).reason == "PatientID: found 2 in one study, expected one; separate the exams"


def test_a_series_in_two_studies(coronal: Path, tmp_path: Path) -> None:
    edited_series(coronal, tmp_path / "a", lambda *_: None)
    edited_series(coronal, tmp_path / "b", lambda header, _: setattr(header, "StudyInstanceUID", "1.2.3"))
    exams, _ = find_exams(scan(tmp_path), [])
    assert [exam.reason for exam in exams] == [
        "SeriesInstanceUID: found 1 series that stand in another study too; export again"
    ] * 2


def test_a_damaged_file_refuses_the_exam_it_may_belong_to(
    coronal: Path, test_data: Path, tmp_path: Path
) -> None:
    edited_series(coronal, tmp_path / "a" / "1", lambda *_: None)
    dixon.ge(test_data, tmp_path / "b")
    damaged = "found 1 damaged or unreadable file that may be a slice of this exam; export it again"
    content = (tmp_path / "a" / "1").joinpath(min(p.name for p in coronal.iterdir())).read_bytes()

    def reasons(place: str, cut: int) -> list[str]:
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(content[:cut])
        exams, keys = find_exams(scan(tmp_path), [])
        (tmp_path / place).unlink()
        folders = {key.exam: key.folder for key in keys}
        return [exam.reason for exam in sorted(exams, key=lambda exam: folders[exam.identifier])]

    assert reasons("a/1/x", 300) == [damaged, ""]
    assert reasons("b/x", 300) == ["", damaged]
    assert reasons("b/5/x", 300) == ["", damaged]
    assert reasons("viewer/x", 300) == ["", ""]


def test_names_do_not_depend_on_uids(coronal: Path, tmp_path: Path) -> None:
    """An anonymised copy, with other UIDs, is named the same."""

    def renamed(header: Dataset, number: int) -> None:
        header.StudyInstanceUID, header.SeriesInstanceUID = "1.2.3", "1.2.3.4"
        header.SOPInstanceUID = f"1.2.3.4.{number}"

    edited_series(coronal, tmp_path, renamed)
    (one,), (other,) = exam_in(coronal).volumes, exam_in(tmp_path).volumes
    assert alike(one, other)


def test_a_series_without_a_number(coronal: Path, tmp_path: Path) -> None:
    edited_series(coronal, tmp_path, lambda header, _: setattr(header, "SeriesNumber", None))
    (volume,) = exam_in(tmp_path).volumes
    assert (volume.name, volume.reason) == ("?a", "")


def test_a_series_report_without_geometry_leaves_the_others(coronal: Path, tmp_path: Path) -> None:
    edited_series(coronal, tmp_path, lambda *_: None)
    report = pydicom.dcmread(next(coronal.iterdir()))
    report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    report.ImageType = ["DERIVED", "SECONDARY"]
    report.SeriesNumber = 999
    report.SeriesInstanceUID = "1.2.3"
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "EchoTime"):
        report.pop(keyword, None)
    buffer = io.BytesIO()
    report.save_as(buffer)
    (tmp_path / "report").write_bytes(buffer.getvalue())
    image, other = exam_in(tmp_path).volumes
    assert image.reason == ""
    assert other.reason == "no usable PixelSpacing"
