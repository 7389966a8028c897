"""How long a quick training takes next to nnU-Net's own command, and whether it learns the same.

Both train fold 0 of the synthetic cohort on the CPU with one plan and one schedule, as programs of their own:
``bmseg train nnunet``, and ``nnUNetv2_train`` in its default settings (its processes, its threads). "Stock"
can mean two things, so there are two peers (`benchmarks.peer_trainers`): the method of bmseg's quick trainer,
computed as nnU-Net does, which learns the same; and nnU-Net's own trainer, which does not in so few steps.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from benchmarks.timing import Row
from bmseg.methods import get_method
from bmseg.methods.profiles import QUICK
from bmseg.nnunet import Training, nnunet_variables
from bmseg.nnunet.environment import check_device, nnunet_environment, threads, usable_cores
from bmseg.nnunet.inference import load_predictor, predict_exam, trained_networks
from bmseg.workspace import Workspace, open_workspace

SEED = 2022
#: Epochs of a timed training; the first, in which programs warm up, is not counted.
TIMED_EPOCHS = 3
PAIRS = 2

PEER_TRAINERS = Path(__file__).parent / "peer_trainers"
SAME_METHOD, OWN_METHOD = "nnUNetTrainerStockQuick", "nnUNetTrainerStock"
_TEXT = f"""## Training on a CPU

Fold 0 of the synthetic cohort (seed {SEED}) by the quick profile's plan, {QUICK.iterations} training and
{QUICK.validation_iterations} validation steps an epoch. On {usable_cores()} cores, in turn, as programs
of their own, nnU-Net's in its default settings. `{SAME_METHOD}` is the quick trainer's method
computed as nnU-Net does; `{OWN_METHOD}` is nnU-Net's own trainer with these epochs.
The {{full}}-epoch call of nnU-Net predicts the fold's validation exams at its end; the quick profile
leaves that out, and so do nnU-Net's short calls here.

