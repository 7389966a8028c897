"""Pixels to polygons: closed lines along the borders of pixels, the way back from `contours.rasterise`."""

from __future__ import annotations

import numpy as np

# Steps of a line between corners of pixels, (row, column), each the right turn of the one before it.
_STEPS = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])


def outlines(mask: np.ndarray) -> list[np.ndarray]:
    """Closed lines around the pixels of a slice and around the holes in them.

    The even-odd rule gives the same pixels back, since no pixel's centre lies on a line. Pixels that touch
    at a corner alone are two parts. No line crosses itself or another.

    Parameters
    ----------
    mask : array of bool, shape (rows, columns)

    Returns
    -------
    list of array, shape (points, 2)
        Row and column of each corner in pixels, whole numbers at pixel centres; the last corner is joined to
        the first. Around pixels clockwise as an image is seen, around holes the other way.

    Examples
    --------
    >>> outlines(np.array([[1, 1], [0, 0]], dtype=bool))[0].tolist()
    [[-0.5, 1.5], [0.5, 1.5], [0.5, -0.5], [-0.5, -0.5]]
    """
    here = np.pad(np.asarray(mask, dtype=bool), 1)
    above, left = here[:-1, 1:], here[1:, :-1]
    diagonal, below_right = here[:-1, :-1], here[1:, 1:]
    # Whether a border leaves a corner to the right, down, to the left or up, with the pixel on its right.
    leaves = np.stack([below_right & ~above, left & ~below_right, diagonal & ~left, above & ~diagonal])
    direction, row, column = np.nonzero(leaves)
    number = np.full(leaves.shape, -1)
    number[leaves] = np.arange(len(direction))
    end_row, end_column = row + _STEPS[direction, 0], column + _STEPS[direction, 1]
    # A right turn where there is one: at a corner that two pixels share it stays with its own.
    following = np.full(len(direction), -1)
    turned = np.zeros(len(direction), dtype=int)
    for turn in (3, 0, 1):
        onward = (direction + turn) % 4
        candidate = number[onward, end_row, end_column]
        following = np.where(candidate >= 0, candidate, following)
        turned = np.where(candidate >= 0, turn, turned)
    return _loops(following, turned != 0, np.column_stack([end_row, end_column]) - 0.5)


def _loops(following: np.ndarray, is_corner: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """Every closed chain of borders, as the places where it turns."""
    onward, seen = following.tolist(), np.zeros(len(following), dtype=bool)
    loops = []
    for first in range(len(onward)):
        if seen[first]:
            continue
        chain = [first]
        while (border := onward[chain[-1]]) != first:
            chain.append(border)
        seen[chain] = True
        loops.append(ends[[border for border in chain if is_corner[border]]])
    return loops
