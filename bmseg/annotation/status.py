"""Round by round: how good the proposals were, what the reader changed, and whether the model helps yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bmseg.annotation.state import Annotation, Round
from bmseg.evaluate import SYNTHETIC
from dataset_conversion.files import write_text
from evaluation.intervals import Interval, median_interval
from evaluation.tables import DASH, Table

#: The name of the mean of an exam's defined Dice of single levels.
OVER_LEVELS = "over levels"


@dataclass(frozen=True)
class RoundReport:
    """What one round came to.

    Parameters
    ----------
    number, trained_on : int
        The round, and the exams that its model learnt from.
    state : str
    exams, accepted, unchanged, helped : int
        Exams of the round; accepted ones; those of them whose mask is exactly the proposal; those in which
        less was changed than drawing from nothing takes.
    dice : dict of str to Interval
        Level or group, and `OVER_LEVELS`, to the median Dice of proposal to corrected mask.
    changed, marked, proposed, kept : int
        Voxels over the accepted exams; see `evaluation.corrections.Effort`.
    added_ml, removed_ml : dict of str to float
        Level or group to ml over the accepted exams.
    """

    number: int
    trained_on: int
    state: str
    exams: int
    accepted: int
    unchanged: int
    helped: int
    dice: dict[str, Interval]
    changed: int
    marked: int
    proposed: int
    kept: int
    added_ml: dict[str, float]
    removed_ml: dict[str, float]

    @property
    def saved(self) -> float:
        """Effort saved over all accepted exams: 1 - changed / marked."""
        return 1 - self.changed / self.marked if self.marked else np.nan

    @property
    def share_kept(self) -> float:
        """Share of the proposed voxels that the reader left."""
        return self.kept / self.proposed if self.proposed else np.nan


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
    reports = [_report(annotation, one) for one in annotation.rounds()]
    sentences = _sentences(reports)
    table = _table(annotation, reports, sentences)
    folder = annotation.workspace.annotation
    write_text(folder / "rounds.csv", table.to_csv())
    write_text(folder / "rounds.md", table.to_markdown())
    return StatusReport(table, sentences)


def _report(annotation: Annotation, round_: Round) -> RoundReport:
    study, record = annotation.study, round_.read()
    lineage = annotation.lineage()
    accepted = set(lineage.exam[lineage["round"] == round_.number])
    changes, effort = (_of(path, accepted) for path in (round_.changes, round_.effort))
    dice = {name: median_interval(changes.dice[changes.level == name]) for name in study.levels_by_name}
    single = changes[changes.level.isin([level.name for level in study.levels])]
    dice[OVER_LEVELS] = median_interval(single.groupby("exam").dice.mean().to_numpy())
    volumes = changes.groupby("level")[["added_ml", "removed_ml"]].sum()
    totals = effort[["changed", "marked", "proposed", "kept"]].sum().astype(int)
    return RoundReport(
        number=round_.number,
        trained_on=len(record["trained_on"]),
        state=record["state"],
        exams=len(record.get("exams", [])),
        accepted=len(accepted),
        unchanged=int(effort.unchanged.sum()),
        helped=int((effort.saved > 0).sum()),
        dice=dice,
        **{str(name): int(value) for name, value in totals.items()},
        added_ml=volumes.added_ml.to_dict(),
        removed_ml=volumes.removed_ml.to_dict(),
    )


def _of(path: Any, exams: set[str]) -> pd.DataFrame:
    """The rows of accepted exams: a killed call may have left others."""
    from bmseg.annotation.accept import EFFORT_COLUMNS
    from evaluation.corrections import CHANGE_COLUMNS

    if not path.is_file():
        columns = EFFORT_COLUMNS if path.name == "effort.csv" else ["exam", *CHANGE_COLUMNS]
        return pd.DataFrame(columns=columns)
    table = pd.read_csv(path, dtype={"exam": str})
    return table[table.exam.isin(exams)]


def _table(annotation: Annotation, reports: Sequence[RoundReport], sentences: Sequence[str]) -> Table:
    names = [*annotation.study.levels_by_name, OVER_LEVELS]
    columns = ["Round", "Trained on", "Accepted", *(f"Dice {name}" for name in names),
               "Voxels changed", "Proposal kept", "Effort saved"]  # fmt: skip
    rows = [
        [
            str(one.number), f"{one.trained_on} exams", f"{one.accepted} of {one.exams}",
            *(_median(one.dice[name]) for name in names),
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
        f"{OVER_LEVELS}: the mean of an exam's defined Dice of single levels.",
        "Voxels changed: another level than proposed, each counted once. Effort saved: 1 - changed / marked "
        "in the corrected masks; 0 % is as much as drawing from nothing, less is more work than that. Voxels "
        "are not minutes.",
        *sentences,
    ]
    title = "Rounds of segmentation: proposals and what the reader made of them"
    if annotation.synthetic:
        title += f", {SYNTHETIC}, simulated reader"
    return Table(title, columns, rows, notes, _data(reports, names))


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
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _sentences(reports: Sequence[RoundReport]) -> list[str]:
    """For each round with accepted exams: does the model help, and more than the round before?"""
    measured = [one for one in reports if one.accepted]
    sentences = []
    for place, one in enumerate(measured):
        sentences.append(_help(one))
        if place:
            sentences.append(_rise(measured[place - 1], one))
    return sentences or ["No round is accepted yet: whether the model helps is not known."]


def _help(one: RoundReport) -> str:
    if np.isnan(one.saved):
        return f"Round {one.number}: the corrected masks mark nothing; effort saved is not defined."
    verdict = "the model helped" if one.saved > 0 else "the model did not help yet"
    than = (
        f"{one.saved:.0%} less than drawing from nothing"
        if one.saved > 0
        else "no less than drawing from nothing"
    )
    same = f"; {one.unchanged} masks were left exactly as proposed" if one.unchanged else ""
    return (
        f"Round {one.number}: {verdict}: {one.changed} voxels were changed where the corrected masks mark "
        f"{one.marked}, {than}; in {one.helped} of {one.accepted} exams it was less{same}."
    )


def _rise(before: RoundReport, now: RoundReport) -> str:
    """Compare two rounds; their exams differ, so no paired test applies."""
    earlier, later = before.dice[OVER_LEVELS], now.dice[OVER_LEVELS]
    if not (earlier.is_defined and later.is_defined):
        return (
            f"Round {now.number} against round {before.number}: too few exams with a defined Dice to compare."
        )
    word = "rose" if later.estimate > earlier.estimate else "did not rise"
    apart = later.low > earlier.high or earlier.low > later.high
    sure = (
        "the intervals do not overlap"
        if apart
        else f"the intervals overlap: {earlier.n} and {later.n} exams, other ones each time, cannot tell the "
        "model from the choice of exams"
    )
    return (
        f"Round {now.number} against round {before.number}: the median Dice {OVER_LEVELS} {word}, from "
        f"{_median(earlier)} to {_median(later)}; {sure}."
    )


def _median(dice: Interval) -> str:
    if np.isnan(dice.estimate):
        return DASH
    if not dice.is_defined:
        return f"{dice.estimate:.2f}"
    return f"{dice.estimate:.2f} ({dice.low:.2f}{DASH}{dice.high:.2f})"


def _percent(share: float) -> str:
    return DASH if np.isnan(share) else f"{share:.0%}"
