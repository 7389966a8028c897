"""A board's viewer of exams: only where the organiser publishes it, and never a reader's own mask."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmseg.leaderboard.challenge import Public
from bmseg.leaderboard.site import Overlay, build_site, is_made, recorded_overlays, site_record, site_texts
from bmseg.leaderboard.site.heat import heat_map
from bmseg.leaderboard.standings import Standings
from bmseg.leaderboard.texts import plain
from bmseg.viewer.links import worst_slice
from dataset_conversion.images import Volume
from tests.bmseg.leaderboard.site.checks import MADE, Page
from tests.bmseg.leaderboard.site.standings_fixture import HOSTILE, Images, standings
from tests.support.files import bytes_of
from tests.support.pages import axe_findings, overflowing


@pytest.fixture(scope="module")
def board() -> Standings:
    return standings(3, 3, titles=HOSTILE[:3], public=Public(overlays=True, viewer=True), bootstraps=5)


@pytest.fixture(scope="module")
def site(board: Standings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("viewing") / "site"
    build_site(board, out, made=MADE, overlays=Images(lacking="exam003"))
    return out


def _exam(site: Path, name: str) -> dict[str, Any]:
    text = (site / "exams" / f"{name}.js").read_text(encoding="utf-8")
    match = re.fullmatch(r"bmsegExam\(JSON\.parse\((.*)\)\);\n", text)
    assert match
    return json.loads(json.loads(match[1]))


def test_it_holds_consensus_and_submissions_that_are_at_hand(site: Path, board: Standings) -> None:
    assert sorted(path.name for path in (site / "exams").iterdir()) == [
        "exam001.js", "exam002.js", "index.html",
    ]  # fmt: skip
    shown = [entry for entry in board.entries if entry.team in ("team-1", "team-2")]
    exam = _exam(site, "exam001")
    assert set(exam["masks"]) == {"consensus", *(entry.page_name for entry in shown)}
    scores = board.scores[board.scores.exam == "exam001"].set_index(["key", "level"]).dice
    for entry in shown:
        for level, dice in exam["dice"][entry.page_name].items():
            assert dice == pytest.approx(scores[entry.key, level], abs=1e-4)
    text = (site / "exams" / "index.html").read_text(encoding="utf-8")
    assert not any(plain(title) in text for title in HOSTILE[:3]) and "<script>alert" not in text
    assert "Synthetic" in text


def test_cells_and_worst_exams_lead_to_it(site: Path, board: Standings) -> None:
    entry = next(entry for entry in board.entries if entry.team == "team-1")
    links = Page(site / "submissions" / f"{entry.page_name}.html").links
    own = [link for link in links if "/exams/index.html#" in link]
    # Two exams and their four columns each, and the same two among the worst.
    assert len(own) == 2 * (1 + 4) + 2
    address = f"../exams/index.html#exam=exam001&rater={entry.page_name}"
    assert own.count(address) == 2 and f"{address}&level=level2%2B3" in own
    other = next(entry for entry in board.entries if entry.team == "team-3")
    assert not any(
        "exams/index" in link for link in Page(site / "submissions" / f"{other.page_name}.html").links
    )
    index = Page(site / "index.html").links
    assert {"exams/index.html#exam=exam001", "exams/index.html#exam=exam002"} <= set(index)
    assert not any("exam003" in link for link in index)


def test_it_is_on_record_and_made_again_from_it(site: Path, board: Standings, tmp_path: Path) -> None:
    record = site_record(site)
    assert list(record["viewed"]) == ["exam001", "exam002"]
    texts = site_texts(board, made=MADE, why_not=recorded_overlays(record), viewed=record["viewed"])
    made = bytes_of(site)
    assert {name: made[name] for name in texts} == {name: text.encode() for name, text in texts.items()}
    assert is_made(board, site, made=MADE, overlays=Images(lacking="exam003"))
    assert not is_made(board, site, made=MADE, overlays=Images())
    build_site(board, tmp_path / "again", made=MADE, overlays=Images(lacking="exam003"))
    assert bytes_of(tmp_path / "again") == made


@pytest.mark.usefixtures("quick_figures")
def test_it_is_there_only_where_the_organiser_says_so(tmp_path: Path) -> None:
    board = standings(2, 3, public=Public(overlays=True), bootstraps=5)
    build_site(board, tmp_path / "site", made=MADE, overlays=Images())
    assert not (tmp_path / "site" / "exams").exists()
    assert not any(
        "exams/" in link for page in (tmp_path / "site").rglob("*.html") for link in Page(page).links
    )


def test_an_exam_opens_from_disk(site: Path, board: Standings, browser: Any) -> None:
    faults: list[str] = []
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((site.as_uri() + "/", "data:", "blob:"))
            else faults.append(request.url)
        ),
    )
    entry = next(entry for entry in board.entries if entry.team == "team-1")
    page.goto((site / "submissions" / f"{entry.page_name}.html").as_uri())
    exams = page.locator("table", has_text="Dice of every exam")
    with page.expect_navigation(wait_until="load"):
        exams.get_by_role("link", name="exam001").click()
    page.locator("canvas[aria-label^='exam001, slice']").wait_for()
    assert faults == []
    page.close()


class _Missed(Images):
    """Marks of level 2 that the first team lacks in one place, the second in another."""

    def read(self, key: str, exam: str) -> Overlay:  # noqa: ARG002
        consensus = np.zeros((60, 40, 8), np.uint8)
        consensus[10:30, 8:32, 2:6] = 2
        submission = consensus.copy()
        submission[:, 11 if key.startswith("team-1/") else 25] = 0
        affine = np.diag([0.9, 0.9, 3.5, 1.0])
        return Overlay(np.full(consensus.shape, 100.0), consensus, submission, affine)


def test_the_heat_map_holds_the_scores_and_leads_where_there_is_something_to_see(
    site: Path, board: Standings
) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    (held,) = re.findall(r'<script type="application/json" data-heat>(.*?)</script>', text)
    heat = json.loads(held)
    assert heat["exams"] == [
        ["exam001", "exams/index.html#exam=exam001"], ["exam002", "exams/index.html#exam=exam002"],
        ["exam003", ""],
    ]  # fmt: skip
    assert heat["levels"][2:] == [["level3", "Level 3"], ["level2+3", "Levels 2 and 3"]]
    scores = board.scores.set_index(["key", "level", "exam"])
    rows = board.rows[board.rows.kind != "average_reader"]
    assert len(heat["rows"]) == len(rows)
    for key, row in zip(rows.key, heat["rows"], strict=True):
        for (level, _), own in zip(heat["levels"], row["dice"], strict=True):
            for (exam, _), cell in zip(heat["exams"], own, strict=True):
                dice, status = scores.loc[(key, level, exam), ["dice", "status"]]
                expected = {"undefined": None, "missing": "x"}.get(status) or round(100 * dice)
                assert cell == (None if status == "undefined" else expected)
        assert (row["unseen"] == []) == (not row["rater"]) or key.startswith(("team-1/", "team-2/"))
    assert heat_map(board, {}) == {}


@pytest.mark.usefixtures("quick_figures")
def test_a_cell_of_the_heat_map_leads_to_its_exam_on_the_worst_slice(tmp_path: Path, browser: Any) -> None:
    board = standings(3, 3, public=Public(overlays=True, viewer=True), bootstraps=5)
    build_site(board, tmp_path / "site", made=MADE, overlays=_Missed())
    faults: list[str] = []
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    for entry in (entry for entry in board.entries if entry.team in ("team-1", "team-2")):
        page.goto((tmp_path / "site" / "index.html").as_uri())
        cell = page.get_by_role("link", name=re.compile(f"^{entry.team}.*, exam002, Level 2: "))
        scores = board.scores[(board.scores.key == entry.key) & (board.scores.exam == "exam002")]
        dice = scores.set_index("level").dice["level2"]
        assert cell.inner_text() == f"{dice:.2f}"
        with page.expect_navigation(wait_until="load"):
            cell.click()
        overlay = _Missed().read(entry.key, "exam002")
        masks = [
            Volume(each, overlay.affine).stored_as("coronal")
            for each in (overlay.submission, overlay.consensus)
        ]
        n, on = masks[0].array.shape[2], worst_slice(masks[0].array, masks[1].array, [2])
        page.locator(f"canvas[aria-label^='exam002, slice {on} of {n}']").wait_for()
    assert faults == []
    page.close()


def test_the_heat_map_is_walked_by_keyboard(site: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.goto((site / "index.html").as_uri())
    table = page.locator(".heat table").first
    assert table.locator("a[tabindex='0']").count() == 1
    start = table.locator("a").first
    start.focus()
    page.keyboard.press("ArrowRight")
    assert table.locator("a").nth(1).evaluate("link => link === document.activeElement")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    assert start.evaluate("link => link === document.activeElement")
    assert overflowing(page) == [] and axe_findings(page) == []
    page.close()
