"""The cohort that `bmseg phantom` makes, drawn once: a body takes seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmseg.workspace import open_workspace
from tests.support.command_line import bmseg
from tests.support.once import made_once


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The raw data set of two training and all test exams; nobody may change it."""

    def make(root: Path) -> None:
        made = bmseg("phantom", "--training", "2", "-w", root)
        assert made.returncode == 0, made.stderr

    workspace, _ = open_workspace(made_once(tmp_path_factory, "shipped", make))
    return workspace.raw_dataset
