"""Submissions on a board: once each, whole or not at all, whoever adds at the same time."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from bmseg.errors import InputError, WorkError
from bmseg.leaderboard.adding import add_submission, reinstate, withdraw
from bmseg.leaderboard.entries import Description
from bmseg.leaderboard.scoring import score_submission
from bmseg.leaderboard.standings import standings
from bmseg.leaderboard.verify import verify
from dataset_conversion.images import read_volume, write_volume
from evaluation.masks.reading import read_mask
from tests.bmseg.leaderboard.adders import CONTEXT, add_forever, add_three
from tests.bmseg.leaderboard.boards import EXAMS, make_board, with_rules, write_masks
from tests.support.files import bytes_of


def test_what_is_added_is_what_the_masks_score(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path)
    source = write_masks(tmp_path / "sent", 9)
    added = add_submission(board, "alpha", source, reference, about=Description(title="first"))
    assert added.is_new and re.fullmatch("alpha/[0-9a-f]{12}", added.entry.key)
    masks = {exam: read_mask(source / f"{exam}.nii.gz", (0, 1, 2, 3)) for exam in EXAMS}
    expected = score_submission(masks, reference)
    found = board.dice(added.entry)
    assert list(found.dice.isna()) == list(expected.dice.isna())
    assert (found.dice - expected.dice).abs().max() < 1e-9
    assert found[["tp", "fp", "fn"]].equals(expected[["tp", "fp", "fn"]])
    assert set(found.status) == {"scored", "undefined"}


def test_the_same_masks_are_added_once(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path)
    source = write_masks(tmp_path / "sent", 9)
    first = add_submission(board, "alpha", source, reference)
    before = bytes_of(board.root)
    again = add_submission(board, "alpha", source, reference)
    assert not again.is_new and again.entry == first.entry
    assert bytes_of(board.root) == before
    with pytest.raises(InputError, match="another description"):
        add_submission(board, "alpha", source, reference, about=Description(title="new"))
    other = add_submission(board, "beta", source, reference)
    assert other.notices[0].startswith(f"the same masks are on the board as {first.entry.key}: ")


def test_a_readers_masks_and_another_submissions_are_named(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path)
    copy = add_submission(board, "alpha", tmp_path / "readers" / "reader1", reference)
    assert copy.notices == [f"{copy.entry.resembles[0]} It is listed as a copy and gets no rank."]
    assert copy.notices[0].startswith(
        f"{copy.entry.key} is a copy of reader1: equal in every voxel of 3 exams"
    )
    (copied,) = board.find("alpha").copied
    assert (copied.of, copied.kind, copied.words) == ("reader1", "copy", copy.entry.resembles[0])
    honest = add_submission(
        board, "beta", write_masks(tmp_path / "sent", 9), reference, taught_by=["reader1"]
    )
    assert honest.notices == [] and board.find("beta").taught_by == ["reader1"]
    near = tmp_path / "near"
    shutil.copytree(tmp_path / "sent", near)
    mask = read_volume(near / "knee_a.nii.gz")
    mask.array[np.nonzero(mask.array)[0][0]] = 0
    write_volume(near / "knee_a.nii.gz", mask)
    partly = add_submission(board, "gamma", near, reference)
    words = f"{partly.entry.key} has the masks of {honest.entry.key} in 2 of 3 exams (knee_b, knee_c)"
    # Of another's masks in some exams it is named, and ranked.
    assert partly.notices[0].startswith(words) and "no rank" not in partly.notices[0]
    with pytest.raises(InputError, match="taught by: found nobody, expected some of reader1, reader2"):
        add_submission(board, "delta", near, reference, taught_by=["nobody"])


def test_a_missing_exam_is_said_and_counts_as_the_worst(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path)
    source = write_masks(tmp_path / "sent", 9, exams=EXAMS[:2])
    added = add_submission(board, "alpha", source, reference)
    assert added.notices == ["missing 1 of 3 exams, which count as Dice 0: knee_c"]
    full = add_submission(board, "beta", write_masks(tmp_path / "full", 9), reference)
    rows = standings(board).rows.set_index("key")
    assert rows.n_missing[added.entry.key] == 4
    given = board.dice(full.entry).query("level == 'level1' and left_out != '' and exam != 'knee_c'")
    assert rows.level1[added.entry.key] == pytest.approx(given.dice.sum() / 12)
    strict, reference = make_board(tmp_path / "strict", with_rules(missing="refuse"))
    with pytest.raises(WorkError, match="found no mask of knee_c"):
        add_submission(strict, "alpha", source, reference)
    assert not strict.entries()


def test_withdrawing_keeps_the_history(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path)
    source = write_masks(tmp_path / "sent", 9)
    entry = add_submission(board, "alpha", source, reference).entry
    gone, changed = withdraw(board, "alpha", "wrong masks")
    assert changed and gone.history[-1].reason == "wrong masks"
    assert not withdraw(board, entry.key, "")[1]
    assert standings(board).entries == [] and standings(board).withdrawn == [gone]
    with pytest.raises(InputError, match="reinstate"):
        add_submission(board, "alpha", source, reference)
    back, _ = reinstate(board, entry.key, "they were right")
    assert [event.event for event in back.history] == ["added", "withdrawn", "reinstated"]
    assert standings(board).entries == [back]
    assert board.dice(back).equals(board.dice(entry))


@pytest.mark.parametrize("team", ["../up", "reader1", "ALPHA", "<b>", "", "consensus", "a b"])
def test_names_that_would_mislead_are_refused(tmp_path: Path, team: str) -> None:
    board, reference = make_board(tmp_path)
    source = write_masks(tmp_path / "sent", 9)
    add_submission(board, "alpha", source, reference)
    before = bytes_of(board.root)
    with pytest.raises(InputError):
        add_submission(board, team, write_masks(tmp_path / "other", 10), reference)
    assert bytes_of(board.root) == before


def test_other_readers_masks_than_the_boards_are_refused(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path)
    shutil.rmtree(tmp_path / "readers" / "reader2")
    write_masks(tmp_path / "readers" / "reader2", 77)
    with pytest.raises(InputError, match="found others of reader2"):
        board.check_reference(reference)


def test_four_processes_add_three_submissions_each(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path, with_rules(submissions="all"))
    for number in range(4):
        for place in range(3):
            write_masks(tmp_path / "sent" / f"{number}_{place}", 100 + 5 * number + place)
    gate = CONTEXT.Barrier(4)
    processes = [CONTEXT.Process(target=add_three, args=(tmp_path, number, gate)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 4
    entries = board.entries()
    assert len(entries) == 12 and len({entry.key for entry in entries}) == 12
    assert not list(board.root.glob(".partial-*"))
    found = verify(board, reference)
    assert found.differences == [] and found.n_from_masks == 26 and found.n_entries == 12


def test_killed_at_any_moment_it_leaves_a_board_that_verifies(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path)
    for place in range(3):
        write_masks(tmp_path / "sent" / str(place), 50 + place)
    moments = random.Random(6)
    for number in range(4):
        process = CONTEXT.Process(target=add_forever, args=(tmp_path, number))
        process.start()
        deadline = time.monotonic() + 60
        while not (board.results / f"team{number}-0").exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.15))
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        assert verify(board).differences == []
    assert verify(board, reference).differences == []
    # The lock of a killed process does not hold up the next.
    assert add_submission(board, "after", tmp_path / "sent" / "0", reference).is_new
    assert len(board.entries()) >= 4


def test_costs_and_version_are_kept_and_measured_anew_they_change_nothing(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path)
    source = write_masks(tmp_path / "a", 9)
    about = Description(title="first", version="v2", parameters=31_000_000, seconds_per_exam=2.5)
    added = add_submission(board, "alpha", source, reference, about=about)
    assert board.find("alpha").about == about
    slower = about.model_copy(update={"seconds_per_exam": 3.0, "parameters": None})
    again = add_submission(board, "alpha", source, reference, about=slower)
    assert not again.is_new and again.entry == added.entry
    with pytest.raises(InputError, match="another description"):
        add_submission(board, "alpha", source, reference, about=about.model_copy(update={"version": "v3"}))
    with pytest.raises(InputError, match="version: found markup"):
        add_submission(board, "beta", source, reference, about=Description(version="<b>2</b>"))
