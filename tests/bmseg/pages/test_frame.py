from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bmseg.pages import environment, frame, links, write_page_list
from bmseg.workspace import Workspace
from tests.support.pages import WIDTHS, axe_findings, overflowing

_PAGE = """{% extends "base.html.j2" %}
{% block title %}A page{% endblock %}
{% block content %}<h1>A page</h1>
<div class="scroll" tabindex="0" role="region" aria-label="Numbers"><table><caption>Numbers</caption>
<thead><tr>{% for n in range(40) %}<th scope="col">head {{ n }}</th>{% endfor %}</tr></thead>
<tbody><tr>{% for n in range(40) %}<td>{{ n }}.000</td>{% endfor %}</tr></tbody></table></div>{% endblock %}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "a b").mkdir()
    return Workspace(tmp_path / "a b", "Dataset501_X")


def written(workspace: Workspace, path: Path, script: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = frame(path, workspace, synthetic=True, script=script)
    path.write_text(environment().from_string(_PAGE).render(**shown), encoding="utf-8")
    return path


def test_links_are_relative_and_name_the_page_itself(workspace: Workspace) -> None:
    bar = {link.title: link for link in links(workspace.report, workspace)}
    assert bar["Report"].address == "report.html" and bar["Report"].here
    assert bar["Workspace"].address == "../index.html" and not bar["Workspace"].here
    assert bar["Leaderboard"].address == "../leaderboard/site/index.html"
    assert links(workspace.report, None) == []


def test_a_page_list_needs_a_workspace(tmp_path: Path) -> None:
    write_page_list(Workspace(tmp_path / "none", "Dataset501_X"))
    assert not (tmp_path / "none").exists()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    yield page
    page.close()


def test_the_bar_shows_pages_made_later_and_a_page_sent_alone_shows_none(
    page: Any, workspace: Workspace, tmp_path: Path
) -> None:
    report = written(workspace, workspace.report, script="document.title = 'ran';")
    write_page_list(workspace)
    written(workspace, workspace.pages["Workspace"])
    page.goto(report.as_uri())
    # The page that was made after the list is not in it yet.
    assert page.locator("nav.bar a:visible").all_inner_texts() == ["Report"]
    assert page.title() == "ran"
    write_page_list(workspace)
    page.reload()
    assert page.locator("nav.bar a:visible").all_inner_texts() == ["Workspace", "Report"]
    page.get_by_role("link", name="Workspace").click()
    assert page.locator("[aria-current=page]").inner_text() == "Workspace"
    alone = tmp_path / "mailed" / "report.html"
    alone.parent.mkdir()
    alone.write_bytes(report.read_bytes())
    page.goto(alone.as_uri())
    assert not page.locator("nav.bar").is_visible()


@pytest.mark.parametrize("dark", [False, True])
def test_the_frame_is_for_everybody(page: Any, workspace: Workspace, dark: bool) -> None:
    page.emulate_media(color_scheme="dark" if dark else "light")
    file = written(workspace, workspace.report)
    write_page_list(workspace)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(file.as_uri())
        assert overflowing(page) == []
    assert axe_findings(page) == []
