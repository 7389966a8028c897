"""Growing and shrinking are scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from evaluation.masks.moved import _around


@pytest.mark.parametrize("shape", [(5,), (7, 6), (6, 5, 4), (9, 1, 3)])
def test_around_a_voxel_is_as_scipy_finds_it(shape: tuple[int, ...]) -> None:
    labels = np.random.default_rng(0).integers(0, 4, shape).astype(np.uint8)
    expected: dict[str, list[np.ndarray]] = {"grown": [], "shrunk": []}
    for axis in [None, *(range(len(shape)) if len(shape) > 2 else ())]:
        for across in (1, len(shape)):
            footprint = ndimage.generate_binary_structure(len(shape), across)
            if axis is not None:
                np.moveaxis(footprint, axis, 0)[[0, 2]] = False
            expected["grown"].append(ndimage.grey_dilation(labels, footprint=footprint))
            expected["shrunk"].append(ndimage.grey_erosion(labels, footprint=footprint, mode="constant"))
    for name, extreme in (("grown", np.maximum), ("shrunk", np.minimum)):
        found = {array.tobytes() for array in _around(labels, extreme)}
        assert found == {array.tobytes() for array in expected[name]}
