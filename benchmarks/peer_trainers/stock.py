"""The peers of `benchmarks.bench_training`, for nnU-Net's search (``nnUNet_extTrainer``).

Both compute, load and write as nnU-Net does; from the plans they take only how many steps an epoch has, and
from the environment how many epochs and whether the validation exams are predicted at the end.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from bmseg.trainers.quick import _WEIGHT_DECAY, nnUNetTrainerQuick


class _AsAsked(nnUNetTrainer):  # type: ignore[misc]
    """Predicts the validation exams where the benchmark wants the whole call."""

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        if os.environ["BMSEG_BENCH_VALIDATION"] == "1":
            super().perform_actual_validation(save_probabilities)


class nnUNetTrainerStock(_AsAsked):  # noqa: N801 (nnU-Net's users know trainers by this form)
    """nnU-Net's own trainer, stopped after a few epochs of a few steps."""

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),  # noqa: B008 (nnU-Net inspects this signature)
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        schedule = plans["configurations"][configuration]["bmseg"]
        self.num_iterations_per_epoch = schedule["iterations"]
        self.num_val_iterations_per_epoch = schedule["validation_iterations"]
        self.num_epochs = int(os.environ["BMSEG_BENCH_EPOCHS"])


class nnUNetTrainerStockQuick(_AsAsked, nnUNetTrainerQuick):  # noqa: N801
    """The quick trainer's method, with none of what bmseg does to be fast or resumable."""

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),  # noqa: B008
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = int(os.environ["BMSEG_BENCH_EPOCHS"])
        self.save_every = 50

    initialize = nnUNetTrainer.initialize
    get_dataloaders = nnUNetTrainer.get_dataloaders
    run_training = nnUNetTrainer.run_training
    on_epoch_end = nnUNetTrainer.on_epoch_end
    save_checkpoint = nnUNetTrainer.save_checkpoint

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, Any]:
        """AdamW as torch makes it unless told otherwise."""
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=self.initial_lr, weight_decay=_WEIGHT_DECAY
        )
        return optimizer, PolyLRScheduler(optimizer, self.initial_lr, self.num_epochs)
