"""What methods cost: from the records of trainings and predictions, dashes where there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bmseg.outputs.provenance import read_record, write_record
from bmseg.scoring.costs import COLUMNS, cost_in, costs
from bmseg.workspace import Workspace

FOLDER = "nnUNetTrainer__nnUNetPlans__2d"
TRAINING = {
    "checkpoint_sha256": "c0", "method": "nnunet", "device": "cuda", "parameters": 33_000_000, "epochs": 1000,
    "iterations": 250, "seconds": 40_000.0, "peak_memory_bytes": 7 * 2**30, "memory_of": "GPU",
}  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "Dataset501_Tiny")


def trained(workspace: Workspace, fold: int | str, **facts: Any) -> None:
    folder = workspace.results_dataset / FOLDER / f"fold_{fold}"
    record = {**TRAINING, "checkpoint_sha256": f"c{fold}", **facts}
    write_record(
        folder / "bmseg_training.json", {name: value for name, value in record.items() if value != ...}
    )


def predicted(workspace: Workspace, method: str, folds: list[int | str], seconds: list[float | None]) -> None:
    masks = {
        f"knee_{i}": {"mask": "m"} | ({} if one is None else {"seconds": one})
        for i, one in enumerate(seconds)
    }
    model = {"folder": FOLDER, "folds": folds, "checkpoints": {str(fold): f"c{fold}" for fold in folds}}
    write_record(workspace.predictions(method) / "made_from.json", {"masks": masks, "model": model})


def test_all_folds_that_predict_together(workspace: Workspace) -> None:
    trained(workspace, 0)
    trained(workspace, 1, seconds=50_000.0, peak_memory_bytes=8 * 2**30)
    trained(workspace, 2, seconds=1e9)  # trained and not used
    predicted(workspace, "nnunet", [0, 1], [3.0, 5.0, 100.0])
    table = costs(workspace, ["nnunet"])
    assert table.rows == [
        ["nnunet", "33,000,000", "1000 × 250, 2 folds", "25.0 h", "8.0 GiB (GPU)", "5.0 s", "cuda"]
    ]
    assert list(table.data) == list(COLUMNS)
    row = table.data.iloc[0]
    assert (row.training_seconds, row.peak_memory_bytes, row.folds) == (90_000, 8 * 2**30, 2)
    assert (row.prediction_seconds, row.n_timed, row.n_exams) == (5.0, 3, 3)
    assert len(table.notes) == 1
    assert table.to_csv().splitlines()[1].startswith("nnunet,33000000,2,1000,250,90000.000000,")


def test_another_network_of_a_method_has_its_own_results(workspace: Workspace) -> None:
    trained(workspace, 0)
    predicted(workspace, "nnunet_seed7", [0], [3.0])
    assert "fold 0 has no record of its training" in costs(workspace, ["nnunet_seed7"]).notes[1]
    folder = workspace.results_of("seed7") / workspace.dataset_folder / FOLDER / "fold_0"
    record = {**TRAINING, "checkpoint_sha256": "c0", "method": "nnunet_seed7", "seconds": 60.0}
    write_record(folder / "bmseg_training.json", record)
    assert costs(workspace, ["nnunet_seed7"]).data.training_seconds.tolist() == [60]


def test_quick_on_a_cpu_and_exams_without_a_time(workspace: Workspace) -> None:
    facts = {"seconds": 90.0, "memory_of": "process", "device": "cpu", "method": "unet"}
    trained(workspace, "all", **facts)
    predicted(workspace, "unet", ["all"], [200.0, None, 260.0])
    assert costs(workspace, ["unet"]).rows[0][2:] == [
        "1000 × 250", "90.0 s", "7.0 GiB (process)", "3.8 min (2 of 3 exams)", "cpu",
    ]  # fmt: skip


def test_predictions_put_there_by_hand(workspace: Workspace) -> None:
    trained(workspace, 0)
    predicted(workspace, "nnunet", [0], [3.0])
    workspace.predictions("theirs").mkdir()
    table = costs(workspace, ["nnunet", "theirs"])
    assert table.rows[1] == ["theirs", *["–"] * 6]
    assert table.data.iloc[1, 1:9].isna().all()
    assert "theirs: its predictions have no record of the model that made them" in table.notes[1]
    # A record as the version before left it: masks alone.
    write_record(workspace.predictions("theirs") / "made_from.json", {"masks": {"knee_0": {"mask": "m"}}})
    assert costs(workspace, ["theirs"]).rows == [["theirs", *["–"] * 6]]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (
            {"checkpoint_sha256": "other"},
            "fold 0 was trained anew since the masks were made; 'bmseg predict nnunet'",
        ),
        ({"method": "unet"}, "fold 0 was trained anew"),
        ({"seconds": ...}, "fold 0 has no record of its training (seconds)"),
    ],
)
def test_trainings_that_did_not_make_the_masks_do_not_count(
    workspace: Workspace, facts: dict[str, Any], reason: str
) -> None:
    trained(workspace, 0, **facts)
    predicted(workspace, "nnunet", [0], [3.0])
    table = costs(workspace, ["nnunet"])
    assert table.rows == [["nnunet", "–", "–", "–", "–", "3.0 s", "–"]]
    assert table.notes[1].startswith(f"nnunet: {reason}")


def test_a_peak_that_is_not_known(workspace: Workspace) -> None:
    trained(workspace, 0)
    trained(workspace, 1, peak_memory_bytes=None, memory_of=None)
    predicted(workspace, "nnunet", [0, 1], [3.0])
    table = costs(workspace, ["nnunet"])
    assert table.rows[0][3:5] == ["22.2 h", "–"]
    assert table.notes[1].startswith("nnunet: the peak memory was lost")
    assert pd.isna(table.data.memory_of[0])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (
            lambda record: record["masks"]["knee_0"].update(seconds="long"),
            "masks.knee_0.seconds: found 'long'",
        ),
        (lambda record: record.update(masks=[1]), "masks: found [1], expected"),
        (lambda record: record["model"].update(folder=7), "model.folder: found 7, expected"),
        (lambda record: record["model"].update(folder="../../elsewhere"), "model.folder: found '../../else"),
        (lambda record: record["model"].update(folder=".."), "model.folder: found '..', expected"),
        (lambda record: record["model"].update(folds="all"), "model.folds: found 'all', expected"),
    ],
)
def test_a_damaged_record_of_predictions_is_named(
    damage: Callable[[dict[str, Any]], object], reason: str, workspace: Workspace
) -> None:
    trained(workspace, 0)
    predicted(workspace, "nnunet", [0], [3.0])
    path = workspace.predictions("nnunet") / "made_from.json"
    record = read_record(path)
    damage(record)
    write_record(path, record)
    table = costs(workspace, ["nnunet"])
    assert table.rows == [["nnunet", *["–"] * 6]]
    assert table.notes[1].startswith(f"nnunet: made_from.json: {reason}")


def test_a_damaged_record_of_a_training_is_none(workspace: Workspace) -> None:
    trained(workspace, 0, parameters="many", seconds=-1.0)
    predicted(workspace, "nnunet", [0], [3.0])
    assert (
        costs(workspace, ["nnunet"])
        .notes[1]
        .startswith("nnunet: fold 0 has no record of its training (param")
    )


def test_a_board_is_told_what_is_on_record(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bmseg.scoring.costs.open_workspace", lambda _: (workspace, None))
    trained(workspace, 0)
    predicted(workspace, "nnunet", [0], [3.0, 5.0, 100.0])
    predicted(workspace, "unet", [1], [None])
    found = cost_in(workspace.root, workspace.predictions("nnunet"))
    assert found == {"parameters": 33_000_000, "seconds_per_exam": 5.0}
    assert {name: type(value) for name, value in found.items()} == {
        "parameters": int, "seconds_per_exam": float,
    }  # fmt: skip
    assert cost_in(workspace.root, workspace.predictions("unet")) == {}
    assert cost_in(workspace.root, workspace.root) == {}
