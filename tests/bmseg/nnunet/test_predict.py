"""Masks of the test exams: where they lie, what is kept, what a mean of folds is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmseg.errors import InputError, WorkError
from bmseg.nnunet import predict, train
from bmseg.nnunet.training import visible_files
from bmseg.workspace import Workspace
from dataset_conversion.images import read_volume
from dataset_conversion.mask_files.labels import Labels
from dataset_conversion.mask_files.probabilities import read_probabilities
from tests.bmseg.nnunet.tiny import PROFILE, SPEC, TRAINING, fold_of

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")


def record_of(workspace: Workspace) -> dict[str, Any]:
    return json.loads((workspace.predictions("tiny") / "made_from.json").read_text())


def test_without_a_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dataset\.json: found no finished data set"):
        predict(Workspace(tmp_path, SPEC.folder_name), TRAINING)


def test_before_training(planned_once: Workspace) -> None:
    message = r"2d_tiny: found no trained model, .*train first \('bmseg train tiny -w "
    with pytest.raises(InputError, match=message):
        predict(planned_once, TRAINING)


def test_masks_lie_on_the_grid_of_their_images(trained: Workspace) -> None:
    written = predict(trained, TRAINING)
    assert [path.name for path in written] == ["knee_6.nii.gz", "knee_7.nii.gz"]
    for path in written:
        assert path.parent == trained.predictions("tiny")
        image = read_volume(trained.raw_dataset / "imagesTs" / path.name.replace(".nii", "_0000.nii"))
        mask = read_volume(path)
        assert mask.grid.difference(image.grid) is None
        assert set(np.unique(mask.array)) <= {0, 1, 2}
    assert sorted(path.name for path in visible_files(written[0].parent)) == [
        "knee_6.nii.gz",
        "knee_7.nii.gz",
        "made_from.json",
    ]


def test_probabilities_lie_beside_masks_and_are_of_the_same_prediction(trained: Workspace) -> None:
    masks = predict(trained, TRAINING)
    before = {path.name: path.read_bytes() for path in masks}
    written = predict(trained, TRAINING, probabilities=True)
    assert {path.name: path.read_bytes() for path in written} == before, "only maps are new"
    labels = Labels({"level1": 1, "level2": 2}, {})
    for path in written:
        maps = path.with_name(path.name.replace(".nii.gz", ".npz"))
        found = read_probabilities(maps, labels, read_volume(path))
        assert np.array_equal(found.label.array, read_volume(path).array)
    assert predict(trained, TRAINING, probabilities=True) == []
    assert predict(trained, TRAINING) == [], "who does not ask for them has no less"
    maps.write_bytes(b"")
    assert predict(trained, TRAINING, probabilities=True) == [path]
    assert {each.suffix for each in visible_files(path.parent)} == {".gz", ".npz", ".json"}


def test_masks_of_the_same_model_are_kept(trained: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    written = predict(trained, TRAINING)
    record = record_of(trained)
    assert all(entry["seconds"] > 0 for entry in record["masks"].values())
    assert predict(trained, TRAINING) == []
    assert "2 of 2 masks kept" in capsys.readouterr().err
    assert record_of(trained) == record
    written[0].write_bytes(b"cut short")
    assert predict(trained, TRAINING) == [written[0]]


def test_masks_of_another_model_are_made_again(trained: Workspace) -> None:
    written = predict(trained, TRAINING)
    train(trained, TRAINING, seed=2, restart=True)
    assert predict(trained, TRAINING) == written


def test_masks_of_exams_that_are_gone_are_deleted(
    trained: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    predict(trained, TRAINING)
    (trained.raw_dataset / "imagesTs" / "knee_7_0000.nii.gz").unlink()
    assert predict(trained, TRAINING) == []
    assert [path.name for path in trained.predictions("tiny").glob("*.nii.gz")] == ["knee_6.nii.gz"]
    assert "deleted masks of exams that are not in the data set: knee_7" in capsys.readouterr().err


def test_a_data_set_without_test_exams(trained: Workspace) -> None:
    shutil.rmtree(trained.raw_dataset / "imagesTs")
    with pytest.raises(InputError, match=r"imagesTs: found no test exam"):
        predict(trained, TRAINING)


def test_a_mask_on_another_grid_is_refused(trained: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    write = SimpleITKIO.write_seg

    def shifted(self: Any, mask: np.ndarray, name: str, properties: dict[str, Any]) -> None:
        stored = {**properties["sitk_stuff"], "spacing": (1.0, 1.0, 3.5)}
        write(self, mask, name, {**properties, "sitk_stuff": stored})

    monkeypatch.setattr(SimpleITKIO, "write_seg", shifted)
    with pytest.raises(WorkError, match=r"knee_6: predicted mask: spacing: found 1 x 1 x 3\.5 mm"):
        predict(trained, TRAINING)
    assert not list(trained.predictions("tiny").glob("*.nii.gz"))


# Several folds


def scores_by_hand(workspace: Workspace, exam: str) -> np.ndarray:
    """What each fold's network alone says before softmax, by nnU-Net: (fold, level, slice, row, column)."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    image = workspace.raw_dataset / "imagesTs" / f"{exam}_0000.nii.gz"
    scores = []
    for fold in (0, 1, 2):
        one = nnUNetPredictor(
            PROFILE.tile_step,
            perform_everything_on_device=False,
            device=torch.device("cpu"),
            allow_tqdm=False,
        )
        one.initialize_from_trained_model_folder(
            str(TRAINING.model_folder(workspace)), use_folds=(fold,), checkpoint_name="checkpoint_final.pth"
        )
        plans, configuration = one.plans_manager, one.configuration_manager
        pixels, _, properties = configuration.preprocessor_class(verbose=False).run_case(
            [str(image)], None, plans, configuration, one.dataset_json
        )
        # Nothing is cropped or resampled in these exams: scores lie on the image's own pixels.
        assert pixels.shape[1:] == properties["shape_before_cropping"]
        scores.append(one.predict_logits_from_preprocessed_data(torch.from_numpy(pixels)).numpy())
    return np.stack(scores)


