"""What algorithms leave on grand-challenge, well-meant and not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from bmseg.errors import InputError
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.challenge import Contract
from bmseg.leaderboard.platforms.bundle import Organised
from bmseg.leaderboard.platforms.codabench import columns, scores
from bmseg.leaderboard.platforms.grand_challenge import job
from bmseg.leaderboard.platforms.run_grand_challenge import (
    ONLY_IMAGES,
    PREDICTIONS_FILE,
    Sockets,
    collect_masks,
    metrics,
)
from bmseg.leaderboard.platforms.scored import SubmissionError, score_on_platform
from bmseg.leaderboard.scoring import Reference
from bmseg.leaderboard.submission import Fault, check_submission
from tests.bmseg.leaderboard.boards import EXAMS, make_board, mask_of, with_rules, write_masks
from tests.bmseg.leaderboard.platforms.metaimages import GRID, mha

CONTRACT = Contract(labels=[0, 1, 2, 3], exams=dict.fromkeys(EXAMS, GRID))


def place(folder: Path, one: dict[str, Any]) -> Path:
    return folder / one["pk"] / "output" / "images" / "mask" / "mask.mha"


@pytest.mark.parametrize("pixel", [sitk.sitkUInt8, sitk.sitkInt16, sitk.sitkInt64, sitk.sitkFloat32])
def test_masks_come_back_on_the_grid_of_the_contract(tmp_path: Path, pixel: int) -> None:
    jobs = [job(exam, ONLY_IMAGES) for exam in EXAMS]
    for one, exam in zip(jobs, EXAMS, strict=True):
        mha(place(tmp_path, one), exam, pixel)
    for one, name in zip(jobs, ("knee_a", "knee_b_0000.nii.gz", "knee_c.nii"), strict=True):
        one["inputs"][0]["image"]["name"] = name
    # The platform's order is no order.
    (tmp_path / PREDICTIONS_FILE).write_text(json.dumps(jobs[::-1]))
    checked = collect_masks(tmp_path, CONTRACT, ONLY_IMAGES)
    assert not checked.faults and not checked.missing and not checked.notices
    for exam in EXAMS:
        assert np.array_equal(checked.masks[exam].array, mask_of(exam, 9))


def other_socket(one: dict[str, Any]) -> None:
    extra = json.loads(json.dumps(one["outputs"][0]))
    extra["socket"]["slug"] = "heatmap"
    one["outputs"].append(extra)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda one: one["inputs"][0]["image"].update(name="knee_a.mha"), "exam knee_a: found two jobs"),
        (
            lambda one: one["inputs"][0]["image"].update(name="x\x1b[2J"),
            r"image x\x1b[2J: found no",
        ),
        (lambda one: one["inputs"].clear(), "inputs: found none, expected one image"),
        (other_socket, "outputs: found mask, heatmap, expected one image; name the socket"),
    ],
)
def test_jobs_that_cannot_be_told_apart_are_faults(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], fault: str
) -> None:
    jobs = [job(exam, ONLY_IMAGES) for exam in EXAMS[:2]]
    for one, exam in zip(jobs, EXAMS, strict=False):
        mha(place(tmp_path, one), exam)
    change(jobs[1])
    (tmp_path / PREDICTIONS_FILE).write_text(json.dumps(jobs))
    (found,) = map(str, collect_masks(tmp_path, CONTRACT, ONLY_IMAGES).faults)
    assert fault in found and "\x1b" not in found
    if change is other_socket:
        assert not collect_masks(tmp_path, CONTRACT, Sockets(mask="mask")).faults


def test_jobs_without_a_mask_are_missing_exams(tmp_path: Path) -> None:
    jobs = [job(exam, ONLY_IMAGES) for exam in EXAMS[:2]]
    jobs[0]["status"] = "Cancelled"
    (tmp_path / PREDICTIONS_FILE).write_text(json.dumps(jobs))
    collected = collect_masks(tmp_path, CONTRACT, ONLY_IMAGES)
    assert collected.notices == [
        "exam knee_a: no mask, its job ended as Cancelled",
        "exam knee_b: no mask, its job wrote nothing to images/mask",
    ]
    assert collected.missing == EXAMS
    assert list(map(str, collected.faults)) == ["predictions.json: found no mask of 3 exams, expected some"]


def test_a_mask_of_other_labels_or_on_another_grid_is_a_fault(tmp_path: Path) -> None:
    jobs = [job(exam, ONLY_IMAGES) for exam in EXAMS[:2]]
    for one, exam in zip(jobs, EXAMS, strict=False):
        mha(place(tmp_path, one), exam, sitk.sitkFloat32)
    image = sitk.ReadImage(str(place(tmp_path, jobs[0])))
    sitk.WriteImage(image * 1.5, str(place(tmp_path, jobs[0])))
    image.SetOrigin((0, 0, 0))
    sitk.WriteImage(image, str(place(tmp_path, jobs[1])))
    (tmp_path / PREDICTIONS_FILE).write_text(json.dumps(jobs))
    collected = collect_masks(tmp_path, CONTRACT, ONLY_IMAGES)
    first, second = map(str, collected.faults)
    assert first.startswith("exam knee_a: label: found 1.5 in ")
    assert second.startswith(
        "exam knee_b: origin: found (0, 0, 0) mm, expected (-10, 5, 2) mm (the exam's grid)"
    )
    assert not collected.masks and collected.missing == ["knee_c"]


@pytest.mark.parametrize("text", ["", "{}", '[{"pk": "1", "interface": []}]'])
def test_predictions_of_another_form_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / PREDICTIONS_FILE).write_text(text)
    with pytest.raises(InputError, match=PREDICTIONS_FILE):
        collect_masks(tmp_path, CONTRACT, ONLY_IMAGES)
    with pytest.raises(InputError, match="no such file, expected the platform's list of jobs"):
        collect_masks(tmp_path / "empty", CONTRACT, ONLY_IMAGES)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> tuple[Board, Reference]:
    """A board that takes whole submissions only, and ranks by the usual yardstick."""
    return make_board(tmp_path_factory.mktemp("strict"), with_rules(missing="refuse", yardstick="usual"))


def test_a_missing_exam_is_a_fault_where_the_challenge_says_so(
    strict: tuple[Board, Reference], tmp_path: Path
) -> None:
    with pytest.raises(SubmissionError) as refused:
        checked = check_submission(write_masks(tmp_path / "two", 9, exams=EXAMS[:2]), strict[0].contract)
        checked.faults.append(Fault("earlier", "fault"))
        score_on_platform(checked, Organised(*strict))
    assert refused.value.faults == [
        "earlier: fault",
        "exams: found no mask of knee_c, expected one of each of the 3 test exams",
    ]


def test_the_score_is_on_the_yardstick_of_the_challenge(
    strict: tuple[Board, Reference], tmp_path: Path
) -> None:
    scored = score_on_platform(
        check_submission(write_masks(tmp_path / "all", 9), strict[0].contract), Organised(*strict)
    )
    usual = scored.means["usual"]
    assert scored.score == pytest.approx(np.mean([usual["level1"], usual["level2"], usual["level3"]]))
    assert scored.score != pytest.approx(np.mean([scored.means["fair"][f"level{n}"] for n in (1, 2, 3)]))


def test_a_level_that_is_nowhere_defined_is_null_or_left_out(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path)
    only = {"knee_c": reference.files["knee_c"]}
    contract = board.contract.model_copy(update={"exams": {"knee_c": board.contract.exams["knee_c"]}})
    small = Organised(
        Board(board.root, board.study, board.challenge, contract), Reference(reference.study, only)
    )
    scored = score_on_platform(
        check_submission(write_masks(tmp_path / "c", 9, exams=["knee_c"]), contract), small
    )
    aggregates = metrics(scored)["aggregates"]
    assert aggregates["levels"]["level3"] == {
        "name": "level3", "fair": None, "usual": None, "n_defined": 0, "n_undefined": 1, "n_missing": 0
    }  # fmt: skip
    # Codabench stores a number for each key that it is given.
    left_out = {f"{yardstick}_level3" for yardstick in ("fair", "usual")}
    keys = {column["key"] for column in columns(board.study, board.challenge, n_readers=4)}
    assert scores(scored).keys() == keys - left_out
    means = scored.means["fair"]
    assert aggregates["score"] == pytest.approx((means["level1"] + means["level2"]) / 2)
