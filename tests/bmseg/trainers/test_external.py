"""nnU-Net's own search finds the trainers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from bmseg.nnunet.environment import EXTERNAL_TRAINERS, nnunet_environment, trainer_class
from bmseg.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "Dataset501_Tiny")


@pytest.mark.parametrize("name", ["nnUNetTrainerQuick", "nnUNetTrainerScheduled"])
def test_nnunets_own_search_finds_the_trainers(workspace: Workspace, name: str) -> None:
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    before = list(sys.path)
    with nnunet_environment(workspace, "cpu"):
        found = recursive_find_trainer_class_by_name(name)
    assert found.__name__ == name
    assert found.__module__.startswith("bmseg.trainers.")  # not dropped again, so it can be pickled
    assert sys.path == before


def test_a_methods_trainer_is_found_without_that_search(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnunetv2.utilities import find_objects

    with nnunet_environment(workspace, "cpu"):
        searched = find_objects.recursive_find_trainer_class_by_name("nnUNetTrainerQuick")
        # nnU-Net's own have no path in any method.
        assert trainer_class("nnUNetTrainer_1epoch").__module__.startswith("nnunetv2.")
        with pytest.raises(RuntimeError, match="Could not find requested nnunet trainer"):
            trainer_class("nnUNetTrainerNobodys")
        monkeypatch.delattr(find_objects, "recursive_find_trainer_class_by_name")
        assert trainer_class("nnUNetTrainerQuick") is searched


def test_their_folder_is_shipped_as_a_package() -> None:
    assert (EXTERNAL_TRAINERS / "__init__.py").is_file()
    assert (EXTERNAL_TRAINERS / "bmseg_trainers.py").is_file()


def test_the_environment_is_restored(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("nnUNet_raw", "elsewhere")
    monkeypatch.delenv("nnUNet_results", raising=False)
    with nnunet_environment(workspace, "cpu", workers=0):
        assert os.environ["nnUNet_raw"] == str(workspace.nnunet_raw)
        assert os.environ["nnUNet_results"] == str(workspace.nnunet_results)
        assert os.environ["nnUNet_compile"] == "f"
        assert os.environ["nnUNet_n_proc_DA"] == "0"
    assert os.environ["nnUNet_raw"] == "elsewhere"
    assert "nnUNet_results" not in os.environ
