"""nnU-Net behind bmseg, on exams of a few thousand voxels that a tiny network is really trained on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bmseg.errors import InputError, WorkError
from bmseg.nnunet import nnunet_variables, plan, predict, train
from bmseg.nnunet.environment import logged
from bmseg.nnunet.inputs import configuration_of
from bmseg.nnunet.plan import small_configuration
from bmseg.nnunet.preprocess import preprocessed_hash
from bmseg.profiles import FULL, QUICK, SmallNetwork
from bmseg.workspace import Workspace
from dataset_conversion.exam import DatasetSpec, Exam
from dataset_conversion.raw_dataset import RawDataset
from dataset_conversion.volume import Volume, grid_difference, read_volume

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

SPEC = DatasetSpec(501, "Tiny", ("water",), {"level1": 1, "level2": 2}, ("reader1",), "reader1", "coronal")
AFFINE = np.array([[0.9, 0, 0, -20.5], [0, 0, 3.5, 7.25], [0, 0.9, 0, -31.0], [0, 0, 0, 1.0]])
TINY = replace(
    QUICK, epochs=3, iterations=3, validation_iterations=1, network=SmallNetwork((4, 8, 16), (32, 32), 2)
)
TRAINING, TEST = 6, 2


def write_exams(workspace: Workspace, test: int = TEST) -> None:
    dataset = RawDataset.create(workspace.nnunet_raw, SPEC)
    rng = np.random.default_rng(3)
    rows = []
    for number in range(TRAINING + test):
        signal_ = gaussian_filter(rng.normal(size=(40, 36, 5)), (4, 4, 1))
        signal_ /= signal_.std()
        mask = np.digitize(signal_, [0.8, 1.6]).astype(np.uint8)
        image = (100 + 60 * signal_ + 5 * rng.normal(size=signal_.shape)).clip(0).astype(np.uint16)
        exam, split = f"knee_{number}", "training" if number < TRAINING else "test"
        channels, masks = {"water": Volume(image, AFFINE)}, {"reader1": Volume(mask, AFFINE)}
        dataset.add(Exam(exam, split, channels, masks))  # type: ignore[arg-type]
        rows.append({"exam": exam, "split": split})
    dataset.finish(rows, seed=0, folds=3)


@pytest.fixture(scope="module", autouse=True)
def one_core() -> Iterator[None]:
    """A network this small is slower on two threads than on one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bmseg.nnunet.environment.usable_cores", lambda: 1)
        yield


@pytest.fixture(scope="module")
def planned_once(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("planned"), SPEC.folder_name)
    write_exams(workspace)
    plan(workspace, TINY)
    return workspace


