"""Train a fold of a method; a training that was stopped goes on from its last checkpoint."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.nnunet.curves import keep_curves
from bmseg.nnunet.environment import check_device, logged, nnunet_environment, say, threads, trainer_class
from bmseg.nnunet.models import (
    FINAL,
    INPUTS,
    LATEST,
    PROGRESS,
    RECORD,
    is_finished,
    is_trained,
    seed_of,
    training_inputs,
)
from bmseg.nnunet.plan import plans_of
from bmseg.nnunet.teachers import taught_by
from bmseg.nnunet.tensorboard import EVENTS, TensorBoardLogger, check_tensorboard
from bmseg.nnunet.training import SCHEDULE, Fold, Training
from bmseg.outputs.locks import locked
from bmseg.outputs.provenance import file_hash, read_record, versions, write_record
from bmseg.workspace import Workspace
from dataset_conversion.files import atomic_path

_LINES_OFF_TERMINAL = 10


def train(
    workspace: Workspace,
    training: Training,
    *,
    fold: Fold = 0,
    seed: int | None = None,
    restart: bool = False,
    deterministic: bool = False,
    tensorboard: bool = False,
) -> None:
    """Train one fold, or go on with it when an earlier call was stopped.

    Parameters
    ----------
    workspace : Workspace
        Planned and preprocessed.
    fold : int or "all"
        A fold of splits_final.json; "all" trains on every training exam.
    seed : int, optional
        Of weights, batches and augmentation. By default the training's own, or else `SEED`.
    restart : bool
        Delete what an earlier training of this fold left and start anew.
    deterministic : bool
        On the CPU only: one thread and deterministic algorithms, so that the number of cores changes
        nothing.
    tensorboard : bool
        Write event files for TensorBoard too, beside the checkpoints.

    Raises
    ------
    InputError
        When data set, plans, fold, device or TensorBoard are not there, the fold holds a training from
        other inputs, or the method's usual network has the seed of one that is to differ from it by its seed.
    WorkError
        When nnU-Net fails, or another process trains this fold.
    """
    if tensorboard:
        check_tensorboard()
    training = training.in_study(workspace)
    folder = training.fold_folder(workspace, fold)
    seed = seed_of(workspace, training, fold, seed)
    inputs = training_inputs(workspace, training, fold, seed=seed, deterministic=deterministic)
    # Beside the fold's folder: a restart deletes that.
    lock, what = folder.with_name(f".{folder.name}.lock"), f"training of fold {fold}, {folder.parent.name}"
    with locked(lock, what, wait=False):
        if not restart and is_trained(folder, training, inputs):
            say(f"training: fold {fold} is already trained from the same inputs; --restart trains it anew")
            return
        device_name = training.profile.device
        workers = 0 if device_name == "cpu" else None
        with nnunet_environment(workspace, device_name, workers, training.variant.word):
            device = check_device(device_name)
            if restart and folder.is_dir():
                shutil.rmtree(folder)
                say(f"training: the earlier one of fold {fold} was deleted")
            write_record(folder / INPUTS, {"inputs": inputs, "versions": versions()})
            log, task = folder / "bmseg_train.log", f"training of fold {fold}"
            with logged(log, task), threads(device, deterministic=deterministic):
                _run(workspace, training, fold, seed, device, tensorboard=tensorboard)


def _run(
    workspace: Workspace, training: Training, fold: Fold, seed: int, device: Any, *, tensorboard: bool
) -> None:
    from bmseg.trainers.scheduled import seed_everything

    folder = training.fold_folder(workspace, fold)
    # A kill in the middle of a write leaves one behind; not every file is written again.
    for unfinished in folder.glob(".partial-*"):
        unfinished.unlink()
    checkpoint = next((folder / name for name in (FINAL, LATEST) if (folder / name).is_file()), None)
    seed_everything(seed)
    trainer = _trainer(workspace, training, fold, seed, device, resumed=checkpoint is not None)
    if checkpoint is not None:
        trainer.load_checkpoint(str(checkpoint))
    keep = partial(keep_curves, folder, training, trainer, fold, seed)
    keep()
    # Of a training that was killed after its last epoch, what it took in memory is not known.
    memory: dict[str, Any] = {"peak_memory_bytes": None, "memory_of": None}
    if checkpoint is None or checkpoint.name == LATEST:
        if checkpoint is not None:
            say(f"training: goes on after epoch {trainer.current_epoch} of {trainer.num_epochs}")
        if device.type == "cuda":
            import torch

            # A fold before may have used the same GPU.
            torch.cuda.reset_peak_memory_stats(device)
        with _progress(trainer, folder, fold, keep), _events(trainer, folder, wanted=tensorboard):
            trainer.run_training()
        memory |= _peak_memory(device)
        (folder / RECORD).unlink(missing_ok=True)
    if not is_finished(folder):
        taught = training.taught
        teachers = {} if taught == "reader" else {"taught_by": taught_by(workspace, taught)}
        write_record(folder / RECORD, _record(training, trainer, folder) | teachers | memory)
    if training.profile.validate:
        # nnU-Net scores whatever lies there, predictions of exams that no longer exist included.
        shutil.rmtree(folder / "validation", ignore_errors=True)
        say(f"validation: predicting the validation exams of fold {fold}")
        trainer.perform_actual_validation()
        write_record(folder / RECORD, {**read_record(folder / RECORD), "validated": True})


def _trainer(
    workspace: Workspace, training: Training, fold: Fold, seed: int, device: Any, *, resumed: bool
) -> Any:
    from bmseg.trainers.scheduled import SAVE_EVERY, nnUNetTrainerScheduled

    plans, made = plans_of(workspace), trainer_class(training.trainer)
    if training.taught != "reader" and not issubclass(made, nnUNetTrainerScheduled):
        raise InputError(
            f"masks: found {training.taught} for method {training.method.name}, whose trainer "
            f"{training.trainer} knows one mask an exam, expected reader"
        )
    if training.takes_schedule:
        plans["configurations"][training.configuration][SCHEDULE] = {**training.schedule, "seed": seed}
    trainer = made(
        plans={**plans, "continue_training": resumed},
        configuration=training.configuration,
        fold=fold,
        dataset_json=read_record(workspace.preprocessed_dataset / "dataset.json"),
        device=device,
    )
    if not training.takes_schedule:
        trainer.save_every = min(trainer.save_every, SAVE_EVERY)
        save = trainer.save_checkpoint

        def save_checkpoint(filename: str) -> None:
            """Move each checkpoint into place when it is complete, as bmseg's own trainers do."""
            with atomic_path(Path(filename)) as temporary:
                save(str(temporary))

        trainer.save_checkpoint = save_checkpoint
    return trainer


