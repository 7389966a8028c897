"""The model file: what it holds, what it leaves behind, and when it is refused."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from bmseg.errors import InputError
from bmseg.nnunet import Training
from bmseg.scoring.evaluate import evaluate_workspace
from bmseg.sharing import export_model
from tests.bmseg.nnunet.tiny import PROFILE, TRAINING, UNET, checkpoint, copied
from tests.bmseg.sharing.conftest import FOLDER, Shared


@pytest.fixture
def copy(shared: Shared, tmp_path: Path) -> Shared:
    return replace(shared, workspace=copied(shared.workspace, tmp_path / "copy"))


def names(file: Path) -> set[str]:
    with zipfile.ZipFile(file) as archive:
        return {name.removeprefix(f"{FOLDER}/") for name in archive.namelist()}


MODEL = {
    "bmseg.json",
    "plans.json",
    "dataset.json",
    "splits_final.json",
    "study/study.toml",
    "study/printed.csv",
    "fold_0/weights.safetensors",
    "fold_1/weights.safetensors",
}


def test_what_the_file_holds(shared: Shared) -> None:
    assert names(shared.file) == MODEL
    with zipfile.ZipFile(shared.file) as archive:
        manifest = json.loads(archive.read(f"{FOLDER}/bmseg.json"))
    assert manifest["prediction"] == {
        "trainer": "nnUNetTrainerQuick",
        "configuration": "2d_tiny",
        "mirroring_axes": [1],
        "folds": [0, 1],
        "mirroring": True,
        "tile_step": 0.75,
        "device": "cpu",
    }
    trained = manifest["trained"]["1"]
    assert trained["inputs"]["seed"] == 1
    assert trained["epochs"] == 3
    assert trained["versions"]["nnunetv2"]
    assert manifest["parameters"] == 6838
    assert manifest["files"].keys() == MODEL - {"bmseg.json"}


def test_weights_are_those_of_the_checkpoint_each_once(shared: Shared) -> None:
    with zipfile.ZipFile(shared.file) as archive:
        found = safetensors.torch.load(archive.read(f"{FOLDER}/fold_1/weights.safetensors"))
    whole = checkpoint(shared.workspace.results_dataset / Path(FOLDER).name / "fold_1")["network_weights"]
    assert all(torch.equal(tensor, whole[name]) for name, tensor in found.items())
    stored = [tensor.data_ptr() for tensor in whole.values()]
    assert len(found) == len(set(stored)) < len(stored)


def test_nnunets_own_file_holds_stripped_checkpoints(shared: Shared, tmp_path: Path) -> None:
    file = tmp_path / "own.zip"
    export_model(shared.workspace, TRAINING, file, for_nnunet=True)
    assert names(file) == {name.replace("weights.safetensors", "checkpoint_final.pth") for name in MODEL}
    with zipfile.ZipFile(file) as archive:
        stored = archive.read(f"{FOLDER}/fold_1/checkpoint_final.pth")
    found = torch.load(io.BytesIO(stored), weights_only=True)
    whole = checkpoint(shared.workspace.results_dataset / Path(FOLDER).name / "fold_1")
    assert "optimizer_state" in whole
    assert found.keys() == {
        "network_weights",
        "trainer_name",
        "init_args",
        "inference_allowed_mirroring_axes",
    }
    assert found["init_args"] == {"configuration": "2d_tiny"}
    assert found["inference_allowed_mirroring_axes"] == (1,)
    assert found["network_weights"].keys() == whole["network_weights"].keys()
    assert all(torch.equal(found["network_weights"][name], whole["network_weights"][name])
               for name in whole["network_weights"])  # fmt: skip


def test_nothing_of_this_machine_is_in_it(shared: Shared) -> None:
    with zipfile.ZipFile(shared.file) as archive:
        contents = b"".join(archive.read(name) for name in archive.namelist())
    assert str(shared.workspace.root.parent).encode() not in contents
    assert str(Path.home()).encode() not in contents
    assert b"2d_tiny" in contents


def test_the_same_model_gives_the_same_bytes(copy: Shared, tmp_path: Path) -> None:
    other = tmp_path / "other.zip"
    export_model(copy.workspace, TRAINING, other)
    assert other.read_bytes() == copy.file.read_bytes()
    assert [path.name for path in tmp_path.glob("*other*")] == ["other.zip"]


def test_a_fold_alone(shared: Shared, tmp_path: Path) -> None:
    manifest, _ = export_model(shared.workspace, TRAINING, tmp_path / "one.zip", folds=(1,))
    assert manifest.prediction.folds == [1]
    assert names(tmp_path / "one.zip") == MODEL - {"fold_0/weights.safetensors"}


@pytest.mark.usefixtures("no_figures", "few_tables")
def test_test_tables_go_along_only_when_they_are_the_models(copy: Shared, tmp_path: Path) -> None:
    workspace = copy.workspace
    file = tmp_path / "model.zip"
    evaluate_workspace(workspace)

    manifest, why_not = export_model(workspace, TRAINING, file)
    assert why_not == ""
    assert names(file) == MODEL | {"evaluation/table1.csv", "evaluation/table1.md"}  # one reader: none fair
    assert manifest.tested is not None
    assert manifest.tested["exams"] == 2
    with zipfile.ZipFile(file) as archive:
        table = archive.read(f"{FOLDER}/evaluation/table1.csv")
    assert table == (workspace.evaluation / "table1.csv").read_bytes()

    _, why_not = export_model(workspace, TRAINING, file, folds=(0,))
    assert why_not == "the predictions were not made by this model"
    assert names(file) == MODEL - {"fold_1/weights.safetensors"}

    with (workspace.evaluation / "table1.csv").open("a") as table_file:
        table_file.write("level1,tiny,1,1,1,1\n")
    _, why_not = export_model(workspace, TRAINING, file)
    assert why_not == "table1.csv is not as the evaluation wrote it"

    one, other = sorted(workspace.predictions("tiny").glob("*.nii.gz"))
    shutil.copyfile(one, other)
    _, why_not = export_model(workspace, TRAINING, file)
    assert why_not == "the predictions were not made by this model"
    assert names(file) == MODEL


def test_without_an_evaluation(shared: Shared, tmp_path: Path) -> None:
    manifest, why_not = export_model(shared.workspace, TRAINING, tmp_path / "model.zip")
    assert why_not == "the workspace holds no evaluation"
    assert manifest.tested is None


def test_a_model_that_is_not_trained(shared: Shared, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found no trained model, .*train first"):
        export_model(shared.workspace, Training.of(UNET, PROFILE), tmp_path / "model.zip")
    assert not list(tmp_path.iterdir())


def test_a_model_of_other_exams_than_the_workspace_holds(copy: Shared, tmp_path: Path) -> None:
    raw = copy.workspace.raw_dataset / "labelsTr"
    shutil.copyfile(raw / "knee_0.nii.gz", raw / "knee_1.nii.gz")
    with pytest.raises(InputError, match=r"from other inputs \(preprocessed exams changed\)"):
        export_model(copy.workspace, TRAINING, tmp_path / "model.zip")


def test_a_name_that_is_no_zip_file(shared: Shared, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found the ending '\.csv', expected \.zip"):
        export_model(shared.workspace, TRAINING, tmp_path / "cohort.csv")
