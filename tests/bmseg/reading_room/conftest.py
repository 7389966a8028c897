"""Folders and a room made of them, once a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bmseg.reading_room.rooms_on_disk import options, write_folders
from tests.support.command_line import bmseg


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("masks")
    write_folders(root)
    return root


@pytest.fixture(scope="session")
def room(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("room") / "room"
    result = bmseg("reading-room", "build", *options(folders, out), "--seed", 11)
    assert result.returncode == 0, result.stderr
    return out


@pytest.fixture(scope="session")
def page_file(room: Path) -> Path:
    return room / "for_readers" / "reading_room.html"


@pytest.fixture
def visit(browser: Any, page_file: Path) -> Iterator[Any]:
    """The page at its first dialog; whatever a test does there, nothing may fail or be asked of others."""
    from tests.bmseg.reading_room.visits import Visit

    found = Visit(browser, page_file)
    yield found
    found.close()
