"""What each method costs: parameters, training time, peak memory, time to predict an exam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, Field, ValidationError

from bmseg.methods.variants import method_and_variant
from bmseg.outputs.provenance import read_record
from bmseg.study import in_one_line
from bmseg.workspace import Workspace, open_workspace
from evaluation.table import DASH, Table

#: Columns of the table's numbers; empty where nothing is on record.
COLUMNS = {
    "method": str, "parameters": "Int64", "folds": "Int64", "epochs": "Int64", "iterations": "Int64",
    "training_seconds": "Float64", "peak_memory_bytes": "Int64", "memory_of": object, "device": object,
    "prediction_seconds": "Float64", "n_timed": "Int64", "n_exams": "Int64",
}  # fmt: skip

# What `bmseg predict` writes beside masks.
_MADE_FROM = "made_from.json"
_Count = Annotated[int, Field(ge=0, le=2**62)]
_Seconds = Annotated[float, Field(ge=0, lt=1e12)]


class _Trained(BaseModel):
    """What a finished fold has on record."""

    parameters: _Count
    epochs: _Count
    iterations: _Count
    seconds: _Seconds
    peak_memory_bytes: _Count | None
    memory_of: str | None
    device: str
    method: str | None = None
    checkpoint_sha256: str | None = None


class _Model(BaseModel):
    """What made a method's masks: a folder of the results, and networks in it."""

    folder: Annotated[str, Field(pattern=r"^[^/\\]*[^/\\.][^/\\]*$")]
    folds: Annotated[list[int | str], Field(min_length=1)]
    checkpoints: dict[str, str] = {}


class _Member(_Model):
    method: str


class _Together(BaseModel):
    """Several models that made a method's masks by the mean of their probabilities."""

    members: Annotated[list[_Member], Field(min_length=2)]


class _Mask(BaseModel):
    seconds: _Seconds | None = None


class _Predicted(BaseModel):
    """What lies beside a method's masks; nothing where they were put there by hand."""

    model: _Model | None = None
    masks: dict[str, _Mask] = {}


class _PredictedTogether(BaseModel):
    model: _Together
    masks: dict[str, _Mask] = {}


def _read(path: Path) -> _Predicted | _PredictedTogether:
    """A record; one of several kinds would be refused for what each of them lacks."""
    record = read_record(path)
    made_by = record.get("model")
    together = isinstance(made_by, dict) and "members" in made_by
    return (_PredictedTogether if together else _Predicted).model_validate(record)


def costs(
    workspace: Workspace, methods: Sequence[str], titles: Mapping[str, str] = MappingProxyType({})
) -> Table:
    """What is on record of the trainings and predictions of methods, a row a method; each has predictions.

    `titles` are what methods are shown as. The trainings are those of the folds whose networks made the masks
    that lie in the workspace. Nothing is estimated: where a record is missing, cells are dashes and a note
    says why.

    Returns
    -------
    Table
        ``data`` has `COLUMNS`: ``training_seconds`` summed over folds, ``peak_memory_bytes`` the highest of
        the folds and ``memory_of`` what it is of ("process" or "GPU"), ``prediction_seconds`` the median
        over the ``n_timed`` exams on record of ``n_exams``.
    """
    rows, missing = [], []
    for method in methods:
        try:
            predicted = _read(workspace.predictions(method) / _MADE_FROM)
            trained, why = _training(workspace, method, predicted.model)
        except ValidationError as error:
            predicted, trained = _Predicted(), {}
            why = [f"made_from.json: {in_one_line(error)}; 'bmseg predict {method}' makes its masks again."]
        rows.append({"method": method, **trained, **_prediction(predicted.masks)})
        missing += [f"{method}: {reason}" for reason in why]
    data = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    notes = [
        "Of the folds whose networks made the masks: training time is their sum, peak memory the highest of "
        "one. Prediction: median over the test exams, all folds together."
    ]
    return Table(
        "What the methods cost",
        _HEADS,
        [[titles.get(row.method, row.method), *_cells(row)] for row in data.itertuples()],
        notes + missing,
        data,
    )


