"""The files of `bmseg rank`: the matrix that is read, the tables and figures that are written."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.outputs import provenance
from bmseg.outputs.records import write_record
from dataset_conversion.files import write_text
from evaluation.figures.files import save_figure
from evaluation.ranking import OVERALL, Rankings, Rules, Scheme

TABLES = ("ranks", "pairwise", "probabilities", "stability", "agreement", "groups")
#: Names of files that are replaced whatever the matrix holds.
OVERWRITES = {*(f"{name}.csv" for name in TABLES), "provenance.json"}
# What stands in an empty cell.
_EMPTY = {"", "NA", "NaN", "nan"}
# The columns challengeR's examples have, where they differ from ours.
_ALSO = {"algorithm": "alg_name"}
# Figures of more algorithms cannot be read.
_MOST_DRAWN = 60


@dataclass(frozen=True)
class Matrix:
    """A table of scores as `evaluation.ranking.rank_scores` takes it.

    Parameters
    ----------
    scores : DataFrame
        ``task, algorithm, case, value, status``.
    columns : mapping of str to str
        What each is called in the file.
    notes : list of str
        What was left out or taken for granted, in words.
    """

    scores: pd.DataFrame
    columns: Mapping[str, str]
    notes: list[str]


def read_matrix(path: Path, names: Mapping[str, str | None], empty: str) -> Matrix:
    """Read a matrix as challengeR takes it.

    Parameters
    ----------
    path : Path
        CSV; the first column may be R's row names.
    names : mapping
        ``task``, ``algorithm``, ``case``, ``value`` and ``status`` to the name of the column; None: the
        usual one.
    empty : {"missing", "undefined"}
        What a row without a value is, where there is no column of statuses.

    Raises
    ------
    InputError
        When the file is not a table or lacks a column.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, OSError) as error:
        line = " ".join(str(error).split())
        raise InputError(f"{path}: not a readable CSV file: {line}") from None
    columns, notes = _columns(path, table, names)
    scores = pd.DataFrame({name: table[column] for name, column in columns.items()})
    scores[["algorithm", "case"]] = scores[["algorithm", "case"]].replace("", np.nan)
    scores["task"] = scores["task"].replace("", np.nan) if "task" in columns else "all"
    is_empty = scores.value.str.strip().isin(_EMPTY)
    scores["value"] = scores.value.mask(is_empty)
    if "status" not in columns:
        scores["status"] = np.where(is_empty, empty, "scored")
        if is_empty.any():
            notes.append(f"{is_empty.sum()} rows have no value: {empty} (--empty).")
    return Matrix(scores, columns, notes)


def shown_tasks(rankings: Rankings) -> list[str]:
    """The tasks, and the overall ranking where there is more than one."""
    tasks = list(dict.fromkeys(rankings.ranks.task))
    return tasks if len(tasks) > 2 else [task for task in tasks if task != OVERALL]


def write_rankings(
    out: Path, matrix: Path, table: Matrix, rankings: Rankings, rules: Rules, with_figures: bool
) -> list[str]:
    """Write tables and figures, then the record of what they were made from: it goes first and comes last.

    Other files in the folder stay. Returns what has to be said.
    """
    shown = shown_tasks(rankings)
    (out / "provenance.json").unlink(missing_ok=True)
    written = []
    for name in TABLES:
        rows = getattr(rankings, name)
        rows = _whole_ranks(rows[rows.task.isin(shown)])
        write_text(out / f"{name}.csv", rows.to_csv(index=False, lineterminator="\n"))
        written.append(out / f"{name}.csv")
    notes = []
    if with_figures:
        n = rankings.ranks.algorithm.nunique()
        if n > _MOST_DRAWN:
            notes.append(f"No figures: {n} algorithms, and more than {_MOST_DRAWN} cannot be read in one.")
        else:
            written += _draw(out, table, rankings, rules)
    record = {
        "versions": provenance.versions(),
        "machine": provenance.machine(),
        "matrix_sha256": provenance.file_hash(matrix),
        "columns": dict(table.columns),
        "rules": asdict(rules),
        "notes": table.notes,
        "outputs": {path.name: provenance.file_hash(path) for path in written},
    }
    write_record(out / "provenance.json", record)
    return notes


