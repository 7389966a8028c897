"""The built site in Chromium, from disk: it is searched, it fits, it asks nothing of a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build" / "docs" / "html"
PAGES = ["index", "tutorials/python", "reference/commands/score", "explanation/sources"]


@pytest.fixture(scope="module")
def site() -> str:
    start = SITE / "index.html"
    if not start.is_file():
        pytest.skip("the documentation is not built: make docs")
    sources = [path for path in (ROOT / "docs").rglob("*") if path.suffix in (".md", ".py", ".css", ".png")]
    if max(path.stat().st_mtime for path in sources) > start.stat().st_mtime:
        pytest.skip("the documentation is older than its pages: make docs")
    return SITE.as_uri()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context()
    found = context.new_page()
    found.asked = []
    found.on("request", lambda request: found.asked.append(request.url))
    yield found
    assert [url for url in found.asked if not url.startswith(("file:", "data:"))] == []
    context.close()


def test_it_is_searched_from_disk(site: str, page: Any) -> None:
    page.goto(f"{site}/search.html?q=unanimous")
    page.wait_for_selector("ul.search li a")
    assert "explanation/consensus.html" in " ".join(
        link.get_attribute("href") for link in page.query_selector_all("ul.search li a")
    )


@pytest.mark.parametrize("name", PAGES)
def test_pages_fit(site: str, page: Any, name: str) -> None:
    page.goto(f"{site}/{name}.html")
    for width in (360, 768, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", "tutorials/python"])
def test_axe_finds_nothing(site: str, browser: Any, name: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{site}/{name}.html")
    found = axe.run(page).response["violations"]
    context.close()
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
