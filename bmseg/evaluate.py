"""From folders of masks to consensus, scores, Table 1 and figures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from bmseg import provenance
from bmseg.errors import InputError
from bmseg.figure_files import save_figure
from bmseg.records import read_record, write_record
from bmseg.study import Study
from dataset_conversion.files import write_text
from dataset_conversion.volume import Volume, write_volume
from evaluation.dice import COLUMNS, EmptyMask, score, summarise
from evaluation.figures import dice_boxplot, raters_boxplot
from evaluation.masks import check_grid, list_masks, match_exams, read_mask
from evaluation.orientation import find_displaced
from evaluation.staple import Consensus, decision_table, staple
from evaluation.tables import Table, dice_table
from evaluation.votes import count_votes, paint

SYNTHETIC = "synthetic cohort"

#: Columns of names, for reading a table back: pandas takes a reader called "1" for a number.
NAMES = {"exam": str, "rater": str, "level": str}

#: Of the consensus's random starts.
SEED = 0

RULES = {
    "multilabel": "multi-label STAPLE over the whole volume",
    "binary": "binary STAPLE of each level over the whole volume",
}


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


@dataclass(frozen=True)
class _Exam:
    name: str
    scores: pd.DataFrame
    consensus: Consensus
    decisions: pd.DataFrame
    warnings: list[str]


def evaluate(
    study: Study, study_file: Path, raters: Raters, out: Path, *, synthetic: bool = False
) -> Evaluation:
    """Score readers and models against the readers' consensus and write everything to `out`.

    Writes ``consensus/<exam>.nii.gz``, ``dice.csv``, ``consensus.csv``, ``decision_table.csv``,
    ``table1.{csv,md,html}``, ``figures/`` and, last, ``provenance.json``. When `out` already holds the
    results of the same inputs, nothing is done; earlier results are replaced only when all is well.

    Parameters
    ----------
    study, study_file
        The study and the file that it was read from.
    raters : Raters
    out : Path
        Made when it does not exist.
    synthetic : bool
        Whether the images are simulated: every table and figure then says so.

    Raises
    ------
    InputError
        When a reader is not one of the study's.
    evaluation.masks.MaskError
        When masks are missing, extra, damaged, on another grid or hold an undeclared label.
    """
    _check_names(study, raters)
    files = {rater: list_masks(folder) for rater, folder in {**raters.readers, **raters.models}.items()}
    exams = match_exams(files, raters.exams)
    record = _provenance(study, study_file, raters, files, exams, synthetic)
    if finished := _already_made(out, record):
        return finished
    with _staging(out) as staging:
        done = [
            _evaluate_exam(study, exam, {rater: files[rater][exam] for rater in files}, raters, staging)
            for exam in tqdm(exams, desc="evaluate", unit="exam", disable=None)
        ]
        scores = pd.concat([exam.scores.assign(exam=exam.name) for exam in done], ignore_index=True)[COLUMNS]
        table = dice_table(summarise(scores), title=_title(record), notes=_notes(study, raters, synthetic))
        written = [consensus_path(staging, exam) for exam in exams]
        written += _write_tables(staging, scores, table, done)
        written += _write_figures(
            staging / "figures", study, raters, scores, SYNTHETIC.capitalize() if synthetic else ""
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


def _evaluate_exam(study: Study, exam: str, files: Mapping[str, Path], raters: Raters, out: Path) -> _Exam:
    masks = {rater: read_mask(path, study.label_values) for rater, path in files.items()}
    first, *others = masks.values()
    for mask in others:
        check_grid(mask, first)
    arrays = {rater: mask.array for rater, mask in masks.items()}
    votes = count_votes(arrays, study.label_values)
    readers = votes.select(list(raters.readers))
    consensus = staple(readers, rule=study.consensus.rule, seed=SEED)
    scores = score(votes, consensus.label_on(votes), study.levels_by_name, EmptyMask(study.scores.empty_mask))
    labels = paint(arrays, readers, consensus.label.astype(np.uint8))
    write_volume(consensus_path(out, exam), Volume(labels, first.affine))
    warnings = [*map(str, find_displaced(arrays)), *consensus.notices]
    return _Exam(
        exam,
        scores,
        consensus,
        decision_table(readers, consensus),
        warnings,
    )


def _by_text(done: Sequence[_Exam]) -> list[str]:
    """Each warning once, with the exams that it is about."""
    exams: dict[str, list[str]] = {}
    for exam in done:
        for warning in exam.warnings:
            exams.setdefault(warning, []).append(exam.name)
    return [f"{', '.join(names)}: {warning}" for warning, names in exams.items()]


def consensus_path(out: Path, exam: str) -> Path:
    """Where the consensus of an exam is written, as a label map."""
    return out / "consensus" / f"{exam}.nii.gz"


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
        else f"Consensus: {RULES[rule]} ({rule}) of {names}.",
        f"Both masks empty: {study.scores.empty_mask}, {policies[study.scores.empty_mask]}; "
        "one of them empty: 0.",
    ]
    if not one:
        notes.append("Each reader is part of the consensus that scores it, which flatters readers.")
    absent = [name for name in study.reader_names if name not in raters.readers]
    if absent:
        notes.append(f"Not given: {', '.join(absent)} of the study's {len(study.reader_names)} readers.")
    if synthetic:
        notes.append("Synthetic cohort: simulated images and readers, no patients.")
    return notes


def _write_tables(out: Path, scores: pd.DataFrame, table: Table, done: Sequence[_Exam]) -> list[Path]:
    consensus = [
        {
            "exam": exam.name,
            "rule": exam.consensus.rule,
            "iterations": exam.consensus.iterations,
            "converged": exam.consensus.converged,
            "log_likelihood": exam.consensus.log_likelihood,
            "starts": len(exam.consensus.starts),
            "notices": "; ".join(exam.consensus.notices),
        }
        for exam in done
    ]
    decisions = pd.concat([exam.decisions.assign(exam=exam.name) for exam in done])
    decisions.insert(0, "exam", decisions.pop("exam"))
    texts = {
        "dice.csv": scores.to_csv(index=False, float_format="%.9g"),
        "consensus.csv": pd.DataFrame(consensus).to_csv(index=False),
        "decision_table.csv": decisions.to_csv(index=False, float_format="%.6f"),
        "table1.csv": table.to_csv(),
        "table1.md": table.to_markdown(),
        "table1.html": table.to_html(),
    }
    for name, text in texts.items():
        write_text(out / name, text)
    return [out / name for name in texts]


def _write_figures(folder: Path, study: Study, raters: Raters, scores: pd.DataFrame, note: str) -> list[Path]:
    colors = {level.name: level.color for level in study.levels}
    written = []
    for model in raters.models:
        reference = reference_of(list(raters.readers))
        figure = dice_boxplot(scores, rater=model, colors=colors, reference=reference, note=note)
        written += save_figure(figure, folder, f"dice_{model}")
    figure = raters_boxplot(scores, models=list(raters.models), note=note)
    return written + save_figure(figure, folder, "dice_raters")


def _provenance(
    study: Study,
    study_file: Path,
    raters: Raters,
    files: Mapping[str, Mapping[str, Path]],
    exams: Sequence[str],
    synthetic: bool,
) -> dict[str, Any]:
    hashes = {rater: provenance.files_hash({exam: files[rater][exam] for exam in exams}) for rater in files}
    record = {
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
    return record | {"inputs_sha256": provenance.value_hash(record)}


def _title(record: Mapping[str, Any]) -> str:
    readers, exams = len(record["readers"]), len(record["exams"])
    whom = f"the consensus of {readers} readers" if readers > 1 else reference_of(record["readers"])
    return f"Dice against {whom}, {exams} exams"


def reference_of(readers: Sequence[str]) -> str:
    """What raters are scored against, in words: a single reader makes no consensus."""
    return "the consensus" if len(readers) > 1 else readers[0]


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
