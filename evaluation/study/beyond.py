"""What measures beside Dice say of all exams: the same questions, asked of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import pandas as pd

from evaluation.comparison import absent
from evaluation.comparison.models import YARDSTICK, compare_models
from evaluation.comparison.readers import compare
from evaluation.failures.covariates import CATEGORIES, by_category, correlations, with_cohort
from evaluation.failures.places import parts_compared
from evaluation.measures.foci import FOCI_COLUMNS
from evaluation.measures.foci_counts import by_volume, summarise_foci
from evaluation.measures.measure import Measure, Status
from evaluation.scores.fair import NOBODY
from evaluation.scores.interchangeability import FIXED, interchangeability
from evaluation.scores.table1 import summarise_fair, summarise_with_intervals
from evaluation.scores.twins import scored_as_reader
from evaluation.study import measure_tables as m
from evaluation.study.apart import Apart
from evaluation.study.design import Design
from evaluation.study.exam import ScoredExam, of_all
from evaluation.study.measured import CENTRAL, COLUMNS, FAIR, OF_ALL, PAIR, PERIPHERAL, USUAL, Measured
from evaluation.study.patients import patients_in, with_patients
from evaluation.study.results import Declared
from evaluation.study.seeds import Scored
from evaluation.study.tolerances import nsd_curve, study_tolerances

_Found = Iterator[tuple[Declared, pd.DataFrame]]


@dataclass(frozen=True, eq=False)
class Beyond:
    """All exams by every measure; tables are made when they are asked for."""

    design: Design
    exams: Sequence[ScoredExam]
    readers: Sequence[str]
    models: Sequence[str]
    #: Models that are no copies of readers.
    judged: Sequence[str]
    twins: pd.DataFrame
    cohort: pd.DataFrame | None

    def parts(self) -> Iterator[tuple[Callable[[], _Found], tuple[Declared, ...]]]:
        """What makes tables, and which."""
        several = len(self.readers) > 1
        beside = several and bool(self.judged)
        yield self._scores, (m.SCORES, m.MEASURES_TABLE1, *((m.FAIR_SCORES,) if several else ()))
        if beside:
            yield self._beside_readers, (m.MEASURES_COMPARISONS,)
            yield self._without_consensus, (m.MEASURES_INTERCHANGEABILITY,)
        if len(self.judged) > 1:
            yield self._of_models, (m.MEASURES_METHODS,)
        yield self._failures, (m.MEASURES_FAILURES,)
        if any(against == CENTRAL for _, against in self._by_exam):
            yield self._by_slice, (m.MEASURES_BY_SLICE,)
        if self._columns:
            yield self._by_category, (m.MEASURES_BY_CATEGORY,)
        if any(measure.deferred for measure in self.design.measured):
            yield self._of_tolerance, (m.TOLERANCE, m.NSD_CURVE)
        if any(measure.of_foci for measure in self.design.measured):
            yield self._foci, (m.FOCI, m.FOCI_SUMMARY, m.FOCI_BY_VOLUME)

    @property
    def _measured(self) -> list[Measured]:
        return [exam.measured for exam in self.exams if exam.measured]

    @cached_property
    def _tolerances(self) -> pd.DataFrame:
        return study_tolerances(
            self._measured, self.readers, list(self.design.by_name),
            quantile=self.design.tolerance_quantile, given=self.design.tolerances,
        )  # fmt: skip

    @cached_property
    def _by_exam(self) -> Apart:
        """Rows of all exams and measures, Dice first."""
        return Apart(chain([self._dice], self._completed()))

    @cached_property
    def _by_unit(self) -> Apart:
        """The same by what is scored as one: of knees, with a column ``knee``."""
        if self.design.unit == "exam":
            return self._by_exam
        return Apart(chain([self._dice_of("unit_scores", "unit_fair")], self._completed_knees()))

    def _completed(self) -> Iterator[pd.DataFrame]:
        mm = self._millimetres
        for exam in self.exams:
            if measured := exam.measured:
                yield measured.completed(mm).assign(exam=exam.name)

    def _completed_knees(self) -> Iterator[pd.DataFrame]:
        # A knee is measured at the tolerance of whole exams, which more surfaces carry.
        mm = self._millimetres
        for exam in self.exams:
            for knee, measured in exam.measured_knees.items():
                yield measured.completed(mm).assign(exam=exam.name, knee=knee)

    @property
    def _millimetres(self) -> dict[str, float]:
        return self._tolerances.set_index("level").tolerance.to_dict()

    @cached_property
    def _dice(self) -> pd.DataFrame:
        return self._dice_of("scores", "fair")

    def _dice_of(self, usual: str, fair: str) -> pd.DataFrame:
        """Dice as it was scored by counts, as rows of measures."""
        names = {USUAL: usual, **({FAIR: fair} if len(self.readers) > 1 else {})}
        tables = []
        for against, name in names.items():
            found = of_all(self.exams, name)
            marked = (found.n_reference > 0).astype(int) + (found.n_rater > 0)
            status = marked.map({0: Status.UNDEFINED, 1: Status.ONE_EMPTY, 2: Status.SCORED}).map(str)
            named = {"against": against, "measure": "dice", "status": status, "worst": 0.0}
            found = found.assign(**named, other=found.get("left_out", NOBODY))
            columns = [*(name for name in ("exam", "knee") if name in found), *COLUMNS]
            tables.append(found.rename(columns={"dice": "value"})[columns])
        return pd.concat(tables, ignore_index=True)

    def _of(self, measure: Measure, against: str, *, by_unit: bool = True) -> pd.DataFrame:
        """Rows of a measure as the functions on Dice take them; a copy meets what its reader meets."""
        rows = (self._by_unit if by_unit else self._by_exam)[measure.name, against]
        rows = rows.rename(columns={"value": "dice", "other": "left_out"})
        if against == FAIR:
            return scored_as_reader(rows, self.twins, self.readers)
        return rows.drop(columns="left_out")

    def _compared(self, measure: Measure, against: str, *, by_unit: bool = True) -> pd.DataFrame:
        """The same as differences are taken of them: of what has a direction, its size."""
        rows = with_patients(self._of(measure, against, by_unit=by_unit), self._patients)
        return rows.assign(dice=rows.dice.abs()) if measure.signed else rows

    @cached_property
    def _patients(self) -> pd.DataFrame:
        return patients_in(self.cohort, [exam.name for exam in self.exams])

    def _scores(self) -> _Found:
        yield m.SCORES, self._listed(USUAL, m.SCORES)
        if len(self.readers) > 1:
            yield m.FAIR_SCORES, self._listed(FAIR, m.FAIR_SCORES)
        tables = []
        for measure in self.design.measured:
            usual = self._of(measure, USUAL)
            if usual.empty:
                continue
            if len(self.readers) > 1:
                table = summarise_fair(usual, self._of(measure, FAIR), bounds=measure.bounds)
            else:
                table = summarise_with_intervals(usual, bounds=measure.bounds).assign(way="usual")
            tables.append(table.assign(measure=measure.name))
        yield m.MEASURES_TABLE1, pd.concat(tables, ignore_index=True)[list(m.MEASURES_TABLE1.columns)]

    def _listed(self, against: str, table: Declared) -> pd.DataFrame:
        """Every score, with the knee behind the exam where knees are scored."""
        of_measures = [self._of(measure, against) for measure in self.design.measured]
        found = pd.concat(of_measures, ignore_index=True).rename(columns={"dice": "value"})
        exam, *others = table.columns
        return found[[exam, *(["knee"] if "knee" in found else []), *others]]

    def _beside_readers(self) -> _Found:
        known: dict[str, Any] = {"models": self.judged, "readers": self.readers}
        yield (
            m.MEASURES_COMPARISONS,
            self._each(
                lambda measure: compare(
                    self._compared(measure, FAIR), **known, spoken_of=self.design.spoken_of
                )[[name for name in m.COMPARED if name != "measure"]]
            ),
        )

    def _of_models(self) -> _Found:
        def of(measure: Measure) -> pd.DataFrame:
            against = USUAL if len(self.readers) < 2 else OF_ALL
            pairs = compare_models(
                self._compared(measure, against), models=self.judged, spoken_of=self.design.spoken_of
            )
            return pairs[pairs.way == YARDSTICK].drop(columns=["way", *absent.COLUMNS])

        # Of Dice there is a table of its own, by every way.
        yield m.MEASURES_METHODS, self._each(of, dice=False)

    def scored(self) -> list[Scored]:
        """Scores by every measure beside Dice, against the yardstick and fair, as differences are taken."""
        several = len(self.readers) > 1
        return [
            (
                measure.name,
                self._compared(measure, OF_ALL if several else USUAL),
                self._compared(measure, FAIR) if several else None,
            )
            for measure in self.design.measured
            if measure.name != "dice"
        ]

    def _without_consensus(self) -> _Found:
        def of(measure: Measure) -> pd.DataFrame:
            rows = self._by_exam[measure.name, PAIR]
            if rows.empty:
                return pd.DataFrame()
            pairs = rows.assign(value=rows.value.abs()) if measure.signed else rows
            return interchangeability(
                pairs, models=self.judged, readers=self.readers, family=self.design.spoken_of,
                value="value", agreed=measure.best, higher_is_better=measure.higher_is_better,
                leave_out=False, ways=(FIXED,), seed=self.design.seed,
            )  # fmt: skip

        yield m.MEASURES_INTERCHANGEABILITY, self._each(of, dice=False)

    def _failures(self) -> _Found:
        def of(measure: Measure) -> pd.DataFrame:
            rows = self._compared(measure, USUAL, by_unit=False).assign(
                reference_ml=lambda rows: self._reference_ml(rows)
            )
            tables = [correlations(rows, "reference_ml")]
            if self.cohort is not None and "age" in self.cohort:
                ages = with_cohort(rows, self.cohort)
                if pd.to_numeric(ages.age, errors="coerce").notna().any():
                    tables.append(correlations(ages, "age"))
            return pd.concat(tables, ignore_index=True)

        yield m.MEASURES_FAILURES, self._each(of, dice=False)

    def _reference_ml(self, rows: pd.DataFrame) -> pd.Series:
        """Volume of the study's consensus, ml, of each row's exam and level."""
        dice = self._dice[self._dice.against == USUAL]
        voxels = dice.drop_duplicates(["exam", "level"]).set_index(["exam", "level"]).n_reference
        ml = {exam.name: exam.voxel_ml for exam in self.exams}
        found = voxels.reindex(pd.MultiIndex.from_frame(rows[["exam", "level"]])).to_numpy()
        return pd.Series(found * rows.exam.map(ml).to_numpy(), rows.index)

    def _by_slice(self) -> _Found:
        def of(measure: Measure) -> pd.DataFrame:
            parts = (self._compared(measure, part, by_unit=False) for part in (PERIPHERAL, CENTRAL))
            outer, inner = (part.rename(columns={"dice": "value"}) for part in parts)
            both = pd.concat([outer.assign(is_peripheral=True), inner.assign(is_peripheral=False)])
            return parts_compared(both)

        yield m.MEASURES_BY_SLICE, self._each(of, dice=False)

    @cached_property
    def _columns(self) -> list[str]:
        if self.cohort is None:
            return []
        return [name for name in CATEGORIES if name in self.cohort and self.cohort[name].nunique() > 1]

    def _by_category(self) -> _Found:
        def of(measure: Measure) -> pd.DataFrame:
            assert self.cohort is not None
            return by_category(
                with_cohort(self._compared(measure, USUAL, by_unit=False), self.cohort), self._columns
            )

        yield m.MEASURES_BY_CATEGORY, self._each(of, dice=False)

    def _of_tolerance(self) -> _Found:
        yield m.TOLERANCE, self._tolerances
        yield m.NSD_CURVE, nsd_curve(self._measured, [*self.readers, *self.models], list(self.design.by_name))

    def _foci(self) -> _Found:
        def of_exam(exam: ScoredExam, measured: Measured) -> pd.DataFrame:
            rows = [
                (exam.name, rater, left_out, *focus)
                for (left_out, rater), of_pair in measured.foci.items()
                for focus in of_pair
            ]
            return pd.DataFrame(rows, columns=FOCI_COLUMNS)

        # Of many exams there are millions: those of one are columns before the next ones are read.
        each = (of_exam(exam, measured) for exam in self.exams if (measured := exam.measured))
        pieces = [rows for rows in each if len(rows)] or [pd.DataFrame(columns=FOCI_COLUMNS)]
        foci = pd.concat(pieces, ignore_index=True)
        yield m.FOCI, foci
        yield m.FOCI_SUMMARY, summarise_foci(foci)
        yield m.FOCI_BY_VOLUME, by_volume(foci)

    def _each(self, of: Callable[[Measure], pd.DataFrame], *, dice: bool = True) -> pd.DataFrame:
        """A table of every measure, one below the other."""
        tables = [
            of(measure).assign(measure=measure.name)
            for measure in self.design.measured
            if dice or measure.name != "dice"
        ]
        together = pd.concat([table for table in tables if len(table)], ignore_index=True)
        return together[["measure", *(name for name in together if name != "measure")]]
