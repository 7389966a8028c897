"""What a stage was made from: hashes of files and values, and small JSON records of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.workspace import Workspace
from dataset_conversion.files import write_text

PLANS = "nnUNetPlans"


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def value_hash(value: Any) -> str:
    """SHA-256 of a value as JSON.

    Examples
    --------
    >>> value_hash({"b": 1, "a": [2]}) == value_hash({"a": [2], "b": 1})
    True
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def visible_files(folder: Path, ending: str = "") -> list[Path]:
    """Files of an ending, sorted; without the hidden ones, which a killed run may have left."""
    return [path for path in sorted(folder.glob(f"*{ending}")) if not path.name.startswith(".")]


def read_record(path: Path) -> dict[str, Any]:
    """A JSON object; empty where the file is missing or not readable as one."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a JSON object atomically."""
    write_text(path, json.dumps(record, indent=2) + "\n")


def package_versions() -> dict[str, str]:
    """Versions of what trains and predicts."""
    return {name: version(name) for name in ("nnunetv2", "torch", "bmseg")}


def raw_dataset_json(workspace: Workspace) -> dict[str, Any]:
    """dataset.json of the raw data set.

    Raises
    ------
    InputError
        When there is no finished data set in the workspace.
    """
    path = workspace.raw_dataset / "dataset.json"
    record = read_record(path)
    if "channel_names" not in record or "labels" not in record:
        raise InputError(
            f"{path}: found no finished data set, expected one; make it with 'bmseg phantom' or "
            "'bmseg convert'"
        )
    return record


def training_hash(workspace: Workspace) -> str:
    """SHA-256 over what is trained on: dataset.json, folds, training images and masks."""
    raw = workspace.raw_dataset
    files = [raw / "dataset.json", raw / "splits_final.json"]
    files += visible_files(raw / "imagesTr") + visible_files(raw / "labelsTr")
    found = {path.relative_to(raw).as_posix(): file_hash(path) for path in files if path.is_file()}
    return value_hash(found)


def configuration_of(plans: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A configuration of nnU-Net's plans with what it inherits (shallow, as nnU-Net does)."""
    own = dict(plans["configurations"][name])
    parent = own.pop("inherits_from", None)
    return {**configuration_of(plans, parent), **own} if parent else own
