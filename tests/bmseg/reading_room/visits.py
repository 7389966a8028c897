"""A reader at the page, which is opened from disk: real mouse and keyboard events, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

# Other tests run beside these, on few cores.
expect.set_options(timeout=20_000)


class Visit:
    """A page in a browser profile of its own."""

    def __init__(self, browser: Browser, file: Path, width: int = 1366, height: int = 768) -> None:
        self.file = file
        self.context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        self.errors: list[str] = []
        self.page = self.open()

    def open(self) -> Page:
        page = self.context.new_page()
        page.on("console", lambda message: self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._note(request.url))
        page.goto(self.file.as_uri())
        expect(page.locator("#start")).to_be_visible()
        return page

    def _note(self, url: str) -> None:
        if url != self.file.as_uri() and not url.startswith(("data:", f"blob:{'null'}", "blob:file")):
            self.errors.append(f"asked for {url}")

    def begin(self, reader: str, reading: str = "Alone") -> None:
        self.page.get_by_label("Initials or a code").fill(reader)
        self.page.get_by_role("radio", name=reading).check()
        self.page.get_by_role("button", name="Begin").click()
        self.shown(1)

    def shown(self, mask: int) -> None:
        """Wait for a mask to be on the screen."""
        expect(self.page.locator("h2#title")).to_have_text(f"Mask {mask} of 6")
        expect(self.page.locator("#slice")).to_have_text("Slice 3 of 6")
        expect(self.page.locator("body")).to_have_attribute("data-shown", str(mask))

    def ruler(self, item: str) -> Locator:
        return self.page.locator(f"[data-item='{item}'] input")

    def click_at(self, item: str, cm: float) -> None:
        """Click the line where it says so many centimetres."""
        ruler = self.ruler(item)
        ruler.scroll_into_view_if_needed()
        box = ruler.bounding_box()
        assert box
        thumb = 18
        x = box["x"] + thumb / 2 + cm / 10 * (box["width"] - thumb)
        self.page.mouse.click(x, box["y"] + box["height"] / 2)

    def tab_to(self, wanted: Locator) -> None:
        for _ in range(60):
            if wanted.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{wanted} is not reached by Tab")

    def type_at(self, item: str, cm: float) -> None:
        """Move the marker there by keys alone."""
        self.tab_to(self.ruler(item))
        keys = self.page.keyboard
        keys.press("Home")
        for _ in range(int(cm)):
            keys.press("PageUp")
        for _ in range(round(10 * (cm - int(cm)))):
            keys.press("ArrowRight")

    def kept(self) -> None:
        expect(self.page.locator("#kept")).to_contain_text("Kept in this browser")

    def save(self, button: str, folder: Path) -> Path:
        """The file that a button saves."""
        with self.page.expect_download() as found:
            self.page.get_by_role("button", name=button).click()
        path = folder / found.value.suggested_filename
        found.value.save_as(path)
        return path

    def close(self) -> None:
        self.context.close()
        assert self.errors == []


def answers(path: Path) -> dict[int, dict[str, Any]]:
    """Mask to scores, of a saved file."""
    return {answer["mask"]: answer["scores"] for answer in json.loads(path.read_text())["answers"]}
