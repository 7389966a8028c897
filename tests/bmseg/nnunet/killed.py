"""Train a fold in child processes and kill each at a random moment: ``python -m tests.bmseg.nnunet.killed``.

One process imports torch and nnU-Net and forks the children, which then start at once. It never computes
itself: what it has in memory is nothing but modules.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from bmseg.nnunet import Training, environment, train
from bmseg.outputs.provenance import read_record
from bmseg.workspace import Workspace
from tests.bmseg.nnunet.tiny import METHOD, PROFILE, SPEC, fold_of

EPOCHS = 18
LONG = Training.of(METHOD, replace(PROFILE, epochs=EPOCHS))


def epochs_done(workspace: Workspace) -> int:
    return read_record(fold_of(workspace) / "bmseg_progress.json").get("epochs_done", 0)


def kill_at_a_random_moment(workspace: Workspace, draw: random.Random) -> str:
    """Train in a child, kill it some epochs and up to one epoch's time further on; say where that was."""
    begin = epochs_done(workspace)
    child = os.fork()
    if child == 0:
        train(workspace, LONG, seed=1)
        os._exit(0)
    deadline, epochs = time.monotonic() + 120, draw.randrange(EPOCHS // 6)
    while epochs_done(workspace) < begin + epochs and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(draw.uniform(0, 0.5 if epochs == 0 else 0.15))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return f"killed={os.WIFSIGNALED(status)} after={epochs_done(workspace)}"


def main() -> None:
    root, rounds, seed = sys.argv[1:]
    environment.usable_cores = lambda: 1
    workspace = Workspace(Path(root), SPEC.folder_name)
    with environment.nnunet_environment(workspace, "cpu", workers=0):
        environment.trainer_class(LONG.trainer)
        from nnunetv2.training.logging.nnunet_logger import LocalLogger

        # Takes longer than these trainings.
        LocalLogger.plot_progress_png = lambda *_: None
    draw = random.Random(int(seed))
    for _ in range(int(rounds)):
        print("round:", kill_at_a_random_moment(workspace, draw), flush=True)


if __name__ == "__main__":
    main()
