"""nnU-Net's own commands and its own trainer on a workspace of bmseg's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bmseg.methods import Method
from bmseg.nnunet import Training, nnunet_variables, plan, predict, train
from bmseg.workspace import Workspace
from dataset_conversion.images import read_volume
from tests.bmseg.nnunet.tiny import METHOD, METHODS, PROFILE, RECIPE, TRAINING, fold_of, losses

pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")
pytestmark = pytest.mark.slow


def run_command(workspace: Workspace, command: str, *arguments: str) -> str:
    environment = {
        **os.environ,
        **nnunet_variables(workspace),
        "nnUNet_n_proc_DA": "0" if command == "nnUNetv2_train" else "1",
        "nnUNet_def_n_proc": "1",
        "OMP_NUM_THREADS": "1",
    }
    program = Path(sys.executable).parent / command
    answer = subprocess.run(
        [str(program), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stdout[-3000:]
    return answer.stdout


def test_they_train_a_fold_and_predict_with_ours(trained: Workspace, tmp_path: Path) -> None:
    run_command(
        trained, "nnUNetv2_train", "501", "2d_tiny", "1", "-tr", "nnUNetTrainerQuick", "-device", "cpu"
    )
    assert len(losses(fold_of(trained, fold=1))) == PROFILE.epochs
    run_command(
        trained, "nnUNetv2_predict", "-d", "501", "-c", "2d_tiny", "-f", "0", "-tr", "nnUNetTrainerQuick",
        "-i", str(trained.raw_dataset / "imagesTs"), "-o", str(tmp_path / "masks"), "-device", "cpu",
        "-npp", "0", "-nps", "0", "-step_size", str(PROFILE.tile_step),
    )  # fmt: skip
    for ours in predict(trained, TRAINING, folds=(0,)):
        theirs = read_volume(tmp_path / "masks" / ours.name)
        # Ours may compute in bfloat16, which rounds where two levels are all but equal.
        assert (read_volume(ours).array == theirs.array).mean() > 0.97


def test_their_planning_before_and_after_ours(planned: Workspace) -> None:
    path = planned.preprocessed_dataset / "nnUNetPlans.json"
    before = json.loads(path.read_text())
    run_command(planned, "nnUNetv2_plan_and_preprocess", "-d", "501", "-c", "2d", "-np", "1", "-npfp", "1")
    after = json.loads(path.read_text())
    for configuration in ("2d", "2d_tiny", "2d_tiny_unet"):
        assert after["configurations"][configuration] == before["configurations"][configuration]
    plan(planned, PROFILE, METHODS)
    train(planned, Training.of(METHOD, PROFILE, epochs=1), seed=1)


def test_nnunets_own_trainer_is_validated_as_nnunet_does(
    planned: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its 250 steps an epoch are in no plan.
    module = sys.modules[train.__module__]
    build = module._trainer

    def built(*given: Any, **named: Any) -> Any:
        trainer = build(*given, **named)
        trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch = 3, 1
        return trainer

    monkeypatch.setattr(module, "_trainer", built)
    method = Method("own", "", {"quick": replace(RECIPE, trainer="nnUNetTrainer_1epoch", learning_rate=None)})
    training = Training.of(method, replace(PROFILE, validate=True))
    folder = fold_of(planned, training)
    stale = folder / "validation" / "knee_99.nii.gz"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"")
    train(planned, training, seed=1)
    assert len(losses(folder)) == 1
    summary = json.loads((folder / "validation" / "summary.json").read_text())
    assert len(summary["metric_per_case"]) == 2
    assert not stale.exists()

    # A validation that was cut short is made up for, the training is not repeated.
    before = (folder / "checkpoint_final.pth").stat().st_mtime_ns
    (folder / "validation" / "summary.json").unlink()
    stale.write_bytes(b"")
    capsys.readouterr()
    train(planned, training, seed=1)
    assert (folder / "validation" / "summary.json").is_file()
    assert not stale.exists()
    assert (folder / "checkpoint_final.pth").stat().st_mtime_ns == before
    assert "epoch" not in capsys.readouterr().err