| trainer | epochs | an epoch (median) | start to last checkpoint | whole call |
| --- | --- | --- | --- | --- |"""
_EPOCH = re.compile(r"Epoch time: ([\d.]+) s")
_DONE = re.compile(r"^([\d-]+ [\d:.]+): Training done\.", re.MULTILINE)


@dataclass(frozen=True)
class Trained:
    """What one training took, in seconds.

    Parameters
    ----------
    epochs : tuple of float
        Each epoch but the first.
    to_checkpoint : float
        From the start of the program to its last checkpoint.
    whole : float
        To the end of the program. With the whole schedule, nnU-Net's then predicts and scores the fold's
        validation exams, which the quick profile leaves out.
    """

    epochs: tuple[float, ...]
    to_checkpoint: float
    whole: float

    @property
    def epoch(self) -> float:
        """The median epoch."""
        return statistics.median(self.epochs)


def bench_training(
    pairs: int = PAIRS, epochs: int = TIMED_EPOCHS, full: int = QUICK.epochs
) -> tuple[list[Row], str]:
    """Time both, and compare the Dice of two trainings with the profile's whole schedule.

    Parameters
    ----------
    pairs : int
        Timed trainings of each.
    epochs : int
        Of a timed training.
    full : int
        Of the trainings whose Dice are compared.

    Returns
    -------
    (list of Row, str)
        Seconds an epoch; a section in Markdown with whole calls and Dice.
    """
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "workspace"
        _bmseg("phantom", "-w", root, "--profile", "quick", "--seed", SEED)
        _bmseg("plan", "-w", root, "--profile", "quick")
        workspace, _ = open_workspace(root)
        ours: list[Trained] = []
        same: list[Trained] = []
        for _ in range(pairs):
            ours.append(train_ours(workspace, epochs))
            same.append(train_peer(workspace, SAME_METHOD, epochs, validation=False))
        own = [train_peer(workspace, OWN_METHOD, epochs, validation=False)]
        rows = [
            _row("nnU-Net's command, the same method", ours, same),
            _row("nnU-Net's command, its own trainer", ours[-1:], own),
        ]
        whole = {
            "bmseg": train_ours(workspace, full),
            SAME_METHOD: train_peer(workspace, SAME_METHOD, full, validation=True),
        }
        dice = _dice(workspace, {"bmseg": _quick().trainer, SAME_METHOD: SAME_METHOD})
    return rows, _section(epochs, full, {"bmseg": ours, SAME_METHOD: same, OWN_METHOD: own}, whole, dice)


def train_ours(workspace: Workspace, epochs: int) -> Trained:
    """``bmseg train nnunet``."""
    begin = datetime.now()
    _bmseg("train", "nnunet", "-w", workspace.root, "--seed", SEED, "--epochs", epochs, "--restart")
    return _trained(workspace, _quick().trainer, begin)


def train_peer(workspace: Workspace, trainer: str, epochs: int, *, validation: bool) -> Trained:
    """``nnUNetv2_train`` in its default settings, with or without its prediction of the validation exams."""
    quick = _quick()
    shutil.rmtree(_fold(workspace, trainer), ignore_errors=True)
    ours = ("nnUNet_", "OMP_", "MKL_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= nnunet_variables(workspace)
    environment |= {
        "nnUNet_extTrainer": str(PEER_TRAINERS),
        "BMSEG_BENCH_EPOCHS": str(epochs),
        "BMSEG_BENCH_VALIDATION": str(int(validation)),
    }
    dataset = str(int(workspace.dataset_folder[len("Dataset") :].partition("_")[0]))
    begin = datetime.now()
    _run(["nnUNetv2_train", dataset, quick.configuration, "0", "-tr", trainer, "-device", "cpu"], environment)
    return _trained(workspace, trainer, begin)


def _trained(workspace: Workspace, trainer: str, begin: datetime) -> Trained:
    whole = (datetime.now() - begin).total_seconds()
    (log,) = _fold(workspace, trainer).glob("training_log_*.txt")
    text = log.read_text(encoding="utf-8")
    done = _DONE.search(text)
    if done is None:
        raise RuntimeError(f"{log}: found no end of the training, expected one")
    end = datetime.fromisoformat(done[1])
    epochs = tuple(float(seconds) for seconds in _EPOCH.findall(text)[1:])
    return Trained(epochs, (end - begin).total_seconds(), whole)


def _dice(workspace: Workspace, trainers: dict[str, str]) -> pd.DataFrame:
    """Median Dice over the test exams against the readers' consensus, a row a level, a column a model.

    All models predict by the same code in the same settings, so that only their training differs.
    """
    images = sorted((workspace.raw_dataset / "imagesTs").glob("*_0000.nii.gz"))
    device = check_device(QUICK.device)
    for name, trainer in trainers.items():
        with nnunet_environment(workspace, "cpu", workers=1), threads(device), _quietly():
            if trainer == SAME_METHOD:
                os.environ["nnUNet_extTrainer"] = str(PEER_TRAINERS)
            predictor = load_predictor(
                trained_networks(_fold(workspace, trainer).parent, (0,)), device,
                mirroring=_quick().recipe.mirroring, tile_step=QUICK.tile_step,
            )  # fmt: skip
            for image in images:
                exam = image.name.removesuffix("_0000.nii.gz")
                predict_exam(predictor, workspace.predictions(name), exam, [image], ".nii.gz")
        for record in workspace.predictions(name).glob("*.json"):
            record.unlink()
    _bmseg("evaluate", "-w", workspace.root)
    scores = pd.read_csv(workspace.evaluation / "dice.csv")
    models = scores[scores.rater.isin(trainers)]
    return models.pivot_table("dice", "level", "rater", "median", sort=False)[[*trainers]]


def _row(peer: str, ours: list[Trained], theirs: list[Trained]) -> Row:
    ratios = [their.epoch / mine.epoch for mine, their in zip(ours, theirs, strict=True)]
    mine, their = (statistics.median(one.epoch for one in some) for some in (ours, theirs))
    title = f"an epoch of `bmseg train nnunet`, quick ({QUICK.iterations} steps), {usable_cores()} cores"
    return Row(title, peer, mine, their, statistics.median(ratios), min(ratios), max(ratios))


def _section(
    epochs: int,
    full: int,
    timed: dict[str, list[Trained]],
    whole: dict[str, Trained],
    dice: pd.DataFrame,
) -> str:
    lines = [_TEXT.format(full=full)]
    runs = [(name, epochs, one) for name, some in timed.items() for one in some]
    runs += [(name, full, one) for name, one in whole.items()]
    lines += [
        f"| {name} | {count} | {one.epoch:.2f} s | {one.to_checkpoint:.1f} s | {one.whole:.1f} s |"
        for name, count, one in runs
    ]
    lines += [
        "",
        f"Median Dice of the {full}-epoch trainings on the test exams, predicted by the same code:",
        "",
    ]
    lines += ["| level | " + " | ".join(dice.columns) + " | difference |", "| --- |" + " --- |" * 3]
    lines += [
        f"| {level} | {mine:.3f} | {their:.3f} | {mine - their:+.3f} |"
        for level, mine, their in dice.itertuples(name=None)
    ]
    lines += ["", f"`{OWN_METHOD}` is timed only: no Dice of it was measured."]
    return "\n".join(lines) + "\n"


def _quick() -> Training:
    return Training.of(get_method("nnunet"), QUICK)


def _fold(workspace: Workspace, trainer: str) -> Path:
    ours = _quick().fold_folder(workspace, 0)
    return ours.parent.with_name(ours.parent.name.replace(_quick().trainer, trainer)) / ours.name


def _bmseg(*arguments: object) -> None:
    _run(["bmseg", *map(str, arguments)], dict(os.environ))


def _run(command: list[str], environment: dict[str, str]) -> None:
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [program, *command[1:]], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {' | '.join(done.stdout.splitlines()[-3:])}")


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    with Path(os.devnull).open("w") as nothing, contextlib.redirect_stdout(nothing):
        yield


if __name__ == "__main__":
    begin = time.perf_counter()
    for row in (result := bench_training())[0]:
        print(row)
    print(result[1])
    print(f"{time.perf_counter() - begin:.0f} s in all")
