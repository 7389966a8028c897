"""The site in a browser, opened from disk: sorted, filtered, followed, at two widths and in both schemes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bmseg.leaderboard.challenge import Public
from bmseg.leaderboard.site import build_site
from tests.bmseg.leaderboard.site.standings_fixture import HOSTILE, Images, standings

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

WIDTHS, SCHEMES = (360, 1600), ("light", "dark")


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
    for name in ("index.html", None):
        if name is None:
            visit.follow(visit.page.locator("#board tbody a").first)
            assert "/submissions/team-1--" in visit.page.url
        width, window = visit.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert width <= window
        visit.page.locator("img").evaluate_all("images => images.forEach((image) => image.scrollIntoView())")
        assert visit.page.locator("img").count() == (5 if name else 3)
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
        assert {"reader1", "reader2", "reader3", "reader4"} <= set(visit.names()[-5:])
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
    assert up == sorted(up)
    visit.page.keyboard.press("Space")
    assert visit.names() == up[::-1]


def test_filter(visit: Visit) -> None:
    said = visit.page.get_by_role("status")
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


def test_a_submission_is_followed_and_back(visit: Visit) -> None:
    visit.follow(visit.page.locator("#board a", has_text="<script>alert(1)</script>"))
    assert "<script>alert(1)</script>" in visit.page.locator("h1").inner_text()
    exams = visit.page.locator("table", has_text="Dice of every exam")
    exams.get_by_role("button", name="level1").click()
    values = exams.locator("tbody tr td:nth-of-type(1)").all_inner_texts()
    assert len(values) == 6
    assert values == sorted(values)
    visit.follow(visit.page.get_by_role("link", name="Leaderboard"))
    assert visit.page.url.endswith("/index.html")


def test_without_scripts_the_table_is_there_and_no_dead_control(
    browser: sync_api.Browser, site: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    assert page.locator("#board tbody tr").count() == 12
    assert page.locator("button:visible, input:visible, select:visible").count() == 0
    context.close()


def test_print_hides_controls(visit: Visit) -> None:
    visit.page.emulate_media(media="print")
    assert not visit.page.locator(".controls").is_visible()
    assert visit.page.locator("#board").is_visible()
