"""Rows of all exams and measures, taken apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_string_dtype


class Apart:
    """Rows by measure and what they are against; none where there are none.

    Of many exams there are millions. Their text repeats, and is kept as numbers until it is asked for.
    """

    def __init__(self, tables: Iterable[pd.DataFrame]) -> None:
        self._numbers: dict[str, int] = {}
        self._text: dict[str, Any] = {}
        pieces: dict[tuple[str, str], list[pd.DataFrame]] = {}
        for table in tables:
            self._none = table.iloc[:0]
            text = {name: table[name] for name in table if is_string_dtype(table[name])}
            self._text |= {name: column.dtype for name, column in text.items()}
            numbered = table.assign(**{name: self._numbered(column) for name, column in text.items()})
            for key, places in table.groupby(["measure", "against"], sort=False).indices.items():
                pieces.setdefault(key, []).append(numbered.iloc[places])
        self._rows = {}
        while pieces:
            key = next(iter(pieces))
            self._rows[key] = pd.concat(pieces.pop(key), ignore_index=True)

    def _numbered(self, column: pd.Series) -> np.ndarray:
        codes, words = pd.factorize(column)
        numbers = [self._numbers.setdefault(word, len(self._numbers)) for word in words]
        # What is missing has the code -1, which is the last one.
        return np.array([*numbers, -1], np.int32)[codes]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._rows)

    def __getitem__(self, key: tuple[str, str]) -> pd.DataFrame:
        if key not in self._rows:
            return self._none
        rows = self._rows[key]
        words = np.array([*self._numbers, np.nan], object)
        text = {name: dtype for name, dtype in self._text.items() if name in rows}
        return rows.assign(**{name: pd.array(words[rows[name]], dtype) for name, dtype in text.items()})
