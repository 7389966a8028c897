"""What a submission must hold: a mask of every test exam, on the exam's grid, with the study's labels.

The contract is public and holds no mask: a participant checks a submission against it, and the organiser
adds by the same one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bmseg.errors import InputError
from bmseg.study import Name, in_one_line
from dataset_conversion.files import write_if_changed
from dataset_conversion.images import Volume

#: Beside challenge.toml on a board.
CONTRACT_FILE = "exams.json"

_Row = Annotated[list[float], Field(min_length=4, max_length=4)]


class Grid(BaseModel):
    """Size and position of an exam's masks."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    size: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=3, max_length=3)]
    affine: Annotated[list[_Row], Field(min_length=4, max_length=4)]

    @classmethod
    def of(cls, mask: Volume) -> Grid:
        """The grid of a mask."""
        return cls(size=list(mask.array.shape), affine=mask.affine.tolist())

    @property
    def n_voxels(self) -> int:
        """How many voxels a mask on it has."""
        return int(np.prod(self.size))


class Contract(BaseModel):
    """What a submission must hold.

    Parameters
    ----------
    labels : list of int
        Every value that a mask may hold, background included.
    exams : dict of str to Grid
        Case identifier to grid, sorted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=2)]
    exams: Annotated[dict[Name, Grid], Field(min_length=1)]

    @classmethod
    def of(cls, masks: Mapping[str, Volume], labels: Sequence[int]) -> Contract:
        """The contract of exams with a mask of each."""
        return cls(labels=list(labels), exams={exam: Grid.of(masks[exam]) for exam in sorted(masks)})


def read_contract(path: Path) -> Contract:
    """Read a contract.

    Parameters
    ----------
    path : Path
        The file, or the folder of a board that holds it as ``exams.json``.

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


def write_contract(contract: Contract, folder: Path) -> Path:
    """Write a contract into a board's folder; returns the path."""
    path = folder / CONTRACT_FILE
    write_if_changed(path, json.dumps(contract.model_dump(), indent=1) + "\n")
    return path
