"""Addresses in a viewer of exams, and the slice to look at first."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

import numpy as np

from evaluation.masks.differing import difference

#: Where the viewer lies in the folder of an evaluation, and its page.
FOLDER, PAGE = "exams", "index.html"
#: What it was made from, beside the evaluation's own record.
RECORD = "exams.json"


def viewer_link(
    exam: str,
    slice: int | None = None,
    rater: str | None = None,
    level: str | None = None,
    *,
    folder: str = FOLDER,
) -> str:
    """The address of an exam in a viewer, relative to the page that links to it.

    Parameters
    ----------
    exam : str
        Case identifier.
    slice : int, optional
        From 1; by default the one on which the rater has most errors.
    rater : str, optional
        Who is compared; by default the viewer's first model.
    level : str, optional
        Name of a level or group; by default all levels together.
    folder : str
        Of the viewer, relative to the linking page; by default as seen from an evaluation's folder.

    Examples
    --------
    >>> viewer_link("knee_093", 7, "unet", "level2+3")
    'exams/index.html#exam=knee_093&slice=7&rater=unet&level=level2%2B3'
    """
    asked = {"exam": exam, "slice": slice, "rater": rater, "level": level}
    given = {name: value for name, value in asked.items() if value is not None}
    return f"{folder}/{PAGE}#{urlencode(given, quote_via=quote)}"


def worst_slice(mask: np.ndarray, reference: np.ndarray, levels: Sequence[int] = ()) -> int | None:
    """The slice, from 1, with most voxels on which a mask and its reference differ; the first of several.

    Label maps of shape (i, j, k), slices along k. `levels` are mask values, taken as one; without them a
    voxel of another level counts as well. None where they differ nowhere.

    Examples
    --------
    >>> reference = np.zeros((2, 2, 3), int)
    >>> reference[:, 0, 2] = 1
    >>> worst_slice(np.zeros_like(reference), reference), worst_slice(reference, reference)
    (3, None)
    """
    wrong = (difference(reference, mask, list(levels) or None) > 1).sum(axis=(0, 1))
    return int(wrong.argmax()) + 1 if wrong.any() else None
