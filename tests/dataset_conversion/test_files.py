"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from threading import Event, Thread

import pytest

from dataset_conversion.files import atomic_path, write_text


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    """The system's error on a write has no name of its own."""
    with pytest.raises(OSError, match="No space left") as error, atomic_path(tmp_path / "a.csv"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert error.value.filename == str(tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_two_who_write_one_file_do_so_one_after_the_other(tmp_path: Path) -> None:
    path, begun, free = tmp_path / "study.toml", Event(), Event()

    def hold() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            begun.set()
            free.wait(60)
            temporary.write_text("first, whole")

    holder = Thread(target=hold)
    holder.start()
    assert begun.wait(60)
    second = Thread(target=write_text, args=(path, "second"))
    second.start()
    second.join(0.2)
    assert not path.exists() and second.is_alive()
    free.set()
    holder.join()
    second.join()
    assert path.read_text() == "second" and list(tmp_path.iterdir()) == [path]
