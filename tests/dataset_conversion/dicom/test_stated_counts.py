"""Slices lost at an end leave an even volume: the numbers that a header states show them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.uid import generate_uid

from tests.dataset_conversion.dicom.damage import edited, lay_out, whole_way
from tests.support.dicom_series import with_, write_slices

PLACES = [3.0 * k for k in range(8)]
PROTOCOL = b"### ASCCONV BEGIN ###\nsSliceArray.lSize                        = %d\nsSliceArray.x = 1\n"


def _private(owner: int, creator: str, tag: int, vr: str, value: Any) -> Callable[[Dataset, int], None]:
    def edit(header: Dataset, _: int) -> None:
        header.add_new(owner, "LO", creator)
        header.add(DataElement(tag, vr, value))
        header.MRAcquisitionType = "2D"

    return edit


STATING: dict[str, Callable[[Dataset, int], None]] = {
    "ImagesInAcquisition": with_(ImagesInAcquisition=8),
    "ImagesInSeries": lambda header, _: header.add_new(0x00201003, "IS", "8"),
    "NumberOfSlices": with_(NumberOfSlices=8),
    "NumberOfSeriesRelatedInstances": with_(NumberOfSeriesRelatedInstances=8),
    "GE LocationsInAcquisition": _private(0x00210010, "GEMS_RELA_01", 0x0021104F, "SS", 8),
    "GE ImagesInSeries": _private(0x00250010, "GEMS_SERS_01", 0x00251007, "SL", 8),
    "Philips NumberOfSlicesMR": _private(0x20010010, "Philips Imaging DD 001", 0x20011018, "SL", 8),
    "Siemens sSliceArray.lSize": _private(
        0x00290010, "SIEMENS CSA HEADER", 0x00291020, "OB", PROTOCOL % 8
    ),
    "Siemens sSliceArray.lSize of XA": _private(
        0x00210010, "SIEMENS MR SDS 01", 0x00211019, "OB", b"sSliceArray.lSize\t = \t8\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STATING)
@pytest.mark.parametrize("kept", [slice(0, 6), slice(2, 8), slice(1, 7), slice(0, 4)])
def test_a_number_that_a_header_states(tmp_path: Path, name: str, kept: slice) -> None:
    write_slices(tmp_path / "whole", PLACES, STATING[name])
    assert whole_way(tmp_path / "whole").refusals == []
    write_slices(tmp_path / "lost", PLACES[kept], STATING[name])
    (reason,) = whole_way(tmp_path / "lost").refusals
    element, found = name.removesuffix(" of XA"), len(PLACES[kept])
    assert reason.startswith(f"slices lost: {element}")
    assert f"says 8, found {found}; export it again" in reason


@pytest.mark.parametrize("implicit", [False, True])
def test_a_private_number_in_bytes(tmp_path: Path, implicit: bool) -> None:
    def edit(header: Dataset, _: int) -> None:
        header.add_new(
            0x00210010, "UN" if implicit else "LO", b"GEMS_RELA_01" if implicit else "GEMS_RELA_01"
        )
        header.add_new(0x0021104F, "UN", b"\x08\0")

    write_slices(tmp_path, PLACES[:6], edit)
    assert "LocationsInAcquisition (0021,104F) says 8, found 6" in whole_way(tmp_path).refusals[0]


def contrasts(folder: Path, kept: slice, edit: Callable[[Dataset, int], None], *, series: bool) -> None:
    """Water, fat, in and opposed phase, in one series or in one each."""
    for number, kind in enumerate(("W", "F", "IP", "OP")):

        def change(header: Dataset, k: int, number: int = number, kind: str = kind) -> None:
            edit(header, k)
            header.ImageType = ["DERIVED", "PRIMARY", kind, kind]
            if series:
                header.SeriesNumber, header.SeriesInstanceUID = 5 + number, f"1.2.3.{number}"

        write_slices(folder, PLACES[kept], change, name=f"{kind}_")


@pytest.mark.parametrize("series", [False, True])
@pytest.mark.parametrize("stated", [8, 16, 32])
def test_the_images_of_all_contrasts_may_be_counted(tmp_path: Path, series: bool, stated: int) -> None:
    stating = with_(ImagesInAcquisition=stated)
    contrasts(tmp_path / "whole", slice(0, 8), stating, series=series)
    whole = whole_way(tmp_path / "whole")
    assert (len(whole.volumes), whole.refusals) == (4, [])
    contrasts(tmp_path / "lost", slice(0, 6), stating, series=series)
    lost = whole_way(tmp_path / "lost")
    assert not lost.volumes
    beside = "" if series else " (24 in the series)"
    assert (
        lost.refusals
        == [f"slices lost: ImagesInAcquisition says {stated}, found 6{beside}; export it again"] * 4
    )


@pytest.mark.parametrize(
    "edit",
    [
        with_(ImagesInAcquisition=1),
        with_(ImagesInAcquisition=0),
        with_(ImagesInAcquisition=None),
        with_(ImagesInAcquisition=24, NumberOfTemporalPositions=3),
        with_(ImagesInAcquisition=200, ImageType=["DERIVED", "SECONDARY", "REFORMATTED"]),
        with_(NumberOfSlices=200, ImageType=["DERIVED", "SECONDARY", "MPR"]),
        # Slabs of a volume acquired in three dimensions, and another owner's element.
        lambda header, _: header.add_new(0x00291020, "OB", PROTOCOL % 99),
        _private(0x00210010, "SOMEBODY ELSE", 0x0021104F, "SS", 99),
    ],
)
def test_what_counts_something_else_is_no_fault(tmp_path: Path, edit: Callable[[Dataset, int], None]) -> None:
    write_slices(tmp_path, PLACES, edit)
    assert whole_way(tmp_path).refusals == []


def test_all_of_another_contrast_left_behind(tmp_path: Path) -> None:
    """GE counts the images of an acquisition and the locations of its slices."""

    def edit(header: Dataset, number: int) -> None:
        STATING["GE LocationsInAcquisition"](header, number)
        header.ImagesInAcquisition = 32

    write_slices(tmp_path, PLACES, edit)
    assert whole_way(tmp_path).refusals == []


def test_stations_of_one_series_are_counted_together(tmp_path: Path) -> None:
    def at(top: float) -> Callable[[Dataset, int], None]:
        def edit(header: Dataset, _: int) -> None:
            header.ImagePositionPatient = [-20, header.ImagePositionPatient[1], top]
            header.ImagesInAcquisition = 14

        return edit

    write_slices(tmp_path, PLACES, at(400), name="chest")
    write_slices(tmp_path, PLACES[:6], at(30), name="knee")
    outcome = whole_way(tmp_path)
    assert (len(outcome.volumes), outcome.refusals) == (2, [])


def enhanced(test_data: Path) -> tuple[str, bytes]:
    source = test_data / "dicom2nifti_tests" / "philips_enhanced" / "anatomical" / "001"
    path = next(source.iterdir())
    return path.name, path.read_bytes()


def _shortened(header: Dataset, kept: slice) -> None:
    size = len(header.PixelData) // len(header.PerFrameFunctionalGroupsSequence)
    frames = list(header.PerFrameFunctionalGroupsSequence)
    header.PixelData = header.PixelData[kept.start * size : kept.stop * size]
    header.PerFrameFunctionalGroupsSequence = frames[kept]
    header.NumberOfFrames = kept.stop - kept.start


@pytest.mark.parametrize("kept", [slice(0, 6), slice(2, 8)])
def test_a_stack_that_numbers_its_positions(test_data: Path, tmp_path: Path, kept: slice) -> None:
    name, content = enhanced(test_data)
    assert whole_way(lay_out({name: content}, tmp_path)).refusals == []
    shorter = edited(content, lambda header: _shortened(header, kept))
    outcome = whole_way(lay_out({name: shorter}, tmp_path))
    expected = (
        [] if kept.start == 0 else ["slices lost: InStackPositionNumber says 8, found 6; export it again"]
    )
    assert outcome.refusals == expected


def _part(number: int, kept: slice, total: int | None, offset: int | None) -> Callable[[Dataset], None]:
    def edit(header: Dataset) -> None:
        _shortened(header, kept)
        for frame in header.PerFrameFunctionalGroupsSequence:
            # Only the concatenation is to tell.
            del frame.FrameContentSequence
        header.ConcatenationUID, header.InConcatenationNumber = "1.2.3", number
        header.SOPInstanceUID = generate_uid()
        if total:
            header.InConcatenationTotalNumber = total
        if offset is not None:
            header.ConcatenationFrameOffsetNumber = offset

    return edit


@pytest.mark.parametrize(
    ("total", "offsets", "lost", "reason"),
    [
        (3, True, 2, "InConcatenationTotalNumber says 3 parts, found 2"),
        (3, False, 0, "InConcatenationTotalNumber says 3 parts, found 2"),
        (None, False, 0, "InConcatenationTotalNumber says 3 parts, found 2"),
        (None, True, 0, "InConcatenationTotalNumber says 3 parts, found 2"),
        (3, True, None, ""),
        (None, True, None, ""),
        (None, False, None, ""),
    ],
)
def test_parts_of_a_concatenation(
    test_data: Path, tmp_path: Path, total: int | None, offsets: bool, lost: int | None, reason: str
) -> None:
    _, content = enhanced(test_data)
    spans = [slice(0, 3), slice(3, 5), slice(5, 8)]
    parts = {
        str(n): edited(content, _part(n + 1, span, total, span.start if offsets else None))
        for n, span in enumerate(spans)
        if n != lost
    }
    outcome = whole_way(lay_out(parts, tmp_path))
    if reason:
        assert outcome.refusals == [f"slices lost: {reason}; export it again"]
    else:
        assert [volume.array.shape[2] for _, volume in outcome.volumes] == [8]


def test_frames_that_an_offset_counts(test_data: Path, tmp_path: Path) -> None:
    """Without numbers of parts, what stands before a part is still known."""
    _, content = enhanced(test_data)

    def edit(header: Dataset) -> None:
        _part(1, slice(3, 8), None, 3)(header)
        del header.InConcatenationNumber

    outcome = whole_way(lay_out({"a": edited(content, edit)}, tmp_path))
    assert outcome.refusals == [
        "slices lost: ConcatenationFrameOffsetNumber says 3 frames before a part, found 0; export it again"
    ]


def test_real_series_state_what_was_found(test_data: Path) -> None:
    """Philips and Siemens XA state numbers in the series at hand, and are whole."""
    stated = pydicom.dcmread(
        test_data / "dbdicom_philips_enhanced_coronal" / "MULTIFRAME" / "IM_0014", stop_before_pixels=True
    )
    assert stated[0x2001, 0x1018].value == 13
    outcome = whole_way(test_data / "dbdicom_philips_enhanced_coronal")
    assert outcome.refusals == []
