"""Exams that were scored, a file each: what was stopped goes on from them, and many take little memory.

A file is named by the exam and by a hash of everything that it was scored from, so that it is found again
where that is the same and by nobody else. It is a ZIP with a member a part, read when it is asked for.
"""

from __future__ import annotations

import pickle
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bmseg.errors import WorkError
from bmseg.untrusted.pickled import unpickled
from dataset_conversion.files import atomic_path
from evaluation.study import ScoredExam
from evaluation.study.measured import Measured

# Below an evaluation's folder.
_FOLDER = ".scored"
# What reading a damaged ZIP ends with.
_DAMAGED = (OSError, EOFError, ValueError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error)
_MEASURED = "measured"
_FILES = "files"
_EXAM, _OF_MEASURED = ([each.name for each in fields(what)] for what in (ScoredExam, Measured))


@dataclass(frozen=True)
class Kept:
    """A folder of exams that were scored."""

    folder: Path

    @classmethod
    def below(cls, out: Path) -> Kept:
        """Of an evaluation's folder."""
        return cls(out / _FOLDER)

    def path(self, exam: str, key: str) -> Path:
        """The file of an exam that was scored from what a hash stands for; it need not be there."""
        return self.folder / f"{exam}.{key[:20]}.zip"

    def keep(self, path: Path, scored: ScoredExam, files: Mapping[str, bytes]) -> KeptExam:
        """Write an exam, and files that were made of it by their names."""
        parts = {name: getattr(scored, name) for name in _EXAM}
        if isinstance(scored.measured, Measured):
            # The largest part by far, of which little is asked for at a time.
            del parts[_MEASURED]
            parts |= {f"{_MEASURED}.{name}": getattr(scored.measured, name) for name in _OF_MEASURED}
        with (
            atomic_path(path) as temporary,
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        ):
            for name, part in parts.items():
                archive.writestr(name, pickle.dumps(part, protocol=5))
            for name, content in files.items():
                archive.writestr(zipfile.ZipInfo(f"{_FILES}/{name}"), content)
        return KeptExam(path)

    def is_whole(self, path: Path) -> bool:
        """Whether an exam's file is there and undamaged."""
        try:
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
        except _DAMAGED:
            return False

    def keep_only(self, exams: Iterable[ScoredExam]) -> None:
        """Remove what was scored from other inputs, and what a process that was stopped left half-written."""
        paths = {exam.path for exam in exams if isinstance(exam, KeptExam)}
        for path in set(self.folder.glob("*.zip")) - paths:
            path.unlink(missing_ok=True)


class KeptMeasured(Measured):
    """`Measured` of an exam's file; every part is read whenever it is asked for."""

    path: Path

    def __init__(self, path: Path) -> None:
        # A frozen data class has no other way.
        self.__dict__["path"] = path

    def __getattr__(self, name: str) -> Any:
        """Of an attribute that no instance has."""
        _check(name, _OF_MEASURED)
        return _read(self.path, f"{_MEASURED}.{name}")


class KeptExam(ScoredExam):
    """A `ScoredExam` in a file; every part but its name is read whenever it is asked for."""

    path: Path
    #: Whether it was there before.
    earlier: bool

    def __init__(self, path: Path, *, earlier: bool = False) -> None:
        self.__dict__.update(path=path, earlier=earlier)
        self.__dict__["name"] = _read(path, "name")

    def __getattr__(self, name: str) -> Any:
        """Of an attribute that no instance has."""
        _check(name, _EXAM)
        if name == _MEASURED and name not in _names(self.path):
            return KeptMeasured(self.path)
        return _read(self.path, name)

    @property
    def files(self) -> dict[str, bytes]:
        """The files that were made of it, by their names."""
        prefix = f"{_FILES}/"
        names = [name for name in _names(self.path) if name.startswith(prefix)]
        return {name.removeprefix(prefix): _content(self.path, name) for name in names}


def _check(name: str, known: Collection[str]) -> None:
    if name not in known:
        raise AttributeError(name)


def _names(path: Path) -> list[str]:
    with _opened(path, "its parts") as archive:
        return archive.namelist()


def _read(path: Path, name: str) -> Any:
    content = _content(path, name)
    try:
        return unpickled(content)
    except Exception as error:  # of damaged bytes any
        raise WorkError(f"{path}: {name}: {error}; remove the file, and run it again") from None


def _content(path: Path, name: str) -> bytes:
    with _opened(path, name) as archive:
        return archive.read(name)


@contextmanager
def _opened(path: Path, name: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (KeyError, *_DAMAGED) as error:
        raise WorkError(
            f"{path}: {name}: found nothing that can be read ({error}), expected what was kept of a scored "
            "exam; remove the file, and run it again"
        ) from None
