"""bmseg.json: what a model file holds, how it predicts, and the hash of every file in it."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bmseg.errors import InputError
from bmseg.study import in_one_line

#: Of model files. Those of format 1 held pickles; those of "nnunet" are for nnU-Net's own commands, and do.
FORMAT = 2


class File:
    """Names in a model's folder; `WEIGHTS` in that of a fold."""

    MANIFEST = "bmseg.json"
    PLANS = "plans.json"
    DATASET = "dataset.json"
    SPLITS = "splits_final.json"
    STUDY = "study/study.toml"
    WEIGHTS = "weights.safetensors"


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# Names become parts of paths, and nnU-Net looks for a class of the trainer's name.
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=100)]
_Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Entry(_Part):
    """A file in the model file."""

    sha256: Sha256
    bytes: Annotated[int, Field(ge=0)]


class Prediction(_Part):
    """How the networks predict: what nnU-Net's checkpoints say beside the weights, and the settings."""

    trainer: _Identifier
    configuration: _Name
    mirroring_axes: Annotated[list[Annotated[int, Field(ge=0, le=2)]], Field(max_length=3)] | None
    folds: Annotated[list[Annotated[int, Field(ge=0, le=99)] | Literal["all"]], Field(min_length=1)]
    mirroring: bool
    tile_step: Annotated[float, Field(gt=0, le=1)]
    device: Literal["cpu", "cuda"]


class Manifest(_Part):
    """What stands in bmseg.json.

    Of `dataset` and `model`, nnU-Net's two folder names, is the folder of all files; `files` lists each by
    its path in it. `trained` says of each fold what it was made from and took, `tested` what the test tables
    in the file were made from (None where it holds none).
    """

    format: Literal[2, "nnunet"]
    about: str
    method: _Name
    summary: str
    profile: _Name
    dataset: _Name
    model: _Name
    prediction: Prediction
    parameters: int
    trained: dict[str, dict[str, Any]]
    tested: dict[str, Any] | None
    versions: dict[str, str]
    files: dict[str, Entry]

    @property
    def folder(self) -> PurePosixPath:
        """Where the files lie in the model file, as below nnU-Net's ``nnUNet_results``."""
        return PurePosixPath(self.dataset, self.model)

    @property
    def weights(self) -> list[str]:
        """The path of each fold's weights."""
        return [f"fold_{fold}/{File.WEIGHTS}" for fold in self.prediction.folds]

    @property
    def networks(self) -> dict[str, Any]:
        """What a mask depends on beside its image: the networks and how they predict."""
        names = [File.PLANS, File.DATASET, *self.weights]
        how = self.prediction.model_dump(exclude={"device"})
        return {"files": {name: self.files[name].sha256 for name in names}, "prediction": how}


def read_manifest(text: bytes, source: str) -> Manifest:
    """Read bmseg.json; InputError, beginning with `source`, when it is of another format or breaks a rule."""
    try:
        found = json.loads(text)
        number = found["format"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InputError(
            f"{source}: found no manifest of a bmseg model, expected one; export it again"
        ) from None
    if number != FORMAT:
        raise InputError(
            f"{source}: format: found {repr(number)[:20]}, expected {FORMAT}; export the model anew, with "
            "this bmseg ('bmseg export METHOD MODEL.ZIP')"
        )
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        faults = " ".join(in_one_line(error).split())
        raise InputError(f"{source}: {faults}; export it again") from None
    needed = {File.PLANS, File.DATASET, File.SPLITS, File.STUDY, *manifest.weights}
    if missing := sorted(needed - manifest.files.keys()):
        raise InputError(f"{source}: files: found none for {', '.join(missing)}; export it again")
    return manifest
