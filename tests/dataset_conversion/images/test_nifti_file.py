"""A gzip'd file read in one pass is what nibabel reads; both refuse the same files."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from dataset_conversion.images import ConversionError, Volume, nifti_file, read_volume

AFFINE = np.array([[0.9, 0, 0, -7], [0, 0.9, 0, 3], [0, 0, 3.5, 11], [0, 0, 0, 1]])


def voxels(kind: str = "uint8", shape: tuple[int, ...] = (7, 6, 5)) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 100, shape).astype(kind)


def scaled() -> nib.Nifti1Image:
    image = nib.Nifti1Image(voxels("int16"), AFFINE)
    image.header.set_slope_inter(0.5, 3)
    return image


def extended() -> nib.Nifti1Image:
    image = nib.Nifti1Image(voxels(), AFFINE)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"drawn by hand " * 40))
    return image


def big_endian() -> nib.Nifti1Image:
    return nib.Nifti1Image(voxels(">f4"), AFFINE, nib.Nifti1Header(endianness=">"))


IMAGES: dict[str, Callable[[], nib.Nifti1Image]] = {
    "plain": lambda: nib.Nifti1Image(voxels(), AFFINE),
    "floats": lambda: nib.Nifti1Image(voxels("float64"), AFFINE),
    "a slice": lambda: nib.Nifti1Image(voxels(shape=(7, 6)), AFFINE),
    "a time": lambda: nib.Nifti1Image(voxels(shape=(7, 6, 5, 1)), AFFINE),
    "scaled": scaled,
    "with a comment": extended,
    "big endian": big_endian,
    "nifti-2": lambda: nib.Nifti2Image(voxels(), AFFINE),
}


def read(path: Path) -> Volume | str:
    try:
        return read_volume(path)
    except ConversionError as error:
        return str(error)


@pytest.fixture
def by_nibabel(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Volume | str]:
    """`read`, by nibabel alone."""

    def read_by_nibabel(path: Path) -> Volume | str:
        with monkeypatch.context() as patch:
            patch.setattr(nifti_file, "_load_zipped", lambda _: None)
            return read(path)

    return read_by_nibabel


@pytest.mark.parametrize("name", IMAGES)
def test_voxels_and_place_are_nibabels(
    name: str, tmp_path: Path, by_nibabel: Callable[[Path], Volume | str]
) -> None:
    path = tmp_path / "exam.nii.gz"
    nib.save(IMAGES[name](), path)
    assert (nifti_file._load_zipped(path) is None) == (name == "nifti-2")
    for file in (path, tmp_path / "tail.nii.gz"):
        # What stands behind the end is left alone.
        file.write_bytes(path.read_bytes() + (b"\0" * 7 if file != path else b""))
        found, expected = read(file), by_nibabel(file)
        assert isinstance(found, Volume) and isinstance(expected, Volume)
        assert found.array.dtype == expected.array.dtype
        np.testing.assert_array_equal(found.array, expected.array)
        np.testing.assert_array_equal(found.affine, expected.affine)
        assert found.notes == expected.notes
        assert found.array.flags.writeable


@pytest.mark.parametrize("where", [0, 5, 12, 40, 200, -300, -6, -1])
@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_what_nibabel_refuses_is_refused(
    where: int, how: str, tmp_path: Path, by_nibabel: Callable[[Path], Volume | str]
) -> None:
    path = tmp_path / "exam.nii.gz"
    nib.save(nib.Nifti1Image(voxels(shape=(16, 16, 8)), AFFINE), path)
    content = bytearray(path.read_bytes())
    if how == "cut":
        del content[where:]
    else:
        content[where] ^= 255
    path.write_bytes(content)
    found, expected = read(path), by_nibabel(path)
    if isinstance(expected, Volume):
        # A byte of gzip's own header, such as its time.
        assert isinstance(found, Volume)
        np.testing.assert_array_equal(found.array, expected.array)
    else:
        assert isinstance(found, str)
        assert found.startswith(str(path)) and "damaged" in found and "export it again" in found


def test_stated_bits_are_held_against_the_files_size(tmp_path: Path) -> None:
    path = tmp_path / "exam.nii.gz"
    content = bytearray(nib.Nifti1Image(voxels("int16"), AFFINE).to_bytes())
    content[70:72] = (2).to_bytes(2, "little")  # datatype: 8 bits, where bitpix and the file say 16
    path.write_bytes(gzip.compress(bytes(content)))
    assert "datatype: found uint8 and 16 bits a voxel" in str(read(path))
