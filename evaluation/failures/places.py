"""Where in an exam does a rater fail: on peripheral slices, outside the region that is to be marked?

Voxels are read once an exam, by `slice_counts` and `marking_outside`; the rest is arithmetic on the counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from evaluation.failures.covariates import with_holm
from evaluation.masks.exam import ExamMasks
from evaluation.masks.reading import MaskError
from evaluation.measures.parts import is_peripheral
from evaluation.statistics.intervals import StatisticsError, mean_interval
from evaluation.statistics.signed_rank import hodges_lehmann, signed_rank

#: Columns of `slice_counts`, in order.
COLUMNS = [
    "exam", "rater", "level", "slice", "position", "is_peripheral", "tp", "fp", "fn", "voxel_ml",
]  # fmt: skip
#: Columns of `slice_profile`, in order.
PROFILE_COLUMNS = [
    "rater", "level", "position", "dice", "low", "high", "reference_ml", "fp_ml", "fn_ml", "n_exams",
]  # fmt: skip
#: Columns of `peripheral_against_central`, in order.
PARTS_COLUMNS = [
    "rater", "level", "peripheral", "central", "difference", "low", "high", "coverage", "p", "p_holm",
    "n_pairs", "n_left_out",
]  # fmt: skip
#: Columns of `marking_outside`, in order.
OUTSIDE_COLUMNS = ["exam", "rater", "level", "n_outside", "n_marked", "ml_outside", "share"]

_COUNTS = ["tp", "fp", "fn"]


def slice_counts(masks: ExamMasks, levels: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """Right and wrong voxels of every rater and level (or group, with its mask values), slice by slice.

    Returned are `COLUMNS`: ``slice`` is the index in the array; ``position`` the middle of the slice
    between the outer faces of the first (0) and last (1) slice that holds marrow or anybody's marking, in
    the direction of `evaluation.masks.exam.ENDS`; peripheral are the outer quarters, position below 1/4 or
    above 3/4; voxels ``tp, fp, fn``. No rows where nothing is marked.
    """
    order = masks.order
    n = len(order)
    places = np.arange(n)
    shared = {
        "slice": order,
        "position": (2 * places + 1) / (2 * n) if n else places,
        "is_peripheral": is_peripheral(places, 0, n),
    }
    tables = []
    for rater, mask in masks.raters.items():
        together = _by_slice(mask, masks.reference, masks.slice_axis)[order]
        every = np.arange(together.shape[1])
        for level, values in levels.items():
            chosen = np.isin(every, list(values))
            n_rater, n_reference = (together.sum(axis=place)[:, chosen].sum(axis=1) for place in (2, 1))
            tp = together[:, chosen][:, :, chosen].sum(axis=(1, 2))
            counts = {"tp": tp, "fp": n_rater - tp, "fn": n_reference - tp}
            tables.append(pd.DataFrame({"rater": rater, "level": level, **shared, **counts}))
    found = pd.concat(tables, ignore_index=True).assign(exam=masks.exam, voxel_ml=masks.grid.voxel_ml)
    return found[COLUMNS]


def _by_slice(mask: np.ndarray, reference: np.ndarray, axis: int) -> np.ndarray:
    """Voxels by slice and label in mask and reference; those that neither marks are not counted."""
    where = np.nonzero((mask != 0) | (reference != 0))
    labels = mask[where].astype(np.intp), reference[where].astype(np.intp)
    n = 1 + max((int(each.max()) for each in labels if each.size), default=0)
    shape = mask.shape[axis], n, n
    cells = np.ravel_multi_index((where[axis], *labels), shape)
    return np.bincount(cells, minlength=int(np.prod(shape))).reshape(shape)


def slice_profile(counts: pd.DataFrame, *, bins: int = 8, confidence: float = 0.95) -> pd.DataFrame:
    """Dice and false volume along the slices, exams pooled, of the `slice_counts` of all exams.

    `bins` are equal parts of the relative position: a positive multiple of four (else a StatisticsError),
    or a bin is both peripheral and central. The interval is the jackknife's over exams (t): approximate.

    Returned are `PROFILE_COLUMNS`: ``position`` is the middle of the bin, ``dice`` of all its voxels;
    volumes are means over exams; ``n_exams`` have marking in the bin. Dice is NaN where nobody marked, and
    its bounds where fewer than two exams have marking.
    """
    if bins < 4 or bins % 4:
        raise StatisticsError(f"bins: found {bins}, expected a multiple of 4, so that quarters are bins")
    # A rater who drew some of the exams has means over these.
    counts, n_exams = counts.reset_index(drop=True), counts.groupby("rater").exam.nunique()
    ml = counts[_COUNTS].mul(counts.voxel_ml, axis=0).add_suffix("_ml")
    placed = counts.join(ml).assign(bin=np.minimum((counts.position * bins).astype(int), bins - 1))
    by = ["rater", "level", "bin", "exam"]
    # In ml, so that exams with other voxels are pooled by what they measure.
    sums = placed.groupby(by)[["tp_ml", "fp_ml", "fn_ml"]].sum()
    there: dict[tuple, list[int]] = {}
    for place, (*which, _) in enumerate(sums.index):
        there.setdefault(tuple(which), []).append(place)
    columns = np.ascontiguousarray(sums.to_numpy().T)
    rows = []
    for rater, level in dict.fromkeys(zip(placed.rater, placed.level, strict=True)):
        for number in range(bins):
            by_exam = columns[:, there.get((rater, level, number), [])].T
            tp, fp, fn = by_exam.sum(axis=0) / n_exams[rater]
            dice, low, high, n = _pooled_dice(by_exam, confidence)
            rows.append((rater, level, (number + 0.5) / bins, dice, low, high, tp + fn, fp, fn, n))
    return pd.DataFrame(rows, columns=PROFILE_COLUMNS)


def peripheral_against_central(counts: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Dice in the outer quarters of the slices against that in the inner half, paired by exam.

    Returned are `PARTS_COLUMNS`: ``peripheral`` and ``central`` are medians over exams of the Dice of all
    slices there; ``difference`` is peripheral minus central by Hodges and Lehmann; ``p`` is of Wilcoxon's
    exact test, ``p_holm`` for all levels of a rater.
    """
    by_part = counts.groupby(["rater", "level", "exam", "is_peripheral"], sort=False)[_COUNTS].sum()
    values = by_part.assign(value=_dice(by_part.to_numpy())).reset_index()
    return parts_compared(values, confidence=confidence)


