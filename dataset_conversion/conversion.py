"""Convert exams one by one: go on past a refused exam, skip what is done, list what failed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dataset_conversion.exam import Exam, Split
from dataset_conversion.files import write_text
from dataset_conversion.raw_dataset import RawDataset
from dataset_conversion.volume import ConversionError


@dataclass(frozen=True)
class PendingExam:
    """An exam that a source can load.

    Parameters
    ----------
    identifier, split, facts
        As in `Exam`.
    fingerprint : str
        Changes when the source files or the options do.
    load : callable
        Reads the exam; raises `ConversionError` when it cannot be used.
    """

    identifier: str
    split: Split
    facts: Mapping[str, Any]
    fingerprint: str
    load: Callable[[], Exam]


@dataclass
class ConversionReport:
    """What became of every exam.

    Parameters
    ----------
    converted, skipped : list of str
        Identifiers written now, and found already made from the same source.
    failures : dict of str to str
        Identifier to the reason for refusal.
    unused_masks : int
        Masks of training exams by other readers than the training reader: checked for nothing and not
        used.
    removed : list of Path
        Files of exams that are not in the cohort any more.
    """

    converted: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    unused_masks: int = 0
    removed: list[Path] = field(default_factory=list)


def convert(dataset: RawDataset, exams: Sequence[PendingExam], *, seed: int) -> ConversionReport:
    """Write exams into a data set and finish it when none was refused.

    An exam that is refused does not stop the others. With any refusal the data set stays unfinished (no
    dataset.json), so nothing trains on part of a cohort; called again, only what is missing is done.

    Raises
    ------
    ConversionError
        When the folder holds the synthetic cohort, or the data set as a whole breaks a rule (see
        `RawDataset.finish`).
    """
    if (dataset.folder / "phantom.json").is_file():
        raise ConversionError(
            f"{dataset.folder}: found a synthetic cohort, expected none; convert into another workspace"
        )
    ledger_path = dataset.folder / ".conversion.json"
    ledger = _read_ledger(ledger_path)
    report = ConversionReport()
    for pending in tqdm(exams, desc="convert", unit="exam", disable=None):
        if ledger.get(pending.identifier) == pending.fingerprint:
            report.skipped.append(pending.identifier)
            continue
        dataset.reopen()
        try:
            exam = pending.load()
            dataset.add(exam)
        except ConversionError as error:
            report.failures[pending.identifier] = str(error)
            continue
        report.unused_masks += len(exam.masks) - len(dataset.masks_kept(exam))
        report.converted.append(pending.identifier)
        ledger[pending.identifier] = pending.fingerprint
        write_text(ledger_path, json.dumps(ledger, indent=1))
    if not report.failures:
        rows = [{"exam": e.identifier, "split": e.split, **e.facts} for e in exams]
        report.removed = dataset.finish(rows, seed=seed)
    return report


def _read_ledger(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}
