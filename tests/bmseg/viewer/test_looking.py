"""The viewer in Chromium, from disk, with real events: addresses, slices, outlines, differences, foci."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
from evaluation.masks.differing import difference  # noqa: E402
from tests.bmseg.viewer.exams import NAMES, SPACING, exam, write  # noqa: E402
from tests.support.pages import WIDTHS, axe_findings, overflowing  # noqa: E402

expect = sync_api.expect
expect.set_options(timeout=20_000)

ML = float(np.prod(SPACING)) / 1000


class Look:
    """A page in a browser profile of its own."""

    def __init__(self, browser: Any, file: Path, width: int = 1366, height: int = 900) -> None:
        self.file = file
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, asked: str = "", shown: str | None = NAMES[0]) -> Any:
        self.page.goto(self.file.as_uri() + asked)
        if shown:
            expect(self.page.locator("body")).to_have_attribute("data-shown", shown)
        return self.page

    def picture(self) -> str:
        """What is on the canvas, after it was drawn."""
        drawn = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        return str(self.page.evaluate(f"{drawn}.then(() => document.getElementById('canvas').toDataURL())"))


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("viewer") / "a b" / "exams")


@pytest.fixture
def look(browser: Any, viewer: Path) -> Iterator[Look]:
    found = Look(browser, viewer)
    yield found
    found.context.close()
    assert found.errors == []
    # Nothing but the page and its exams, from where it lies.
    folder = viewer.parent.as_uri()
    assert [url for url in found.asked if not url.startswith((folder, "data:", "blob:"))] == []


def test_an_address_opens_exam_slice_rater_and_level(look: Look) -> None:
    page = look.open("#exam=knee_093&slice=7&rater=reader2&level=level1%2B3", "knee_093")
    expect(page.locator("#slice")).to_have_text("Slice 7 of 7")
    expect(page.get_by_role("radio", name="Compare reader2")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Show reader2")).to_be_checked()
    expect(page.locator("#area")).to_have_value("level1+3")
    # One exam was loaded, and no other.
    assert len([url for url in look.asked if url.endswith(".js")]) == 1
    # The same page, another address: as from a link beside it.
    page.evaluate("window.location.hash = '#exam=knee%201%20%26%202&slice=2&rater=net'")
    expect(page.locator("body")).to_have_attribute("data-shown", NAMES[0])
    expect(page.locator("#slice")).to_have_text("Slice 2 of 7")
    expect(page.locator("#area")).to_have_value("")
    page.keyboard.press(".")
    expect(page).to_have_url(re.compile(r"#exam=knee\+1\+%26\+2&slice=3&rater=net$"))


def test_an_address_of_what_is_not_here_says_so(look: Look) -> None:
    page = look.open("#exam=knee_1&slice=x&rater=vnet&level=level2")
    expect(page.locator("#said")).to_have_text(
        "The address names what is not here: rater vnet, level level2, exam knee_1, slice x."
    )


def wrong(name: str, rater: str, values: list[int] | None = None) -> np.ndarray:
    """Voxels of each kind, kind by slice: as the figures of the report count them."""
    masks = exam(name).masks
    kinds = difference(masks["yardstick"], masks[rater], values)
    return np.array([(kinds == kind).sum(axis=(0, 1)) for kind in range(5)])


def test_it_opens_on_the_slice_with_most_difference_and_says_how_much(look: Look) -> None:
    for rater in ("net", "reader2"):
        page = look.open(f"#exam=knee_093&rater={rater}", "knee_093")
        counts = wrong("knee_093", rater)
        most = int(counts[2:].sum(axis=0).argmax()) + 1
        expect(page.locator("#slice")).to_have_text(f"Slice {most} of 7")
        _, other, much, little = counts.sum(axis=1)[1:]
        said = page.locator("#difference").inner_text()
        for words, number in ((f"only {rater}", much), ("only yardstick", little), ("other level", other)):
            found = re.search(rf"{words} ([\d.]+) ml", said)
            assert (float(found[1]) if found else 0) == pytest.approx(number * ML, abs=0.006)
        assert f"Most on slice {most}." in said
        page.goto("about:blank")
    # A reader who made the yardstick is flattered by it.
    page = look.open("#exam=knee_093&rater=reader1", "knee_093")
    expect(page.locator("#own")).to_have_text(
        "reader1 is one of those who made the yardstick, which flatters reader1 here. "
        "The Dice in the table are fair."
    )
    expect(page.locator("#difference")).to_contain_text("no voxel differs")
    page.get_by_role("radio", name="Compare net", exact=True).check()
    expect(page.locator("#own")).to_have_text(
        "net learned from masks of reader2, one of those who made the yardstick."
    )
    page.locator("#against").select_option("reader2")
    expect(page.locator("#own")).to_have_text("net learned from masks of reader2.")
    page.locator("#against").select_option("reader1")
    expect(page.locator("#own")).to_have_text("")


def test_of_one_level_another_level_is_no_plain_error(look: Look) -> None:
    page = look.open("#exam=knee_093&rater=reader2&level=level3", "knee_093")
    masks = exam("knee_093").masks
    ours, theirs = masks["reader2"], masks["yardstick"]
    either = (ours == 3) != (theirs == 3)
    expected = {
        "only reader2": (either & (theirs == 0)).sum(),
        "only yardstick": (either & (ours == 0)).sum(),
        "other level": (either & (ours > 0) & (theirs > 0)).sum(),
    }
    said = page.locator("#difference").inner_text()
    for words, number in expected.items():
        found = re.search(rf"{words} ([\d.]+) ml", said)
        assert (float(found[1]) if found else 0) == pytest.approx(number * ML, abs=0.006)


def test_slices_by_wheel_keys_and_bar(look: Look) -> None:
    page = look.open("#slice=4")
    said = page.locator("#slice")
    seen = {look.picture()}
    page.locator("#stage").hover()
    page.mouse.wheel(0, 100)
    expect(said).to_have_text("Slice 5 of 7")
    seen.add(look.picture())
    for key, slice_ in (("ArrowUp", 4), (",", 3), (".", 4), ("Home", 1), ("End", 7), ("ArrowDown", 7)):
        page.keyboard.press(key)
        expect(said).to_have_text(f"Slice {slice_} of 7")
    bar = page.locator("#slices")
    box = page.locator("#slices svg").bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.5 / 7 * box["width"], box["y"] + 3)
    expect(said).to_have_text("Slice 1 of 7")
    seen.add(look.picture())
    assert len(seen) == 3
    bar.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    # The focus that net misses is on slice 6: 36 voxels of level 3.
    level1 = int((exam(NAMES[0]).masks["yardstick"][..., 5] == 1).sum())
    of_level1 = f"level1 {level1}, " if level1 else ""
    expect(bar).to_have_attribute(
        "aria-valuetext", f"Slice 6 of 7: voxels of {of_level1}level3 36, only yardstick {36 + level1}"
    )


def test_outlines_differences_and_colours_are_switched(look: Look) -> None:
    page = look.open("#slice=6")
    both = look.picture()
    seen = {both}
    for key in "em":
        page.keyboard.press(key)
        seen.add(look.picture())
    assert len(seen) == 3
    page.keyboard.press("e")
    page.keyboard.press("m")
    assert look.picture() == both
    page.get_by_role("checkbox", name="Show yardstick").uncheck()
    assert look.picture() != both
    page.get_by_role("checkbox", name="Show yardstick").check()
    page.get_by_label("Colours").select_option("rater")
    by_rater = look.picture()
    assert by_rater != both
    page.get_by_label("Colours").select_option("color")
    assert look.picture() == both
    # Of a level that is not on the slice there is no outline.
    page.locator("#area").select_option("level3")
    page.get_by_role("button", name="bright").click()
    expect(page.get_by_role("button", name="bright")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("+")
    zoomed = look.picture()
    page.keyboard.press("0")
    assert look.picture() != zoomed


def test_outlines_are_as_large_as_what_they_enclose(look: Look) -> None:
    """Shoelace: the area inside of the loops of a level is its number of voxels, holes and all."""
    page = look.open()
    rng = np.random.default_rng(4)
    for shape in ((1, 1), (7, 5), (20, 30)):
        mask = rng.integers(0, 3, shape)
        areas = page.evaluate(
            """([mask, width, height]) => {
              const areas = {};
              for (const [value, loops] of outlines(mask, 0, width, height, [0, 1, 1])) {
                areas[value] = loops.reduce((total, flat) => {
                  let twice = 0;
                  for (let i = 0; i < flat.length; i += 4) {
                    const next = (i + 4) % flat.length;
                    twice += flat[i] * flat[next + 1] - flat[next] * flat[i + 1];
                  }
                  return total + twice / 2;
                }, 0);
              }
              return areas;
            }""",
            [mask.ravel().tolist(), shape[1], shape[0]],
        )
        assert areas == {str(value): int((mask == value).sum()) for value in (1, 2) if (mask == value).any()}


def test_foci_lead_to_their_slice(look: Look) -> None:
    page = look.open("#exam=knee_093&slice=1", "knee_093")
    expect(page.locator("#foci-said")).to_have_text("net: 1 found, 1 missed.")
    assert page.locator("#foci button").all_inner_texts() == ["missed level3, 0.10 ml, slice 6"]
    before = look.picture()
    page.get_by_role("button", name="missed level3").click()
    expect(page.locator("#slice")).to_have_text("Slice 6 of 7")
    marked = look.picture()
    assert marked != before
    page.get_by_label("with those that were found").check()
    page.locator("#stage").focus()
    page.keyboard.press("f")
    expect(page.locator("#slice")).to_have_text("Slice 3 of 7")
    page.keyboard.press("Shift+F")
    expect(page.locator("#slice")).to_have_text("Slice 6 of 7")
    # Of another rater there are others.
    page.keyboard.press("r")
    expect(page.locator("#foci-said")).to_contain_text("reader1: none listed")


def test_exams_by_keys_and_raters_who_did_not_draw(look: Look) -> None:
    page = look.open("#rater=unet&slice=3")
    expect(page.locator("#difference")).to_have_text("unet did not draw this exam.")
    expect(page.get_by_role("checkbox", name="Show unet")).to_be_disabled()
    row = page.locator("tr", has=page.get_by_role("radio", name="Compare net", exact=True))
    assert row.locator("td.number").all_inner_texts() == ["0.95", "0.50", "0.80"]
    page.keyboard.press("n")
    expect(page.locator("body")).to_have_attribute("data-shown", "knee_093")
    expect(page.locator("#next")).to_be_disabled()
    page.keyboard.press("p")
    expect(page.locator("body")).to_have_attribute("data-shown", NAMES[0])
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_what_is_missing_or_damaged_is_said(browser: Any, tmp_path: Path) -> None:
    page_file = write(tmp_path / "exams")
    file = page_file.parent / "knee_093.js"
    whole = file.read_text()
    place = whole.index("text") + 60
    for text, said in (
        (None, "knee_093.js cannot be read: expected beside this page; copy the whole folder."),
        ("x y", "knee_093.js is damaged or of another evaluation than this page: make both again."),
        (re.sub(r"build.{20}", r'build\\": \\"0000', whole, count=1), "knee_093.js is damaged or of another"),
        (whole[:place] + "AAAA" + whole[place + 4 :], "knee_093.js is damaged: get a new copy of it."),
    ):
        if text is None:
            file.unlink()
        else:
            file.write_text(text)
        look = Look(browser, page_file)
        page = look.open("#exam=knee_093", None)
        expect(page.locator("#loading")).to_contain_text(said)
        # The others are there.
        page.keyboard.press("p")
        expect(page.locator("body")).to_have_attribute("data-shown", NAMES[0])
        look.context.close()


def test_without_an_image_masks_lie_on_black(browser: Any, tmp_path: Path) -> None:
    look = Look(browser, write(tmp_path / "exams", image=False))
    page = look.open("#slice=6")
    expect(page.locator("#grey")).to_have_text("no image")
    expect(page.get_by_role("button", name="bright")).to_be_disabled()
    with_lines = look.picture()
    for key in "daws10":
        page.keyboard.press(key)
    page.keyboard.press("m")
    page.keyboard.press("e")
    assert look.picture() != with_lines
    look.context.close()
    assert look.errors == []


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_for_everybody(look: Look, dark: bool) -> None:
    look.page.emulate_media(color_scheme="dark" if dark else "light")
    for width in WIDTHS:
        look.page.set_viewport_size({"width": width, "height": 900})
        page = look.open("#exam=knee_093&rater=reader2", "knee_093")
        assert overflowing(page) == []
        if width == WIDTHS[0] or not dark:
            assert axe_findings(page) == []
        page.goto("about:blank")
    page = look.open()
    page.get_by_role("button", name="Help").click()
    assert axe_findings(page) == []
