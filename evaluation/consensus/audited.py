"""Audits of many consensuses, pooled over exams: a row a finding, a table to print, and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from evaluation.consensus.audit import KINDS, Finding, Kind
from evaluation.statistics.words import DASH, count_of
from evaluation.table import Table

#: Columns of `audited`, in order.
AUDIT = ["exam", "consensus", "rule", "kind", "level", "voxels", "of", "readers", "words"]
#: Names of consensuses: of all readers by the study's own rule and the yardstick's, and without each reader.
STUDY, YARDSTICK, WITHOUT = "study", "yardstick", "without "

_KINDS: dict[Kind, str] = {
    "overruled": "unanimous votes overruled",
    "one rater": "a level that rests on one reader alone",
    "two raters": "two readers, who do not determine a consensus: where they differ the rule decides",
    "undetermined": "several answers of the same likelihood",
    "not converged": "a search cut short",
    "not monotone": "higher votes that got a lower level",
    "not diagonal": "a reader who calls a level otherwise more often than by its name",
}
#: Places that a sentence names.
_MOST = 3


def audited(
    findings: Mapping[str, Mapping[str, Sequence[Finding]]],
    rules: Mapping[str, str],
    levels: Mapping[int, str],
) -> pd.DataFrame:
    """A row a finding.

    Parameters
    ----------
    findings : mapping of str to mapping
        Exam to the findings of each of its consensuses.
    rules : mapping of str to str
        Of each of these consensuses.
    levels : mapping of int to str
        Label value to its name.
    """
    rows = [
        (
            exam, which, rules[which], each.kind, "" if each.level is None else levels[each.level],
            each.voxels, each.of, ", ".join(each.readers), each.words,
        )
        for exam, consensuses in findings.items()
        for which, found in consensuses.items()
        for each in found
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=AUDIT)


def audit_table(
    found: pd.DataFrame, numbers: Mapping[str, int], *, title: str, notes: Sequence[str] = ()
) -> Table:
    """`audited` to print, a row a group of consensuses, kind and level; `numbers` as in `audit_words`."""
    rows = []
    groups = found.assign(group=_groups(found))
    for group, number in numbers.items():
        for kind in KINDS:
            here = groups[(groups.group == group) & (groups.kind == kind)]
            for level, each in here.groupby("level", sort=False):
                worst = _worst_first(each).iloc[0]
                voxels = count_of(int(each.voxels.sum()), int(each.of.sum()))
                rows.append([
                    _CALLED[group], _KINDS[kind], level or DASH, count_of(len(each), number), voxels,
                    f"{_place(worst)}: {count_of(worst.voxels, worst.of)}",
                ])  # fmt: skip
    told = [
        "Voxels: of those that could have been, in the consensuses with this finding.",
        "Nothing of this shows in a score against the consensus.",
    ]
    columns = ["Consensus", "Found", "Level", "Consensuses", "Voxels", "Worst"]
    return Table(title, columns, rows, [*told, *notes], found)


def audit_words(found: pd.DataFrame, numbers: Mapping[str, int], rules: Mapping[str, str]) -> list[str]:
    """What the audits found, a sentence a group of consensuses and kind, the worst exams named.

    Parameters
    ----------
    found : DataFrame
        Of `audited`.
    numbers : mapping of str to int
        Consensuses in each group: `STUDY`, `YARDSTICK`, `WITHOUT`.
    rules : mapping of str to str
        Of each group, in words.
    """
    sentences = []
    groups = found.assign(group=_groups(found))
    for group, number in numbers.items():
        heading = f"{_CALLED[group][0].upper()}{_CALLED[group][1:]} ({rules[group]})"
        here = groups[groups.group == group]
        if here.empty:
            sentences.append(f"{heading}: nothing found in any of {number} {_NOUN[group]}.")
        for kind in KINDS:
            if len(each := here[here.kind == kind]):
                among = len(each.drop_duplicates(["exam", "consensus"]))
                in_how_many = count_of(among, number, _NOUN[group])
                where = _readers(each) if kind == "not diagonal" else _places(each)
                sentences.append(f"{heading}: {_KINDS[kind]}, in {in_how_many}: {where}.")
    return sentences


_CALLED = {
    STUDY: "the study's consensus",
    YARDSTICK: "the yardstick",
    WITHOUT: "consensuses without one reader",
}

_NOUN = {STUDY: "exams", YARDSTICK: "exams", WITHOUT: "consensuses"}


def _groups(found: pd.DataFrame) -> pd.Series:
    return found.consensus.where(~found.consensus.str.startswith(WITHOUT), WITHOUT)


def _worst_first(found: pd.DataFrame) -> pd.DataFrame:
    return found.sort_values("voxels", ascending=False, kind="stable")


def _place(row: pd.Series) -> str:
    return f"{row.exam} {row.consensus}" if row.consensus.startswith(WITHOUT) else str(row.exam)


def _places(found: pd.DataFrame) -> str:
    """621 of 655 voxels of level1 in knee_093; the worst `_MOST` of them."""
    worst = [row for _, row in _worst_first(found).head(_MOST).iterrows()]
    parts = []
    for number, row in enumerate(worst):
        voxels = count_of(row.voxels, row.of, "" if number else "voxels")
        parts.append(f"{voxels}{f' of {row.level}' if row.level else ''} in {_place(row)}")
    more = len(found) - len(worst)
    return ", ".join(parts) + (f", and {more} more" if more else "")


def _readers(found: pd.DataFrame) -> str:
    """reader4 level2 (9), level3 (7), in so many consensuses; those who are named most often first."""
    named = found.assign(reader=found.readers.str.split(", ")).explode("reader")
    times = named.groupby(["reader", "level"], sort=False).size()
    most = times.groupby("reader").sum().sort_values(ascending=False, kind="stable")
    return "; ".join(
        f"{reader} " + ", ".join(f"{level} ({n})" for level, n in times[reader].items())
        for reader in most.index
    )
