"""What came back from a workspace's reading room: files of scores, scores with names, Table 2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmseg.outputs import PROVENANCE, read_record
from bmseg.outputs.provenance import file_hash
from bmseg.reading_room.records import Key
from bmseg.reading_room.unblind import MEAN, UNBLINDED, vas_name
from bmseg.wording import synthetic_notes
from bmseg.workspace import Workspace
from evaluation.reading.vas import vas_table
from evaluation.reading.vas_scores import ScoreError, read_scores
from evaluation.statistics.words import plural
from evaluation.table import Table

#: Where files of scores, scores with names and tables are looked for, below the reading room's folder.
SCORES, READ, TABLE2 = "scores", "read", "table2"
# A scores file is small; whatever else lies there is not read.
_LARGEST = 5_000_000


@dataclass(frozen=True)
class Returned:
    """What lies below a reading room's folder of the page that it shows."""

    #: Files of scores of this page, and of them those in which a score is missing.
    scores: tuple[Path, ...] = ()
    incomplete: tuple[Path, ...] = ()
    #: Folders of `bmseg reading-room unblind`.
    read: tuple[Path, ...] = ()
    #: Whether the newest of them was made from all files of scores that lie there.
    is_current: bool = True


def returned(workspace: Workspace) -> Returned:
    """What readers sent back, as far as it lies below the workspace's reading room."""
    room = workspace.reading_room
    build = read_record(room / "key.json").get("build")
    if not build:
        return Returned()
    known = {path: read_record(path) for path in _small(room)}
    scores = {
        path: record
        for path, record in known.items()
        if record.get("kind") == "bmseg reading room scores" and record.get("build") == build
    }
    of_key = file_hash(room / "key.json")
    read = {
        path.parent: record
        for path, record in known.items()
        if path.name == PROVENANCE and record.get("kind") == UNBLINDED and _of_key(record) == of_key
    }
    folders = sorted(read, key=lambda folder: (folder / PROVENANCE).stat().st_mtime)
    hashes = {file_hash(path) for path in scores}
    taken = set(read[folders[-1]]["files_sha256"].values()) if folders else set()
    incomplete = [path for path, record in scores.items() if not record.get("complete")]
    return Returned(tuple(scores), tuple(incomplete), tuple(folders), not folders or hashes <= taken)


def _of_key(record: dict[str, Any]) -> object:
    files = record.get("files_sha256")
    return files.get("key") if isinstance(files, dict) and "inputs_sha256" in record else None


def _small(room: Path) -> Iterator[Path]:
    """JSON files below a room, but for what readers were given."""
    for pattern in ("*.json", "*/*.json", "*/*/*.json"):
        for path in sorted(room.glob(pattern)):
            hidden = any(part.startswith(".") for part in path.relative_to(room).parts)
            if not hidden and path.is_file() and path.stat().st_size <= _LARGEST:
                yield path


def tables2_of(workspace: Workspace) -> list[Table]:
    """Table 2 of every model, from the newest unblinded scores below the reading room; none without them.

    Of several readers who scored alone it is that of their mean; of one, or of several together, theirs.
    What cannot be read is left out: `bmseg reading-room unblind` says what is wrong with it.
    """
    try:
        return _tables2(workspace)
    except (ValueError, KeyError, OSError):
        return []


def _tables2(workspace: Workspace) -> list[Table]:
    vas = workspace.study.vas
    folders = returned(workspace).read
    if vas is None or not folders:
        return []
    key = Key.model_validate(read_record(workspace.reading_room / "key.json"))
    record = read_record(folders[-1] / PROVENANCE)
    readers = [name for name in record["files_sha256"] if name != "key"]
    tables = []
    for model in key.models:
        names = {vas_name(model, reader): reader for reader in [MEAN, *readers]}
        name = next((name for name in names if name in record["outputs"]), "")
        path = folders[-1] / name
        if not name or not path.is_file() or record["outputs"][name] != file_hash(path):
            continue
        try:
            scores = read_scores(path)
        except ScoreError:
            continue
        alone = f"Mean of {len(readers)} readers who scored alone: {', '.join(readers)}."
        who = alone if names[name] == MEAN else f"Scored by {names[name]}."
        exams = plural(len(scores.values), "exam")
        title = f"Table 2: {model} beside the consensus, visual analogue scale, {exams}"
        notes = [who, *synthetic_notes(workspace.is_synthetic)]
        tables.append(vas_table(scores, vas.acceptable_below, title=title, notes=notes))
    return tables
