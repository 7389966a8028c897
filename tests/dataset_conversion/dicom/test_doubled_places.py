"""Several images at one place: copies are to be removed, others are not, and Dixon's are told apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import JPEGLSLossless, RLELossless, generate_uid

from dataset_conversion.dicom.exams import find_exams
from dataset_conversion.dicom.scan import scan
from tests.dataset_conversion.dicom.damage import edited, lay_out, whole_way
from tests.support.dicom_series import SIDE, with_, write_slices

PLACES = [3.0 * k for k in range(6)]


def other(edit: Callable[[Dataset, int], object], brighter: int = 100) -> Callable[[Dataset, int], None]:
    """The same places in another image."""

    def change(header: Dataset, number: int) -> None:
        header.PixelData = (np.frombuffer(header.PixelData, "<u2") + brighter).astype("<u2").tobytes()
        edit(header, number)

    return change


def numbered(header: Dataset, number: int) -> None:
    """One SOP instance a place, in whichever series it is written."""
    header.SOPInstanceUID = f"1.2.{number}"


def _put(tag: int, vr: str, value: Any) -> Callable[[Dataset, int], None]:
    return lambda header, _: header.add_new(tag, vr, value)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (with_(DiffusionBValue=800.0), "b-value"),
        (_put(0x0019100C, "IS", "800"), "b-value"),
        (with_(DiffusionBValue=800.0, DiffusionGradientOrientation=[1, 0, 0]), "b-value and diffusion"),
        (with_(TriggerTime=120), "trigger time"),
        (with_(AcquisitionTime="120301"), "time of acquisition"),
        (with_(InversionTime=200), "inversion time"),
        (with_(FlipAngle=20), "flip angle"),
        (with_(ContrastBolusAgent="Gd"), "contrast agent"),
        (with_(ImageComments="B0 map of Kari"), "image comments"),
        (with_(SeriesDescription="t2_tse Kari"), "series description"),
        (with_(ReceiveCoilName="K1"), "coil"),
        (with_(ScanOptions="FS"), "ScanOptions"),
        (_put(0x20051111, "FL", 3.5), "private element (2005,1111)"),
        (lambda *_: None, "their pixels alone"),
    ],
)
def test_other_images_are_no_copies(
    tmp_path: Path, edit: Callable[[Dataset, int], object], said: str
) -> None:
    plain = with_(ImageType=["ORIGINAL", "PRIMARY", "M"], SeriesDescription="t2_tse")

    def both(header: Dataset, number: int) -> None:
        plain(header, number)
        edit(header, number)

    write_slices(tmp_path, PLACES, plain, name="a")
    write_slices(tmp_path, PLACES, other(both), name="b")
    (reason,) = whole_way(tmp_path).refusals
    assert reason.startswith(
        "doubled places: found 6 of 12 slices at the place of another, expected one; none is a copy, they "
        f"differ in {said}"
    )
    assert reason.endswith(": remove none, export each set as a series of its own")
    assert "Kari" not in reason


@pytest.mark.parametrize(
    "edit",
    [
        lambda *_: None,
        with_(AcquisitionTime="120301"),
        with_(ImageComments="sent twice"),
        other(numbered),
    ],
)
def test_copies_are_equal_pixels_or_instances(tmp_path: Path, edit: Callable[[Dataset, int], object]) -> None:
    write_slices(tmp_path, PLACES, numbered, name="a")
    write_slices(tmp_path, PLACES, edit, name="b")
    assert whole_way(tmp_path).refusals == [
        "duplicates: found 6 of 12 slices at the place of another with its pixels or SOP instance, expected "
        "one; remove the copies"
    ]


@pytest.mark.parametrize("plugin", [(RLELossless, "pydicom"), (JPEGLSLossless, "pyjpegls")])
def test_a_copy_in_another_transfer_syntax(tmp_path: Path, plugin: tuple[str, str]) -> None:
    write_slices(tmp_path, PLACES, name="a")
    write_slices(tmp_path, PLACES, name="b")
    for path in tmp_path.glob("b*"):
        header = pydicom.dcmread(path)
        header.compress(plugin[0], encoding_plugin=plugin[1])
        header.save_as(path)
    (reason,) = whole_way(tmp_path).refusals
    assert reason.startswith("duplicates: found 6 of 12")


def test_some_are_copies_and_some_are_not(tmp_path: Path) -> None:
    write_slices(tmp_path, PLACES, name="a")
    write_slices(tmp_path, PLACES, other(with_(FlipAngle=20)), name="b")
    write_slices(tmp_path, PLACES[:3], name="c")
    (reason,) = whole_way(tmp_path).refusals
    assert reason.startswith(
        "doubled places: found 9 of 15 slices at the place of another, expected one; 3 of 9 are copies, the "
        "others differ in flip angle: remove none"
    )


def test_blank_images_are_equal_and_no_copies(tmp_path: Path) -> None:
    """The first images of two times show nothing yet."""

    def blank(header: Dataset, _: int) -> None:
        header.PixelData = bytes(2 * SIDE * SIDE)

    write_slices(tmp_path, PLACES, blank, name="a")
    write_slices(tmp_path, PLACES, lambda h, k: (blank(h, k), with_(TriggerTime=9)(h, k)), name="b")
    assert "none is a copy, they differ in trigger time" in whole_way(tmp_path).refusals[0]


def test_frames_of_one_object_at_one_place(test_data: Path, tmp_path: Path) -> None:
    source = test_data / "dicom2nifti_tests" / "philips_enhanced" / "anatomical" / "001"
    content = next(source.iterdir()).read_bytes()

    def edit(header: Dataset) -> None:
        frames = header.PerFrameFunctionalGroupsSequence
        for k, frame in enumerate(frames):
            frame.PlanePositionSequence = frames[k % 4].PlanePositionSequence
            diffusion = Dataset()
            diffusion.DiffusionBValue = 800.0 if k > 3 else 0.0
            frame.MRDiffusionSequence = [diffusion]
            frame.pop("FrameContentSequence", None)

    outcome = whole_way(lay_out({"a": edited(content, edit)}, tmp_path))
    assert "none is a copy, they differ in b-value" in outcome.refusals[0]


def test_pixels_that_cannot_be_read(tmp_path: Path) -> None:
    write_slices(tmp_path, PLACES, name="a")
    write_slices(tmp_path, PLACES, lambda header, _: setattr(header, "PixelData", bytes(8)), name="b")
    (reason,) = whole_way(tmp_path).refusals
    assert "remove the copies" not in reason


def names_in(folder: Path) -> list[tuple[str, str, int]]:
    (exam,), _ = find_exams(scan(folder), [])
    return [(v.first.contrast.name, v.reason, len(v.frames)) for v in exam.volumes]


@pytest.mark.parametrize(
    "codes",
    [
        ("SeriesDescription", {"water": "t2_tse_dixon_cor_W", "fat": "t2_tse_dixon_cor_F"}),
        ((0x20051011, "CS"), {"water": "W", "fat": "F", "in_phase": "IP", "opposed_phase": "OP"}),
        ((0x00511016, "LO"), {"water": "p2 M/DIXON/W", "fat": "p2 M/DIXON/F"}),
        (
            (0x00211175, "CS"),
            {"water": "DERIVED\\PRIMARY\\DIXON\\WATER", "fat": "DERIVED\\PRIMARY\\DIXON\\FAT"},
        ),
    ],
)
@pytest.mark.parametrize("shift", [0, 1.5])
def test_contrasts_of_one_series_told_by_description_or_private_code(
    tmp_path: Path, codes: tuple[Any, dict[str, str]], shift: float
) -> None:
    """The same ImageType and echo time; where they lie between each other, they were one volume."""
    place, by_contrast = codes
    for number, (contrast, code) in enumerate(by_contrast.items()):

        def edit(header: Dataset, _: int, number: int = number, code: str = code) -> None:
            header.ImageType, header.SeriesDescription = ["DERIVED", "PRIMARY", "M"], "t2_tse_dixon_cor"
            header.PixelData = bytes([number + 1, 0] * SIDE * SIDE)
            if isinstance(place, str):
                setattr(header, place, code)
            else:
                header.add_new(0x20050010, "LO", "Philips MR Imaging DD 001")
                header.add_new(*place, code.split("\\") if "\\" in code else code)

        places = [value + shift * number / 2 for value in PLACES] if shift else PLACES
        write_slices(tmp_path, places, edit, name=contrast)
    found = names_in(tmp_path)
    assert sorted(name for name, _, _ in found) == sorted(by_contrast)
    assert {count for *_, count in found} == {6}
    if not shift:
        assert {reason for _, reason, _ in found} == {""}
        values = {int(v.array.max()) for _, v in whole_way(tmp_path).volumes}
        assert values == set(range(1, len(by_contrast) + 1))


def test_two_scans_under_one_series_uid(tmp_path: Path) -> None:
    """An anonymiser gave two series one UID; their numbers differ, and nothing else."""
    write_slices(tmp_path, PLACES, name="a")
    write_slices(tmp_path, PLACES, other(with_(SeriesNumber=6)), name="b")
    assert names_in(tmp_path) == [("water", "", 6)] * 2


def test_many_places_are_looked_at_in_part(tmp_path: Path) -> None:
    write_slices(tmp_path, [float(k) for k in range(100)], name="a")
    write_slices(tmp_path, [float(k) for k in range(100)], name="b")
    (reason,) = whole_way(tmp_path).refusals
    assert reason.startswith("duplicates: found 100 of 200 slices")


def test_a_private_code_that_one_slice_lost(tmp_path: Path) -> None:
    """Its contrast is then unknown: the volume is refused, not one slice shorter."""

    def edit(header: Dataset, number: int) -> None:
        header.ImageType, header.SeriesDescription = ["DERIVED", "PRIMARY", "M"], ""
        header.add_new(0x20050010, "LO", "Philips MR Imaging DD 001")
        if number != 5:
            header.add_new(0x20051011, "CS", "W")

    write_slices(tmp_path, PLACES, edit)
    outcome = whole_way(tmp_path)
    assert not outcome.volumes
    assert any("continue this volume and differ in contrast" in reason for reason in outcome.refusals)


def test_uids_are_never_named(tmp_path: Path) -> None:
    write_slices(tmp_path, PLACES, name="a")
    write_slices(tmp_path, PLACES, other(with_(ConcatenationUID=generate_uid())), name="b")
    assert "1.2.826" not in str(whole_way(tmp_path).refusals)


@pytest.mark.parametrize("at", [0, 50, 97])
def test_one_image_that_is_no_copy_forbids_the_advice(tmp_path: Path, at: int) -> None:
    places = [float(k) for k in range(98)]
    write_slices(tmp_path, places, name="a")

    def edit(header: Dataset, number: int) -> None:
        if number == at:
            other(with_(FlipAngle=20))(header, number)

    write_slices(tmp_path, places, edit, name="b")
    (reason,) = whole_way(tmp_path).refusals
    assert "are copies, the others differ in flip angle: remove none" in reason
    assert "remove the copies" not in reason


def test_of_many_others_some_are_looked_at(tmp_path: Path) -> None:
    places = [float(k) for k in range(40)]
    write_slices(tmp_path, places, name="a")
    write_slices(tmp_path, places, other(with_(FlipAngle=20)), name="b")
    (reason,) = whole_way(tmp_path).refusals
    assert "found 40 of 80 slices" in reason
    assert "of 16 looked at none is a copy, they differ in flip angle" in reason
