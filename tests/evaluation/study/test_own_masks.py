"""A reader's volumes and errors are held against what the reader had no part in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dataset_conversion.images import Volume
from evaluation.consensus.rules import staple
from evaluation.consensus.votes import count_votes, paint
from evaluation.study import Design, ReaderStudy, score_exam, tables

READERS = ["anna", "ben", "carl"]
LEVELS = {"level1": 1, "level2": 2, "level3": 3}
VOXEL_ML = 0.9 * 0.9 * 3.5 / 1000


@pytest.fixture(scope="module")
def masks() -> dict[str, dict[str, np.ndarray]]:
    """Four exams; the model always marks a little more."""
    rng = np.random.default_rng(8)
    found = {}
    for exam in range(4):
        signal = rng.normal(size=(12, 10, 4)) + np.linspace(-1, 2, 12)[:, None, None]
        seen = {rater: signal + 0.4 * rng.normal(size=signal.shape) for rater in [*READERS, "net"]}
        cuts = {rater: [0.8, 1.5, 2.0 if rater == "net" else 2.3] for rater in seen}
        found[f"e{exam}"] = {rater: np.digitize(seen[rater], cuts[rater]).astype(np.uint8) for rater in seen}
    return found


@pytest.fixture(scope="module")
def study(masks: dict[str, dict[str, np.ndarray]]) -> ReaderStudy:
    design, affine = Design(LEVELS, rule="majority"), np.diag([0.9, 0.9, 3.5, 1])
    exams = [
        score_exam(design, exam, {rater: Volume(mask, affine) for rater, mask in each.items()}, READERS)[0]
        for exam, each in masks.items()
    ]
    return ReaderStudy.of(design, exams, READERS, ["net"])


def held_against(masks: dict[str, np.ndarray], rater: str) -> np.ndarray:
    others = {reader: masks[reader] for reader in READERS if reader != rater}
    votes = count_votes(others, (0, *LEVELS.values()))
    return paint(others, votes, staple(votes, rule="map").label)


@pytest.mark.parametrize("rater", ["anna", "net"])
def test_volumes_and_errors_are_by_the_yardstick_without_the_own_mask(
    study: ReaderStudy, masks: dict[str, dict[str, np.ndarray]], rater: str
) -> None:
    errors = study[tables.ERRORS].set_index(["exam", "rater", "level"])
    difference = []
    for exam, each in masks.items():
        reference = held_against(each, rater) == 2
        row = errors.loc[(exam, rater, "level2")]
        assert row.reference_ml == pytest.approx(reference.sum() * VOXEL_ML)
        assert row.fp_ml == pytest.approx(((each[rater] == 2) & ~reference).sum() * VOXEL_ML)
        difference.append(row.rater_ml - row.reference_ml)
    agreement = study[tables.VOLUMES_BLAND_ALTMAN].set_index(["level", "rater"]).loc[("level2", rater)]
    assert agreement.bias == pytest.approx(np.mean(difference))
    assert agreement.reference == ("yardstick" if rater == "net" else "yardstick without anna")


def test_every_rater_has_one_row_an_exam_and_level(study: ReaderStudy) -> None:
    errors: pd.DataFrame = study[tables.ERRORS]
    assert len(errors) == 4 * 4 * 3
    assert set(study[tables.VOLUMES_BLAND_ALTMAN].rater) == {*READERS, "net"}


def test_a_copy_is_held_against_what_its_reader_had_no_part_in(
    masks: dict[str, dict[str, np.ndarray]],
) -> None:
    design, affine = Design(LEVELS, rule="majority"), np.diag([0.9, 0.9, 3.5, 1])
    exams = []
    for exam, each in masks.items():
        volumes = {rater: Volume(mask, affine) for rater, mask in {**each, "net": each["ben"]}.items()}
        exams.append(score_exam(design, exam, volumes, READERS)[0])
    found = ReaderStudy.of(design, exams, READERS, ["net"])
    errors = found[tables.ERRORS].set_index("rater").drop(columns=["exam", "level"])
    assert errors.loc["net"].to_numpy().tolist() == errors.loc["ben"].to_numpy().tolist()
    agreement = found[tables.VOLUMES_BLAND_ALTMAN].set_index("rater").drop(columns="level")
    assert agreement.loc["net"].to_numpy().tolist() == agreement.loc["ben"].to_numpy().tolist()
