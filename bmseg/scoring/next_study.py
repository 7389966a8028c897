"""What `bmseg design` does: how many exams and readers the next study needs, from a pilot or an SD."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bmseg.errors import InputError
from bmseg.outputs import Output
from bmseg.scoring.evaluation import KEPT_STUDY, Evaluation
from bmseg.study import DEFAULT_STUDY
from evaluation.figures.files import save_figure
from evaluation.figures.planning import exams_needed
from evaluation.measures.measure import Measure
from evaluation.measures.named import measures
from evaluation.planning import printed, printed_readers
from evaluation.planning.board import BOARDS, plan_board
from evaluation.planning.exams import Assumed, Goal, Wanted, curves, plan_exams
from evaluation.planning.pilot import Pilot
from evaluation.planning.printed import Subject
from evaluation.planning.simulated import STUDIES
from evaluation.planning.spread import Spread
from evaluation.statistics.intervals import StatisticsError
from evaluation.study import lineage
from evaluation.table import Table

_KIND = "design"
# Numbers of exams and readers of the table of readers, as multiples of the pilot's.
_TIMES_EXAMS, _TIMES_READERS = (1, 2, 4), (1, 1.5, 2, 4)


@dataclass(frozen=True)
class Asked:
    """What the next study is to reach; None where it is not asked."""

    half_width: float | None = None
    margin: float | None = None
    better: bool = False
    teams: int | None = None
    gap: float | None = None
    power: float = 0.8
    confidence: float = 0.95
    tests: int | None = None
    #: The true difference, in place of the pilot's.
    mean: float | None = None
    studies: int = STUDIES
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mean is not None and not math.isfinite(self.mean):
            raise StatisticsError(f"mean: found {self.mean:g}, expected a finite difference")
        wanted = self.wanted(1)
        if self.teams is not None and self.gap is not None:
            wanted.append(Wanted(Goal.BOARD, self.gap, power=self.power, confidence=self.confidence))
            if self.teams < 2:
                raise StatisticsError(f"teams: found {self.teams}, expected two or more")
        if not wanted:
            raise StatisticsError("wanted: found nothing, expected a half width, a margin, better, or teams")

    def wanted(self, tests: int) -> list[Wanted]:
        """The goals beside a board."""
        rules: dict[str, Any] = {"power": self.power, "confidence": self.confidence}
        tested = rules | {"tests": self.tests or tests}
        found = []
        if self.half_width is not None:
            found.append(Wanted(Goal.HALF_WIDTH, self.half_width, **rules))
        if self.margin is not None:
            found.append(Wanted(Goal.NOT_WORSE, self.margin, **tested))
        if self.better:
            found.append(Wanted(Goal.BETTER, **tested))
        return found


@dataclass(frozen=True, eq=False)
class NextStudy:
    """A plan: its tables, what they say, and what it was made from."""

    subject: Subject
    rows: pd.DataFrame
    curves: pd.DataFrame
    tables: Sequence[Table]
    said: Sequence[str]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    mark: str = ""

    @classmethod
    def of_pilot(
        cls, folder: Path, study_file: Path | None, asked: Asked, *, level: str, model: str, measure: str
    ) -> NextStudy:
        """From an evaluation; InputError where there is none, or it is no pilot."""
        kept = folder / KEPT_STUDY
        source = study_file or (kept if kept.is_file() else DEFAULT_STUDY)
        evaluation = Evaluation.read(folder, source)
        try:
            pilot = Pilot.of(evaluation.found, level=level, model=model, measure=measure)
            return cls._of(pilot, asked, evaluation)
        except StatisticsError as error:
            raise InputError(f"{folder}: {error}") from None

    @classmethod
    def _of(cls, pilot: Pilot, asked: Asked, evaluation: Evaluation) -> NextStudy:
        name = pilot.measure
        _check_range(asked, name)
        found = evaluation.found
        subject = Subject(
            found.shown(pilot.model), "the median reader", name.title, name.unit, found.shown(pilot.level),
            not name.higher_is_better,
        )  # fmt: skip
        spread, design = pilot.beside_median(), found.design
        teams = pilot.between_teams() if asked.teams else None
        notes = [*(teams.notes(subject.first) if teams else []), *lineage.notes(found.titled)]
        made = cls._planned(spread, teams and teams.spread, asked, subject, pilot.n_tests, notes)
        widths = pilot.reader_widths()
        widths = widths and replace(widths, confidence=asked.confidence)
        more = printed_readers.readers_in_words(
            widths, pilot.by_reader(), pilot.one_more_reader(), subject, asked.half_width
        )
        tables = [*made.tables]
        if widths:
            exams = [widths.n_exams * times for times in _TIMES_EXAMS]
            readers = [round(widths.n_readers * times) for times in _TIMES_READERS]
            tables.append(printed_readers.readers_table(widths, exams, readers, subject))
        inputs = {
            "asked": asdict(asked), "model": pilot.model, "level": pilot.level, "measure": name.name,
            "pilot_inputs_sha256": evaluation.record["inputs_sha256"], "synthetic": evaluation.synthetic,
        }  # fmt: skip
        said = found.titled.own_words
        tables, sentences = said(tables), said([*made.said, *more])
        return cls(subject, made.rows, made.curves, tables, sentences, inputs, design.mark)

    @classmethod
    def of_numbers(cls, sd: float, n: int, asked: Asked, *, level: str, measure: str) -> NextStudy:
        """From the standard deviation of differences, of `n` exams or taken for known."""
        spread = Spread.normal(asked.mean or 0.0, sd, n)
        named = _measure(measure)
        _check_range(asked, named, sd)
        subject = Subject(
            "the model", "the reader", named.title, named.unit, level, not named.higher_is_better
        )
        made = cls._planned(spread, spread, asked, subject, 1, [])
        inputs = {"asked": asdict(asked), "sd": sd, "exams": n, "level": level, "measure": measure}
        return cls(subject, made.rows, made.curves, made.tables, made.said, inputs)

    @classmethod
    def _planned(
        cls,
        spread: Spread,
        teams: Spread | None,
        asked: Asked,
        subject: Subject,
        tests: int,
        notes: Sequence[str],
    ) -> NextStudy:
        drawn = {"studies": asked.studies, "seed": asked.seed}
        wanted = asked.wanted(tests)
        plans, said = [], []
        if wanted:
            plans.append(plan_exams(spread, wanted, difference=asked.mean, **drawn))
            said += printed.sentences(plans[0], subject, spread)
        if asked.teams is not None and asked.gap is not None:
            assert teams is not None
            board = {"boards": min(BOARDS, asked.studies), "seed": asked.seed}
            rules: dict[str, Any] = {"power": asked.power, "confidence": asked.confidence}
            assumed = Assumed.GIVEN if spread.centres is None else Assumed.PILOT
            plans.append(plan_board(teams, asked.teams, asked.gap, assumed=assumed, **rules, **board))
            said += printed.sentences(plans[-1], subject, teams)
        rows = pd.concat(plans, ignore_index=True)
        drawn_curves = [
            curves(spread, each, _last(rows, each), difference=asked.mean, **drawn) for each in wanted
        ]
        told = [*printed.cannot_say(rows, subject, spread, asked.studies), *notes]
        table = printed.exams_table(rows, subject, told)
        return cls(subject, rows, pd.concat(drawn_curves) if wanted else pd.DataFrame(), [table], said)

    def write(self, out: Path) -> None:
        """Write tables, sentences, the figure and their record; other files there stay."""
        with Output(out, _KIND).replaced(self.inputs) as staged:
            staged.write("design.csv", _csv(self.rows))
            parts = ["".join(f"- {sentence}\n" for sentence in self.said)]
            staged.write("design.md", "\n".join([*(table.to_markdown() for table in self.tables), *parts]))
            for table in self.tables[1:]:
                staged.write("design_readers.csv", _csv(table.data))
            if len(self.curves):
                staged.write("design_curve.csv", _csv(self.curves))
                note = "\n".join(part for part in (self.subject.in_full, self.mark) if part)
                figure = exams_needed(self.curves, self.rows, titles=self._title, note=note)
                save_figure(figure, staged.folder, "design")

    def _title(self, goal: str, target: float) -> str:
        subject = self.subject
        return {
            Goal.HALF_WIDTH: f"Interval of ±{subject.size(target)}",
            Goal.NOT_WORSE: f"Not worse by {subject.size(target)}",
            Goal.BETTER: "Better",
        }[Goal(goal)]


def check_place(out: Path) -> None:
    """Refuse, by an InputError, a folder that is a file or holds another command's results."""
    Output(out, _KIND).check()


