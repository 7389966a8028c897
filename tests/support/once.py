"""What takes long to make, made once for all processes that run tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first process that needs it makes, while the others wait; nobody may change it."""
    base = factory.getbasetemp()
    # xdist gives each of its processes a folder of its own in one of them all.
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, whole = base / name, base / f".{name}-whole"
    with FileLock(base / f".{name}-lock"):
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            whole.touch()
    return folder
