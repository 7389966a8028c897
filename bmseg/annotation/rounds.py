"""What is known of the rounds of a workspace: plain files, read and written here.

Layout below ``<workspace>/annotation``::

    annotation.json                    seed, study, versions
    lineage.csv                        a row a segmented exam: where its mask came from
    rounds.csv  rounds.md              what `bmseg annotate status` prints
    start/accepted/<exam>.nii.gz       masks that `bmseg annotate start` was given
    round01/round.json                 settings, exams, what the model was trained on, hashes
    round01/images/  proposals/        what the reader opens, with README.txt and label files
    round01/corrected/                 where the reader saves
    round01/accepted/<exam>.nii.gz     masks as they became training exams
    round01/changes.csv  effort.csv    what the reader changed
    round01/disagreement.csv           of every unread exam, where the networks chose
    round01/training/                  a workspace of its own: nnUNet_raw, _preprocessed, _results

lineage.csv decides what is accepted. What follows from it, the training exams of the main data set, is
made again by `Annotation.settle` where a call was killed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from bmseg.errors import InputError
from bmseg.outputs import locked, read_record, write_record
from bmseg.outputs.provenance import file_hash, files_hash
from bmseg.wording import command
from bmseg.workspace import Workspace, open_workspace
from dataset_conversion.files import atomic_path
from dataset_conversion.images import read_own
from dataset_conversion.raw.dataset import FILE_ENDING, RawDataset
from dataset_conversion.raw.segmented import add_segmented, image_of, unread_exams

#: Columns of lineage.csv, in order. Hashes are SHA-256 of files; a model's are of its checkpoints.
LINEAGE = [
    "exam", "round", "chosen", "disagreement", "model", "checkpoints_sha256", "image_sha256",
    "proposal_sha256", "corrected_sha256", "mask_sha256", "unchanged", "accepted_at",
]  # fmt: skip

#: States of a round, in order.
BEGUN, PROPOSED, ACCEPTED = "begun", "proposed", "accepted"


class Round:
    """The folder of one round, by its number; round 0 is the start."""

    def __init__(self, annotation: Path, number: int) -> None:
        self.number = number
        self.folder = folder = annotation / (f"round{number:02d}" if number else "start")
        #: Copies of the exams' images and pre-drawn masks, for the reader to open, and where she saves.
        self.images, self.proposals = folder / "images", folder / "proposals"
        self.corrected = folder / "corrected"
        #: The workspace in which the round's model is trained.
        self.training = folder / "training"
        #: Masks as the models of this round and of the one before draw them; not for the reader.
        self._predictions = self.training / "predictions"
        self.originals, self.earlier_masks = self._predictions / "proposals", self._predictions / "earlier"
        #: Tables with a row an exam and level, an exam, and an unread exam.
        self.changes, self.effort = folder / "changes.csv", folder / "effort.csv"
        self.disagreement = folder / "disagreement.csv"

    def committee(self, fold: object) -> Path:
        """Masks of all unread exams by one fold's network."""
        return self._predictions / f"fold_{fold}"

    def original(self, exam: str) -> Path:
        """One of `originals`."""
        return self.originals / f"{exam}{FILE_ENDING}"

    def earlier(self, exam: str) -> Path:
        """One of `earlier_masks`."""
        return self.earlier_masks / f"{exam}{FILE_ENDING}"

    def accepted(self, exam: str) -> Path:
        """A mask as it became a training exam's."""
        return self.folder / "accepted" / f"{exam}{FILE_ENDING}"

    def read(self) -> dict[str, Any]:
        """round.json."""
        return read_record(self.folder / "round.json")

    def write(self, record: dict[str, Any]) -> None:
        """Write round.json."""
        write_record(self.folder / "round.json", record)

    @property
    def state(self) -> str:
        """One of "begun", "proposed", "accepted"; empty before."""
        return str(self.read().get("state", ""))

    @property
    def exams(self) -> list[str]:
        """The exams that the reader corrects, sorted."""
        return list(self.read().get("exams", []))


