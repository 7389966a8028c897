"""The grid of an exam's images, for masks that were drawn on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_conversion.dicom.grid_of_exam import grid_of_exam
from dataset_conversion.images import ConversionError
from tests.support.dicom_series import uid_of, with_, write_slices

PLACES = [0, 3.5, 7, 10.5]
OTHER = {"SeriesInstanceUID": uid_of("series 2"), "SeriesNumber": 6}


def test_series_on_one_grid_are_one_image(tmp_path: Path) -> None:
    write_slices(tmp_path, PLACES)
    write_slices(tmp_path, PLACES, with_(**OTHER), name="two")
    grid, frame = grid_of_exam(tmp_path)
    assert grid.array.shape == (16, 16, 4)
    assert frame == uid_of("space")


def test_series_of_two_frames_of_reference_have_none(tmp_path: Path) -> None:
    write_slices(tmp_path, PLACES)
    write_slices(tmp_path, PLACES, with_(**OTHER, FrameOfReferenceUID=uid_of("elsewhere")), name="two")
    assert grid_of_exam(tmp_path)[1] is None


def test_of_two_grids_nobody_knows_which_was_drawn_on(tmp_path: Path) -> None:
    write_slices(tmp_path, PLACES)
    write_slices(tmp_path, [0, 3.5, 7], with_(**OTHER), name="two")
    with pytest.raises(ConversionError, match=r"leave the series that masks were drawn on, and no other"):
        grid_of_exam(tmp_path)


def test_a_series_that_no_volume_can_be_made_of_is_refused_with_its_reason(tmp_path: Path) -> None:
    write_slices(tmp_path, PLACES, with_(ImageOrientationPatient=[1, 0, 0, 0.1, 0, -0.994987437]))
    with pytest.raises(ConversionError, match=r"ImageOrientationPatient: found axes 0\.1 off a right angle"):
        grid_of_exam(tmp_path)
