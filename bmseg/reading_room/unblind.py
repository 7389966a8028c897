"""Read a reading room's key and scores, and write what `bmseg vas` needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd
from pydantic import BaseModel, ValidationError

from bmseg.errors import InputError
from bmseg.outputs import provenance
from bmseg.outputs.records import read_record, write_record
from bmseg.reading_room import Key, ScoresFile, Unblinded, UnblindingError, unblind
from bmseg.study import in_one_line
from dataset_conversion.files import write_text
from evaluation.table import DASH, Table

_KIND = "bmseg reading room unblinded"
_Record = TypeVar("_Record", bound=BaseModel)


@dataclass(frozen=True)
class Written:
    """An unblinding on disk.

    Parameters
    ----------
    found : Unblinded
    tables : list of Path
        CSV files for `bmseg vas`.
    reliability : Table or None
        Of two or more independent readers.
    """

    found: Unblinded
    tables: list[Path]
    reliability: Table | None


def write_unblinded(key_file: Path, score_files: Sequence[Path], out: Path, *, unfinished: bool) -> Written:
    """Check key and scores, and write them with names.

    Files below `out`: ``vas_<model>_<reader>.csv`` (what `bmseg vas` reads; of independent readers also
    their mean), ``answers.csv``, ``comments.csv``, with two or more independent readers ``icc.csv`` and
    ``icc.md``, and provenance.json.

    Parameters
    ----------
    key_file : Path
    score_files : sequence of Path
        One a reader, or one of readers together.
    out : Path
    unfinished : bool
        Take files with missing scores.

    Raises
    ------
    InputError
        When a file is no key or no scores, they do not belong together, or scores are missing.
    """
    key = _read(key_file, Key, "the key of a reading room, key.json")
    files = {str(path): _read(path, ScoresFile, "the scores that the page saved") for path in score_files}
    if len(files) < len(score_files):
        raise InputError("SCORES: found a file named twice, expected each once")
    try:
        found = unblind(key, files, unfinished=unfinished)
    except UnblindingError as error:
        raise InputError(str(error)) from None
    texts = {
        f"vas_{model}_{reader}.csv": table.to_csv(index=False)
        for (model, reader), table in found.tables.items()
    }
    tables = [out / name for name in texts]
    texts |= {
        "answers.csv": found.answers.to_csv(index=False),
        "comments.csv": found.comments.to_csv(index=False),
    }
    reliability = _reliability_table(found.reliability) if len(found.reliability) else None
    if reliability:
        texts |= {"icc.csv": reliability.to_csv(), "icc.md": reliability.to_markdown()}
    _remove_earlier(out, texts)
    for name, text in texts.items():
        write_text(out / name, text)
    record = {
        "kind": _KIND,
        "versions": provenance.versions(),
        "machine": provenance.machine(),
        "build": key.build,
        "seed": key.seed,
        "inputs_sha256": {
            "key": provenance.file_hash(key_file),
            **{files[str(path)].reader: provenance.file_hash(path) for path in score_files},
        },
        "missing_scores": found.n_missing,
        "outputs": {name: provenance.file_hash(out / name) for name in texts},
    }
    write_record(out / "provenance.json", record)
    return Written(found, tables, reliability)


def _remove_earlier(out: Path, names: Iterable[str]) -> None:
    """Remove what an earlier call wrote and this one does not: other readers' tables, beside these."""
    earlier = read_record(out / "provenance.json")
    if earlier.get("kind") == _KIND:
        for name in set(earlier["outputs"]) - set(names):
            (out / name).unlink(missing_ok=True)


def _read(path: Path, kind: type[_Record], expected: str) -> _Record:
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file, expected {expected}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), expected {expected}") from None
    except ValidationError as error:
        raise InputError(f"{path}: found no file that fits, expected {expected}: {_short(error)}") from None


def _short(error: ValidationError) -> str:
    """The faults in one line, which a file of another kind may have by the hundred."""
    text = in_one_line(error)
    return text if len(text) <= 400 else text[:400] + " …"


def _reliability_table(reliability: pd.DataFrame) -> Table:
    shown = reliability[reliability.type == "ICC(2,1)"]
    rows = [
        [
            row.item,
            DASH if pd.isna(row.icc) else f"{row.icc:.2f}",
            DASH if pd.isna(row.low) else f"{row.low:.2f} to {row.high:.2f}",
            f"{row.n} of {row.n_masks}",
            str(row.k),
        ]
        for row in shown.itertuples()
    ]
    return Table(
        title="Agreement of independent readers: ICC(2,1)",
        columns=["Item", "ICC", "95 % interval", "masks", "readers"],
        rows=rows,
        notes=[
            "Two-way random, absolute agreement, single reader (Shrout and Fleiss 1979). Masks: those that "
            "every reader scored, of all shown; masks of one exam are not independent, so the interval is "
            "rather too narrow than too wide.",
            f"{DASH}: too few masks, or nothing varies.",
        ],
        data=reliability,
    )
