"""How long the viewer of exams takes to open an exam and to turn a slice, measured by the browser itself."""

from __future__ import annotations

import datetime
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from bmseg.study import Level
from bmseg.viewer import viewer_link
from bmseg.viewer.page import write_viewer
from bmseg.viewer.shown import Cast, ViewedExam, ViewedRater

SHAPE = (384, 256, 16)
EXAMS = ["exam0", "exam1"]
RATERS = ["reader1", "reader2", "reader3", "reader4", "net", "other"]
VISITS = 5
TURNS = 60

#: When the exam is on the screen: after the frame that follows its mark.
_SHOWN = """new MutationObserver((_, seen) => {
  if (!document.body || !document.body.dataset.shown) return;
  seen.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.shownAt = performance.now(); }));
}).observe(document, { subtree: true, childList: true, attributes: true });"""
#: From the key, as the browser received it, until its frame is drawn.
_TURNED = """() => {
  window.turns = [];
  addEventListener('keydown', (event) => requestAnimationFrame(() => setTimeout(() => {
    window.turns.push(performance.now() - event.timeStamp);
  })), true);
}"""


def bench_viewer() -> str:
    """Exams of 16 slices of 384x256 with six raters and two references; Markdown."""
    title = "## The viewer of exams\n"
    chromium = shutil.which("chromium")
    if chromium is None:
        return f"{title}\nNot measured: no Chromium on this machine.\n"
    from playwright.sync_api import sync_playwright

    opened: list[float] = []
    turns: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        written = write_viewer(Path(folder), _CAST, EXAMS, map(_exam, EXAMS))
        size = written[-1].stat().st_size
        address = Path(folder).as_uri() + "/" + viewer_link(EXAMS[0], folder=".").removeprefix("./")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(VISITS):
            page = browser.new_context(viewport={"width": 1600, "height": 1000}).new_page()
            page.add_init_script(_SHOWN)
            page.goto(address)
            opened.append(_waited(page, "window.shownAt"))
            page.locator("#stage").focus()
            page.evaluate(_TURNED)
            for everybody in (False, True):
                if everybody:
                    for place in range(len(_CAST.raters)):
                        page.locator(f"#show-{place}").check()
                    page.locator("#stage").focus()
                    page.evaluate("window.turns.length = 0")
                for turn in range(TURNS):
                    page.keyboard.press("." if turn % 20 < 10 else ",")
                _waited(page, f"window.turns.length >= {TURNS}")
                turns[everybody] += page.evaluate("window.turns")
            page.context.close()
        version = browser.version
        browser.close()
    rows = {
        "an exam opened from disk, until it is drawn": opened,
        "a slice turned by key, two raters outlined": turns[False],
        "the same, all eight outlined": turns[True],
    }
    return (
        f"{title}\nExams of {SHAPE[2]} slices of {SHAPE[0]}x{SHAPE[1]} with {len(RATERS)} raters and two "
        f"references, {size / 1e6:.1f} MB each, in headless Chromium {version} without a GPU, 1600x1000, "
        f"{VISITS} visits; by the browser's own clock, on {datetime.date.today()}.\n\n"
        "| what | median | highest |\n| --- | --- | --- |\n"
        + "".join(
            f"| {what} | {statistics.median(times):.0f} ms | {max(times):.0f} ms |\n"
            for what, times in rows.items()
        )
    )


def _waited(page: Any, asked: str) -> Any:
    """What is asked of the page, once it is there; the page's policy forbids it to ask itself."""
    while not (answer := page.evaluate(asked)):
        time.sleep(0.02)
    return answer


_CAST = Cast(
    levels=[
        Level(value=value, name=f"level{value}", color=color)
        for value, color in enumerate(("#40e0d0", "#1f5fff", "#ffe100"), 1)
    ],
    raters=[
        *(ViewedRater(name, "reference", made_by=RATERS[:4]) for name in ("yardstick", "consensus")),
        *(ViewedRater(name, "model") for name in RATERS[4:]),
        *(ViewedRater(name, "reader") for name in RATERS[:4]),
    ],
)


def _exam(name: str) -> ViewedExam:
    """An image with a scanner's noise, so that it compresses no better than a real one; masks of a signal."""
    rng = np.random.default_rng(list(name.encode()))
    signal = gaussian_filter(rng.normal(size=SHAPE), (6, 6, 1))
    signal /= signal.std()
    image = (400 + 150 * signal + 12 * rng.normal(size=SHAPE)).clip(0).astype(np.int16)
    masks = {
        rater.name: np.digitize(signal, np.array([1.0, 1.8, 2.6]) + 0.05 * place).astype(np.uint8)
        for place, rater in enumerate(_CAST.raters)
    }
    return ViewedExam(name, masks, (0.9, 0.9, 3.5), image)


if __name__ == "__main__":
    print(bench_viewer())
