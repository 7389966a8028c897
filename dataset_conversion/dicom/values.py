"""Values of a header as Python's own; None where damage or a vendor left something else."""

from __future__ import annotations

import math
from typing import Any

from pydicom import Dataset


def text_of(value: Any) -> str:
    """Text without padding; empty when absent."""
    return "" if value is None else str(value).strip("\0 ")


def number_of(value: Any) -> float | None:
    """A finite number.

    Examples
    --------
    >>> number_of("4.6"), number_of("nan"), number_of(None)
    (4.6, None, None)
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def whole_of(value: Any) -> int | None:
    """A whole number; of others the part before the point."""
    number = number_of(value)
    return None if number is None else int(number)


def numbers_of(value: Any, count: int) -> tuple[float, ...] | None:
    """So many finite numbers, no more and no fewer."""
    try:
        numbers = tuple(float(part) for part in value)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def private_value(dataset: Dataset, tag: int, creator: str) -> Any:
    """The value of a private element, where its block is the creator's (in capitals)."""
    if tag not in dataset:
        return None
    owner = tag & 0xFFFF0000 | (tag >> 8 & 0xFF)
    try:
        if creator not in text_of(dataset[owner].value).upper():
            return None
        value = dataset[tag].value
    except Exception:  # values are decoded here: damaged ones say nothing
        return None
    # Private tags of implicit VR files come as bytes.
    return int.from_bytes(value, "little") if isinstance(value, bytes) and len(value) in (2, 4) else value


def may_be_date(number: str) -> bool:
    """Whether a whole number may be a date, with or without its day, century or first zero.

    Nine digits and more are times, or numbers of somebody.

    Examples
    --------
    >>> may_be_date("20150312"), may_be_date("150312"), may_be_date("1032015"), may_be_date("201503")
    (True, True, True, True)
    >>> may_be_date("10001"), may_be_date("2015"), may_be_date("746402")
    (False, False, False)
    """
    digits = number.strip().lstrip("+-")
    if not 5 <= len(digits) <= 8:
        return len(digits) > 8
    digits = digits.zfill(6 if len(digits) < 7 else 8)
    return any(_is_date(digits, order) for order in _DATES[len(digits)])


# Years, months and days by their letters.
_DATES = {6: ("yymmdd", "ddmmyy", "mmddyy", "yyyymm", "mmyyyy"), 8: ("yyyymmdd", "ddmmyyyy", "mmddyyyy")}
_RANGES = {"yyyy": (1900, 2099), "yy": (0, 99), "mm": (1, 12), "dd": (1, 31)}


def _is_date(digits: str, order: str) -> bool:
    parts = {part: order.find(part) for part in ("yyyy", "mm", "dd")}
    if parts["yyyy"] < 0:
        parts["yy"] = order.find("yy")
    return all(
        _RANGES[part][0] <= int(digits[at : at + len(part)]) <= _RANGES[part][1]
        for part, at in parts.items()
        if at >= 0
    )
