"""What documents say can be followed: links and anchors lead somewhere, blocks run, commands are there."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from bmseg.methods.registry import _OWN
from docs.extensions.executed import blocks, run, write_masks
from docs.extensions.generated import filled, study_keys

ROOT = Path(__file__).parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
EXTERNAL = Path(__file__).with_name("external_links.txt")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def links(text: str) -> list[str]:
    """Where a page points to, from its text, its pictures and its cards; not from its code."""
    prose = re.sub(r"^ *```.*?^ *```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", prose) + [f"{one}.md" for one in re.findall(r":link: (\S+)", text)]


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub and MyST name them."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(page: Path, text: str) -> list[str]:
    found = []
    for link in links(text):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.is_relative_to(ROOT) or not target.is_file():
            found.append(f"{link}: no such file")
        elif anchor and anchor not in anchors(filled(text_of(target)) if target != page else filled(text)):
            found.append(f"{link}: no such heading")
    return found


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    assert broken(PAGES[name], text_of(PAGES[name])) == []


def test_a_broken_link_is_found() -> None:
    page = ROOT / "docs" / "index.md"
    there = "[c](#a-page) [d](reference/commands/score.md#bmseg-evaluate)"
    text = f"# A page\n[a](gone.md) [b](index.md#none) {there}\n"
    assert broken(page, text) == ["gone.md: no such file", "index.md#none: no such heading"]
    assert broken(page, "```\n[a](gone.md)\n```\n`[b](gone.md)`") == []


def test_links_to_elsewhere_are_listed() -> None:
    """Nothing is fetched: who adds a link opens it, and adds it to the list."""
    found = {link for path in PAGES.values() for link in links(text_of(path)) if link.startswith("http")}
    assert sorted(found) == text_of(EXTERNAL).split()


def test_every_page_is_listed_where_it_stands() -> None:
    for name, path in PAGES.items():
        folder = path.parent
        if name == "README.md" or path.stem == "index":
            continue
        listed = re.findall(r"^([\w/]+)$", text_of(folder / "index.md"), re.MULTILINE)
        assert listed.count(path.stem) == 1, name


def test_every_method_of_our_own_is_in_the_table() -> None:
    rows = re.findall(r"^\| (`nnunet.*?|`unet`) \|", text_of(PAGES["docs/howto/methods.md"]), re.MULTILINE)
    assert {name for row in rows for name in re.findall("`(.*?)`", row)} == set(_OWN)


def test_every_column_of_a_table_has_a_head() -> None:
    """One who hears a table read is told by it which column a cell is in."""
    for name, path in PAGES.items():
        heads = re.findall(r"^(\|.*\|)\n\| ?:?-", text_of(path), re.MULTILINE)
        assert [head for head in heads if re.search(r"\|\s*\|", head)] == [], name


def test_sources_name_modules_that_are_there() -> None:
    named = re.findall(r"\| `([\w/.]+)` \|$", text_of(PAGES["docs/explanation/sources.md"]), re.MULTILINE)
    assert len(named) > 25
    assert {name for name in named if not (ROOT / name).is_file()} == set()


def people(folder: Path) -> None:
    """Two images by five people, as BU-BIL has them: in colour, the object black."""
    for person in range(1, 6):
        for image in ("P01", "P02"):
            path = folder / f"ExpertsAnnotations/2A/Person{person}_ImageJ/seg_{image}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.full((9, 8, 3), 255, np.uint8)
            pixels[2:5, 1 + person % 2 : 6] = 0
            sitk.WriteImage(sitk.GetImageFromArray(pixels, isVector=True), str(path))


def raters(folder: Path) -> None:
    write_masks(folder)
    for name, rater in {"r1": "anna", "r2": "ben", "r3": "carl", "pred": "nnunet"}.items():
        (folder / name).symlink_to(folder / "masks" / rater)


#: What a page's Python blocks find around them, as files and as names.
SURROUNDINGS: dict[str, tuple[Callable[[Path], None], dict[str, Any]]] = {
    "README.md": (raters, {}),
    "docs/tutorials/reader_study.md": (people, {}),
    "docs/reference/measures.md": (
        lambda _: None,
        {"reference": np.ones((4, 4, 2), int), "mask": np.ones((4, 4, 2), int), "affine": np.eye(4)},
    ),
    "docs/howto/viewer.md": (
        lambda _: None, {"yardstick": np.ones((4, 4, 2), int), "mask": np.zeros((4, 4, 2), int)},
    ),
}  # fmt: skip
#: Those that tests of their own run.
OWN_TESTS = {"docs/tutorials/python.md", "docs/howto/methods.md"}


def test_python_blocks_are_run_somewhere() -> None:
    assert {name for name, path in PAGES.items() if blocks(text_of(path))} == OWN_TESTS | set(SURROUNDINGS)


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_python_blocks_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare, names = SURROUNDINGS[name]
    prepare(tmp_path)
    names = dict(names)
    shown = list(run(text_of(PAGES[name]), PAGES[name], names))
    assert len(shown) == len(blocks(text_of(PAGES[name])))
    if name == "docs/tutorials/reader_study.md":
        mask = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "person5" / "P02.nii.gz")))
        assert mask.sum() == 12
    if name == "docs/reference/measures.md":
        said = re.search(r"assd\(\)  # (.*)", text_of(PAGES[name]))
        assert said and ", ".join(f"{value:.2g}" for value in shown[0].value) == said[1].replace("1.0", "1")


def test_toml_blocks_are_toml_and_their_keys_are_known() -> None:
    known = set(study_keys())
    found = 0
    for name, path in PAGES.items():
        for block in re.findall(r"^```toml\n(.*?)^```$", text_of(path), re.MULTILINE | re.DOTALL):
            values = tomllib.loads(block)
            found += 1
            keys = {f"{table}.{key}" for table, each in values.items() for key in _keys(each)}
            assert {key for key in keys if not key.startswith(("ranking.", "home."))} <= known, name
    assert found > 4


def _keys(value: Any) -> set[str]:
    if isinstance(value, list):
        return {key for each in value for key in _keys(each)}
    return set(value) if isinstance(value, dict) else set()


def test_targets_and_modules_that_are_named_are_there() -> None:
    makefile = text_of(ROOT / "Makefile")
    rules = re.findall(r"^([a-z][\w $()-]*):(?!=)", makefile, re.MULTILINE)
    stages = re.search(r"^STAGES\s*:= (.*)$", makefile, re.MULTILINE)
    assert stages
    targets = {word for names in [*rules, stages[1]] for word in names.split()}
    named, modules = set(), set()
    for path in PAGES.values():
        for block, inline in re.findall(r"```\w*\n(.*?)```|`([^`]*)`", text_of(path), re.DOTALL):
            for line in re.findall(r"^ *make ([a-z][^#\n]*)", block or inline, re.MULTILINE):
                words = re.sub(r'=("[^"]*"|\S*)', "", line).split()
                named |= {word for word in words if not word.isupper()}
            modules |= set(re.findall(r"python -m\s+(benchmarks[\w.]*)", block or inline))
    assert len(named) > 8
    assert named - targets == set()
    assert len(modules) > 4
    assert {one for one in modules if find_spec(one) is None} == set()


def test_shell_blocks_are_shell() -> None:
    for name, path in PAGES.items():
        for block in re.findall(r"^( *)```sh\n(.*?)^ *```$", text_of(path), re.MULTILINE | re.DOTALL):
            checked = subprocess.run(["bash", "-n"], input=block[1], text=True, capture_output=True)
            assert checked.returncode == 0, (name, block[1], checked.stderr)
