"""A reader study as a pilot of the next: the differences, teams and readers that a plan rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from evaluation.comparison.models import side_by_side
from evaluation.comparison.paired import paired_differences
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.measures.measure import Measure
from evaluation.planning.readers import Components, ReaderWidths, components
from evaluation.planning.spread import Spread
from evaluation.scores.fair import NOBODY, units
from evaluation.statistics.intervals import Interval, StatisticsError
from evaluation.statistics.signed_rank import hodges_lehmann
from evaluation.statistics.words import plural
from evaluation.study import tables as t
from evaluation.study.incomplete import READERS_PER_EXAM
from evaluation.study.measure_tables import FAIR_SCORES, MEASURES_INTERCHANGEABILITY
from evaluation.study.results import Results

#: Columns of fair scores that say whether a level is there, which an earlier version did not write.
_COUNTS = ("n_reference", "n_rater", "worst")


class Teams(NamedTuple):
    """What a pilot says of the difference of two teams."""

    spread: Spread
    #: Whether it is of models: else of the model and the median reader.
    of_models: bool
    #: Pairs of models, and those of them that say nothing of the spread: they are left out.
    n_pairs: int = 0
    n_left_out: int = 0

    def notes(self, model: str) -> list[str]:
        """What stands below a plan of teams."""
        if not self.of_models:
            return [f"Between teams: the SD of {model} minus the median reader: one model alone."]
        if not self.n_left_out:
            return []
        return [
            f"Between teams: {self.n_left_out} of {plural(self.n_pairs, 'pair')} of models left out, which "
            "differ by the same in every exam, or have a difference in fewer than three: they say nothing of "
            "how much teams vary."
        ]


@dataclass(frozen=True, eq=False)
class Pilot:
    """A study, and of it a model, level and measure; differences are turned so that more than 0 is better."""

    found: Results
    model: str
    level: str
    measure: Measure

    @classmethod
    def of(cls, found: Results, *, level: str, model: str = "", measure: str = "dice") -> Pilot:
        """Of a reader study; without a model its only one.

        Raises
        ------
        StatisticsError
            When the study has fewer than two readers or exams, or no such level, model or measure.
        """
        if len(found.readers) < 2 or t.COMPARISONS not in found:
            raise StatisticsError(
                f"pilot: found {plural(len(found.readers), 'reader')} and "
                f"{plural(len(found.models), 'model')} to be compared, expected two readers or more "
                "and a model that is no copy of one"
            )
        if len(found.exams) < 2:
            raise StatisticsError(
                "pilot: found one exam, expected several: one says nothing of how they vary"
            )
        judged = list(dict.fromkeys(found[t.COMPARISONS].model))
        if not model and len(judged) > 1:
            raise StatisticsError(f"model: found none named, expected one of {', '.join(judged)}")
        model = model or judged[0]
        measures = {each.name: each for each in found.design.measured}
        known = {
            "model": (model, judged),
            "level": (level, found.design.by_name),
            "measure": (measure, measures),
        }
        for name, (value, expected) in known.items():
            if value not in expected:
                raise StatisticsError(f"{name}: found '{value}', expected one of {', '.join(expected)}")
        return cls(found, model, level, measures[measure])

    @property
    def judged(self) -> list[str]:
        """The models that are compared: no copies of readers."""
        return list(dict.fromkeys(self.found[t.COMPARISONS].model))

    @property
    def n_tests(self) -> int:
        """Tests that verdicts are adjusted for in the pilot: models times levels that are spoken of."""
        return len(self.judged) * len(self.found.design.spoken_of)

    def beside_median(self) -> Spread:
        """Of the model minus the median reader, by the fair scores; as `Spread.of`."""
        return Spread.of(self._turned(self._differences(MEDIAN_READER)))

    def between_teams(self) -> Teams:
        """Of the difference of two models; of a model alone: of it and the median reader.

        Of several pairs of models: their pooled standard deviation. Drawn from normally.

        Raises
        ------
        StatisticsError
            When no pair has three exams with a difference, or none varies.
        """
        pairs = list(combinations(self.judged, 2))
        if not pairs:
            alone = self.beside_median()
            found = Spread.normal(0.0, alone.sd, alone.n)
            return Teams(replace(found, n_undefined=alone.n_undefined), of_models=False)
        spreads, errors = [], []
        for pair in pairs:
            exams = side_by_side(self._rows, *pair)
            try:
                spreads.append(Spread.of((exams[pair[0]] - exams[pair[1]]).to_numpy()))
            except StatisticsError as error:
                # As of two models that mark nothing: the others still tell how much teams differ.
                errors.append(error)
        if not spreads:
            raise errors[0]
        variances, freedom = ([each.sd**2 for each in spreads], [each.n - 1 for each in spreads])
        # Pairs share models, so that all of them tell no more of the spread than the smallest does.
        pooled = float(np.sqrt(np.average(variances, weights=freedom)))
        found = Spread.normal(0.0, pooled, min(freedom) + 1)
        found = replace(found, n_undefined=len(self._exams) - found.n)
        return Teams(found, True, len(pairs), len(errors))

    def by_reader(self) -> Components | None:
        """Of the model minus each reader, by the fair scores; None where no two exams have all of them."""
        each = [self._differences(reader) for reader in self.found.readers]
        try:
            return components(np.stack([self._turned(of_one) for of_one in each], axis=1))
        except StatisticsError:
            return None

    def reader_widths(self) -> ReaderWidths | None:
        """Of interchangeability with readers random; None where the pilot has none."""
        table = t.INTERCHANGEABILITY if self.measure.name == "dice" else MEASURES_INTERCHANGEABILITY
        if table not in self.found:
            return None
        rows = self.found[table]
        rows = rows[(rows.level == self.level) & (rows.model == self.model)]
        if "measure" in rows:
            rows = rows[rows.measure == self.measure.name]
        # Without a row of random readers there is nothing to foretell.
        return ReaderWidths.of(rows, len(self.found.readers))

    def one_more_reader(self) -> Interval | None:
        """By how much the model's Dice is higher against all readers' yardstick than without one of them.

        Hodges-Lehmann, exam by exam, over the means of all yardsticks without one; None where the pilot has
        none, or readers drew some of its exams each.
        """
        if self.measure.name != "dice" or t.DICE_BY_YARDSTICK not in self.found:
            return None
        if READERS_PER_EXAM in self.found:
            return None
        rows = self.found[t.DICE_BY_YARDSTICK]
        chosen = (rows.rater == self.model) & (rows.level == self.level)
        rows = rows[chosen & (rows["rule"] == self.found.design.yardstick)]
        if rows.empty:
            return None
        by, is_all = units(rows), rows.left_out == NOBODY
        all_of_them = rows[is_all].set_index(by).dice
        without_one = rows[~is_all].groupby(by, sort=False).dice.mean()
        differences = (all_of_them - without_one).groupby("exam", sort=False).mean()
        return hodges_lehmann(differences.to_numpy())

    def _turned(self, differences: pd.Series) -> np.ndarray:
        return differences.to_numpy(dtype=float) * (1 if self.measure.higher_is_better else -1)

    def _differences(self, other: str) -> pd.Series:
        found = paired_differences(self._rows, self.model, other, self.found.readers)
        return found.reindex(self._exams)

    @property
    def _exams(self) -> Sequence[str]:
        return list(dict.fromkeys(self._rows.exam))

    @cached_property
    def _rows(self) -> pd.DataFrame:
        """Fair scores of the level by the measure, as functions on Dice take them.

        StatisticsError where an earlier version wrote them, without what they need.
        """
        if self.measure.name == "dice":
            rows = self.found[t.FAIR_DICE]
            return rows[rows.level == self.level]
        rows = self.found[FAIR_SCORES]
        if missing := [name for name in _COUNTS if name not in rows]:
            raise StatisticsError(
                f"fair_scores: found no {', '.join(missing)}, as an earlier version wrote it, expected these "
                "columns; evaluate again"
            )
        rows = rows[(rows.level == self.level) & (rows.measure == self.measure.name)]
        rows = rows.rename(columns={"value": "dice"})
        return rows.assign(dice=rows.dice.abs()) if self.measure.signed else rows
