"""The board on disk: plain files that a repository keeps well, and what two people may do to them at once.

::

    <board>/
        challenge.toml study.toml exams.json reference.json readers.csv readers_ways.csv ledger.jsonl
        results/<team>/<submission>/{submission.toml,dice.csv,ways.csv}
        readers_measures.csv measures.csv           beside readers.csv and dice.csv, where tasks are not Dice
        masks/<team>/<submission>/<exam>.nii.gz     the organiser's own copy, which git is told to ignore
        site/

A submission's folder is written under another name and renamed once it is whole, so that whatever stops a
process leaves the board as it was before or as it is after.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from bmseg.errors import InputError, WorkError
from bmseg.leaderboard import ledger
from bmseg.leaderboard.challenge import (
    CHALLENGE_FILE,
    CONTRACT_FILE,
    Challenge,
    Contract,
    load_challenge,
    read_contract,
)
from bmseg.leaderboard.entries import ENTRY_FILE, Entry, read_entry
from bmseg.leaderboard.kept import check_rows, read_scores
from bmseg.leaderboard.measuring import COLUMNS as MEASURES
from bmseg.leaderboard.scoring import COLUMNS, Reference, consensus_names
from bmseg.leaderboard.ways import COLUMNS as WAYS
from bmseg.leaderboard.ways import MASK
from bmseg.outputs import locked, provenance, read_record
from bmseg.outputs.provenance import record_text
from bmseg.study import Study, in_one_line, load_study
from dataset_conversion.files import write_text

STUDY_FILE = "study.toml"
READERS_FILE = "readers.csv"
READERS_WAYS_FILE = "readers_ways.csv"
READERS_MEASURES_FILE = "readers_measures.csv"
DICE_FILE = "dice.csv"
WAYS_FILE = "ways.csv"
MEASURES_FILE = "measures.csv"
#: How the folders begin that are being written; a killed process may leave one.
STAGING = ".partial-"
REFERENCE_FILE = "reference.json"
#: What git is told to leave out.
IGNORED = "# Masks are the teams' and the organiser's; locks and half-written folders are nobody's.\n" + (
    "/masks/\n.lock*\n.partial*\n"
)


class _ReferenceRecord(BaseModel):
    """What the readers' masks and scores were."""

    model_config = ConfigDict(extra="allow")

    masks_sha256: dict[str, str]
    readers_sha256: str
    readers_ways_sha256: str = ""
    readers_measures_sha256: str = ""
    tolerances: dict[str, float] = {}
    tolerance_notices: list[str] = []
    consensus_rule: str
    seed: int
    versions: dict[str, str]


