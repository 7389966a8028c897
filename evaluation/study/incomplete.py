"""Tables of a study in which not every reader drew every exam: who drew what, and what that does to means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import pandas as pd

from evaluation.scores import adjusted
from evaluation.scores.adjusted import adjusted_for_exams
from evaluation.statistics.words import DASH, count_of, number, plural, signed
from evaluation.study.exam import ScoredExam
from evaluation.study.on_demand import Found
from evaluation.study.results import Declared, Results
from evaluation.table import Table

#: Exams of two raters that differ by as much, in Dice, are worth a warning.
WORTH_SAYING = 0.02
# Exams that a sentence names.
_MOST = 5


def readers_per_exam(exams: Sequence[ScoredExam]) -> pd.DataFrame:
    """Who drew each exam: ``exam, n_readers, readers`` (joined by a comma)."""
    drew = {exam.name: exam.consensuses.study.raters for exam in exams}
    rows = [(exam, len(readers), ", ".join(readers)) for exam, readers in drew.items()]
    return pd.DataFrame(rows, columns=READERS_PER_EXAM.columns)


def is_incomplete(exams: Sequence[ScoredExam], readers: Sequence[str]) -> bool:
    """Whether a reader lacks an exam."""
    return any(len(exam.consensuses.study.raters) < len(readers) for exam in exams)


def with_fair_scores(exams: Sequence[ScoredExam], readers: Sequence[str]) -> list[str]:
    """The readers who drew an exam that another reader drew too: others have no fair score."""
    known = {reader for exam in exams for reader in exam.consensuses.without}
    return [reader for reader in readers if reader in known]


def told(drew: pd.DataFrame, readers: Sequence[str]) -> list[str]:
    """What `readers_per_exam` means for everything that follows."""
    n, names = len(drew), [each.split(", ") for each in drew.readers]
    of_each = ", ".join(f"{reader} {sum(reader in each for each in names)}" for reader in readers)
    numbers = drew.n_readers.value_counts().sort_index()
    how_many = ", ".join(f"{plural(count, 'exam')} by {number}" for number, count in numbers.items())
    said = [
        f"Incomplete design: of {plural(n, 'exam')} the readers drew {of_each}; {how_many}. Every consensus "
        "is of those who drew the exam, comparisons are of the exams that both have; rows of different "
        "raters are of different exams. Fair scores, and alpha and kappa on the union, hang on how many "
        "readers an exam has: they are not to be held against those of a complete design."
    ]
    if len(alone := drew.exam[drew.n_readers == 1]):
        which = ", ".join(alone[:_MOST]) + (f" and {len(alone) - _MOST} more" if len(alone) > _MOST else "")
        said.append(
            f"One reader alone drew {count_of(len(alone), n, 'exams')} ({which}): that reader has no score "
            "there and nobody has a fair one; what is said there of models is against that one mask."
        )
    apart = [
        f"{one} and {other}"
        for one, other in combinations(readers, 2)
        if not any(one in each and other in each for each in names)
    ]
    if apart:
        said.append(f"No exam in common, so no agreement: {', '.join(apart)}.")
    return said


def in_rater_order(raters: Sequence[str], make: Callable[[], Found]) -> Found:
    """Tables with raters in their order: that of the first exams is of who drew those.

    Tables of exams go rater by rater then.
    """
    place = {rater: number for number, rater in enumerate(raters)}
    for declared, table in make():
        if "rater" not in table:
            yield declared, table
            continue
        known = list(table.columns[: 1 + table.columns.get_loc("rater")])
        keys = [name for name in known if name != "exam"] + ["other"] * ("other" in table)
        codes = [
            table[name].map(place).fillna(len(place))
            if name in ("rater", "other")
            else pd.Series(pd.factorize(table[name])[0], table.index)
            for name in keys
        ]
        order = pd.concat(codes, axis=1, keys=range(len(codes))).sort_values(
            list(range(len(codes))), kind="stable"
        )
        yield declared, table.loc[order.index].reset_index(drop=True)


def incomplete_tables(exams: Sequence[ScoredExam], fair: pd.DataFrame) -> Found:
    """Those of an incomplete design; `fair` are the fair scores."""
    yield READERS_PER_EXAM, readers_per_exam(exams)
    yield DICE_ADJUSTED, adjusted_for_exams(fair)


def warnings(found: Results) -> list[str]:
    """Where a rater's exams are easier than another's, on the levels spoken of; none in a complete design."""
    if DICE_ADJUSTED not in found:
        return []
    rows = found[DICE_ADJUSTED]
    said = []
    for level in found.design.spoken_of:
        here = rows[(rows.level == level) & (rows.n_defined > 0)]
        if len(here) > 1 and here.ease.isna().any():
            said.append(
                f"{level}: scores cannot be adjusted for the exam: some raters share no exam with the "
                "others, not even by way of third ones"
            )
        elif len(here) > 1 and here.ease.max() - here.ease.min() >= WORTH_SAYING:
            easy, hard = (here.loc[place()] for place in (here.ease.idxmax, here.ease.idxmin))
            as_scored = "; ".join(
                f"{row.rater} {number(row['mean'])} and {number(row.adjusted)}" for row in (easy, hard)
            )
            said.append(
                f"{level}: the exams of {easy.rater} are easier than those of {hard.rater}, by "
                f"{number(easy.ease - hard.ease)} Dice: go by the scores adjusted for the exam (mean fair "
                f"Dice as scored, and adjusted: {as_scored})"
            )
    return said


def _adjusted(found: Results) -> Table:
    rows = [
        [
            f"{row.level}, {row.rater}", number(row.mean), number(row.adjusted), signed(row.ease),
            count_of(row.n_defined, row.n), DASH if not row.n_exams else count_of(row.n_defined, row.n_exams),
        ]
        for row in found[DICE_ADJUSTED].itertuples()
    ]  # fmt: skip
    columns = [
        "Level, rater",
        "Mean",
        "Adjusted for the exam",
        "Ease of its exams",
        "Defined",
        "Of those scored",
    ]
    # Who alone drew an exam has no fair score there, nor has anybody.
    n, scored = len(found.exams), int((found[READERS_PER_EXAM].n_readers > 1).sum())
    exams, those, these = plural(n, "exam"), "all exams", "all exams together"
    if scored < n:
        exams = count_of(scored, n, "exams")
        those, these = f"the {exams} in which anybody has one", "these together"
    told_of = [
        f"Mean fair Dice of the exams that a rater has, and what it would be on {those}: Dice = exam + "
        "rater, by least squares, which takes an exam to be harder by as much for everybody. Ease: by how "
        f"much the rater's exams are easier than {these}.",
        "Defined: of the rater's exams that two readers or more drew. Of those scored: of the exams in which "
        "anybody has a score on the level.",
        "A yardstick of fewer readers is another one; that is in the exam's part.",
    ]
    title = f"Fair Dice adjusted for the exam, {exams}"
    return Table(title, columns, rows, [*told_of, *found.design.notes], found[DICE_ADJUSTED])


def _adjusted_words(found: Results) -> list[str]:
    said = [f"{warning[0].upper()}{warning[1:]}." for warning in warnings(found)]
    return [*(said or [f"No rater's exams are easier than another's by {WORTH_SAYING:g} Dice."]),
            *found.design.notes]  # fmt: skip


READERS_PER_EXAM = Declared(
    "readers_per_exam", "who drew which exam, where not every reader drew every one",
    ["exam", "n_readers", "readers"],
)  # fmt: skip
DICE_ADJUSTED = Declared(
    "dice_adjusted", "mean fair Dice of every rater adjusted for which exams the rater has, there too",
    adjusted.COLUMNS, _adjusted, _adjusted_words, "dice_adjusted_in_words",
)  # fmt: skip

TABLES = [READERS_PER_EXAM, DICE_ADJUSTED]
