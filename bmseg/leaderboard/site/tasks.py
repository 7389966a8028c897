"""What the page says and shows of tasks that are no Dice; nothing where every task is Dice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bmseg.leaderboard.scoring import MISSING, SCORED, UNDEFINED
from bmseg.leaderboard.site.cells import Cell, number, whole
from bmseg.leaderboard.standings import Standings
from bmseg.leaderboard.tasks import DICE, Task, level_of
from evaluation.ranking import Scheme

_SCHEMES = {
    Scheme.MEAN: "In each task the submissions are ranked by their mean score over the exams.",
    Scheme.MEDIAN: "In each task the submissions are ranked by their median score over the exams.",
    Scheme.RANK_MEAN: "In each task the submissions are ranked within every exam, then by the mean of these "
    "ranks.",
    Scheme.RANK_MEDIAN: "In each task the submissions are ranked within every exam, then by the median of "
    "these ranks.",
    Scheme.TEST: "In each task the submissions are ranked by how many of the others they are "
    "significantly better than, by the signed-rank tests alone (see Tests).",
}
_OVERALL = {
    True: "overall of the mean over the tasks, by their weights, of the submission's ranks within the exam, "
    "for scores of unlike measures have no mean; whoever else is ranked takes part in these ranks. What is "
    "clear overall holds for the mean of the scores as well, each task in units of its spread.",
    False: "overall of the exam's mean over the tasks, by their weights.",
}

# Of `evaluation.ranking`, by ranks over unlike tasks (docs/explanation/ranks.md).
_COVERAGE = (
    "On simulated boards of six submissions with near ties and three tasks, of which two are distances, "
    "these intervals held all true ranks at once in 99 of 100 or more."
)


@dataclass(frozen=True)
class Column:
    """A task on the page."""

    name: str
    level: str
    head: str  # what stands behind the level's name
    tip: str
    first: str  # how a click on the head sorts at first
    way: str
    weight: float


def columns(standings: Standings) -> list[Column]:
    """The columns of tasks, in the order of the weights."""
    return [
        Column(
            name=task.name,
            level=task.level,
            head=f"{task.measure.with_unit} ({task.way})",
            tip=_convention(task, standings),
            first="ascending" if task.smaller_is_better else "descending",
            way=task.way,
            weight=task.weight,
        )
        for task in standings.challenge.ranking.tasks
    ]


def cells(standings: Standings) -> dict[str, list[Cell]]:
    """Key to its mean of each task."""
    names = [task.name for task in standings.challenge.ranking.tasks]
    return {row["key"]: [number(row[name]) for name in names] for row in standings.rows.to_dict("records")}


def task_rows(standings: Standings, key: str) -> list[tuple[Column, list[Cell]]]:
    """Mean, median, best, worst and how many are defined, undefined and missing, task by task."""
    found = []
    for task, column in zip(standings.challenge.ranking.tasks, columns(standings), strict=True):
        own = standings.measured[(standings.measured.key == key) & (standings.measured.task == task.name)]
        values = own.value.mask(own.status == MISSING, own.worst)
        ends = [values.min(), values.max()] if task.smaller_is_better else [values.max(), values.min()]
        counts = [int((own.status == status).sum()) for status in (SCORED, UNDEFINED, MISSING)]
        spread = map(number, (values.mean(), values.median(), *ends))
        found.append((column, [*spread, *map(whole, counts)]))
    return found


def exam_cells(standings: Standings, key: str) -> dict[str, list[Cell]]:
    """Exam to its score of each task; undefined and missing ones say so."""
    own = standings.measured[standings.measured.key == key].set_index(["exam", "task"])
    names = [task.name for task in standings.challenge.ranking.tasks]
    return {
        exam: [
            number(own.value[exam, name])
            if own.status[exam, name] == SCORED
            else Cell(str(own.status[exam, name]))
            for name in names
        ]
        for exam in standings.contract.exams
        if names
    }


def records(standings: Standings) -> list[dict[str, Any]]:
    """The tasks for leaderboard.json."""
    tolerances = standings.contract.tolerances
    return [
        {
            "name": task.name, "level": task.level, "measure": task.measure.name,
            "title": task.measure.title, "unit": task.measure.unit, "weight": task.weight,
            "smaller_is_better": task.smaller_is_better, "convention": task.measure.convention,
            "tolerance": tolerances[task.level] if task.measure.deferred else None,
        }
        for task in standings.challenge.ranking.tasks
    ]  # fmt: skip


def measured_by(standings: Standings) -> str:
    """By what submissions are scored: Dice, and what else."""
    titles = dict.fromkeys(task.measure.compared_by for task in standings.challenge.ranking.tasks)
    named = ["Dice", *titles]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def with_tasks(said: list[tuple[str, str]], standings: Standings) -> list[tuple[str, str]]:
    """The rules of a board, of which some say otherwise where tasks are not Dice."""
    rule = standings.challenge.ranking
    if rule.is_of_dice:
        return said
    otherwise = _otherwise(dict(said), standings)
    told = [(name, otherwise.get(name, text)) for name, text in said]
    place = [name for name, _ in told].index("Levels")
    return [*told[:place], ("Tasks", otherwise["Tasks"]), *told[place + 1 :]]


def _otherwise(said: Mapping[str, str], standings: Standings) -> dict[str, str]:
    rule = standings.challenge.ranking
    by_dice = ", ".join(
        f"{standings.shown(level)} (weight {weight:g})" for level, weight in rule.of_dice.items()
    )
    own = [name for name in rule.weights if level_of(name)[1] == DICE]
    tasks = [
        f"{standings.shown(level)}: Dice (higher is better, weight {rule.weights[level]:g})" for level in own
    ]
    tasks += [f"{shown_task(task, standings)} ({task.way}, weight {task.weight:g})" for task in rule.tasks]
    conventions = dict.fromkeys(
        f"{task.measure.title}: {_convention(task, standings)}." for task in rule.tasks
    )
    signed = any(task.measure.signed for task in rule.tasks)
    intervals, simulated, coverage = said["Rank intervals"].partition(" On simulated boards")
    before, _, after = said["Tests"].partition(": of a level's Dice, and overall ")
    _, _, after = after.partition("by their weights. ")
    return {
        "Yardstick": said["Yardstick"]
        .replace("Dice of each exam", "The score of each exam", 1)
        .replace("a submission's Dice", "a submission's score")
        .replace("the readers' Dice", "the readers' scores"),
        "Tasks": f"Ranked: {'; '.join(tasks)}. {' '.join([*conventions, *notices(standings)])}"
        + (" Of a volume difference the size counts, whatever its sign." if signed else "")
        + f" Levels stand on the page by their Dice. Score is the mean of the mean Dice of {by_dice}; "
        "readers, who have no rank, stand where their score does.",
        "Ranking": f"{_SCHEMES[Scheme(rule.scheme)]} The overall rank orders the mean of a submission's "
        "ranks in the tasks, by their weights. Every other scheme stands beside it on this page.",
        "Missing masks": said["Missing masks"]
        if rule.missing == "refuse"
        else "An exam without a mask counts as the worst score: Dice, shares and foci 0, a distance the "
        "diagonal of the exam's grid. It is never left out, and is counted.",
        "Empty masks": f"{said['Empty masks']} Of the other measures: both empty, undefined and not counted "
        "(a volume is 0); one of them empty, the worst score, as for a missing mask.",
        "Tests": f"{before}: of a task's scores, and {_OVERALL[rule.is_unlike]} {after}",
        "Rank intervals": intervals.replace("each level", "each task").replace(
            "on a ranked level", "in a task"
        )
        + (f" {_COVERAGE}" if rule.is_unlike else f"{simulated}{coverage}"),
        "Beside the readers": f"By Dice alone, whatever else is ranked. {said['Beside the readers']}",
    }


def _convention(task: Task, standings: Standings) -> str:
    """How a measure is defined, with its tolerances where these are the readers'."""
    if not task.measure.deferred:
        return task.measure.convention
    known = standings.contract.tolerances
    named = {each.level for each in standings.challenge.ranking.tasks if each.measure.deferred}
    mm = ", ".join(f"{standings.shown(level)} {known[level]:g} mm" for level in known if level in named)
    return f"{task.measure.convention}; tolerances, fixed from the readers' masks: {mm}"


