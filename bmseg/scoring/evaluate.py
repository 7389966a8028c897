"""From folders of masks to consensus, scores, Table 1 and figures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.outputs import provenance
from bmseg.outputs.records import read_record, write_record
from bmseg.scoring.exam import SEED, EvaluatedExam, Unit, consensus_path, evaluate_exam
from bmseg.scoring.files import reference_of, write_figures, write_tables
from bmseg.scoring.reader_study import study_readers
from bmseg.study import Study
from bmseg.wording import synthetic_mark, synthetic_notes
from evaluation.consensus.result import describe
from evaluation.masks.reading import MaskError, list_masks, match_exams
from evaluation.measures.dice import COLUMNS, summarise
from evaluation.table import Table, dice_table

#: Columns of names, for reading a table back: pandas takes a reader called "1" for a number.
NAMES = {"exam": str, "rater": str, "level": str}


@dataclass(frozen=True)
class Raters:
    """Who is scored: folders of ``<exam>.nii.gz`` masks.

    Parameters
    ----------
    readers : mapping of str to Path
        Their masks make the consensus.
    models : mapping of str to Path
        Scored beside the readers.
    exams : sequence of str, optional
        The exams that must be there; by default those of the first reader.
    """

    readers: Mapping[str, Path]
    models: Mapping[str, Path]
    exams: Sequence[str] | None = None


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Parameters
    ----------
    table : Table
        Table 1 of the study.
    warnings : list of str
        What a person should look at before believing the scores.
    skipped : bool
        True when the folder already held the results of the same inputs.
    """

    table: Table
    warnings: list[str]
    skipped: bool = False


def evaluate(
    study: Study,
    study_file: Path,
    raters: Raters,
    out: Path,
    *,
    synthetic: bool = False,
    unit: Unit = "exam",
    margin: float | None = None,
    cohort: Path | None = None,
    regions: Path | None = None,
) -> Evaluation:
    """Score readers and models against the readers' consensus and write everything to `out`.

    Writes ``consensus/<exam>.nii.gz``, ``dice.csv``, ``consensus.csv``, ``decision_table.csv``,
    ``table1.{csv,md,html}``, the tables of the reader study (`bmseg.scoring.reader_study`), ``figures/``
    and, last, ``provenance.json``. When `out` already holds the results of the same inputs, nothing is done;
    earlier results are replaced only when all is well.

    Parameters
    ----------
    study, study_file
        The study and the file that it was read from.
    raters : Raters
    out : Path
        Made when it does not exist.
    synthetic : bool
        Whether the images are simulated: every table and figure then says so.
    unit : {"exam", "knee"}
        What the fair table and the tests count as one; knees are clustered by exam.
    margin : float, optional
        Loss of Dice that would not matter: tests non-inferiority.
    cohort : Path, optional
        CSV with a row an exam: ``exam`` and any of ``site``, ``group``, ``age``.
    regions : Path, optional
        Folder of ``<exam>.nii.gz``, 1 where marking is allowed and 0 elsewhere.

    Raises
    ------
    InputError
        When a reader is not one of the study's.
    evaluation.masks.reading.MaskError
        When masks are missing, extra, damaged, on another grid or hold an undeclared label.
    """
    _check_names(study, raters)
    files = {rater: list_masks(folder) for rater, folder in {**raters.readers, **raters.models}.items()}
    exams = match_exams(files, raters.exams)
    record = _provenance(study, study_file, raters, files, exams, synthetic)
    allowed = _regions(regions, exams)
    facts = _read_cohort(cohort) if cohort else None
    record |= {"unit": unit, "margin": margin}
    record |= {"cohort_sha256": provenance.file_hash(cohort) if cohort else None}
    record |= {"regions_sha256": provenance.files_hash(allowed)} if allowed else {}
    record["inputs_sha256"] = provenance.value_hash(record)
    if finished := _already_made(out, record):
        return finished
    readers, models = list(raters.readers), list(raters.models)
    with _staging(out) as staging:
        done = [
            evaluate_exam(study, exam, _of(files, exam), readers, staging, unit, allowed.get(exam))
            for exam in tqdm(exams, desc="evaluate", unit="exam", disable=None)
        ]
        scores = pd.concat([exam.scores.assign(exam=exam.name) for exam in done], ignore_index=True)[COLUMNS]
        table = dice_table(summarise(scores), title=_title(record), notes=_notes(study, raters, synthetic))
        notes = synthetic_notes(synthetic)
        found = study_readers(
            study, done, readers, models,
            rule=describe(study.consensus.rule), margin=margin, cohort=facts, notes=notes,
        )  # fmt: skip
        written = [consensus_path(staging, exam) for exam in exams]
        written += write_tables(staging, scores, table, done, found)
        note = synthetic_mark(synthetic)
        written += write_figures(
            staging / "figures", study, scores, done, found, readers=readers, models=models, note=note
        )
        record["notes"] = list(table.notes)
        record["warnings"] = _by_text(done)
        record["outputs"] = {str(path.relative_to(staging)): provenance.file_hash(path) for path in written}
        _put_in_place(staging, out, record)
    return Evaluation(table, record["warnings"])


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """A folder inside `out` to write to, so that a mistake in the input costs no earlier result."""
    staging = out / ".partial"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        yield staging
    finally:
        shutil.rmtree(staging)
        if not any(out.iterdir()):
            out.rmdir()


