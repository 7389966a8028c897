"""Verification finds whatever was changed by hand, and says where."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bmseg.errors import WorkError
from bmseg.leaderboard.adding import add_submission, withdraw
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.entries import Entry, entry_text, write_entry
from bmseg.leaderboard.ledger import LEDGER_FILE, now
from bmseg.leaderboard.publish import publish
from bmseg.leaderboard.scoring import Reference
from bmseg.leaderboard.verification import in_one_line
from bmseg.leaderboard.verify import verify
from bmseg.outputs import provenance
from tests.bmseg.leaderboard.boards import AFFINE, make_board, open_board, with_rules, write_masks


@pytest.fixture(scope="module")
def board_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Reference]:
    """A folder with a board of two submissions, one of which misses an exam."""
    root = tmp_path_factory.mktemp("verified")
    board, reference = make_board(root, with_rules(bootstraps=200))
    add_submission(board, "beta", write_masks(root / "b", 11, exams=["knee_a", "knee_b"]), reference)
    add_submission(board, "alpha", write_masks(root / "a", 9), reference)
    return root, reference


@pytest.fixture
def board(board_once: tuple[Path, Reference], tmp_path: Path) -> tuple[Board, Reference, Entry]:
    """Such a board, to be changed at will, and the submission that misses nothing."""
    root, known = board_once
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    board, reference = open_board(tmp_path)
    reference._known.update(known._known)
    return board, reference, board.find("alpha")


def _dice(board: Board, entry: Entry) -> Path:
    return board.folder(entry.key) / "dice.csv"


def _rehashed(board: Board, entry: Entry) -> None:
    """As a forger does who knows of the hash, and takes the ledger away."""
    (board.root / LEDGER_FILE).unlink()
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
        (lambda lines: lines[:-1], "1 row missing"),
        (lambda lines: [*lines, lines[-1]], "1 row repeated"),
        (lambda lines: [*lines[:-1], lines[-1].replace("knee_c", "knee_z")], "1 row unexpected"),
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


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, (path, old)
    path.write_text(text.replace(old, new, 1))


def drop_line(path: Path, place: int) -> None:
    lines = path.read_text().splitlines(keepends=True)
    del lines[place]
    path.write_text("".join(lines))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A board with three submissions, one withdrawn, and its page."""
    root = tmp_path_factory.mktemp("published")
    board, reference = make_board(root, with_rules(bootstraps=200))
    for team, seed in (("alpha", 9), ("beta", 11), ("gamma", 12)):
        add_submission(board, team, write_masks(root / team, seed), reference)
    withdraw(board, "gamma", "by the team")
    publish(board, None, None)
    assert verify(board).differences == []
    return board.root


def _entry(root: Path, team: str) -> Path:
    (path,) = (root / "results" / team).glob("*/submission.toml")
    return path


def _swap(root: Path) -> None:
    """One team's scores under another's name, records and hashes included."""
    one, two = _entry(root, "alpha").parent, _entry(root, "beta").parent
    texts = [(folder / "submission.toml").read_text() for folder in (one, two)]
    shutil.move(one, root / "aside")
    shutil.move(two, one.parent / two.name)
    shutil.move(root / "aside", two.parent / one.name)
    (two.parent / one.name / "submission.toml").write_text(texts[0].replace('"alpha"', '"beta"'))
    (one.parent / two.name / "submission.toml").write_text(texts[1].replace('"beta"', '"alpha"'))