def parts_compared(values: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """The same of any measure: columns ``exam, rater, level, is_peripheral, value``."""
    rows = []
    keys = ["rater", "level"]
    wide = values.pivot(index=[*keys, "exam"], columns="is_peripheral", values="value")
    both, places = wide.reindex(columns=[True, False]).to_numpy(float), wide.groupby(level=keys).indices
    for rater, level in dict.fromkeys(zip(values.rater, values.level, strict=True)):
        outer, inner = both[places[rater, level]].T
        differences = outer - inner
        found, test = hodges_lehmann(differences, confidence=confidence), signed_rank(differences)
        shift = (found.estimate, found.low, found.high, found.coverage)
        tested = (test.p, np.nan, test.n_pairs, test.n_left_out)
        rows.append((rater, level, _median(outer), _median(inner), *shift, *tested))
    return with_holm(pd.DataFrame(rows, columns=PARTS_COLUMNS))


def _median(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(np.median(defined)) if len(defined) else np.nan


def marking_outside(
    masks: ExamMasks, region: np.ndarray, levels: Mapping[str, Sequence[int]]
) -> pd.DataFrame:
    """How much each rater, and the reference, marked outside the region (of the masks' shape) to be marked.

    The region is such as of `evaluation.masks.metaphysis.allowed_region`. Returned are `OUTSIDE_COLUMNS`:
    voxels ``n_outside, n_marked``; ``share`` of the marked ones that are outside is NaN where nothing is
    marked. The reference is called ``reference``. A MaskError when the region is empty or of another shape
    than the masks, or a rater is called ``reference``.
    """
    masks.check_shape("region", region)
    if not region.any():
        raise MaskError(f"exam {masks.exam}: region: found no voxel, expected where marking is allowed")
    if "reference" in masks.raters:
        raise MaskError(f"exam {masks.exam}: rater 'reference': the name is taken; give it another")
    rows = []
    for rater, mask in {**masks.raters, "reference": masks.reference}.items():
        for level, values in levels.items():
            marked = np.isin(mask, list(values))
            n, n_outside = int(marked.sum()), int((marked & (region == 0)).sum())
            share = n_outside / n if n else np.nan
            rows.append((masks.exam, rater, level, n_outside, n, n_outside * masks.grid.voxel_ml, share))
    return pd.DataFrame(rows, columns=OUTSIDE_COLUMNS)


def _pooled_dice(by_exam: np.ndarray, confidence: float) -> tuple[float, float, float, int]:
    """Dice of all exams' tp, fp, fn (exams, 3) together, its jackknife interval, and exams with marking."""
    marked = by_exam[by_exam.sum(axis=1) > 0]
    n, total = len(marked), marked.sum(axis=0)
    if not n:
        return np.nan, np.nan, np.nan, 0
    dice = float(_dice(total))
    if n < 2:
        return dice, np.nan, np.nan, n
    pseudo = n * dice - (n - 1) * _dice(total - marked)
    spread = mean_interval(pseudo, confidence=confidence)
    half = (spread.high - spread.low) / 2
    return dice, max(0.0, dice - half), min(1.0, dice + half), n


def _dice(counts: np.ndarray) -> np.ndarray:
    """Dice of voxels or ml right, too much and missed, along the last axis; NaN of nothing."""
    tp, fp, fn = np.moveaxis(counts, -1, 0)
    with np.errstate(invalid="ignore"):
        return 2 * tp / (2 * tp + fp + fn)