def _put_in_place(staging: Path, out: Path, record: Mapping[str, Any]) -> None:
    """Replace an earlier evaluation's files by the new ones; the record goes first and comes last."""
    earlier = read_provenance(out).get("outputs", {})
    (out / "provenance.json").unlink(missing_ok=True)
    for name in set(earlier) - set(record["outputs"]):
        (out / name).unlink(missing_ok=True)
    for name in record["outputs"]:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (staging / name).replace(out / name)
    write_record(out / "provenance.json", record)


def _check_names(study: Study, raters: Raters) -> None:
    if unknown := [name for name in raters.readers if name not in study.reader_names]:
        raise InputError(
            f"reader: found {', '.join(unknown)}, expected one of {', '.join(study.reader_names)} "
            f"(the readers of study {study.name}); name them in the study file"
        )
    if both := set(raters.readers) & set(raters.models):
        raise InputError(f"prediction: found {', '.join(sorted(both))}, which is a reader; rename it")


def _of(files: Mapping[str, Mapping[str, Path]], exam: str) -> dict[str, Path]:
    return {rater: masks[exam] for rater, masks in files.items()}


def _regions(folder: Path | None, exams: Sequence[str]) -> dict[str, Path]:
    """The region mask of every exam; empty without a folder."""
    if folder is None:
        return {}
    files = list_masks(folder)
    if missing := [exam for exam in exams if exam not in files]:
        raise MaskError(f"{folder}: found no region of exam {', '.join(missing)}, expected one of every exam")
    return {exam: files[exam] for exam in exams}


def _read_cohort(path: Path) -> pd.DataFrame:
    try:
        cohort = pd.read_csv(path, dtype={"exam": str})
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: cannot be read as a CSV table ({reason})") from None
    if "exam" not in cohort:
        raise InputError(f"{path}: column: found none named exam, expected a row an exam")
    return cohort


def _by_text(done: Sequence[EvaluatedExam]) -> list[str]:
    """Each warning once, with the exams that it is about."""
    exams: dict[str, list[str]] = {}
    for exam in done:
        for warning in exam.warnings:
            exams.setdefault(warning, []).append(exam.name)
    return [f"{', '.join(names)}: {warning}" for warning, names in exams.items()]


def _notes(study: Study, raters: Raters, synthetic: bool) -> list[str]:
    policies = {
        "undefined": "left out of median and mean, and counted (n of n)",
        "one": "counted as 1",
        "zero": "counted as 0",
    }
    rule, names = study.consensus.rule, ", ".join(raters.readers)
    one = len(raters.readers) == 1
    notes = [
        f"Reference: the masks of {names}; one reader makes no consensus, and its own Dice is 1."
        if one
        else f"Consensus: {describe(study.consensus.rule)} ({rule}) of {names}.",
        f"Both masks empty: {study.scores.empty_mask}, {policies[study.scores.empty_mask]}; "
        "one of them empty: 0.",
    ]
    if not one:
        notes.append("Each reader is part of the consensus that scores it, which flatters readers.")
    absent = [name for name in study.reader_names if name not in raters.readers]
    if absent:
        notes.append(f"Not given: {', '.join(absent)} of the study's {len(study.reader_names)} readers.")
    return notes + synthetic_notes(synthetic)


def _provenance(
    study: Study,
    study_file: Path,
    raters: Raters,
    files: Mapping[str, Mapping[str, Path]],
    exams: Sequence[str],
    synthetic: bool,
) -> dict[str, Any]:
    hashes = {rater: provenance.files_hash({exam: files[rater][exam] for exam in exams}) for rater in files}
    return {
        "versions": provenance.versions(),
        "machine": provenance.machine(),
        "study": {"name": study.name, "sha256": provenance.file_hash(study_file)},
        "consensus_rule": study.consensus.rule,
        "seed": SEED,
        "empty_mask": study.scores.empty_mask,
        "synthetic": synthetic,
        "readers": list(raters.readers),
        "models": list(raters.models),
        "exams": list(exams),
        "masks_sha256": hashes,
    }


def _title(record: Mapping[str, Any]) -> str:
    readers, exams = len(record["readers"]), len(record["exams"])
    whom = f"the consensus of {readers} readers" if readers > 1 else reference_of(record["readers"])
    return f"Dice against {whom}, {exams} exams"


def read_provenance(out: Path) -> dict[str, Any]:
    """The record of a finished evaluation; empty when there is none."""
    return read_record(out / "provenance.json")


def _already_made(out: Path, record: Mapping[str, Any]) -> Evaluation | None:
    earlier = read_provenance(out)
    if earlier.get("inputs_sha256") != record["inputs_sha256"]:
        return None
    for name, expected in earlier["outputs"].items():
        path = out / name
        if not path.is_file() or provenance.file_hash(path) != expected:
            return None
    summary = pd.read_csv(out / "table1.csv", dtype=NAMES)
    table = dice_table(summary, title=_title(record), notes=earlier["notes"])
    return Evaluation(table, earlier["warnings"], skipped=True)
