"""What a board lacks is added whatever stopped the process that added it before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bmseg.errors import WorkError
from bmseg.leaderboard.adding import add_submission
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.challenge import CHALLENGE_FILE, challenge_text
from bmseg.leaderboard.completing import complete
from bmseg.leaderboard.scoring import Reference
from bmseg.leaderboard.standings import standings
from bmseg.leaderboard.verify import verify
from tests.bmseg.leaderboard.boards import make_board, open_board, with_rules, write_masks

FEWER = {"level1": 1.0, "level1 hd95": 1.0}
MORE = FEWER | {"level1 nsd@readers": 1.0}
#: Files that `complete` puts in place then, in order: a table comes right before its record.
FILES = [
    ".lock-holder",
    "ledger.jsonl", "exams.json", "readers_measures.csv", "reference.json", "ledger.jsonl",
    "ledger.jsonl", "measures.csv", "submission.toml", "ledger.jsonl",
]  # fmt: skip
Made = tuple[Path, Reference, str]


class Stopped(BaseException):
    """As KeyboardInterrupt, at which pytest would end."""


def ask(board: Board, weights: dict[str, float]) -> Board:
    text = challenge_text(with_rules(weights=weights, bootstraps=100))
    (board.root / CHALLENGE_FILE).write_text(text)
    return Board.open(board.root)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A board with a submission that is ranked by HD95; and the submission's key."""
    root = tmp_path_factory.mktemp("completed")
    board, reference = make_board(root)
    assert complete(ask(board, FEWER), reference) == ["the readers"]
    board = Board.open(board.root)
    key = add_submission(board, "alpha", write_masks(root / "alpha", 40), reference).entry.key
    return root, reference, key


def copied(made: Made, to: Path) -> tuple[Board, Reference]:
    shutil.copytree(made[0], to, dirs_exist_ok=True)
    board, reference = open_board(to)
    reference._known.update(made[1]._known)
    reference._others.update(made[1]._others)
    return board, reference


def stop_after(n: int, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Stop the process when it is to put a file in place after n others."""
    put: list[Path] = []
    replace = Path.replace

    def stopped(path: Path, target: Path) -> Path:
        if len(put) == n:
            raise Stopped
        put.append(target)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", stopped)
    return put


@pytest.mark.parametrize("n", range(2, len(FILES)))
def test_a_stopped_init_is_made_good_by_the_next(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    board, reference = copied(made, tmp_path)
    board = ask(board, MORE)
    with monkeypatch.context() as patched:
        stop_after(n, patched)
        with pytest.raises(Stopped):
            complete(board, reference)
    board = Board.open(board.root)
    # Stopped before the last line of the ledger, all is there.
    assert bool(complete(board, reference)) == (n < len(FILES) - 1)
    board = Board.open(board.root)
    assert standings(board).rows.key.tolist().count(made[2]) == 1
    assert complete(board, reference) == []
    found = verify(board, reference)
    assert found.differences == [] and found.n_from_masks == 2 * 3


def test_all_moments_are_tried(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board, reference = copied(made, tmp_path)
    board = ask(board, MORE)
    put = stop_after(len(FILES), monkeypatch)
    assert complete(board, reference) == ["the readers", made[2]]
    assert [path.name for path in put] == FILES


@pytest.mark.parametrize("name", ["measures.csv", "ways.csv", "readers_measures.csv", "readers_ways.csv"])
def test_a_table_that_is_not_as_on_record_is_reported_and_made_again(
    made: Made, tmp_path: Path, name: str
) -> None:
    board, reference = copied(made, tmp_path)
    of_readers = name.startswith("readers")
    path = (board.root if of_readers else board.folder(made[2])) / name
    before = path.read_text()
    path.write_text(before.replace("0.", "0.1", 1))
    found = verify(board, reference).differences
    record = "reference.json" if of_readers else "submission.toml"
    assert f"{path}: found other contents than {record} has the hash of" in found
    whose = "the readers" if of_readers else made[2]
    assert complete(board, reference) == [f"{whose} (made again, not as on record: {name})"]
    assert path.read_text() == before
    path.unlink()
    assert complete(board, reference) == [f"{whose} (made again, not as on record: {name})"]
    assert verify(board, reference).differences == []


def test_where_tables_are_asked_for_no_more_they_are_made_good_too(made: Made, tmp_path: Path) -> None:
    board, reference = copied(made, tmp_path)
    for path in (board.folder(made[2]) / "measures.csv", board.root / "readers_measures.csv"):
        path.write_text("")
    board = ask(board, {"level1": 1.0})
    assert len(complete(board, reference)) == 2
    board = Board.open(board.root)
    assert verify(board, reference).differences == []
    assert complete(ask(board, FEWER), reference) == ["the readers", made[2]]


def test_without_masks_such_a_table_is_named(made: Made, tmp_path: Path) -> None:
    board, reference = copied(made, tmp_path)
    path = board.folder(made[2]) / "measures.csv"
    path.write_text(path.read_text() + "\n")
    shutil.rmtree(board.masks(made[2]))
    with pytest.raises(WorkError, match="measures.csv: cannot be read as a table of scores .*; restore it"):
        complete(board, reference)
