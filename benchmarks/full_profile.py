"""What the full profile takes on a GPU and what it reaches: ``python -m benchmarks.full_profile``.

Prints a section for RESULTS.md. Without a GPU there is nothing to measure, and it says so; ``--device cpu``
tries the same recipes on a CPU, in an epoch of very few steps, so that they are known to work.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from bmseg.cohort.phantom import make_phantom
from bmseg.methods import get_method, own_titles
from bmseg.methods.profiles import FULL, Profile
from bmseg.nnunet import Training, plan, predict, train
from bmseg.nnunet.models import RECORD
from bmseg.nnunet.plan import plans_of
from bmseg.nnunet.training import PLANS
from bmseg.outputs.provenance import read_record
from bmseg.scoring.evaluate import evaluate
from bmseg.scoring.raters import workspace_raters
from bmseg.workspace import Workspace, open_workspace
from dataset_conversion.files import write_text

# The package gives its function train the name of the module.
training_module: Any = import_module("bmseg.nnunet.train")

METHODS = list(own_titles())
# Above this share of an epoch spent waiting for patches, loading is what bounds the speed.
_BOUND = 0.1
_NO_GPU = (
    "Not measured: no GPU here. `python -m benchmarks.full_profile` measures it where there is one; with "
    "`--device cpu` it tries the same recipes for an epoch of very few steps.\n"
)
_REHEARSED = (
    "**Tried on a CPU, not measured: nothing below says anything of a GPU, or of what these methods learn.** "
    "Every method's own full recipe (plan, network, trainer, prediction) ran through, in little: epochs "
    "{epochs}, steps an epoch {iterations}, patches a step {batch}, test exams {exams}.\n"
)
#: Of a trial: patches in a step, and test exams.
_FEW_PATCHES, _FEW_EXAMS = 2, 1


@dataclass
class Watch:
    """Seconds of every epoch, of waiting for patches and of training steps; GPU utilisation in percent."""

    epochs: list[float] = field(default_factory=list)
    waited: float = 0.0
    stepped: float = 0.0
    images: int = 0
    utilisation: list[float] = field(default_factory=list)


@click.command()
@click.option("--epochs", type=click.IntRange(1), help="[default: 50; of a trial 1]")
@click.option("--device", type=click.Choice(["cuda", "cpu"]), default="cuda", show_default=True)
@click.option("--workspace", "root", type=click.Path(path_type=Path), default=Path("workspaces/full"))
@click.option("--training", type=click.IntRange(5, 85), help="Training exams. [default: 85; of a trial 10]")
@click.option("--iterations", type=click.IntRange(1), help="Steps an epoch. [default: 250; of a trial 2]")
@click.option("--method", "chosen", multiple=True, type=click.Choice(METHODS), help="[default: all]")
def main(
    epochs: int | None,
    device: str,
    root: Path,
    training: int | None,
    iterations: int | None,
    chosen: tuple[str, ...],
) -> None:
    """Train every method for EPOCHS, predict, score, and print what was measured."""
    tried = device == "cpu"
    if not tried and shutil.which("nvidia-smi") is None:
        click.echo(_NO_GPU)
        return
    profile = replace(FULL, device="cpu", validation_iterations=1, validate=False) if tried else FULL
    epochs, iterations = epochs or (1 if tried else 50), iterations or (2 if tried else FULL.iterations)
    workspace, _ = open_workspace(root, create=True)
    make_phantom(workspace, training=training or (10 if tried else FULL.training_exams), seed=2022)
    plan(workspace, profile)
    if tried:
        _fewer_patches(workspace)
    exams = workspace.test_exams()[: _FEW_EXAMS if tried else None]
    if tried:
        told = {"epochs": epochs, "iterations": iterations, "batch": _FEW_PATCHES, "exams": len(exams)}
        click.echo(_REHEARSED.format(**told))
    click.echo("\n".join(_HEAD))
    for name in chosen or METHODS:
        # At once: the whole may take a night.
        click.echo(_measured(workspace, name, profile, epochs, iterations, exams))
    raters = replace(workspace_raters(workspace), exams=exams)
    if tried:
        kept = _only(workspace, exams, root / "tried")
        raters = replace(raters, readers=kept)
    found = evaluate(workspace.study, workspace.study_file, raters, root / "evaluation_full", synthetic=True)
    click.echo()
    for name in ("table1_fair.md", "foci_in_words.md"):
        click.echo((found.folder / name).read_text(encoding="utf-8"))


def _measured(
    workspace: Workspace, name: str, profile: Profile, epochs: int, iterations: int, exams: list[str]
) -> str:
    wanted = Training.of(get_method(name), profile, epochs, iterations)
    watch = Watch()
    with _watched(watch), _utilisation(watch):
        train(workspace, wanted, seed=2022)
    predict(workspace, wanted, exams=exams)
    return _row(workspace, wanted, watch)


def _fewer_patches(workspace: Workspace) -> None:
    """Let every plan take few patches a step: on a CPU a step of nnU-Net's own takes a minute."""
    plans = plans_of(workspace)
    for configuration in plans["configurations"].values():
        if "batch_size" in configuration:
            configuration["batch_size"] = _FEW_PATCHES
    write_text(workspace.preprocessed_dataset / f"{PLANS}.json", json.dumps(plans, indent=4) + "\n")


