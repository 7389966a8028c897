"""MetaImage files of strangers: read as SimpleITK reads them, and never from another file."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from bmseg.errors import InputError
from bmseg.untrusted.header import ExamGrid
from bmseg.untrusted.metaimage import read_metaimage
from tests.bmseg.leaderboard.boards import mask_of
from tests.bmseg.leaderboard.platforms.metaimages import GRID, mha

LOCAL = b"ElementDataFile = LOCAL"


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize(
    "pixel",
    [sitk.sitkInt8, sitk.sitkUInt16, sitk.sitkInt32, sitk.sitkUInt64, sitk.sitkFloat32, sitk.sitkFloat64],
)
def test_what_simpleitk_writes_is_read_as_it_reads_it(tmp_path: Path, pixel: int, compressed: bool) -> None:
    image = sitk.Cast(sitk.GetImageFromArray(mask_of("knee_a", 1).transpose(2, 1, 0)), pixel)
    image.SetSpacing((0.7, 1.1, 3.3))
    image.SetOrigin((-12.5, 3.25, 1e-3))
    # Three axes turned about all of LPS: rows taken for columns would show.
    turn = sitk.Euler3DTransform((0, 0, 0), 0.3, -0.2, 0.5)
    image.SetDirection(turn.GetMatrix())
    image.SetMetaData("0010|0010", "")
    sitk.WriteImage(image, str(tmp_path / "mask.mha"), useCompression=compressed)
    sitk.WriteImage(image, str(tmp_path / "mask.nii"))
    volume = read_metaimage(tmp_path / "mask.mha", GRID)
    assert np.array_equal(volume.array, mask_of("knee_a", 1))
    assert volume.array.dtype == sitk.GetArrayViewFromImage(image).dtype
    assert np.allclose(volume.affine, nib.load(tmp_path / "mask.nii").affine, atol=1e-5)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (LOCAL, b"ElementDataFile = secret.raw", "ElementDataFile: found secret.raw, expected LOCAL"),
        # MetaIO takes the line behind an empty field for its value; then the next one names the file.
        (LOCAL, b"ElementSize =\n" + LOCAL + b"\nElementDataFile = secret.raw", "voxels: found more bytes"),
        (LOCAL, b"ElementDataFile = LIST", "found LIST, expected LOCAL"),
        (LOCAL, b"Comment = " + LOCAL, "ElementDataFile: found none"),
        (LOCAL, b"Comment = " + b"x" * 70_000 + b"\n" + LOCAL, "ElementDataFile: found none"),
        (b"DimSize = 24 20 6", b"DimSize = 24000 20000 600", "DimSize: found 24000 x 20000 x 600"),
        (b"DimSize = 24 20 6", b"DimSize = -24 -20 6", "DimSize: found -24 x -20 x 6"),
        (b"DimSize = 24 20 6", b"DimSize = 24 20 nan", "DimSize: found 24 20 nan, expected 3 numbers"),
        (b"DimSize = 24 20 6", b"DimSize = 24 20 6\nDimSize = 24 20 6", "DimSize: found it twice"),
        (b"DimSize = 24 20 6\n", b"", "DimSize: found 0, expected 24 x 20 x 6 voxels"),
        (b"NDims = 3", b"NDims = 4", "NDims: found 4, expected 3"),
        (b"BinaryData = True", b"BinaryData = False", "BinaryData: found False, expected True"),
        (b"ElementType", b"ElementNumberOfChannels = 3\nElementType", "ElementNumberOfChannels: found 3"),
        (b"ElementType", b"HeaderSize = 352\nElementType", "HeaderSize: found 352, expected 0"),
        (b"MET_SHORT", b"MET_STRING", "ElementType: found MET_STRING, expected MET_CHAR or "),
        (b"MET_SHORT", b"MET_DOUBLE", "voxels: found 5760 bytes, expected 23040"),
        (b"CompressedData = False", b"CompressedData = True", "voxels: found damaged data"),
        (b"TransformMatrix = -1 0 0", b"TransformMatrix = 0 0 0", "TransformMatrix: found axes that span no"),
        (b"TransformMatrix = -1 0 0", b"TransformMatrix = 0 0", "expected 9 numbers"),
        (b"ElementSpacing = 0.9", b"ElementSpacing = inf", "ElementSpacing: found inf"),
        (b"Offset = 10", b"Offset = \x1b[2J", r"Offset: found \x1b[2J"),
    ],
)  # fmt: skip
def test_hostile_headers_are_refused(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    path = mha(tmp_path / "mask.mha", "knee_a", sitk.sitkInt16)
    data = path.read_bytes()
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, new))
    (tmp_path / "secret.raw").write_bytes(mask_of("knee_a", 0).astype(np.int16).tobytes(order="F"))
    with pytest.raises(InputError) as refused:
        read_metaimage(path, GRID)
    assert message in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = mha(tmp_path / "mask.mha", "knee_a")
    head = path.read_bytes().partition(LOCAL)[0]
    path.write_bytes(head + LOCAL + b"\n" + zlib.compress(bytes(64 << 20)))
    tracemalloc.start()
    with pytest.raises(InputError, match="voxels: found more bytes, expected 2880"):
        read_metaimage(path, GRID)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_name_that_only_metaio_understands_is_no_name(tmp_path: Path) -> None:
    path = mha(tmp_path / "mask.mha", "knee_a", sitk.sitkInt16)
    path.write_bytes(path.read_bytes().replace(LOCAL, b"ElementDataFile : secret.raw\n" + LOCAL))
    (tmp_path / "secret.raw").write_bytes(mask_of("knee_a", 0).astype(np.int16).tobytes(order="F"))
    assert np.array_equal(read_metaimage(path, GRID).array, mask_of("knee_a", 9))


def test_a_truncated_mask_is_refused(tmp_path: Path) -> None:
    for pixel in (sitk.sitkInt16, sitk.sitkUInt8):
        path = mha(tmp_path / "mask.mha", "knee_a", pixel)
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(InputError, match=r"mask.mha: voxels: found \d+ bytes, expected"):
            read_metaimage(path, GRID)


def test_a_grid_of_another_size_is_refused(tmp_path: Path) -> None:
    path = mha(tmp_path / "mask.mha", "knee_a")
    with pytest.raises(InputError, match="DimSize: found 24 x 20 x 6, expected 24 x 20 x 7 voxels"):
        read_metaimage(path, ExamGrid(size=[24, 20, 7], affine=GRID.affine))
