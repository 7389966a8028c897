"""What an audit found, as it is seen: the slice with most of it, the readers' votes and the consensus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from dataset_conversion.images import Grid
from evaluation.consensus.audit import Finding, concerned
from evaluation.consensus.audited import STUDY, YARDSTICK
from evaluation.consensus.ignored import paint_all
from evaluation.consensus.result import Consensus
from evaluation.consensus.votes import Votes
from evaluation.masks.exam import ExamMasks, slice_axis
from evaluation.study.design import Design

#: Kinds of finding that lie somewhere.
_SEEN = ("overruled", "one rater")
#: Pixels around it that are shown.
_MARGIN = 25


@dataclass(frozen=True, eq=False, repr=False)
class AuditPicture:
    """A slice, cropped to where most of a finding lies."""

    #: Which consensus, and what was found in it.
    consensus: str
    finding: Finding
    #: The slice's number, from 1.
    slice: int
    #: Label maps as seen, (rows, columns), of the readers and, last, of the consensus.
    masks: Mapping[str, np.ndarray]
    #: The voxels of the finding, bool.
    where: np.ndarray
    #: Height of a pixel divided by its width.
    aspect: float

    def __repr__(self) -> str:
        return f"<AuditPicture of {self.consensus}, slice {self.slice}: {self.finding.words}>"


def worst_picture(
    design: Design,
    masks: ExamMasks,
    votes: Votes,
    consensuses: Mapping[str, Consensus],
    audits: Mapping[str, Sequence[Finding]],
) -> AuditPicture | None:
    """The finding of most voxels among the study's consensus and the yardstick; None without any to see.

    `votes` are the readers'; `masks` hold theirs among others.
    """
    found = [
        (each, which) for which in (STUDY, YARDSTICK) for each in audits.get(which, ()) if each.kind in _SEEN
    ]
    if not found:
        return None
    finding, which = max(found, key=lambda one: one[0].voxels)
    consensus, arrays = consensuses[which], masks.raters
    n_ignored = masks.reference.size - votes.n_voxels
    concerns = concerned(consensus, finding, ordered=design.ordered)
    where = paint_all(arrays, votes, concerns, n_ignored)
    axis = masks.slice_axis
    others = tuple(place for place in range(3) if place != axis)
    number = int(np.count_nonzero(where, axis=others).argmax())
    painted = {rater: arrays[rater] for rater in votes.raters}
    painted["consensus"] = paint_all(arrays, votes, consensus.label, n_ignored)
    seen = {name: as_seen(masks.grid, masks.plane, array, number) for name, array in painted.items()}
    shown = as_seen(masks.grid, masks.plane, where, number)
    box = _around_largest(shown)
    return AuditPicture(
        consensus=which,
        finding=finding,
        slice=number + 1,
        masks={name: array[box] for name, array in seen.items()},
        where=shown[box],
        aspect=aspect_seen(masks.grid, masks.plane),
    )


def _around_largest(where: np.ndarray) -> tuple[slice, slice]:
    """The box of its largest connected part, and `_MARGIN` around."""
    parts, _ = scipy.ndimage.label(where)
    largest = np.argwhere(parts == np.bincount(parts[parts > 0]).argmax())
    low, high = np.maximum(largest.min(axis=0) - _MARGIN, 0), largest.max(axis=0) + _MARGIN + 1
    return slice(low[0], high[0]), slice(low[1], high[1])


def as_seen(grid: Grid, plane: str, array: np.ndarray, number: int) -> np.ndarray:
    """A slice (rows, columns) by its index: head or front above, the patient's right (or front) left."""
    down, across = _axes_seen(grid, plane)
    shown = np.take(array, number, axis=slice_axis(grid, plane))
    shown = shown if down < across else shown.T
    letters = grid.axis_order
    shown = shown[::-1] if letters[down] in "SA" else shown
    return shown[:, ::-1] if letters[across] in "RA" else shown


def aspect_seen(grid: Grid, plane: str) -> float:
    """Height of a pixel of `as_seen` divided by its width."""
    down, across = (grid.spacing[place] for place in _axes_seen(grid, plane))
    return float(down / across)


def _axes_seen(grid: Grid, plane: str) -> tuple[int, int]:
    """The array axes that run down and across a slice as it is seen."""
    one, two = (place for place in range(3) if place != slice_axis(grid, plane))
    upright = "AP" if plane == "axial" else "SI"
    return (one, two) if grid.axis_order[one] in upright else (two, one)
