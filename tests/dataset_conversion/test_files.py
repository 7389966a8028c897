"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dataset_conversion.files import atomic_path


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    """The system's error on a write has no name of its own."""
    with pytest.raises(OSError, match="No space left") as error, atomic_path(tmp_path / "a.csv"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert error.value.filename == str(tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []
