"""On which grid do the images of one exam lie, and in which frame of reference? For masks drawn on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dataset_conversion.dicom.scan import scan
from dataset_conversion.dicom.volumes import find_volumes
from dataset_conversion.images import ConversionError, Volume


def grid_of_exam(folder: Path) -> tuple[Volume, str | None]:
    """An image without voxels on the grid of an exam's DICOM files, and its frame of reference if known.

    Raises
    ------
    ConversionError
        When there is no DICOM image, none can be used, or images lie on several grids.
    """
    found = find_volumes(scan(folder, processes=1).frames)
    usable = [volume for volume in found if not volume.reason]
    if not usable:
        raise ConversionError(f"{folder}: volume {found[0].name}: {found[0].reason}")
    first = Volume(np.broadcast_to(np.uint8(0), usable[0].shape), usable[0].affine, str(folder))
    for volume in usable[1:]:
        other = Volume(np.broadcast_to(np.uint8(0), volume.shape), volume.affine)
        if difference := other.grid.difference(first.grid):
            raise ConversionError(
                f"{folder}: volume {volume.name}: {difference} (the grid of volume {usable[0].name}); leave "
                "the series that masks were drawn on, and no other"
            )
    frames = {volume.identity.frame_of_reference for volume in usable}
    return first, frames.pop() or None if len(frames) == 1 else None
