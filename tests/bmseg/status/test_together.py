"""What is said of masks that two models made together: who made them, who taught, if they are current."""

from __future__ import annotations

import json
from pathlib import Path

from bmseg.scoring.costs import costs
from bmseg.scoring.lineage import taught_in
from bmseg.status.learned import predictions
from bmseg.status.stage import Bytes
from bmseg.workspace import Workspace
from tests.support.small_workspace import small_workspace


def ensemble(root: Path) -> Workspace:
    """Masks by unet and nnunet, whose trainings lie there."""
    workspace = small_workspace(root, "pair")
    members = []
    for method in ("unet", "nnunet"):
        fold = workspace.results_dataset / f"of_{method}" / "fold_0"
        fold.mkdir(parents=True)
        (fold / "bmseg_training.json").write_text(json.dumps({"checkpoint_sha256": method}))
        members.append(
            {"method": method, "folder": f"of_{method}", "folds": [0], "checkpoints": {"0": method},
             "profile": "full"}
        )  # fmt: skip
    record = {"model": {"members": members, "taught_by": ["reader1", "reader2"]}, "masks": {}}
    (workspace.predictions("pair") / "made_from.json").write_text(json.dumps(record))
    return workspace


def test_the_stage_names_both_and_goes_stale_with_either(tmp_path: Path) -> None:
    workspace = ensemble(tmp_path)
    stage = predictions(workspace, "pair", Bytes())
    assert stage.state == "there" and stage.found.endswith(", by unet and nnunet together")
    record = workspace.results_dataset / "of_nnunet" / "fold_0" / "bmseg_training.json"
    record.write_text(json.dumps({"checkpoint_sha256": "another"}))
    stage = predictions(workspace, "pair", Bytes())
    assert stage.state == "stale" and stage.why.startswith("nnunet was trained anew since")
    assert stage.command.startswith("bmseg ensemble unet nnunet --profile full --name pair")


def test_its_teachers_are_those_of_its_members(tmp_path: Path) -> None:
    assert taught_in(ensemble(tmp_path), ["pair"]) == {"pair": ["reader1", "reader2"]}


def test_its_costs_stand_with_its_members(tmp_path: Path) -> None:
    found = costs(ensemble(tmp_path), ["pair"])
    assert found.data.parameters.isna().all()
    assert "pair: unet and nnunet together: parameters, training and memory stand with these." in found.notes
