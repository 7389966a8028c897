"""nnU-Net's choice among methods and pairs, and the masks of a pair."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from bmseg.errors import InputError
from bmseg.nnunet import Training, predict
from bmseg.nnunet.ensemble import Choice, choose, predict_together
from bmseg.nnunet.models import TrainedModel, trained_model
from bmseg.workspace import Workspace
from dataset_conversion.files import write_text
from tests.bmseg.nnunet.conftest import trained_from
from tests.bmseg.nnunet.several import study_file
from tests.bmseg.nnunet.tiny import (
    FOLDS,
    ORDINAL,
    PROFILE,
    SPEC,
    TEST_EXAMS,
    TRAINING,
    TRAINING_EXAMS,
    UNET,
    copied,
)
from tests.support.command_line import bmseg
from tests.support.once import made_once

pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

OTHER = Training.of(UNET, replace(PROFILE, epochs=1))


@pytest.fixture(scope="session")
def two_once(folds_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """All three folds of two methods."""
    root = made_once(
        tmp_path_factory, "two", lambda root: trained_from(folds_once, root, 0, 1, 2, training=OTHER)
    )
    return Workspace(root, SPEC.folder_name)


@pytest.fixture
def two(two_once: Workspace, tmp_path: Path) -> Workspace:
    return copied(two_once, tmp_path / "workspace")


def models(workspace: Workspace) -> tuple[TrainedModel, ...]:
    return tuple(trained_model(workspace, training, range(FOLDS)) for training in (TRAINING, OTHER))


# Refused before anything is predicted


def test_a_fold_that_is_not_trained_is_named(trained: Workspace) -> None:
    message = r"found fold 0 trained, expected all 3: .* \('bmseg train tiny --folds 1,2 -w "
    with pytest.raises(InputError, match=message) as caught:
        choose(trained, [TRAINING, OTHER])
    assert "\n" not in str(caught.value)


def test_one_method_is_no_choice(trained_once: Workspace) -> None:
    with pytest.raises(InputError, match=r"methods: found tiny, tiny, expected two different ones or more"):
        choose(trained_once, [TRAINING, TRAINING])
    with pytest.raises(InputError, match=r"found tiny_seed7, expected the usual network of a method"):
        choose(trained_once, [TRAINING, replace(OTHER, method=TRAINING.method, seed=7)])


def test_levels_and_nested_regions_have_no_mean(folds: Workspace, tmp_path: Path) -> None:
    ordinal = Training.of(ORDINAL, replace(PROFILE, epochs=1, iterations=1))
    trained_from(folds, tmp_path / "ordinal", 0, 1, 2, training=ordinal)
    workspace = Workspace(tmp_path / "ordinal", SPEC.folder_name)
    with pytest.raises(InputError, match=r"found tiny and tiny_ordinal, which learned different labels"):
        choose(workspace, [TRAINING, ordinal])


@pytest.mark.parametrize(("name", "message"), [("unet", "as a method is called"), ("a/b", "name: ")])
def test_a_name_that_is_taken(two_once: Workspace, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        predict_together(two_once, Choice(models(two_once), {}, 0), name)


def test_masks_of_others_are_left_alone(two: Workspace) -> None:
    mask = two.predictions("mine") / "knee_6.nii.gz"
    mask.parent.mkdir(parents=True)
    mask.write_bytes(b"drawn by hand")
    with pytest.raises(InputError, match=r"found other masks, expected none or an earlier ensemble's"):
        predict_together(two, Choice(models(two), {}, 0), "mine")
    assert mask.read_bytes() == b"drawn by hand"


# What is chosen, and what it predicts


def mean_dice(workspace: Workspace, folder: Path) -> float:
    """Mean over levels of the mean over exams, by hand; an exam where neither holds a level has none."""
    by_level: dict[int, list[float]] = {1: [], 2: []}
    for path in sorted(folder.glob("fold_*/validation/*.nii.gz")):
        found, truth = (
            sitk.GetArrayFromImage(sitk.ReadImage(str(one)))
            for one in (path, workspace.raw_dataset / "labelsTr" / path.name)
        )
        for level, scores in by_level.items():
            a, b = found == level, truth == level
            if a.any() or b.any():
                scores.append(2 * (a & b).sum() / (a.sum() + b.sum()))
    return float(np.mean([np.mean(scores) for scores in by_level.values()]))


def test_nnunet_chooses_by_networks_that_had_not_seen_the_exam(
    two: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    choice = choose(two, [TRAINING, OTHER])
    assert list(choice.dice) == ["tiny", "tiny_unet", "tiny + tiny_unet"]
    assert choice.n_exams == TRAINING_EXAMS
    assert choice.dice[choice.name] == max(choice.dice.values())
    for model in models(two):
        assert choice.dice[model.training.name] == pytest.approx(mean_dice(two, model.folder), abs=1e-6)
        splits = json.loads((two.raw_dataset / "splits_final.json").read_text())
        for fold, split in enumerate(splits):
            names = {path.name for path in (model.folder / f"fold_{fold}" / "validation").glob("*.npz")}
            assert names == {f"{exam}.npz" for exam in split["val"]}
    capsys.readouterr()
    assert choose(two, [TRAINING, OTHER]) == choice
    assert capsys.readouterr().err.count("validation: kept") == 2 * FOLDS


def test_the_command_writes_the_pair_and_where_one_is_better_alone_says_so(
    two: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text(two.study_file, study_file("reader"))
    named, both = {"tiny": TRAINING, "tiny_unet": OTHER}, two.predictions("both")
    monkeypatch.setattr(Training, "named", staticmethod(lambda name, _profile: named[name]))

    def chosen(*members: TrainedModel, pair: float) -> str:
        dice = {"tiny": 0.5, "tiny_unet": 0.4, "tiny + tiny_unet": pair}
        choice = Choice(members, dice, TRAINING_EXAMS)
        monkeypatch.setattr("bmseg.nnunet.ensemble.choose", lambda *_, **__: choice)
        result = bmseg("ensemble", *named, "-w", two.root, "--name", "both")
        assert result.returncode == 0, result.stderr
        assert f"mean Dice of {TRAINING_EXAMS} training exams" in result.stdout
        return result.stdout + result.stderr

    said = chosen(models(two)[0], pair=0.45)
    assert "  tiny              0.500  chosen by nnU-Net\n  tiny_unet         0.400\n" in said
    assert "no pair is better than tiny alone" in said and not both.exists()
    said = chosen(*models(two), pair=0.55)
    assert "  tiny + tiny_unet  0.550  chosen by nnU-Net\n" in said
    assert f"{TEST_EXAMS} masks written to {both}" in said and len(list(both.glob("*.nii.gz"))) == TEST_EXAMS
    # Another choice: what was written by the earlier one is named.
    assert f"{both}: of an earlier choice; delete it" in chosen(models(two)[0], pair=0.45)


def test_the_masks_are_the_likeliest_label_of_the_mean(two: Workspace, tmp_path: Path) -> None:
    choice = Choice(models(two), {"tiny + tiny_unet": 0.5}, TRAINING_EXAMS)
    written = predict_together(two, choice, "pair")
    assert len(written) == TEST_EXAMS and not list(two.predictions("pair").glob("*.npz"))
    for number, model in enumerate(choice.members):
        predict(two, model.training, out=tmp_path / str(number), probabilities=True)
    for mask in written:
        maps = [np.load(tmp_path / str(n) / f"{mask.name[:-7]}.npz")["probabilities"] for n in (0, 1)]
        likeliest = np.mean([one.astype(np.float32) for one in maps], axis=0).argmax(0)
        # Read as nnU-Net writes: in its order of axes.
        np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(mask))), likeliest)
    record = json.loads((two.predictions("pair") / "made_from.json").read_text())["model"]
    assert [one["method"] for one in record["members"]] == ["tiny", "tiny_unet"]
    assert record["cross_validated_dice"] == {"tiny + tiny_unet": 0.5}
    assert predict_together(two, choice, "pair") == []  # kept
