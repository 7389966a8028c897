"""Networks of one method in a workspace, and those that only are called so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bmseg.errors import InputError
from bmseg.methods.variants import method_and_variant
from bmseg.outputs import write_record
from bmseg.scoring.evaluate import evaluate, evaluate_workspace
from bmseg.scoring.evaluation import Evaluation
from bmseg.scoring.networks import networks_in
from bmseg.scoring.raters import Raters, workspace_raters
from bmseg.study import load_study
from bmseg.workspace import Workspace
from evaluation.study.lineage import first_of_seeds
from evaluation.study.seeds import METHODS_OVER_SEEDS
from tests.support.small_workspace import small_workspace
from tests.support.studies import small_raters, small_study

NAMES = ["unet", "unet_seed7", "unet_seed8"]


def made_by(workspace: Workspace, name: str, folds: list[int], **inputs: Any) -> None:
    """Records of masks and of the training that made them."""
    write_record(workspace.predictions(name) / "made_from.json", {"model": {"folder": "T", "folds": folds}})
    results = workspace.results_of(method_and_variant(name)[1].word) / workspace.dataset_folder
    for fold in folds:
        write_record(results / "T" / f"fold_{fold}" / "bmseg_inputs.json", {"inputs": inputs})


def test_names_are_taken_at_their_word_where_nothing_is_on_record(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "Dataset501_Tiny")
    assert networks_in(workspace, NAMES) == ({"unet_seed7": "unet", "unet_seed8": "unet"}, [])


def test_a_network_that_is_trained_otherwise_is_judged_by_itself(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "Dataset501_Tiny")
    made_by(workspace, "unet", [0], seed=2022, epochs=40)
    made_by(workspace, "unet_seed7", [0], seed=7, epochs=40)
    made_by(workspace, "unet_seed8", [0, 1], seed=8, epochs=20)
    found, told = networks_in(workspace, NAMES)
    assert found == {"unet_seed7": "unet"}
    assert told == [
        "unet_seed8: found another folds, epochs than unet has, expected networks that differ in their seed "
        "alone; judged by itself"
    ]
    made_by(workspace, "unet_seed7", [0], seed=2022, epochs=40)
    assert networks_in(workspace, NAMES[:2])[1][0].startswith("unet_seed7: found the seed of unet, expected")


@pytest.mark.parametrize("odd", [0, 1])
def test_every_fold_is_compared(tmp_path: Path, odd: int) -> None:
    workspace = Workspace(tmp_path, "Dataset501_Tiny")
    made_by(workspace, "unet", [0, 1], seed=2022, epochs=40)
    made_by(workspace, "unet_seed7", [0, 1], seed=7, epochs=40)
    assert networks_in(workspace, NAMES[:2]) == ({"unet_seed7": "unet"}, [])
    fold = workspace.results_of("seed7") / workspace.dataset_folder / "T" / f"fold_{odd}"
    write_record(fold / "bmseg_inputs.json", {"inputs": {"seed": 7, "epochs": 5}})
    assert networks_in(workspace, NAMES[:2])[1][0].startswith("unet_seed7: found another epochs than unet")
    write_record(fold / "bmseg_inputs.json", {"inputs": {"seed": 2022, "epochs": 40}})
    assert networks_in(workspace, NAMES[:2])[1][0].startswith("unet_seed7: found the seed of unet, expected")


def test_an_evaluation_knows_networks_again_and_one_without_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_tables: Callable[..., None]
) -> None:
    few_tables("methods_over_seeds", "table1")
    monkeypatch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_: None)
    workspace = small_workspace(tmp_path, *NAMES, "nnunet")
    made_by(workspace, "unet", [0], seed=2022)
    made_by(workspace, "unet_seed8", [0], seed=2022)
    assert workspace_raters(workspace).titles == {
        "unet_seed7": "U-Net, seed 7", "unet_seed8": "U-Net, seed 8",
    }  # fmt: skip
    made = evaluate_workspace(workspace)
    assert made.record["seed_of"] == {"unet_seed7": "unet"}
    assert [told for told in made.warnings if told.startswith("unet_seed8: found the seed of unet")]
    again = Evaluation.read(made.folder, workspace.study_file)
    for found in (made.found, again.found):
        assert first_of_seeds(found) == ["nnunet", "unet", "unet_seed8"]
        assert found.shown("unet_seed7") == "U-Net, seed 7"
        assert set(found[METHODS_OVER_SEEDS].model) == {"unet"}
    alone = small_workspace(tmp_path / "alone", "unet", "nnunet")
    assert not {"seed_of", "titles"} & {*evaluate_workspace(alone).record}


@pytest.mark.parametrize(
    ("seed_of", "told"),
    [
        ({"net_b": "nett"}, "found model nett, expected one of net, net_b; did you mean net"),
        (
            {"net_b": "net", "net": "net_b"},
            "found net both as the first network of a method and",
        ),
    ],
)
def test_networks_of_plain_folders_that_do_not_fit(
    tmp_path: Path, seed_of: dict[str, str], told: str
) -> None:
    study, raters = small_study(tmp_path), small_raters(tmp_path / "masks", "net", "net_b")
    raters = Raters(raters.readers, raters.models, seed_of=seed_of)
    with pytest.raises(InputError, match=f"^seed of: {told}"):
        evaluate(load_study(study), study, raters, tmp_path / "out")