def decided(scores: np.ndarray, margin: float = 0.03) -> np.ndarray:
    """Where the best level leads by more than rounding can change: nnU-Net adds folds up in float16."""
    best, second = np.sort(scores, axis=0)[:-3:-1]
    return best - second > margin


def test_by_default_every_fold_predicts_and_the_mean_of_their_scores_decides(
    folds: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    from bmseg.nnunet.environment import nnunet_environment, threads

    def predicted() -> np.ndarray:
        return SimpleITKIO().read_seg(str(folds.predictions("tiny") / "knee_6.nii.gz"))[0][0]

    written = predict(folds, TRAINING)
    assert "2d_tiny, fold 0, 1, 2" in capsys.readouterr().err
    with nnunet_environment(folds, "cpu", workers=1), threads(torch.device("cpu")):
        alone = scores_by_hand(folds, "knee_6")
    capsys.readouterr()
    together = alone.mean(axis=0)
    clear = decided(together)
    assert clear.mean() > 0.8
    assert np.array_equal(predicted()[clear], together.argmax(axis=0)[clear])
    for one in alone:
        assert not np.array_equal(one.argmax(axis=0)[clear], together.argmax(axis=0)[clear])
    model = record_of(folds)["model"]
    assert model["folder"] == "nnUNetTrainerQuick__nnUNetPlans__2d_tiny"
    assert model["folds"] == [0, 1, 2]
    assert sorted(model["checkpoints"]) == ["0", "1", "2"]

    # One of them alone is another model.
    assert predict(folds, TRAINING, folds=(1,)) == written
    clear = decided(alone[1])
    assert np.array_equal(predicted()[clear], alone[1].argmax(axis=0)[clear])
    assert record_of(folds)["model"]["folds"] == [1]


def test_a_fold_that_was_begun_but_not_finished_is_named(folds: Workspace) -> None:
    final = fold_of(folds, fold=1) / "checkpoint_final.pth"
    final.rename(final.with_name("checkpoint_latest.pth"))
    message = (
        r"2d_tiny: fold 1: found no finished training, expected one; finish it \('bmseg train tiny --folds "
    )
    for wanted in (None, (0, 1)):
        with pytest.raises(InputError, match=message):
            predict(folds, TRAINING, folds=wanted)
    assert len(predict(folds, TRAINING, folds=(0, 2))) == 2


def test_a_fold_that_was_never_trained_is_named(trained: Workspace) -> None:
    with pytest.raises(InputError, match=r"2d_tiny: fold 1, 2: found no .* train tiny --folds 1,2 -w "):
        predict(trained, TRAINING, folds=(0, 1, 2))


def test_folds_of_other_exams_are_refused_by_name(folds: Workspace) -> None:
    """The exams of fold 2 alone are others than when it was trained."""
    path = folds.preprocessed_dataset / "splits_final.json"
    splits = json.loads(path.read_text())
    splits[2] = splits[0]
    path.write_text(json.dumps(splits))
    with pytest.raises(InputError, match=r"fold_2: found a training from other inputs \(exams of the fold"):
        predict(folds, TRAINING)
    assert len(predict(folds, TRAINING, folds=(0, 1))) == 2
