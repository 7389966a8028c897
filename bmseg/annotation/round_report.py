"""What a round came to: Dice of proposals to corrected masks, effort, and the model of the round before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bmseg.annotation.accept import EFFORT_COLUMNS, ROUND_CHANGE_COLUMNS
from bmseg.annotation.state import Annotation, Round
from evaluation.statistics.intervals import Interval, median_interval

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
        Voxels over the accepted exams; see `bmseg.annotation.corrections.Effort`.
    added_ml, removed_ml : dict of str to float
        Level or group to ml over the accepted exams.
    pairs : DataFrame
        Index exam; ``now`` and ``earlier``: the mean Dice of single levels, over those that both define, of
        this round's model and of the one before. Empty in the first round.
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
    pairs: pd.DataFrame

    @property
    def saved(self) -> float:
        """Effort saved over all accepted exams: 1 - changed / marked."""
        return 1 - self.changed / self.marked if self.marked else np.nan

    @property
    def share_kept(self) -> float:
        """Share of the proposed voxels that the reader left."""
        return self.kept / self.proposed if self.proposed else np.nan


def report_of(annotation: Annotation, round_: Round) -> RoundReport:
    """Sum a round up, over its accepted exams."""
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
        pairs=_pairs(single),
    )


def _pairs(single: pd.DataFrame) -> pd.DataFrame:
    both = single.dropna(subset=["dice", "dice_earlier"])
    means = both.groupby("exam")[["dice", "dice_earlier"]].mean()
    return means.set_axis(["now", "earlier"], axis=1)


def _of(path: Path, exams: set[str]) -> pd.DataFrame:
    """The rows of accepted exams: a killed call may have left others."""
    if not path.is_file():
        return pd.DataFrame(columns=EFFORT_COLUMNS if path.name == "effort.csv" else ROUND_CHANGE_COLUMNS)
    table = pd.read_csv(path, dtype={"exam": str})
    return table[table.exam.isin(exams)]
