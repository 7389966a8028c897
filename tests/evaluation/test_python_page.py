"""docs/tutorials/python.md is run as it stands, block by block, on small masks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

from docs.extensions.executed import NOISE, blocks, run, write_masks

# What the page prints is there, whatever the consensus.
pytestmark = pytest.mark.usefixtures("few_starts")

PAGE = Path(__file__).parents[2] / "docs" / "tutorials" / "python.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page")
    write_masks(root)
    return root


@pytest.fixture
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    mpl.use("agg")
    return folder


def test_the_page_runs_as_it_stands(there: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    shown = list(run(text, PAGE, names))
    printed = "".join(each.printed for each in shown)
    titles = ["Dice against the consensus of 3 readers, 6 exams", "Dice as usual and fair, 6 exams"]
    assert [title in printed for title in titles] == [True, True]
    said = re.search(r"# (mask: label: .*)", text)
    assert said and f"{said[1]}\n" in printed
    assert (there / "consensus" / "knee_01.nii.gz").is_file()
    assert {path.name for path in (there / "figures").iterdir()} == {"forest.png", "forest.svg"}
    assert set(names["rankings"].ranks.algorithm) == set(NOISE)
    assert names["arrays"].exams == ["exam1", "exam2"]
    # The last line of a block is what a notebook shows.
    assert shown[blocks(text).index(next(block for block in blocks(text) if "wider.measures" in block))].value


def test_ten_lines_are_enough() -> None:
    first = blocks(PAGE.read_text(encoding="utf-8"))[0]
    assert len([line for line in first.splitlines() if line.strip(" ()")]) <= 12
    assert "table1(fair=True)" in first and "figures.raters" in first


def test_a_page_that_is_wrong_fails() -> None:
    page = "text\n\n```python\nimport evaluation as ev\nev.dise\n```\n"
    with pytest.raises(AttributeError, match="'evaluation' has no attribute 'dise'") as failed:
        list(run(page, "page.md", {}))
    assert (str(failed.traceback[-2].path), failed.traceback[-2].lineno) == ("page.md", 4)
    study = "import evaluation as ev\nstudy = ev.read_study({'ann': [[[1]]]}, levels={'level1': 1})\n"
    with pytest.raises(KeyError, match="exam9"):
        list(run(f"```python\n{study}```\nmore\n\n```python\nstudy.consensus['exam9']\n```\n", "page.md", {}))
