"""List a folder of masks without following or opening anything in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from bmseg.leaderboard.submission.files import SubmittedFile

_MAC_FOLDER = "__MACOSX"
# Neither a link nor a pipe that was put there since the listing is followed or waited for.
_FLAGS = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
    _FLAGS |= getattr(os, _flag, 0)


def list_folder(folder: Path, most: int) -> list[SubmittedFile]:
    """The entries of a folder, by name; `most` + 1 of them where there are more.

    The folder itself may be a link, since the user named it; nothing below it may be one.

    Raises
    ------
    OSError
        When the folder cannot be listed.
    """
    with os.scandir(folder) as entries:
        listed = [_listed(entry) for entry in islice(entries, most + 1)]
    return sorted((file for file in listed if file), key=lambda file: file.name)


def _listed(entry: os.DirEntry[str]) -> SubmittedFile | None:
    status = entry.stat(follow_symlinks=False)
    kind = stat.S_IFMT(status.st_mode)
    fault = None
    if kind == stat.S_IFDIR:
        if entry.name == _MAC_FOLDER:
            return None
        fault = "found a folder, expected a mask; put the masks at the top of the submission"
    elif kind == stat.S_IFLNK:
        fault = "found a link, expected a plain file; put the file itself there"
    elif kind != stat.S_IFREG:
        fault = "found a pipe or device, expected a plain file"
    return SubmittedFile(entry.name, status.st_size, fault, partial(_opened, Path(entry.path)))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with os.fdopen(os.open(path, _FLAGS), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("no plain file any more")
        yield file
