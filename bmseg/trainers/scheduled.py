"""nnU-Net's trainer with a schedule that stands in the plans; batches are made while the network computes."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from batchgenerators.dataloading.single_threaded_augmenter import SingleThreadedAugmenter
from nnunetv2.training.dataloading import data_loader
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from threadpoolctl import ThreadpoolController

from bmseg.trainers.cpu import speed_up_on_cpu
from bmseg.trainers.teachers import learn_shares, soft_transforms, taught_exams
from dataset_conversion.files import atomic_path

#: Batches made before they are asked for.
_AHEAD = 2
#: Exams whose open file and properties stay in memory; nnU-Net opens and unpickles both for every patch.
_KEPT_EXAMS = 128


class Batches:
    """Iterates over the batches of the epoch that was begun: those for training, then for validation.

    A thread makes the next batches while the network works on one. It makes them one after the other
    and never those of an epoch that is not begun, so that the same seed gives the same batches as
    without a thread, as long as nothing else draws random numbers meanwhile.
    `training` and `validation` are nnU-Net's loaders.
    """

    def __init__(self, training: Iterator[dict[str, Any]], validation: Iterator[dict[str, Any]]) -> None:
        self._loaders = (training, validation)
        self._wanted: Iterator[Iterator[dict[str, Any]]] = iter(())
        self._made: deque[Future[dict[str, Any]]] = deque()
        # torch sets a thread's number of cores when the thread first asks; later it would undo nnU-Net's
        # limit to one for augmentation.
        self._thread = ThreadPoolExecutor(1, "batches", initializer=torch.get_num_threads)

    def begin_epoch(self, training: int, validation: int) -> None:
        """Start to make so many batches for training and then for validation."""
        if self._made:
            raise RuntimeError("batches: found some left of the epoch before, expected all taken")
        loaders = self._loaders
        self._wanted = iter([loaders[0]] * training + [loaders[1]] * validation)
        for _ in range(_AHEAD):
            self._make_next()

    def stop(self) -> None:
        """Make no more; a batch that is being made is waited for, as it draws random numbers."""
        self._thread.shutdown(cancel_futures=True)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self

    def __next__(self) -> dict[str, Any]:
        if not self._made:
            raise RuntimeError("batches: found none left, expected begin_epoch before")
        batch = self._made.popleft().result()
        self._make_next()
        return batch

    def _make_next(self) -> None:
        if (loader := next(self._wanted, None)) is not None:
            self._made.append(self._thread.submit(next, loader))


def draws_random_numbers(network: torch.nn.Module) -> bool:
    """Whether a network draws random numbers in training, from the generator that augmentation uses."""
    dropout = torch.nn.modules.dropout._DropoutNd
    return any(isinstance(module, dropout) and module.p > 0 for module in network.modules())


def keep_open(dataset: Any) -> None:
    """Let an nnU-Net data set open each exam once, not for every patch."""
    # One that draws a reader each time has to go on drawing.
    name = "opened" if hasattr(dataset, "opened") else "load_case"
    setattr(dataset, name, lru_cache(_KEPT_EXAMS)(getattr(dataset, name)))


@contextmanager
def thread_pools_found_once() -> Iterator[None]:
    """Let nnU-Net's loader search this process for thread pools once, not for every batch.

    It limits each pool to one thread while it augments. The search reads all mapped libraries from
    /proc and takes 4 ms.
    """
    before = data_loader.threadpool_limits
    data_loader.threadpool_limits = ThreadpoolController().limit
    try:
        yield
    finally:
        data_loader.threadpool_limits = before


#: The entry of a plans configuration that holds the schedule.
SCHEDULE = "bmseg"

_ATTRIBUTES = {
    "epochs": "num_epochs",
    "iterations": "num_iterations_per_epoch",
    "validation_iterations": "num_val_iterations_per_epoch",
    "learning_rate": "initial_lr",
    "foreground": "oversample_foreground_percent",
}

#: Epochs between two checkpoints at most. nnU-Net's 50 are hours of a large training, and leave a short one
#: without anything to resume from.
SAVE_EVERY = 10

_FIGURE_EVERY = 10


class nnUNetTrainerScheduled(nnUNetTrainer):  # noqa: N801 (nnU-Net's users know trainers by this form)
    """nnU-Net's defaults, with epochs, iterations and seed from the plans; repeatable and interruptible.

    The configuration's entry ``bmseg`` in the plans may hold ``epochs``, ``iterations``,
    ``validation_iterations``, ``learning_rate``, ``foreground`` and ``seed``; what is absent stays as
    nnU-Net has it. With ``masks`` other than "reader" it learns from other masks than nnU-Net's
    (`bmseg.trainers.teachers`). Every epoch is seeded by its number, so that with augmentation in the same
    process (``nnUNet_n_proc_DA=0``) a training that was killed and resumed gives the same network as one
    that was not. Checkpoints appear whole or not at all.
    """

    #: What stands in for absent entries, of a trainer that departs from nnU-Net's.
    schedule: ClassVar[dict[str, Any]] = {}
    #: Whether the loss is taken at every resolution, as nnU-Net does.
    deep_supervision: ClassVar[bool] = True

    num_epochs: int
    save_every: int

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),  # noqa: B008 (nnU-Net inspects this signature)
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        schedule = {**self.schedule, **self.configuration_manager.configuration.get(SCHEDULE, {})}
        self.enable_deep_supervision = self.deep_supervision
        for entry, attribute in _ATTRIBUTES.items():
            if entry in schedule:
                setattr(self, attribute, schedule[entry])
        self.seed = schedule.get("seed", 0)
        self.masks = schedule.get("masks", "reader")
        self._batches: Batches | None = None
        self.save_every = min(SAVE_EVERY, max(1, self.num_epochs // 20))

    def initialize(self) -> None:
        """On a CPU, let the network compute as fast as it can."""
        super().initialize()
        if self.device.type == "cpu":
            self.print_to_log_file(f"The network computes in {speed_up_on_cpu(self.network)}, channels last")
        if self.masks == "soft":
            learn_shares(self)

    def get_tr_and_val_datasets(self) -> tuple[Any, Any]:
        """nnU-Net's data sets, or those with the masks that are to teach."""
        return super().get_tr_and_val_datasets() if self.masks == "reader" else taught_exams(self, self.masks)

    def get_dataloaders(self) -> tuple[Any, Any]:
        """nnU-Net's loaders; augmentation in this process goes on in a thread beside the network."""
        if self.masks == "soft":
            # Of the class it is a static method, which cannot know what is learned from.
            usual = type(self).get_training_transforms
            self.__dict__["get_training_transforms"] = partial(soft_transforms, usual)
        training, validation = super().get_dataloaders()
        if isinstance(training, SingleThreadedAugmenter):
            for loader in (training, validation):
                keep_open(loader.data_loader._data)
            if not draws_random_numbers(self.network):
                self._batches = training = validation = Batches(training, validation)
        return training, validation

    def run_training(self) -> None:
        """Train to the last epoch; the thread that makes batches ends with it, however it ends."""
        with thread_pools_found_once():
            try:
                super().run_training()
            finally:
                if self._batches is not None:
                    self._batches.stop()

    def on_train_start(self) -> None:
        """Seed before nnU-Net draws the first weights."""
        seed_everything(self.seed)
        super().on_train_start()

    def on_train_epoch_start(self) -> None:
        """Seed by the epoch's number, so that a resumed epoch draws what it would have drawn."""
        seed_everything(self.seed, self.current_epoch + 1)
        super().on_train_epoch_start()
        if self._batches is not None:
            self._batches.begin_epoch(self.num_iterations_per_epoch, self.num_val_iterations_per_epoch)

    def on_epoch_end(self) -> None:
        """Draw nnU-Net's figure, which takes over a second, now and then only."""
        done = self.current_epoch + 1
        if done % _FIGURE_EVERY and done != self.num_epochs:
            self.logger.plot_progress_png = lambda folder: None  # noqa: ARG005 (nnU-Net's signature)
        try:
            super().on_epoch_end()
        finally:
            self.logger.__dict__.pop("plot_progress_png", None)

    def save_checkpoint(self, filename: str) -> None:
        """Write a checkpoint atomically."""
        with atomic_path(Path(filename)) as temporary:
            super().save_checkpoint(str(temporary))


def after_augmentation(deep_supervision_scales: list[Any] | None, given: dict[str, Any]) -> Any:
    """What nnU-Net does to every patch after augmentation: the same as for validation."""
    kept = {name: given.get(name) for name in ("foreground_labels", "regions", "ignore_label")}
    return nnUNetTrainer.get_validation_transforms(
        deep_supervision_scales, is_cascaded=given.get("is_cascaded", False), **kept
    )


def seed_everything(seed: int, epoch: int = 0) -> None:
    """Seed Python, NumPy and torch for an epoch; epoch 0 is what comes before the first."""
    mixed = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    random.seed(mixed)
    np.random.seed(mixed)
    torch.manual_seed(mixed)
