"""Exams converted into a workspace, the record of it, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bmseg.errors import InputError
from bmseg.outputs import provenance, write_record
from bmseg.workspace import Workspace, open_workspace, workspace_study
from dataset_conversion.files import write_text
from dataset_conversion.raw.conversion import ConversionReport, PendingExam, convert, read_table
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import IGNORE
from evaluation.statistics.words import plural

NAMED = 3


@dataclass(frozen=True)
class Conversion:
    """What became of exams, in which data set."""

    dataset: RawDataset
    report: ConversionReport
    #: What lists the exams: where those that were removed are not found any more.
    listed_in: str = "table"

    def lines(self) -> Iterator[str]:
        """What is worth saying, refused exams apart."""
        report = self.report
        yield f"{plural(len(report.converted), 'exam')} converted, {len(report.skipped)} already made"
        teacher = self.dataset.spec.training_reader
        if report.others_masks:
            yield (
                f"{plural(report.others_masks, 'mask')} of training exams by other readers than {teacher}, "
                "kept in readersTr; [training] masks in the study file, or --masks, says whether they teach"
            )
        if report.labelled_by:
            yield (
                f"{plural(len(report.labelled_by), 'training exam')} without a mask of {teacher}: labelsTr "
                f"has that of another ({first_of([' '.join(pair) for pair in report.labelled_by.items()])})"
            )
        if report.reordered:
            yield (
                f"brought to the axis order of their image: {plural(len(report.reordered), 'mask')} "
                f"({first_of(report.reordered)})"
            )
        if report.unsure:
            spec = self.dataset.spec
            of = first_of([f"{mask} {n}" for mask, n in report.unsure.items()])
            yield (
                f"marked as unsure (label {spec.ignore}): {plural(sum(report.unsure.values()), 'voxel')} in "
                f"{plural(len(report.unsure), 'mask')} ({of}); no score counts them, and nothing is learned "
                f"from them (in labelsTr {spec.trained_labels[IGNORE]}, nnU-Net's ignore label)"
            )
        if report.removed:
            files = plural(len(report.removed), "file")
            yield f"removed, of exams that are not in the {self.listed_in}: {files}"

    def end(self) -> str:
        """Where the exams are, or how many were refused."""
        unread, refused = self.report.unread, len(self.report.failures)
        if refused:
            left = "; the data set stays unfinished"
            if unread:
                others = len(self.report.converted) + len(self.report.skipped)
                listed = self.dataset.unread_folder / "exams.csv"
                left = f"; {plural(others, 'other')} listed in {listed}" if others else ""
            them = "it" if refused == 1 else "them"
            return (
                f"{plural(refused, 'exam')} refused (above){left}: correct {them} and start again, only what "
                "is missing is done"
            )
        if unread:
            return f"images for readers to mask: {self.dataset.unread_folder}"
        return f"data set: {self.dataset.folder}"


def convert_table(
    table: Path, root: Path, study_file: Path | None,
    *, label_map: Mapping[str, int], seed: int, processes: int | None,
) -> Conversion:  # fmt: skip
    """Convert the NIfTI files that a table names; nothing is written before the table is found sound."""
    exams = read_table(table, workspace_study(root, study_file, create=True).dataset_spec, label_map)
    return convert_exams(exams, root, study_file, source="nifti", seed=seed, processes=processes)


def convert_exams(
    exams: Sequence[PendingExam], root: Path, study_file: Path | None,
    *, source: str, seed: int, processes: int | None, beside: Mapping[str, str] | None = None,
) -> Conversion:  # fmt: skip
    """Convert exams into a workspace; ``conversion.json`` stands beside what is finished.

    `beside` are further text files for the folder of the exams, name to text.
    """
    workspace, _ = open_workspace(root, study_file, create=True)
    with workspace.data_held():
        # Rounds may have begun while the exams were looked at.
        refuse_conversion(root)
        return _convert(workspace, exams, source, seed, processes, beside or {})


def _convert(
    workspace: Workspace,
    exams: Sequence[PendingExam],
    source: str,
    seed: int,
    processes: int | None,
    beside: Mapping[str, str],
) -> Conversion:
    dataset = workspace.dataset
    report = convert(dataset, exams, seed=seed, processes=processes)
    folder = dataset.unread_folder if report.unread else dataset.folder
    for name, text in beside.items():
        write_text(folder / name, text)
    if report.failures and not report.unread:
        return Conversion(dataset, report)
    done = [exam for exam in exams if exam.identifier not in report.failures]
    images = {
        f"{exam.identifier} {channel}": dataset.image_path(exam.identifier, exam.split, channel)
        for exam in done
        for channel in dataset.spec.channels
    }
    record = {
        "source": source,
        "exams": len(done),
        "seed": seed,
        "study_sha256": provenance.file_hash(workspace.study_file),
        # Of the input files: names, sizes and times, with the options; of the images: their content.
        "inputs_sha256": provenance.value_hash({exam.identifier: exam.fingerprint for exam in done}),
        "images_sha256": provenance.files_hash(images),
        "versions": provenance.versions(),
        "machine": provenance.machine(),
    }
    write_record(folder / "conversion.json", record)
    return Conversion(dataset, report)


def refuse_conversion(root: Path | str) -> None:
    """Refuse to convert into a workspace whose training exams come from rounds: they would be removed."""
    record = Path(root) / "annotation" / "annotation.json"
    if record.is_file():
        raise InputError(
            f"{record}: found rounds of segmentation, expected none: converting again would remove their "
            "exams; convert into another --workspace"
        )


def first_of(names: Sequence[str]) -> str:
    """The first few names, and how many more there are.

    Examples
    --------
    >>> first_of(["a anna", "b anna", "c anna", "d anna", "e anna"])
    'a anna, b anna, c anna and 2 more'
    """
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