def _columns(
    path: Path, table: pd.DataFrame, names: Mapping[str, str | None]
) -> tuple[dict[str, str], list[str]]:
    found, notes = {}, []
    for name, asked in names.items():
        usual = [name, _ALSO[name]] if name in _ALSO else [name] if name != "status" else []
        column = next((column for column in ([asked] if asked else usual) if column in table), None)
        if column:
            found[name] = column
        elif asked or name not in ("task", "status"):
            wanted = asked or " or ".join(usual)
            raise InputError(
                f"{path}: found the columns {', '.join(table.columns)}, expected {wanted}; "
                f"name it with --{name}-column"
            )
        elif name == "task":
            notes.append("No column task: all rows are one task.")
    unused = [column for column in table if column not in found.values()]
    row_names = [column for column in unused if column == "Unnamed: 0"]
    if row_names:
        notes.append("The first column has no name: row names, as R writes them; not used.")
    others = [column for column in unused if column not in row_names]
    if others:
        notes.append(f"Columns not used: {', '.join(others)}.")
    return found, notes


def _whole_ranks(rows: pd.DataFrame) -> pd.DataFrame:
    """Bounds of ranks as whole numbers; empty without bootstraps."""
    bounds = [column for column in ("rank_low", "rank_high") if column in rows]
    return rows.astype(dict.fromkeys(bounds, "Int64"))


def _draw(out: Path, table: Matrix, rankings: Rankings, rules: Rules) -> list[Path]:
    """Three figures a task, and the scores themselves; returns the files."""
    from evaluation.figures.ranking import blob_plot, scheme_comparison, significance_map
    from evaluation.figures.ranking_scores import exam_heatmap, score_boxplots

    tasks = shown_tasks(rankings)
    ranks = rankings.ranks[rankings.ranks.scheme == Scheme.MEAN]
    chances = rankings.probabilities[rankings.probabilities.scheme == Scheme.MEAN]
    scores = table.scores.assign(value=pd.to_numeric(table.scores.value))
    order = ranks[ranks.task == tasks[-1]].algorithm.tolist()
    label = table.columns["value"]
    draws: dict[str, Callable[[], Figure]] = {
        "scores": partial(score_boxplots, scores, order, worst=rules.worst, label=label),
        "cases": partial(exam_heatmap, scores, order, label=label),
    }
    for task, stem in zip(tasks, _stems(tasks), strict=True):
        own = ranks[ranks.task == task]
        if rankings.n_bootstraps:
            draws[f"rank_probabilities_{stem}"] = partial(blob_plot, chances[chances.task == task], own)
        tests = rankings.pairwise[rankings.pairwise.task == task]
        if len(tests):
            draws[f"significance_{stem}"] = partial(
                significance_map, tests, own.algorithm.tolist(), rules.alpha
            )
        its_schemes = rankings.ranks[rankings.ranks.task == task]
        draws[f"schemes_{stem}"] = partial(scheme_comparison, its_schemes)
    written = []
    with warnings.catch_warnings():
        # A name may have letters that the font lacks; in the SVG they are kept as text.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        for name, draw in tqdm(draws.items(), desc="figures", disable=None, leave=False):
            written += save_figure(draw(), out, name)
    return written


def _stems(tasks: list[str]) -> list[str]:
    """A part of a file's name for each task, no two alike even where capitals are not told apart."""
    stems: list[str] = []
    for task in tasks:
        stem = re.sub(r"[^\w+-]+", "_", task, flags=re.ASCII).strip("_")[:60] or "task"
        taken = {found.lower() for found in stems}
        number = next(k for k in range(1, len(tasks) + 1) if _numbered(stem, k).lower() not in taken)
        stems.append(_numbered(stem, number))
    return stems


def _numbered(stem: str, number: int) -> str:
    return stem if number == 1 else f"{stem}_{number}"
