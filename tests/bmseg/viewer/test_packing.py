"""Volumes come back from the page's text as they went in."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bmseg.viewer.packing import pack_image, pack_mask
from tests.support.rooms import unpack_image, unpack_mask

SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)


@given(hnp.arrays(np.int16, SHAPES))
def test_whole_numbers_come_back_exactly(image: np.ndarray) -> None:
    packed = pack_image(image)
    assert packed.scale == 1
    assert np.array_equal(unpack_image(packed, image.shape), image)


@given(hnp.arrays(np.float32, SHAPES, elements=st.floats(-1e4, 1e4, width=32)))
def test_other_numbers_come_back_to_half_a_step(image: np.ndarray) -> None:
    packed = pack_image(image)
    step = (float(image.max()) - float(image.min())) / 65535
    assert np.abs(unpack_image(packed, image.shape) - image).max() <= 0.501 * step + 1e-9


@pytest.mark.parametrize("dtype", [np.int32, np.uint32, np.int64])
def test_a_range_beyond_16_bits_is_scaled(dtype: type) -> None:
    image = np.array([0, 70_000, 1_000_000]).astype(dtype).reshape(3, 1, 1)
    packed = pack_image(image)
    assert packed.scale > 1
    assert np.abs(unpack_image(packed, (3, 1, 1)) - image).max() < 8


@given(hnp.arrays(np.uint8, SHAPES))
def test_masks_come_back(mask: np.ndarray) -> None:
    assert np.array_equal(unpack_mask(pack_mask(mask), mask.shape), mask)


def test_memory_order_of_the_array_changes_nothing() -> None:
    image = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    assert pack_image(np.asfortranarray(image)).text == pack_image(image).text
    assert pack_mask(image[::-1].astype(np.uint8)) != pack_mask(image.astype(np.uint8))


def test_nothing_but_voxels_is_inside() -> None:
    """A container of two bytes and a checksum of four; its content is as long as the voxels."""
    image = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    for text, length in ((pack_image(image).text, 120), (pack_mask(image.astype(np.uint8)), 60)):
        container = base64.b64decode(text)
        inflate = zlib.decompressobj()
        assert len(inflate.decompress(container)) == length
        assert inflate.eof
        assert inflate.unused_data == b""
        assert container[0] == 0x78
        assert not container[1] & 0x20, "a preset dictionary"
