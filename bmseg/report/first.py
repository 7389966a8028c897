"""The first screen of a report: facts, the answer, a small table, what to look out for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from matplotlib.figure import Figure

from bmseg.outputs import PROVENANCE
from bmseg.report.origin import profiles
from bmseg.report.part import Cell, Shown
from bmseg.report.scores import median_reader, medians, n_units
from bmseg.scoring.evaluation import Evaluation
from bmseg.workspace import Workspace
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.comparison.verdicts import LevelVerdict, Verdict
from evaluation.figures.beside_readers import levels_beside_readers
from evaluation.statistics.words import (
    DASH,
    count_of,
    number,
    percent,
    plural,
    star_if_short,
    with_interval,
)
from evaluation.study import ReaderStudy
from evaluation.study import tables as t
from evaluation.study.incomplete import READERS_PER_EXAM
from evaluation.study.lineage import first_of_seeds
from evaluation.table import Table

#: More models have no row of their own here.
MOST_MODELS = 4
#: More levels are left to the tables below.
_MOST_LEVELS = 8
#: Names that are listed.
_MOST_NAMES = 4
# Behind a median.
_OF = re.compile(r"\(.*\d of \d+\)$")


def facts(evaluation: Evaluation, workspace: Workspace | None, of_methods: Table | None) -> list[str]:
    """How many exams and readers, which models, how they were trained, and when they were evaluated."""
    found = evaluation.found
    models = first_of_seeds(found)
    exams = plural(len(found.exams), "exam")
    if workspace:
        exams += f" ({(workspace.dataset.cohort().split == 'training').sum()} to train)"
    named = ", ".join(map(found.shown, models[:_MOST_NAMES]))
    named += f" and {len(models) - _MOST_NAMES} more" if len(models) > _MOST_NAMES else ""
    if others := len(found.models) - len(models):
        named += f", and {plural(others, 'network')} of other seeds"
    told = [exams, plural(len(found.readers), "reader"), named or "no model"]
    if of_methods is not None and workspace:
        epochs = sorted({int(each) for each in of_methods.data.epochs.dropna()})
        profile = "".join(f", {name}" for name in profiles(workspace, models))
        told += (
            [f"{' to '.join(map(str, dict.fromkeys(epochs[:: len(epochs) - 1 or 1])))} epochs{profile}"]
            if epochs
            else []
        )
    made = datetime.fromtimestamp((evaluation.folder / PROVENANCE).stat().st_mtime, UTC)
    return [*told, f"{made:%-d %b %Y}"]


def picture(found: ReaderStudy) -> Figure:
    """Fair scores level by level: readers, the median reader, models with intervals."""
    reference = "fair" if found.has_consensus else f"against {found.readers[0]}"
    readers = list(found.readers) if found.has_consensus else []
    summary, models = medians(found), first_of_seeds(found)
    return levels_beside_readers(
        summary[summary.rater.isin([*readers, *models])],
        models=models,
        readers=readers,
        median_reader=median_reader(found).median().dropna().to_dict(),
        apart=list(found.design.groups),
        colors=dict(found.design.colors),
        label=f"Median Dice, {reference}",
        note=found.design.mark,
    )


def answer_table(found: ReaderStudy, meanings: Mapping[str, str]) -> Shown:
    """Level by level: models, the readers' range, the difference to the median reader, a word.

    `meanings` is level to what it means, where the study says it.
    """
    levels = list(found.design.by_name)
    shown = levels if len(levels) <= _MOST_LEVELS else list(found.design.spoken_of)[:_MOST_LEVELS]
    cells = {(row.level, row.rater): row for row in medians(found).itertuples()}
    made = {each.first: each for each in t.verdicts(found) if each.second == MEDIAN_READER}
    heads = [_head(found, level, meanings.get(level, "")) for level in shown]
    columns, rows = (_each_model if len(first_of_seeds(found)) <= MOST_MODELS else _many_models)(
        found, heads, shown, cells, made
    )
    notes, numbers = [], [cell.text for row in rows for cell in row[1:]]
    if any(_OF.search(text) for text in numbers):
        notes.append(f"(n of N): the median of so many {found.design.unit}s, where not of all.")
    if any(text.endswith("\N{DOUBLE DAGGER}") for text in numbers):
        notes.append("\N{DOUBLE DAGGER}: too few exams for that; the widest interval that there is.")
    words = "".join(row[-1].text for row in rows) if made else ""
    if "*" in words:
        notes.append("*: otherwise without the reader who taught it.")
    if "\N{DAGGER}" in words:
        notes.append("\N{DAGGER}: of this network; over the seeds of its method it is not clear.")
    if "\N{SECTION SIGN}" in words:
        notes.append(
            "\N{SECTION SIGN}: told by who marks what is not there, in exams that the difference leaves out."
        )
    if READERS_PER_EXAM in found:
        notes.append("Readers: each of the exams that the reader drew.")
    if left := len(levels) - len(shown):
        notes.append(f"{left} more: see the fair comparison.")
    title = f"Median Dice, {'fair' if found.has_consensus else f'against {found.readers[0]}'}"
    file = f"{(t.TABLE1_FAIR if t.TABLE1_FAIR in found else t.TABLE1).name}.csv"
    return Shown(title, columns, rows, notes, "answer-table", file)


def _head(found: ReaderStudy, level: str, meaning: str) -> Cell:
    group = found.design.groups.get(level)
    kind = "apart" if group else ""
    color = found.design.colors.get(level, "")
    return Cell(level + (f": {meaning}" if meaning else ""), kind=kind, color=color)


def _each_model(
    found: ReaderStudy,
    heads: Sequence[Cell],
    levels: Sequence[str],
    cells: Mapping[tuple[str, str], Any],
    made: Mapping[str, Verdict],
) -> tuple[list[str], list[list[Cell]]]:
    """A row a level and model; of readers alone a row a level."""
    models, differences, total = first_of_seeds(found), _differences(found), n_units(found)
    rows = []
    for head, level in zip(heads, levels, strict=True):
        among = _range(found.readers, level, cells, total)
        if not models:
            rows.append([head, Cell(among)])
        for place, model in enumerate(models):
            spans = 0 if place else len(models)
            row = [replace(head, rows=spans), Cell(model), Cell(_range([model], level, cells, total))]
            if found.has_consensus:
                row += [Cell(among, rows=spans), Cell(differences.get((model, level), DASH))]
                row.append(_word(made.get(model), level))
            rows.append(row)
    confidence = found[t.COMPARISONS].confidence.iloc[0] if t.COMPARISONS in found else 0.95
    columns = ["Level", *(["Model", "Dice"] if models else [])]
    if found.has_consensus or not models:
        columns.append("Readers")
    if found.has_consensus and models:
        columns += [f"Minus median reader ({percent(confidence)})", "Verdict"]
    return columns, rows


def _many_models(
    found: ReaderStudy,
    heads: Sequence[Cell],
    levels: Sequence[str],
    cells: Mapping[tuple[str, str], Any],
    made: Mapping[str, Verdict],
) -> tuple[list[str], list[list[Cell]]]:
    """A row a level: the range of the models, and how many of them are what."""
    rows, total = [], n_units(found)
    for head, level in zip(heads, levels, strict=True):
        words = Counter(_word(made.get(name), level).text for name in first_of_seeds(found))
        told = ", ".join(f"{n} {word}" for word, n in words.items() if word != DASH) or DASH
        row = [head, Cell(_range(first_of_seeds(found), level, cells, total))]
        if found.has_consensus:
            row += [Cell(_range(found.readers, level, cells, total)), Cell(told)]
        rows.append(row)
    columns = ["Level", f"{len(first_of_seeds(found))} models"]
    return columns + (["Readers", "Beside the median reader"] if found.has_consensus else []), rows


def _range(raters: Sequence[str], level: str, cells: Mapping[tuple[str, str], Any], total: int) -> str:
    """Medians of one rater or several, and of how many exams they are where not of all."""
    known = [row for name in raters if (row := cells.get((level, name))) is not None and row.n_defined]
    if not known:
        return DASH
    low, high = (number(end(row.median for row in known)) for end in (min, max))
    fewest, most = (end(row.n_defined for row in known) for end in (min, max))
    shown = low if low == high else f"{low}{DASH}{high}"
    if fewest == total:
        return shown
    return f"{shown} ({f'{fewest} to ' if fewest < most else ''}{count_of(most, total)})"


def _differences(found: ReaderStudy) -> dict[tuple[str, str], str]:
    if t.COMPARISONS not in found:
        return {}
    rows = found[t.COMPARISONS]
    rows = rows[(rows.way == "fair") & (rows.other == MEDIAN_READER)]
    return {
        (row.model, row.level): with_interval(row.difference, row.low, row.high, sign=True, typeset=True)
        + "\N{DOUBLE DAGGER}" * bool(star_if_short(row.coverage, row.confidence))
        for row in rows.itertuples()
    }


def _word(verdict: Verdict | None, level: str) -> Cell:
    if verdict is None:
        return Cell("copy: not judged")
    one = next((each for each in verdict.levels if each.level == level), None)
    if one is None:
        # A group repeats its levels, and no verdict speaks of it.
        return Cell(DASH, kind="even")
    call = _call(one)
    without = [each for other in verdict.without for each in other.verdict.levels if each.level == level]
    taught = any((each.side, each.absent_side) != (one.side, one.absent_side) for each in without)
    seeds = "\N{DAGGER}" * (level in verdict.unclear_over_seeds)
    # Dice does not say it, or says the contrary.
    absent = "\N{SECTION SIGN}" * (one.absent_side not in (0, one.side))
    kind = {"better": "ahead", "worse": "behind"}.get(call, "even")
    return Cell(call + absent + "*" * taught + seeds, kind=kind)


def _call(level: LevelVerdict) -> str:
    sides = {level.side, level.absent_side} - {0}
    if len(sides) > 1:
        return "split"
    if sides:
        return "better" if 1 in sides else "worse"
    if not level.n_pairs:
        return "not comparable"
    return "not settled" if level.clear else "could be chance"