@dataclass(frozen=True)
class Board:
    """An open board."""

    root: Path
    study: Study
    challenge: Challenge
    contract: Contract

    @classmethod
    def open(cls, root: Path) -> Board:
        """Open the board in a folder; raises `InputError` where there is none, or a file breaks a rule."""
        if not (root / CHALLENGE_FILE).is_file():
            raise InputError(f"{root}: found no board, expected one made by 'bmseg leaderboard init'")
        study = load_study(root / STUDY_FILE)
        contract = read_contract(root)
        if tuple(contract.labels) != study.label_values:
            raise InputError(
                f"{root / CONTRACT_FILE}: labels: found {contract.labels}, expected "
                f"{list(study.label_values)} as in {STUDY_FILE}; restore the files"
            )
        board = cls(root, study, load_challenge(root, study), contract)
        if board.challenge.ranking.yardstick == "fair" and len(board.readers) == 1:
            raise InputError(
                f"{root / CHALLENGE_FILE}: ranking.yardstick: found fair with one reader, expected usual: "
                "without that reader there is no consensus"
            )
        return board

    @property
    def results(self) -> Path:
        """A folder a team, and in it one a submission."""
        return self.root / "results"

    @property
    def site(self) -> Path:
        """The page."""
        return self.root / "site"

    def site_of(self, day: str = "") -> Path:
        """The page, or that of the board as of a day (2026-11-29), beside it."""
        return self.root / f"site-{day}" if day else self.site

    @property
    def reference(self) -> dict[str, Any]:
        """What the readers' masks were: ``masks_sha256`` a reader, ``readers_sha256`` of the scores.

        Empty where there is no record of it; raises `WorkError` where it is damaged.
        """
        path = self.root / REFERENCE_FILE
        if not path.is_file():
            return {}
        try:
            return _ReferenceRecord.model_validate(read_record(path)).model_dump(exclude_unset=True)
        except ValidationError as error:
            raise WorkError(f"{path}: {in_one_line(error)}; restore the file") from None

    def record(self, facts: Mapping[str, Any], date: str, files: Mapping[str, str]) -> None:
        """Write files, name to text, and add to `reference` what it says of them; by who holds the lock."""
        text = record_text(self.reference | dict(facts))
        with self.noted("completed", ledger.REFERENCE, date, text):
            for name, content in files.items():
                write_text(self.root / name, content)
            write_text(self.root / REFERENCE_FILE, text)

    @property
    def readers(self) -> list[str]:
        """The readers whose masks are the reference; none where reference.json is not there."""
        return list(self.reference.get("masks_sha256", {}))

    @property
    def teams(self) -> list[str]:
        """The teams that have a folder, sorted."""
        return sorted(path.name for path in self.results.glob("[!.]*") if path.is_dir())

    def folder(self, key: str) -> Path:
        """Where a submission's record and scores are."""
        return self.results / key

    def masks(self, key: str) -> Path:
        """Where a submission's masks are kept; they need not be there."""
        return self.root / "masks" / key

    def entries(self) -> list[Entry]:
        """Every submission that was ever added, oldest first; raises `InputError` of a damaged record."""
        entries = [read_entry(folder) for folder in self._folders()]
        return sorted(entries, key=lambda entry: (entry.history[0].date, entry.key))

    def find(self, key: str) -> Entry:
        """The submission of a key or, where it has one only, of a team; raises `InputError` otherwise."""
        entries = self.entries()
        found = [entry for entry in entries if key in (entry.key, entry.team)]
        if len(found) == 1:
            return found[0]
        known = ", ".join(entry.key for entry in found or entries)
        several = ", a team with several," if found else ","
        expected = f"one of {known}" if known else "one that was added: the board has none yet"
        raise InputError(f"submission: found {key!r}{several} expected {expected}")

    def dice(self, entry: Entry) -> pd.DataFrame:
        """A submission's scores; columns of `bmseg.leaderboard.scoring.COLUMNS`."""
        path = self.folder(entry.key) / DICE_FILE
        scores = read_scores(path, sha256=entry.dice_sha256)
        readers = self.readers
        names = self._names | {"left_out": consensus_names(readers)}
        check_rows(path, scores, names, whole=bool(readers))
        return scores

    def reader_scores(self) -> pd.DataFrame:
        """The readers' scores, of `bmseg.leaderboard.scoring.score_readers`."""
        path, readers = self.root / READERS_FILE, self.readers
        scores = read_scores(path, [*COLUMNS, "rater"], sha256=self.reference.get("readers_sha256", ""))
        if readers:
            names = {"rater": readers, "left_out": consensus_names(readers)}
            check_rows(path, scores, self._names | names)
        return scores

    def ways(self, entry: Entry) -> pd.DataFrame | None:
        """A submission's Dice by other ways, `bmseg.leaderboard.ways.COLUMNS`; None on an earlier board."""
        if not entry.ways_sha256:
            return None
        path = self.folder(entry.key) / WAYS_FILE
        ways = read_scores(path, WAYS, sha256=entry.ways_sha256)
        if len(ways):
            names = {"rule": {*ways.rule, MASK}, "reader": self.readers}
            check_rows(path, ways, self._names | names, whole=True)
        return ways

    def reader_ways(self) -> pd.DataFrame | None:
        """Those of the readers, of `bmseg.leaderboard.ways.score_readers_ways`."""
        known = self.reference.get("readers_ways_sha256")
        if not known:
            return None
        path, readers = self.root / READERS_WAYS_FILE, self.readers
        ways = read_scores(path, [*WAYS, "rater"], sha256=known)
        names = {"rater": readers, "rule": {*ways.rule}, "reader": readers}
        check_rows(path, ways, self._names | names)
        return ways

    @property
    def _names(self) -> dict[str, Collection[str]]:
        """What may stand in every table of scores."""
        return {"exam": self.contract.exams.keys(), "level": self.study.level_names}

    def measures(self, entry: Entry) -> pd.DataFrame:
        """A submission by measures beside Dice, `bmseg.leaderboard.measuring.COLUMNS`; empty without any."""
        path = self.folder(entry.key) / MEASURES_FILE
        if not entry.measures_sha256:
            return pd.DataFrame(columns=MEASURES)
        return read_scores(path, MEASURES, sha256=entry.measures_sha256)

    def reader_measures(self) -> pd.DataFrame:
        """Those of the readers, of `bmseg.leaderboard.measuring.score_readers_measures`."""
        known = self.reference.get("readers_measures_sha256")
        if not known:
            return pd.DataFrame(columns=[*MEASURES, "rater"])
        return read_scores(self.root / READERS_MEASURES_FILE, MEASURES, sha256=known)

    def check_tolerances(self) -> None:
        """Refuse, by an `InputError`, where a task needs tolerances that the contract lacks."""
        of_level = [task.level for task in self.challenge.ranking.tasks if task.measure.deferred]
        if lacking := [level for level in of_level if level not in self.contract.tolerances]:
            told = "no two readers marked it in one exam: take it from the weights in challenge.toml"
            if "tolerances" not in self.reference:
                told = "'bmseg leaderboard init' fixes them from the readers' masks"
            raise InputError(
                f"{self.root / CONTRACT_FILE}: tolerances: found none of {', '.join(lacking)}, expected "
                f"those that nsd@readers is scored with; {told}"
            )

    def lock(self) -> AbstractContextManager[None]:
        """Keep others from changing the board."""
        return locked(self.root / ".lock", str(self.root))

    def records(self) -> dict[str, Path]:
        """Every record that the ledger knows: that of the readers, and by its key that of a submission."""
        entries = {f"{path.parent.name}/{path.name}": path / ENTRY_FILE for path in self._folders()}
        return {ledger.REFERENCE: self.root / REFERENCE_FILE} | entries

    def _folders(self) -> list[Path]:
        """Those of the submissions, sorted."""
        return [path for path in sorted(self.results.glob("[!.]*/[!.]*")) if path.is_dir()]

    @contextmanager
    def noted(self, event: str, key: str, date: str, text: str) -> Iterator[None]:
        """Note in the ledger that a record, whose file will hold a text, is written in the block.

        Only by whoever holds the lock. The ledger of an earlier board begins with what is there.
        """
        if not (self.root / ledger.LEDGER_FILE).is_file():
            for known, path in self.records().items():
                with ledger.noted(self.root, "begun", known, date, provenance.file_hash(path)):
                    pass
        with ledger.noted(self.root, event, key, date, provenance.text_hash(text)):
            yield

    def check_reference(self, reference: Reference) -> None:
        """Refuse, by an `InputError`, readers' masks other than those that the board was made with."""
        expected = self.reference.get("masks_sha256", {})
        found = masks_hashes(reference)
        if found != expected:
            differing = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
            raise InputError(
                f"{self.root}: readers' masks: found others of {', '.join(differing)} than the board was "
                "made with, expected the same; make a new board with --board"
            )


def masks_hashes(reference: Reference) -> dict[str, str]:
    """Reader to one SHA-256 of all the reader's mask files."""
    return {
        reader: provenance.files_hash({exam: files[reader] for exam, files in reference.files.items()})
        for reader in reference.readers
    }