def _foreign(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("<p>better than all</p>")


MUTATIONS: dict[str, tuple[Callable[[Path], object], str]] = {
    "entry deleted": (lambda root: shutil.rmtree(_entry(root, "beta").parents[1]), "it was taken away"),
    "withdrawn entry deleted": (
        lambda root: shutil.rmtree(_entry(root, "gamma").parent),
        "it was taken away",
    ),
    "date moved": (lambda root: edit(_entry(root, "alpha"), 'date = "20', 'date = "19'), "another record"),
    "withdrawal undone": (
        lambda root: edit(_entry(root, "gamma"), 'event = "withdrawn"', 'event = "reinstated"'),
        "another record",
    ),
    "title edited": (
        lambda root: edit(_entry(root, "alpha"), 'title = ""', 'title = "best"'),
        "another record",
    ),
    "simulated edited": (
        lambda root: edit(_entry(root, "alpha"), "simulated = false", "simulated = true"),
        "another record",
    ),
    "two swapped": (_swap, "does not know"),
    "entry added by hand": (
        lambda root: shutil.copytree(_entry(root, "alpha").parent, root / "results/delta/4213e96773e3"),
        "delta",
    ),
    "rule edited": (
        lambda root: edit(root / "reference.json", '"multilabel"', '"majority"'),
        "consensus_rule: found majority, expected multilabel",
    ),
    "seed edited": (lambda root: edit(root / "reference.json", '"seed": 0', '"seed": 1'), "another record"),
    "ledger line taken out": (lambda root: drop_line(root / LEDGER_FILE, 3), "does not follow"),
    "ledger cut": (lambda root: drop_line(root / LEDGER_FILE, -1), "no line of the hash"),
    "ledger date moved": (
        lambda root: edit(root / LEDGER_FILE, '"event": "added"', '"event": "added "'),
        "does not follow",
    ),
    "file in results": (lambda root: _foreign(root / "results/alpha/notes.html"), "no part of a submission"),
    "file in a submission": (
        lambda root: _foreign(_entry(root, "alpha").parent / "notes.html"),
        "no part of a submission",
    ),
    "masks of nobody": (lambda root: _foreign(root / "masks/delta/1/a.nii.gz"), "no submission on the board"),
    "page of no team": (
        lambda root: _foreign(root / "site/submissions/delta--1.html"),
        "no part of the page",
    ),
    "rows removed": (
        lambda root: drop_line(_entry(root, "alpha").parent / "dice.csv", 5),
        "1 row missing",
    ),
    "readers without names": (
        lambda root: edit(root / "readers.csv", "exam,rater,", "exam,who,"),
        "no column rater",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_was_changed_by_hand_is_found(published: Path, tmp_path: Path, name: str) -> None:
    root = Path(shutil.copytree(published, tmp_path / "board"))
    change, says = MUTATIONS[name]
    change(root)
    found = verify(Board.open(root))
    lines = found.notices if name == "masks of nobody" else found.differences
    assert any(says in line for line in lines), lines


def test_a_figure_edited_with_its_hash_is_drawn_again(published: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(published, tmp_path / "board"))
    figure = sorted((root / "site" / "figures").glob("*.svg"))[0]
    record = json.loads((root / "site" / "provenance.json").read_text())
    edit(figure, "</svg>", "<!-- better --></svg>")
    record["outputs"][f"figures/{figure.name}"] = provenance.file_hash(figure)
    (root / "site" / "provenance.json").write_text(json.dumps(record))
    assert verify(Board.open(root)).differences == []
    (difference,) = verify(Board.open(root), drawings=True).differences
    assert difference == f"{figure}: found another drawing than the results give"


@pytest.mark.parametrize("value", ["7", "inf", "-3", "1e30", "text"])
def test_damaged_scores_are_not_published(published: Path, tmp_path: Path, value: str) -> None:
    root = Path(shutil.copytree(published, tmp_path / "board"))
    for name in (_entry(root, "alpha").parent / "dice.csv", root / "readers.csv"):
        sound = name.read_text()
        lines = sound.splitlines()
        name.write_text("\n".join([lines[0], lines[1].rpartition(",")[0] + f",{value}", *lines[2:]]) + "\n")
        with pytest.raises(WorkError, match="other contents than its record has the hash of"):
            publish(Board.open(root), None, None)
        name.write_text(sound)


@pytest.mark.parametrize("text", ["", "[]", "null", "\0", "[" * 5000, '{"masks_sha256": [1]}', "{}"])
def test_a_damaged_record_of_the_readers_is_named(published: Path, tmp_path: Path, text: str) -> None:
    root = Path(shutil.copytree(published, tmp_path / "board"))
    (root / "reference.json").write_text(text)
    with pytest.raises(WorkError, match=r"reference\.json: .*; restore the file"):
        Board.open(root)


def test_a_killed_change_leaves_a_board_that_verifies(published: Path, tmp_path: Path) -> None:
    """Between the ledger's two lines, before and after the record is written."""
    for written in (False, True):
        root = Path(shutil.copytree(published, tmp_path / f"board{written}"))
        board = Board.open(root)
        entry = board.find("alpha")
        changed = entry.model_copy(update={"simulated": True})
        stopped = board.noted("completed", entry.key, now(), entry_text(changed))
        stopped.__enter__()
        if written:
            write_entry(changed, board.folder(entry.key))
        shutil.rmtree(root / "site")
        assert verify(board).differences == []
        assert stopped is not None
