"""Text of teams where it is shown: nothing of it runs, hides or turns the line."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from bmseg.errors import InputError
from bmseg.leaderboard.entries import Entry

#: Longest label in a figure, in characters.
LABEL = 26

# Two hyphens part team and submission in a page's name, so a submission has none of them in a row.
_TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SUBMISSION = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
_LINK = re.compile(r"https?://[^\s<>\"'\\]+")
# Format characters that shape emoji and letters of several scripts.
_JOINERS = "\u200c\u200d"
# What a spreadsheet takes for a formula where a cell begins with it (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def page_name(entry: Entry) -> str:
    """The name of a submission's page, without its ending.

    Raises
    ------
    InputError
        When team or submission hold what does not belong in a file name.
    """
    for field, value, form in (("team", entry.team, _TEAM), ("submission", entry.submission, _SUBMISSION)):
        if not form.fullmatch(value):
            raise InputError(
                f"{field}: found {value!a}, expected letters A to Z, digits, and single - or _ between"
            )
    return f"{entry.team}--{entry.submission}"


def plain(text: str) -> str:
    r"""Text in which nothing is invisible: control and format characters are shown as a replacement mark.

    Line breaks and tabs become spaces. Format characters include those that turn the direction of a line;
    the joiners of emoji and of several scripts stay.

    Examples
    --------
    >>> plain("net\u202egnp.exe\n") == "net\ufffdgnp.exe"
    True
    """
    spaced = " ".join(text.split())
    return "".join("\ufffd" if _is_hidden(mark) else mark for mark in spaced)


def link(url: str) -> str:
    """The address where it is one of a web page; else nothing, as for ``javascript:``."""
    return url if _LINK.fullmatch(url) else ""


def figure_labels(names: Mapping[str, str], identifiers: Mapping[str, str]) -> dict[str, str]:
    """A short label a key for figures, each another; identifiers tell apart names that look the same.

    Examples
    --------
    >>> figure_labels({"a/1": "team a: net", "a/2": "team a: net"}, {"a/1": "5feceb66", "a/2": "6b86b273"})
    {'a/1': 'team a: net [5feceb]', 'a/2': 'team a: net [6b86b2]'}
    """
    short = {key: _cut(plain(name), LABEL) for key, name in names.items()}
    twice = repeated(short.values())
    longer = {
        key: _with_end(label, f" [{identifiers[key][:6]}]") if label in twice else label
        for key, label in short.items()
    }
    still = repeated(longer.values())
    return {
        key: _with_end(label, f" #{place}") if label in still else label
        for place, (key, label) in enumerate(longer.items(), 1)
    }


def _is_hidden(mark: str) -> bool:
    return unicodedata.category(mark)[0] == "C" and mark not in _JOINERS


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _with_end(text: str, end: str) -> str:
    return _cut(text, LABEL - len(end)) + end


def repeated(labels: Iterable[str]) -> set[str]:
    """The labels that stand more than once."""
    return {label for label, count in Counter(labels).items() if count > 1}


def csv_text(table: pd.DataFrame) -> str:
    """A table as CSV that a spreadsheet opens without running anything.

    Text that begins with ``= + - @``, a tab or a return gets an apostrophe in front; numbers are written so
    that they read back to the last bit.
    """
    safe = table.copy()
    for column in safe.columns:
        # Scores of a board without rows have no type: there is nothing to mask either.
        if not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = safe[column].map(_inert)
    return str(safe.to_csv(index=False, na_rep="", lineterminator="\n"))


def _inert(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
