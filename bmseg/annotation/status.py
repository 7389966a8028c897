"""Round by round: how good the proposals were, what the reader changed, and whether the model helps yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bmseg.annotation.accept import EFFORT_COLUMNS, ROUND_CHANGE_COLUMNS
from bmseg.annotation.corrections import Effort
from bmseg.annotation.rounds import Annotation, Round
from bmseg.annotation.words import OVER_LEVELS, RoundReport, median_text, sentences
from bmseg.study import Study
from bmseg.wording import SYNTHETIC
from dataset_conversion.files import write_text
from dataset_conversion.images import read_own
from evaluation.statistics.intervals import median_interval
from evaluation.statistics.words import plural
from evaluation.study.titles import renamed
from evaluation.table import DASH, Table


@dataclass(frozen=True)
class StatusReport:
    """The table of all rounds; and whether the model helps, each round compared with the one before."""

    table: Table
    sentences: list[str]


def status(annotation: Annotation) -> StatusReport:
    """Make the table of the rounds, and write it as rounds.csv and rounds.md."""
    reports = [report_of(annotation, one) for one in annotation.rounds()]
    titles = annotation.study.titles
    said = sentences([replace(one, compared=renamed(one.compared, titles)) for one in reports])
    table = _table(annotation, reports, said)
    folder = annotation.workspace.annotation
    write_text(folder / "rounds.csv", table.to_csv())
    write_text(folder / "rounds.md", table.to_markdown())
    return StatusReport(table, said)


def report_of(annotation: Annotation, round_: Round) -> RoundReport:
    """Sum a round up, over its accepted exams."""
    study, record, lineage = annotation.study, round_.read(), annotation.lineage()
    accepted = set(lineage.exam[lineage["round"] == round_.number])
    changes = _rows(round_.changes, ROUND_CHANGE_COLUMNS, accepted)
    effort = _rows(round_.effort, EFFORT_COLUMNS, accepted)
    dice = {name: median_interval(changes.dice[changes.level == name]) for name in study.levels_by_name}
    single = changes[changes.level.isin([level.name for level in study.levels])]
    dice[OVER_LEVELS] = median_interval(single.groupby("exam").dice.mean().to_numpy())
    totals = effort[["changed", "marked", "proposed", "kept"]].sum().astype(int)
    both = single.dropna(subset=["dice", "dice_earlier"])
    drawn = {exam for exam in accepted if round_.earlier(exam).is_file()}
    compared = changes[changes.exam.isin(drawn) & changes.level.isin(study.design().spoken_of)]
    return RoundReport(
        number=round_.number,
        trained_on=len(record["trained_on"]),
        state=record["state"],
        exams=len(record.get("exams", [])),
        accepted=len(accepted),
        unchanged=int(effort.unchanged.sum()),
        helped=int((effort.saved > 0).sum()),
        dice=dice,
        effort=Effort(*(int(total) for total in totals)),
        volumes=changes.groupby("level")[["added_ml", "removed_ml"]].sum(),
        pairs=both.groupby("exam")[["dice", "dice_earlier"]].mean().set_axis(["now", "earlier"], axis=1),
        compared=compared.rename(columns={"dice": "now", "dice_earlier": "earlier"})[
            ["exam", "level", "now", "earlier"]
        ],
    )


def _rows(path: Path, columns: Sequence[str], exams: set[str]) -> pd.DataFrame:
    """The rows of accepted exams: a killed call may have left others."""
    if not path.is_file():
        return pd.DataFrame(columns=columns)
    table = read_own(path, ["exam", "level"])
    return table[table.exam.isin(exams)]


def _table(annotation: Annotation, reports: Sequence[RoundReport], said: Sequence[str]) -> Table:
    study = annotation.study
    names = [*study.levels_by_name, OVER_LEVELS]
    columns = ["Round", "Trained on", "Accepted", *(f"Dice {study.shown(name)}" for name in names),
               "Model before, same exams", "Voxels changed", "Proposal kept", "Effort saved"]  # fmt: skip
    rows = [
        [
            str(one.number), plural(one.trained_on, "exam"), f"{one.accepted} of {one.exams}",
            *(median_text(one.dice[name]) for name in names),
            f"{one.pairs.earlier.median():.2f}" if len(one.pairs) else DASH,
            f"{one.effort.changed}" if one.accepted else DASH,
            _percent(one.effort.share_kept), _percent(one.effort.saved),
        ]
        for one in reports
    ]  # fmt: skip
    lineage = annotation.lineage()
    before = int((lineage["round"] == 0).sum())
    notes = [
        f"Segmented: {plural(before, 'exam')} before round 1, {len(lineage)} now; "
        f"{len(annotation.unread())} left.",
        "Dice of the pre-drawn masks to the corrected ones: median of the exams (interval of order "
        "statistics, at least 0.95 from six exams on). A reader who corrects is drawn towards the proposal, "
        "so it flatters the model.",
        f"Both masks empty: {study.scores.empty_mask}; {_undefined(study, reports, names)}",
        f"{OVER_LEVELS}: the mean of an exam's defined Dice of single levels. Model before, same exams: the "
        "median of the masks that the model of the round before draws, since exams of two rounds differ in "
        "how hard they are.",
        "Voxels changed: another level than proposed, each counted once. Effort saved: 1 - changed / marked "
        "in the corrected masks; 0 % is as much as drawing from nothing, less is more work than that. Voxels "
        "are not minutes.",
        *said,
    ]
    title = "Rounds of segmentation: proposals and what the reader made of them"
    if annotation.synthetic:
        title += f", {SYNTHETIC}, simulated reader"
    data = pd.DataFrame([_row(one, name) for one in reports for name in names])
    return Table(title, columns, rows, notes, data)


def _undefined(study: Study, reports: Sequence[RoundReport], names: Sequence[str]) -> str:
    left_out = [
        f"round {one.number} {study.shown(name)} {one.dice[name].n_left_out}"
        for one in reports
        for name in names
        if one.dice[name].n_left_out
    ]
    return f"exams left out: {', '.join(left_out)}." if left_out else "no exam is left out."


def _row(one: RoundReport, name: str) -> dict[str, object]:
    """A row of rounds.csv: a round and level."""
    dice, effort = one.dice[name], one.effort
    volumes = one.volumes.reindex([name]).iloc[0]
    return {
        "round": one.number, "state": one.state, "trained_on": one.trained_on,
        "exams": one.exams, "accepted": one.accepted, "unchanged": one.unchanged,
        "helped": one.helped, "level": name,
        "dice_median": dice.estimate, "dice_low": dice.low, "dice_high": dice.high,
        "coverage": dice.coverage, "n_defined": dice.n, "n_undefined": dice.n_left_out,
        "added_ml": volumes.added_ml, "removed_ml": volumes.removed_ml,
        "changed": effort.changed, "marked": effort.marked, "share_kept": effort.share_kept,
        "effort_saved": effort.saved,
        "dice_median_model_before": one.pairs.earlier.median() if name == OVER_LEVELS else np.nan,
    }  # fmt: skip


def _percent(share: float) -> str:
    return DASH if np.isnan(share) else f"{share:.0%}"
