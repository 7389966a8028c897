"""Workspaces that were planned and trained once, and a copy of them for each test that changes one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bmseg.nnunet import Training, plan, train
from bmseg.nnunet.training import Fold
from bmseg.workspace import Workspace
from tests.bmseg.nnunet.tiny import CORES, METHODS, PROFILE, SPEC, TRAINING, copied, write_exams
from tests.support.once import made_once

FIGURE = "nnunetv2.training.logging.nnunet_logger.LocalLogger.plot_progress_png"


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network this small is slower on two threads than on one."""
    monkeypatch.setattr(CORES, lambda: 1)


def trained_from(workspace: Workspace, root: Path, *folds: Fold, training: Training = TRAINING) -> None:
    """A copy of a workspace with more folds trained, with seed 1."""
    copy = copied(workspace, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CORES, lambda: 1)
        patch.setattr(FIGURE, lambda *_: None)
        for fold in folds:
            train(copy, training, fold=fold, seed=1)


@pytest.fixture(scope="session")
def planned_once(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    def make(root: Path) -> None:
        workspace = Workspace(root, SPEC.folder_name)
        write_exams(workspace)
        plan(workspace, PROFILE, METHODS)

    return Workspace(made_once(tmp_path_factory, "planned", make), SPEC.folder_name)


@pytest.fixture(scope="session")
def trained_once(planned_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Fold 0 of the tiny method."""
    root = made_once(tmp_path_factory, "trained", lambda root: trained_from(planned_once, root, 0))
    return Workspace(root, SPEC.folder_name)


@pytest.fixture(scope="session")
def folds_once(trained_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """All three folds."""
    root = made_once(tmp_path_factory, "folds", lambda root: trained_from(trained_once, root, 1, 2))
    return Workspace(root, SPEC.folder_name)


@pytest.fixture
def figure(monkeypatch: pytest.MonkeyPatch) -> Any:
    """nnU-Net's way to draw a training, which takes longer than these trainings; it is switched off."""
    from nnunetv2.training.logging.nnunet_logger import LocalLogger

    draw = LocalLogger.plot_progress_png
    monkeypatch.setattr(LocalLogger, "plot_progress_png", lambda *_: None)
    return draw


@pytest.fixture
def planned(planned_once: Workspace, tmp_path: Path, figure: Any) -> Workspace:  # noqa: ARG001
    return copied(planned_once, tmp_path / "workspace")


@pytest.fixture
def trained(trained_once: Workspace, tmp_path: Path, figure: Any) -> Workspace:  # noqa: ARG001
    return copied(trained_once, tmp_path / "workspace")


@pytest.fixture
def folds(folds_once: Workspace, tmp_path: Path) -> Workspace:
    return copied(folds_once, tmp_path / "workspace")
