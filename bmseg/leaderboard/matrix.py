"""What `bmseg rank` does: a matrix of scores is ranked, and its tables and figures are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.leaderboard.matrix_file import Matrix
from bmseg.outputs import PROVENANCE, Output
from evaluation.figures.files import save_figure
from evaluation.ranking import OVERALL, Rankings, Rules, Scheme, rank_scores
from evaluation.ranking.groups import in_short
from evaluation.ranking.intervals import against_the_ranks, clear_pairs, fewest_cases, in_words
from evaluation.table import DASH, Table

TABLES = ("ranks", "pairwise", "probabilities", "stability", "agreement", "groups")
# Names of files that are replaced whatever the matrix holds.
_OVERWRITES = {*(f"{name}.csv" for name in TABLES), PROVENANCE}
_KIND = "ranking"
_BOUNDS = {"rank_low", "rank_high", "spread_low", "spread_high"}
_SHORTENED = " Of more than eight letters the first, the last and their number stand here, all in groups.csv."
_INTERVALS = (
    "The {} intervals hold all ranks of a task at once: from 1 + number clearly better to n - number clearly "
    "worse. Clear: by Holm-adjusted tests of signed ranks and of means, of a better rank, and overall behind "
    "on no task. The bootstrap spread is where the ranks of most samples lie; it is no interval."
)
# Figures of more algorithms cannot be read.
_MOST_DRAWN = 60


@dataclass(frozen=True)
class RankedMatrix:
    """A matrix with its rankings."""

    matrix: Matrix
    rules: Rules
    rankings: Rankings

    @classmethod
    def of(cls, matrix: Matrix, rules: Rules) -> RankedMatrix:
        """Rank a matrix; raises `evaluation.statistics.intervals.StatisticsError` as `rank_scores` does."""
        return cls(matrix, rules, rank_scores(matrix.scores, rules))

    @property
    def tasks(self) -> list[str]:
        """The tasks, and the overall ranking where there is more than one."""
        tasks = list(dict.fromkeys(self.rankings.ranks.task))
        return tasks if len(tasks) > 2 else [task for task in tasks if task != OVERALL]

    @property
    def by_mean(self) -> pd.DataFrame:
        """The ranks by the mean of the scores."""
        return self.rankings.ranks[self.rankings.ranks.scheme == Scheme.MEAN]

    def tables(self) -> list[str]:
        """The ranking by the mean as Markdown, a table a task."""
        return [table.to_markdown() for table in self.printed()]

    def printed(self) -> list[Table]:
        """The ranking by the mean, a table a task."""
        groups = self.rankings.groups.set_index(["task", "algorithm"]).group
        return [self._table(task, self.by_mean[self.by_mean.task == task], groups) for task in self.tasks]

    def notes(self) -> list[str]:
        """What was taken for granted, what the intervals say, and how many cases do not count as they are."""
        own = self.by_mean[self.by_mean.task != OVERALL]
        missing, undefined = int(own.n_missing.sum()), int(own.n_undefined.sum())
        said = [*self.matrix.notes, *self._sure()]
        if missing:
            said.append(f"Missing: {missing} of {own.n.sum()} scores, which count as {self._counts_as(own)}.")
        if undefined:
            said.append(f"Undefined: {undefined} of {own.n.sum()} scores, which do not count.")
        return said + self._noise()

    def write(self, out: Path, *, with_figures: bool) -> list[str]:
        """Write tables, figures and their record, other files there stay; returns what has to be said."""
        inputs = {
            "matrix_sha256": self.matrix.sha256,
            "columns": dict(self.matrix.columns),
            "rules": self._rules(),
            "notes": self.matrix.notes,
        }
        n = self.rankings.ranks.algorithm.nunique()
        with Output(out, _KIND).replaced(inputs) as staged:
            for name in TABLES:
                rows = getattr(self.rankings, name)
                # Bounds of ranks are whole numbers; empty without interval or bootstraps.
                whole = dict.fromkeys(_BOUNDS & {*rows}, "Int64")
                rows = rows[rows.task.isin(self.tasks)].astype(whole)
                staged.write(f"{name}.csv", rows.to_csv(index=False, lineterminator="\n"))
            if with_figures and n <= _MOST_DRAWN:
                self._draw(staged.folder)
        if with_figures and n > _MOST_DRAWN:
            return [f"No figures: {n} algorithms, and more than {_MOST_DRAWN} cannot be read in one."]
        return []

    def _table(self, task: str, own: pd.DataFrame, groups: pd.Series) -> Table:
        gaps = [name for name in ("missing", "undefined") if own[f"n_{name}"].any()]
        rows = [
            [
                row.algorithm,
                str(row.rank),
                _span(row.rank_low, row.rank_high),
                _span(row.spread_low, row.spread_high),
                in_short(groups[task, row.algorithm]) if (task, row.algorithm) in groups else DASH,
                f"{row.value:.4g}",
                *(str(getattr(row, f"n_{gap}")) for gap in gaps),
            ]
            for row in own.itertuples()
        ]
        value, what = "Mean", "rank by the mean"
        if self._is_mixed and not self.rules.larger_is_better(task):
            what += ", smaller is better"
        if task == OVERALL:
            value, what = "Mean rank", "mean of the ranks of the tasks"
        interval = f"{self.rules.confidence:.0%} interval"
        heads = ["Algorithm", "Rank", interval, "Bootstrap spread", "Group", value]
        return Table(f"{task}: {what}", [*heads, *map(str.capitalize, gaps)], rows, [], own)

    @property
    def _is_mixed(self) -> bool:
        """Whether tasks differ in which way is better."""
        tasks = [task for task in self.tasks if task != OVERALL]
        return len({self.rules.larger_is_better(task) for task in tasks}) > 1

    def _rules(self) -> dict[str, Any]:
        """The rules as plain values."""
        smaller = self.rules.smaller_is_better
        named = smaller if isinstance(smaller, bool) else sorted(smaller)
        return asdict(self.rules) | {"smaller_is_better": named}

    def _counts_as(self, own: pd.DataFrame) -> str:
        """What missing scores count as, task by task where tasks have their own."""
        worst = {task: self.rules.worst_of(task) for task in dict.fromkeys(own.task[own.n_missing > 0])}
        if len(set(worst.values())) == 1:
            return f"{next(iter(worst.values())):g}"
        return ", ".join(f"{value:g} in {task}" for task, value in worst.items())

    def _over_tasks(self) -> list[str]:
        """What the tests over tasks compare, where it is no mean of scores."""
        tasks = [task for task in self.tasks if task != OVERALL]
        weights = self.rules.weights or {}
        ranked = [task for task in tasks if weights.get(task, 1.0)]
        is_tested = OVERALL in self.tasks and OVERALL in set(self.rankings.pairwise.task)
        if not is_tested or not self.rules.are_unlike(ranked):
            return []
        return [
            "overall: the tests compare, case by case, the mean over the tasks of the ranks within the case, "
            "for scores of unlike tasks have no mean. Whoever else is ranked takes part in these ranks. What "
            "is clear holds for the mean of the scores as well, each task in units of its spread."
        ]

    def _sure(self) -> list[str]:
        """What the intervals are, where there is none, and where tests and ranks say otherwise."""
        rankings, confidence = self.rankings, self.rules.confidence
        ranks = self.by_mean
        n = ranks.algorithm.nunique()
        if n == 1:
            return [f"{self.tasks[-1]}: {rankings.no_interval[self.tasks[-1]]}."]
        has_interval = any(task not in rankings.no_interval for task in self.tasks)
        said = [_INTERVALS.format(f"{confidence:.0%}")] * has_interval
        said += [
            "Between algorithms that share a letter no difference is clear."
            + (_SHORTENED if any(in_short(one) != one for one in self.rankings.groups.group) else ""),
            *self._over_tasks(),
        ]
        few: dict[int, list[str]] = {}
        for task in self.tasks:
            if why := rankings.no_interval.get(task):
                said.append(f"{task}: {why}.")
                continue
            pairs = rankings.pairwise[rankings.pairwise.task == task]
            own = ranks[ranks.task == task]
            said += [f"{task}: {text}" for text in in_words(against_the_ranks(own, pairs, confidence))]
            few.setdefault(int((pairs.n_pairs + pairs.n_left_out).max()), []).append(task)
        least = fewest_cases(n, self.rules)
        said += [
            f"{', '.join(tasks)}: of {n} algorithms none can be clearly ahead with fewer than {least} cases; "
            f"found {cases}."
            for cases, tasks in few.items()
            if cases < least
        ]
        return said

    def _noise(self) -> list[str]:
        """Where R's comparison of differences takes floating-point noise for a difference."""
        if self.rules.decimals is not None:
            return []
        rules = replace(self.rules, decimals=12, bootstraps=0)
        rounded = rank_scores(self.matrix.scores, rules, [Scheme.MEAN]).pairwise
        shown = self.rankings.pairwise[self.rankings.pairwise.task.isin(self.tasks)]
        both = shown.merge(rounded, on=["task", "algorithm", "other"], suffixes=("", "_rounded"))
        number = int(((both.p - both.p_rounded).abs() > 1e-12).sum())
        said = (
            f"In {number} of {len(both)} tests equal differences differ in their last digits only (0.3 - 0.2 "
            "and 0.2 - 0.1); R counts them apart and so does p here. --decimals 12 counts them as tied."
        )
        return [said] if number else []

    def _draw(self, out: Path) -> None:
        """Draw three figures a task, and the scores themselves."""
        from evaluation.figures.ranking import blob_plot, scheme_comparison, significance_map
        from evaluation.figures.ranking_scores import exam_heatmap, score_boxplots

        rankings, ranks, tasks = self.rankings, self.by_mean, self.tasks
        chances = rankings.probabilities[rankings.probabilities.scheme == Scheme.MEAN]
        scores = self.matrix.scores.assign(value=pd.to_numeric(self.matrix.scores.value))
        order = ranks[ranks.task == tasks[-1]].algorithm.tolist()
        column = self.matrix.columns["value"]
        label: str | dict[str, str] = column
        of_tasks = [task for task in tasks if task != OVERALL]
        apart: dict[str, Any] = {}
        if self.rules.are_unlike(of_tasks):
            smaller = [task for task in of_tasks if not self.rules.larger_is_better(task)]
            apart = {"apart": True, "smaller_is_better": smaller}
            label = {task: f"{column}, smaller is better" if task in smaller else column for task in of_tasks}
        draws: dict[str, Callable[[], Figure]] = {
            "scores": partial(
                score_boxplots, scores, order, worst=self.rules.worst, label=label, apart=bool(apart)
            ),
            "cases": partial(exam_heatmap, scores, order, label=label, **apart),
        }
        for task, stem in zip(tasks, _stems(tasks), strict=True):
            own = ranks[ranks.task == task]
            if rankings.n_bootstraps:
                draws[f"rank_probabilities_{stem}"] = partial(blob_plot, chances[chances.task == task], own)
            tests = clear_pairs(rankings, task, Scheme.MEAN)
            if len(tests):
                names = own.algorithm.tolist()
                draws[f"significance_{stem}"] = partial(significance_map, tests, names, self.rules.alpha)
            its_schemes = rankings.ranks[rankings.ranks.task == task]
            draws[f"schemes_{stem}"] = partial(scheme_comparison, its_schemes)
        for name, draw in tqdm(draws.items(), desc="figures", disable=None, leave=False):
            save_figure(draw(), out, name)


def _span(low: float, high: float) -> str:
    return DASH if pd.isna(low) else f"{low:.0f}{DASH}{high:.0f}"


def check_place(matrix: Path, out: Path) -> None:
    """Refuse, by an `InputError`, a folder that is a file, or where results would overwrite others' files."""
    if matrix.resolve().parent == out.resolve() and matrix.name in _OVERWRITES:
        raise InputError(f"{matrix}: found it among the files to be written; name another folder with -o")
    Output(out, _KIND).check(_OVERWRITES - {PROVENANCE})


def _stems(tasks: list[str]) -> list[str]:
    """A part of a file's name for each task, no two alike even where capitals are not told apart."""
    stems: dict[str, str] = {}
    for task in tasks:
        stem = re.sub(r"[^\w+-]+", "_", task, flags=re.ASCII).strip("_")[:60] or "task"
        numbered = (stem, *(f"{stem}_{number}" for number in range(2, len(tasks) + 2)))
        chosen = next(name for name in numbered if name.lower() not in stems)
        stems[chosen.lower()] = chosen
    return list(stems.values())
