"""What levels and raters are shown as: names stay in CSV files and file names, people read titles.

Names are told apart by column, not by looking for them in sentences: tables get titles first, and whatever is
printed, said or drawn is made from those. A rater called "model" is no word of ours then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from evaluation.comparison.teachers import TOGETHER
from evaluation.study.design import Design

#: Columns that hold a name.
_NAMES = (
    "rater", "other", "model", "level", "reader", "reference", "truth", "decision", "called",
)  # fmt: skip
#: Those that hold a name after a word, and sentences that were made with names.
_WITHOUT, _SENTENCES = ("way", "consensus"), ("words", "notices")
#: Those that hold several names, by what stands between them.
_SEVERAL = {"readers": ", ", "first": " = ", "left_out": TOGETHER, "without": TOGETHER}
# Of tables of votes, in which every rater has a column.
_OF_VOTES = {"voxels", "p0"}
_PREFIX = "without "


def told_apart(titles: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Of some names those that are shown as something else; none that would be taken for another's.

    Examples
    --------
    >>> told_apart({"unet": "U-Net", "a": "Reader", "b": "Reader"}, ["unet", "a", "b", "level1"])
    {'unet': 'U-Net'}
    """
    shown = {name: titles.get(name, name) for name in names}
    alike = [as_seen(title) for title in shown.values()] + [as_seen(name) for name in shown]
    return {
        name: title
        for name, title in shown.items()
        if title != name and alike.count(as_seen(title)) == 1 + (as_seen(title) == as_seen(name))
    }


def as_seen(title: str) -> str:
    """What two titles have in common that a reader would take for one."""
    return " ".join(title.casefold().split())


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A name, several of them (also as keys), or a table, with the names that are given."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, pd.DataFrame):
        return _table(value, names)
    if isinstance(value, Mapping):
        return {renamed(key, names): renamed(each, names) for key, each in value.items()}
    return [renamed(each, names) for each in value] if isinstance(value, Sequence) else value


def in_sentence(text: str, names: Mapping[str, str]) -> str:
    """A sentence that was made with names. A name that could be a word of ours stays as it is.

    Examples
    --------
    >>> in_sentence("the model missed level3.", {"level3": "Level 3", "model": "Our model"})
    'the model missed Level 3.'
    """
    plain = [name for name in names if not re.fullmatch("[a-z]+", name)]
    whole = "|".join(re.escape(name) for name in sorted(plain, key=len, reverse=True)) or "(?!)"
    return re.sub(rf"(?<![\w+-])(?:{whole})(?![\w+-])", lambda found: names[found[0]], text)


def titled_design(design: Design, titles: Mapping[str, str]) -> Design:
    """A design that calls everything by its title."""
    of_names = (
        "levels", "groups", "primary", "colors", "all_readers", "taught_by", "seed_of", "tolerances",
        "repeats",
    )  # fmt: skip
    return replace(design, **{name: renamed(getattr(design, name), titles) for name in of_names}, titles={})


class TitledTables(Mapping[str, pd.DataFrame]):
    """Tables with titles for names, each renamed when it is asked for."""

    def __init__(self, tables: Mapping[str, pd.DataFrame], titles: Mapping[str, str]) -> None:
        self._tables, self._titles = tables, titles
        self._made: dict[str, pd.DataFrame] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._tables

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._made:
            self._made[name] = renamed(self._tables[name], self._titles)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


def _table(table: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    of_columns: dict[str, Callable[[str], str]] = {
        **dict.fromkeys(_NAMES, lambda one: names.get(one, one)),
        **dict.fromkeys(_WITHOUT, lambda one: _after(_PREFIX, one, names)),
        **{name: partial(_each, sign=sign, names=names) for name, sign in _SEVERAL.items()},
        **dict.fromkeys(_SENTENCES, lambda one: in_sentence(one, names)),
    }
    changed = {}
    for name in (name for name in of_columns if name in table):
        shown = {one: of_columns[name](one) if isinstance(one, str) else one for one in table[name].unique()}
        # Without a change a column keeps its type.
        if any(new is not one for one, new in shown.items()):
            changed[name] = table[name].map(shown)
    found = table.assign(**changed)
    return found.rename(columns=dict(names)) if {*found} >= _OF_VOTES else found


def _each(text: str, *, sign: str, names: Mapping[str, str]) -> str:
    return sign.join(names.get(each, each) for each in text.split(sign))


def _after(prefix: str, text: str, names: Mapping[str, str]) -> str:
    rest = text.removeprefix(prefix)
    return prefix + _each(rest, sign=TOGETHER, names=names) if rest != text else text
