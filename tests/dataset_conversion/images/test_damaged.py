"""Files of images whose bytes are not what they were: refused in a line, or the volume as it was."""

from __future__ import annotations

import builtins
import gzip
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from dataset_conversion.images import ConversionError, read_volume
from dataset_conversion.mask_files.reading import Labels, read_mask

ARRAY = np.random.default_rng(0).integers(0, 3, (6, 5, 4)).astype(np.uint8)
AFFINE = np.diag([-0.9, -0.9, 3.5, 1.0])


def nifti(dtype: type = np.uint8, kind: type = nib.Nifti1Image) -> bytes:
    return bytes(kind(ARRAY.astype(dtype), AFFINE).to_bytes())


def changed(content: bytes, place: int, form: str, value: float) -> bytes:
    damaged = bytearray(content)
    struct.pack_into(form, damaged, place, value)
    return bytes(damaged)


@pytest.mark.parametrize(
    ("place", "form", "value", "message"),
    [
        (70, "<h", 0, "data code 0 not supported"),
        (70, "<h", 1, "data code 1 not supported"),
        (70, "<h", -1, "data code -1 not recognized"),
        (108, "<f", 1, "vox offset 1 too low"),
        (108, "<f", float("inf"), "cannot convert float infinity"),
        (116, "<f", float("nan"), "invalid intercept nan"),
        (44, "<h", 0, "expected 3, none of them 0"),
        (40, "<h", 8, "vox offset"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_header_that_nibabel_refuses_is_a_line(
    tmp_path: Path, place: int, form: str, value: float, message: str, zipped: bool
) -> None:
    content = changed(changed(nifti(), 112, "<f", 1), place, form, value)
    path = tmp_path / ("a.nii.gz" if zipped else "a.nii")
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(ConversionError, match=message) as error:
        read_volume(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


def test_a_header_of_more_voxels_than_any_memory_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(changed(nifti(kind=nib.Nifti2Image), 24, "<q", 1 << 55)))
    with pytest.raises(ConversionError, match=r"more voxels than fit into memory|cannot be read as NIfTI"):
        read_volume(path)


def test_no_flipped_bit_of_a_gzipped_file_gives_another_volume(tmp_path: Path) -> None:
    """Who stops behind the last voxel never meets the checksum."""
    content, path = gzip.compress(nifti()), tmp_path / "a.nii.gz"
    refused = 0
    for place in range(10, len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 8]) + content[place + 1 :])
        try:
            found = read_volume(path).array
        except ConversionError:
            refused += 1
            continue
        assert (found == ARRAY).all()
    assert refused > 0.9 * (len(content) - 10)


@pytest.mark.parametrize("behind", [b"", bytes(64), gzip.compress(b"more", mtime=0)])
def test_what_stands_behind_a_whole_file_is_left_alone(tmp_path: Path, behind: bytes) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(nifti()) + behind)
    assert (read_volume(path).array == ARRAY).all()


@pytest.mark.parametrize("zipped", [False, True])
def test_a_type_that_the_size_of_the_file_contradicts(tmp_path: Path, zipped: bool) -> None:
    """Of 16 bits a voxel, 8 would be taken: every other voxel from another place."""
    path = tmp_path / ("a.nii.gz" if zipped else "a.nii")
    content = changed(nifti(np.int16), 70, "<h", 2)
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(ConversionError, match="datatype: found uint8 and 16 bits a voxel"):
        read_volume(path)
    # A program that leaves the number of bits wrong writes as many as its type has.
    content = changed(nifti(np.int16), 72, "<h", 8)
    path.write_bytes(gzip.compress(content) if zipped else content)
    assert (read_volume(path).array == ARRAY).all()


def test_a_mask_whose_scale_is_lost_is_not_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(changed(nifti(), 112, "<f", 1e-30))
    assert read_mask(path, None, Labels({"level1": 1, "level2": 2}, {})).array.any()


