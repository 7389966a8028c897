"""What a check of a file found, in one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bmseg.wording import meant

# Patterns of study files, and of what else is checked, in words.
_PATTERNS = {
    "^[A-Za-z0-9][A-Za-z0-9_.+-]*$": "letters (A-Z, a-z), digits and _ . + -, the first a letter or digit",
    "^[A-Za-z0-9]+$": "letters (A-Z, a-z) and digits alone",
    "^[A-Za-z0-9._+-]+$": "letters (A-Z, a-z), digits and . _ + -",
    "^#[0-9a-fA-F]{6}$": "a colour as '#1f5fff'",
    r"^[^\\\x00-\x1f\x7f]+$": "text in one line, without a backslash",
}
_A_TABLE = "a table of keys and values"
# What was expected, by pydantic's name of a fault; others keep its words.
_EXPECTED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "string_pattern_mismatch": lambda of: _PATTERNS.get(of["pattern"], f"text of the form {of['pattern']}"),
    "literal_error": lambda of: of["expected"].replace("'", ""),
    "string_type": lambda _: "text in quotes",
    "int_type": lambda _: "a whole number",
    "int_parsing": lambda _: "a whole number",
    "int_from_float": lambda _: "a whole number",
    "float_type": lambda _: "a number",
    "float_parsing": lambda _: "a number",
    "finite_number": lambda _: "a finite number",
    "bool_type": lambda _: "true or false",
    "list_type": lambda _: "a list",
    "dict_type": lambda _: _A_TABLE,
    "model_type": lambda _: _A_TABLE,
    "model_attributes_type": lambda _: _A_TABLE,
    "greater_than": lambda of: f"more than {of['gt']}",
    "greater_than_equal": lambda of: f"at least {of['ge']}",
    "less_than": lambda of: f"less than {of['lt']}",
    "less_than_equal": lambda of: f"at most {of['le']}",
    "string_too_short": lambda of: f"at least {_letters(of['min_length'])}",
    "string_too_long": lambda of: f"at most {_letters(of['max_length'])}",
    "too_short": lambda of: f"at least {of['min_length']} of them",
    "too_long": lambda of: f"at most {of['max_length']} of them",
}
# How pydantic marks which of several types was tried, behind the names of keys.
_TRIED = re.compile(r"literal\[|constrained-|(int|float|str|bool)$")


def in_one_line(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """Every problem that a check found: field, what was found, what was expected.

    `model` is what was checked: of an unknown key it says which there are, and which may have been meant.
    """
    # Of a field that may be of several types, there is a problem each.
    problems: dict[tuple[str, str], list[_Expected]] = {}
    for problem in error.errors():
        place = [part for part in problem["loc"] if not (isinstance(part, str) and _TRIED.match(part))]
        found, expected = _fault(problem, model)
        problems.setdefault((".".join(map(str, place)), found), []).append(expected)
    lines = []
    for (field, found), each in problems.items():
        words = " or ".join(dict.fromkeys(one.words for one in each))
        lines.append(": ".join(filter(None, [field, found + words + "".join(one.advice for one in each)])))
    return "; ".join(lines)


@dataclass(frozen=True)
class _Expected:
    words: str
    advice: str = ""


def _fault(problem: ErrorDetails, model: type[BaseModel] | None) -> tuple[str, _Expected]:
    """What was found, up to the words before what was expected; and that."""
    kind, place, found = problem["type"], problem["loc"], problem["input"]
    message = problem["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        keys = _keys(model, place[:-1])
        known, advice = f"one of {', '.join(keys)}", meant(str(place[-1]), keys) or "; correct or remove it"
        fits = _Expected(known, advice) if keys else _Expected("none of this name")
        return "found an unknown key, expected ", fits
    if kind == "missing":
        return "found none, expected ", _Expected("one")
    if not place or message.startswith(f"{place[-1]}: found"):
        return "", _Expected(message.removeprefix(f"{place[-1]}: ") if place else message)
    if kind not in _EXPECTED:
        return f"found {found!r}, expected: ", _Expected(message)
    expected = _EXPECTED[kind](problem.get("ctx", {}))
    if kind in ("too_short", "too_long"):
        return f"found {len(found) or 'none'}, expected ", _Expected(expected)
    told = str(found).lower() if isinstance(found, bool) else repr(found)
    choices = re.findall(r"'([^']*)'", problem["ctx"]["expected"]) if kind == "literal_error" else []
    return f"found {told}, expected ", _Expected(expected, meant(str(found), choices))


def _letters(n: int) -> str:
    return "1 character" if n == 1 else f"{n} characters"


def _keys(model: type[BaseModel] | None, place: tuple[int | str, ...]) -> list[str]:
    """The keys that a file may have at a place; none where there is no such place."""
    for part in place:
        if model and isinstance(part, str):
            field = _fields(model).get(part)
            model = _model_in(field) if field else None
    return list(_fields(model)) if model else []


def _fields(model: type[BaseModel]) -> dict[str, object]:
    """Key, as a file has it, to what it is annotated with."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The table of a file that an annotation speaks of, as ``list[Level]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for each in get_args(annotation) if (model := _model_in(each))), None)


def no_repeats(field: str, values: list[str] | list[int]) -> None:
    """A ValueError where a value comes twice."""
    repeated = sorted({str(value) for value in values if values.count(value) > 1})  # type: ignore[arg-type]
    if repeated:
        raise ValueError(f"{field}: found {', '.join(repeated)} more than once, expected once")
