"""A board over time: the best score by hand, and the board as of a day told from its ledger."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bmseg.errors import InputError, WorkError
from bmseg.leaderboard import adding, history
from bmseg.leaderboard.adding import add_submission, reinstate, withdraw
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.entries import Entry, Event
from bmseg.leaderboard.history import moment_of, over_time
from bmseg.leaderboard.ledger import LEDGER_FILE
from bmseg.leaderboard.publish import publish
from bmseg.leaderboard.scoring import Reference
from bmseg.leaderboard.standings import standings
from bmseg.leaderboard.verify import verify
from tests.bmseg.leaderboard.boards import make_board, with_rules, write_masks
from tests.bmseg.leaderboard.site.checks import Page
from tests.support.command_line import bmseg


def _day(day: int) -> str:
    return f"2026-11-{day:02d}T12:00:00.000000Z"


def _entry(team: str, submission: str, *events: tuple[int, str], simulated: bool = False) -> Entry:
    return Entry.model_construct(
        None, team=team, submission=submission, simulated=simulated,
        history=[Event.model_validate({"date": _day(day), "event": event}) for day, event in events],
    )  # fmt: skip


def test_the_best_score_by_hand() -> None:
    entries = [
        _entry("a", "1", (1, "added")),
        _entry("b", "1", (2, "added"), (4, "withdrawn"), (6, "reinstated")),
        _entry("a", "2", (3, "added")),
        _entry("sim", "1", (1, "added"), simulated=True),
    ]
    scores = {"a/1": 0.5, "b/1": 0.7, "a/2": 0.4, "sim/1": 0.9}
    found = over_time(entries, scores, "latest")
    assert list(zip(found.date.str[8:10], found.key, found.best, found.best_key, strict=True)) == [
        ("01", "a/1", 0.5, "a/1"),
        ("01", "sim/1", 0.5, "a/1"),
        ("02", "b/1", 0.7, "b/1"),
        ("03", "a/2", 0.7, "b/1"),
        ("04", "b/1", 0.4, "a/2"),  # of team a the latest counts, which is worse
        ("06", "b/1", 0.7, "b/1"),
    ]
    assert over_time(entries, scores, "all").best.tolist()[4] == 0.5
    alone = over_time(entries[3:], scores, "latest")
    assert alone.best.tolist() == [0.9]  # nobody but simulated ones
    first = over_time([entries[3], entries[1]], scores, "latest").best.tolist()
    assert math.isnan(first[0]) and math.isnan(first[2])  # before any team, and when it was withdrawn


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Board, Reference]:
    """Three submissions: added on days 1, 5 and 12, the first of them away from day 8 to 20."""
    board, reference = make_board(tmp_path, with_rules(bootstraps=100))
    monkeypatch.setattr(history, "now", lambda: _day(28))

    def on(day: int) -> None:
        monkeypatch.setattr(adding, "now", lambda: _day(day))

    on(1)
    first = add_submission(board, "alpha", write_masks(tmp_path / "a", 9), reference).entry
    on(5)
    add_submission(board, "beta", write_masks(tmp_path / "b", 10, noise=1), reference)
    on(8)
    withdraw(board, first.key, "by mistake")
    on(12)
    add_submission(board, "gamma", write_masks(tmp_path / "c", 11, noise=0.1), reference)
    on(20)
    reinstate(board, first.key, "")
    return board, reference


def test_a_day_has_the_board_that_stood_then(board: tuple[Board, Reference]) -> None:
    def teams(day: str) -> tuple[set[str], set[str]]:
        found = standings(board[0], moment_of(board[0], f"2026-11-{day}") if day else "")
        assert found.as_of[8:10] == day
        return {entry.team for entry in found.entries}, {entry.team for entry in found.withdrawn}

    assert teams("01") == ({"alpha"}, set())
    assert teams("07") == ({"alpha", "beta"}, set())
    assert teams("08") == ({"beta"}, {"alpha"})
    assert teams("19") == ({"beta", "gamma"}, {"alpha"})
    assert teams("20") == teams("") == ({"alpha", "beta", "gamma"}, set())
    # Before there was anything the readers stand alone.
    assert teams("") != teams("08")
    before = standings(board[0], "2026-10-01T00:00:00.000000Z")
    assert before.rankings is None and before.over_time.empty
    # Ranks of a day are those of a board that has only its submissions.
    then = standings(board[0], moment_of(board[0], "2026-11-07")).rows.set_index("key")
    assert set(then["rank"].dropna()) == {1, 2} and then.rank_high.max() == 2


def test_a_page_of_a_day_lies_beside_the_board_and_is_verified(board: tuple[Board, Reference]) -> None:
    publish(board[0], None, None)
    table, written = publish(board[0], None, None, as_of="2026-11-08")
    assert written and "As the board stood at the end of 2026-11-08 (UTC)." in table.notes
    assert not publish(board[0], None, None, as_of="2026-11-08")[1]
    # What is to be opened is what was written.
    words = ("--board", board[0].root, "-w", board[0].root / "none")
    said = bmseg("leaderboard", "build", *words, "--as-of", "2026-11-08").stderr
    assert f"open: {board[0].root / 'site-2026-11-08' / 'index.html'}" in said
    assert f"open: {board[0].site / 'index.html'}" in bmseg("leaderboard", "build", *words).stderr
    site = board[0].root / "site-2026-11-08"
    page = Page(site / "index.html")
    assert "Leaderboard as of 2026-11-08" in page.text and "told from\nits ledger" in page.text
    assert "gamma" not in page.text
    assert "gamma" in Page(board[0].site / "index.html").text
    assert verify(board[0], drawings=False).differences == []
    (site / "rows.csv").write_text((site / "rows.csv").read_text().replace("beta", "gamma", 1))
    assert any("site-2026-11-08/rows.csv: line " in one for one in verify(board[0]).differences)
    site.rename(board[0].root / "site-2026-11-09")
    assert any("found a page as of 2026-11-08" in one for one in verify(board[0]).differences)


@pytest.mark.parametrize("day", ["2026-13-01", "yesterday", "20261108", "2026-11-8", "2026-11-29"])
def test_what_is_no_day_that_has_been_is_refused(board: tuple[Board, Reference], day: str) -> None:
    with pytest.raises(InputError, match="^as_of: found .*expected a day"):
        moment_of(board[0], day)


def test_a_day_needs_a_ledger_that_says_so(board: tuple[Board, Reference]) -> None:
    record = next(board[0].results.glob("gamma/*/submission.toml"))
    record.write_text(record.read_text().replace("2026-11-12", "2026-11-02"))
    with pytest.raises(WorkError, match="found another record than ledger.jsonl has the hash of"):
        moment_of(board[0], "2026-11-08")
    (board[0].root / LEDGER_FILE).unlink()
    with pytest.raises(WorkError, match="found no ledger"):
        moment_of(board[0], "2026-11-08")