def metaimage(path: Path, compressed: bool = False) -> bytes:
    image = sitk.GetImageFromArray(ARRAY.transpose(2, 1, 0))
    image.SetSpacing((0.9, 0.9, 3.5))
    sitk.WriteImage(image, str(path), compressed)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("found", "wrong", "message"),
    [
        # ITK 5.4 ends the process.
        (b"NDims = 3", b"NDims = 99", "NDims: found '99', expected 2, 3 or 4"),
        (b"NDims = 3", b"NDims = -1", "NDims: found '-1'"),
        # ITK takes what it finds, and for the rest what stood in memory.
        (b"Offset = 0 0 0", b"Offset = 0", "Offset: found '0', expected 3 numbers"),
        (
            b"CompressedData = False",
            b"CompressedData = True",
            "found data that do not unpack",
        ),
        (b"ElementType", b"HeaderSize = 5\nElementType", "HeaderSize: found '5', expected none"),
        (b"DimSize = 6 5 4", b"DimSize = 6 5", "DimSize: found '6 5', expected 3 numbers"),
        (b"DimSize = 6 5 4", b"DimSize = 60000 60000 4", "DimSize: found 14400000000 values"),
        (b"DimSize = 6 5 4", b"DimSize = 6 5 9", "cannot be read as MetaImage, truncated or damaged"),
        (b"ElementSpacing = 0.9", b"ElementSpacing = nan", "ElementSpacing: found 'nan"),
        (b"LOCAL", b"/etc/hostname", "ElementDataFile: found '/etc/hostname', expected LOCAL"),
        (b"LOCAL", b"LIST", "ElementDataFile: found 'LIST'"),
    ],
)
def test_what_itk_takes_on_trust_is_looked_at_before(
    tmp_path: Path, found: bytes, wrong: bytes, message: str
) -> None:
    path = tmp_path / "a.mha"
    content = metaimage(path)
    assert found in content and (read_volume(path).array == ARRAY).all()
    path.write_bytes(content.replace(found, wrong, 1))
    with pytest.raises(ConversionError, match=message) as error:
        read_volume(path)
    assert "\n" not in str(error.value)


def test_a_metaimage_in_two_files_is_read_from_its_own_folder_alone(tmp_path: Path) -> None:
    metaimage(tmp_path / "a.mhd")
    assert (read_volume(tmp_path / "a.mhd").array == ARRAY).all()
    (tmp_path / "below").mkdir()
    header = (tmp_path / "a.mhd").read_bytes().replace(b"a.raw", b"../a.raw")
    (tmp_path / "below" / "a.mhd").write_bytes(header)
    with pytest.raises(ConversionError, match=r"ElementDataFile: found '\.\./a\.raw', expected LOCAL"):
        read_volume(tmp_path / "below" / "a.mhd")


def test_no_flipped_bit_of_compressed_data_gives_another_volume(tmp_path: Path) -> None:
    path = tmp_path / "a.mha"
    content = metaimage(path, compressed=True)
    start = content.index(b"LOCAL\n") + 6
    assert zlib.decompress(content[start:]) == ARRAY.tobytes(order="F")
    for place in range(start, len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 8]) + content[place + 1 :])
        try:
            found = read_volume(path).array
        except ConversionError:
            continue
        assert (found == ARRAY).all()


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.seg.nrrd"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_bytes(nifti())
    opened = io.open

    def refuse(file: Any, *args: Any, **more: Any) -> Any:
        if str(file) == str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(file, *args, **more)

    for module in (io, builtins):
        monkeypatch.setattr(module, "open", refuse)
    denied = rf"^{path}: permission denied, expected what may be read; allow it"
    with pytest.raises(ConversionError, match=denied):
        read_mask(path, None, Labels({}, {}))
    if name.endswith((".nii", ".gz")):
        with pytest.raises(ConversionError, match=denied):
            read_volume(path)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("header", [True, False])
def test_a_cut_metaimage_is_one_line(
    tmp_path: Path, compressed: bool, header: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(size=(6, 7, 8)).astype(np.float32))
    path = tmp_path / ("a.mhd" if header else "a.mha")
    sitk.WriteImage(image, path, useCompression=compressed)
    data = next(tmp_path.glob("*raw")) if header else path
    whole = data.read_bytes()
    assert read_volume(path).array.shape == (8, 7, 6)
    for n in (1, 100):
        data.write_bytes(whole[:-n])
        with pytest.raises(ConversionError, match="truncated or damaged"):
            read_volume(path)
    assert capfd.readouterr() == ("", "")
