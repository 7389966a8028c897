"""A training that was stopped goes on, and ends as if it had not been."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bmseg.errors import InputError, WorkError
from bmseg.nnunet import predict, train
from bmseg.workspace import Workspace
from tests.bmseg.nnunet.killed import EPOCHS, LONG
from tests.bmseg.nnunet.tiny import TEST_EXAMS, TRAINING, checkpoint, copied, fold_of, losses, same_weights

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

ROOT = Path(__file__).parents[3]
KILLS = 3


def test_seconds_of_the_epochs_before_the_stop_are_counted(
    planned: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bmseg.trainers.quick import nnUNetTrainerQuick

    step = nnUNetTrainerQuick.train_step

    def slow_and_stopped(self: Any, batch: Any) -> Any:
        if self.current_epoch == 2:
            raise RuntimeError("power cut")
        time.sleep(0.05)
        return step(self, batch)

    folder = fold_of(planned)
    with monkeypatch.context() as patch:
        patch.setattr(nnUNetTrainerQuick, "train_step", slow_and_stopped)
        with pytest.raises(WorkError, match=r"^training of fold 0: RuntimeError: power cut; "):
            train(planned, TRAINING, seed=1)
    assert json.loads((folder / "bmseg_progress.json").read_text())["epochs_done"] == 2
    with pytest.raises(InputError, match=r"found a training that was stopped, .*train again to finish it"):
        predict(planned, TRAINING)

    # What a kill in the middle of a write leaves behind.
    leftover = folder / ".partial-checkpoint_best.pth"
    leftover.write_bytes(b"half")
    capsys.readouterr()
    train(planned, TRAINING, seed=1)
    assert "training: goes on after epoch 2 of 3" in capsys.readouterr().err
    record = json.loads((folder / "bmseg_training.json").read_text())
    assert record["seconds"] >= 2 * 3 * 0.05
    assert len(losses(folder)) == 3
    assert not leftover.exists()


def test_stopped_between_the_last_checkpoint_and_the_record(
    trained: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fold_of(trained)
    record, final = folder / "bmseg_training.json", folder / "checkpoint_final.pth"
    before, written = json.loads(record.read_text()), final.stat().st_mtime_ns
    record.unlink()
    with pytest.raises(InputError, match=r"fold 0: found no finished training, expected one; finish it"):
        predict(trained, TRAINING)
    train(trained, TRAINING, seed=1)
    assert final.stat().st_mtime_ns == written
    assert "epoch" not in capsys.readouterr().err
    # What it took in memory is not known any more.
    assert json.loads(record.read_text()) == {**before, "peak_memory_bytes": None, "memory_of": None}
    assert len(predict(trained, TRAINING)) == TEST_EXAMS


@pytest.mark.slow
def test_killed_three_times_it_ends_as_if_it_had_not_been(planned: Workspace, tmp_path: Path) -> None:
    whole = copied(planned, tmp_path / "whole")
    train(whole, LONG, seed=1)

    driver = [sys.executable, "-m", "tests.bmseg.nnunet.killed", str(planned.root), str(KILLS), "1"]
    answer = subprocess.run(driver, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr[-3000:]
    rounds = [line for line in answer.stdout.splitlines() if line.startswith("round:")]
    print("\n".join(rounds))
    assert ["killed=True" in line for line in rounds] == [True] * KILLS
    folder = fold_of(planned)
    assert not (folder / "checkpoint_final.pth").exists()

    train(planned, LONG, seed=1)
    logged = checkpoint(folder)["logging"]
    assert len(logged["train_losses"]) == len(logged["epoch_end_timestamps"]) == EPOCHS
    assert losses(folder) == losses(fold_of(whole))
    assert same_weights(folder, fold_of(whole))
    assert {path.name for path in folder.iterdir() if "training_log" not in path.name} == {
        path.name for path in fold_of(whole).iterdir() if "training_log" not in path.name
    }
    for path in folder.glob("*.pth"):
        torch.load(path, map_location="cpu", weights_only=False)
    for path in folder.glob("*.json"):
        json.loads(path.read_text())
