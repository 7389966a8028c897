"""What a training is, before any network is built."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bmseg.errors import InputError
from bmseg.methods import Method, get_method
from bmseg.methods.profiles import FULL, QUICK
from bmseg.nnunet import nnunet_variables
from bmseg.nnunet.models import INPUTS, seed_of, trained_seeds
from bmseg.nnunet.training import Training
from bmseg.outputs import write_record
from bmseg.workspace import Workspace
from tests.bmseg.nnunet.tiny import METHOD, PROFILE, RECIPE


@pytest.mark.parametrize("given", [{"epochs": 0}, {"iterations": -1}])
def test_a_schedule_without_steps(given: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"^(epochs|iterations): found -?\d, expected at least 1$"):
        Training.of(METHOD, PROFILE, **given)


def test_a_method_without_a_recipe_for_the_profile() -> None:
    message = r"^method tiny: found no recipe for --profile full, expected one of quick$"
    with pytest.raises(InputError, match=message):
        Training.of(METHOD, FULL)


def test_nnunets_own_trainer_takes_no_schedule() -> None:
    method = Method("own", "", {"quick": replace(RECIPE, trainer="nnUNetTrainer")})
    with pytest.raises(InputError, match=r"found some given, expected none: method own has no trainer"):
        Training.of(method, PROFILE, epochs=2)
    assert not Training.of(method, PROFILE).takes_schedule


def test_a_schedule_by_hand_changes_nothing_but_what_is_given() -> None:
    training = Training.of(METHOD, PROFILE, iterations=7)
    assert training.profile == replace(PROFILE, iterations=7)
    assert training.schedule == {**Training.of(METHOD, PROFILE).schedule, "iterations": 7}


def test_nnunet_under_full_is_nnunets_own_unless_a_schedule_is_given(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "Dataset501_Tiny")
    own = Training.of(get_method("nnunet"), FULL)
    assert own.fold_folder(workspace, 3) == (
        tmp_path / "nnUNet_results/Dataset501_Tiny/nnUNetTrainer__nnUNetPlans__2d/fold_3"
    )
    given = Training.of(get_method("nnunet"), FULL, epochs=20)
    assert given.model_folder(workspace).name == "nnUNetTrainerScheduled__nnUNetPlans__2d"


def test_every_method_gets_the_profiles_budget() -> None:
    for name in ("nnunet", "nnunet_resenc", "unet", "nnunet_ordinal"):
        schedule = Training.of(get_method(name), QUICK).schedule
        assert (schedule["epochs"], schedule["iterations"]) == (QUICK.epochs, QUICK.iterations), name
        assert schedule["foreground"] == QUICK.foreground, name


def test_another_network_has_its_own_name_and_folder_and_the_usual_keeps_its(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "Dataset501_Tiny")
    usual, other = (Training.named(name, "quick") for name in ("unet", "unet_soft_seed7"))
    assert (usual.name, other.name) == ("unet", "unet_soft_seed7")
    assert (other.seed, other.masks) == (7, "soft")
    assert other == Training.named("unet", "quick", seed=7, masks="soft")
    trainer = usual.model_folder(workspace).name
    assert usual.fold_folder(workspace, 0) == tmp_path / f"nnUNet_results/Dataset501_Tiny/{trainer}/fold_0"
    assert other.fold_folder(workspace, 0) == (
        tmp_path / f"nnUNet_results/soft_seed7/Dataset501_Tiny/{trainer}/fold_0"
    )
    assert nnunet_variables(workspace, other.variant.word)["nnUNet_results"] == (
        str(tmp_path / "nnUNet_results/soft_seed7")
    )


def test_two_networks_of_one_seed_are_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "Dataset501_Tiny")
    usual = Training.named("unet", "quick")
    write_record(usual.fold_folder(workspace, 0) / INPUTS, {"inputs": {"seed": 7}})
    assert seed_of(workspace, usual, 0) == 2022
    assert seed_of(workspace, usual, 0, 5) == 5
    assert seed_of(workspace, replace(usual, seed=8), 0) == 8
    with pytest.raises(InputError, match=r"^seed: unet_seed8: found 5, expected 8 or none$"):
        seed_of(workspace, replace(usual, seed=8), 0, 5)
    with pytest.raises(InputError, match=r"^seed: unet_seed7: found the seed of unet \(.*two networks"):
        seed_of(workspace, replace(usual, seed=7), 0)


def test_seeds_that_are_trained(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "Dataset501_Tiny")
    usual, soft = (Training.named("unet", "quick", masks=masks) for masks in (None, "soft"))
    assert usual.of_seeds(5, 3) == [usual, replace(usual, seed=6), replace(usual, seed=7)]
    with pytest.raises(InputError, match=r"^seeds: unet_seed6: found 2 asked of the network of one seed"):
        replace(usual, seed=6).of_seeds(6, 2)
    assert trained_seeds(workspace, usual) == [usual]
    for one in (usual, replace(usual, seed=10), replace(usual, seed=9), replace(soft, seed=8)):
        folder = one.fold_folder(workspace, 0)
        folder.mkdir(parents=True)
        (folder / "checkpoint_final.pth").touch()
    assert [one.name for one in trained_seeds(workspace, usual)] == ["unet", "unet_seed9", "unet_seed10"]
    assert [one.name for one in trained_seeds(workspace, usual, 2)] == ["unet", "unet_seed9"]
    assert [one.name for one in trained_seeds(workspace, soft)] == ["unet_soft_seed8"]
    with pytest.raises(InputError, match=r"^seeds: found unet_soft_seed8 trained, expected 2 networks; .*"):
        trained_seeds(workspace, soft, 2)
