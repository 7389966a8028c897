"""List the files of a folder or ZIP from elsewhere, without following, opening or extracting anything."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

from bmseg.untrusted.compressed import entry_fault, opened_zip, overlapping

#: Of a mask's file.
ENDING = ".nii.gz"
#: What macOS adds to a ZIP, and leaves where it was unpacked.
MAC_FOLDER = "__MACOSX"
# Neither a link nor a pipe that was put there since the listing is followed or waited for.
_FLAGS = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
    _FLAGS |= getattr(os, _flag, 0)


@dataclass(frozen=True)
class SubmittedFile:
    """A file as its folder or ZIP lists it, unread."""

    name: str  # as it stands there, with "/" between folders; print it by `shown` only
    size: int  # bytes, as declared
    fault: str | None  # why it must not be opened
    open: Callable[[], AbstractContextManager[IO[bytes]]]

    @property
    def folder(self) -> str:
        """Folder within the submission; empty at its top."""
        return self.name.rpartition("/")[0]

    @property
    def base(self) -> str:
        """Name without its folder."""
        return self.name.rpartition("/")[2]


def shown(text: str, most: int = 160) -> str:
    r"""Text that may be printed: what does not print is escaped, as control characters; cut at `most`.

    >>> print(shown("mask\x1b[2J\u202e.nii.gz"))
    mask\x1b[2J\u202e.nii.gz
    """
    short = text if len(text) <= most else text[: most - 1] + "…"
    return "".join(
        mark if mark.isprintable() and mark != "\\" else mark.encode("unicode_escape").decode("ascii")
        for mark in short
    )


def list_folder(folder: Path, most: int, *, nested: bool = False) -> list[SubmittedFile]:
    """The entries of a folder, by name; `most` + 1 of them where there are more.

    The folder itself may be a link, since the user named it; nothing below it is followed. Nested, files in
    folders are listed too, as those of an unpacked ZIP; else a folder is a fault. Raises `OSError` where the
    folder cannot be listed.
    """
    listed = islice(_walked(folder, nested=nested), most + 1)
    return sorted((file for file in listed if file), key=lambda file: file.name)


def _walked(folder: Path, prefix: str = "", *, nested: bool) -> Iterator[SubmittedFile | None]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if nested and entry.is_dir(follow_symlinks=False):
                yield from _walked(Path(entry.path), f"{prefix}{entry.name}/", nested=True)
            else:
                yield _listed(entry, prefix)


def _listed(entry: os.DirEntry[str], prefix: str) -> SubmittedFile | None:
    status = entry.stat(follow_symlinks=False)
    kind = stat.S_IFMT(status.st_mode)
    fault = None
    if kind == stat.S_IFDIR:
        if entry.name == MAC_FOLDER:
            return None
        fault = "found a folder, expected a mask; put the masks at the top of the submission"
    elif kind == stat.S_IFLNK:
        fault = "found a link, expected a plain file; put the file itself there"
    elif kind != stat.S_IFREG:
        fault = "found a pipe or device, expected a plain file"
    return SubmittedFile(prefix + entry.name, status.st_size, fault, partial(_opened, Path(entry.path)))


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with os.fdopen(os.open(path, _FLAGS), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("no plain file any more")
        yield file


@contextmanager
def listed_zip(path: Path) -> Iterator[list[SubmittedFile]]:
    """A ZIP's entries by name, readable in memory meanwhile; raises `BadZipFile` of one that is damaged."""
    with opened_zip(path) as archive:
        yield sorted(_entries(archive), key=lambda file: file.name)


def _entries(archive: zipfile.ZipFile) -> Iterable[SubmittedFile]:
    shared = overlapping(archive)
    for place, info in enumerate(archive.infolist()):
        name, fault = info.orig_filename, entry_fault(info, folders=True)
        file = SubmittedFile(name, info.file_size, fault, partial(archive.open, info))
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
    return inside[0] == MAC_FOLDER or (len(inside) == 1 and not inside[0].endswith(ENDING))
