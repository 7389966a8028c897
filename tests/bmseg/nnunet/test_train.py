"""One fold trained: what is refused, kept, and put on record."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

from bmseg.errors import InputError
from bmseg.methods import Method, get_method
from bmseg.methods.configurations import small_nnunet
from bmseg.methods.profiles import FULL, QUICK
from bmseg.nnunet import Training, plan, predict, train
from bmseg.workspace import Workspace
from tests.bmseg.nnunet.conftest import FIGURE
from tests.bmseg.nnunet.tiny import (
    CORES,
    METHOD,
    METHODS,
    PROFILE,
    RECIPE,
    SPEC,
    TEST_EXAMS,
    TRAINING,
    checkpoint,
    copied,
    fold_of,
    losses,
    same_weights,
    write_exams,
)

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")


# Refused before anything is trained


def test_without_a_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dataset\.json: found no finished data set") as caught:
        train(Workspace(tmp_path, SPEC.folder_name), TRAINING, seed=0)
    assert "\n" not in str(caught.value)


def test_before_planning(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SPEC.folder_name)
    write_exams(workspace)
    with pytest.raises(InputError, match=r"found no plans, expected nnU-Net's; plan first"):
        train(workspace, TRAINING, seed=0)


def test_a_method_that_was_not_planned(planned_once: Workspace) -> None:
    training = Training.of(get_method("unet"), QUICK)
    message = r"found no configuration '2d_unet_quick', .* method unet under --profile quick; plan with"
    with pytest.raises(InputError, match=message):
        train(planned_once, training, seed=0)


@pytest.mark.parametrize("fold", [3, -1])
def test_a_fold_that_does_not_exist(planned_once: Workspace, fold: int) -> None:
    with pytest.raises(InputError, match=rf"fold: found {fold}, expected 0 to 2 or 'all'"):
        train(planned_once, TRAINING, fold=fold, seed=0)


def test_determinism_on_a_gpu(planned_once: Workspace) -> None:
    training = Training.of(get_method("nnunet"), FULL)
    calls: list[Callable[[], Any]] = [
        lambda: train(planned_once, training, seed=0, deterministic=True),
        lambda: predict(planned_once, training, deterministic=True),
    ]
    for call in calls:
        with pytest.raises(InputError, match=r"^deterministic: found profile full \(a GPU\)"):
            call()


# Trained


def test_training_says_how_it_goes_and_draws_it(
    planned: Workspace, figure: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FIGURE, figure)
    before = dict(mpl.rcParams)
    train(planned, TRAINING, seed=1)
    assert (fold_of(planned) / "progress.png").is_file()
    assert dict(mpl.rcParams) == before  # nnU-Net sets a style of its own
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "epoch 3/3: loss " in shown.err
    assert "pseudo Dice" in shown.err
    assert "Current learning rate" in (fold_of(planned) / "bmseg_train.log").read_text()


def test_the_record_says_what_the_training_is_and_took(trained_once: Workspace) -> None:
    folder = fold_of(trained_once)
    record = json.loads((folder / "bmseg_training.json").read_text())
    made = checkpoint(folder)
    # nnU-Net's networks hold some weights under several names, and running means that are none.
    weights = {
        tensor.data_ptr(): tensor.numel()
        for name, tensor in made["network_weights"].items()
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    }
    assert record["parameters"] == sum(weights.values())
    stated = {"method": "tiny", "profile": "quick", "device": "cpu", "epochs": 3, "iterations": 3}
    assert record.items() >= stated.items()
    assert len(made["logging"]["train_losses"]) == record["epochs"]
    begun, ended = (made["logging"][f"epoch_{end}_timestamps"] for end in ("start", "end"))
    took = sum(end - begin for begin, end in zip(begun, ended, strict=True))
    assert record["seconds"] == round(took, 1)
    assert record["memory_of"] == "process"
    # torch alone takes more than 100 MB; more than 64 GB would be bytes counted as kilobytes.
    assert 1e8 < record["peak_memory_bytes"] < 64e9
    progress = json.loads((folder / "bmseg_progress.json").read_text())
    assert progress == {"epochs_done": 3, "epochs": 3}


def test_the_same_seed_gives_the_same_losses(trained: Workspace) -> None:
    first = losses(fold_of(trained))
    train(trained, TRAINING, seed=1, restart=True)
    assert losses(fold_of(trained)) == first
    train(trained, TRAINING, seed=2, restart=True)
    assert losses(fold_of(trained)) != first


def test_a_finished_training_is_kept(trained: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    final = fold_of(trained) / "checkpoint_final.pth"
    before = final.stat().st_mtime_ns
    train(trained, TRAINING, seed=1)
    assert final.stat().st_mtime_ns == before
    assert "already trained from the same inputs; --restart trains it anew" in capsys.readouterr().err


def test_every_exam_can_be_trained_on(planned: Workspace) -> None:
    train(planned, Training.of(METHOD, PROFILE, epochs=1), fold="all", seed=1)
    assert (fold_of(planned, fold="all") / "checkpoint_final.pth").is_file()
    assert len(predict(planned, TRAINING)) == TEST_EXAMS


def test_a_schedule_by_hand_leaves_nnunets_own_folder_alone(planned: Workspace) -> None:
    recipe = replace(
        RECIPE,
        trainer="nnUNetTrainer",
        trainer_with_schedule="bmseg.trainers.scheduled.nnUNetTrainerScheduled",
        learning_rate=None,
    )
    method = Method("own", "", {"quick": recipe})
    given = Training.of(method, PROFILE, epochs=1, iterations=2)
    train(planned, given, seed=1)
    assert len(losses(fold_of(planned, given))) == 1
    own = Training.of(method, PROFILE)
    assert not own.model_folder(planned).exists()
    assert len(predict(planned, own)) == TEST_EXAMS  # finds it


# Determinism


def test_deterministic_training_is_the_same_on_any_number_of_cores(
    planned_once: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bmseg.trainers.quick import nnUNetTrainerQuick

    threads = []
    step = nnUNetTrainerQuick.train_step

    def noted(self: Any, batch: Any) -> Any:
        threads.append((torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()))
        return step(self, batch)

    monkeypatch.setattr(nnUNetTrainerQuick, "train_step", noted)
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    made = []
    for cores in (1, 2):
        monkeypatch.setattr(CORES, lambda cores=cores: cores)
        workspace = copied(planned_once, tmp_path / f"cores{cores}")
        train(workspace, TRAINING, seed=1, deterministic=True)
        made.append(fold_of(workspace))
    assert same_weights(*made)
    assert set(threads) == {(1, True)}
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


# Made from other inputs


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 2}, "seed 1, now 2"),
        ({"training": Training.of(METHOD, PROFILE, epochs=5)}, "epochs 3, now 5"),
        ({"training": Training.of(METHOD, PROFILE, iterations=4)}, "iterations 3, now 4"),
        ({"deterministic": True}, "deterministic False, now True"),
    ],
)
def test_a_training_of_another_kind_is_refused(
    trained: Workspace, changed: dict[str, Any], message: str
) -> None:
    given = {"training": TRAINING, "seed": 1, **changed}
    with pytest.raises(InputError, match=rf"other inputs \({message}\); --restart trains anew"):
        train(trained, **given)


def other_mask(workspace: Workspace) -> None:
    labels = workspace.raw_dataset / "labelsTr"
    shutil.copyfile(labels / "knee_1.nii.gz", labels / "knee_0.nii.gz")
    plan(workspace, PROFILE, METHODS)


def other_network(workspace: Workspace) -> None:
    def configure(parent: Any) -> dict[str, Any]:
        return small_nnunet(parent, features=(4, 8), patch=(32, 32), batch=2)

    plan(workspace, PROFILE, [Method("tiny", "", {"quick": replace(RECIPE, configure=configure)})])


def other_folds(workspace: Workspace) -> None:
    path = workspace.raw_dataset / "splits_final.json"
    path.write_text(json.dumps(json.loads(path.read_text())[::-1]))
    plan(workspace, PROFILE, METHODS)


def other_names(workspace: Workspace) -> None:
    path = workspace.raw_dataset / "dataset.json"
    path.write_text(path.read_text().replace("level2", "level two"))
    plan(workspace, PROFILE, METHODS)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (other_mask, "preprocessed exams changed"),
        (other_network, "plans changed"),
        (other_folds, "exams of the fold changed"),
        (other_names, "dataset.json changed"),
    ],
)
def test_what_changed_since_is_named_by_training_and_prediction(
    trained: Workspace, change: Callable[[Workspace], None], named: str
) -> None:
    change(trained)
    calls: list[Callable[[], Any]] = [
        lambda: train(trained, TRAINING, seed=1),
        lambda: predict(trained, TRAINING),
    ]
    for call in calls:
        with pytest.raises(InputError, match=r"fold_0: found a training from other inputs \(") as caught:
            call()
        assert named in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not trained.predictions("tiny").exists()


def test_a_training_that_bmseg_did_not_start_is_refused(trained: Workspace) -> None:
    (fold_of(trained) / "bmseg_inputs.json").unlink()
    for call in (lambda: train(trained, TRAINING, seed=1), lambda: predict(trained, TRAINING)):
        with pytest.raises(InputError, match=r"found a training that bmseg did not start"):
            call()


def test_a_checkpoint_that_was_replaced_is_refused(trained: Workspace) -> None:
    folder = fold_of(trained)
    shutil.copyfile(folder / "checkpoint_best.pth", folder / "checkpoint_final.pth")
    for call in (lambda: train(trained, TRAINING, seed=1), lambda: predict(trained, TRAINING)):
        with pytest.raises(InputError, match=r"checkpoint_final\.pth: found another checkpoint than the"):
            call()
    train(trained, TRAINING, seed=1, restart=True)
    assert len(predict(trained, TRAINING)) == TEST_EXAMS
