"""Polygons to pixels: a pixel belongs to a slice's contours when its centre lies inside or on a line.

The even-odd rule holds for all contours of the slice together: contours within contours are holes (the XOR of
DICOM PS3.3 C.8.8.6.3). The same section counts points on the line to the structure: programs that trace the
outermost pixels through their centres get them back. A contour is an array of shape (points, 2), the row and
column of each corner in pixels, whole numbers at pixel centres; the last corner is joined to the first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Pixels that a centre may lie beside a line and still be on it; DICOM files hold rounded coordinates.
ON_LINE_TOLERANCE = 1e-3


def rasterise(contours: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Pixels (bool, rows and columns) inside an odd number of contours, or on the line of one.

    Parts of contours outside the grid are cut off.

    Examples
    --------
    >>> square = np.array([[0.5, 0.5], [0.5, 2.5], [2.5, 2.5], [2.5, 0.5]])
    >>> rasterise([square], (4, 4)).astype(int)
    array([[0, 0, 0, 0],
           [0, 1, 1, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]])
    """
    if not contours:
        return np.zeros(shape, dtype=bool)
    start = np.concatenate(contours)
    end = np.concatenate([np.roll(contour, -1, axis=0) for contour in contours])
    return _inside(start, end, shape) | _on_line(start, end, shape)


def crossing(contours: Sequence[np.ndarray], shape: tuple[int, int]) -> int:
    """Pixels that two of the contours share of which neither lies within the other; 0 if there are none.

    Pixels on a line count for neither: neighbours may share a side.
    """
    areas: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for pair in meeting(contours):
        for one in set(pair) - areas.keys():
            side = contours[one], np.roll(contours[one], -1, axis=0)
            areas[one] = _inside(*side, shape), ~_on_line(*side, shape)
        (first, off_first), (second, off_second) = (areas[one] for one in pair)
        sure = off_first & off_second
        shared = first & second & sure
        if shared.any() and (first & ~second & sure).any() and (second & ~first & sure).any():
            return int(shared.sum())
    return 0


def meeting(contours: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Every two contours whose upright boxes share a place: the others cannot cross or be one."""
    low = np.array([contour.min(axis=0) for contour in contours]).reshape(-1, 2)
    high = np.array([contour.max(axis=0) for contour in contours]).reshape(-1, 2)
    share = ((low[:, None] <= high + ON_LINE_TOLERANCE) & (low <= high[:, None] + ON_LINE_TOLERANCE)).all(
        axis=2
    )
    return [(one, other) for one, other in np.argwhere(np.triu(share, 1)).tolist()]


def _inside(start: np.ndarray, end: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels with an odd number of sides to the right of their centre, in their row."""
    rows, columns = shape
    # Half-open in rows, so that a corner on a row counts for one of its two sides.
    low = np.ceil(np.minimum(start[:, 0], end[:, 0])).clip(0)
    high = (np.ceil(np.maximum(start[:, 0], end[:, 0])) - 1).clip(max=rows - 1)
    side, row = _lines(low, high)
    run = (end - start)[side]
    crossing = start[side, 1] + (row - start[side, 0]) * run[:, 1] / run[:, 0]
    # A crossing at x lies to the right of columns 0 to ceil(x) - 1.
    beyond = np.ceil(crossing).clip(0, columns).astype(np.intp)
    crossings = np.bincount(row * (columns + 1) + beyond, minlength=rows * (columns + 1))
    to_the_right = crossings.reshape(rows, columns + 1)[:, ::-1].cumsum(axis=1)[:, ::-1]
    return to_the_right[:, 1:] % 2 == 1


def _on_line(start: np.ndarray, end: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels with their centre on a side."""
    marked = np.zeros(shape, dtype=bool)
    steep = np.abs(end - start).argmax(axis=1) == 0
    for chosen, along, view in ((steep, 0, marked), (~steep, 1, marked.T)):
        first, run = start[chosen], (end - start)[chosen]
        low = np.minimum(first, first + run)[:, along] - ON_LINE_TOLERANCE
        high = np.maximum(first, first + run)[:, along] + ON_LINE_TOLERANCE
        side, line = _lines(np.ceil(low).clip(0), np.floor(high).clip(max=view.shape[0] - 1))
        length = run[side, along]
        # A point is a side of no length.
        part = np.divide(line - first[side, along], length, out=np.zeros(len(side)), where=length != 0)
        across = first[side, 1 - along] + part.clip(0, 1) * run[side, 1 - along]
        nearest = np.rint(across)
        hit = (np.abs(across - nearest) <= ON_LINE_TOLERANCE) & (nearest >= 0) & (nearest < view.shape[1])
        view[line[hit], nearest[hit].astype(np.intp)] = True
    return marked


def _lines(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every whole number from low to high of each side: the side's index and the number."""
    counts = (high - low + 1).clip(0).astype(np.intp)
    side = np.repeat(np.arange(len(counts)), counts)
    first = np.repeat(counts.cumsum() - counts, counts)
    return side, (low[side] + np.arange(len(side)) - first).astype(np.intp)