def _measure(name: str) -> Measure:
    """A measure by its name; InputError where there is no such one, or several."""
    try:
        found = measures([name])
    except ValueError as error:
        raise InputError(str(error)) from None
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise InputError(f"measure: found '{name}', which is several, expected one of {names}")
    return found[0]


def _check_range(asked: Asked, measure: Measure, sd: float | None = None) -> None:
    """Refuse, by a StatisticsError, what no two scores of a measure can differ by."""
    widest = measure.bounds[1] - measure.bounds[0]
    given = {"sd": sd, "mean": asked.mean, "half-width": asked.half_width}
    given |= {"margin": asked.margin, "gap": asked.gap}
    for name, value in given.items():
        if value is not None and abs(value) >= widest:
            raise StatisticsError(
                f"{name}: found {value:g}, expected less than {widest:g}, all that two scores of "
                f"{measure.title} can differ by"
            )


def _last(rows: pd.DataFrame, wanted: Wanted) -> int:
    """As far as the curve of a goal goes: a little beyond the largest number that was found."""
    own = rows[(rows.goal == wanted.goal) & (rows.target == wanted.target)]
    most = own.n.max()
    return 200 if pd.isna(most) else min(1000, int(1.3 * most) + 6)


def _csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, float_format="%.9g", lineterminator="\n")
