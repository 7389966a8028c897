"""What nnU-Net works from: the raw data set, its hash, folds, configurations with what they inherit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.outputs.provenance import files_hash, read_record
from bmseg.wording import command
from bmseg.workspace import Workspace

PLANS = "nnUNetPlans"


def visible_files(folder: Path, ending: str = "") -> list[Path]:
    """Files of an ending, sorted; without the hidden ones, which a killed run may have left."""
    return [path for path in sorted(folder.glob(f"*{ending}")) if not path.name.startswith(".")]


def raw_dataset_json(workspace: Workspace) -> dict[str, Any]:
    """dataset.json of the raw data set; InputError when there is no finished one in the workspace."""
    path = workspace.raw_dataset / "dataset.json"
    record = read_record(path)
    if "channel_names" not in record or "labels" not in record:
        raise InputError(
            f"{path}: found no finished data set, expected one; make it with "
            f"'{command('phantom', workspace=workspace.root)}', or of your own exams with 'bmseg convert'"
        )
    return record


def training_hash(workspace: Workspace) -> str:
    """SHA-256 over what is trained on: dataset.json, folds, training images and masks."""
    raw = workspace.raw_dataset
    files = [raw / "dataset.json", raw / "splits_final.json"]
    files += visible_files(raw / "imagesTr") + visible_files(raw / "labelsTr")
    return files_hash({path.relative_to(raw).as_posix(): path for path in files if path.is_file()})


def configuration_of(plans: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A configuration of nnU-Net's plans with what it inherits (shallow, as nnU-Net does)."""
    own = dict(plans["configurations"][name])
    parent = own.pop("inherits_from", None)
    return {**configuration_of(plans, parent), **own} if parent else own


def exams_of_fold(splits: Path, fold: int | str) -> Any:
    """The entry of a fold in nnU-Net's splits_final.json, ``train`` and ``val``; InputError without one."""
    if fold == "all":
        return "all"
    try:
        folds = json.loads(splits.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{splits}: cannot be read, expected nnU-Net's folds; plan again") from None
    # nnU-Net itself takes a random split for a fold that does not exist.
    if not 0 <= int(fold) < len(folds):
        raise InputError(f"fold: found {fold}, expected 0 to {len(folds) - 1} or 'all' ({splits})")
    return folds[int(fold)]
