"""Numbers as text, the same in tables, figures and sentences.

`number` 0.71; `signed` +0.05; `figures` 27.9 and `signed_figures` +27.9, of mm and ml; `percent` 95 %;
`p_value` 0.042 or < 0.001; `p_is` p = 0.042; `interval` 0.60–0.80, -0.12 to +0.05 or within ±0.005;
`with_interval` 0.71 (0.60–0.80); `figures_with_interval` 3.46 (1.00–20.1); `to_decimals` 0.012 (0.010 to
0.020); `interval_label` 95 % interval; `count_of` 9 of 10 exams; `plural` 3 exams; `plural_between` 3 to 9
exams; `labels_for_levels` puts a text into the words of labels without an order.
What is undefined (None, NaN) is a `DASH`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import pandas as pd

DASH = "–"
#: As wide as a plus, for figures and pages.
_MINUS = "\N{MINUS SIGN}"
_ROUNDING = 1e-12


def number(value: float | None, decimals: int = 2) -> str:
    """Without a sign on what rounds to 0."""
    if value is None or pd.isna(value):
        return DASH
    text = f"{value:.{decimals}f}"
    return text if float(text) else text.removeprefix("-")


def signed(value: float | None, decimals: int = 2, *, typeset: bool = False) -> str:
    """With its sign, but none on 0; `typeset` with a minus of full width."""
    text = number(value, decimals)
    if text == DASH or not float(text):
        return text
    return text.replace("-", _MINUS if typeset else "-") if text.startswith("-") else f"+{text}"


def figures(value: float | None) -> str:
    """Of what has a unit: three figures, two decimals at most.

    Examples
    --------
    >>> figures(27.93), figures(1234.5), figures(0.056), figures(3.456)
    ('27.9', '1234', '0.06', '3.46')
    """
    return number(value, _decimals(value))


def signed_figures(value: float | None, *, typeset: bool = False) -> str:
    """The same with its sign.

    Examples
    --------
    >>> signed_figures(27.93), signed_figures(-0.001)
    ('+27.9', '0.00')
    """
    return signed(value, _decimals(value), typeset=typeset)


def _decimals(value: float | None) -> int:
    size = 0.0 if value is None or pd.isna(value) else abs(value)
    return 2 if size < 9.995 else 1 if size < 99.95 else 0


def figures_with_interval(value: float, low: float, high: float, *, sign: bool = False) -> str:
    """A value with a unit, and its interval (or range) in brackets.

    Examples
    --------
    >>> figures_with_interval(3.456, 0.5, 27.93), figures_with_interval(-8.7, -12.34, 1.5, sign=True)
    ('3.46 (0.50–27.9)', '-8.70 (-12.3 to +1.50)')
    """
    if pd.isna(value):
        return DASH
    shown = signed_figures if sign else figures
    if pd.isna(low):
        return f"{shown(value)} (no interval)"
    between = " to " if sign or low < 0 else DASH
    return f"{shown(value)} ({shown(low)}{between}{shown(high)})"


def to_decimals(value: float, low: float, high: float, decimals: int) -> str:
    """A value and its interval where two decimals are too few.

    Examples
    --------
    >>> to_decimals(0.0123, 0.01, 0.02, 3), to_decimals(0.0123, float("nan"), float("nan"), 3)
    ('0.012 (0.010 to 0.020)', '0.012 (no interval)')
    """
    between = "no interval" if pd.isna(low) else f"{number(low, decimals)} to {number(high, decimals)}"
    return DASH if pd.isna(value) else f"{number(value, decimals)} ({between})"


def percent(share: float, decimals: int | None = None) -> str:
    """By default with as many decimals as it has: 95 %, 97.5 %."""
    return f"{100 * share:g} %" if decimals is None else f"{100 * share:.{decimals}f} %"


def p_value(p: float) -> str:
    """As journals print it."""
    return "< 0.001" if p < 0.001 else number(p, 3)


def p_is(p: float) -> str:
    """In a sentence: p = 0.042, p < 0.001."""
    return f"p {p_value(p)}" if p < 0.001 else f"p = {p_value(p)}"


def interval(low: float, high: float, *, sign: bool = False, typeset: bool = False) -> str:
    """From low to high, joined by a dash where neither has a sign; says so where there is none.

    Examples
    --------
    >>> interval(0.6, 0.8), interval(float("-inf"), 0.8), interval(float("nan"), float("nan"))
    ('0.60–0.80', 'up to 0.80', 'no interval')
    """
    if pd.isna(low):
        return "no interval"
    if low == float("-inf"):
        return f"up to {signed(high, typeset=typeset) if sign else number(high)}"
    if sign and not float(number(low)) and not float(number(high)):
        return "within ±0.005"
    if sign:
        return f"{signed(low, typeset=typeset)} to {signed(high, typeset=typeset)}"
    # After a minus a dash is hard to read.
    return f"{number(low)}{DASH if low >= 0 else ' to '}{number(high)}"


def with_interval(value: float, low: float, high: float, *, sign: bool = False, typeset: bool = False) -> str:
    """A value, and its interval (or range) in brackets."""
    if pd.isna(value):
        return DASH
    shown = signed(value, typeset=typeset) if sign else number(value)
    return f"{shown} ({interval(low, high, sign=sign, typeset=typeset)})"


def star_if_short(coverage: float, confidence: float) -> str:
    """A star for an interval of too few values, whose coverage is below the confidence asked for."""
    return "*" if coverage < confidence - _ROUNDING else ""


def interval_label(confidence: float, coverages: Iterable[float]) -> str:
    """What the intervals of a figure or table are, of which some may be of too few values.

    Examples
    --------
    >>> interval_label(0.95, [0.978]), interval_label(0.95, [0.978, 0.75])
    ('95 % interval', '95 % interval, or the widest of too few exams')
    """
    short = any(star_if_short(each, confidence) for each in coverages)
    return f"{percent(confidence)} interval" + (", or the widest of too few exams" if short else "")


def count_of(n: int, total: int, noun: str = "") -> str:
    """9 of 10 exams, 1 of 1 exam; without a noun 9 of 10."""
    return f"{n} of {total} {noun.removesuffix('s') if total == 1 else noun}".rstrip()


def plural(n: int, noun: str) -> str:
    """1 exam, 2 exams."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def plural_between(low: int, high: int, noun: str) -> str:
    """3 exams, or 3 to 9 exams."""
    return plural(low, noun) if low == high else f"{low} to {plural(high, noun)}"


def labels_for_levels(text: str, names: Iterable[str] = ()) -> str:
    """A text on levels in the words of labels without an order; names of a study are kept as they are.

    Examples
    --------
    >>> labels_for_levels("Level, pair: all levels of level", ["level"])
    'Label, pair: all labels of level'
    """
    return _names_or_levels(tuple(names)).sub(
        lambda found: (
            found[0] if found["name"] else f"{'L' if found['first'] == 'L' else 'l'}abel{found['end']}"
        ),
        text,
    )


_LEVEL = re.compile(r"\b(?P<first>[Ll])evel(?P<end>s?)\b")


@lru_cache(maxsize=16)
def _names_or_levels(names: tuple[str, ...]) -> re.Pattern[str]:
    """Kept: a study has thousands of texts, and maybe as many names."""
    kept = [name for name in names if _LEVEL.search(name)]
    whole = "|".join(re.escape(name) for name in sorted(kept, key=len, reverse=True)) or "(?!)"
    return re.compile(rf"(?P<name>(?<!\w)(?:{whole})(?!\w))|{_LEVEL.pattern}")