def _record(training: Training, trainer: Any, folder: Path) -> dict[str, Any]:
    """What the finished training is and took; seconds are those of all epochs, over all resumptions."""
    begun = trainer.logger.get_value("epoch_start_timestamps", None)
    ended = trainer.logger.get_value("epoch_end_timestamps", None)
    return {
        "checkpoint_sha256": file_hash(folder / FINAL),
        "method": training.name,
        "profile": training.profile.name,
        "device": trainer.device.type,
        "parameters": sum(weights.numel() for weights in trainer.network.parameters()),
        "epochs": trainer.num_epochs,
        "iterations": trainer.num_iterations_per_epoch,
        "seconds": round(sum(end - begin for begin, end in zip(begun, ended, strict=True)), 1),
    }


def _peak_memory(device: Any) -> dict[str, Any]:
    if device.type == "cuda":
        import torch

        return {"peak_memory_bytes": torch.cuda.max_memory_allocated(device), "memory_of": "GPU"}
    try:
        import resource
    except ImportError:  # not on Windows
        return {}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes on Linux, bytes on macOS.
    return {"peak_memory_bytes": peak * (1 if sys.platform == "darwin" else 1024), "memory_of": "process"}


@contextmanager
def _events(trainer: Any, folder: Path, *, wanted: bool) -> Iterator[None]:
    """Let nnU-Net's logger write event files for TensorBoard, where they are wanted."""
    if not wanted:
        yield
        return
    events = TensorBoardLogger(folder / EVENTS, trainer.logger.get_checkpoint())
    trainer.logger.loggers.append(events)
    try:
        yield
    finally:
        trainer.logger.loggers.remove(events)
        events.close()


@contextmanager
def _progress(trainer: Any, folder: Path, fold: Fold, keep: Callable[[], None]) -> Iterator[None]:
    """Show each epoch: a bar on a terminal, a line now and then elsewhere; `keep` keeps its curves."""
    import matplotlib as mpl

    end, value = trainer.on_epoch_end, trainer.logger.get_value
    epochs, name = trainer.num_epochs, f"training fold {fold}"
    bar = tqdm(total=epochs, initial=trainer.current_epoch, desc=name, unit="epoch", disable=None)

    def on_epoch_end() -> None:
        # nnU-Net draws its figure in a style of its own and leaves it set for every later figure.
        with mpl.rc_context():
            end()
        seconds = value("epoch_end_timestamps", -1) - value("epoch_start_timestamps", -1)
        dice = " ".join(f"{one:.2f}" for one in value("dice_per_class_or_region", -1))
        facts = f"loss {value('train_losses', -1):.3f}, pseudo Dice {dice}"
        bar.set_postfix_str(facts, refresh=False)
        bar.update()
        done = trainer.current_epoch
        write_record(folder / PROGRESS, {"epochs_done": done, "epochs": epochs})
        keep()
        if bar.disable and (done % max(1, epochs // _LINES_OFF_TERMINAL) == 0 or done == epochs):
            say(f"epoch {done}/{epochs}: {facts}, {seconds:.1f} s")

    trainer.on_epoch_end = on_epoch_end
    with bar:
        yield
