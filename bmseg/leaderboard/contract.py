"""What a submission must hold: a mask of every test exam, on the exam's grid, with the study's labels.

The contract is public and holds no mask: a participant checks a submission against it, and the organiser
adds by the same one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bmseg.errors import InputError
from bmseg.study import Name, in_one_line
from bmseg.untrusted.header import Grid

#: Beside challenge.toml on a board.
CONTRACT_FILE = "exams.json"


class Contract(BaseModel):
    """What a submission must hold: labels, background included; case identifiers, sorted, and their grids."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=2)]
    exams: Annotated[dict[Name, Grid], Field(min_length=1)]


def read_contract(path: Path) -> Contract:
    """Read a contract: its file, or the ``exams.json`` of a board's folder.

    Raises
    ------
    InputError
        When the file is missing, no JSON, or breaks a rule.
    """
    file = path / CONTRACT_FILE if path.is_dir() else path
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        return Contract.model_validate(values, strict=False)
    except FileNotFoundError:
        raise InputError(
            f"{file}: no such file, expected the challenge's {CONTRACT_FILE}: the organiser publishes it"
        ) from None
    except ValidationError as error:
        raise InputError(f"{file}: {in_one_line(error)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: found no readable JSON ({error}), expected {CONTRACT_FILE}") from None


def contract_text(contract: Contract) -> str:
    """A contract as its file holds it."""
    return json.dumps(contract.model_dump(), indent=1) + "\n"
