"""What the jobs do: train one fold; predict with all folds and score.

An object here is pickled when its job is submitted and called on the cluster, perhaps after an update of
bmseg: it holds plain values only. Each job leaves a record of how it ended beside its logs.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bmseg.errors import InputError, WorkError
from bmseg.outputs.records import read_record, write_record

if TYPE_CHECKING:
    from bmseg.nnunet.training import Fold, Training
    from bmseg.workspace import Workspace

STOPPED = "the time limit came before a new checkpoint could be written; ask for more --time"


@dataclass(frozen=True)
class Order:
    """What is trained, in plain values.

    Parameters
    ----------
    root : str
        The workspace's folder.
    method, profile : str
    epochs, iterations : int or None
    seed : int
    deterministic : bool
    folds : tuple of int or "all"
    """

    root: str
    method: str
    profile: str
    epochs: int | None
    iterations: int | None
    seed: int
    deterministic: bool
    folds: tuple[Fold, ...]

    def workspace(self) -> Workspace:
        """The workspace."""
        from bmseg.workspace import open_workspace

        return open_workspace(self.root)[0]

    def training(self) -> Training:
        """The training.

        Raises
        ------
        InputError
            When method, profile or schedule are not known.
        """
        from bmseg.methods import get_method
        from bmseg.methods.profiles import get_profile
        from bmseg.nnunet.training import Training

        return Training.of(get_method(self.method), get_profile(self.profile), self.epochs, self.iterations)

    def fold_folder(self, fold: Fold) -> Path:
        """Where a fold's checkpoints lie."""
        return self.training().fold_folder(self.workspace(), fold)


@dataclass
class TrainFold:
    """Train one fold, from its last checkpoint where there is one.

    Parameters
    ----------
    order : Order
    fold : int or "all"
    """

    order: Order
    fold: Fold
    _checkpoint: int | None = field(default=None, init=False)

    def __call__(self) -> None:
        """Train."""
        from bmseg.nnunet import train

        with _recorded() as record:
            self._checkpoint = self._written()
            # nnU-Net's own number is that of the node's cores, not of the job's.
            os.environ.setdefault("nnUNet_n_proc_DA", os.environ.get("SLURM_CPUS_PER_TASK", "1"))
            train(
                self.order.workspace(),
                self.order.training(),
                fold=self.fold,
                seed=self.order.seed,
                deterministic=self.order.deterministic,
            )
            record["finished"] = True

    def checkpoint(self) -> Any:
        """Called by submitit shortly before the time limit: what Slurm is to run in the job's next run.

        Raises
        ------
        WorkError
            When this run wrote no checkpoint: the next would get no further.
        """
        from submitit.core.utils import DelayedSubmission

        if self._written() == self._checkpoint:
            raise WorkError(STOPPED)
        return DelayedSubmission(self)

    def _written(self) -> int | None:
        """When the newest checkpoint was written."""
        from bmseg.nnunet.models import FINAL, LATEST

        folder = self.order.fold_folder(self.fold)
        files = [folder / name for name in (FINAL, LATEST)]
        return max((file.stat().st_mtime_ns for file in files if file.is_file()), default=None)


@dataclass
class PredictAndScore:
    """Predict the test exams with all folds, then score every rater of the workspace.

    Parameters
    ----------
    order : Order
    """

    order: Order

    def __call__(self) -> None:
        """Predict and score."""
        from bmseg.commands.cli import evaluate
        from bmseg.nnunet import predict
        from bmseg.slurm.record import locked

        with _recorded() as record:
            workspace, training = self.order.workspace(), self.order.training()
            predict(workspace, training, folds=self.order.folds, deterministic=self.order.deterministic)
            # Two methods may end at the same time.
            with locked(workspace, "score"):
                evaluate.main(["--workspace", self.order.root], standalone_mode=False)
            record["checkpoints"] = checkpoints(self.order)
            record["finished"] = True


def checkpoints(order: Order) -> dict[str, str]:
    """Fold to the hash of its finished checkpoint, as the training's own record has it."""
    from bmseg.nnunet.models import RECORD

    records = {str(fold): read_record(order.fold_folder(fold) / RECORD) for fold in order.folds}
    return {fold: record["checkpoint_sha256"] for fold, record in records.items() if record}


def is_done(order: Order, fold: Fold) -> bool:
    """Whether a fold is trained to the end from the present inputs.

    Raises
    ------
    InputError
        When data set, plan or preprocessed exams are missing, or the fold holds a training from other
        inputs.
    """
    from bmseg.nnunet.training_inputs import is_trained, training_inputs

    training = order.training()
    inputs = training_inputs(
        order.workspace(), training, fold, seed=order.seed, deterministic=order.deterministic
    )
    return is_trained(order.fold_folder(fold), training, inputs)


@contextmanager
def _recorded() -> Iterator[dict[str, Any]]:
    """Leave word of how the job ended; what the block puts into the record becomes part of it."""
    path = ending_of(Path(os.environ["SUBMITIT_FOLDER"]), os.environ["SLURM_JOB_ID"])
    os.register_at_fork(after_in_child=_signals_as_usual)
    record: dict[str, Any] = {}
    write_record(path, record)
    try:
        yield record
    except Exception as error:
        known = isinstance(error, (ValueError, RuntimeError))
        told = " ".join(str(error).split())
        record |= {
            "error": told if known and told else f"{type(error).__name__}: {told}",
            "wrong_input": isinstance(error, InputError),
        }
        raise
    finally:
        write_record(path, record)


def ending_of(folder: Path, job: str) -> Path:
    """Where a job leaves word of its end: ``finished``, or ``error`` and ``wrong_input``."""
    return folder / f"{job}.json"


def _signals_as_usual() -> None:
    """Take submitit's signal handlers from a forked process.

    With them a data loader's process would requeue the job a second time, and would not end when it is
    told to.
    """
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
