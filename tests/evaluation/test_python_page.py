"""docs/python.md is run as it stands, block by block, on small masks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from scipy import ndimage

from dataset_conversion.images import Volume, write_volume

# What the page prints is there, whatever the consensus.
pytestmark = pytest.mark.usefixtures("few_starts")

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
NOISE = {"anna": 0.2, "ben": 0.25, "carl": 0.3, "nnunet": 0.3, "unet": 0.6}


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def run(page: str) -> dict[str, Any]:
    """Every block of a page in one namespace; an error names the line of the page."""
    names: dict[str, Any] = {}
    for block in blocks(page):
        before = page[: page.index(block)].count("\n")
        exec(compile("\n" * before + block, str(PAGE), "exec"), names)
    return names


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page")
    rng = np.random.default_rng(0)
    for exam in range(1, 7):
        signal = ndimage.gaussian_filter(rng.normal(size=(10, 8, 3)), 1)
        for rater, noise in NOISE.items():
            seen = signal / signal.std() + noise * rng.normal(size=signal.shape)
            mask = np.digitize(seen, [1, 1.5, 2]).astype(np.uint8)
            path = root / "masks" / rater / f"knee_{exam:02}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_volume(path, Volume(mask, np.diag([0.9, 0.9, 3.5, 1])))
    return root


@pytest.fixture
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    mpl.use("agg")
    return folder


def test_the_page_runs_as_it_stands(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = run(text)
    printed = capsys.readouterr().out
    titles = ["Dice against the consensus of 3 readers, 6 exams", "Dice as usual and fair, 6 exams"]
    assert [title in printed for title in titles] == [True, True]
    said = re.search(r"# (mask: label: .* in )\d+( voxels.*)", text)
    assert said and re.search(re.escape(said[1]) + r"\d+" + re.escape(said[2]), printed)
    assert (there / "consensus" / "knee_01.nii.gz").is_file()
    assert {path.name for path in (there / "figures").iterdir()} == {"forest.png", "forest.svg"}
    assert set(names["rankings"].ranks.algorithm) == set(NOISE)
    assert names["arrays"].exams == ["exam1", "exam2"]


def test_ten_lines_are_enough() -> None:
    first = blocks(PAGE.read_text(encoding="utf-8"))[0]
    assert len([line for line in first.splitlines() if line.strip(" ()")]) <= 12
    assert "table1(fair=True)" in first and "figures.raters" in first


def test_a_page_that_is_wrong_fails() -> None:
    with pytest.raises(AttributeError, match="'evaluation' has no attribute 'dise'"):
        run("text\n\n```python\nimport evaluation as ev\nev.dise\n```\n")
    study = "import evaluation as ev\nstudy = ev.read_study({'ann': [[[1]]]}, levels={'level1': 1})\n"
    with pytest.raises(KeyError, match="exam9"):
        run(f"```python\n{study}```\nmore\n\n```python\nstudy.consensus['exam9']\n```\n")
