"""The image in Chromium: slices, windows, mask, colours, zoom; and a page that all can read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
from tests.bmseg.reading_room.visits import Visit  # noqa: E402

expect = sync_api.expect


def picture(visit: Visit) -> str:
    """What is on the canvas, after it was drawn."""
    drawn = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    return str(visit.page.evaluate(f"{drawn}.then(() => document.getElementById('canvas').toDataURL())"))


def middle(visit: Visit) -> tuple[float, float]:
    box = visit.page.locator("#stage").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.fixture
def reading(visit: Visit) -> Visit:
    visit.begin("AB")
    return visit


def test_slices_by_wheel_and_keys(reading: Visit) -> None:
    page, slice_of = reading.page, reading.page.locator("#slice")
    page.mouse.move(*middle(reading))
    seen = {picture(reading)}
    page.mouse.wheel(0, 100)
    expect(slice_of).to_have_text("Slice 4 of 6")
    seen.add(picture(reading))
    page.mouse.wheel(0, -100)
    page.mouse.wheel(0, -100)
    expect(slice_of).to_have_text("Slice 2 of 6")
    seen.add(picture(reading))
    assert len(seen) == 3
    page.locator("#stage").focus()
    for key, slice_ in (
        ("ArrowDown", 3), ("ArrowUp", 2), ("End", 6), ("ArrowDown", 6), ("Home", 1), (".", 2), (",", 1)
    ):  # fmt: skip
        page.keyboard.press(key)
        expect(slice_of).to_have_text(f"Slice {slice_} of 6")
    # On a line the arrows are its own, and the others still turn slices.
    reading.ruler("level1").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press(".")
    expect(slice_of).to_have_text("Slice 2 of 6")
    assert reading.ruler("level1").get_attribute("aria-valuetext") == "5.1 cm"
    expect(page.locator("#canvas")).to_have_attribute("aria-label", "Mask 1, slice 2 of 6")


def test_keys_in_a_comment_are_text(reading: Visit) -> None:
    comment = reading.page.get_by_label("Comment")
    comment.press_sequentially("n.m,1")
    expect(comment).to_have_value("n.m,1")
    expect(reading.page.locator("#slice")).to_have_text("Slice 3 of 6")
    expect(reading.page.locator("#title")).to_have_text("Mask 1 of 6")


def test_window_by_presets_and_by_dragging(reading: Visit) -> None:
    page = reading.page
    said = page.locator("#grey")
    standard = said.inner_text()
    seen = {picture(reading)}
    for name in ("bright", "wide", "narrow"):
        button = page.get_by_role("button", name=name)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        seen.add(picture(reading))
    assert len(seen) == 4
    page.keyboard.press("1")
    expect(said).to_have_text(standard)
    before = picture(reading)
    x, y = middle(reading)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=3)
    page.mouse.up()
    level, width = (float(text) for text in standard.replace("C", "").split("W"))
    now = [float(text) for text in said.inner_text().replace("C", "").split("W")]
    assert now[0] == pytest.approx(level, rel=0.02)
    assert now[1] > 1.15 * width
    page.mouse.down()
    page.mouse.move(x + 60, y + 60, steps=3)
    page.mouse.up()
    assert float(said.inner_text().replace("C", "").split("W")[0]) > level
    assert page.locator("#windows [aria-pressed=true]").count() == 0
    page.mouse.dblclick(x, y)
    expect(said).to_have_text(standard)
    assert picture(reading) == before
    for key, larger in (("d", True), ("a", False)):
        page.keyboard.press(key)
        assert (float(said.inner_text().split("W")[1]) > width) is larger
        page.keyboard.press("0")


def test_mask_opacity_colours_and_zoom(reading: Visit) -> None:
    page = reading.page
    with_mask = picture(reading)
    page.keyboard.press("m")
    without = picture(reading)
    expect(page.locator("#mask-shown")).to_have_attribute("aria-pressed", "false")
    assert without != with_mask
    page.get_by_role("button", name="Mask", exact=True).click()
    assert picture(reading) == with_mask
    page.keyboard.press("[")
    fainter = picture(reading)
    assert fainter not in (with_mask, without)
    page.get_by_label("Opacity").fill("0")
    assert picture(reading) == without
    page.get_by_label("Opacity").fill("50")
    page.get_by_label("Colours").select_option("safe")
    safe = picture(reading)
    assert safe != with_mask
    page.get_by_label("Colours").select_option("color")
    assert picture(reading) == with_mask
    page.locator("#stage").focus()
    page.keyboard.press("+")
    assert picture(reading) != with_mask
    page.keyboard.press("0")
    assert picture(reading) == with_mask


def test_display_is_kept_from_mask_to_mask(reading: Visit) -> None:
    page = reading.page
    page.keyboard.press("m")
    page.get_by_role("button", name="bright").click()
    page.keyboard.press("n")
    reading.shown(2)
    expect(page.locator("#mask-shown")).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("button", name="bright")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("p")
    reading.shown(1)


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1920, 1080)])
def test_everything_is_in_sight_and_can_be_read_by_all(
    browser: Any, page_file: Path, width: int, height: int
) -> None:
    visit, axe = Visit(browser, page_file, width, height), axe_api.Axe()
    page = visit.page

    def check() -> None:
        violations = axe.run(page, options={"preload": False, "resultTypes": ["violations"]}).response[
            "violations"
        ]
        assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []

    if width < 1900:
        check()
    visit.begin("AB")
    sizes = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    assert page.evaluate(sizes) == [width, height]
    for text in ("Synthetic cohort", "AB, scoring alone", "0 of 6 scored"):
        expect(page.get_by_text(text).first).to_be_in_viewport()
    for item in ("level1", "overall"):
        expect(visit.ruler(item)).to_be_in_viewport()
    expect(page.get_by_label("Comment")).to_be_in_viewport()
    page.get_by_label("Show centimetres").check()
    visit.click_at("level1", 3)
    # Each state once: the check takes longer than the page.
    if width < 1900:
        check()
    else:
        page.get_by_role("button", name="Finish").click()
        check()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Help").click()
        check()
        page.keyboard.press("Escape")
    visit.close()


def test_a_damaged_page_says_so(browser: Any, page_file: Path, tmp_path: Path) -> None:
    html = page_file.read_text()
    start = html.index('id="mask-1">') + len('id="mask-1">') + 20
    damaged = tmp_path / "page.html"
    damaged.write_text(html[:start] + "AAAA" + html[start + 4 :])
    visit = Visit(browser, damaged)
    visit.begin("AB")
    visit.page.get_by_role("button", name="Next mask").click()
    expect(visit.page.locator("#loading")).to_contain_text("the file is damaged")
    visit.context.close()
