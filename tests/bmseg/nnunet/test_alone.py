"""Whoever trains a fold is alone with it: two real processes, and a stand-in for the long training."""

from __future__ import annotations

import multiprocessing
import os
import platform
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from bmseg.nnunet import plan, predict, train
from bmseg.nnunet.models import trained_model
from bmseg.nnunet.predict import predicted_exams
from bmseg.outputs import locked
from bmseg.workspace import Workspace
from tests.bmseg.nnunet.tiny import METHOD, TRAINING, fold_of
from tests.support.command_line import bmseg

pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

# The package's name `train` is the function.
MODULE = sys.modules[train.__module__]


def train_for_ever(workspace: Workspace, begun: Any) -> None:
    def stand_in(*_: Any, **__: Any) -> None:
        # nnU-Net's augmentation has children of its own, which a kill of their parent leaves behind.
        if os.fork():
            begun.set()
        signal.pause()

    MODULE._run = stand_in  # type: ignore[attr-defined]
    os.setpgid(0, 0)
    train(workspace, TRAINING, seed=1)


def test_a_second_training_is_told_who_holds_the_fold_and_a_dead_one_frees_it(
    planned: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bmseg.methods.registry.methods", lambda: {"tiny": METHOD})
    monkeypatch.setattr("bmseg.workspace.open_workspace", lambda *_: (planned, None))
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    holder = context.Process(target=train_for_ever, args=(planned, begun))
    holder.start()
    assert holder.pid is not None
    try:
        assert begun.wait(300)
        inputs = (fold_of(planned) / "bmseg_inputs.json").read_bytes()
        for more in ([], ["--restart"]):
            answer = bmseg("train", "tiny", "--seed", "2", *more)
            assert answer.returncode == 1
            assert (
                "training of fold 0, nnUNetTrainerQuick__nnUNetPlans__2d_tiny: found process "
                f"{holder.pid} on {platform.node()} (since 20" in answer.stderr
            )
            assert answer.stderr.count("\n") == 1
        assert (fold_of(planned) / "bmseg_inputs.json").read_bytes() == inputs
        # Another fold is free.
        monkeypatch.setattr(MODULE, "_run", lambda *_, **__: None)
        train(planned, TRAINING, fold=1, seed=2)

        os.kill(holder.pid, signal.SIGKILL)
        holder.join()
        train(planned, TRAINING, seed=2)
        assert (fold_of(planned) / "bmseg_inputs.json").read_bytes() != inputs
    finally:
        os.killpg(holder.pid, signal.SIGKILL)


def test_the_lock_outlives_a_restart(trained: Workspace) -> None:
    """It lies beside the folder that --restart deletes."""
    lock: Path = fold_of(trained).parent / ".fold_0.lock"
    assert lock.is_file()
    train(trained, TRAINING, seed=2, restart=True)
    assert lock.is_file()


def test_predictions_and_plans_have_a_holder(trained: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever comes second waits for whoever is at work, and says so."""
    folder = trained.predictions("tiny")
    for lock, work, what in (
        (folder / ".lock", lambda: predict(trained, TRAINING), f"masks in {folder}"),
        (
            trained.preprocessed_dataset / ".lock",
            lambda: plan(trained, TRAINING.profile, [METHOD]),
            "plans in",
        ),
    ):
        held, done = Event(), Event()

        def hold(lock: Path = lock, held: Event = held, done: Event = done) -> None:
            with locked(lock, "it"):
                held.set()
                assert not done.wait(0.3)

        holder = Thread(target=hold)
        holder.start()
        assert held.wait(60)
        work()
        done.set()
        holder.join()
        assert f"{what}" in (said := capsys.readouterr().err)
        assert f"waiting for process {os.getpid()} on {platform.node()}" in said


def test_who_waited_looks_at_the_masks_again(folds: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder holds the masks of two models, which were made by two at once."""
    first, *_ = predict(folds, TRAINING, folds=[0])
    first.unlink()
    module = sys.modules[predict.__module__]
    alone = module.unfinished_in

    @contextmanager
    def after_another(folder: Path) -> Iterator[Path]:
        with monkeypatch.context() as patch:
            patch.setattr(module, "unfinished_in", alone)
            predict(folds, TRAINING, folds=[1])
        with alone(folder) as unfinished:
            yield unfinished

    monkeypatch.setattr(module, "unfinished_in", after_another)
    predict(folds, TRAINING, folds=[0])
    assert predicted_exams(folds, trained_model(folds, TRAINING, [0]))
