"""Hostile submissions: made in a folder, and checked in a process of their own that measures itself.

``python -m tests.bmseg.leaderboard.submission.hostile FOLDER`` prints a JSON line on each source below it.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bmseg.errors import InputError
from bmseg.leaderboard.submission import check_submission
from tests.bmseg.leaderboard.submission.hostile_masks import CONTRACT, hostile_masks, mask
from tests.bmseg.leaderboard.submission.hostile_zips import FIRST, SECOND, hostile_zips

#: Above what Python, NumPy and nibabel take themselves.
MOST_MEMORY = 1 << 30


@dataclass(frozen=True)
class Verdict:
    """What a check said of a source, its processor seconds and the most memory that was held until then."""

    source: str
    refusal: str
    faults: list[str]
    masks: list[str]
    missing: list[str]
    seconds: float
    bytes: int


def make_all(folder: Path) -> dict[str, tuple[Path, str]]:
    """Make every hostile submission; returns name to source and to what must be said of it."""
    made = {}
    for number, (name, content, message) in enumerate(hostile_masks()):
        made[f"mask: {name}"] = (_folder(folder / f"mask{number:03d}", content), message)
    for number, (name, content, message) in enumerate(hostile_zips()):
        source = folder / f"zip{number:03d}.zip"
        source.write_bytes(content)
        made[f"zip: {name}"] = (source, message)
    for number, (name, (build, message)) in enumerate(_FOLDERS.items()):
        source = folder / f"folder{number:03d}"
        build(source)
        made[f"folder: {name}"] = (source, message)
    return made


def _folder(folder: Path, first: bytes | None = None) -> Path:
    """A folder with a sound second mask."""
    folder.mkdir()
    (folder / SECOND).write_bytes(mask())
    if first is not None:
        (folder / FIRST).write_bytes(first)
    return folder


def _with(make: Callable[[Path], object]) -> Callable[[Path], None]:
    """A folder in which something stands for the first mask."""

    def build(folder: Path) -> None:
        make(_folder(folder) / FIRST)

    return build


def _link_to_mask(path: Path) -> None:
    (path.parent.parent / "elsewhere.nii.gz").write_bytes(mask())
    path.symlink_to("../elsewhere.nii.gz")


def _socket(path: Path) -> None:
    # Its address may have 108 bytes only.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(path.name)
    finally:
        os.chdir(here)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _many(folder: Path) -> None:
    _folder(folder, mask())
    for number in range(200):
        (folder / f"{number}.txt").touch()


def _named(name: str | bytes) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        _folder(folder, mask())
        Path(os.fsdecode(os.path.join(os.fsencode(folder), os.fsencode(name)))).write_bytes(b"x")  # noqa: PTH118

    return build


def _large_zip(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


_FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "link to a mask": (_with(_link_to_mask), "found a link"),
    "link to a device": (_with(lambda path: path.symlink_to("/dev/zero")), "found a link"),
    "link to nothing": (_with(lambda path: path.symlink_to("nothing")), "found a link"),
    "link to itself": (_with(lambda path: path.symlink_to(path.name)), "found a link"),
    "pipe": (_with(os.mkfifo), "found a pipe or device"),
    "socket": (_with(_socket), "found a pipe or device"),
    "folder": (_with(Path.mkdir), "found a folder"),
    "sparse": (_with(_sparse), f"found {1 << 40} bytes, expected at most"),
    "many files": (_many, "found more than 104 files"),
    "control characters": (
        _named("\x1b]0;x\x07\n.nii.gz"),
        r"\x1b]0;x\x07\n.nii.gz: found no mask of a test",
    ),
    "right to left": (_named("\u202egz.iin"), r"\u202egz.iin: found no mask of a test exam"),
    "no Unicode": (_named(b"\xff\xfe.nii.gz"), r"\udcff\udcfe.nii.gz: found no mask of a test exam"),
    "script": (_named("conftest.py"), "found no mask of a test exam"),
    "source is a pipe": (os.mkfifo, "found a pipe or device"),
    "source is missing": (lambda path: path.symlink_to("nothing"), "no such file"),
    "source is a link to itself": (lambda path: path.symlink_to(path.name), "cannot be read"),
    "source is a device": (lambda path: path.symlink_to("/dev/zero"), "found a pipe or device"),
    "source is a terabyte": (_large_zip, "bytes, expected at most"),
    "nothing in it": (Path.mkdir, "found no mask, expected <exam>.nii.gz for 2 test exams"),
}


def check(source: Path) -> Verdict:
    """Check a source, measured."""
    start = time.process_time()
    refusal, faults, masks, missing = "", [], [], []
    try:
        checked = check_submission(source, CONTRACT)
        faults, masks, missing = (
            [str(fault) for fault in checked.faults],
            list(checked.masks),
            checked.missing,
        )
    except InputError as error:
        refusal = str(error)
    seconds = time.process_time() - start
    return Verdict(source.name, refusal, faults, masks, missing, seconds, _most_memory())


def _most_memory() -> int:
    """The most memory that was held, in bytes; ru_maxrss counts the process that started this one too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    _limit_memory()
    for path in sorted(Path(sys.argv[1]).iterdir()):
        if path.name[-1].isdigit() or path.suffix == ".zip":
            print(json.dumps(asdict(check(path))), flush=True)
