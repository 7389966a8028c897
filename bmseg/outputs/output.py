"""One way to put results in place: what a folder holds, what it was made from, what follows from it."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from os.path import lexists
from pathlib import Path, PurePosixPath
from typing import Any

from bmseg.errors import InputError, WorkError
from bmseg.outputs.locks import locked
from bmseg.outputs.provenance import file_hash, machine, read_record, value_hash, versions, write_record
from dataset_conversion.files import write_text

PROVENANCE = "provenance.json"
_STAGING = ".partial"
_LOCK = ".lock"
_NAMED = 3


@dataclass(frozen=True)
class Staged:
    """Results that are being made: files below `folder`, and facts for their record.

    `folder` is not where they will lie. Whatever is put into `facts` (of JSON types) stands in the record.
    """

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)
    #: Once all is in place: what is on record of it.
    record: dict[str, Any] = field(default_factory=dict)

    def write(self, name: str, text: str) -> None:
        """Write a text file below `folder`, the same bytes on every system."""
        write_text(self.folder / name, text)


@dataclass(frozen=True)
class Output:
    """A folder of results."""

    folder: Path
    #: What it holds, as ``atlas``; the record says so.
    kind: str
    #: Whether the folder may hold nothing else: one with other files and no record of the kind is
    #: refused. Otherwise files that are not in the record are left alone.
    exclusive: bool = False
    #: Patterns, below the folder, of what later steps make from these results: removed whenever these
    #: are replaced, so that no page stays beside newer scores.
    followers: tuple[str, ...] = ()
    #: Files that people put there or edit too: whoever writes them sees to it that nothing is lost.
    edited: tuple[str, ...] = ()
    #: Name of the record's file.
    record: str = PROVENANCE

    def read(self) -> dict[str, Any]:
        """The record of finished results; empty where there are none."""
        found = self._read()
        return found if isinstance(found.get("inputs_sha256"), str) else {}

    def made_from(self, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """The record, when the folder holds the unchanged results of the same inputs; None otherwise."""
        found = self.read()
        if found.get("inputs_sha256") != _hash(inputs):
            return None
        return None if self.changed() else found

    def differing(self, inputs: Mapping[str, Any]) -> list[str]:
        """Which of some inputs, and ``versions``, are others than on record; nothing without a record.

        For a look at what is cheap to know: `made_from` asks for all inputs, and looks at the results too.
        """
        found = self.read()
        now = {"versions": versions(), **inputs}
        return [name for name in now if found and found.get(name) != now[name]]

    def changed(self) -> list[str]:
        """Files of the record that are missing, or not what was written."""
        return [
            name
            for name, expected in self.read().get("outputs", {}).items()
            if not self._holds(name) or file_hash(self.folder / name) != expected
        ]

    def check(self, names: Collection[str] = ()) -> None:
        """InputError for a file, results of another kind, or any other file where it has to be exclusive.

        And for files of `names`, which are to be written, that are there and that no earlier run wrote.
        """
        # Asked once: where the folder goes meanwhile, it is none.
        if self.folder.is_file():
            raise InputError(f"{self.folder}: found a file, expected a folder; name another folder")
        there = read_record(self.folder / self.record).get("kind", self.kind)
        if there != self.kind and not self.exclusive:
            raise InputError(
                f"{self.folder}: found another command's results ({there}), expected a new folder or an "
                f"earlier {self.kind}; name another folder"
            )
        if self.exclusive and self._has_files() and not self._read():
            raise InputError(
                f"{self.folder}: found files and no {self.record} of {_a(self.kind)}, expected a new or "
                f"empty folder or an earlier {self.kind}; name another folder"
            )
        if foreign := self._foreign(names):
            more = f" and {len(foreign) - _NAMED} more" if len(foreign) > _NAMED else ""
            raise InputError(
                f"{self.folder}: found {', '.join(foreign[:_NAMED])}{more}, which no earlier {self.kind} on "
                "record wrote, expected nothing that results would overwrite; move it away, or name another "
                "folder"
            )

    @contextmanager
    def replaced(self, inputs: Mapping[str, Any]) -> Iterator[Staged]:
        """Make results beside the earlier ones, which go when the block ends without an error.

        The record goes first and comes last: ``kind``, versions, machine, the inputs and their hash, the
        facts, and the hash of every file. What stops this half-way leaves a record that says so, and the
        next run makes everything again. One process at a time; another waits.

        `inputs` are everything that shapes the results, of JSON types; versions need not be named.
        InputError when the folder is not one for these results (`check`).
        """
        self.check()
        staging = self.folder / self._own(_STAGING)
        with self._alone(str(self.folder)):
            # Who was waited for may have left results of another kind.
            self.check()
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(parents=True)
            staged = Staged(staging)
            try:
                yield staged
                self._put_in_place(staged, inputs)
            finally:
                shutil.rmtree(staging, ignore_errors=True)

    @contextmanager
    def kept(self, record: Mapping[str, Any]) -> Iterator[None]:
        """Keep others from replacing these results while something is made from them.

        WorkError when they are not those of a record, as `read` gave it, any more.
        """
        with self._alone(str(self.folder)):
            if self._read() != record:
                raise WorkError(
                    f"{self.folder}: found results that were replaced by another process meanwhile, expected "
                    "those that were read; run it again"
                )
            yield

    @contextmanager
    def resumed(self, inputs: Mapping[str, Any]) -> Iterator[None]:
        """For work that grows in place and goes on where it stopped: noted when the block ends well.

        InputError when it was made from other inputs before; names each that differs.
        """
        with self._alone(self.kind):
            found = self._read()
            if differing := [key for key in inputs if key in found and found[key] != inputs[key]]:
                was = ", ".join(f"{key}={found[key]}" for key in differing)
                expected = ", ".join(f"{key}={inputs[key]}" for key in differing)
                raise InputError(
                    f"{self.kind}: found the workspace made with {was}, expected {expected}; use another "
                    "--workspace or remove this one"
                )
            yield
            write_record(self.folder / self.record, self._about(inputs) | {"outputs": {}})

    def remove_followers(self) -> None:
        """Remove what later steps made from these results."""
        for pattern in self.followers:
            for path in self.folder.glob(pattern):
                path.unlink()

    def _put_in_place(self, staged: Staged, inputs: Mapping[str, Any]) -> None:
        files = sorted(path for path in staged.folder.rglob("*") if path.is_file())
        outputs = {path.relative_to(staged.folder).as_posix(): file_hash(path) for path in files}
        # Not all names are known before: figures are named as they are drawn.
        self.check(outputs)
        earlier = self._read().get("outputs", {})
        # Until all is in place the folder says of itself that it is not whole, and whose files it holds.
        unfinished = {"kind": self.kind, "outputs": dict.fromkeys([*earlier, *outputs], "")}
        write_record(self.folder / self.record, unfinished)
        self.remove_followers()
        for name in set(earlier) - set(outputs):
            self._remove(name)
        for name in outputs:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (staged.folder / name).replace(self.folder / name)
        write_record(self.folder / self.record, self._about(inputs) | staged.facts | {"outputs": outputs})
        staged.record.update(self._read())

    def _alone(self, what: str) -> AbstractContextManager[None]:
        return locked(self.folder / self._own(_LOCK), what)

    def _about(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        about = {"kind": self.kind, "versions": versions(), "machine": machine()}
        return about | dict(inputs) | {"inputs_sha256": _hash(inputs)}

    def _remove(self, name: str) -> None:
        """Remove an earlier result, and its folder if that is empty then; nothing outside the folder."""
        path, root = self.folder / name, self.folder.resolve()
        if self._holds(name):
            path.unlink()
            if path.parent.resolve() != root and not any(path.parent.iterdir()):
                path.parent.rmdir()

    def _holds(self, name: str) -> bool:
        """Whether a file lies in this folder: a record may have been written by anybody."""
        path = self.folder / name
        return path.is_file() and path.resolve().is_relative_to(self.folder.resolve())

    def _read(self) -> dict[str, Any]:
        found = read_record(self.folder / self.record)
        whole = isinstance(found.get("outputs", {}), dict)
        return found if found.get("kind") == self.kind and whole else {}

    def _foreign(self, names: Collection[str]) -> list[str]:
        """Files that are to be written, the record among them, and are there as somebody else's."""
        if not names:
            return []
        known, record = self._read(), self.folder / self.record
        places = {*names, *(PurePosixPath(name).parent.as_posix() for name in names)}
        written = {*self.edited, *known.get("outputs", {})}
        found = {
            name
            for name in places - written
            if lexists(self.folder / name) and (name in names or not (self.folder / name).is_dir())
        }
        if lexists(record) and "kind" not in read_record(record):
            found.add(self.record)
        if not known:
            followers = (path for pattern in self.followers for path in self.folder.glob(pattern))
            found |= {path.relative_to(self.folder).as_posix() for path in followers}
        return sorted(found)

    def _own(self, name: str) -> str:
        """A name of its own where several outputs share a folder."""
        return name if self.record == PROVENANCE else f"{name}-{Path(self.record).stem}"

    def _has_files(self) -> bool:
        return self.folder.is_dir() and any(
            not path.name.startswith((_LOCK, _STAGING)) for path in self.folder.iterdir()
        )


def _hash(inputs: Mapping[str, Any]) -> str:
    """Results of other versions are made anew."""
    return value_hash({"versions": versions(), **inputs})


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
