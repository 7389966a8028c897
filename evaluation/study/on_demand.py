"""Tables by name, made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from evaluation.study.results import Declared

#: Tables as they are made.
Found = Iterator[tuple[Declared, pd.DataFrame]]


class Part(NamedTuple):
    """Tables that are made together."""

    make: Callable[[], Found]
    #: Those that it always makes, and those that there may be nothing for.
    always: tuple[Declared, ...]
    maybe: tuple[Declared, ...] = ()


class OnDemand(Mapping[str, pd.DataFrame]):
    """Tables by name, made when they are asked for; whether there is one is mostly known before."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = list(parts)
        self._made: dict[str, pd.DataFrame] = {}

    def __contains__(self, name: object) -> bool:
        if any(table.name == name for part in self._parts for table in part.always):
            return True
        self._make([part for part in self._parts if any(table.name == name for table in part.maybe)])
        return name in self._made

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._made:
            self._make([p for p in self._parts if any(each.name == name for each in (*p.always, *p.maybe))])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        self._make(self._parts)
        return iter(self._made)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _make(self, parts: Sequence[Part]) -> None:
        for part in list(parts):
            self._made |= {table.name: frame for table, frame in part.make()}
            self._parts.remove(part)
