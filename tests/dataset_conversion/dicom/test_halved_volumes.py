"""A tag that takes every second slice away leaves a volume that looks whole; so do two times as one stack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid

from dataset_conversion.dicom.exams import find_exams
from dataset_conversion.dicom.rule import ChannelRule
from dataset_conversion.dicom.scan import scan
from dataset_conversion.dicom.selection import choose
from dataset_conversion.images import ConversionError
from tests.dataset_conversion.dicom.damage import whole_way
from tests.support.dicom_series import with_, write_slices

PLACES = [3.0 * k for k in range(16)]
OTHERS: dict[str, dict[str, Any]] = {
    "image type": {"ImageType": ["DERIVED", "PRIMARY", "M", "ND"]},
    "echo time": {"EchoTime": "2.3"},
    "complex component": {"ComplexImageComponent": "PHASE"},
    "contrast": {"SeriesDescription": "t2_tse_dixon_cor_F", "ImageType": ["DERIVED", "PRIMARY", "M"]},
}


def every(step: int, at: int, values: dict[str, Any], **all_of_them: Any) -> Callable[[Dataset, int], None]:
    def edit(header: Dataset, number: int) -> None:
        with_(**all_of_them)(header, number)
        if number % step == at:
            with_(**values)(header, number)

    return edit


def reasons_in(folder: Path) -> list[str]:
    outcome = whole_way(folder)
    return ["" for _ in outcome.volumes] + outcome.refusals


@pytest.mark.parametrize("tag", OTHERS)
@pytest.mark.parametrize(("step", "spacing"), [(2, "6"), (3, "9"), (4, "12")])
def test_every_second_third_or_fourth_slice_in_another_group(
    tmp_path: Path, tag: str, step: int, spacing: str
) -> None:
    plain = {"ImageType": ["DERIVED", "PRIMARY", "M"]} if tag == "contrast" else {}
    write_slices(tmp_path, PLACES, every(step, 1, OTHERS[tag], **plain))
    reasons = reasons_in(tmp_path)
    assert "" not in reasons
    between = "further slices lie between those of this volume"
    assert any(between in reason and tag in reason and f"are {spacing} mm" in reason for reason in reasons)


def test_three_tags_take_a_third_each(tmp_path: Path) -> None:
    def edit(header: Dataset, number: int) -> None:
        header.EchoTime = ["2.3", "4.6", "6.9"][number % 3]

    write_slices(tmp_path, PLACES, edit)
    reasons = reasons_in(tmp_path)
    assert len(reasons) == 3
    assert all("further slices lie between those of this volume" in reason for reason in reasons)


@pytest.mark.parametrize("lost", [1, 8, 15])
def test_a_half_that_lost_a_slice_too(tmp_path: Path, lost: int) -> None:
    write_slices(tmp_path, PLACES, every(2, 1, OTHERS["image type"]))
    (tmp_path / f"IM{lost:03d}").unlink()
    assert "" not in reasons_in(tmp_path)


def test_what_is_said_of_halves(tmp_path: Path) -> None:
    write_slices(tmp_path, PLACES, every(2, 1, OTHERS["image type"]))
    said = (
        "torn: 8 further slices lie between those of this volume, which are 6 mm apart, and differ in image "
        "type; expected one volume"
    )
    assert reasons_in(tmp_path) == [said, said]
    (exam,), _ = find_exams(scan(tmp_path), [])
    with pytest.raises(ConversionError) as refused:
        choose(exam, [ChannelRule("water", "coronal", "water")])
    assert said in str(refused.value)
    assert "--volumes" not in str(refused.value)


def test_halves_in_two_series_of_one_number(tmp_path: Path) -> None:
    write_slices(tmp_path, PLACES, every(2, 1, {"SeriesInstanceUID": generate_uid()}))
    reasons = reasons_in(tmp_path)
    assert [reason.split(";")[0].split("differ in ")[1] for reason in reasons] == ["SeriesInstanceUID"] * 2


@pytest.mark.parametrize("tag", ["image type", "echo time", "contrast"])
@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_first_and_a_second_half(tmp_path: Path, tag: str, lost: int) -> None:
    """The second half goes on where the first ends, or a few lost slices farther."""
    plain = {"ImageType": ["DERIVED", "PRIMARY", "M"]} if tag == "contrast" else {}

    def edit(header: Dataset, number: int) -> None:
        with_(**(plain | (OTHERS[tag] if number >= 8 else {})))(header, number)

    write_slices(tmp_path, PLACES, edit)
    for number in range(8, 8 + lost):
        (tmp_path / f"IM{number:03d}").unlink()
    reasons = reasons_in(tmp_path)
    assert len(reasons) == 2
    assert all("further slices continue this volume and differ in" in reason for reason in reasons)


@pytest.mark.parametrize("shift", [1.5, 1.0, 2.0])
@pytest.mark.parametrize("keyword", ["TemporalPositionIdentifier"])
def test_two_times_between_each_other_are_no_volume(tmp_path: Path, keyword: str, shift: float) -> None:
    """Two time points half a step apart were one volume at half the spacing."""
    for time in (1, 2):
        places = [place + shift * (time - 1) for place in PLACES[:8]]
        write_slices(tmp_path, places, with_(**{keyword: time}), name=f"T{time}_")
    reasons = reasons_in(tmp_path)
    assert len(reasons) == 2
    assert all("between those" in reason and "temporal position" in reason for reason in reasons)


def test_two_acquisitions_between_each_other(tmp_path: Path) -> None:
    """Packages of one stack have numbers of their own too: SpacingBetweenSlices says which it is."""

    def edit(spacing: float | None, thickness: float) -> Callable[[Dataset, int], None]:
        def change(header: Dataset, number: int) -> None:
            header.AcquisitionNumber, header.SpacingBetweenSlices = 1 + number % 2, spacing
            header.SliceThickness = thickness

        return change

    places = [1.5 * k for k in range(16)]
    for number, sound in enumerate((edit(1.5, 1.4), edit(None, 1.5), edit(1.5, 3))):
        packages = write_slices(tmp_path / str(number), places, sound)
        assert [volume.array.shape[2] for _, volume in whole_way(packages).volumes] == [16]
    for folder, mixed, said in (
        ("a", edit(3, 1.4), "SpacingBetweenSlices"),
        ("b", edit(None, 3), "SliceThickness"),
    ):
        assert reasons_in(write_slices(tmp_path / folder, places, mixed)) == [
            "mixed acquisitions: found slices of 2 AcquisitionNumbers in turn, 1.5 mm apart, expected one "
            f"set 3 mm apart as {said} 3 mm says"
        ]


def test_every_second_slice_lost(tmp_path: Path) -> None:
    stating = with_(SpacingBetweenSlices=3)
    write_slices(tmp_path / "half", PLACES[::2], stating)
    assert reasons_in(tmp_path / "half") == [
        "slices lost: SpacingBetweenSlices says 3 mm, found 6 between slices: one in 2 is here; "
        "export it again"
    ]
    assert reasons_in(write_slices(tmp_path / "whole", PLACES, stating)) == [""]
    # Some write the gap: 0.3 mm between slices of 3 mm, which are 3.3 mm apart.
    gaps = write_slices(tmp_path / "gap", [3.3 * k for k in range(9)], with_(SpacingBetweenSlices=0.3))
    assert reasons_in(gaps) == [""]


@pytest.mark.parametrize(
    "noise",
    [
        {"EchoTime": "4.6001"},
        {"EchoTime": "4.5999999"},
        {"ImageType": ["DERIVED", "PRIMARY", "M", "ND", "DIXON", "WATER", ""]},
        {"PixelSpacing": [0.90001, 0.9]},
    ],
)
def test_noise_splits_nothing(tmp_path: Path, noise: dict[str, Any]) -> None:
    write_slices(tmp_path, PLACES, every(2, 1, noise))
    ((_, volume),) = whole_way(tmp_path).volumes
    assert volume.array.shape == (16, 16, 16)
    np.testing.assert_allclose(volume.grid.spacing, [0.9, 0.9, 3], rtol=1e-4)


@pytest.mark.parametrize(
    "values",
    [
        [{"EchoTime": "2.3"}, {"EchoTime": "2.31"}],
        [{"EchoTime": "2.3"}, {"EchoTime": "4.6"}],
        [{"EchoTime": "4.6"}, {"EchoTime": None, "EchoNumbers": 2}],
        [{"TemporalPositionIdentifier": k} for k in range(1, 6)],
        [{"AcquisitionNumber": k} for k in range(1, 4)],
        [{"EchoNumbers": 1}, {"EchoNumbers": 2}],
        [{"ImageType": ["ORIGINAL", "PRIMARY", kind, kind]} for kind in "MPRI"],
        [{"ImageType": ["DERIVED", "PRIMARY", kind, kind]} for kind in "WF"],
    ],
)
def test_sound_echoes_times_and_contrasts_stay_usable(tmp_path: Path, values: list[dict[str, Any]]) -> None:
    for number, several in enumerate(values):
        # A scanner writes the places of every image anew.
        places = [place + 1e-4 * (number - k % 2) for k, place in enumerate(PLACES)]
        write_slices(tmp_path, places, with_(**several), name=f"V{number}_")
    outcome = whole_way(tmp_path)
    assert outcome.refusals == []
    assert [volume.array.shape[2] for _, volume in outcome.volumes] == [16] * len(values)


def test_one_image_between_slices_is_another_image(tmp_path: Path) -> None:
    """A projection in the same series does not tear the stack."""
    write_slices(tmp_path, PLACES)
    write_slices(tmp_path, [22.5], with_(ImageType=["DERIVED", "SECONDARY", "MIP"]), name="mip")
    (exam,), _ = find_exams(scan(tmp_path), [])
    assert sorted(volume.reason.split(":")[0] for volume in exam.volumes) == ["", "too few slices"]


def test_interleaved_scans_of_their_own_numbers_are_two(tmp_path: Path) -> None:
    write_slices(tmp_path, PLACES[::2], name="odd")
    other = with_(SeriesNumber=6, SeriesInstanceUID=generate_uid())
    write_slices(tmp_path, PLACES[1::2], other, name="even")
    assert reasons_in(tmp_path) == ["", ""]
