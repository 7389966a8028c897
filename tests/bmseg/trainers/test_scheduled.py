"""A schedule from the plans, seeds by epoch, checkpoints that appear whole."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from bmseg.trainers.scheduled import nnUNetTrainerScheduled, seed_everything  # noqa: E402
from tests.bmseg.trainers.built import built  # noqa: E402

LABELS = {"background": 0, "level1": 1}


def made(root: Path, capsys: pytest.CaptureFixture[str], **schedule: Any) -> Any:
    trainer = built(nnUNetTrainerScheduled, root, LABELS, schedule or None)
    capsys.readouterr()
    return trainer


def test_the_schedule_stands_in_the_plans(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer = made(tmp_path, capsys, epochs=7, iterations=3, seed=5)
    assert (trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.seed) == (7, 3, 5)
    assert trainer.num_val_iterations_per_epoch == 50  # nnU-Net's own


def test_without_a_schedule_it_is_nnunets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer = made(tmp_path, capsys)
    assert (trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.initial_lr) == (1000, 250, 1e-2)
    assert trainer.save_every == 10


def test_a_short_training_has_something_to_resume_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert made(tmp_path, capsys, epochs=10).save_every == 1
    assert made(tmp_path, capsys, epochs=400).save_every == 10


def test_a_failed_save_leaves_the_earlier_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = made(tmp_path, capsys, epochs=2)
    target = Path(trainer.output_folder) / "checkpoint_latest.pth"
    target.write_bytes(b"earlier")
    trainer.network = torch.nn.Linear(1, 1)
    trainer.optimizer = torch.optim.AdamW(trainer.network.parameters())

    def half(_: Any, filename: str) -> None:
        Path(filename).write_bytes(b"ha")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="disk full"):
        trainer.save_checkpoint(str(target))
    assert target.read_bytes() == b"earlier"
    assert [path.name for path in target.parent.glob(".partial*")] == []


def test_seeds_of_epochs_differ_and_repeat() -> None:
    def draw(seed: int, epoch: int) -> tuple[float, float, float]:
        seed_everything(seed, epoch)
        return random.random(), float(np.random.rand()), float(torch.rand(1))

    assert draw(1, 2) == draw(1, 2)
    assert len({draw(1, 2), draw(1, 3), draw(2, 2)}) == 3
