"""A workspace keeps the study that it was made with."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bmseg.errors import InputError
from bmseg.study import DEFAULT_STUDY
from bmseg.workspace import kept_study, open_workspace, workspace_study


def test_a_workspace_keeps_its_study(tmp_path: Path) -> None:
    other = tmp_path / "mine.toml"
    other.write_text(DEFAULT_STUDY.read_text().replace("BoneMarrow", "Knee").split("[published]")[0])
    workspace, _ = open_workspace(tmp_path / "w", other, create=True)
    assert workspace.raw_dataset.name == "Dataset501_Knee"
    again, study = open_workspace(tmp_path / "w")
    assert (again, study.dataset.name) == (workspace, "Knee")
    with pytest.raises(InputError, match="found another than the workspace was made with"):
        open_workspace(tmp_path / "w", DEFAULT_STUDY)


def test_published_numbers_come_along(tmp_path: Path) -> None:
    open_workspace(tmp_path / "w", create=True)
    assert (kept_study(tmp_path / "w").parent / "table1_dice.csv").is_file()


def test_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found no workspace"):
        open_workspace(tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_of_two_who_make_a_workspace_the_first_gives_it_its_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "mine.toml"
    other.write_text(DEFAULT_STUDY.read_text().replace("BoneMarrow", "Knee").split("[published]")[0])

    @contextmanager
    def after_another(lock: Path, _: str) -> Iterator[None]:
        """Who was waited for has kept its study."""
        lock.parent.mkdir(parents=True)
        (lock.parent / "study.toml").write_bytes(other.read_bytes())
        yield

    monkeypatch.setattr("bmseg.workspace.locked", after_another)
    with pytest.raises(InputError, match="found another than the workspace was made with"):
        open_workspace(tmp_path / "w", DEFAULT_STUDY, create=True)
    assert workspace_study(tmp_path / "w").dataset.name == "Knee"
    workspace, study = open_workspace(tmp_path / "v", create=True)
    assert (workspace.raw_dataset.name, study.dataset.name) == ("Dataset501_Knee", "Knee")
