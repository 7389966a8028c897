"""The formats in which a stranger's mask may come, each read in memory bounded by the exam's grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO

from bmseg.errors import InputError
from bmseg.untrusted.compressed import ZIP_ERRORS, unreadable
from bmseg.untrusted.header import ExamGrid
from bmseg.untrusted.listing import ENDING
from bmseg.untrusted.mask import ReadMask, judged_mask, read_submitted_mask
from bmseg.untrusted.metaimage import metaimage_in
from bmseg.untrusted.nrrd import read_nrrd

#: Of masks' files; the first is what people are asked for.
ENDINGS = (ENDING, ".nii", ".mha", ".nrrd")


def exam_of(name: str) -> str:
    """The name of a mask's file without its ending."""
    return next((name.removesuffix(ending) for ending in ENDINGS if name.endswith(ending)), name)


def read_any_mask(
    stream: IO[bytes], size: int, path: Path, grid: ExamGrid, labels: Sequence[int]
) -> ReadMask:
    """Read a mask of a declared size in bytes, by its name's ending; `path` names it and is not opened."""
    if path.name.endswith((ENDING, ".nii")):
        return read_submitted_mask(stream, size, path, grid, labels)
    try:
        data = stream.read(size + 1)
    except (*ZIP_ERRORS, OSError) as error:
        return ReadMask(None, [unreadable(error)], [])
    if len(data) != size:
        more = "more" if len(data) > size else "fewer"
        return ReadMask(None, [f"found {more} bytes than were listed; make the submission again"], [])
    read = metaimage_in if path.name.endswith(".mha") else read_nrrd
    try:
        return judged_mask(read(data, path, grid), path, grid, labels)
    except InputError as error:
        # The file is named already.
        return ReadMask(None, [str(error).removeprefix(f"{path.name}: ")], [])
