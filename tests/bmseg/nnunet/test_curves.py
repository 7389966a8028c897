"""Learning curves: what is kept of every epoch, for our page and for TensorBoard."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from bmseg.errors import InputError, WorkError
from bmseg.nnunet import Training, train
from bmseg.nnunet.curves import CURVES, Curves, read_curves
from bmseg.workspace import Workspace
from tests.bmseg.nnunet.tiny import ORDINAL, PROFILE, TRAINING, checkpoint, fold_of

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")


def curves_of(folder: Path) -> Curves:
    found = read_curves(folder)
    assert found is not None
    return found


def test_they_are_what_nnunets_logger_put_into_the_checkpoint(trained_once: Workspace) -> None:
    folder = fold_of(trained_once)
    found, logged = curves_of(folder), checkpoint(folder)["logging"]
    assert (found.rater, found.fold, found.seed, found.epochs, found.done) == ("tiny", 0, 1, 3, 3)
    assert found.labels == [[1], [2]] and not found.has_regions
    assert found.train_loss == pytest.approx([float(one) for one in logged["train_losses"]], rel=1e-5)
    assert found.val_loss == pytest.approx([float(one) for one in logged["val_losses"]], rel=1e-5)
    assert found.rate == pytest.approx(logged["lrs"], rel=1e-5)
    took = zip(logged["epoch_start_timestamps"], logged["epoch_end_timestamps"], strict=True)
    assert found.seconds == pytest.approx([end - begin for begin, end in took], rel=1e-4)
    # Three steps learn nothing of a rare label, of which a validation patch may hold no voxel.
    for row, theirs in zip(found.pseudo_dice, logged["dice_per_class_or_region"], strict=True):
        assert [one if one is not None else float("nan") for one in row] == pytest.approx(
            [float(one) for one in theirs], rel=1e-5, nan_ok=True
        )


def test_of_nested_regions(planned: Workspace) -> None:
    training = Training.of(ORDINAL, PROFILE, epochs=1, iterations=1)
    train(planned, training, seed=1)
    found = curves_of(fold_of(planned, training))
    assert [sorted(region) for region in found.labels] == [[1, 2], [2]] and found.has_regions


def test_a_record_that_is_damaged_is_named(tmp_path: Path, trained_once: Workspace) -> None:
    assert read_curves(tmp_path) is None
    record = json.loads((fold_of(trained_once) / CURVES).read_text())
    record["val_loss"] = record["val_loss"][:-1]
    (tmp_path / CURVES).write_text(json.dumps(record))
    with pytest.raises(
        InputError, match=r"bmseg_curves\.json: .*found \[3, 2, 3, 3, 3\], expected one"
    ) as caught:
        read_curves(tmp_path)
    assert "\n" not in str(caught.value)


# TensorBoard


def test_without_tensorboard_nothing_is_begun(planned: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"^tensorboard: not installed; install with: pip install 'bmseg"):
        train(planned, TRAINING, seed=1, tensorboard=True)
    assert not fold_of(planned).exists()


def test_event_files_of_a_training_that_was_stopped_hold_each_step_once(
    planned: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="TensorBoard is not installed: pip install 'bmseg[tensorboard]'",
    )
    from bmseg.trainers.quick import nnUNetTrainerQuick

    step = nnUNetTrainerQuick.train_step

    def stopped(self: Any, batch: Any) -> Any:
        if self.current_epoch == 2:
            raise RuntimeError("power cut")
        return step(self, batch)

    monkeypatch.setattr(nnUNetTrainerQuick, "train_step", stopped)
    with pytest.raises(WorkError, match="power cut"):
        train(planned, TRAINING, seed=1, tensorboard=True)
    folder = fold_of(planned)
    assert curves_of(folder).done == 2
    monkeypatch.setattr(nnUNetTrainerQuick, "train_step", step)
    train(planned, TRAINING, seed=1, tensorboard=True)

    events = reader.EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    logged, kept = checkpoint(folder)["logging"], curves_of(folder)
    for key in ("train_losses", "val_losses", "lrs", "mean_fg_dice", "ema_fg_dice"):
        scalars = events.Scalars(key)
        assert [one.step for one in scalars] == [0, 1, 2], key
        assert [one.value for one in scalars] == pytest.approx(
            [float(one) for one in logged[key]], nan_ok=True
        )
    classes = [events.Scalars(f"dice_per_class_or_region/class_{number}") for number in (1, 2)]
    assert [len(one) for one in classes] == [3, 3]
    assert [one.value for one in events.Scalars("epoch_seconds")] == pytest.approx(kept.seconds, rel=1e-3)
    # Steps of the first call keep their time.
    times = [one.wall_time for one in events.Scalars("lrs")]
    assert times[:2] == pytest.approx(logged["epoch_end_timestamps"][:2])
