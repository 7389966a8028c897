"""The challenge's own page: the organiser's words escaped, the rest from the board."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from bmseg.leaderboard.challenge import Challenge, Day, Home, challenge_text, default_challenge
from bmseg.leaderboard.site import site_texts
from bmseg.leaderboard.site.home import HOME_FILE, home_page
from bmseg.leaderboard.site.overlays import slice_shown
from bmseg.leaderboard.standings import Standings
from bmseg.study import load_study
from tests.bmseg.leaderboard.site.checks import MADE, Page
from tests.bmseg.leaderboard.site.standings_fixture import standings

HOME = Home(
    task="Mark <b>all</b> levels.\n\nIn every exam.",
    data="Two sites.",
    submit="By e-mail.",
    contact="board@example.org",
    citation="Doe 2026",
    dates=[Day(date="2027-02-01", what="Closes"), Day(date="2026-12-01", what="Opens")],
)


def _with(board: Standings, home: Home) -> Standings:
    return replace(board, challenge=board.challenge.model_copy(update={"home": home}))


@pytest.fixture(scope="module")
def board() -> Standings:
    return standings(2, 5, bootstraps=5)


def test_it_says_what_the_organiser_wrote(board: Standings, tmp_path: Path) -> None:
    (tmp_path / HOME_FILE).write_text(site_texts(_with(board, HOME), made=MADE)[HOME_FILE])
    page = Page(tmp_path / HOME_FILE)
    for text in ("Mark <b>all</b> levels.", "In every exam.", "Two sites.", "By e-mail.", "Doe 2026"):
        assert text in page.text
    assert "b" not in page.elements
    assert page.text.index("Opens") < page.text.index("Closes")
    assert "mailto:board@example.org" in page.links and "index.html#rules" in page.links
    assert {"task", "data", "dates", "submit", "scored", "contact", "citation"} < set(page.identifiers)


def test_without_words_it_says_what_the_board_knows(board: Standings) -> None:
    page = home_page(board)
    assert page.data == [
        "5 test exams: 32 \u00d7 40 \u00d7 8 voxels of 0.9 \u00d7 0.9 \u00d7 3.5 mm. exams.json names them "
        "and their grids, and holds no mask. The readers' masks are not public."
    ]
    assert page.task[0] == "Mark the bone marrow signal of each exam, level by level."
    assert page.asked[1] == "Labels: 0 (background), 1 (Level 1), 2 (Level 2), 3 (Level 3)."
    text = site_texts(board, made=MADE)[HOME_FILE]
    assert 'id="dates"' not in text and 'id="contact"' not in text
    challenge = board.challenge.model_copy(update={"url": "https://example.org"})
    text = site_texts(replace(board, challenge=challenge), made=MADE)[HOME_FILE]
    assert 'href="https://example.org"' in text


@pytest.mark.parametrize(
    ("contact", "address"),
    [
        ("a.b@example.org", "mailto:a.b@example.org"),
        ("https://example.org/contact", "https://example.org/contact"),
        ("javascript:alert(1)", ""),
        ("a@example.org?cc=b@example.org", ""),
        ("ask the organiser", ""),
    ],
)
def test_only_mail_and_web_addresses_are_links(board: Standings, contact: str, address: str) -> None:
    assert home_page(_with(board, Home(contact=contact))).contact_link == address


def test_the_file_holds_it_and_days_may_be_written_without_quotes() -> None:
    challenge = default_challenge(load_study(), synthetic=True).model_copy(update={"home": HOME})
    text = challenge_text(challenge)
    assert Challenge.model_validate(tomllib.loads(text)) == challenge
    bare = text.replace('"2026-12-01"', "2026-12-01")
    assert bare != text and Challenge.model_validate(tomllib.loads(bare)) == challenge
    assert Day(date="20261201", what="x").date == "2026-12-01"
    for wrong in ("2026-13-01", "1 December"):
        with pytest.raises(ValidationError):
            Day(date=wrong, what="x")
    with pytest.raises(ValidationError):
        Home.model_validate({"task": "x", "prizes": "none"})


def test_the_slice_with_most_error_is_shown() -> None:
    consensus, submission = np.zeros((6, 6, 4), int), np.zeros((6, 6, 4), int)
    consensus[:4, :4, 0] = submission[:4, :4, 0] = 1  # most marked, and right
    consensus[:2, :2, 2], submission[:2, :2, 2] = 2, 1  # called lower
    submission[:3, 0, 3] = 1
    assert slice_shown(consensus, submission) == 2
    assert slice_shown(consensus, consensus) == 0
    assert slice_shown(consensus * 0, consensus * 0) == 0
