"""Where the table of volumes may go: over nothing that anybody needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmseg.cohort.dicom import inspect_source
from bmseg.errors import InputError
from bmseg.study import DEFAULT_STUDY
from tests.support import dixon


@pytest.fixture
def source(test_data: Path, tmp_path: Path) -> Path:
    dixon.siemens(test_data, tmp_path / "export")
    return tmp_path / "export"


def inspect(source: Path, out: Path, keys: Path | None = None) -> None:
    inspect_source(source, source.parent / "w", DEFAULT_STUDY, keys, out=out, processes=1)


def test_the_table_of_volumes_replaces_no_other_file(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "volumes.csv"
    inspect(source, out)
    # The same once more is no loss.
    inspect(source, out)
    edited = out.read_text() + "edited\n"
    out.write_text(edited)
    with pytest.raises(InputError, match=r"volumes.csv: found a file, expected none; name another with -o"):
        inspect(source, out)
    assert out.read_text() == edited
    nowhere = tmp_path / "link.csv"
    nowhere.symlink_to(tmp_path / "absent")
    with pytest.raises(InputError, match="link.csv: found a file, expected none"):
        inspect(source, nowhere)


def test_the_table_of_volumes_goes_neither_into_the_source_nor_over_the_key(
    source: Path, tmp_path: Path
) -> None:
    slice_ = next(path for path in source.rglob("*") if path.is_file())
    before = slice_.read_bytes()
    for out in (slice_, source / "new.csv"):
        with pytest.raises(InputError, match="found a place inside the source"):
            inspect(source, out)
    assert slice_.read_bytes() == before and not (source / "new.csv").exists()
    for keys in (None, tmp_path / "keys.csv"):
        with pytest.raises(InputError, match="found the key file, which says who is whose"):
            inspect(source, keys or tmp_path / "export.keys.csv", keys)
    with pytest.raises(InputError, match="found a folder, expected a file's name"):
        inspect(source, tmp_path)
    assert not list(tmp_path.glob("*.csv"))
