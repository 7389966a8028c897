"""Masks of the small boards as an algorithm writes them, by SimpleITK."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from bmseg.untrusted.header import ExamGrid
from tests.bmseg.leaderboard.boards import AFFINE, SHAPE, mask_of

GRID = ExamGrid(size=list(SHAPE), affine=AFFINE.tolist())


def mha(path: Path, exam: str, pixel: int = sitk.sitkUInt8) -> Path:
    """Rater 9's mask of an exam; ITK's axes, so the first two of the affine are turned."""
    image = sitk.Cast(sitk.GetImageFromArray(mask_of(exam, 9).transpose(2, 1, 0)), pixel)
    image.SetSpacing(np.diag(AFFINE)[:3].tolist())
    image.SetOrigin((-AFFINE[0, 3], -AFFINE[1, 3], AFFINE[2, 3]))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path), useCompression=pixel == sitk.sitkUInt8)
    return path
