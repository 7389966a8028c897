"""Where masks that are scored come from: who taught a method, and which readers' masks began as proposals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from bmseg.errors import InputError
from bmseg.outputs.provenance import read_record
from bmseg.scoring.masks import mask_hash
from bmseg.workspace import Workspace, open_workspace
from dataset_conversion.images import read_own

#: What `bmseg predict` writes beside masks.
_MADE_FROM = "made_from.json"
# Folders above a reader's masks in which rounds may lie: a workspace's are four up.
_HEIGHT = 5


def taught_in(workspace: Workspace, models: Iterable[str]) -> dict[str, list[str]]:
    """Method to who taught it, of methods whose masks a model of the workspace made.

    That is the training reader, or all whose masks taught the model, as its training recorded.
    """
    records = {model: read_record(workspace.predictions(model) / _MADE_FROM).get("model") for model in models}
    usual = [workspace.study.dataset_spec.training_reader]
    return {model: list(made.get("taught_by") or usual) for model, made in records.items() if made}


def teachers_in(root: Path, source: Path) -> list[str]:
    """Who taught the method whose predictions a folder holds, where it is one of the workspace `root`."""
    if not (source / _MADE_FROM).is_file():
        return []
    workspace, _ = open_workspace(root)
    if source.resolve() != workspace.predictions(source.name).resolve():
        return []
    return taught_in(workspace, [source.name]).get(source.name, [])


def refuse_proposed(reader: str, folder: Path, masks: Mapping[str, Path]) -> None:
    """Refuse (InputError) a reader's masks that were accepted in a round of annotation.

    Such a mask began as a model's proposal, so it favours that model and whoever resembles it. Rounds are
    looked for in the folders above; files are told by their hash, so that a mask that was saved anew is not.
    """
    for rounds in _rounds_above(folder.resolve()):
        lineage = read_own(rounds, ["exam", "mask_sha256", "corrected_sha256"])
        proposed = lineage[pd.to_numeric(lineage["round"]) > 0]
        known = {
            sha: row.round
            for row in proposed.itertuples()
            for sha in (row.mask_sha256, row.corrected_sha256)
            if isinstance(sha, str)
        }
        hashes = {exam: mask_hash(path) for exam, path in masks.items()} if known else {}
        if found := [f"{exam} (round {known[sha]})" for exam, sha in hashes.items() if sha in known]:
            raise InputError(
                f"{folder}: reader {reader}: exam {', '.join(found)}: found a mask accepted in annotation, "
                f"which began as a model's proposal ({rounds}), expected one drawn without a model; "
                "leave these exams out"
            )


def _rounds_above(folder: Path) -> list[Path]:
    above = [folder, *folder.parents][: _HEIGHT + 1]
    files = [one / name for one in above for name in ("lineage.csv", "annotation/lineage.csv")]
    return [file for file in files if file.is_file()]
