"""The consensus, opened up: what each vote pattern became, and how the search for it went."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluation.consensus.kinds import in_short
from evaluation.consensus.result import Consensus
from evaluation.consensus.squarem import at_the_top
from evaluation.consensus.votes import Votes
from evaluation.statistics.words import DASH, count_of, number, percent
from evaluation.table import Table, in_order

# Names that tables of decisions have for other columns, and what then stands before a rater's.
_OTHER_COLUMNS = re.compile(r"exams?|voxels|consensus|(p|share)\d+")
_RATER = "rater "
#: Columns of `convergence`, in order.
CONVERGENCE = [
    "exam", "rule", "region", "iterations", "log_likelihood", "converged", "starts", "reached_best",
    "notices",
]  # fmt: skip


def decision_table(votes: Votes, consensus: Consensus) -> pd.DataFrame:
    """The consensus as a table to print, the most frequent pattern first.

    `votes` are those of the consensus, or of the same masks with more raters. Columns: each rater's label
    value (`column_of`), `voxels`, `p<label>` for the posterior of each label, and `consensus`.
    """
    rows = votes.rows_in(consensus.votes)
    columns = {column_of(rater): votes.values_of(rater) for rater in votes.raters}
    columns["voxels"] = votes.counts
    for index, label in enumerate(consensus.labels):
        columns[f"p{label}"] = consensus.posterior[rows, index]
    columns["consensus"] = consensus.label[rows]
    order = np.argsort(-votes.counts, kind="stable")
    return pd.DataFrame(columns).iloc[order].reset_index(drop=True)


def column_of(rater: str) -> str:
    """The column of a rater's votes: its name, unless another column may be called so.

    Examples
    --------
    >>> column_of("anna"), column_of("p1")
    ('anna', 'rater p1')
    """
    return f"{_RATER}{rater}" if _OTHER_COLUMNS.fullmatch(rater) else rater


def pooled_decisions(consensuses: Mapping[str, Consensus]) -> pd.DataFrame:
    """All exams' decision tables as one: the same votes can become another label in another exam.

    A row for each pattern, the most frequent first: each rater's label value (none of who did not draw the
    exam), ``voxels`` in all exams, ``exams`` in which the pattern occurs, ``share<label>`` of those exams in
    which it became each label, and ``p<label>``, the posterior of each label, a mean over voxels.

    Raises
    ------
    ValueError
        When an exam's consensus is of other labels.
    """
    first_exam, first = next(iter(consensuses.items()))
    for exam, consensus in consensuses.items():
        if consensus.labels != first.labels:
            raise ValueError(
                f"exam {exam}: consensus on labels {consensus.labels}, expected {first.labels} as exam "
                f"{first_exam}; pool like exams"
            )
    labels = first.labels
    probabilities = [f"p{label}" for label in labels]
    shares = [f"share{label}" for label in labels]
    tables, raters = together(
        {exam: decision_table(consensus.votes, consensus) for exam, consensus in consensuses.items()}
    )
    tables["exams"] = 1
    tables[probabilities] = tables[probabilities].mul(tables.voxels, axis=0)
    for label, share in zip(labels, shares, strict=True):
        tables[share] = (tables.consensus == label).astype(float)
    pooled = (
        tables.groupby(raters, dropna=False)[["voxels", "exams", *shares, *probabilities]].sum().reset_index()
    )
    pooled[shares] = pooled[shares].div(pooled.exams, axis=0)
    pooled[probabilities] = pooled[probabilities].div(pooled.voxels, axis=0)
    return pooled.sort_values("voxels", ascending=False, kind="stable", ignore_index=True)


def together(tables: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, list[str]]:
    """Decision tables of exams as one, the exam in front, and its raters.

    Votes of who did not draw an exam are missing, the others whole numbers.
    """
    of_each = [list(table.columns[: table.columns.get_loc("voxels")]) for table in tables.values()]
    raters = in_order(of_each)
    found = pd.concat([table.assign(exam=exam) for exam, table in tables.items()], ignore_index=True)
    if found[raters].isna().any(axis=None):
        found = found.astype(dict.fromkeys(raters, "Int64"))
    return found[["exam", *raters, *(name for name in found if name not in ("exam", *raters))]], raters


def pooled_table(pooled: pd.DataFrame, *, title: str, most: int = 25, notes: Sequence[str] = ()) -> Table:
    """`pooled_decisions` in which somebody marked something, `most` patterns of them; ``data`` holds all."""
    raters = list(pooled.columns[: pooled.columns.get_loc("voxels")])
    labels = [name.removeprefix("share") for name in pooled if name.startswith("share")]
    marked = pooled[(pooled[raters].fillna(0) != 0).any(axis=1)]
    shown = marked.head(most)
    rows = [
        [
            ", ".join(DASH if pd.isna(row[rater]) else f"{row[rater]:g}" for rater in raters),
            f"{row['voxels']}",
            f"{row['exams']}",
            *(percent(row[f"share{label}"], 0) for label in labels),
        ]
        for row in shown.to_dict("records")
    ]
    voxels = int(marked.voxels.sum())
    names = [rater.removeprefix(_RATER) for rater in raters]
    told = [
        f"Votes: {', '.join(names)}, in this order; 0 is background"
        + (f"; {DASH}: did not draw the exam." if pooled[raters].isna().any(axis=None) else "."),
        "Became: share of the exams with this pattern in which the consensus gave the label.",
    ]
    if len(shown) < len(marked):
        part = percent(shown.voxels.sum() / voxels, 1)
        patterns = count_of(len(shown), len(marked), "patterns")
        told.append(f"{patterns}, {part} of the {voxels} voxels marked by a rater.")
    columns = ["Votes", "Voxels", "Exams", *(f"Became {label}" for label in labels)]
    return Table(title, columns, rows, [*told, *notes], pooled)


def convergence(consensuses: Mapping[str, Consensus]) -> pd.DataFrame:
    """How the search for each exam's consensus went, a row an exam.

    `CONVERGENCE`: ``starts`` were tried and ``reached_best`` of them ended at the highest likelihood; binary
    STAPLE has one start a level and a majority none. ``iterations`` are those of the start kept,
    ``log_likelihood`` is NaN for a majority; ``notices`` are joined by "; ".
    """
    return pd.DataFrame([search_of(exam, each) for exam, each in consensuses.items()], columns=CONVERGENCE)


def search_of(exam: str, c: Consensus) -> tuple[Any, ...]:
    """One row of `convergence`."""
    starts = (1, 1) if c.rule == "binary" else (len(c.starts), int(at_the_top(c.starts).sum()))
    found = (exam, c.rule, c.region, c.iterations, c.log_likelihood, c.converged)
    return *found, *starts, "; ".join(c.notices)


def convergence_table(found: pd.DataFrame, *, title: str, notes: tuple[str, ...] = ()) -> Table:
    """`convergence` to print, a row an exam and consensus; its notices stay in ``data``."""
    rows = [
        [
            f"{row.exam}, {in_short(row.rule, row.region)}",
            f"{row.iterations}",
            number(row.log_likelihood, 1),
            "yes" if row.converged else "no",
            count_of(row.reached_best, row.starts) if row.starts else DASH,
        ]
        for row in found.itertuples()
    ]
    columns = ["Exam, consensus", "Iterations", "Log-likelihood", "Converged", "Starts at the best"]
    told = "Log-likelihoods of two rules, or of two regions, cannot be compared."
    return Table(title, columns, rows, [told, *notes], found)
