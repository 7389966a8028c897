"""What a check of a file found, in one line."""

from __future__ import annotations

import re
from typing import get_args

from pydantic import BaseModel, ValidationError

from bmseg.wording import meant


def in_one_line(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """Every problem that a check found: field, what was found, what was expected.

    `model` is what was checked: of an unknown key it says which may have been meant.
    """
    problems = []
    for problem in error.errors():
        field = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message += meant(str(problem["loc"][-1]), _keys(model, problem["loc"][:-1]))
        elif field and problem["type"] != "missing":
            message = f"found {problem['input']!r}, expected: {message}"
            if problem["type"] == "literal_error":
                known = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
                message += meant(str(problem["input"]), known)
        problems.append(f"{field}: {message}" if field else message)
    return "; ".join(problems)


def _keys(model: type[BaseModel] | None, place: tuple[int | str, ...]) -> list[str]:
    """The keys that a file may have at a place; none where there is no such place."""
    for part in place:
        if model and isinstance(part, str):
            field = model.model_fields.get(part)
            model = _model_in(field.annotation) if field else None
    return list(model.model_fields) if model else []


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
