"""The site in a browser, opened from disk: sorted, filtered, followed, at two widths and in both schemes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bmseg.leaderboard.challenge import Public
from bmseg.leaderboard.site import build_site
from bmseg.pages import write_page_list
from bmseg.workspace import Workspace
from tests.bmseg.leaderboard.site.standings_fixture import HOSTILE, Images, standings

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

WIDTHS, SCHEMES = (360, 768, 1600), ("light", "dark")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("browser") / "site"
    board = standings(7, 6, titles=HOSTILE[:2], public=Public(overlays=True), bootstraps=100)
    build_site(board, out, made={"seed": 2022}, overlays=Images())
    return out


class Visit:
    """A page in a context of its own, and what went wrong on it."""

    def __init__(self, browser: sync_api.Browser, site: Path, width: int, scheme: str) -> None:
        self.site = site
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfailed", lambda request: self.errors.append(request.url))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", lambda dialog: self.errors.append(dialog.message))
        self.open("index.html")

    def open(self, name: str) -> None:
        self.page.goto((self.site / name).as_uri())

    def follow(self, link: sync_api.Locator) -> None:
        """Click a link and wait for its page, style sheet and pictures included."""
        with self.page.expect_navigation(wait_until="load"):
            link.click()

    def names(self) -> list[str]:
        return self.page.locator("#board tbody tr:visible .team").all_inner_texts()

    def close(self) -> None:
        self.page.context.close()
        assert self.errors == []
        assert self.requests
        assert all(url.startswith((self.site.as_uri() + "/", "data:")) for url in self.requests)


@pytest.fixture
def visit(browser: sync_api.Browser, site: Path, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """The index; whatever a test does there, nothing may fail and no request may leave the folder."""
    width, scheme = getattr(request, "param", (1600, "light"))
    found = Visit(browser, site, width, scheme)
    yield found
    found.close()


@pytest.mark.parametrize(
    "visit", [(width, scheme) for width in WIDTHS for scheme in SCHEMES], indirect=True, ids=str
)
def test_pages_fit_and_can_be_read_by_all(visit: Visit) -> None:
    axe = axe_api.Axe()
    is_dark = visit.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    for name in ("index.html", "challenge.html", None):
        if name == "challenge.html":
            visit.open(name)
        if name is None:
            visit.open("index.html")
            visit.follow(visit.page.locator("#board tbody a").first)
            assert "/submissions/team-1--" in visit.page.url
        width, window = visit.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert width <= window
        visit.page.locator("img").evaluate_all("images => images.forEach((image) => image.scrollIntoView())")
        assert visit.page.locator("img").count() == {"index.html": 6, "challenge.html": 0}.get(str(name), 3)
        assert visit.page.evaluate(
            "Promise.all(Array.from(document.images, (image) => image.decode())).then(() => true)"
        )
        if (window, is_dark) in ((360, False), (1600, True)):
            # Each width and each scheme once. Without preloading, which asks for the style sheet from a
            # script: the page's policy forbids that.
            violations = axe.run(
                visit.page, options={"preload": False, "resultTypes": ["violations"]}
            ).response["violations"]
            assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []


def test_sort_by_click(visit: Visit) -> None:
    given = visit.names()
    score = visit.page.locator("#board th", has_text="Score")
    score.get_by_role("button").click()
    assert score.get_attribute("aria-sort") == "descending"
    descending = visit.names()
    score.get_by_role("button").click()
    assert score.get_attribute("aria-sort") == "ascending"
    assert visit.names() == descending[::-1]
    values = [float(text) for text in visit.page.locator("#board .score").all_inner_texts()]
    assert values == sorted(values)
    # Who has no rank comes last, in both directions.
    rank = visit.page.locator("#board th", has_text="Rank").first.get_by_role("button")
    for _ in range(2):
        rank.click()
        assert {"Reader 1", "Reader 2", "Reader 3", "Reader 4"} <= set(visit.names()[-5:])
    assert visit.page.locator("#board th[aria-sort]").count() == 1
    visit.page.get_by_role("button", name="Order of the board").click()
    assert visit.names() == given
    assert visit.page.locator("#board th[aria-sort]").count() == 0


def test_sort_by_keyboard(visit: Visit) -> None:
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    name = visit.page.locator("#board th", has_text="Submission or reader").get_by_role("button")
    for _ in range(40):
        visit.page.keyboard.press("Tab")
        if name.evaluate("button => button === document.activeElement"):
            break
    outline = name.evaluate("button => getComputedStyle(button).outlineStyle")
    assert outline == "solid"
    visit.page.keyboard.press("Enter")
    up = visit.names()
    assert up == sorted(up, key=str.casefold)
    visit.page.keyboard.press("Space")
    assert visit.names() == up[::-1]


def test_filter(visit: Visit) -> None:
    said = visit.page.locator("[data-filter] [role=status]")
    assert said.inner_text() == "12 of 12 lines shown"
    visit.page.get_by_label("Filter").fill("READER")
    # The consensus is one of the other readers.
    assert said.inner_text() == "5 of 12 lines shown"
    visit.page.get_by_role("combobox", name="Show").select_option(label="submissions")
    assert said.inner_text() == "0 of 12 lines shown"
    visit.page.get_by_label("Filter").fill("")
    assert said.inner_text() == "7 of 12 lines shown"
    assert all(name.startswith("team-") for name in visit.names())
    visit.page.get_by_role("button", name="Order of the board").click()
    # Not by wait_for_function: where it has to wait it evaluates a text, which the page's policy forbids.
    sync_api.expect(said).to_contain_text("12 of 12")


def test_the_address_keeps_sorting_and_filter_and_back_takes_them_back(visit: Visit) -> None:
    page, given = visit.page, visit.names()
    page.locator("#board th", has_text="Score").get_by_role("button").click()
    assert page.url.endswith("index.html?sort=score.descending")
    by_score = visit.names()
    page.get_by_label("Filter").fill("team")
    page.get_by_role("combobox", name="Show").select_option(label="submissions")
    assert page.url.endswith("?sort=score.descending&filter=team&show=submission+copy")
    shown = visit.names()
    address = page.url
    page.go_back()
    assert page.get_by_role("combobox", name="Show").input_value() == ""
    assert page.get_by_label("Filter").input_value() == "team"
    page.go_back()
    assert visit.names() == given and page.url.endswith("index.html")
    page.go_forward()
    assert page.locator("#board th[aria-sort=descending]").inner_text().startswith("Score")
    page.goto(address)
    assert visit.names() == shown == [name for name in by_score if name.startswith("team-")]
    # Whatever an address says, it is a page.
    page.goto((visit.site / "index.html").as_uri() + "?sort=no.where&show=x&compare=../a,b&by=?&filter=<b>")
    assert visit.names() == []
    page.get_by_role("button", name="Order of the board").click()
    sync_api.expect(page.locator("#board tbody tr:visible")).to_have_count(12)


def test_simulated_submissions_are_left_out_and_ranks_are_those_that_were_made(
    visit: Visit, site: Path
) -> None:
    rows = pd.read_csv(site / "rows_without_simulated.csv")
    page = visit.page
    switch = page.get_by_label("Leave out the 2 simulated")
    before = page.locator("#board tbody tr:visible").all_inner_texts()
    switch.check()
    assert page.url.endswith("?simulated=out")
    found = page.locator("#board tbody tr:visible").all_inner_texts()
    ranks = [text.split("\t")[0] for text in found]
    expected = [
        "\u2013" if np.isnan(row.rank) else f"{row.rank:g} ({row.rank_low:g}\u2013{row.rank_high:g})"
        for row in rows.itertuples()
    ]
    assert ranks == expected and len(found) == 10
    means = page.locator("#board tbody tr:visible td:nth-of-type(3)").all_inner_texts()
    assert means == ["\u2013" if np.isnan(value) else f"{value:.2f}" for value in rows["value"]]
    assert page.locator("ul.short:visible").count() == 1
    rank = page.locator("#board th", has_text="Rank").first.get_by_role("button")
    rank.click()
    rank.click()
    last = page.locator("#board tbody tr:visible td.rank data").evaluate_all(
        "all => all.map(one => one.value)"
    )
    assert list(map(float, last)) == sorted(rows["rank"].dropna(), reverse=True)
    assert page.locator("select[name=first] option:disabled").count() == 2
    page.get_by_role("button", name="Order of the board").click()
    sync_api.expect(switch).not_to_be_checked()
    sync_api.expect(page.locator("#board tbody tr:visible")).to_have_count(12)
    assert page.locator("#board tbody tr:visible").all_inner_texts() == before


def test_two_submissions_are_compared(visit: Visit, site: Path) -> None:
    page, said = visit.page, visit.page.locator("p.pair")
    first = page.get_by_role("combobox", name="First")
    first.select_option(index=1)
    page.get_by_role("combobox", name="Second").select_option(index=6)
    page.get_by_role("combobox", name="By").select_option(label="Level 1")
    assert "compare=team-2--" in page.url and page.url.endswith("&by=level1")
    # Their files come in a moment later; until then the sentence is of those that were chosen before.
    sync_api.expect(page.locator("#pair thead th").nth(1)).to_contain_text("team-2")
    sync_api.expect(page.locator("#pair thead th").nth(2)).to_contain_text("team-7")
    sync_api.expect(said).to_contain_text("exams the first is better in")
    sync_api.expect(said).to_contain_text("adjusted")
    scores = pd.read_csv(site / "scores.csv")
    own = scores[scores.level == "level1"].pivot(index="exam", columns="key", values="dice")
    keys = [next(key for key in own if key.startswith(f"team-{number}/")) for number in (2, 7)]
    cells = page.locator("#pair tbody tr td:nth-of-type(1) data").evaluate_all(
        "all => all.map((one) => Number(one.value))"
    )
    assert cells == pytest.approx(own[keys[0]].tolist(), abs=1e-8)
    apart = page.locator("#pair tbody tr td:nth-of-type(3) data").evaluate_all(
        "all => all.map((one) => Number(one.value))"
    )
    # Team 7 lacks an exam, which counts as 0.
    assert apart == pytest.approx((own[keys[0]] - own[keys[1]].fillna(0)).tolist(), abs=1e-8)
    assert "missing (0)" in page.locator("#pair").inner_text()
    page.locator("#pair th", has_text="Difference").get_by_role("button").click()
    values = page.locator("#pair tbody tr td:nth-of-type(3) data").evaluate_all(
        "all => all.map((one) => Number(one.value))"
    )
    assert values == sorted(apart, reverse=True)
    page.go_back()
    assert page.get_by_role("combobox", name="By").input_value() == "overall"
    visit.follow(page.locator("#board tbody a.team, #board tbody th a").first)
    visit.follow(page.get_by_role("link", name="Compare with another"))
    assert first.input_value().startswith("team-1--")
    sync_api.expect(said).to_contain_text("exams")


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ({}, "Clear: team-1"),
        ({"against": {"overall": [6]}}, ", adjusted), yet its rank is no better."),
        ({"but": {"6": ["level2"]}}, "has the better rank in Level 2."),
    ],
)
def test_a_pair_is_clear_where_tests_and_ranks_say_so(
    browser: sync_api.Browser, site: Path, tmp_path: Path, marks: dict[str, dict], said: str
) -> None:
    """Six exams tell nobody apart: the first team's file says that it is clearly better than the seventh."""
    copy = shutil.copytree(site, tmp_path / "site")
    (file,) = copy.glob("compare/team-1--*.js")
    call, data = file.read_text()[:-3].split(",", 1)
    held = json.loads(data)
    tests = held["tests"]
    tests["clear"]["overall"] = [6]
    for name, mark in marks.items():
        tests[name] |= mark
    file.write_text(f"{call},{json.dumps(held)});\n")
    visit = Visit(browser, copy, 1600, "light")
    visit.page.get_by_role("combobox", name="First").select_option(index=0)
    visit.page.get_by_role("combobox", name="Second").select_option(index=6)
    verdict = visit.page.locator("p.pair")
    sync_api.expect(verdict).to_contain_text(said)
    sync_api.expect(verdict).to_contain_text("Not settled" if marks else "is better than team-7")
    visit.close()


