"""Whether two volumes hold the same voxels at the same places, in whatever order they are stored."""

from __future__ import annotations

import nibabel as nib
import numpy as np

from dataset_conversion.images import Volume


def in_world(volume: Volume) -> Volume:
    """Brought to the axis order nearest to RAS: the same voxel at the same place, whatever the storage."""
    image = nib.as_closest_canonical(nib.Nifti1Image(volume.array, volume.affine))
    return Volume(np.asarray(image.dataobj), image.affine)


def assert_same(found: Volume, expected: Volume, *, relative: float = 0.0) -> None:
    ours, theirs = in_world(found), in_world(expected)
    assert ours.array.shape == theirs.array.shape
    np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-3)
    np.testing.assert_allclose(ours.array.astype(float), theirs.array.astype(float), rtol=relative, atol=0)
