"""How long the reading room takes to open and to turn a slice, measured by the browser itself."""

from __future__ import annotations

import datetime
import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from bmseg.reading_room.page import Room, ShownExam, build_page
from bmseg.reading_room.records import draw_order
from bmseg.study import Level

SHAPE = (384, 256, 16)
EXAMS = 10
VISITS = 5

_TURN = """async () => {
  const times = [];
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  for (let turn = 0; turn < 60; turn += 1) {
    const key = turn % 30 < 15 ? '.' : ',';
    await frame();
    const begin = performance.now();
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    await frame();
    times.push(performance.now() - begin);
  }
  return times;
}"""

_SHOWN = """() => new Promise((done) => {
  const look = () => (document.body.dataset.shown === '1'
    ? requestAnimationFrame(() => setTimeout(() => done(performance.now())))
    : setTimeout(look, 1));
  look();
})"""


def bench_reading_room() -> str:
    """A page of 20 masks x 16 slices of 384x256, opened from disk in headless Chromium; Markdown."""
    title = "## The reading room\n"
    chromium = shutil.which("chromium")
    if chromium is None:
        return f"{title}\nNot measured: no Chromium on this machine.\n"
    from playwright.sync_api import sync_playwright

    opened, first, turns = [], [], []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "reading_room.html"
        page_file.write_text(_page(), encoding="utf-8")
        size = page_file.stat().st_size
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(VISITS):
            page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
            page.goto(page_file.as_uri())
            page.wait_for_selector("#start[open]")
            opened.append(
                page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
            )
            page.fill("#reader", "AB")
            page.check("input[value=alone]")
            begin = page.evaluate("performance.now()")
            page.click("#begin")
            first.append(page.evaluate(_SHOWN) - begin)
            turns += page.evaluate(_TURN)
            page.context.close()
        version = browser.version
        browser.close()
    count = 2 * EXAMS
    return (
        f"{title}\n{count} masks of {EXAMS} exams, {SHAPE[2]} slices of {SHAPE[0]}x{SHAPE[1]}, one file of "
        f"{size / 1e6:.1f} MB, from disk in headless Chromium {version} without a GPU, {VISITS} visits; by "
        f"the browser's own clock, on {datetime.date.today()}.\n\n"
        "| what | median | highest |\n| --- | --- | --- |\n"
        f"| open, until the page answers | {_ms(statistics.median(opened))} | {_ms(max(opened))} |\n"
        f"| from Begin to the first mask drawn | {_ms(statistics.median(first))} | {_ms(max(first))} |\n"
        f"| a slice turned, until its frame is drawn ({len(turns)} turns) | "
        f"{_ms(statistics.median(turns))} | {_ms(max(turns))} |\n"
    )


def _page() -> str:
    """Images with a scanner's noise, so that they compress no better than real ones."""
    levels = [
        Level(value=value, name=f"level{value}", color=color)
        for value, color in enumerate(("#40e0d0", "#1f5fff", "#ffe100"), 1)
    ]

    def read(exam: str) -> ShownExam:
        rng = np.random.default_rng(list(exam.encode()))
        signal = gaussian_filter(rng.normal(size=SHAPE), (6, 6, 1))
        signal /= signal.std()
        image = (400 + 150 * signal + 12 * rng.normal(size=SHAPE)).clip(0).astype(np.int16)
        masks = {
            origin: np.digitize(signal, [1.0 + shift, 1.8, 2.6]).astype(np.uint8)
            for shift, origin in ((0.0, "consensus"), (0.1, "nnunet"))
        }
        return ShownExam(image, (0.9, 0.9), masks)

    places = draw_order([f"exam{number}" for number in range(EXAMS)], ["consensus", "nnunet"], 1)
    room = Room(levels, ["perfect", "minor corrections", "major corrections", "rejected"], ("R", "L"), True)
    return build_page(room, places, read).html


def _ms(value: float) -> str:
    return f"{value:.0f} ms"


if __name__ == "__main__":
    print(bench_reading_room())
