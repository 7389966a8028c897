"""The page of a workspace, as a browser shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from bmseg.scoring.evaluate import evaluate_workspace
from bmseg.status import ended, status_of, write_workspace_page
from bmseg.workspace import Workspace
from tests.support.pages import WIDTHS, axe_findings, overflowing
from tests.support.small_workspace import small_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Evaluated, with a report and pictures of exams that are files without content."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_, **__: [])
        made = small_workspace(tmp_path_factory.mktemp("my knees"), "net", "other")
        evaluate_workspace(made)
        for title in ("Report", "Exams"):
            made.pages[title].parent.mkdir(exist_ok=True)
            made.pages[title].write_text("<title>page</title>")
        yield made


@pytest.fixture
def page(browser: Any, workspace: Workspace) -> Iterator[Any]:
    file = write_workspace_page(workspace, status_of(workspace))
    page = browser.new_page()
    page.goto(file.as_uri())
    yield page
    page.close()


def test_it_answers_and_leads_to_what_bears_it_out(page: Any, workspace: Workspace) -> None:
    text = page.locator("main").inner_text()
    assert "Which of net and other is better is not settled" in text or "is better than" in text
    assert re.search(r"net did worst in knee_\w: mean Dice 0\.\d\d", text)
    assert "Synthetic cohort" in text
    hrefs = [link.get_attribute("href") for link in page.locator("main a").all()]
    seen = [href for href in hrefs if href.startswith("evaluation/exams/index.html#exam=knee_")]
    assert any("&rater=net" in href for href in seen)
    for href in hrefs:
        assert (workspace.root / unquote(href.partition("#")[0])).is_file(), href
    # The bar shows what there is.
    shown = page.locator("nav.bar a:visible").all_inner_texts()
    assert shown == ["Workspace", "Report", "Exams"]


def test_it_shows_what_is_out_of_date_and_the_command(page: Any, workspace: Workspace) -> None:
    mask = workspace.predictions("net") / "knee_a.nii.gz"
    before = mask.read_bytes()
    try:
        mask.write_bytes((workspace.predictions("other") / "knee_a.nii.gz").read_bytes())
        assert ended(workspace)[0] == f"open: {workspace.pages['Workspace']}"
        page.reload()
        assert "The evaluation behind these sentences is out of date: others now: masks (net)" in (
            page.locator("main").inner_text()
        )
        assert f"bmseg evaluate -w '{workspace.root}'" in page.locator(".next code").inner_text()
    finally:
        mask.write_bytes(before)


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_for_everybody(page: Any, dark: bool) -> None:
    page.emulate_media(color_scheme="dark" if dark else "light")
    for details in page.locator("summary").all():
        details.click()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert overflowing(page) == []
    assert axe_findings(page) == []


def test_a_page_that_cannot_be_written_ends_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, _: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("bmseg.status.page.write_text", fail)
    (said,) = ended(workspace)
    assert said.startswith("the workspace's page was not written: ")
