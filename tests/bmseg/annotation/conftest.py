"""Workspaces made once: one in which nothing is begun, one with a proposed round."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bmseg.annotation.rounds import Annotation, open_annotation
from bmseg.annotation.start import start
from tests.bmseg.annotation.tiny import copied, settings, write_workspace
from tests.bmseg.nnunet.tiny import CORES

#: nnU-Net's figure of a training takes longer than these trainings.
FIGURE = "nnunetv2.training.logging.nnunet_logger.LocalLogger.plot_progress_png"


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CORES, lambda: 1)


@pytest.fixture(scope="session")
def fresh_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_workspace(tmp_path_factory.mktemp("unread"))


@pytest.fixture(scope="session")
def proposed_once(fresh_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Round 1 of two exams, drawn by a network that was really trained."""
    from bmseg.annotation.propose import propose

    root = tmp_path_factory.mktemp("proposed") / "workspace"
    shutil.copytree(fresh_once, root)
    start(root, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CORES, lambda: 1)
        patch.setattr(FIGURE, lambda *_: None)
        propose(open_annotation(root), settings())
    return root


@pytest.fixture
def fresh(fresh_once: Path, tmp_path: Path) -> Path:
    shutil.copytree(fresh_once, tmp_path / "my workspace")
    return tmp_path / "my workspace"


@pytest.fixture
def proposed(proposed_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Annotation:
    monkeypatch.setattr(FIGURE, lambda *_: None)
    return copied(proposed_once, tmp_path / "my workspace")
