"""A folder in which every command that writes can be run up to the place where it begins to write."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import bmseg.nnunet
import bmseg.nnunet.ensemble
import bmseg.sharing
from bmseg.cohort.phantom import phantom_output
from bmseg.methods.profiles import QUICK
from bmseg.workspace import Workspace, open_workspace
from dataset_conversion.images import Volume, write_volume
from tests.bmseg.atlas.tiny import AFFINES, knees, tiny_workspace
from tests.bmseg.commands.test_region import drawn
from tests.support.command_line import bmseg
from tests.support.curves import curves, keep
from tests.support.dicom_series import write_slices
from tests.support.rooms import scores_record
from tests.support.studies import dice_alone, small_raters, small_study
from tests.support.tables import make_tables


def make_everything(root: Path) -> Workspace:
    """A workspace ``ws`` with evaluation, board and rounds, one ``fresh``, and what other commands read."""
    workspace = tiny_workspace(root / "ws", study_file=dice_alone(root))
    dataset = workspace.dataset
    dataset.finish_unread([{"exam": "exam099", "synthetic": True}])
    with phantom_output(workspace).resumed({"seed": 1, "training": 4}):
        pass
    for place, method in enumerate(("nnunet", "unet"), 5):
        mask = Volume(np.minimum(knees(4)[1], knees(place)[1] + 1).astype(np.uint8), AFFINES["coronal"])
        write_volume(workspace.predictions(method) / "exam090.nii.gz", mask)
    (workspace.jobs).mkdir()
    open_workspace(root / "fresh", root / "study" / "study.toml", create=True)
    image = dataset.image_path("exam001", "training", "water")
    label = dataset.mask_path("exam001", "training", "reader1")
    channels = dataset.spec.channels
    (root / "table.csv").write_text(
        f"exam,split,{','.join(channels)},{dataset.spec.training_reader}\n"
        f"a,training,{','.join([str(image)] * len(channels))},{label}\n"
    )
    drawn(root / "epiphyses", "knee_a")
    write_slices(root / "export", range(0, 12, 3))
    small_study(root)
    small_raters(root / "masks", "net")
    (root / "matrix.csv").write_text(
        "task,alg_name,case,value\n"
        + "".join(
            f"t,{name},{case},0.{place}{case}\n" for place, name in enumerate("ABC") for case in range(5)
        )
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_, **__: [])
        make_tables(patch)
        for words in (
            ["evaluate"], ["leaderboard", "init"], ["leaderboard", "add", "alpha", root / "sent"],
            ["annotate", "start"], ["reading-room", "build", "-o", root / "room"],
        ):  # fmt: skip
            if words[1:2] == ["add"]:
                write_volume(root / "sent" / "exam090.nii.gz", mask)
            result = bmseg(*words, "-w", workspace.root)
            assert result.returncode == 0, result.stderr
    assert bmseg("inspect", "dicom", root / "export").returncode == 0
    key = json.loads((root / "room" / "key.json").read_text())
    (root / "scores.json").write_text(json.dumps(scores_record(key["build"], [])))
    keep(workspace, f"{workspace.dataset_folder}/model/fold_0", curves().model_dump_json())
    return workspace


def pretend_trained(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    """A model that was never trained: what asks for one gets as far as its first file."""

    @contextmanager
    def nowhere(*_: Any, **__: Any) -> Any:
        yield

    folder = workspace.results_dataset / "model"
    model = SimpleNamespace(folder=folder, folds=(0,), checkpoints=dict, training=None)
    manifest = SimpleNamespace(folder=Path("model"), model_dump_json=lambda **_: "{}")
    method = SimpleNamespace(name="unet", profile=QUICK, recipe=SimpleNamespace(mirroring=True))
    member = SimpleNamespace(**{**vars(model), "training": method, "taught_by": list})
    choice = SimpleNamespace(members=(member, member), dice={"a": 0.5}, n_exams=1, name="a")
    given: dict[str, dict[str, Any]] = {
        "bmseg.nnunet.ensemble": {"choose": lambda *_, **__: choice},
        "bmseg.nnunet.train": {"training_inputs": lambda *_, **__: {}},
        "bmseg.nnunet.predict": {"trained_model": lambda *_: model, "check_current": lambda *_: None},
        "bmseg.sharing.archive": {
            "trained_model": lambda *_: model, "check_current": lambda *_: None,
            "_scored_tables": lambda *_: ({}, None, ""), "_texts": lambda *_: {},
            "_weights": lambda *_, **__: (None, {}), "_manifest": lambda *_, **__: manifest,
            "nnunet_environment": nowhere,
        },
    }  # fmt: skip
    for module, names in given.items():
        for name, value in names.items():
            monkeypatch.setattr(sys.modules[module], name, value)