def test_a_submission_is_followed_and_back(visit: Visit) -> None:
    visit.follow(visit.page.locator("#board a", has_text="<script>alert(1)</script>"))
    assert "<script>alert(1)</script>" in visit.page.locator("h1").inner_text()
    exams = visit.page.locator("table", has_text="Dice of every exam")
    exams.get_by_role("button", name="Level 1").click()
    values = exams.locator("tbody tr td:nth-of-type(1)").all_inner_texts()
    assert len(values) == 6
    assert values == sorted(values)
    visit.follow(visit.page.get_by_role("link", name="Leaderboard"))
    assert visit.page.url.endswith("/index.html")


def test_in_a_workspace_the_board_leads_to_its_pages_and_on_a_web_host_to_none(
    browser: sync_api.Browser, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path, "Dataset501_X")
    site = workspace.leaderboard / "site"
    build_site(standings(7, 6, bootstraps=100), site, made={"in_workspace": True})
    workspace.report.parent.mkdir()
    workspace.report.write_text("<title>The report</title>")
    write_page_list(workspace)
    submission = next((site / "submissions").glob("*.html"))
    page = browser.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for at, current in ((site / "index.html", ["Leaderboard"]), (submission, [])):
            page.goto(at.as_uri())
            bar = page.get_by_role("navigation", name="Pages")
            assert bar.locator("a:visible").all_inner_texts() == ["Report", "Leaderboard"]
            assert bar.locator("[aria-current=page]").all_inner_texts() == current
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    bar.get_by_role("link", name="Leaderboard").click()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Report").click()
    assert page.title() == "The report"
    asked = []

    def served(route: sync_api.Route) -> None:
        path = route.request.url.removeprefix("http://board.example/")
        asked.append(path)
        route.fulfill(path=site / path)

    page.route("http://board.example/**", served)
    page.goto("http://board.example/index.html", wait_until="load")
    assert not page.locator("nav.bar").count()
    assert "index.html" in asked and not [path for path in asked if "pages" in path]
    assert faults == []
    page.goto(submission.as_uri())
    assert not axe_api.Axe().run(page).response["violations"]
    page.close()


def test_without_scripts_the_table_is_there_and_no_dead_control(
    browser: sync_api.Browser, site: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    assert page.locator("#board tbody tr").count() == 12
    assert page.locator("button:visible, input:visible, select:visible").count() == 0
    assert not page.locator("#compare").is_visible()
    # And every rank is that of all submissions.
    assert page.locator("[data-set=alone]:visible").count() == 0
    context.close()


def test_print_hides_controls_and_fits_a_sheet(visit: Visit) -> None:
    visit.page.emulate_media(media="print")
    # A4 with margins of 1 cm, at 96 pixels an inch.
    visit.page.set_viewport_size({"width": 718, "height": 1000})
    right = "all => Math.max(...all.map((one) => one.getBoundingClientRect().right))"
    assert visit.page.locator("table:not(.wide), img").evaluate_all(right) <= 718
    # Of many columns, it is turned.
    assert visit.page.locator("#board").get_attribute("class") == "board wide"
    assert visit.page.locator("#board").evaluate_all(right) <= 1047
    assert visit.page.locator(".controls:visible").count() == 0
    assert visit.page.locator("#board").is_visible()
