"""Join the key with the scores that readers saved: what `bmseg vas` reads, comments, readers' agreement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel, ValidationError

from bmseg.errors import InputError
from bmseg.outputs import Output, provenance
from bmseg.reading_room.records import REFERENCE, Key, ScoresFile
from bmseg.study import in_one_line
from evaluation.reading.vas_scores import FACTS
from evaluation.statistics.icc import ICC_COLUMNS, icc
from evaluation.statistics.words import DASH, count_of, number
from evaluation.table import Table

#: Columns of the tables, in order.
ANSWER_COLUMNS = ["reader", "reading", "place", "exam", "origin", "item", "score"]
COMMENT_COLUMNS = ["reader", "place", "exam", "origin", "comment"]
RELIABILITY_COLUMNS = ["item", *ICC_COLUMNS, "n_masks"]

#: The name of the mean over independent readers, among readers.
MEAN = "mean"

#: The kind of what `write_unblinded` writes.
UNBLINDED = "bmseg reading room unblinded"

_Record = TypeVar("_Record", bound=BaseModel)


@dataclass(frozen=True)
class Unblinded:
    """Scores with their names."""

    #: `ANSWER_COLUMNS`, a row a reader, mask and item; ``score`` in cm, NaN where none was given.
    answers: pd.DataFrame
    #: `COMMENT_COLUMNS`, of the masks that have one.
    comments: pd.DataFrame
    #: Model and reader to what `evaluation.reading.vas_scores.read_scores` reads, a row an exam. Of two or
    #: more independent readers there is their mean too, under `MEAN`.
    tables: Mapping[tuple[str, str], pd.DataFrame]
    #: `RELIABILITY_COLUMNS`: intraclass correlations of independent readers over all masks, an item at a
    #: time; empty with fewer than two of them.
    reliability: pd.DataFrame
    #: Scores that were not given.
    n_missing: int

    @property
    def vas_tables(self) -> dict[str, pd.DataFrame]:
        """What `bmseg vas` reads, by file name."""
        names = {pair: vas_name(*pair) for pair in self.tables}
        counts = Counter(name.casefold() for name in names.values())
        if max(counts.values(), default=1) > 1:
            # Model m read by a_b, and model m_a read by b: told apart by their place.
            numbered = enumerate(self.tables, 1)
            names = {pair: f"vas_{place}_{pair[0]}_{pair[1]}.csv" for place, pair in numbered}
        return {name: self.tables[pair] for pair, name in names.items()}

    @property
    def agreement(self) -> Table | None:
        """How well independent readers agree; None with fewer than two of them."""
        if self.reliability.empty:
            return None
        shown = self.reliability[self.reliability.type == "ICC(2,1)"]
        rows = [
            [
                row.item,
                number(row.icc),
                DASH if pd.isna(row.low) else f"{number(row.low)} to {number(row.high)}",
                count_of(row.n, row.n_masks),
                str(row.k),
            ]
            for row in shown.itertuples()
        ]
        notes = [
            "Two-way random, absolute agreement, single reader (Shrout and Fleiss 1979). Masks: those that "
            "every reader scored, of all shown; masks of one exam are not independent, so the interval is "
            "rather too narrow than too wide.",
            f"{DASH}: too few masks, or nothing varies.",
        ]
        columns = ["Item", "ICC", "95 % interval", "masks", "readers"]
        return Table("Agreement of independent readers: ICC(2,1)", columns, rows, notes, self.reliability)

    def texts(self) -> dict[str, str]:
        """The files by name; `write_unblinded` says which."""
        tables = self.vas_tables | {"answers.csv": self.answers, "comments.csv": self.comments}
        texts = {name: table.to_csv(index=False) for name, table in tables.items()}
        if agreement := self.agreement:
            texts |= {"icc.csv": agreement.to_csv(), "icc.md": agreement.to_markdown()}
        return texts


def vas_name(model: str, reader: str) -> str:
    """The file of a model's and a reader's scores, for `bmseg vas`, where no other pair's has that name."""
    return f"vas_{model}_{reader}.csv"


def write_unblinded(
    key_file: Path, score_files: Sequence[Path], out: Path, *, unfinished: bool = False
) -> Unblinded:
    """Check key and scores (a file a reader, or one of readers together), and write them with names.

    Files below `out`: ``vas_<model>_<reader>.csv`` (what `bmseg vas` reads; of independent readers also
    their mean), ``answers.csv``, ``comments.csv``, with two or more independent readers ``icc.csv`` and
    ``icc.md``, and provenance.json. Files with missing scores are taken if `unfinished`. An InputError when
    a file is no key or no scores, they do not belong together, or scores are missing.
    """
    key = _read(key_file, Key, "the key of a reading room, key.json")
    files = {str(path): _read(path, ScoresFile, "the scores that the page saved") for path in score_files}
    if len(files) < len(score_files):
        raise InputError("SCORES: found a file named twice, expected each once")
    found = unblind(key, files, unfinished=unfinished)
    readers = {files[str(path)].reader: provenance.file_hash(path) for path in score_files}
    inputs = {
        "build": key.build,
        "seed": key.seed,
        "files_sha256": {"key": provenance.file_hash(key_file)} | readers,
        "unfinished": unfinished,
    }
    # What an earlier call wrote and this one does not goes with it: other readers' tables.
    with Output(out, UNBLINDED).replaced(inputs) as made:
        for name, text in found.texts().items():
            made.write(name, text)
        made.facts["missing_scores"] = found.n_missing
    return found


