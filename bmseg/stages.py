"""What the workspace's study is, and which stage was made from what."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.records import read_record, write_record
from bmseg.study import DEFAULT_STUDY, Study, load_study, study_hash
from bmseg.workspace import Workspace
from dataset_conversion.files import atomic_path


def workspace_study(root: Path | str, study_file: Path | None = None, *, create: bool = False) -> Study:
    """The study of the workspace in a folder; nothing is written.

    A workspace keeps the study file that it was made with, so that later commands need not name it.

    Parameters
    ----------
    root : path
    study_file : Path, optional
        By default the one that the workspace was made with, or else the reference study.
    create : bool
        Whether the workspace may be missing: it is about to be made.

    Raises
    ------
    InputError
        When the workspace is missing, or was made with another study file.
    """
    kept = kept_study(root)
    if kept.is_file():
        if study_file is not None and load_study(study_file) and study_hash(study_file) != study_hash(kept):
            raise InputError(
                f"{study_file}: study file: found another than the workspace was made with ({kept}); "
                "use a new --workspace, or leave --study out"
            )
        return load_study(kept)
    if not create:
        raise InputError(
            f"{root}: found no workspace, expected one made by 'bmseg phantom' or 'bmseg convert'; "
            "name another with --workspace"
        )
    return load_study(study_file or DEFAULT_STUDY)


def open_workspace(
    root: Path | str, study_file: Path | None = None, *, create: bool = False
) -> tuple[Workspace, Study]:
    """The workspace in a folder and its study; parameters and errors are those of `workspace_study`."""
    study = workspace_study(root, study_file, create=create)
    if not kept_study(root).is_file():
        _keep_study(study_file or DEFAULT_STUDY, study, kept_study(root))
    return Workspace.of(root, study), study


def kept_study(root: Path | str) -> Path:
    """Where a workspace keeps its study file."""
    return Path(root) / "study" / "study.toml"


def _keep_study(source: Path, study: Study, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    for field, file in study.published.files.items():
        published = source.parent / file
        if not published.is_file():
            raise InputError(f"{source}: published.{field}: no such file: {published}")
        shutil.copyfile(published, kept.parent / published.name)
    with atomic_path(kept) as temporary:
        shutil.copyfile(source, temporary)


@dataclass(frozen=True)
class Stage:
    """A step of the run that remembers what it was made from.

    Parameters
    ----------
    path : Path
        The stage's record.
    inputs : mapping
        Everything that shapes its output; of JSON types.
    """

    path: Path
    inputs: Mapping[str, Any]

    @classmethod
    def of(cls, workspace: Workspace, name: str, inputs: Mapping[str, Any]) -> Stage:
        """The stage's place in a workspace."""
        return cls(workspace.stages / f"{name}.json", inputs)

    def is_finished(self) -> bool:
        """Whether it was finished from the same inputs."""
        return read_record(self.path) == {"inputs": dict(self.inputs), "finished": True}

    def check_begun(self) -> None:
        """Refuse to go on with what was begun from other inputs.

        Raises
        ------
        InputError
            Names every input that differs.
        """
        earlier = read_record(self.path).get("inputs", self.inputs)
        if differing := [key for key in self.inputs if earlier.get(key) != self.inputs[key]]:
            found = ", ".join(f"{key}={earlier.get(key)}" for key in differing)
            expected = ", ".join(f"{key}={self.inputs[key]}" for key in differing)
            raise InputError(
                f"{self.path.stem}: found the workspace made with {found}, expected {expected}; "
                "use another --workspace or remove this one"
            )

    def begin(self) -> None:
        """Note what the stage is being made from."""
        self._write(finished=False)

    def finish(self) -> None:
        """Note that everything is made; called after the last file is written."""
        self._write(finished=True)

    def _write(self, *, finished: bool) -> None:
        write_record(self.path, {"inputs": dict(self.inputs), "finished": finished})
