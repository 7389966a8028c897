"""Tell the two knees of an exam apart, so that scores can be given by knee.

The image is cut across the patient's left-right axis, in the gap between the knees: in the middle of the
image, or in the nearest run of columns without any rater's marking. The middle of the marking's bounding box
would cut a knee in two where only one knee is marked, and the image's middle alone where the patient lies
off centre. Nobody's marking is cut, and an exam whose gap is not found is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dataset_conversion.images import Grid
from evaluation.masks.reading import MaskError

#: The patient's own sides.
KNEES = ("right", "left")

#: A gap between the knees is at least this wide: between the marrow of both lie cortex, fat and skin.
GAP_MM = 10.0

Slices = tuple[slice, slice, slice]


def split_knees(masks: Mapping[str, np.ndarray], affine: np.ndarray) -> dict[str, Slices]:
    """The parts of an exam's arrays that hold the right and the left knee.

    `masks` are the label maps (i, j, k) of all raters of an exam, or two of them may be cut at different
    places; `affine` takes voxel indices to world millimetres, RAS+. Returned are `KNEES` to slices:
    ``mask[slices]`` is the knee's part; the two parts make up the array. A MaskError when there is no gap
    of `GAP_MM` in the middle third: one knee was imaged, the knees touch, or something between them is
    marked.
    """
    grid = Grid(next(iter(masks.values())).shape, affine)
    axis = grid.axis("LR")
    others = tuple(place for place in range(3) if place != axis)
    marked = np.logical_or.reduce([(mask != 0).any(axis=others) for mask in masks.values()])
    cut = _cut(marked, float(grid.spacing[axis]))
    if cut is None:
        raise MaskError(
            f"knees: found no gap of {GAP_MM:g} mm without marking in the middle third along array axis "
            f"{axis}, expected one between two knees; correct stray voxels or score by exam"
        )
    parts = [_along(axis, slice(None, cut)), _along(axis, slice(cut, None))]
    # Growing indices to the patient's left: the right knee comes first.
    return dict(zip(KNEES, parts if grid.axis_order[axis] == "L" else parts[::-1], strict=True))


def _cut(marked: np.ndarray, spacing: float) -> int | None:
    """The boundary between columns to cut at, in the middle third; None when no gap is there.

    The middle if it is free; else the nearest gap with marking on both sides, before the space beside a
    patient who lies far off centre.
    """
    n = len(marked)
    ends = np.flatnonzero(np.diff(np.r_[True, marked, True].astype(np.int8))).reshape(-1, 2)
    choices = []
    for start, stop in ends[(ends[:, 1] - ends[:, 0]) * spacing >= GAP_MM]:
        cut = int(np.clip(n // 2, start, stop))
        beside = cut != n // 2 and (start == 0 or stop == n)
        if abs(cut - n / 2) <= n / 6:
            choices.append((beside, abs(cut - n / 2), cut))
    return min(choices)[2] if choices else None


def _along(axis: int, part: slice) -> Slices:
    whole = [slice(None)] * 3
    whole[axis] = part
    return whole[0], whole[1], whole[2]
