"""One small workspace and its atlas for all tests; copied by those that change it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bmseg.atlas.tiny import tiny_workspace
from tests.support.command_line import bmseg


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of four training exams; read only."""
    root = tmp_path_factory.mktemp("atlas") / "workspace"
    tiny_workspace(root)
    return root


@pytest.fixture(scope="session")
def made(root: Path) -> tuple[Path, str]:
    """The atlas of two knees, and what the command printed; read only."""
    out = root.parent / "made"
    result = bmseg("atlas", "-w", root, "--knees", 2, "-o", out)
    assert result.returncode == 0, result.stderr
    return out, result.stdout
