"""What may be a task, what it is called, and what an exam without a mask counts as."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from bmseg.errors import InputError
from bmseg.leaderboard.challenge import (
    Contract,
    Ranking,
    challenge_text,
    contract_text,
    default_challenge,
    load_challenge,
    read_contract,
)
from bmseg.leaderboard.tasks import beside_dice, check_weights, dice_weights
from bmseg.study import load_study
from bmseg.untrusted.header import ExamGrid
from evaluation.measures.pairs import ExamMeasured

GRID = ExamGrid(size=[24, 20, 6], affine=np.diag([0.9, 0.9, 3.5, 1.0]).tolist())


def test_a_levels_name_is_its_dice() -> None:
    weights = {"level1": 1.0, "level2 hd95": 0.5, "level2+3 nsd@2": 2.0, "level3 foci_f1": 1.0}
    tasks = beside_dice(weights)
    assert [(task.level, task.measure.name, task.weight) for task in tasks] == [
        ("level2", "hd95", 0.5), ("level2+3", "nsd@2", 2.0), ("level3", "foci_f1", 1.0),
    ]  # fmt: skip
    assert [task.title for task in tasks] == [
        "level2: HD95, mm", "level2+3: NSD at 2 mm", "level3: F1 of foci",
    ]  # fmt: skip
    assert [task.way for task in tasks] == ["lower is better", "higher is better", "higher is better"]
    assert dice_weights(weights) == {"level1": 1.0}
    # Without a Dice among them, readers and submissions have their score by the levels that are ranked.
    assert dice_weights({"level2 hd95": 0.5, "level2 assd": 1.0, "level3 hd95": 2.0}) == {
        "level2": 1.5, "level3": 2.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("weights", "unlike"),
    [
        (["level1", "level2"], False),
        (["level1 hd95", "level2 hd95"], False),
        (["level1", "level1 nsd@readers"], True),
        (["level1 hd95", "level2 assd"], True),
    ],
)
def test_tasks_of_several_measures_are_unlike(weights: list[str], unlike: bool) -> None:
    assert Ranking(weights=dict.fromkeys(weights, 1.0)).is_unlike == unlike


def test_what_a_missing_exam_counts_as() -> None:
    """A distance as the diagonal that measures give an empty mask in such an exam, a share as 0."""
    mask = np.ones((24, 20, 6), np.uint8)
    exam = ExamMeasured(
        {"all": mask, "none": 0 * mask}, {"level1": (1,)}, np.array(GRID.affine), single={"level1": 1}
    )
    pair = exam.pair("level1", "all", "none")
    names = ["hd95", "hd", "assd", "assd:voxels", "nsd@2", "foci_f1", "foci_sensitivity"]
    for task in beside_dice({f"level1 {name}": 1.0 for name in names}):
        assert task.worst(GRID) == pytest.approx(task.measure.score(pair)[0])
        assert task.worst(GRID) == (pytest.approx(35.0936) if task.smaller_is_better else 0)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("level9", "found level9, expected some of level1, level2, level3, level2+3"),
        ("level9 hd95", "found level9 hd95, expected some of level1"),
        ("level1 hd9", "'level1 hd9': measures: found 'hd9', expected some of"),
        ("level1 dice", "found 'level1 dice', expected 'level1': a level's name alone is its Dice"),
        ("level1 foci", "expected one measure a task: 'level1 foci_f1', 'level1 foci_sensitivity'"),
        ("level1 nsd@2.0", "found 'level1 nsd@2.0', expected 'level1 nsd@2'"),
        ("level2+3 foci_f1", "F1 of foci is not scored on groups of levels, expected one of level1"),
        ("level1 volume_difference", "no worst value for an exam without a mask; expected missing ="),
        ("level1 foci_false", "has no worst value for an exam without a mask"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_task(name: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        check_weights([name], load_study(), "worst")
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_volumes_may_be_tasks_where_every_exam_is_asked_for(tmp_path: Path) -> None:
    study = load_study()
    check_weights(["level1 volume_difference"], study, "refuse")
    challenge = default_challenge(study, synthetic=True, measures=["hd95", "volume_difference"])
    assert challenge.ranking.missing == "refuse"
    assert list(challenge.ranking.weights)[3:5] == ["level1 hd95", "level2 hd95"]
    (tmp_path / "challenge.toml").write_text(challenge_text(challenge))
    assert load_challenge(tmp_path, study) == challenge
    text = challenge_text(challenge).replace('missing = "refuse"', 'missing = "worst"')
    (tmp_path / "challenge.toml").write_text(text)
    with pytest.raises(InputError, match="challenge.toml: ranking.weights: found 'level1 volume_difference'"):
        load_challenge(tmp_path, study)
    with pytest.raises(InputError, match="'level1 hd9': measures: found 'hd9'"):
        default_challenge(study, synthetic=True, measures=["hd9"])


def test_a_board_of_dice_is_written_as_it_was(tmp_path: Path) -> None:
    weights = tomllib.loads(challenge_text(default_challenge(load_study(), synthetic=True)))["ranking"][
        "weights"
    ]
    assert weights == {"level1": 1.0, "level2": 1.0, "level3": 1.0}
    contract = Contract(labels=[0, 1], exams={"knee": GRID})
    assert set(json.loads(contract_text(contract))) == {"labels", "exams"}
    fixed = contract.model_copy(update={"tolerances": {"level1": 3.62}})
    (tmp_path / "exams.json").write_text(contract_text(fixed))
    assert read_contract(tmp_path) == fixed
