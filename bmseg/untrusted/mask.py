"""Read one mask of a submission from bytes that nobody vouches for.

The header is judged first, and says how many bytes follow; they are read, scaled and compared with the labels
in pieces of a megabyte. What a file claims or swells to therefore takes no memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from nibabel.volumeutils import apply_read_scaling

from bmseg.untrusted.compressed import Bounded, BoundedGzip, BoundedPlain, DamagedError
from bmseg.untrusted.header import LARGEST_EXTENSIONS, LARGEST_HEADER, ExamGrid, MaskHeader, read_header
from dataset_conversion.images import Volume

_PIECE = 1 << 20
#: Of the widest type that is accepted.
_VOXEL_BYTES = 8
_MOST_VALUES = 1000
_NAMED_VALUES = 5


@dataclass(frozen=True)
class ReadMask:
    """What became of one file; ``mask`` is None where there is a fault."""

    mask: Volume | None
    faults: list[str]
    notices: list[str]


def most_stored(grid: ExamGrid) -> int:
    """The most bytes that the gzipped file of a mask on a grid can have, in reason."""
    whole = LARGEST_HEADER + LARGEST_EXTENSIONS + _VOXEL_BYTES * grid.n_voxels
    return whole + whole // 100 + (1 << 16)


def read_submitted_mask(
    stream: IO[bytes], size: int, path: Path, grid: ExamGrid, labels: Sequence[int]
) -> ReadMask:
    """Read a NIfTI mask of a declared size in bytes; `path` names it and is not opened.

    It is gzipped, unless its name ends in .nii. Voxels are what nibabel gives: scaled by the header's slope,
    on its sform (or qform where it has none).
    """
    faults: list[str] = []
    notices: list[str] = []
    tally = _Tally(labels)
    try:
        gzip = BoundedPlain(stream, size) if path.name.endswith(".nii") else BoundedGzip(stream, size)
        header = read_header(gzip, grid)
        faults += header.faults
        notices += header.notices
        voxels = _read_voxels(gzip, header, grid, tally)
        faults += tally.faults()
        if gzip.read(1):
            raise DamagedError("found bytes after the last voxel, expected none; export it again")
    except DamagedError as error:
        faults.append(str(error))
    if faults:
        return ReadMask(None, faults, notices)
    return ReadMask(Volume(voxels.reshape(grid.size, order="F"), header.affine, str(path)), [], notices)


def judged_mask(volume: Volume, path: Path, grid: ExamGrid, labels: Sequence[int]) -> ReadMask:
    """What `read_submitted_mask` says of a mask of the grid's size that was read from another format."""
    tally = _Tally(labels)
    found = np.zeros(volume.array.size, dtype=np.uint8)
    tally.sort(volume.array.ravel(order="F"), found)
    if faults := grid.faults_of(volume.affine) + tally.faults():
        return ReadMask(None, faults, [])
    return ReadMask(Volume(found.reshape(grid.size, order="F"), volume.affine, str(path)), [], [])


def _read_voxels(gzip: Bounded, header: MaskHeader, grid: ExamGrid, tally: _Tally) -> np.ndarray:
    """Labels in the order of the file, shape (n_voxels,)."""
    if len(gzip.read(header.skip)) < header.skip:
        raise DamagedError("found no voxel: cut short; send the file again")
    width, total = header.dtype.itemsize, grid.n_voxels
    labels = np.zeros(total, dtype=np.uint8)
    step = _PIECE // width
    for start in range(0, total, step):
        size = min(step, total - start)
        piece = gzip.read(size * width)
        if len(piece) < size * width:
            raise DamagedError(
                f"found {start + len(piece) // width} voxels, expected {total}: cut short; send it again"
            )
        with np.errstate(all="ignore"):
            values = apply_read_scaling(np.frombuffer(piece, header.dtype), header.slope, header.inter)
        tally.sort(values, labels[start : start + size])
    return labels


class _Tally:
    """Counts the values that are no labels."""

    def __init__(self, labels: Sequence[int]) -> None:
        self._labels = labels
        self._infinite = 0
        self._strange: Counter[float] = Counter()
        self._more = 0

    def sort(self, values: np.ndarray, labels: np.ndarray) -> None:
        """Fill in the labels of some voxels, and count the others."""
        known = np.zeros(len(values), dtype=bool)
        for label in self._labels:
            here = values == label
            labels[here] = label
            known |= here
        if known.all():
            return
        strange = values[~known]
        finite = np.isfinite(strange)
        self._infinite += int(len(strange) - finite.sum())
        different, counts = np.unique(strange[finite], return_counts=True)
        # Noise has as many values as voxels: only the frequent ones are told apart.
        frequent = np.argsort(-counts, kind="stable")[:_MOST_VALUES]
        self._more += int(counts.sum() - counts[frequent].sum())
        for value, count in zip(different[frequent].tolist(), counts[frequent].tolist(), strict=True):
            self._strange[value] += count

    def faults(self) -> list[str]:
        """What was found, the most frequent values first."""
        expected = f"expected {', '.join(map(str, self._labels))}"
        faults = []
        if self._infinite:
            faults.append(f"label: found no finite number in {_voxels(self._infinite)}, {expected}")
        if self._strange:
            named = self._strange.most_common(_NAMED_VALUES)
            rest = self._more + self._strange.total() - sum(count for _, count in named)
            found = [f"{value:g} in {_voxels(count)}" for value, count in named]
            found += [f"others in {_voxels(rest)}"] if rest else []
            faults.append(f"label: found {', '.join(found)}, {expected}; correct the mask")
        return faults


def _voxels(count: int) -> str:
    return f"{count} voxel{'' if count == 1 else 's'}"