def notices(standings: Standings) -> list[str]:
    """What the tolerances of ranked levels cannot carry."""
    named = {task.level for task in standings.challenge.ranking.tasks if task.measure.deferred}
    told = [text for text in standings.contract.tolerance_notices if text.partition(":")[0] in named]
    return [standings.in_titles(text) for text in told]


def shown_task(task: Task, standings: Standings) -> str:
    """A task as people read it, with its unit."""
    return task.title.replace(task.level, standings.shown(task.level), 1)


def shown_tasks(standings: Standings) -> list[str]:
    """What is ranked, as people read it."""
    rule = standings.challenge.ranking
    others = {task.name: shown_task(task, standings) for task in rule.tasks}
    return [others.get(name) or standings.shown(name) for name in rule.weights]


def axis_labels(standings: Standings) -> dict[str, str]:
    """Task, as it is shown, to the label of its axis in a figure."""
    return {
        shown_task(task, standings): f"{task.title.removeprefix(f'{task.level}: ')}\n({task.way})"
        for task in standings.challenge.ranking.tasks
    }


def of_figure(standings: Standings, names: Mapping[str, str]) -> pd.DataFrame:
    """Scores of tasks as `evaluation.figures.ranking_scores.score_boxplots` takes them."""
    tasks = {task.name: shown_task(task, standings) for task in standings.challenge.ranking.tasks}
    table = standings.measured
    named = table.assign(algorithm=table.key.map(names), task=table.task.map(tasks))
    return named.rename(columns={"exam": "case"})[["task", "algorithm", "case", "value", "status", "worst"]]