def _only(workspace: Workspace, exams: list[str], folder: Path) -> dict[str, Path]:
    """The readers' masks of some exams, in folders of their own."""
    found = {}
    for reader, masks in workspace.readers().items():
        found[reader] = folder / reader
        found[reader].mkdir(parents=True, exist_ok=True)
        for exam in exams:
            shutil.copyfile(masks / f"{exam}.nii.gz", found[reader] / f"{exam}.nii.gz")
    return found


_HEAD = [
    "| method | epochs x steps | seconds an epoch | patches a second | waiting for patches | bound by | "
    "GPU used | peak memory |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
]


def _row(workspace: Workspace, training: Training, watch: Watch) -> str:
    record = read_record(training.fold_folder(workspace, 0) / RECORD)
    if not watch.epochs:
        return f"| {training.method.name} | trained earlier, not measured |" + " |" * 6
    # The first epoch compiles and warms up.
    epoch = statistics.median(watch.epochs[1:] or watch.epochs)
    share = watch.waited / (watch.waited + watch.stepped)
    used = f"{statistics.median(watch.utilisation):.0f} %" if watch.utilisation else "no GPU"
    memory = record["peak_memory_bytes"]
    peak = "unknown" if memory is None else f"{memory / 2**30:.1f} GiB ({record['memory_of']})"
    return (
        f"| {training.method.name} | {record['epochs']} x {record['iterations']} | {epoch:.1f} | "
        f"{watch.images / (watch.waited + watch.stepped):.0f} | {100 * share:.0f} % | "
        f"{'loading' if share > _BOUND else 'network'} | {used} | {peak} |"
    )


@contextmanager
def _watched(watch: Watch) -> Iterator[None]:
    """Time the steps of trainings in the block, and what passes between two steps of an epoch."""
    progress = training_module._progress

    @contextmanager
    def watching(trainer: Any, *rest: Any) -> Iterator[None]:
        step, begin_epoch, end_epoch = trainer.train_step, trainer.on_train_epoch_start, trainer.on_epoch_end
        ended = began = 0.0

        def on_train_epoch_start() -> None:
            nonlocal ended, began
            begin_epoch()
            ended = began = time.perf_counter()

        def train_step(batch: dict[str, Any]) -> dict[str, Any]:
            nonlocal ended
            begin = time.perf_counter()
            watch.waited += begin - ended
            # nnU-Net's step ends with the loss on the CPU, so the GPU is done by then.
            result: dict[str, Any] = step(batch)
            ended = time.perf_counter()
            watch.stepped += ended - begin
            watch.images += len(batch["data"])
            return result

        def on_epoch_end() -> None:
            end_epoch()
            watch.epochs.append(time.perf_counter() - began)

        trainer.on_train_epoch_start, trainer.train_step = on_train_epoch_start, train_step
        trainer.on_epoch_end = on_epoch_end
        with progress(trainer, *rest):
            yield

    training_module._progress = watching
    try:
        yield
    finally:
        training_module._progress = progress


@contextmanager
def _utilisation(watch: Watch) -> Iterator[None]:
    """Ask nvidia-smi once a second how busy the GPU is."""
    if shutil.which("nvidia-smi") is None:
        yield
        return
    done = threading.Event()

    def ask() -> None:
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0"]
        while not done.wait(1):
            answer = subprocess.run(query, capture_output=True, text=True, check=True).stdout
            watch.utilisation.append(float(answer.split()[0]))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


if __name__ == "__main__":
    main()
