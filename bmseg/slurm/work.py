"""What a training's jobs do: train one fold; predict with all folds and score.

A job runs ``python -m bmseg.slurm.work FOLDER PART``, a part of the submission in that folder, and leaves a
record of how it ended beside its log: ``finished``, or ``error`` and ``wrong_input``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from bmseg.errors import InputError, WorkError
from bmseg.nnunet import predict, train
from bmseg.nnunet.environment import say
from bmseg.nnunet.models import FINAL, LATEST
from bmseg.outputs import locked, write_record
from bmseg.slurm.submission import Submission
from bmseg.slurm.training import SCORING, TrainingOrder


def main(folder: str, part: str) -> None:
    """Do a part of a submission."""
    order = Submission.read(Path(folder)).order
    assert isinstance(order, TrainingOrder)
    job, ending = os.environ["SLURM_JOB_ID"], dict[str, Any]()
    write_record(order.ending(job), ending)
    try:
        if part == SCORING:
            predict_and_score(order)
        else:
            train_part(order, part, job)
        ending = {"finished": True, "checkpoints": order.checkpoints()}
    except Exception as error:
        known = isinstance(error, (ValueError, RuntimeError))
        told = " ".join(str(error).split())
        ending["error"] = told if known and told else f"{type(error).__name__}: {told}"
        ending["wrong_input"] = isinstance(error, InputError)
        raise
    finally:
        write_record(order.ending(job), ending)


def train_part(order: TrainingOrder, part: str, job: str) -> None:
    """Train one fold of a network, from its last checkpoint; shortly before the time limit requeue."""
    files = [order.fold_folder(part) / name for name in (FINAL, LATEST)]

    def written() -> int:
        return max((file.stat().st_mtime_ns for file in files if file.is_file()), default=0)

    def stop(*_: object) -> None:
        if written() == before:
            # The next run would get no further.
            raise WorkError(
                "the time limit came before a new checkpoint could be written; ask for more --time"
            )
        say("training: the time limit is near; the job goes back into the queue")
        subprocess.run(["scontrol", "requeue", job], check=True)
        sys.exit(1)

    before = written()
    signal.signal(signal.SIGUSR2, stop)
    # nnU-Net's own number is that of the node's cores, not of the job's.
    os.environ.setdefault("nnUNet_n_proc_DA", os.environ.get("SLURM_CPUS_PER_TASK", "1"))
    one, fold = order.by_part[part]
    train(
        order.workspace, one, fold=fold, seed=order.seed_of(one), deterministic=order.deterministic,
        tensorboard=order.tensorboard,
    )  # fmt: skip


def predict_and_score(order: TrainingOrder) -> None:
    """Predict the test exams with all folds, then score every rater of the workspace."""
    from bmseg.scoring.evaluate import evaluate_workspace

    for one in order.networks:
        predict(order.workspace, one, folds=order.folds, deterministic=order.deterministic)
    # Two methods may end at the same time: the later one scores both.
    with locked(order.workspace.jobs / ".score", "evaluation"):
        result = evaluate_workspace(order.workspace)
    print(*result.warnings, result.table.to_markdown(), sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
