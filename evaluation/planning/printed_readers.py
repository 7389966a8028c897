"""What a plan says of readers: a table by numbers of exams and readers, and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.planning.closed import MOST
from evaluation.planning.printed import Subject
from evaluation.planning.readers import Components, ReaderWidths
from evaluation.planning.spread import LIMIT
from evaluation.statistics.intervals import Interval
from evaluation.statistics.words import number, percent, plural, with_interval
from evaluation.table import Table

# Readers from whom interchangeability tells how much readers differ.
_FEWEST = 3


def readers_table(
    widths: ReaderWidths, exams: Sequence[int], readers: Sequence[int], subject: Subject
) -> Table:
    """Half widths of interchangeability's interval with readers random, by numbers of exams and readers."""
    data = widths.table(exams, readers)
    cells = {(row.n_readers, row.n_exams): row for row in data.itertuples()}
    rows = [
        [
            plural(k, "reader"),
            *(f"±{number(cells[k, n].half_width)} (±{number(cells[k, n].half_width_upper)})" for n in exams),
            f"±{number(widths.floor(k))}",
        ]
        for k in readers
    ]
    notes = [
        f"Half width of the {percent(widths.confidence)} interval of interchangeability with readers random: "
        "the readers are a sample, and the verdict is to hold for readers like them. In brackets with the "
        f"spread of exams and that of readers at their upper limits (one-sided, {percent(LIMIT)}). Last "
        "column: what readers alone leave. Where readers are most of the spread, more exams can even widen "
        "the interval a little: its t then has the degrees of freedom of few readers.",
        f"Foretold from {plural(widths.n_readers, 'reader')} and {plural(widths.n_exams, 'exam')}: the part "
        "of exams falls as 1 / exams, that of readers as 1 / readers. So few readers tell little of how much "
        "readers differ.",
    ]
    heads = ["Readers", *(plural(n, "exam") for n in exams), "Very many"]
    title = f"Readers of the next study: {subject.first}{subject.where}"
    return Table(title, heads, rows, notes, data)


def readers_in_words(
    widths: ReaderWidths | None,
    parts: Components | None,
    more: Interval | None,
    subject: Subject,
    half_width: float | None = None,
) -> list[str]:
    """What more readers do to the interval, to the mean difference, and to what all are scored against."""
    said = []
    if parts and parts.n_readers < _FEWEST:
        said.append(
            f"Of {plural(parts.n_readers, 'reader')} nobody can tell how much readers differ: for an "
            f"interval that is to hold for readers like them a pilot needs {_FEWEST} or more."
        )
    if widths and half_width:
        said += _readers_for(widths, half_width, subject)
    whole = parts.exam + parts.reader + parts.rest if parts else 0.0
    if parts and whole:
        n, k = parts.n_exams, parts.n_readers
        shares = [percent(part / whole, 0) for part in (parts.exam, parts.reader, parts.rest)]
        now, reader, exams = (parts.error(*of) for of in ((n, k), (n, k + 1), (2 * n, k)))
        said.append(
            f"Of the variance of {subject.first} minus a reader {shares[0]} is between exams, {shares[1]} "
            f"between readers, {shares[2]} neither. Both taken as samples, the mean difference has a "
            f"standard error of {number(now, 3)}; {number(reader, 3)} with one more reader, "
            f"{number(exams, 3)} with twice the exams."
        )
    if more and more.n and parts:
        k = parts.n_readers
        is_clear = more.is_defined and (more.low > 0 or more.high < 0)
        change = with_interval(more.estimate, more.low, more.high, sign=True)
        said.append(
            f"From yardsticks of {plural(k - 1, 'reader')} to that of {k} the scores of {subject.first} "
            f"change by {change} in {plural(more.n, 'exam')}"
            + (
                ", which is clear: studies with other numbers of readers do not compare."
                if is_clear
                else ", which could be chance."
            )
        )
    return said


def _readers_for(widths: ReaderWidths, half_width: float, subject: Subject) -> list[str]:
    k, wanted = widths.n_readers, f"±{subject.size(half_width)}"
    numbers = list(dict.fromkeys([k, k + 1, k + 2, 2 * k, 3 * k, 4 * k]))
    found = ((m, n) for m in numbers if (n := widths.exams(m, half_width)))
    m, n = next(found, (4 * k, None))
    how = f"{percent(widths.confidence)} interval of interchangeability, were the pilot's spreads true"
    if n is None:
        return [
            f"With readers random no number of exams up to {MOST} gives {wanted}, of "
            f"{', '.join(map(str, numbers[:-1]))} or {m} readers: very many exams of {m} leave "
            f"±{number(widths.floor(m))} ({how})."
        ]
    said = f"With readers random {plural(n, 'exam')} of {plural(m, 'reader')} give {wanted}"
    if widths.floor(m) > half_width:
        said += ", though very many do not"
    if m > k:
        said += (
            f"; the {k} of the pilot do not with up to {MOST} exams, and with very many leave "
            f"±{number(widths.floor(k))}"
        )
    return [f"{said} ({how})."]
