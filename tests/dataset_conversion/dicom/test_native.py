from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from dataset_conversion.dicom.pixels import native_pixels
from dataset_conversion.dicom.scan import scan


def one_slice(test_data: Path, vendor: str) -> Path:
    folder = test_data / "dicom2nifti_tests" / vendor / "anatomical" / "001"
    return sorted(folder.iterdir())[0]


@pytest.mark.parametrize("vendor", ["siemens", "philips", "ge"])
def test_the_short_way_gives_what_pydicom_gives(test_data: Path, vendor: str) -> None:
    """Explicit and implicit VR, unsigned and signed."""
    path = one_slice(test_data, vendor)
    (frame,) = scan(path).frames
    pixels = native_pixels(path, frame)
    assert pixels is not None
    expected = pydicom.dcmread(path).pixel_array
    np.testing.assert_array_equal(pixels, expected)
    assert pixels.dtype == expected.dtype


def test_eight_bits_and_an_odd_number_of_pixels(test_data: Path, tmp_path: Path) -> None:
    header = pydicom.dcmread(one_slice(test_data, "siemens"))
    pixels = np.arange(15, dtype=np.uint8).reshape(3, 5)
    header.Rows, header.Columns = pixels.shape
    header.BitsAllocated = header.BitsStored = 8
    header.HighBit = 7
    header.PixelData = pixels.tobytes() + b"\0"
    header["PixelData"].VR = "OB"
    header.save_as(tmp_path / "a.dcm")
    (frame,) = scan(tmp_path / "a.dcm").frames
    np.testing.assert_array_equal(native_pixels(tmp_path / "a.dcm", frame), pixels)


def test_any_other_end_has_to_be_parsed(test_data: Path, tmp_path: Path) -> None:
    original = one_slice(test_data, "siemens")
    (frame,) = scan(original).frames
    content = original.read_bytes()
    for changed in (content + b"\0\0", content[:-2], content[:200], content[:-100] + b"\1" + content[-100:]):
        (tmp_path / "a.dcm").write_bytes(changed)
        assert native_pixels(tmp_path / "a.dcm", frame) is None
    assert native_pixels(original, replace(frame, native=False)) is None
    enhanced = one_slice(test_data, "siemens_multiframe")
    assert native_pixels(enhanced, scan(enhanced).frames[0]) is None