def cost_in(root: Path, source: Path) -> dict[str, int | float]:
    """``parameters`` and ``seconds_per_exam`` of the method whose predictions a folder holds, as on record.

    Empty where it is none of the workspace `root`, or nothing is on record.
    """
    if not (source / _MADE_FROM).is_file():
        return {}
    workspace, _ = open_workspace(root)
    if source.resolve() != workspace.predictions(source.name).resolve():
        return {}
    row = costs(workspace, [source.name]).data.iloc[0]
    found = {"parameters": row.parameters, "seconds_per_exam": row.prediction_seconds}
    plain = {name: value.item() if hasattr(value, "item") else value for name, value in found.items()}
    return {name: value for name, value in plain.items() if not pd.isna(value) and value > 0}


_HEADS = [
    "Method", "Parameters", "Epochs \N{MULTIPLICATION SIGN} iterations", "Training", "Peak memory",
    "Prediction, an exam", "Device",
]  # fmt: skip


def _training(
    workspace: Workspace, method: str, model: _Together | _Model | None
) -> tuple[dict[str, Any], list[str]]:
    """What the trainings of a method's folds cost; or why that is not known."""
    if model is None:
        return {}, [
            "its predictions have no record of the model that made them (put there by hand); its costs are "
            "not known."
        ]
    if isinstance(model, _Together):
        who = " and ".join(member.method for member in model.members)
        return {}, [f"{who} together: parameters, training and memory stand with these."]
    records, why = [], []
    results = workspace.results_of(method_and_variant(method)[1].word) / workspace.dataset_folder
    for fold in model.folds:
        folder = results / model.folder / f"fold_{fold}"
        try:
            record = _Trained.model_validate(read_record(folder / "bmseg_training.json"))
        except ValidationError as error:
            absent = error.errors()[0]["loc"][0]
            why.append(f"fold {fold} has no record of its training ({absent}); its costs are not known.")
            continue
        if record.method != method or record.checkpoint_sha256 != model.checkpoints.get(str(fold)):
            why.append(
                f"fold {fold} was trained anew since the masks were made; 'bmseg predict {method}' makes "
                "them with what is there now."
            )
        else:
            records.append(record)
    if why:
        return {}, why
    # Folds share plans and schedule, so the first speaks for these.
    first = records[0]
    peaks = [record.peak_memory_bytes for record in records if record.peak_memory_bytes is not None]
    all_told = len(peaks) == len(records)
    if not all_told:
        why = [
            "the peak memory was lost with a training that was stopped as it ended, or the system tells none."
        ]
    together = {
        "parameters": first.parameters,
        "folds": len(records),
        "epochs": first.epochs,
        "iterations": first.iterations,
        "training_seconds": sum(record.seconds for record in records),
        "peak_memory_bytes": max(peaks) if all_told else None,
        "memory_of": first.memory_of if all_told else None,
        "device": ", ".join(dict.fromkeys(record.device for record in records)),
    }
    return together, why


def _prediction(masks: Mapping[str, _Mask]) -> dict[str, Any]:
    seconds = [mask.seconds for mask in masks.values() if mask.seconds is not None]
    median = float(pd.Series(seconds).median()) if seconds else None
    return {"prediction_seconds": median, "n_timed": len(seconds), "n_exams": len(masks)}


def _cells(row: Any) -> list[str]:
    """Of a method, after its name."""
    cells = [DASH] * 6
    if not pd.isna(row.parameters):
        folds = f", {row.folds} folds" if row.folds > 1 else ""
        cells[0] = f"{row.parameters:,}"
        cells[1] = f"{row.epochs} \N{MULTIPLICATION SIGN} {row.iterations}{folds}"
        cells[2] = _time(row.training_seconds)
        if not pd.isna(row.peak_memory_bytes):
            cells[3] = f"{row.peak_memory_bytes / 2**30:.1f} GiB ({row.memory_of})"
        cells[5] = row.device
    if row.n_timed:
        some = f" ({row.n_timed} of {row.n_exams} exams)" if row.n_timed < row.n_exams else ""
        cells[4] = f"{_time(row.prediction_seconds)}{some}"
    return cells


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