@pytest.fixture(scope="module")
def trained_once(planned_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("trained") / "workspace"
    shutil.copytree(planned_once.root, root)
    workspace = Workspace(root, SPEC.folder_name)
    train(workspace, TINY, seed=1)
    return workspace


@pytest.fixture
def planned(planned_once: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(planned_once.root, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace", SPEC.folder_name)


@pytest.fixture
def trained(trained_once: Workspace, tmp_path: Path) -> Workspace:
    # Copied with their times: the newest model is the one that predicts.
    shutil.copytree(trained_once.root, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace", SPEC.folder_name)


def fold_of(workspace: Workspace, trainer: str = "nnUNetTrainerQuick", fold: Any = 0) -> Path:
    return workspace.results_dataset / f"{trainer}__nnUNetPlans__2d_quick" / f"fold_{fold}"


def checkpoint(folder: Path) -> dict[str, Any]:
    return torch.load(folder / "checkpoint_final.pth", map_location="cpu", weights_only=False)


def losses(folder: Path) -> list[float]:
    return [float(loss) for loss in checkpoint(folder)["logging"]["train_losses"]]


# Refusals that need neither plans nor training


@pytest.mark.parametrize("call", [plan, lambda w, p: train(w, p, seed=0), predict])
def test_without_a_data_set(tmp_path: Path, call: Any) -> None:
    with pytest.raises(InputError, match=r"dataset\.json: found no finished data set") as caught:
        call(Workspace(tmp_path, SPEC.folder_name), QUICK)
    assert "\n" not in str(caught.value)


def test_training_before_planning(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SPEC.folder_name)
    write_exams(workspace)
    with pytest.raises(InputError, match=r"found no plans, expected nnU-Net's; plan first"):
        train(workspace, TINY, seed=0)


def test_planning_a_data_set_with_a_missing_image(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SPEC.folder_name)
    write_exams(workspace)
    (workspace.raw_dataset / "imagesTr" / "knee_0_0000.nii.gz").unlink()
    with pytest.raises(InputError, match=r"knee_0_0000\.nii\.gz: no such file"):
        plan(workspace, TINY)


def test_planning_a_data_set_with_a_missing_mask(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SPEC.folder_name)
    write_exams(workspace)
    (workspace.raw_dataset / "labelsTr" / "knee_0.nii.gz").unlink()
    with pytest.raises(InputError, match=r"found 5 masks, expected numTraining = 6"):
        plan(workspace, TINY)


def test_prediction_before_training(planned_once: Workspace) -> None:
    with pytest.raises(InputError, match=r"fold_0: found no trained model, .*train first"):
        predict(planned_once, TINY)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_full_without_a_gpu(planned_once: Workspace) -> None:
    message = r"^device: found no CUDA GPU.*, expected one for --profile full; use --profile quick$"
    with pytest.raises(InputError, match=message):
        train(planned_once, FULL, seed=0)


@pytest.mark.parametrize(("fold", "last"), [(3, 2), (-1, 2)])
def test_a_fold_that_does_not_exist(planned_once: Workspace, fold: int, last: int) -> None:
    with pytest.raises(InputError, match=rf"fold: found {fold}, expected 0 to {last} or 'all'"):
        train(planned_once, TINY, fold=fold, seed=0)


@pytest.mark.parametrize("given", [{"epochs": 0}, {"iterations": -1}])
def test_a_schedule_without_steps(planned_once: Workspace, given: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"(epochs|iterations): found -?\d, expected at least 1"):
        train(planned_once, TINY, seed=0, **given)  # type: ignore[arg-type]


def test_a_failure_names_the_log_and_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    with pytest.raises(WorkError) as caught, logged(log, "training"):
        print("using fold 0")
        raise ValueError("shapes\ndiffer")
    assert str(caught.value) == (
        f"training: ValueError: shapes differ; nnU-Net's last lines: using fold 0; all of them: {log}"
    )
    assert "Traceback" in log.read_text()


# Plans and preprocessing


def test_the_plans_hold_nnunets_2d_and_ours(planned_once: Workspace) -> None:
    plans = json.loads((planned_once.preprocessed_dataset / "nnUNetPlans.json").read_text())
    small = configuration_of(plans, "2d_quick")
    assert plans["configurations"]["2d"]["architecture"]["arch_kwargs"]["features_per_stage"][0] == 32
    assert small["architecture"]["arch_kwargs"]["features_per_stage"] == [4, 8, 16]
    assert small["architecture"]["arch_kwargs"]["norm_op"].endswith("BatchNorm2d")
    assert small["batch_size"] == 2
    assert small["patch_size"] == [32, 32]
    assert small["data_identifier"] == plans["configurations"]["2d"]["data_identifier"]
    assert small["bmseg"]["epochs"] == 3
    assert plans["experiment_planner_used"] == "ExperimentPlanner"


def test_the_fingerprint_is_nnunets(planned_once: Workspace) -> None:
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    found = json.loads((planned_once.preprocessed_dataset / "dataset_fingerprint.json").read_text())
    raw = planned_once.raw_dataset
    images = sorted((raw / "imagesTr").glob("*.nii.gz"))
    labels = sorted((raw / "labelsTr").glob("*.nii.gz"))
    foreground = []
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        pixels, properties = SimpleITKIO().read_images([str(image)])
        mask, _ = SimpleITKIO().read_seg(str(label))
        assert found["shapes_after_crop"][place] == list(pixels.shape[1:]) == [5, 36, 40]
        assert found["spacings"][place] == pytest.approx(properties["spacing"]) == [3.5, 0.9, 0.9]
        foreground.append(pixels[0][mask[0] > 0])
    statistics = found["foreground_intensity_properties_per_channel"]["0"]
    assert statistics["mean"] == pytest.approx(np.mean([one.mean() for one in foreground]), rel=0.01)


def test_planning_again_keeps_everything(planned: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    folder = planned.preprocessed_dataset
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.[bj]*") if path.is_file()}
    plan(planned, TINY)
    after = {path: path.stat().st_mtime_ns for path in before}
    copied_by_nnunet = {folder / "dataset.json", folder / "splits_final.json"}
    assert {path for path in before if before[path] != after[path]} <= copied_by_nnunet
    assert "fingerprint: kept" in capsys.readouterr().err


def test_plans_keep_configurations_of_others(planned: Workspace) -> None:
    path = planned.preprocessed_dataset / "nnUNetPlans.json"
    plans = json.loads(path.read_text())
    plans["configurations"]["2d_mine"] = {"inherits_from": "2d", "batch_size": 3}
    path.write_text(json.dumps(plans))
    plan(planned, TINY)
    assert json.loads(path.read_text())["configurations"]["2d_mine"]["batch_size"] == 3


def test_preprocessing_cut_short_is_not_trusted(planned: Workspace) -> None:
    folder = planned.preprocessed_dataset / "nnUNetPlans_2d"
    (folder / "knee_2.b2nd").unlink()
    with pytest.raises(InputError, match=r"found no complete set of preprocessed exams, .*plan first"):
        train(planned, TINY, seed=0)
    plan(planned, TINY)
    assert len(list(folder.glob("knee_?.b2nd"))) == TRAINING


def test_what_a_killed_preprocessing_leaves_is_removed(planned: Workspace) -> None:
    folder = planned.preprocessed_dataset / "nnUNetPlans_2d"
    folder.rename(folder.with_name(".partial-nnUNetPlans_2d"))
    plan(planned, TINY)
    assert len(list(folder.glob("knee_?.b2nd"))) == TRAINING
    assert not folder.with_name(".partial-nnUNetPlans_2d").exists()


def test_exams_changed_after_preprocessing(planned: Workspace) -> None:
    mask = planned.raw_dataset / "labelsTr" / "knee_0.nii.gz"
    shutil.copyfile(planned.raw_dataset / "labelsTr" / "knee_1.nii.gz", mask)
    with pytest.raises(InputError, match=r"preprocessed from another data set or plan, .*plan again"):
        train(planned, TINY, seed=0)
    plan(planned, TINY)
    plans = json.loads((planned.preprocessed_dataset / "nnUNetPlans.json").read_text())
    assert preprocessed_hash(planned, plans, "2d_quick")
    copied = planned.preprocessed_dataset / "gt_segmentations" / mask.name
    assert copied.read_bytes() == mask.read_bytes()


@pytest.mark.parametrize(
    ("median", "patch", "stages"),
    [
        ((256, 384), [128, 160], 5),
        ((113, 99), [128, 112], 5),
        ((40, 200), [40, 160], 4),
        ((9, 9), [10, 10], 2),
    ],
)
def test_the_small_network_fits_the_slices(median: tuple[int, int], patch: list[int], stages: int) -> None:
    parent = {"median_image_size_in_voxels": list(median), "architecture": {"arch_kwargs": {"n_stages": 7}}}
    network = SmallNetwork((16, 32, 64, 128, 128), (128, 160), 4)
    made = small_configuration(parent, network, {"epochs": 2})
    assert made["patch_size"] == patch
    kwargs = made["architecture"]["arch_kwargs"]
    assert kwargs["n_stages"] == len(kwargs["strides"]) == len(kwargs["features_per_stage"]) == stages
    assert all(edge % 2 ** (stages - 1) == 0 for edge in patch)
    assert parent["architecture"]["arch_kwargs"] == {"n_stages": 7}


# Training


def test_training_says_how_it_goes(planned: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    train(planned, TINY, seed=1)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "epoch 3/3: loss " in shown.err
    assert "pseudo Dice" in shown.err
    assert "Current learning rate" in (fold_of(planned) / "bmseg_train.log").read_text()


def test_the_same_seed_gives_the_same_losses(trained: Workspace) -> None:
    first = losses(fold_of(trained))
    train(trained, TINY, seed=1, restart=True)
    assert losses(fold_of(trained)) == first
    train(trained, TINY, seed=2, restart=True)
    assert losses(fold_of(trained)) != first


def test_a_finished_training_is_kept(trained: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    final = fold_of(trained) / "checkpoint_final.pth"
    before = final.stat().st_mtime_ns
    train(trained, TINY, seed=1)
    assert final.stat().st_mtime_ns == before
    assert "already trained from the same inputs; --restart trains it anew" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"seed": 2}, "seed 1, now 2"), ({"seed": 1, "epochs": 5}, "epochs 3, now 5")],
)
def test_a_training_from_other_inputs_is_refused(
    trained: Workspace, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=rf"other inputs \({message}\); --restart trains anew"):
        train(trained, TINY, **changed)


def test_another_network_is_refused(trained: Workspace) -> None:
    other = replace(TINY, network=SmallNetwork((4, 8), (32, 32), 2))
    plan(trained, other)
    with pytest.raises(InputError, match=r"other inputs \(plans changed\)"):
        train(trained, other, seed=1)


def test_a_training_that_bmseg_did_not_start_is_refused(trained: Workspace) -> None:
    (fold_of(trained) / "bmseg_inputs.json").unlink()
    with pytest.raises(InputError, match=r"found a training that bmseg did not start"):
        train(trained, TINY, seed=1)


def test_every_exam_can_be_trained_on(planned: Workspace) -> None:
    train(planned, TINY, fold="all", epochs=1, seed=1)
    assert (fold_of(planned, fold="all") / "checkpoint_final.pth").is_file()


def test_a_schedule_by_hand_leaves_nnunets_own_folder_alone(planned: Workspace) -> None:
    profile = replace(
        TINY, trainer="nnUNetTrainer", trainer_with_schedule="nnUNetTrainerScheduled", learning_rate=None
    )
    train(planned, profile, epochs=1, iterations=2, seed=1)
    folder = fold_of(planned, "nnUNetTrainerScheduled")
    assert len(losses(folder)) == 1
    assert not fold_of(planned, "nnUNetTrainer").exists()
    assert len(predict(planned, profile)) == TEST  # finds it


KILLED = """
import sys
from dataclasses import replace
from pathlib import Path
from bmseg.nnunet import train
from bmseg.profiles import QUICK, SmallNetwork
from bmseg.workspace import Workspace
from bmseg.nnunet import environment

if __name__ == "__main__":
    environment.usable_cores = lambda: 1
    network = SmallNetwork((4, 8, 16), (32, 32), 2)
    profile = replace(QUICK, epochs=40, iterations=3, validation_iterations=1, network=network)
    train(Workspace(Path(sys.argv[1]), sys.argv[2]), profile, seed=1)
"""


@pytest.mark.slow
def test_a_killed_training_goes_on_and_ends_as_if_it_had_not_been(
    planned: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = replace(TINY, epochs=40)
    whole = Workspace(tmp_path / "whole", SPEC.folder_name)
    shutil.copytree(planned.root, whole.root)
    train(whole, profile, seed=1)

    script = tmp_path / "script.py"
    script.write_text(KILLED)
    child = subprocess.Popen([sys.executable, str(script), str(planned.root), planned.dataset_folder])
    latest = fold_of(planned) / "checkpoint_latest.pth"
    deadline = time.monotonic() + 120
    while not latest.is_file() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert latest.is_file()
    assert not (fold_of(planned) / "checkpoint_final.pth").exists()
    with pytest.raises(InputError, match=r"found a training that was stopped, .*train again to finish it"):
        predict(planned, profile)

    capsys.readouterr()
    train(planned, profile, seed=1)
    assert "training: goes on after epoch" in capsys.readouterr().err
    assert losses(fold_of(planned)) == losses(fold_of(whole))
    ours, theirs = (checkpoint(fold_of(one))["network_weights"] for one in (planned, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.slow
def test_nnunets_own_trainer_is_validated_as_nnunet_does(
    planned: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = replace(TINY, trainer="nnUNetTrainer_1epoch", learning_rate=None, validate=True)
    folder = fold_of(planned, "nnUNetTrainer_1epoch")
    stale = folder / "validation" / "knee_99.nii.gz"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"")
    train(planned, profile, seed=1)
    assert len(losses(folder)) == 1
    summary = json.loads((folder / "validation" / "summary.json").read_text())
    assert len(summary["metric_per_case"]) == 2
    assert not stale.exists()

    # A validation that was cut short is made up for, the training is not repeated.
    before = (folder / "checkpoint_final.pth").stat().st_mtime_ns
    (folder / "validation" / "summary.json").unlink()
    capsys.readouterr()
    train(planned, profile, seed=1)
    assert (folder / "validation" / "summary.json").is_file()
    assert (folder / "checkpoint_final.pth").stat().st_mtime_ns == before
    assert "epoch" not in capsys.readouterr().err


# Prediction


def test_masks_lie_on_the_grid_of_their_images(trained: Workspace) -> None:
    written = predict(trained, TINY, method="nnunet")
    assert [path.name for path in written] == ["knee_6.nii.gz", "knee_7.nii.gz"]
    for path in written:
        assert path.parent == trained.predictions("nnunet")
        image = read_volume(trained.raw_dataset / "imagesTs" / path.name.replace(".nii", "_0000.nii"))
        mask = read_volume(path)
        assert grid_difference(mask, image) is None
        assert set(np.unique(mask.array)) <= {0, 1, 2}
    assert sorted(path.name for path in written[0].parent.iterdir()) == [
        "knee_6.nii.gz",
        "knee_7.nii.gz",
        "made_from.json",
    ]


def test_masks_of_the_same_model_are_kept(trained: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    written = predict(trained, TINY)
    assert predict(trained, TINY) == []
    assert "2 of 2 masks kept" in capsys.readouterr().err
    written[0].write_bytes(b"cut short")
    assert predict(trained, TINY) == [written[0]]


def test_masks_of_another_model_are_made_again(trained: Workspace) -> None:
    written = predict(trained, TINY)
    train(trained, TINY, seed=2, restart=True)
    assert predict(trained, TINY) == written


def test_masks_of_exams_that_are_gone_are_deleted(
    trained: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    predict(trained, TINY)
    (trained.raw_dataset / "imagesTs" / "knee_7_0000.nii.gz").unlink()
    assert predict(trained, TINY) == []
    assert [path.name for path in trained.predictions("nnunet").glob("*.nii.gz")] == ["knee_6.nii.gz"]
    assert "deleted masks of exams that are not in the data set: knee_7" in capsys.readouterr().err


def test_a_data_set_without_test_exams(trained: Workspace) -> None:
    shutil.rmtree(trained.raw_dataset / "imagesTs")
    with pytest.raises(InputError, match=r"imagesTs: found no test exam"):
        predict(trained, TINY)


def test_a_mask_on_another_grid_is_refused(trained: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    write = SimpleITKIO.write_seg

    def shifted(self: Any, mask: np.ndarray, name: str, properties: dict[str, Any]) -> None:
        stored = {**properties["sitk_stuff"], "spacing": (1.0, 1.0, 3.5)}
        write(self, mask, name, {**properties, "sitk_stuff": stored})

    monkeypatch.setattr(SimpleITKIO, "write_seg", shifted)
    with pytest.raises(WorkError, match=r"knee_6: predicted mask: spacing: found 1 x 1 x 3\.5 mm"):
        predict(trained, TINY)
    assert not list(trained.predictions("nnunet").glob("*.nii.gz"))


# nnU-Net's own commands on the same workspace


def run_command(workspace: Workspace, command: str, *arguments: str) -> str:
    environment = {
        **os.environ,
        **nnunet_variables(workspace),
        "nnUNet_n_proc_DA": "0" if command == "nnUNetv2_train" else "1",
        "nnUNet_def_n_proc": "1",
        "OMP_NUM_THREADS": "1",
    }
    program = Path(sys.executable).parent / command
    answer = subprocess.run(
        [str(program), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stdout[-3000:]
    return answer.stdout


@pytest.mark.slow
def test_nnunets_own_commands_work_on_the_workspace(planned: Workspace, tmp_path: Path) -> None:
    run_command(
        planned, "nnUNetv2_train", "501", "2d_quick", "0", "-tr", "nnUNetTrainerQuick", "-device", "cpu"
    )
    assert len(losses(fold_of(planned))) == TINY.epochs
    run_command(
        planned, "nnUNetv2_predict", "-d", "501", "-c", "2d_quick", "-f", "0", "-tr", "nnUNetTrainerQuick",
        "-i", str(planned.raw_dataset / "imagesTs"), "-o", str(tmp_path / "masks"), "-device", "cpu",
        "-npp", "1", "-nps", "1", "-step_size", str(TINY.tile_step),
    )  # fmt: skip
    for ours in predict(planned, TINY):
        theirs = read_volume(tmp_path / "masks" / ours.name)
        assert np.array_equal(read_volume(ours).array, theirs.array)


@pytest.mark.slow
def test_nnunets_own_planning_before_and_after_ours(planned: Workspace) -> None:
    path = planned.preprocessed_dataset / "nnUNetPlans.json"
    before = json.loads(path.read_text())
    run_command(planned, "nnUNetv2_plan_and_preprocess", "-d", "501", "-c", "2d", "-np", "1", "-npfp", "1")
    after = json.loads(path.read_text())
    assert after["configurations"]["2d_quick"] == before["configurations"]["2d_quick"]
    assert after["configurations"]["2d"] == before["configurations"]["2d"]
    plan(planned, TINY)
    train(planned, TINY, epochs=1, seed=1)
