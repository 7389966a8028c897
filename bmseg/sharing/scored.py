"""The test tables that go with a model: only those that were made from this very model's masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmseg.nnunet.models import TrainedModel
from bmseg.nnunet.predict import predicted_exams
from bmseg.outputs.provenance import file_hash, files_hash
from bmseg.workspace import Workspace
from dataset_conversion.raw.dataset import FILE_ENDING

TABLES = ("table1.csv", "table1.md", "table1_fair.csv", "table1_fair.md")
_FACTS = ("exams", "readers", "models", "consensus_rule", "empty_mask", "unit", "synthetic", "versions")


@dataclass(frozen=True)
class ScoredTables:
    """Tables of an evaluation by name, and what they were made from; none where `why_not` says so."""

    files: Mapping[str, Path]
    facts: dict[str, Any] | None
    why_not: str = ""


def scored_tables(workspace: Workspace, model: TrainedModel) -> ScoredTables:
    """The workspace's Table 1, usual and fair, when it scores the masks that the model made."""
    # Brings figures and tables along, which predicting with a model file has no use for.
    from bmseg.scoring.evaluation import output_of

    record = output_of(workspace.evaluation).read()
    if why_not := _why_not(workspace, model, record):
        return ScoredTables({}, None, why_not)
    files = {name: workspace.evaluation / name for name in TABLES if name in record["outputs"]}
    # The number alone: identifiers of test exams are nobody's business but the workspace's.
    return ScoredTables(files, {name: record[name] for name in _FACTS} | {"exams": len(record["exams"])})


def _why_not(workspace: Workspace, model: TrainedModel, record: Mapping[str, Any]) -> str:
    method = model.training.method.name
    if not record:
        return "the workspace holds no evaluation"
    if method not in record["models"]:
        return f"the evaluation does not score {method}"
    if record["study"]["sha256"] != file_hash(workspace.study_file):
        return "the evaluation was made with another study file"
    exams = predicted_exams(workspace, model)
    if exams is None:
        return "the predictions were not made by this model"
    folder = workspace.predictions(method)
    masks = {exam: folder / f"{exam}{FILE_ENDING}" for exam in exams}
    if sorted(record["exams"]) != sorted(exams) or record["masks_sha256"][method] != files_hash(masks):
        return "the evaluation was made from other predictions"
    for name in TABLES:
        path = workspace.evaluation / name
        if name in record["outputs"] and (not path.is_file() or file_hash(path) != record["outputs"][name]):
            return f"{name} is not as the evaluation wrote it"
    return ""
