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
    """Whether a whole number may be a date, or a number of somebody: six digits, or five that are one.

    Scanners number series up to some thousands, and what is derived from them beyond. A date in 2001 to
    2009, or before the tenth of a month, lost its zero.

    Examples
    --------
    >>> may_be_date("20150312"), may_be_date("50312"), may_be_date("10001"), may_be_date("2015")
    (True, True, False, False)
    """
    digits = number.strip().lstrip("+-")
    if len(digits) != 5:
        return len(digits) > 5
    one, two, three = (int(f"0{digits}"[i : i + 2]) for i in (0, 2, 4))
    orders = ((three, two), (one, two), (two, one))
    return any(1 <= day <= 31 and 1 <= month <= 12 for day, month in orders)
