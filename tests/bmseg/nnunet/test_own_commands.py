"""nnU-Net's own commands and its own trainer on a workspace of bmseg's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bmseg.methods import Method
from bmseg.nnunet import Training, nnunet_variables, plan, predict, train
from bmseg.workspace import Workspace
from dataset_conversion.images import read_volume
from tests.bmseg.nnunet import own_commands
from tests.bmseg.nnunet.tiny import METHOD, METHODS, PROFILE, RECIPE, TRAINING, copied, fold_of, losses
from tests.support.threads import Threads

pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Theirs:
    """A workspace in which nnU-Net's own commands planned, trained fold 1 and predicted with our fold 0."""

    workspace: Workspace
    plans_before: dict[str, Any]
    masks: Path


@pytest.fixture(scope="module")
def theirs(trained_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Theirs:
    folder = tmp_path_factory.mktemp("theirs")
    workspace, masks = copied(trained_once, folder / "workspace"), folder / "masks"
    plans_before = read_plans(workspace)
    trainer = ("-tr", "nnUNetTrainerQuick", "-device", "cpu")
    images = str(workspace.raw_dataset / "imagesTs")
    # Planning needs a thread to count with; training with none augments in its own process.
    one, none = ({"nnUNet_n_proc_DA": number} for number in "10")
    commands = [
        (one, ["nnUNetv2_plan_and_preprocess", "-d", "501", "-c", "2d", "-np", "1", "-npfp", "1"]),
        (none, ["nnUNetv2_train", "501", "2d_tiny", "1", *trainer]),
        (none, [
            "nnUNetv2_predict", "-d", "501", "-c", "2d_tiny", "-f", "0", *trainer, "-i", images,
            "-o", str(masks), "-npp", "0", "-nps", "0", "-step_size", str(PROFILE.tile_step),
        ]),
    ]  # fmt: skip
    answer = subprocess.run(
        [sys.executable, "-m", own_commands.__name__, json.dumps(commands)],
        cwd=Path(__file__).parents[3],
        env={
            **os.environ,
            **nnunet_variables(workspace),
            "nnUNet_def_n_proc": "1",
            "OMP_NUM_THREADS": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stdout[-3000:]
    return Theirs(workspace, plans_before, masks)


def read_plans(workspace: Workspace) -> dict[str, Any]:
    plans: dict[str, Any] = json.loads((workspace.preprocessed_dataset / "nnUNetPlans.json").read_text())
    return plans


def test_they_train_a_fold_and_predict_with_ours(theirs: Theirs, tmp_path: Path) -> None:
    workspace = copied(theirs.workspace, tmp_path / "workspace")
    assert len(losses(fold_of(workspace, fold=1))) == PROFILE.epochs
    for ours in predict(workspace, TRAINING, folds=(0,)):
        their = read_volume(theirs.masks / ours.name)
        # Ours may compute in bfloat16, which rounds where two levels are all but equal.
        assert (read_volume(ours).array == their.array).mean() > 0.97


def test_their_planning_before_and_after_ours(theirs: Theirs, tmp_path: Path) -> None:
    workspace = copied(theirs.workspace, tmp_path / "workspace")
    after = read_plans(workspace)
    for configuration in ("2d", "2d_tiny", "2d_tiny_unet"):
        assert after["configurations"][configuration] == theirs.plans_before["configurations"][configuration]
    plan(workspace, PROFILE, METHODS)
    train(workspace, Training.of(METHOD, PROFILE, epochs=1), fold=2, seed=1)


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
    for name in ("training.nnUNetTrainer.nnUNetTrainer", "evaluation.evaluate_predictions"):
        monkeypatch.setattr(f"nnunetv2.{name}.multiprocessing", Threads)
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
