"""nnU-Net's dataset.json and splits_final.json of a workspace, damaged: one line, whichever part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bmseg.errors import InputError
from bmseg.nnunet.training import exams_of_fold, raw_dataset_json
from bmseg.study import load_study
from bmseg.workspace import Workspace

SOUND: dict[str, Any] = {
    "channel_names": {"0": "water"}, "labels": {"background": 0, "level1": 1}, "numTraining": 3,
    "file_ending": ".nii.gz", "name": "BoneMarrow",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, ""),
        ({"channel_names": {"1e30": "water"}}, "channel_names.1e30"),
        ({"channel_names": ["water"]}, "channel_names: found"),
        ({"labels": {"level1": "x"}}, "labels.level1: found 'x', expected"),
        ({"labels": {"level1": 1e30}}, "labels.level1: found 1e"),
        ({"labels": {"level1": [1, 2]}}, "labels.level1: found"),
        ({"file_ending": ".png"}, "file_ending: found '.png', expected"),
        ({"numTraining": "three"}, "numTraining: found 'three', expected"),
    ],
)
def test_dataset_json(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    workspace = Workspace.of(tmp_path, load_study())
    workspace.raw_dataset.mkdir(parents=True)
    (workspace.raw_dataset / "dataset.json").write_text(json.dumps({**SOUND, **changed}))
    if not message:
        assert raw_dataset_json(workspace) == SOUND
        return
    with pytest.raises(InputError) as refused:
        raw_dataset_json(workspace)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["", "3", "[3]", '[{"train": 3, "val": []}]', '[{"train": ["a"]}]', "[" * 5000]
)
def test_splits(text: str, tmp_path: Path) -> None:
    (tmp_path / "splits_final.json").write_text(text)
    with pytest.raises(InputError, match="splits_final.json: cannot be read, expected nnU-Net's folds"):
        exams_of_fold(tmp_path / "splits_final.json", 0)
