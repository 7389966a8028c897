"""NRRD files of strangers: never from another file, never beyond the grid, faults in a line."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from bmseg.errors import InputError
from bmseg.untrusted.header import ExamGrid
from bmseg.untrusted.nrrd import read_nrrd

GRID = ExamGrid(size=[4, 3, 2], affine=np.eye(4).tolist())
ARRAY = np.arange(24, dtype=np.int16).reshape(4, 3, 2)
NAME = Path("e1.nrrd")
SOUND = (
    b"NRRD0004\n# by hand\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 4 3 2\n"
    b"space directions: (1,0,0) (0,1.5,0) (0,0,2e0)\nkinds: domain domain domain\nendian: little\n"
    b"encoding: raw\nspace origin: (-3,4.5,0)\n\n"
)
VOXELS = ARRAY.ravel(order="F").tobytes()


def test_a_file_by_hand_is_read_as_simpleitk_reads_it(tmp_path: Path) -> None:
    found = read_nrrd(SOUND + VOXELS, NAME, GRID)
    assert np.array_equal(found.array, ARRAY)
    assert found.affine.tolist() == [[-1, 0, 0, 3], [0, -1.5, 0, -4.5], [0, 0, 2, 0], [0, 0, 0, 1]]
    (tmp_path / "a.nrrd").write_bytes(SOUND + VOXELS)
    image = sitk.ReadImage(tmp_path / "a.nrrd")
    assert np.array_equal(sitk.GetArrayFromImage(image).T, ARRAY)
    assert (image.GetOrigin(), image.GetSpacing()) == ((-3, 4.5, 0), (1, 1.5, 2))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"encoding: raw", b"encoding: raw\ndata file: /etc/x", "data file: found /etc/x, expected none"),
        (b"encoding: raw", b"encoding: raw\ndatafile: LIST", "datafile: found LIST, expected none"),
        (b"encoding: raw", b"encoding: raw\nByte skip: -1", "byte skip: found -1, expected none"),
        (b"encoding: raw", b"encoding: bzip2", "encoding: found bzip2, expected raw or gzip"),
        (b"encoding: raw", b"encoding: gzip", "voxels: found damaged data"),
        (b"encoding: raw", b"encoding: raw\nSegment0_Name:=a", "found a segmentation of 3D Slicer"),
        (b"encoding: raw", b"encoding: raw\ntype: uchar", "type: found it twice, expected it once"),
        (b"sizes: 4 3 2", b"sizes: 40000 30000 2", "sizes: found 40000 x 30000 x 2, expected 4 x 3 x 2"),
        (b"sizes: 4 3 2", b"sizes: 4 3 \x1b[2J", r"sizes: found 4 x 3 x \x1b[2J"),
        (b"type: short", b"type: block", "type: found block, expected whole numbers or floats"),
        (b"type: short", b"type: int", "voxels: found 48 bytes, expected 96"),
        (b"type: short", b"type: uchar", "voxels: found more bytes, expected 24"),
        (b"endian: little", b"endian: middle", "endian: found middle"),
        (b"endian: little\n", b"", "endian: found none"),
        (b"space: left-posterior-superior", b"space: scanner-xyz", "space: found scanner-xyz"),
        (b"(0,1.5,0)", b"(1,0,0)", "space directions: found axes that span no volume"),
        (b"(0,1.5,0)", b"none", "space directions: found (1,0,0) none (0,0,2e0), expected 3 of"),
        (b"(-3,4.5,0)", b"(-3,4.5,1e999)", "space origin: found (-3,4.5,1e999)"),
        (b"NRRD0004", b"NRRD0009", "magic: found no NRRD file"),
        (b"\n\n", b"\n" + b"#" * 70_000 + b"\n\n", "header: found no empty line behind it"),
    ],
)  # fmt: skip
def test_what_is_refused(old: bytes, new: bytes, message: str) -> None:
    assert old in SOUND
    with pytest.raises(InputError) as error:
        read_nrrd(SOUND.replace(old, new, 1) + VOXELS, NAME, GRID)
    assert str(error.value).startswith("e1.nrrd: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_voxels_that_swell_take_no_memory() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = SOUND.replace(b"raw", b"gzip") + packer.compress(bytes(1 << 26)) + packer.flush()
    tracemalloc.start()
    with pytest.raises(InputError, match="voxels: found more bytes, expected 48"):
        read_nrrd(data, NAME, GRID)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
