"""The engine: readers and models scored, computed once, answered as tables, sentences and figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from evaluation.study.compute import compute_tables
from evaluation.study.design import Design
from evaluation.study.exam import ScoredExam
from evaluation.study.results import Declared, Results
from evaluation.study.tables import TABLES
from evaluation.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ReaderStudy(Results):
    """A reader study: ``study[tables.DICE]`` is a table, and from tables everything else is made.

    The same object whether it was just computed (`of`) or its tables were read back from files.
    """

    @classmethod
    def of(
        cls,
        design: Design,
        exams: Sequence[ScoredExam],
        readers: Sequence[str],
        models: Sequence[str],
        cohort: pd.DataFrame | None = None,
    ) -> ReaderStudy:
        """Compute the tables of scored exams; parameters and errors are those of `compute_tables`."""
        tables = compute_tables(design, exams, readers, models, cohort)
        return cls(design, readers, models, [exam.name for exam in exams], tables)

    def declared(self) -> list[Declared]:
        """The tables that there are, in the order of their declaration."""
        return [table for table in TABLES if table in self]

    def printed(self, table: Declared) -> Table:
        """A table as it is printed.

        Raises
        ------
        ValueError
            When only its numbers are written.
        """
        made = table.printed(self) if table.printed else None
        if made is None:
            raise ValueError(f"{table.name}: found numbers alone, expected a table that is printed")
        return made

    def words(self, table: Declared) -> list[str]:
        """What a table says in sentences; none where it is not there."""
        return table.words(self) if table.words and table in self else []

    def texts(self) -> dict[str, str]:
        """File name to content, of every table."""
        return {name: text for table in self.declared() for name, text in table.texts(self).items()}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """File name (without ending) and figure, of all that its tables show."""
        from evaluation.study.drawing import draw

        return draw(self)
