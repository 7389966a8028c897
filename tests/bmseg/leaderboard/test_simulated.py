"""Simulated teams do to the consensus what their name says, and are marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bmseg.leaderboard.simulated import SIMULATED_TEAMS, SimulatedTeam, add_simulated_teams
from dataset_conversion.images import Volume
from tests.bmseg.leaderboard.boards import AFFINE, make_board, mask_of

TEAMS = {team.name: team for team in SIMULATED_TEAMS}
# Six millimetres of level 1 around four of level 2 around level 3, on slices of 0.9 x 0.9 mm.
SHAPE = (60, 60, 5)


def rings() -> np.ndarray:
    i, j, _ = np.indices(SHAPE)
    distance = np.hypot(i - 30, j - 30) * 0.9
    return np.digitize(-distance, [-18, -12, -8]).astype(np.uint8)


def consensus(n: int = 1) -> dict[str, Volume]:
    return {f"exam{place}": Volume(rings(), AFFINE) for place in range(n)}


def mask(name: str) -> np.ndarray:
    return TEAMS[name].masks(consensus(), 2022)["exam0"].array


def test_shifted_is_the_consensus_five_millimetres_aside() -> None:
    # 5 mm are 5.6 voxels of 0.9 mm.
    np.testing.assert_array_equal(mask("sim-shifted")[6:], rings()[:-6])
    assert not mask("sim-shifted")[:6].any()


def test_shrunk_leaves_out_a_border_of_two_millimetres_and_nothing_else() -> None:
    inside = rings() > 0
    outside = np.argwhere(~inside[:, :, 0])
    depth = np.array([np.hypot(*(outside - point).T).min() * 0.9 for point in np.argwhere(inside[:, :, 0])])
    expected = np.zeros(SHAPE[:2], np.uint8)
    expected[inside[:, :, 0]] = np.where(depth > 2, rings()[:, :, 0][inside[:, :, 0]], 0)
    np.testing.assert_array_equal(mask("sim-shrunk"), np.repeat(expected[:, :, None], SHAPE[2], axis=2))


def test_confused_swaps_whole_foci_of_the_two_highest_levels() -> None:
    """Sixty foci, each of one level: a third changes, to the other level, whole."""
    labels = np.zeros((90, 60, 5), np.uint8)
    for number in range(60):
        row, column = divmod(number, 10)
        labels[15 * row + 2 : 15 * row + 8, 6 * column + 1 : 6 * column + 4, 1:3] = 2 + number % 2
    found = TEAMS["sim-confused"].masks({"e": Volume(labels, AFFINE)}, 2022)["e"].array
    np.testing.assert_array_equal(found > 0, labels > 0)
    assert set(np.unique(found[labels == 2])) == {2, 3} == set(np.unique(found[labels == 3]))
    changed = 0
    for number in range(60):
        row, column = divmod(number, 10)
        focus = found[15 * row + 2 : 15 * row + 8, 6 * column + 1 : 6 * column + 4, 1:3]
        assert len(np.unique(focus)) == 1
        changed += focus.flat[0] != 2 + number % 2
    assert 10 <= changed <= 30


@pytest.mark.parametrize("name", ["sim-wavy", "sim-absent"])
def test_wavy_keeps_levels_and_slices_and_moves_borders(name: str) -> None:
    found = next(iter(TEAMS[name].masks(consensus(8), 2022).values())).array
    same = (found == rings()).mean()
    assert 0.5 < same < 0.98
    assert set(np.unique(found)) == {0, 1, 2, 3}


def test_absent_hands_in_about_three_exams_of_four_and_wavy_all() -> None:
    assert 20 <= len(TEAMS["sim-absent"].masks(consensus(40), 2022)) <= 38
    assert len(TEAMS["sim-wavy"].masks(consensus(3), 2022)) == 3


@pytest.mark.parametrize("team", SIMULATED_TEAMS, ids=lambda team: team.name)
def test_the_same_seed_gives_the_same_masks_whatever_other_exams_there_are(team: SimulatedTeam) -> None:
    all_of_them, few = team.masks(consensus(6), 7), team.masks(consensus(2), 7)
    for exam in few:
        np.testing.assert_array_equal(few[exam].array, all_of_them[exam].array)
    assert set(few) == set(all_of_them) & {"exam0", "exam1"}


@pytest.mark.parametrize("team", SIMULATED_TEAMS, ids=lambda team: team.name)
def test_an_empty_consensus_stays_empty(team: SimulatedTeam) -> None:
    nothing = {"e": Volume(np.zeros(SHAPE, np.uint8), AFFINE)}
    assert not any(mask.array.any() for mask in team.masks(nothing, 1).values())


def test_they_come_to_the_board_as_teams_do_and_are_marked(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path)
    added = add_simulated_teams(board, reference, seed=2022)
    assert [one.entry.team for one in added] == list(TEAMS)
    assert all(one.entry.simulated and one.is_new for one in added)
    assert not any(one.is_new for one in add_simulated_teams(board, reference, seed=2022))
    assert mask_of("knee_a", 0).shape == reference.consensus_map("knee_a").array.shape
