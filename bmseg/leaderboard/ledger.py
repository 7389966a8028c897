"""The ledger of a board: what happened to its submissions, in a chain of hashes.

Every event is two lines: one before the record is written, with the hash that it will have, and one behind
it; a process that is killed between them leaves a board that still verifies. A line holds the hash of the
line before, so that none can be taken out, changed or put in without all later ones being written anew: who
keeps the last hash (the page shows it) can see that too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from bmseg.leaderboard.challenge import Record
from bmseg.outputs import provenance
from bmseg.study import in_one_line
from dataset_conversion.files import atomic_path

LEDGER_FILE = "ledger.jsonl"
#: Of the board's own record of the readers.
REFERENCE = ""
_FIRST = "0" * 64
_Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Line(Record):
    """One line: before (``will``) or behind (``did``) the writing of a record."""

    n: int
    date: str
    #: As of a submission's history, or ``begun``, ``completed``.
    event: str
    #: The submission, or `REFERENCE`.
    key: str
    state: Literal["will", "did"]
    #: Of the record's file.
    record_sha256: _Hash
    previous: _Hash
    sha256: _Hash


def ledger_lines(root: Path) -> tuple[list[Line], list[str]]:
    """The lines of a board's ledger, and what breaks its chain; no lines where there is no ledger."""
    path = root / LEDGER_FILE
    if not path.is_file():
        return [], []
    lines: list[Line] = []
    faults: list[str] = []
    for place, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        try:
            line = Line.model_validate_json(text)
        except (ValidationError, RecursionError) as error:
            reason = in_one_line(error) if isinstance(error, ValidationError) else "nested too deep"
            return lines, [*faults, f"{path}: line {place}: {reason}"]
        previous = lines[-1].sha256 if lines else _FIRST
        if (line.n, line.previous, line.sha256) != (place, previous, _hash(line.model_dump())):
            faults.append(f"{path}: line {place}: found a line that does not follow from the one before")
        lines.append(line)
    return lines, faults


def head(root: Path) -> str:
    """The hash of the last line; empty where there is no ledger."""
    lines, _ = ledger_lines(root)
    return lines[-1].sha256 if lines else ""


def now() -> str:
    """The time as histories have it, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@contextmanager
def noted(root: Path, event: str, key: str, date: str, record_sha256: str) -> Iterator[None]:
    """Note that a record is written in the block; only by whoever holds the board's lock."""
    _append(root, event, key, date, "will", record_sha256)
    yield
    _append(root, event, key, date, "did", record_sha256)


def ledger_faults(root: Path, records: Mapping[str, Path]) -> list[str]:
    """What the records of a board and its ledger do not say alike.

    `records` are key to file, `REFERENCE` among them.
    """
    lines, faults = ledger_lines(root)
    path = root / LEDGER_FILE
    if not lines:
        return faults
    allowed: dict[str, set[str]] = {}
    for line in lines:
        # Until it is said that a record was written, the earlier one may still be there.
        before = allowed.get(line.key, {""}) if line.state == "will" else set()
        allowed[line.key] = before | {line.record_sha256}
    for key, file in records.items():
        found = provenance.file_hash(file) if file.is_file() else ""
        if key not in allowed:
            faults.append(f"{file}: found a record that {path.name} does not know")
        elif found not in allowed[key]:
            what = "another record" if found else "no record"
            faults.append(f"{file}: found {what} than {path.name} has the hash of")
    for key in allowed:
        if key not in records and "" not in allowed[key]:
            faults.append(f"{path}: {key}: found no such submission, expected one: it was taken away")
    return faults


def _append(root: Path, event: str, key: str, date: str, state: str, record_sha256: str) -> None:
    path = root / LEDGER_FILE
    # Lines that are there stay as they are, byte for byte; the chain is looked through by `ledger_faults`.
    written = path.read_bytes() if path.is_file() else b""
    before = written.decode("utf-8", "replace").splitlines()
    try:
        previous = Line.model_validate_json(before[-1]).sha256 if before else _FIRST
    except (ValidationError, RecursionError):
        lines, _ = ledger_lines(root)
        previous = lines[-1].sha256 if lines else _FIRST
    values = {
        "n": len(before) + 1,
        "date": date,
        "event": event,
        "key": key,
        "state": state,
        "record_sha256": record_sha256,
        "previous": previous,
    }
    line = json.dumps(values | {"sha256": _hash(values)}) + "\n"
    with atomic_path(path) as temporary:
        temporary.write_bytes(written + line.encode())


def _hash(values: Mapping[str, object]) -> str:
    return provenance.value_hash({name: value for name, value in values.items() if name != "sha256"})
