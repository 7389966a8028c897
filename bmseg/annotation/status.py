"""Round by round: how good the proposals were, what the reader changed, and whether the model helps yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bmseg.annotation.round_report import OVER_LEVELS, RoundReport, report_of
from bmseg.annotation.state import Annotation
from bmseg.annotation.words import median_text
from bmseg.annotation.words import sentences as sentences_of
from bmseg.wording import SYNTHETIC
from dataset_conversion.files import write_text
from evaluation.table import DASH, Table


@dataclass(frozen=True)
class StatusReport:
    """The table of all rounds and what it says in words.

    Parameters
    ----------
    table : Table
    sentences : list of str
        Whether the model helps, round by round, each compared with the one before.
    """

    table: Table
    sentences: list[str]


def status(annotation: Annotation) -> StatusReport:
    """Make the table of the rounds, and write it as rounds.csv and rounds.md.

    Parameters
    ----------
    annotation : Annotation
    """
    reports = [report_of(annotation, one) for one in annotation.rounds()]
    sentences = sentences_of(reports)
    table = _table(annotation, reports, sentences)
    folder = annotation.workspace.annotation
    write_text(folder / "rounds.csv", table.to_csv())
    write_text(folder / "rounds.md", table.to_markdown())
    return StatusReport(table, sentences)


def _table(annotation: Annotation, reports: Sequence[RoundReport], sentences: Sequence[str]) -> Table:
    names = [*annotation.study.levels_by_name, OVER_LEVELS]
    columns = ["Round", "Trained on", "Accepted", *(f"Dice {name}" for name in names),
               "Model before, same exams", "Voxels changed", "Proposal kept", "Effort saved"]  # fmt: skip
    rows = [
        [
            str(one.number), f"{one.trained_on} exams", f"{one.accepted} of {one.exams}",
            *(median_text(one.dice[name]) for name in names), _earlier(one),
            f"{one.changed}" if one.accepted else DASH, _percent(one.share_kept), _percent(one.saved),
        ]
        for one in reports
    ]  # fmt: skip
    lineage = annotation.lineage()
    before = int((lineage["round"] == 0).sum())
    policy = annotation.study.scores.empty_mask
    notes = [
        f"{before} exams were segmented before round 1, {len(lineage)} are now, {len(annotation.unread())} "
        "are left.",
        "Dice of the pre-drawn masks to the corrected ones: median of the exams (interval of order "
        "statistics, at least 0.95 from six exams on). A reader who corrects is drawn towards the proposal, "
        "so it flatters the model.",
        f"Both masks empty: {policy}; {_undefined(reports, names)}",
        f"{OVER_LEVELS}: the mean of an exam's defined Dice of single levels. Model before, same exams: the "
        "median of the masks that the model of the round before draws, since exams of two rounds differ in "
        "how hard they are.",
        "Voxels changed: another level than proposed, each counted once. Effort saved: 1 - changed / marked "
        "in the corrected masks; 0 % is as much as drawing from nothing, less is more work than that. Voxels "
        "are not minutes.",
        *sentences,
    ]
    title = "Rounds of segmentation: proposals and what the reader made of them"
    if annotation.synthetic:
        title += f", {SYNTHETIC}, simulated reader"
    return Table(title, columns, rows, notes, _data(reports, names))


def _earlier(one: RoundReport) -> str:
    return f"{one.pairs.earlier.median():.2f}" if len(one.pairs) else DASH


def _undefined(reports: Sequence[RoundReport], names: Sequence[str]) -> str:
    left_out = [
        f"round {one.number} {name} {one.dice[name].n_left_out}"
        for one in reports
        for name in names
        if one.dice[name].n_left_out
    ]
    return f"exams left out: {', '.join(left_out)}." if left_out else "no exam is left out."


def _data(reports: Sequence[RoundReport], names: Sequence[str]) -> pd.DataFrame:
    rows = []
    for one in reports:
        for name in names:
            dice = one.dice[name]
            rows.append(
                {
                    "round": one.number, "state": one.state, "trained_on": one.trained_on,
                    "exams": one.exams, "accepted": one.accepted, "unchanged": one.unchanged,
                    "helped": one.helped, "level": name,
                    "dice_median": dice.estimate, "dice_low": dice.low, "dice_high": dice.high,
                    "coverage": dice.coverage, "n_defined": dice.n, "n_undefined": dice.n_left_out,
                    "added_ml": one.added_ml.get(name, np.nan),
                    "removed_ml": one.removed_ml.get(name, np.nan),
                    "changed": one.changed, "marked": one.marked, "share_kept": one.share_kept,
                    "effort_saved": one.saved,
                    "dice_median_model_before": one.pairs.earlier.median() if name == OVER_LEVELS else np.nan,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _percent(share: float) -> str:
    return DASH if np.isnan(share) else f"{share:.0%}"
