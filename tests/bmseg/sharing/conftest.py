"""One tiny model, trained and exported once, and model files that somebody tampered with."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from bmseg.nnunet import predict
from bmseg.sharing import export_model
from bmseg.workspace import Workspace
from tests.bmseg.nnunet.conftest import one_core, planned_once, trained_from, trained_once
from tests.bmseg.nnunet.tiny import CORES, METHOD, SPEC, TRAINING
from tests.support.once import made_once

__all__ = ["one_core", "planned_once", "trained_once"]

FOLDER = "Dataset501_Tiny/nnUNetTrainerQuick__nnUNetPlans__2d_tiny"

STUDY = """
name = "tiny"
title = "Tiny exams"
plane = "coronal"
training_reader = "reader1"
dataset = { id = 501, name = "Tiny" }
channels = [{ name = "water" }]
levels = [
    { value = 1, name = "level1", color = "#4477aa" },
    { value = 2, name = "level2", color = "#cc6677" },
]
readers = [{ name = "reader1" }]
published = { table1 = "printed.csv" }
"""


@dataclass(frozen=True)
class Shared:
    """A workspace with a trained model and its predictions, and the model's file."""

    workspace: Workspace
    file: Path

    @property
    def images(self) -> Path:
        return self.workspace.raw_dataset / "imagesTs"

    @property
    def masks(self) -> Path:
        return self.workspace.predictions(METHOD.name)


@pytest.fixture(scope="session")
def shared(trained_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    def make(root: Path) -> None:
        trained_from(trained_once, root / "workspace", 1)
        workspace = Workspace(root / "workspace", SPEC.folder_name)
        workspace.study_file.parent.mkdir(parents=True)
        workspace.study_file.write_text(STUDY)
        (workspace.study_file.parent / "printed.csv").write_text("level,rater,median,minimum,maximum,mean\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(CORES, lambda: 1)
            predict(workspace, TRAINING)
        export_model(workspace, TRAINING, root / "tiny.zip")

    root = made_once(tmp_path_factory, "shared", make)
    return Shared(Workspace(root / "workspace", SPEC.folder_name), root / "tiny.zip")


Change = Mapping[str, bytes | None]


@pytest.fixture
def tampered(shared: Shared, tmp_path: Path) -> Callable[..., Path]:
    """The model file with other contents; by default its manifest is made to agree, as an attacker would."""

    def tamper(files: Change = {}, manifest: Mapping[str, Any] = {}, *, agree: bool = True) -> Path:  # noqa: B006
        with zipfile.ZipFile(shared.file) as archive:
            contents: dict[str, bytes | None] = {
                info.filename.removeprefix(f"{FOLDER}/"): archive.read(info) for info in archive.infolist()
            }
        listed = json.loads(contents["bmseg.json"] or b"")
        contents |= files
        for name, content in files.items() if agree else ():
            if content is None:
                listed["files"].pop(name, None)
            elif name != "bmseg.json":
                sha256 = hashlib.sha256(content).hexdigest()
                listed["files"][name] = {"sha256": sha256, "bytes": len(content)}
        if "bmseg.json" not in files:
            contents["bmseg.json"] = json.dumps({**listed, **manifest}).encode()
        path = tmp_path / "tampered.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in contents.items():
                if content is not None:
                    archive.writestr(f"{FOLDER}/{name}", content)
        return path

    return tamper
