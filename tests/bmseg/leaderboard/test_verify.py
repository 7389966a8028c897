"""Verification finds whatever was changed by hand, and says where."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bmseg.leaderboard.adding import add_submission
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.entries import Entry, write_entry
from bmseg.leaderboard.scoring import Reference
from bmseg.leaderboard.verify import in_one_line, verify
from bmseg.outputs import provenance
from tests.bmseg.leaderboard.boards import AFFINE, make_board, with_rules, write_masks


@pytest.fixture
def board(tmp_path: Path) -> tuple[Board, Reference, Entry]:
    """A board with two submissions, one of which misses an exam."""
    board, reference = make_board(tmp_path, with_rules(bootstraps=200))
    add_submission(board, "beta", write_masks(tmp_path / "b", 11, exams=["knee_a", "knee_b"]), reference)
    entry = add_submission(board, "alpha", write_masks(tmp_path / "a", 9), reference).entry
    return board, reference, entry


def _dice(board: Board, entry: Entry) -> Path:
    return board.folder(entry.key) / "dice.csv"


def _rehashed(board: Board, entry: Entry) -> None:
    """As a forger does who knows of the hash."""
    hashed = entry.model_copy(update={"dice_sha256": provenance.file_hash(_dice(board, entry))})
    write_entry(hashed, board.folder(entry.key))


def test_an_untouched_board_verifies_with_and_without_masks(board: tuple[Board, Reference, Entry]) -> None:
    found = verify(board[0], board[1])
    assert found.differences == []
    # Twelve exam-levels against five consensuses, twice, and four readers' own.
    assert (found.n_scores, found.n_entries, found.n_from_masks) == (2 * 12 * (5 + 12) + 12 * (4 + 14), 2, 6)
    without = verify(board[0])
    assert (without.differences, without.n_from_masks) == ([], 0)


def _better(lines: list[str]) -> list[str]:
    cells = lines[1].split(",")
    return [lines[0], ",".join([*cells[:3], "0.999", *cells[4:]]), *lines[2:]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_better, "dice: found 0.999"),
        (lambda lines: lines[:-1], "1 rows missing"),
        (lambda lines: [*lines, lines[-1]], "1 rows repeated"),
        (lambda lines: [*lines[:-1], lines[-1].replace("knee_c", "knee_z")], "1 rows unexpected"),
        (lambda lines: [lines[0], lines[1].replace("scored", "missing"), *lines[2:]], "status missing"),
        (lambda lines: [lines[0].replace("left_out", "left"), *lines[1:]], "cannot be read"),
    ],
)
def test_a_changed_score_is_found(
    board: tuple[Board, Reference, Entry], change: Callable[[list[str]], list[str]], said: str
) -> None:
    path = _dice(board[0], board[2])
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    assert any("has the hash of" in line or "cannot" in line for line in verify(board[0]).differences)
    _rehashed(board[0], board[2])
    assert said in in_one_line(verify(board[0]).differences)


def test_consistent_counts_that_the_masks_do_not_give_are_found_from_the_masks(
    board: tuple[Board, Reference, Entry],
) -> None:
    path = _dice(board[0], board[2])
    lines = path.read_text().splitlines()
    exam, level, left_out, _, status, tp, _, _, n_reference, _ = lines[1].split(",")
    perfect = [exam, level, left_out, "1", status, n_reference, "0", "0", n_reference, n_reference]
    assert tp != n_reference
    path.write_text("\n".join([lines[0], ",".join(perfect), *lines[2:]]) + "\n")
    _rehashed(board[0], board[2])
    assert verify(board[0]).differences == []
    assert "line 2: found knee_a,level1,,1,scored" in in_one_line(verify(board[0], board[1]).differences)


def test_changed_masks_readers_and_records_are_found(
    board: tuple[Board, Reference, Entry], tmp_path: Path
) -> None:
    opened, reference, entry = board
    mask = opened.masks(entry.key) / "knee_a.nii.gz"
    kept = mask.read_bytes()
    nib.save(nib.Nifti1Image(np.zeros((24, 20, 6), np.uint8), AFFINE), mask)
    assert "expected those that were submitted" in in_one_line(verify(opened, reference).differences)
    mask.write_bytes(kept)

    path = opened.root / "readers.csv"
    readers = path.read_text()
    path.write_text(readers.replace("reader1", "reader9", 1))
    assert "reference.json has the hash of" in in_one_line(verify(opened).differences)
    path.write_text(readers)

    moved = opened.results / "gamma" / entry.submission
    shutil.copytree(opened.folder(entry.key), moved)
    assert "as the folder is called" in in_one_line(verify(opened).differences)
    shutil.rmtree(moved.parent)

    shutil.rmtree(tmp_path / "readers" / "reader3")
    write_masks(tmp_path / "readers" / "reader3", 99)
    assert "found others of reader3" in in_one_line(verify(opened, reference).differences)


def test_what_a_stopped_process_left_is_named_and_not_read(board: tuple[Board, Reference, Entry]) -> None:
    (board[0].root / ".partial-x" / "entry").mkdir(parents=True)
    found = verify(board[0])
    assert found.differences == [] and ".partial-x: left by a process" in found.notices[0]
