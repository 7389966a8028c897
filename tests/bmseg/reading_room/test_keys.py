"""A reader with a keyboard: few keys a mask, one stop for all numbers, a bar of slices; a narrow screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
from bmseg.reading_room.records import draw_order  # noqa: E402
from bmseg.study import Level  # noqa: E402
from tests.bmseg.reading_room.visits import Visit, answers  # noqa: E402
from tests.support.pages import axe_findings, overflowing  # noqa: E402
from tests.support.rooms import LEVELS, content, page_of, reader  # noqa: E402

expect = sync_api.expect

#: One key a line, and what it gives, cm.
KEYS = {"Home": 0.0, "End": 10.0, "Enter": 5.0, "PageUp": 6.0, "PageDown": 4.0}
PLACES = draw_order([f"knee_{number}" for number in range(15)], ["consensus", "nnunet"], 5)


@pytest.fixture(scope="module")
def thirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 30 masks with four lines each."""
    file = tmp_path_factory.mktemp("thirty") / "reading_room.html"
    levels = [*LEVELS, Level(value=3, name="level3", description="highly increased", color="#ffe100")]
    file.write_text(page_of(PLACES, levels=levels).html, encoding="utf-8")
    return file


@pytest.fixture
def visit(browser: Any, thirty: Path) -> Iterator[Visit]:
    found = Visit(browser, thirty)
    yield found
    found.close()


def shown(visit: Visit, mask: int) -> None:
    expect(visit.page.locator("body")).to_have_attribute("data-shown", str(mask))


def begin(visit: Visit) -> None:
    visit.page.get_by_label("Initials or a code").fill("AB")
    visit.page.get_by_role("radio", name="Alone").check()
    visit.page.get_by_role("button", name="Begin").click()
    shown(visit, 1)


def test_thirty_masks_with_eight_keys_a_mask(visit: Visit, tmp_path: Path) -> None:
    begin(visit)
    items, pressed, names = ["level1", "level2", "level3", "overall"], 0, list(KEYS)
    wanted: dict[int, dict[str, float]] = {}
    for mask in range(1, 31):
        shown(visit, mask)
        wanted[mask] = {}
        for line, item in enumerate(items):
            key = names[(mask * 3 + line * (1 + mask % 2)) % len(names)]
            wanted[mask][item] = KEYS[key]
            for each in [key, "Tab"] if line < 3 else [key, "n"]:
                visit.page.keyboard.press(each)
                pressed += 1
    assert pressed == 8 * 30
    expect(visit.page.locator("#progress")).to_have_text("30 of 30 scored")
    assert answers(visit.save("Save a copy", tmp_path)) == wanted


def test_after_n_the_first_line_has_the_focus_and_up_and_down_set_no_score(visit: Visit) -> None:
    begin(visit)
    page, first = visit.page, visit.ruler("level1")
    expect(first).to_be_focused()
    page.keyboard.press("n")
    shown(visit, 2)
    expect(first).to_be_focused()
    for key, slice_ in (("ArrowDown", 4), ("ArrowUp", 3), ("ArrowUp", 2)):
        page.keyboard.press(key)
        expect(page.locator("#slice")).to_have_text(f"Slice {slice_} of 5")
    expect(first).to_have_attribute("aria-valuetext", "not scored yet")
    page.keyboard.press("3")
    expect(page.get_by_role("button", name="wide")).to_have_attribute("aria-pressed", "true")
    expect(first).to_have_attribute("aria-valuetext", "not scored yet")
    # Who asked for numbers may give them.
    page.get_by_label("Show centimetres").check()
    first.focus()
    page.keyboard.press("3")
    expect(first).to_have_attribute("aria-valuetext", "3.0 cm")
    page.keyboard.press("n")
    shown(visit, 3)
    expect(first).to_have_attribute("aria-valuetext", "not scored yet")


def test_numbers_are_one_stop(visit: Visit) -> None:
    begin(visit)
    page = visit.page
    numbers = page.locator("#masks button")
    assert numbers.evaluate_all("all => all.filter((one) => one.tabIndex === 0).length") == 1
    page.keyboard.press("Shift+Tab")
    expect(numbers.nth(0)).to_be_focused()
    for key, number in (("ArrowRight", 2), ("End", 30), ("ArrowRight", 30), ("ArrowLeft", 29), ("Home", 1)):
        page.keyboard.press(key)
        expect(numbers.nth(number - 1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    below = numbers.evaluate_all("all => all.indexOf(document.activeElement)")
    assert below > 1
    page.keyboard.press("Enter")
    shown(visit, below + 1)
    page.keyboard.press("Tab")
    expect(visit.ruler("level1")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(numbers.nth(below)).to_be_focused()


def test_the_bar_says_where_the_mask_lies_and_turns_slices(visit: Visit, thirty: Path) -> None:
    begin(visit)
    page, bar = visit.page, visit.page.locator("#slices")
    place = PLACES[0]
    mask = reader()(place.exam).masks[place.origin]
    counts = [int((mask[:, :, 2] == value).sum()) for value in (1, 2)]
    expect(bar).to_have_attribute(
        "aria-valuetext", f"Slice 3 of 5: voxels of level1 {counts[0]}, level2 {counts[1]}"
    )
    box = page.locator("#slices svg").bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 5)
    expect(page.locator("#slice")).to_have_text("Slice 5 of 5")
    bar.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#slice")).to_have_text("Slice 4 of 5")
    expect(bar).to_have_attribute("aria-valuenow", "4")
    # A mark a level and slice, and one of where one is; no more is told of a mask than its own voxels.
    assert page.locator("#slices rect").count() == 1 + 2 * 5
    assert content(thirty.read_text())["masks"][0] == {"image": 0}


@pytest.mark.parametrize("width", [360, 768])
def test_on_a_narrow_screen_nothing_is_cut(browser: Any, thirty: Path, width: int) -> None:
    visit = Visit(browser, thirty, width, 800)
    begin(visit)
    page = visit.page
    assert overflowing(page) == []
    if width == 360:
        assert axe_findings(page) == []
    points = page.locator("[data-item=overall] .anchors li")
    points.last.scroll_into_view_if_needed()
    assert [re.sub(r"\s+", " ", text) for text in points.all_inner_texts()] == [
        "1 perfect", "2 minor corrections", "3 major corrections", "4 rejected",
    ]  # fmt: skip
    boxes = [points.nth(place).bounding_box() for place in range(4)]
    edges = [edge for box in boxes if box for edge in (box["x"], box["x"] + box["width"])]
    assert edges[0] >= 0 and edges[-1] <= width
    assert all(
        points.nth(place).evaluate("one => one.scrollWidth <= one.clientWidth + 1") for place in range(4)
    )
    # The line is shorter here, and still means the same.
    visit.click_at("overall", 7.5)
    expect(visit.ruler("overall")).to_have_attribute("aria-valuetext", re.compile(r"7\.[456] cm"))
    visit.close()
