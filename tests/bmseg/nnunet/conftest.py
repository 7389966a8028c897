"""Workspaces that were planned and trained once, and a copy of them for each test that changes one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmseg.nnunet import plan, train
from bmseg.workspace import Workspace
from tests.bmseg.nnunet.tiny import CORES, METHODS, PROFILE, SPEC, TRAINING, copied, write_exams


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CORES, lambda: 1)


@pytest.fixture(scope="session")
def planned_once(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("planned") / "workspace", SPEC.folder_name)
    write_exams(workspace)
    plan(workspace, PROFILE, METHODS)
    return workspace


@pytest.fixture(scope="session")
def trained_once(planned_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Fold 0 of the tiny method, with seed 1."""
    workspace = copied(planned_once, tmp_path_factory.mktemp("trained") / "workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CORES, lambda: 1)
        train(workspace, TRAINING, seed=1)
    return workspace


@pytest.fixture(scope="session")
def folds_once(trained_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """All three folds."""
    workspace = copied(trained_once, tmp_path_factory.mktemp("folds") / "workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CORES, lambda: 1)
        for fold in (1, 2):
            train(workspace, TRAINING, fold=fold, seed=1)
    return workspace


@pytest.fixture
def planned(planned_once: Workspace, tmp_path: Path) -> Workspace:
    return copied(planned_once, tmp_path / "workspace")


@pytest.fixture
def trained(trained_once: Workspace, tmp_path: Path) -> Workspace:
    return copied(trained_once, tmp_path / "workspace")


@pytest.fixture
def folds(folds_once: Workspace, tmp_path: Path) -> Workspace:
    return copied(folds_once, tmp_path / "workspace")
