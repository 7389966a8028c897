"""What each reader looked at: elsewhere nobody knows whether that reader would have marked anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bmseg.errors import InputError
from bmseg.outputs.provenance import file_hash
from bmseg.scoring.masks import Files, list_masks, masks_hash
from bmseg.scoring.regions import read_region
from bmseg.study import Study
from dataset_conversion.images import Volume, as_number, read_table
from evaluation.masks.exam import slice_axis
from evaluation.masks.reading import MaskError, check_grid
from evaluation.statistics.words import plural
from evaluation.study import Design

_COLUMNS = ["exam", "reader", "first", "last"]


@dataclass(frozen=True)
class Drawn:
    """Where readers drew; of who is in neither, everywhere."""

    #: Reader to exam to a file that is 1 where the reader drew and 0 elsewhere.
    regions: Files = field(default_factory=dict)
    #: Exam and reader to the first and last slice drawn, counted from 0 along the axis of the mask's file.
    slices: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    #: The file that the slices were read from.
    table: Path | None = None

    def checked(self, drew: Files) -> Drawn:
        """The same for those who drew an exam; `drew` is of readers.

        An InputError names a reader or exam that is not there, and a folder that lacks an exam.
        """
        for reader in self.regions:
            _check("drawn", "reader", reader, drew)
        for exam, reader in self.slices:
            _check(str(self.table), "reader", reader, drew)
            _check(f"{self.table}: {reader}", "exam", exam, drew[reader])
        for reader, found in self.regions.items():
            if missing := [exam for exam in drew[reader] if exam not in found]:
                raise InputError(
                    f"drawn: {reader}: found no region of exam {', '.join(missing)}, expected one of every "
                    "exam that the reader drew"
                )
        regions = {reader: {exam: of[exam] for exam in drew[reader]} for reader, of in self.regions.items()}
        return replace(self, regions=regions)

    @property
    def facts(self) -> dict[str, Any]:
        """For a record: the hash of the table, and of each reader's regions; nothing where all was drawn."""
        of_table = {"slices": file_hash(self.table)} if self.table else {}
        hashes = of_table | {reader: masks_hash(of) for reader, of in self.regions.items()}
        return {"drawn_sha256": hashes} if hashes else {}

    def of_exam(self, exam: str) -> Drawn:
        """The same of one exam alone."""
        regions = {reader: {exam: of[exam]} for reader, of in self.regions.items() if exam in of}
        slices = {key: of for key, of in self.slices.items() if key[0] == exam}
        return replace(self, regions=regions, slices=slices)

    def __bool__(self) -> bool:
        return bool(self.regions or self.slices)

    def said(self, design: Design) -> Design:
        """A design with a label for what was not drawn, that of what is ignored or one that no level has."""
        spare = next(value for value in range(255, 0, -1) if value not in design.labels)
        return replace(design, ignore=design.ignore or spare, undrawn=True)

    def with_undrawn(
        self, study: Study, exam: str, masks: Mapping[str, Volume], value: int
    ) -> dict[str, Volume]:
        """The masks of an exam, with a value where their reader did not draw.

        A MaskError where a reader marked something there, nothing was drawn, or a region cannot be read.
        """
        return {reader: self._of(study, exam, reader, mask, value) for reader, mask in masks.items()}

    def _of(self, study: Study, exam: str, reader: str, mask: Volume, value: int) -> Volume:
        drawn = self._where(study, exam, reader, mask)
        if drawn is None:
            return mask
        if n := int(np.count_nonzero(mask.array[~drawn])):
            raise MaskError(
                f"{mask.source or exam}: found {plural(n, 'voxel')} marked where {reader} is said not to "
                "have drawn, expected none; correct what is said of it, or the mask"
            )
        if not drawn.any():
            raise MaskError(f"exam {exam}: {reader}: found nothing drawn, expected some; leave the mask out")
        wanted = np.result_type(mask.array, np.min_scalar_type(value))
        return replace(mask, array=np.where(drawn, mask.array, value).astype(wanted))

    def _where(self, study: Study, exam: str, reader: str, mask: Volume) -> np.ndarray | None:
        parts = []
        if path := self.regions.get(reader, {}).get(exam):
            region = read_region(path, mask)
            check_grid(region, mask)
            parts.append(region.array == 1)
        if (exam, reader) in self.slices:
            first, last = self.slices[exam, reader]
            axis = slice_axis(mask.grid, study.plane)
            n = mask.array.shape[axis]
            if last >= n:
                raise MaskError(
                    f"{self.table}: exam {exam}: {reader}: last: found slice {last + 1}, expected one of {n} "
                    f"({study.plane})"
                )
            if mask.axis_order[axis] not in (mask.own_order or mask.axis_order):
                # The file has its slices the other way round.
                first, last = n - 1 - last, n - 1 - first
            along = np.arange(n).reshape([-1 if place == axis else 1 for place in range(3)])
            parts.append(np.broadcast_to((along >= first) & (along <= last), mask.array.shape))
        return np.logical_and.reduce(parts) if parts else None


#: Every reader drew all of every exam.
EVERYWHERE = Drawn()


def read_drawn(folders: Mapping[str, Path], table: Path | None) -> Drawn:
    """Of folders of region masks by reader, and a table of slices.

    The table has a row an exam and reader: ``exam, reader, first, last``, slices counted from 1 as viewers
    do along the file's own axis. An InputError names a row that is no range of slices or comes twice.
    """
    regions = {reader: list_masks(folder) for reader, folder in folders.items()}
    slices: dict[tuple[str, str], tuple[int, int]] = {}
    rows = read_table(table) if table else None
    if rows is not None and (lacking := [name for name in _COLUMNS if name not in rows]):
        raise InputError(f"{table}: found no column {', '.join(lacking)}, expected {', '.join(_COLUMNS)}")
    for number, row in enumerate(rows.to_dict("records") if rows is not None else (), start=1):
        where = f"{table}: row {number}"
        first, last = (as_number(row[name]) or 0 for name in ("first", "last"))
        if int(first) != first or int(last) != last or not 1 <= first <= last:
            raise InputError(
                f"{where}: first, last: found '{row['first']}', '{row['last']}', expected two slices counted "
                "from 1, the first not behind the last"
            )
        key = row["exam"], row["reader"]
        if key in slices:
            raise InputError(f"{where}: found {' of '.join(key[::-1])} twice, expected once")
        slices[key] = int(first) - 1, int(last) - 1
    return Drawn(regions, slices, table)


def _check(where: str, what: str, found: str, known: Iterable[str]) -> None:
    if found not in known:
        raise InputError(f"{where}: {what}: found '{found}', expected one of {', '.join(known)}")
