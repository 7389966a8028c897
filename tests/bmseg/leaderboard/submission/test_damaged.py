"""Random damage: a check never fails, and what it accepts is what nibabel reads."""

from __future__ import annotations

import io
import tempfile
import warnings
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bmseg.errors import InputError
from bmseg.leaderboard.submission import check_submission
from bmseg.untrusted.mask import ReadMask, read_submitted_mask
from tests.bmseg.leaderboard.submission.hostile_masks import (
    ARRAY,
    CONTRACT,
    GRID,
    LABELS,
    mask,
    nifti,
    packed,
)
from tests.bmseg.leaderboard.submission.hostile_zips import SOUND, zipped

HEADER = 352
Flips = list[tuple[int, int]]


def flips(below: int, most: int = 3) -> st.SearchStrategy[Flips]:
    """Places in a file, and the bits to turn there."""
    return st.lists(st.tuples(st.integers(0, below - 1), st.integers(1, 255)), min_size=1, max_size=most)


def flipped(content: bytes, places: Flips) -> bytes:
    changed = bytearray(content)
    for place, bits in places:
        changed[place] ^= bits
    return bytes(changed)


def read(content: bytes) -> ReadMask:
    found = read_submitted_mask(io.BytesIO(content), len(content), Path("a.nii.gz"), GRID, LABELS)
    assert (found.mask is None) == bool(found.faults)
    return found


@settings(max_examples=50)
@given(st.binary(max_size=600))
def test_random_bytes_are_no_mask(content: bytes) -> None:
    assert read(content).faults
    assert read(packed(content)).faults


@settings(max_examples=300)
@given(flips(HEADER))
@example([(40, 7)])  # another count of dimensions
@example([(70, 8), (70, 4)])
@example([(252, 1)])
def test_a_damaged_header_is_refused_or_read_as_nibabel_reads_it(places: Flips) -> None:
    content = flipped(nifti(), places)
    found = read(packed(content))
    if found.mask is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of extensions that are none
            image = nib.Nifti1Image.from_bytes(content)
        np.testing.assert_array_equal(found.mask.array, np.asarray(image.dataobj).reshape(ARRAY.shape))
        np.testing.assert_array_equal(found.mask.affine, image.affine)


@settings(max_examples=150)
@given(flips(len(mask())))
def test_a_damaged_gzip_file_is_refused_or_whole(places: Flips) -> None:
    found = read(flipped(mask(), places))
    if found.mask is not None:
        np.testing.assert_array_equal(found.mask.array, ARRAY)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@settings(max_examples=150)
@given(data=st.data())
def test_a_damaged_zip_is_refused_or_whole(compression: int, data: st.DataObject) -> None:
    content = zipped(SOUND, compression)
    damaged = flipped(content, data.draw(flips(len(content))))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "a.zip"
        source.write_bytes(damaged)
        try:
            checked = check_submission(source, CONTRACT)
        except InputError as refusal:
            assert str(refusal).isprintable()
            return
    for found in checked.masks.values():
        np.testing.assert_array_equal(found.array, ARRAY)
    assert all(str(fault).isprintable() for fault in checked.faults)


@settings(max_examples=60)
@given(st.integers(0, len(mask()) - 1))
def test_a_mask_cut_anywhere_is_refused(length: int) -> None:
    assert read(mask()[:length]).faults
