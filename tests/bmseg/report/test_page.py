"""The page as people see it: on screens of three widths, on paper, by keyboard; and its links."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmseg.report.page import write_report
from bmseg.scoring.evaluate import evaluate
from bmseg.scoring.evaluation import Evaluation
from bmseg.scoring.raters import Raters
from bmseg.study import DEFAULT_STUDY, load_study
from tests.support.masks import save_mask, thresholded
from tests.support.pages import WIDTHS, axe_findings, overflowing

READERS, MODELS = ["reader1", "reader2", "reader3"], ["net", "other"]
#: Words of sentences and heads; names with a number (level1, knee_093) are none, nor are numbers.
_WORD = r"(?<![\w.])[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ'’-]*(?!\w)"


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory, vector_figures: Any) -> Evaluation:  # noqa: ARG001 (figures as SVG alone)
    """The default study, by every measure, of three readers and two models, with a viewer's page beside."""
    folder = tmp_path_factory.mktemp("report")
    for seed, exam in enumerate(("knee_a", "knee_b", "knee_c")):
        for rater, mask in thresholded([*READERS, *MODELS], (14, 12, 4), seed=seed).items():
            save_mask(folder / rater / f"{exam}.nii.gz", mask.astype(np.uint8))
    raters = Raters({name: folder / name for name in READERS}, {name: folder / name for name in MODELS})
    made = evaluate(load_study(), DEFAULT_STUDY, raters, folder / "out")
    (folder / "out" / "exams").mkdir()
    (folder / "out" / "exams" / "index.html").write_text("<!doctype html>")
    assert write_report(made, DEFAULT_STUDY) and not write_report(made, DEFAULT_STUDY)
    return made


@pytest.fixture(scope="module")
def file(evaluation: Evaluation) -> Path:
    return evaluation.folder / "report.html"


@pytest.fixture
def page(browser: Any, file: Path) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    yield page
    page.close()
    # The page asks for nothing but itself.
    assert {url.split("#")[0] for url in asked if not url.startswith("data:")} <= {file.as_uri()}


def test_every_link_and_address_leads_somewhere(file: Path) -> None:
    text = file.read_text()
    anchors = re.findall(r' id="([^"]+)"', text)
    assert len(anchors) == len({*anchors})
    links = re.findall(r'href="([^"]+)"', text)
    inside = {link[1:] for link in links if link.startswith("#")}
    assert inside <= {*anchors}
    others = {link.split("#")[0] for link in links if not link.startswith(("#", "data:"))}
    assert {"table1_fair.csv", "foci.csv", "exams/index.html"} <= others
    assert [name for name in others if not (file.parent / name).is_file()] == []
    # From each table to its numbers, from each figure to its file.
    assert "exams/index.html#exam=knee_a" in text and "&amp;rater=other&amp;level=level3" in text
    assert str(file.parent) not in text


def test_it_is_printed_by_a_button(page: Any) -> None:
    page.evaluate("window.print = () => { window.asked = true; }")
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("window.asked") is True


def test_the_first_screen_is_an_answer_of_at_most_200_words(page: Any) -> None:
    seen = page.evaluate(_SEEN)
    assert len(re.findall(_WORD, seen)) <= 200, seen
    assert (
        page.locator("#first").bounding_box()["y"] + page.locator("#first").bounding_box()["height"] <= 1000
    )
    for words in (
        "Readers.",
        "Models.",
        "Volumes and foci.",
        "Caution",
        "Minus median reader",
        "Verdict",
    ):
        assert words in seen


_SEEN = """() => {
  const first = document.querySelector("#first"), found = [];
  const walker = document.createTreeWalker(first, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    const box = range.getBoundingClientRect();
    const shown = walker.currentNode.parentElement.checkVisibility();
    const bar = walker.currentNode.parentElement.closest("nav");
    if (box.width && box.left >= 0 && box.top < 1000 && shown && !bar)
      found.push(walker.currentNode.textContent);
  }
  return found.join(" ");
}"""


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_cut_off_and_axe_finds_nothing(page: Any, dark: bool) -> None:
    page.emulate_media(color_scheme="dark" if dark else "light")
    for opened in (False, True):
        page.evaluate(
            "(open) => document.querySelectorAll('details').forEach((one) => one.open = open)", opened
        )
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert overflowing(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe_findings(page) == []


def test_the_name_of_a_row_stays_while_its_numbers_pass(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    box = page.locator("#fair-table .scroll")
    name = box.locator("tbody th").first
    before = name.bounding_box()["x"]
    box.evaluate("(one) => one.scrollLeft = 200")
    assert name.bounding_box()["x"] == pytest.approx(before, abs=1)
    box.focus()
    assert box.evaluate("(one) => one === document.activeElement && one.scrollWidth > one.clientWidth")
    # Models first: the first number is a model's.
    assert box.locator("thead th").all_inner_texts()[1:3] == MODELS


def test_paper_holds_every_head_of_every_table_and_is_short(page: Any, tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext on this machine")
    heads = page.evaluate(
        "() => [...document.querySelectorAll('thead th')].filter((one) => one.checkVisibility())"
        ".map((one) => one.textContent)"
    )
    assert len(heads) > 40
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    text = subprocess.run(
        ["pdftotext", "-raw", tmp_path / "report.pdf", "-"], capture_output=True, text=True, check=True
    ).stdout
    printed = re.sub(r"\W+", "", text)
    assert [head for head in heads if re.sub(r"\W+", "", head) not in printed] == []
    # A form feed ends a page.
    assert text.count("\f") <= 6
