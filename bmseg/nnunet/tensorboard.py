"""Event files for TensorBoard, as one of nnU-Net's loggers."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bmseg.errors import InputError

#: Beside the checkpoints of a fold.
EVENTS = "tensorboard"
_BEGUN, _ENDED = "epoch_start_timestamps", "epoch_end_timestamps"


def check_tensorboard() -> None:
    """InputError where TensorBoard is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError("tensorboard: not installed; install with: pip install 'bmseg[tensorboard]'")


class TensorBoardLogger:
    """What nnU-Net logs, under its own names, a step an epoch counted from 0; seconds for its timestamps.

    It takes the place of any event files of an earlier call and begins with all epochs that were logged
    before, so that a training that goes on has each step once, however often it was stopped.

    Parameters
    ----------
    folder : Path
        Where the event file goes.
    logged : mapping of str to list
        What nnU-Net's own logger holds: a value an epoch.
    """

    def __init__(self, folder: Path, logged: Mapping[str, list[Any]]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        for earlier in folder.glob("events.out.tfevents.*"):
            earlier.unlink()
        # A TensorBoard that is looking on forgets what it has read of those.
        self._writer = SummaryWriter(str(folder), purge_step=0)
        self._begun, self._last = 0.0, 0
        for step, ended in enumerate(logged[_ENDED]):
            for key, values in logged.items():
                if isinstance(value := values[step], list):
                    for number, one in enumerate(value, 1):
                        self.log(f"{key}/class_{number}", one, step, at=ended)
                else:
                    self.log(key, value, step, at=ended)

    def update_config(self, config: Mapping[str, Any]) -> None:
        """Nothing: plans and inputs lie beside the checkpoints."""

    def log(self, key: str, value: Any, step: int, at: float | None = None) -> None:
        """A value of an epoch; `at` is when, in seconds since 1970, where that is not now."""
        if key == _BEGUN:
            self._begun = value
            return
        if key == _ENDED:
            key, value = "epoch_seconds", value - self._begun
        self._last = step
        self._writer.add_scalar(key, value, step, walltime=at)

    def log_summary(self, key: str, value: Any) -> None:
        """A value of the whole training, at its last epoch."""
        self._writer.add_scalar(key, value, self._last)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
