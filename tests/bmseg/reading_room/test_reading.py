"""Readers in Chromium score six masks, with mouse and with keyboard alone, until Table 2 comes out."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path

import pandas as pd
import pytest

from tests.bmseg.reading_room.rooms_on_disk import ITEMS
from tests.support.browsers import chromium
from tests.support.command_line import assert_refused, bmseg
from tests.support.rooms import scores_record

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
from tests.bmseg.reading_room.visits import Visit, answers  # noqa: E402

expect = sync_api.expect


def wanted(mask: int, item: str) -> float:
    """What a reader gives: every mask and item another, ends and middle of the line among them."""
    return ((mask - 1) * 17 + ITEMS.index(item) * 25) % 101 / 10


def typed(mask: int, item: str) -> float:
    """What she gives by keys: every item of a mask another, and few keys each."""
    return round((mask + ITEMS.index(item)) % 4 + mask % 3 / 10, 1)


def score_by_mouse(visit: Visit, mask: int) -> None:
    for item in ITEMS:
        visit.click_at(item, wanted(mask, item))


def test_six_masks_by_mouse_with_a_reload_half_way_give_table_2(
    visit: Visit, room: Path, tmp_path: Path
) -> None:
    visit.begin("AB+CD", "Together")
    for mask in (1, 2, 3):
        score_by_mouse(visit, mask)
        if mask == 2:
            visit.page.get_by_label("Comment").fill("physis marked, left knee")
        expect(visit.page.locator("#progress")).to_have_text(f"{mask} of 6 scored")
        visit.page.get_by_role("button", name="Next mask").click()
        visit.shown(mask + 1)
    visit.kept()
    visit.page.reload()
    visit.page.get_by_role("button", name="Go on as AB+CD (3 of 6 scored)").click()
    visit.shown(4)
    for mask in (4, 5, 6):
        score_by_mouse(visit, mask)
        if mask < 6:
            visit.page.get_by_role("button", name="Next mask").click()
            visit.shown(mask + 1)
    expect(visit.page.locator("#progress")).to_have_text("6 of 6 scored")
    visit.page.get_by_role("button", name="Finish").click()
    expect(visit.page.locator("#finished")).to_contain_text("All 6 masks are scored")
    file = visit.save("Save the scores", tmp_path)
    assert answers(file) == {mask: {item: wanted(mask, item) for item in ITEMS} for mask in range(1, 7)}
    assert json.loads(file.read_text())["complete"] is True

    result = bmseg("reading-room", "unblind", room / "key.json", file, "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "AB+CD (together): 24 of 24 scores" in result.stdout
    table = tmp_path / "out" / "vas_nnunet_AB+CD.csv"
    assert f"bmseg vas {table} -o" in result.stdout
    result = bmseg("vas", table, "-o", tmp_path / "table2")
    assert result.returncode == 0, result.stderr
    printed = pd.read_csv(tmp_path / "table2" / "table2.csv")
    printed = printed[printed.row == "mask"].set_index("mask")
    key = json.loads((room / "key.json").read_text())["masks"]
    for place, mask in enumerate(key, 1):
        suffix = {"consensus": "gt", "nnunet": "ai"}[mask["origin"]]
        for item in ITEMS:
            assert printed.loc[mask["exam"], f"{item}_{suffix}"] == wanted(place, item)
    comments = pd.read_csv(tmp_path / "out" / "comments.csv")
    assert comments.comment.tolist() == ["physis marked, left knee"]
    assert comments.exam.tolist() == [key[1]["exam"]]


def test_six_masks_by_keyboard_alone(visit: Visit, room: Path, tmp_path: Path) -> None:
    """No mouse at all: from the first dialog to the saved file."""
    keys = visit.page.keyboard
    keys.type("EF")
    visit.tab_to(visit.page.get_by_label("Alone"))
    keys.press("Space")
    visit.tab_to(visit.page.locator("#begin"))
    keys.press("Enter")
    for mask in range(1, 7):
        visit.shown(mask)
        for item in ITEMS:
            visit.type_at(item, typed(mask, item))
        keys.press("n")
    expect(visit.page.locator("#progress")).to_have_text("6 of 6 scored")
    visit.tab_to(visit.page.locator("#finish"))
    keys.press("Enter")
    visit.tab_to(visit.page.locator("#finished-save"))
    with visit.page.expect_download() as found:
        keys.press("Enter")
    file = tmp_path / "EF.json"
    found.value.save_as(file)
    assert answers(file) == {mask: {item: typed(mask, item) for item in ITEMS} for mask in range(1, 7)}
    result = bmseg("reading-room", "unblind", room / "key.json", file, "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr


def test_half_done_is_not_handed_in_without_saying_what_is_missing(
    visit: Visit, room: Path, tmp_path: Path
) -> None:
    visit.begin("AB")
    visit.click_at("level1", 2.5)
    visit.click_at("overall", 5)
    visit.page.get_by_role("button", name="Finish").click()
    said = visit.page.locator("#finished")
    expect(said).to_contain_text("22 scores are missing, in 6 of 6 masks")
    expect(said).to_contain_text("Mask 1: Level 2, Level 3")
    expect(visit.page.get_by_role("button", name="Save the scores")).to_be_hidden()
    visit.page.get_by_role("button", name="Mask 5: Level 1, Level 2, Level 3, overall").click()
    visit.shown(5)
    file = visit.save("Save a copy", tmp_path)
    assert file.name.endswith("_unfinished.json")
    assert answers(file) == {1: {"level1": 2.5, "overall": 5}}
    result = bmseg("reading-room", "unblind", room / "key.json", file, "-o", tmp_path / "out")
    assert_refused(
        result, "found no score of mask 1 (level2, level3); mask 2 (level1, level2, level3, overall)"
    )
    result = bmseg("reading-room", "unblind", room / "key.json", file, "-o", tmp_path / "out", "--unfinished")
    assert result.returncode == 0
    assert "missing, as empty cells: 22 scores" in result.stderr


def test_a_marker_stands_nowhere_before_it_is_set_and_can_be_taken_away(visit: Visit, tmp_path: Path) -> None:
    visit.begin("AB")
    ruler = visit.ruler("level2")
    assert ruler.get_attribute("aria-valuetext") == "not scored yet"
    # Just where the unseen marker waits.
    visit.click_at("level2", 5)
    assert ruler.get_attribute("aria-valuetext") == "5.0 cm"
    visit.page.get_by_role("button", name="Take the marker of Level 2 away").click()
    assert ruler.get_attribute("aria-valuetext") == "not scored yet"
    ruler.press("Enter")
    assert ruler.get_attribute("aria-valuetext") == "5.0 cm"
    ruler.press("Delete")
    visit.kept()
    assert answers(visit.save("Save a copy", tmp_path)) == {1: {"level2": None}}


def test_a_second_reader_has_scores_of_her_own(visit: Visit, tmp_path: Path) -> None:
    visit.begin("AB")
    visit.click_at("level1", 1)
    visit.kept()
    visit.page.reload()
    visit.page.get_by_label("Initials or a code").fill("AB")
    visit.page.get_by_label("Alone").check()
    visit.page.get_by_role("button", name="Begin").click()
    expect(visit.page.get_by_role("alert")).to_contain_text("kept here already")
    visit.page.get_by_label("Initials or a code").fill("EF")
    visit.page.get_by_role("button", name="Begin").click()
    visit.shown(1)
    assert visit.ruler("level1").get_attribute("aria-valuetext") == "not scored yet"
    visit.click_at("level1", 9)
    visit.kept()
    visit.page.reload()
    for reader, score in (("AB", 1), ("EF", 9)):
        visit.page.get_by_role("button", name=f"Go on as {reader}").click()
        visit.shown(1)
        file = visit.save("Save a copy", tmp_path)
        assert json.loads(file.read_text())["reader"] == reader
        assert answers(file) == {1: {"level1": score}}
        visit.page.reload()


def test_a_saved_file_is_taken_up_in_another_browser(
    visit: Visit, browser: sync_api.Browser, page_file: Path, tmp_path: Path
) -> None:
    visit.begin("AB")
    visit.click_at("level3", 7.5)
    visit.page.get_by_label("Comment").fill("as far as here")
    file = visit.save("Save a copy", tmp_path)
    other = Visit(browser, page_file)
    other.page.get_by_label("Load a saved file").set_input_files(file)
    other.shown(1)
    assert other.ruler("level3").get_attribute("aria-valuetext") == "7.5 cm"
    expect(other.page.get_by_label("Comment")).to_have_value("as far as here")
    other.kept()
    # What is kept there is not lost to a file without a question.
    other.click_at("level3", 2)
    other.kept()
    other.page.reload()
    other.page.get_by_label("Load a saved file").set_input_files(file)
    other.page.get_by_role("button", name="Keep what is here").click()
    other.page.get_by_role("button", name="Go on as AB").click()
    other.shown(1)
    assert other.ruler("level3").get_attribute("aria-valuetext") == "2.0 cm"
    other.close()


def test_kept_is_said_of_everything_and_never_of_a_part(visit: Visit) -> None:
    visit.begin("AB")
    visit.kept()
    page, kept = visit.page, visit.page.locator("#kept")
    # A disk that is slow, and then full: each write ends when the test says so.
    page.evaluate(
        """() => { window.ends = []; window.put = Store.prototype.put; Store.prototype.put = () =>
        new Promise((resolve, reject) => window.ends.push({ resolve, reject })); }"""
    )
    for item in ITEMS:
        visit.ruler(item).press("End")
    expect(kept).to_have_text("Keeping …")
    for _ in ITEMS[1:]:
        page.evaluate("() => window.ends.shift().resolve()")
        expect(kept).to_have_text("Keeping …")
    page.evaluate("() => window.ends.shift().resolve()")
    visit.kept()
    visit.ruler(ITEMS[0]).press("Home")
    page.get_by_role("button", name="Next mask").click()
    visit.shown(2)
    visit.ruler(ITEMS[0]).press("End")
    page.evaluate("() => window.ends.shift().reject(new DOMException('full', 'QuotaExceededError'))")
    page.evaluate("() => window.ends.shift().resolve()")
    # The second mask is kept now, the first is not.
    expect(kept).to_have_text("Not kept (QuotaExceededError): save a copy now")
    page.evaluate("() => { Store.prototype.put = window.put; }")
    visit.ruler(ITEMS[1]).press("End")
    visit.kept()
    page.reload()
    page.get_by_role("button", name="Go on as AB (1 of 6 scored)").click()
    visit.shown(2)
    page.get_by_role("button", name="Previous mask").click()
    visit.shown(1)
    assert [visit.ruler(item).input_value() for item in ITEMS] == ["0", *["100"] * (len(ITEMS) - 1)]


def test_another_file_is_refused(visit: Visit, tmp_path: Path) -> None:
    build = json.loads(visit.page.locator("#content").text_content() or "")["build"]
    record = scores_record(build, [], complete=False)
    file = tmp_path / "scores.json"
    for change, said in (
        ({"build": "0" * 64}, "belongs to another page"),
        ({"kind": "other"}, "no file of scores"),
        ({"answers": [{"mask": 1, "scores": {"level1": 11}}]}, "changed by hand"),
        ({"answers": 3}, "has no answers"),
        ({"reader": "<b>"}, "does not say who scored"),
        (None, "cannot be read"),
    ):
        file.write_text("{" if change is None else json.dumps(record | change))
        visit.page.get_by_label("Load a saved file").set_input_files(file)
        expect(visit.page.get_by_role("alert")).to_contain_text(said)
        expect(visit.page.locator("#start")).to_be_visible()


def process_of(profile: Path) -> int:
    """The browser itself: neither its helpers nor the shell that may have started it."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_text().split("\0")
            theirs = f"--user-data-dir={profile}" in words and "chrom" in (folder / "exe").readlink().name
            if theirs and not any(word.startswith("--type=") for word in words):
                return int(folder.name)
    raise AssertionError(f"no browser uses {profile}")


@pytest.mark.skipif(not Path("/proc/self/cmdline").is_file(), reason="no /proc to find the browser in")
def test_scores_survive_a_killed_browser(
    playwright: sync_api.Playwright, page_file: Path, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"

    def opened() -> sync_api.Page:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium(), args=["--no-sandbox"], timeout=120_000
        )
        page = context.new_page()
        page.goto(page_file.as_uri())
        return page

    page = opened()
    page.get_by_label("Initials or a code").fill("AB")
    page.get_by_role("radio", name="Alone").check()
    page.get_by_role("button", name="Begin").click()
    # A key before the mask is there is lost.
    expect(page.locator("body")).to_have_attribute("data-shown", "1")
    for item in ITEMS:
        page.locator(f"[data-item='{item}'] input").press("End")
    expect(page.locator("#progress")).to_have_text("1 of 6 scored")
    expect(page.locator("#kept")).to_contain_text("Kept in this browser")
    with page.context.expect_event("close"):
        os.kill(process_of(profile), signal.SIGKILL)
    page = opened()
    expect(page.get_by_role("button", name="Go on as AB (1 of 6 scored)")).to_be_visible()
    page.context.close()
