"""The atlas in a browser, opened from disk: no fault, no request, all pictures, at two widths and schemes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")


def test_opens_from_disk_and_is_accessible(made: tuple[Path, str], browser: Any) -> None:
    faults: list[str] = []
    address = (made[0] / "atlas.html").as_uri()
    for width, scheme in ((360, "dark"), (768, "light"), (1600, "light")):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda request: (
                faults.append(request.url) if not request.url.startswith((address, "data:")) else None
            ),
        )
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        broken = "Array.from(document.images).filter((image) => !image.naturalWidth).length"
        assert page.evaluate(broken) == 0
        # The policy let the style through, and a mask lies exactly on its image.
        both = page.locator(".pic:has(img + img)").first
        image, mask = (both.locator("img").nth(place).bounding_box() for place in (0, 1))
        # R on the left as the patient is seen, and L on the right.
        edges = [both.locator(".edge span").nth(place) for place in (0, 1)]
        assert [edge.inner_text() for edge in edges] == ["R", "L"]
        assert edges[0].bounding_box()["x"] < edges[1].bounding_box()["x"]
        assert image == mask
        before = image["width"]
        page.get_by_label("large").check()
        grown = both.locator("img").first.bounding_box()["width"]
        assert grown > 2 * before if width == 1600 else grown >= before
        page.get_by_label("small").check()
        if width == 768:
            continue
        violations = (
            axe_api.Axe()
            .run(page, options={"preload": False, "resultTypes": ["violations"]})
            .response["violations"]
        )
        assert [one["id"] for one in violations] == []
    assert faults == []


@pytest.fixture
def page(made: tuple[Path, str], browser: Any) -> Iterator[Any]:
    found = browser.new_page(viewport={"width": 1600, "height": 900}, color_scheme="light")
    faults: list[str] = []
    found.on("console", lambda message: faults.append(message.text))
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.goto((made[0] / "atlas.html").as_uri())
    yield found
    assert faults == []
    found.close()


def _focused(page: Any) -> str:
    return page.evaluate("document.activeElement.getAttribute('aria-label')")


def test_masks_are_hidden_and_shown_by_keys(page: Any) -> None:
    masks = page.locator("img.mask:visible")
    n = masks.count()
    page.keyboard.press("h")
    assert page.get_by_label("hidden until asked for").is_checked() and masks.count() == 0
    page.keyboard.press("n")
    first = _focused(page)
    page.keyboard.press("m")
    # Of this example alone: two beside each other, and a close-up under each window.
    shown = masks.count()
    assert 0 < shown < n
    reveal = page.locator("figure:focus [data-do=reveal]")
    assert reveal.get_attribute("aria-pressed") == "true"
    page.keyboard.press("n")
    assert _focused(page) != first
    page.keyboard.press("p")
    assert _focused(page) == first
    page.keyboard.press("m")
    assert masks.count() == 0
    page.emulate_media(media="print")
    assert masks.count() == n and page.locator(".turn:visible, .bar:visible").count() == 0
    page.emulate_media(media="screen")
    page.keyboard.press("h")
    assert masks.count() == n
    page.keyboard.press("m")
    assert masks.count() == n - shown


def test_slices_are_turned_by_keys_and_buttons(page: Any) -> None:
    page.keyboard.press("n")
    figure = page.locator("figure.example").first
    own, sources = int(figure.get_attribute("data-slice")), set()
    image = figure.locator(".pic > img").first
    before = image.get_attribute("src")
    # The tiny exams have three slices.
    for number in range(1, 4):
        page.keyboard.press("Home")
        for _ in range(3):
            page.keyboard.press("ArrowUp")
        for _ in range(number - 1):
            page.keyboard.press("ArrowDown")
        said = figure.locator("output").inner_text()
        assert said.startswith(f"slice {number}") and (f"of slice {own}" in said) == (number != own)
        assert f"slice {number}" in image.get_attribute("alt")
        sources.add(image.get_attribute("src"))
    assert len(sources) == 3
    assert not figure.locator("[data-do=on]").is_enabled()
    figure.locator("[data-do=back]").click()
    page.keyboard.press("Home")
    assert image.get_attribute("src") == before


def test_dark_by_key_and_pictures_before_their_text(page: Any) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.keyboard.press("d")
    assert page.evaluate(paper) != light and page.get_by_label("dark", exact=True).is_checked()
    page.keyboard.press("d")
    assert page.evaluate(paper) == light
    order = (
        "Array.from(document.querySelectorAll('figure:has(.pic)')).every((one) => "
        "one.querySelector('.pic').compareDocumentPosition(one.querySelector('figcaption')) & 4)"
    )
    assert page.evaluate(order)
    first = "document.querySelector('.pic').compareDocumentPosition(document.getElementById('about')) & 4"
    assert page.evaluate(first)
