"""train and predict with several seeds, as the command line hands them on; nothing is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bmseg.nnunet.models import FINAL
from bmseg.nnunet.training import Training
from bmseg.workspace import Workspace, open_workspace
from tests.support.command_line import assert_refused, bmseg


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(tmp_path / "workspace", create=True)[0]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was trained or predicted: rater, and seed and fold of a training."""
    calls: list[tuple[Any, ...]] = []

    def train(_: Workspace, training: Training, *, fold: Any, seed: int, **__: Any) -> None:
        calls.append((training.name, seed, fold))

    def predict(_: Workspace, training: Training, **__: Any) -> list[Path]:
        calls.append((training.name,))
        return []

    monkeypatch.setattr("bmseg.nnunet.train", train)
    monkeypatch.setattr("bmseg.nnunet.predict", predict)
    return calls


def test_a_network_a_seed_one_after_another(workspace: Workspace, called: list[tuple[Any, ...]]) -> None:
    words = ("train", "unet", "-w", workspace.root, "--seeds", 3, "--seed", 5, "--folds", "0,1")
    answer = bmseg(*words)
    assert answer.returncode == 0, answer.stderr
    names = {"unet": 5, "unet_seed6": 6, "unet_seed7": 7}
    assert called == [(name, seed, fold) for name, seed in names.items() for fold in (0, 1)]
    assert "unet_seed6: network 2 of 3, seed 6\n" in answer.stderr


def test_one_network_by_its_name(workspace: Workspace, called: list[tuple[Any, ...]]) -> None:
    named = ("train", "unet_seed6", "-w", workspace.root)
    assert bmseg(*named).returncode == 0
    assert called == [("unet_seed6", 6, 0)]
    refused = bmseg(*named, "--seed", 5)
    assert refused.returncode == 2
    assert "--seed: found it given, expected none: unet_seed6 is the network of seed 6" in refused.stderr
    assert_refused(bmseg(*named, "--seeds", 2), "seeds: unet_seed6: found 2 asked of the network of one seed")


def test_every_seed_that_is_trained_predicts_unless_it_is_said(
    workspace: Workspace, called: list[tuple[Any, ...]]
) -> None:
    for name in ("unet", "unet_seed7", "unet_seed6"):
        folder = Training.named(name, "quick").fold_folder(workspace, 0)
        folder.mkdir(parents=True)
        (folder / FINAL).touch()
    answer = bmseg("predict", "unet", "-w", workspace.root)
    assert called == [("unet",), ("unet_seed6",), ("unet_seed7",)]
    assert f"0 masks written to {workspace.predictions('unet_seed7')}" in answer.stdout
    called.clear()
    for words in (("unet", "--seeds", 1), ("unet_seed7",)):
        bmseg("predict", *words, "-w", workspace.root)
    assert called == [("unet",), ("unet_seed7",)]
    refused = bmseg("predict", "unet", "--seeds", 4, "-w", workspace.root)
    assert_refused(refused, "seeds: found unet, unet_seed6, unet_seed7 trained, expected 4 networks")
    assert bmseg("env", "unet_seed7", "-w", workspace.root).stdout.count("nnUNet_results/seed7") == 1
