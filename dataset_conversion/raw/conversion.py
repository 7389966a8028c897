"""Convert exams side by side: go on past a refused exam, skip what is done, list what failed.

And the source that needs no program: NIfTI files, listed in a CSV table with a row an exam.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dataset_conversion.files import write_text
from dataset_conversion.images import ConversionError, read_volume
from dataset_conversion.mask_files.reading import Labels, read_mask
from dataset_conversion.parallel import run_each
from dataset_conversion.raw.cohort_table import CohortRow, check_training, read_cohort
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import IGNORE, DatasetSpec, Exam, Split, labelled_by


@dataclass(frozen=True)
class PendingExam:
    """An exam that a source can load; fields named as in `Exam` are what they are there."""

    identifier: str
    split: Split
    facts: Mapping[str, Any]
    #: Changes when the source files or the options do.
    fingerprint: str
    #: Reads the exam; raises `ConversionError` when it cannot be used. Sent to another process: a
    #: `functools.partial` of a module's function over plain data.
    load: Callable[[], Exam]


@dataclass
class ConversionReport:
    """What became of every exam; lists are in the order in which the exams were given."""

    #: Identifiers written now, and found already made from the same source.
    converted: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    #: Identifier to the reason for refusal.
    failures: dict[str, str] = field(default_factory=dict)
    #: Masks of training exams by other readers than the training reader.
    others_masks: int = 0
    #: Training exams without the training reader's mask, to the reader whose mask labelsTr has.
    labelled_by: dict[str, str] = field(default_factory=dict)
    #: Masks, each as "exam reader", that were brought from another axis order to that of their image.
    reordered: list[str] = field(default_factory=list)
    #: Masks, each as "exam reader", to the voxels that the reader was unsure of; without those of none.
    unsure: dict[str, int] = field(default_factory=dict)
    #: Files of exams that are not in the cohort any more.
    removed: list[Path] = field(default_factory=list)
    #: Whether the exams are without masks, so that they are no data set to train on.
    unread: bool = False

    def add(self, other: ConversionReport) -> None:
        """Take what became of another exam."""
        self.converted += other.converted
        self.failures |= other.failures
        self.others_masks += other.others_masks
        self.labelled_by |= other.labelled_by
        self.reordered += other.reordered
        self.unsure |= other.unsure


def convert(
    dataset: RawDataset, exams: Sequence[PendingExam], *, seed: int, processes: int | None = None
) -> ConversionReport:
    """Write exams into a data set and finish it when none was refused.

    An exam that is refused does not stop the others. With any refusal the data set stays unfinished (no
    dataset.json), so nothing trains on part of a cohort; called again, only what is missing is done.

    Exams of split "unread" have no masks: their images are written for readers to mask, apart from the
    data set, which stays as it is. Those that are not refused are listed in images/exams.csv.

    `seed` is that of the folds; `processes` is by default one a CPU core.

    Raises
    ------
    ConversionError
        When the folder holds the synthetic cohort, unread exams come with others, an identifier comes
        twice, or the data set as a whole breaks a rule (see `RawDataset.finish`).
    """
    report = ConversionReport(unread=_check_cohort(dataset, exams))
    ledger_path = (dataset.unread_folder if report.unread else dataset.folder) / ".conversion.json"
    found = _read_ledger(ledger_path)
    # An exam that changed, or whose files are to be removed, is not done any more.
    ledger = {
        e.identifier: e.fingerprint
        for e in exams
        if found.get(e.identifier) == e.fingerprint and dataset.has_images(e.identifier, e.split)
    }
    missing = [exam for exam in exams if exam.identifier not in ledger]
    report.skipped = list(ledger)
    if missing and not report.unread:
        dataset.reopen()
    if ledger != found:
        write_text(ledger_path, json.dumps(ledger, indent=1))

    outcomes: dict[str, ConversionReport] = {}
    work = run_each(partial(_convert_exam, dataset), missing, died=_died, processes=processes)
    with closing(work):
        for exam, outcome in tqdm(work, total=len(missing), desc="convert", unit="exam", disable=None):
            outcomes[exam.identifier] = outcome
            if not outcome.failures:
                ledger[exam.identifier] = exam.fingerprint
                write_text(ledger_path, json.dumps(ledger, indent=1))
    for exam in missing:
        report.add(outcomes[exam.identifier])
    if report.unread:
        rows = [{"exam": e.identifier, **e.facts} for e in exams if e.identifier not in report.failures]
        report.removed = dataset.finish_unread(rows)
    elif not report.failures:
        rows = [{"exam": e.identifier, "split": e.split, **e.facts} for e in exams]
        report.removed = dataset.finish(rows, seed=seed)
    return report


def _check_cohort(dataset: RawDataset, exams: Sequence[PendingExam]) -> bool:
    """Refuse what cannot be one cohort; say whether its exams are unread."""
    if (dataset.folder / "phantom.json").is_file():
        raise ConversionError(
            f"{dataset.folder}: found a synthetic cohort, expected none; convert into another workspace"
        )
    identifiers = Counter(exam.identifier for exam in exams)
    if repeated := [name for name, count in identifiers.items() if count > 1]:
        raise ConversionError(f"exam {', '.join(repeated)}: found twice, expected once")
    unread = [exam.identifier for exam in exams if exam.split == "unread"]
    if unread and len(unread) < len(exams):
        raise ConversionError(
            f"split: found {len(unread)} unread exam{'s' * (len(unread) > 1)} ({unread[0]}) among "
            f"{len(exams)}, expected none or all; convert exams without masks by themselves"
        )
    return bool(unread)


def _convert_exam(dataset: RawDataset, pending: PendingExam) -> ConversionReport:
    """What one exam came to, as sent back by the process that worked on it."""
    name = pending.identifier
    try:
        exam = pending.load()
        dataset.add(exam)
    except ConversionError as error:
        return ConversionReport(failures={name: f"{name}: {str(error).removeprefix(f'{name}: ')}"})
    except MemoryError:
        return _died(pending)
    kept = dataset.masks_kept(exam)
    order = exam.channels[dataset.spec.channels[0]].axis_order
    ignored = dataset.spec.names.get(IGNORE, -1)
    unsure = {f"{name} {reader}": int((exam.masks[reader].array == ignored).sum()) for reader in kept}
    teacher = dataset.spec.training_reader
    of_training = kept if exam.split == "training" else []
    return ConversionReport(
        converted=[name],
        others_masks=sum(reader != teacher for reader in of_training),
        labelled_by={name: labelled_by(kept, dataset.spec)} if of_training and teacher not in kept else {},
        reordered=[f"{name} {reader}" for reader in kept if exam.masks[reader].axis_order != order],
        unsure={mask: n for mask, n in unsure.items() if n},
    )


def _died(pending: PendingExam) -> ConversionReport:
    reason = (
        f"{pending.identifier}: the process died, most likely for want of memory; "
        "look at the size of the exam's files, or convert on a machine with more memory"
    )
    return ConversionReport(failures={pending.identifier: reason})


def _read_ledger(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def read_table(
    path: Path, spec: DatasetSpec, label_map: Mapping[str, int] | None = None
) -> list[PendingExam]:
    """Read and check a cohort table; images and masks are read later, exam by exam.

    The table is that of `read_cohort`, with a column a channel; the errors are the same. Images are NIfTI;
    masks may also be NRRD, DICOM SEG or RTSTRUCT. `label_map` names mask values, or segments or contour sets,
    that stand for levels: ``{"255": 1}``.
    """
    labels = dict(label_map or {})
    rows = read_cohort(path, spec, spec.channels, splits=("training", "test", "unread"))
    check_training(path, rows)
    marks = [_fingerprint(row, spec, labels) for row in rows]
    return [
        PendingExam(row.exam, row.split, row.facts, mark, partial(_load_row, row, spec, labels))
        for row, mark in zip(rows, marks, strict=True)
    ]


def kept_mark(row: CohortRow, spec: DatasetSpec) -> str:
    """What tells an exam apart that was converted before other readers' masks were kept; mostly nothing."""
    others = [reader for reader in spec.readers if reader in row.files and reader != spec.training_reader]
    return "with readersTr" if row.split == "training" and others else ""


def _load_row(row: CohortRow, spec: DatasetSpec, label_map: Mapping[str, int]) -> Exam:
    channels = {name: read_volume(row.files[name]) for name in spec.channels}
    image = channels[spec.channels[0]]
    labels = Labels(spec.names, label_map)
    masks = {reader: read_mask(row.files[reader], image, labels)
             for reader in spec.readers if reader in row.files}  # fmt: skip
    return Exam(row.exam, row.split, channels, masks, row.facts)


def _fingerprint(row: CohortRow, spec: DatasetSpec, label_map: Mapping[str, int]) -> str:
    stats = [(name, file, file.stat()) for name, file in sorted(row.files.items())]
    seen = [(name, str(file), stat.st_size, stat.st_mtime_ns) for name, file, stat in stats]
    text = repr((seen, row.split, spec, sorted(label_map.items()))) + kept_mark(row, spec)
    return hashlib.sha256(text.encode()).hexdigest()