class Annotation:
    """The rounds of one workspace, with the paths of annotation.json and lineage.csv."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.study = workspace, workspace.study
        self.record_path = workspace.annotation / "annotation.json"
        self.lineage_path = workspace.annotation / "lineage.csv"

    @property
    def dataset(self) -> RawDataset:
        """The main data set."""
        return self.workspace.dataset

    @property
    def record(self) -> dict[str, Any]:
        """What annotation.json holds."""
        return read_record(self.record_path)

    @property
    def seed(self) -> int:
        """Of folds, choices and trainings."""
        return int(self.record["seed"])

    @property
    def synthetic(self) -> bool:
        """Whether the exams are those of the synthetic cohort."""
        return bool(self.record.get("synthetic"))

    def command(self, *words: str) -> str:
        """A command on these rounds, to paste as it stands."""
        return command("annotate", *words, workspace=self.workspace.root)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes (else a WorkError) from the rounds; what a killed call left is done first."""
        folder = self.workspace.annotation
        with locked(folder / ".lock", str(folder), wait=False):
            if self.record.get("started"):
                self.settle()
            yield

    def round(self, number: int) -> Round:
        """A round by its number; 0 is the start."""
        return Round(self.workspace.annotation, number)

    def rounds(self) -> list[Round]:
        """The rounds that were begun, in order."""
        found: list[Round] = []
        while (one := self.round(len(found) + 1)).state:
            found.append(one)
        return found

    def proposed_round(self, number: int | None = None) -> Round:
        """A round whose masks are pre-drawn: the last one, or that of a number; an InputError without one."""
        rounds = self.rounds()
        place = len(rounds) if number is None else number
        if 1 <= place <= len(rounds) and rounds[place - 1].state != BEGUN:
            return rounds[place - 1]
        which = "proposed round" if number is None else f"proposed round {number}"
        raise InputError(
            f"{self.workspace.annotation}: found no {which}, expected one; run first: "
            f"{self.command('propose')}"
        )

    def lineage(self) -> pd.DataFrame:
        """lineage.csv, columns `LINEAGE` as text and ``round`` as number; empty where there is none yet."""
        if not self.lineage_path.is_file():
            return pd.DataFrame(columns=LINEAGE).astype({"round": int})
        return read_own(self.lineage_path, [name for name in LINEAGE if name != "round"])

    def add_lineage(self, rows: Sequence[dict[str, Any]]) -> None:
        """Accept exams, with their images' hash and the time; those that are there already stay as is.

        Masks lie in their round's folder before.
        """
        before, channels = self.lineage(), self.dataset.spec.channels
        known, time = set(before.exam), datetime.now(UTC).isoformat(timespec="seconds")
        new = [
            {
                **row,
                "image_sha256": files_hash(
                    {one: image_of(self.dataset, row["exam"], one) for one in channels}
                ),
                "accepted_at": time,
            }
            for row in rows
            if row["exam"] not in known
        ]
        if new:
            added = pd.DataFrame(new, columns=LINEAGE)
            table = added if before.empty else pd.concat([before, added.astype(object)], ignore_index=True)
            with atomic_path(self.lineage_path) as temporary:
                table.to_csv(temporary, index=False)

    def unread(self) -> list[str]:
        """Exams that nobody has segmented yet, sorted."""
        return sorted(set(unread_exams(self.dataset).exam) - set(self.lineage().exam))

    def training_mask(self, exam: str) -> Path:
        """The mask on which the main data set trains."""
        return self.dataset.mask_path(exam, "training", self.dataset.spec.training_reader)

    def settle(self) -> None:
        """Make training exams of the main data set of all that is accepted; does nothing where they are."""
        rows = self.lineage().itertuples()
        masks = {row.exam: self.round(row.round).accepted(row.exam) for row in rows}
        there = {exam: mask for exam, mask in masks.items() if mask.is_file()}
        # Not for the hours of a round: others may plan and train meanwhile.
        with self.workspace.data_held():
            add_segmented(self.dataset, there, seed=self.seed)

    def check_masks(self) -> None:
        """Refuse (InputError) to train on masks that are not the accepted ones, but changed or missing."""
        for row in self.lineage().itertuples():
            path = self.training_mask(row.exam)
            if not path.is_file() or file_hash(path) != row.mask_sha256:
                found = "another mask" if path.is_file() else "no mask"
                raise InputError(
                    f"{path}: found {found}, expected the one that {self.lineage_path.name} says was "
                    "accepted; put it back"
                )


def open_annotation(root: Path | str) -> Annotation:
    """The rounds of the workspace in a folder; an InputError when there is none or none were begun."""
    annotation = Annotation(open_workspace(root)[0])
    if not annotation.record.get("started"):
        raise InputError(
            f"{annotation.record_path}: found no rounds, expected some; begin with: "
            f"{annotation.command('start')}"
        )
    return annotation