def unblind(key: Key, files: Mapping[str, ScoresFile], *, unfinished: bool = False) -> Unblinded:
    """Say whose the scored masks are.

    `files` are where each comes from, for messages, to what a reader or readers together gave. If
    `unfinished`, files with missing scores are taken too; they become empty cells and are counted. An
    InputError when a file belongs to another page, a reader comes twice, a mask or item is unknown, or
    scores are missing; it names every file, mask and item.
    """
    faults = [*_faults(key, files)]
    tables = {} if faults else {name: _answers(key, file) for name, file in files.items()}
    for name, table in tables.items():
        if not unfinished and (missing := _missing(table)):
            faults.append(
                f"{name}: found no score of {'; '.join(missing)}, expected all: load the file into the page "
                "and finish, or take it as it is with --unfinished"
            )
    if faults:
        raise InputError(" | ".join(faults))
    answers = pd.concat(tables.values(), ignore_index=True)
    alone = [file.reader for file in files.values() if file.reading == "alone"]
    by_reader = {reader: answers[answers.reader == reader] for reader in answers.reader.unique()}
    if len(alone) > 1:
        by_reader[MEAN] = _mean(answers[answers.reader.isin(alone)])
    return Unblinded(
        answers=answers,
        comments=_comments(key, files.values()),
        tables={
            (model, reader): _table(key, rows, model)
            for model in key.models
            for reader, rows in by_reader.items()
        },
        reliability=_reliability(key, answers[answers.reader.isin(alone)]),
        n_missing=int(answers.score.isna().sum()),
    )


def _faults(key: Key, files: Mapping[str, ScoresFile]) -> Iterator[str]:
    readers: dict[str, str] = {}
    for name, file in files.items():
        if file.build != key.build:
            yield (
                f"{name}: build: found scores of page {file.build[:12]}, expected {key.build[:12]}, the "
                "key's; give the key that was made with that page"
            )
            continue
        if file.reader in readers:
            yield (
                f"{name}: reader: found {file.reader} a second time (first {readers[file.reader]}), expected "
                "one file a reader; leave the older one out"
            )
        if file.reader == MEAN:
            yield f"{name}: reader: found '{MEAN}', expected another code: it stands for all readers' mean"
        readers[file.reader] = name
        for answer in file.answers:
            if answer.mask > len(key.masks):
                yield f"{name}: answers: found mask {answer.mask}, expected 1 to {len(key.masks)}"
            if unknown := sorted(set(answer.scores) - set(key.items)):
                yield (
                    f"{name}: mask {answer.mask}: found scores of {', '.join(unknown)}, expected some of "
                    f"{', '.join(key.items)}"
                )


def _answers(key: Key, file: ScoresFile) -> pd.DataFrame:
    """A row a mask and item of the page, whether it was scored or not."""
    given = {answer.mask: answer.scores for answer in file.answers}
    rows = [
        (file.reader, file.reading, place, mask.exam, mask.origin, item, given.get(place, {}).get(item))
        for place, mask in enumerate(key.masks, 1)
        for item in key.items
    ]
    return pd.DataFrame(rows, columns=ANSWER_COLUMNS).astype({"score": float})


def _missing(answers: pd.DataFrame) -> list[str]:
    """What a file lacks, a text a mask."""
    lacking = answers[answers.score.isna()].groupby("place").item.agg(", ".join)
    return [f"mask {place} ({items})" for place, items in lacking.items()]


def _comments(key: Key, files: Iterable[ScoresFile]) -> pd.DataFrame:
    rows = []
    for file in files:
        for answer in sorted(file.answers, key=lambda answer: answer.mask):
            if answer.comment.strip():
                mask = key.masks[answer.mask - 1]
                rows.append((file.reader, answer.mask, mask.exam, mask.origin, answer.comment.strip()))
    return pd.DataFrame(rows, columns=COMMENT_COLUMNS)


def _mean(answers: pd.DataFrame) -> pd.DataFrame:
    """The readers' mean score of every mask and item; NaN unless all readers gave one."""
    keys = ["place", "exam", "origin", "item"]
    means = answers.groupby(keys, sort=False).score.agg(lambda scores: scores.mean(skipna=False))
    return means.reset_index().assign(reader=MEAN, reading=MEAN)


def _table(key: Key, answers: pd.DataFrame, model: str) -> pd.DataFrame:
    """A row an exam, named and ordered as the exams are: facts, then both masks' scores by item."""
    scores = answers.set_index(["exam", "origin", "item"]).score
    rows = []
    for exam, facts in sorted(key.exams.items()):
        row: dict[str, object] = {"mask": exam} | {name: getattr(facts, name) for name in FACTS}
        for item in key.items:
            row[f"{item}_gt"] = scores[exam, REFERENCE, item]
            row[f"{item}_ai"] = scores[exam, model, item]
        rows.append(row)
    table = pd.DataFrame(rows)
    # A fact that is known of no exam is no column.
    return table.drop(columns=[name for name in FACTS if table[name].isna().all()])


def _reliability(key: Key, answers: pd.DataFrame) -> pd.DataFrame:
    """Intraclass correlations an item, over the masks that every reader scored."""
    if answers.reader.nunique() < 2:
        return pd.DataFrame(columns=RELIABILITY_COLUMNS)
    tables = []
    for item in key.items:
        wide = answers[answers.item == item].pivot(index="place", columns="reader", values="score")
        complete = wide.dropna()
        if len(complete) > 1:
            found = icc(complete.to_numpy())
        else:
            undefined = dict.fromkeys(("icc", "low", "high"), np.nan)
            found = pd.DataFrame([{"type": "ICC(2,1)", "n": len(complete), "k": wide.shape[1], **undefined}])
        tables.append(found.assign(item=item, n_masks=len(wide)))
    return pd.concat(tables, ignore_index=True)[RELIABILITY_COLUMNS]


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
