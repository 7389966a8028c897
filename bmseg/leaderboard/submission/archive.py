"""List a ZIP of masks by its directory; its entries are read in memory, never extracted."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from bmseg.leaderboard.submission.files import ENDING, SubmittedFile
from bmseg.untrusted.zip_entries import entry_fault, opened_zip, overlapping


@contextmanager
def listed_zip(path: Path) -> Iterator[list[SubmittedFile]]:
    """The entries of a ZIP, by name, to be opened while it is open.

    Raises
    ------
    zipfile.BadZipFile
        When it is no ZIP, or one whose directory cannot be read.
    """
    with opened_zip(path) as archive:
        yield sorted(_listed(archive), key=lambda file: file.name)


def _listed(archive: zipfile.ZipFile) -> Iterator[SubmittedFile]:
    shared = overlapping(archive)
    for place, info in enumerate(archive.infolist()):
        name = info.orig_filename
        file = SubmittedFile(
            name, info.file_size, entry_fault(info, folders=True), partial(_opened, archive, info)
        )
        if file.fault:
            yield file
        elif name.endswith("/"):
            if not _may_be_folder(name):
                yield replace(file, fault="found a folder, expected masks at the top or in one folder")
        elif place in shared:
            yield replace(file, fault="found contents that reach into what follows, expected its own")
        else:
            yield file


def _may_be_folder(name: str) -> bool:
    """Zip programs list folders too: one around the masks, and what macOS adds."""
    inside = name.rstrip("/").split("/")
    return inside[0] == "__MACOSX" or (len(inside) == 1 and not inside[0].endswith(ENDING))


@contextmanager
def _opened(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[BinaryIO]:
    with archive.open(info) as stream:
        yield cast(BinaryIO, stream)
