"""The engine: readers and models scored, computed once, answered as tables, sentences and figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pandas as pd

from evaluation.comparison.printed import readers_table
from evaluation.comparison.readers import compare
from evaluation.consensus.painted import ConsensusMap
from evaluation.scores.agreement import agreement_table
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.words import plural
from evaluation.study import incomplete, lineage, patients, unsure
from evaluation.study import measure_tables as m
from evaluation.study import tables as t
from evaluation.study.compute import tables_on_demand
from evaluation.study.design import Design
from evaluation.study.exam import ScoredExam
from evaluation.study.patients import PATIENTS, with_patients
from evaluation.study.results import Declared, Results, worded
from evaluation.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class ReaderStudy(Results):
    """A reader study: ``study[tables.DICE]`` is a table, and from tables everything else is made.

    The same object whether it was just computed (`of`) or its tables were read back from files.

    Parameters
    ----------
    consensus : mapping of str to ConsensusMap
        Exam to the consensus of its readers, where masks were painted (`evaluation.read_study`).
    """

    consensus: Mapping[str, ConsensusMap] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        design: Design,
        exams: Sequence[ScoredExam],
        readers: Sequence[str],
        models: Sequence[str],
        cohort: pd.DataFrame | None = None,
        consensus: Mapping[str, ConsensusMap] | None = None,
    ) -> ReaderStudy:
        """Of scored exams; parameters and errors are those of `tables_on_demand`."""
        tables = tables_on_demand(design, exams, readers, models, cohort)
        known = cls(design, readers, models, [exam.name for exam in exams], tables, consensus or {})
        return known.noted()

    def noted(self) -> ReaderStudy:
        """The same, with what stands below every table and page (`own_notes`)."""
        return replace(self, design=replace(self.design, notes=(*self.own_notes(), *self.design.notes)))

    def own_notes(self) -> list[str]:
        """What is said below every table, of the tables themselves."""
        notes = patients.told(self)
        if incomplete.READERS_PER_EXAM in self:
            notes += incomplete.told(self[incomplete.READERS_PER_EXAM], self.readers)
        if unsure.IGNORED in self:
            notes += unsure.told(self[unsure.IGNORED], len(self.exams), self.design)
        return notes

    @property
    def scores(self) -> pd.DataFrame:
        """Dice of every exam, rater and level against the readers' consensus."""
        scores = self[t.DICE].copy()
        # For figures: who is a model.
        scores.attrs["models"] = list(self.models)
        return scores

    @property
    def fair_scores(self) -> pd.DataFrame:
        """Dice against consensuses in which the rater has no part, one without each reader."""
        self._check_readers("fair scores")
        return self[t.FAIR_DICE]

    def table1(self, *, fair: bool = False) -> Table:
        """Median (range) and mean of every rater and level; `fair` puts the fair way beside the usual one.

        Raises
        ------
        StatisticsError
            When there is one reader, and no fair way.
        """
        if fair:
            self._check_readers("fair table")
        return t.fair_table(self) if fair else t.usual_table(self)

    def measures(self, level: str | None = None) -> Table:
        """Every rater by every measure of the design: medians, fair where there are two readers or more.

        Raises
        ------
        StatisticsError
            When the design has no measure beside Dice.
        """
        if m.MEASURES_TABLE1 not in self:
            raise StatisticsError("measures: found Dice alone, expected some more in the design")
        return worded(m.measures_table)(self, [level] if level else [])

    def compare(self, *, margin: float | None = None) -> Table:
        """Every model against every reader and the median reader, by the fair scores.

        Parameters
        ----------
        margin : float, optional
            The loss of Dice that would not matter: tests non-inferiority. By default the design's.

        Raises
        ------
        StatisticsError
            When there is no model or one reader, or the margin is not between 0 and 1.
        """
        self._check_readers("comparison")
        if not (judged := lineage.judged(self)):
            raise StatisticsError(f"comparison: found no model{self._copies()}, expected one or more")
        margin = self.design.margin if margin is None else margin
        fair = self.fair_scores
        found = compare(
            with_patients(fair, self[PATIENTS]) if PATIENTS in self else fair,
            models=judged,
            readers=self.readers,
            margin=margin,
            spoken_of=self.design.spoken_of,
        )
        title = f"Models beside readers: paired differences of Dice, {plural(len(self.exams), 'exam')}"

        def printed(study: ReaderStudy, rows: pd.DataFrame) -> Table:
            return readers_table(rows, title=title, notes=lineage.notes(study))

        return worded(printed)(self, found.assign(way="fair"))

    def compare_models(self) -> Table:
        """Every pair of models, usual and fair; StatisticsError when there are fewer than two."""
        if len(judged := lineage.judged(self)) < 2:
            found = (", ".join(judged) or "none") + self._copies()
            raise StatisticsError(f"models: found {found}, expected two or more to compare")
        return t.methods_table(self)

    def agreement(self) -> Table:
        """How alike the raters' masks are: Dice of every pair, alpha and kappa of the readers."""
        self._check_readers("agreement")
        title = f"Agreement, {plural(len(self.exams), 'exam')}"
        study = self.titled
        found, ordered = (study[t.AGREEMENT_DICE], study[t.AGREEMENT_CHANCE]), study.design.ordered
        return self.by_name(agreement_table(*found, title=title, ordered=ordered, notes=study.design.notes))

    def interchangeability(self) -> Table:
        """The models' agreement with the readers beside the readers' with each other: no consensus.

        Raises
        ------
        StatisticsError
            When there is no model or one reader.
        """
        self._check_readers("interchangeability")
        if not lineage.judged(self):
            raise StatisticsError(f"interchangeability: found no model{self._copies()}, expected one or more")
        return self.printed(t.INTERCHANGEABILITY)

    def _copies(self) -> str:
        copies = ", ".join(f"{model} of {whose}" for model, whose in lineage.copies(self).items())
        return f" (copies: {copies})" if copies else ""

    def _check_readers(self, what: str) -> None:
        if not self.has_consensus:
            raise StatisticsError(f"{what}: found reader {self.readers[0]} alone, expected two or more")

    def declared(self) -> list[Declared]:
        """The tables that there are, in the order of their declaration."""
        return [table for table in t.TABLES if table in self]

    def printed(self, table: Declared) -> Table:
        """A table as it is printed; a ValueError when only its numbers are written."""
        made = table.table(self)
        if made is None:
            raise ValueError(f"{table.name}: found numbers alone, expected a table that is printed")
        return made

    def words(self, table: Declared) -> list[str]:
        """What a table says in sentences; none where it is not there."""
        return table.sentences(self) if table in self else []

    def texts(self) -> dict[str, str]:
        """File name to content, of every table."""
        return {name: text for table in self.declared() for name, text in table.texts(self).items()}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """File name (without ending) and figure, of all that its tables show."""
        from evaluation.study.drawing import draw

        return draw(self)
