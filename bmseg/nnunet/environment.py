"""What surrounds a call of nnU-Net: its environment variables, its device, its log."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import pydoc
import sys
import traceback
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tqdm import tqdm

from bmseg.errors import InputError, WorkError
from bmseg.methods import trainer_paths
from bmseg.workspace import Workspace
from dataset_conversion.parallel import usable_cores

#: The folder of trainer classes that nnU-Net's own commands search (``nnUNet_extTrainer``).
EXTERNAL_TRAINERS = Path(__file__).parents[1] / "trainers" / "external"

_LINES_SHOWN = 3


def say(message: str) -> None:
    """Print a line to standard error, above a progress bar where there is one."""
    tqdm.write(message, file=sys.stderr)


def nnunet_variables(workspace: Workspace, variant: str = "") -> dict[str, str]:
    """The environment variables with which nnU-Net's own commands work on a workspace.

    `variant` is the word of networks that are not the usual ones (`bmseg.methods.variants`).
    """
    return {
        "nnUNet_raw": str(workspace.nnunet_raw),
        "nnUNet_preprocessed": str(workspace.nnunet_preprocessed),
        "nnUNet_results": str(workspace.results_of(variant)),
        "nnUNet_extTrainer": str(EXTERNAL_TRAINERS),
    }


@contextmanager
def nnunet_environment(
    workspace: Workspace, device: str, workers: int | None = None, variant: str = ""
) -> Iterator[None]:
    """Set nnU-Net's environment variables for the block and restore the old ones afterwards.

    `workers` are processes for augmentation: 0 augments in this one, None leaves nnU-Net's choice.
    `variant` is of `nnunet_variables`.
    InputError when nnU-Net or torch is not installed.
    """
    for package in ("torch", "nnunetv2"):
        if importlib.util.find_spec(package) is None:
            raise InputError(f"{package}: not installed; install with: pip install 'bmseg[train]'")
    values = nnunet_variables(workspace, variant)
    # Read once, at the first import of nnunetv2; its default of 8 overloads small machines.
    values["nnUNet_def_n_proc"] = os.environ.get("nnUNet_def_n_proc", str(min(8, usable_cores())))
    # Read when torch is first imported. Threads that spin while they wait cost a training on busy cores
    # three to six times its CPU time.
    values["OMP_WAIT_POLICY"] = os.environ.get("OMP_WAIT_POLICY", "passive")
    if device != "cuda":
        values["nnUNet_compile"] = "f"
    if workers is not None:
        values["nnUNet_n_proc_DA"] = str(workers)
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def threads_for_processes() -> Iterator[None]:
    """Let nnU-Net's pools be of threads: a process takes longer to start than most of their work.

    Within `nnunet_environment`.
    """
    from nnunetv2.utilities import utils

    before = multiprocessing.get_context, utils.Pool
    multiprocessing.get_context = lambda *_: SimpleNamespace(Pool=ThreadPool)  # type: ignore[assignment]
    utils.Pool = ThreadPool
    try:
        yield
    finally:
        multiprocessing.get_context, utils.Pool = before  # type: ignore[method-assign]


def trainer_class(name: str) -> Any:
    """The trainer of a name: that of an installed method, else what nnU-Net's search finds.

    Within `nnunet_environment`. The search imports all of nnU-Net's trainers, and timm for one of them: most
    of a second in each process. A RuntimeError, AssertionError or TypeError of nnU-Net's where there
    is none.
    """
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    if path := trainer_paths().get(name):
        found = pydoc.locate(path)
        if isinstance(found, type) and issubclass(found, nnUNetTrainer):
            return found
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    return recursive_find_trainer_class_by_name(name)


@contextmanager
def logged(log: Path, task: str) -> Iterator[None]:
    """Append what nnU-Net prints, and Python warnings, to a log file.

    WorkError when the block fails by anything but a wrong input; names the task, the error, the last lines
    printed and the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("a", encoding="utf-8", buffering=1) as stream,
        redirect_stdout(stream),
        warnings.catch_warnings(),
    ):
        warnings.showwarning = lambda *told: print(warnings.formatwarning(*told[:4]), end="", file=stream)
        try:
            yield
        except (InputError, WorkError):
            raise
        except Exception as error:
            with log.open(encoding="utf-8", errors="replace") as lines:
                printed = (line.strip() for line in lines if line.strip())
                last = " | ".join(deque(printed, maxlen=_LINES_SHOWN))
            stream.write(traceback.format_exc())
            reason = " ".join(str(error).split()) or "no message"
            raise WorkError(
                f"{task}: {type(error).__name__}: {reason}; nnU-Net's last lines: {last or 'none'}; "
                f"all of them: {log}"
            ) from error


@contextmanager
def predicting(
    workspace: Workspace, device: str, log: Path, *, deterministic: bool, or_cpu: bool = False
) -> Iterator[Any]:
    """What surrounds nnU-Net's predictor; gives the torch device. With `or_cpu` a CPU will do for a GPU."""
    with nnunet_environment(workspace, device, workers=1):
        found = check_device(device, or_cpu=or_cpu)
        if deterministic and found.type != "cpu":
            raise InputError("deterministic: found a GPU, expected the CPU; hide it (CUDA_VISIBLE_DEVICES=)")
        with logged(log, "prediction"), threads(found, deterministic=deterministic):
            yield found


def check_device(wanted: str, *, or_cpu: bool = False) -> Any:
    """The torch device of a name; without its GPU an InputError, or the CPU with `or_cpu`."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        import torch

        available = wanted != "cuda" or torch.cuda.is_available()
    if not available and or_cpu:
        say("prediction: found no GPU, goes on with the CPU; single voxels can differ from a GPU's masks")
    elif not available:
        reason = f" ({' '.join(str(told[-1].message).split())})" if told else ""
        raise InputError(
            f"device: found no CUDA GPU{reason}, expected one for --profile full; use --profile quick"
        )
    return torch.device(wanted if available else "cpu")


@contextmanager
def threads(device: Any, *, deterministic: bool = False) -> Iterator[None]:
    """Every core for torch on a CPU, as nnU-Net's own commands do; one thread beside a GPU.

    Deterministic: one thread and deterministic algorithms, so that the number of cores changes nothing.
    """
    import torch

    before, algorithms = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(usable_cores() if device.type == "cpu" and not deterministic else 1)
    torch.use_deterministic_algorithms(deterministic or algorithms)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(algorithms)
