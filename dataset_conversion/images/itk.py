"""Images of ITK, as objects."""

from __future__ import annotations

from typing import Any

import numpy as np

from dataset_conversion.images.errors import ConversionError

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def from_simpleitk(image: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Array and affine of an image of SimpleITK, which stores k first, and whose world is LPS."""
    import SimpleITK as sitk

    size = image.GetSize()
    # A slice is a volume of one.
    if image.GetDimension() == 2:
        image = sitk.JoinSeries(image)
    elif image.GetDimension() == 4 and size[3] == 1:
        image = image[..., 0]
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise ConversionError(
            f"{name}: found {image.GetDimension()} dimensions and {image.GetNumberOfComponentsPerPixel()} "
            "values a voxel, expected 3 and 1"
        )
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image).T, _LPS_TO_RAS @ affine
