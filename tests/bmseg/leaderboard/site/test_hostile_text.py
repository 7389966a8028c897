"""Whatever teams write stays text: on pages, in figures, in tables, in names of files."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from bmseg.errors import InputError
from bmseg.leaderboard.site.csv_text import csv_text
from bmseg.leaderboard.texts import figure_labels, link, plain
from tests.bmseg.leaderboard.site.checks import Page, pages
from tests.bmseg.leaderboard.site.standings_fixture import standings


def test_text_of_teams_is_never_markup(site: Path) -> None:
    found = pages(site)
    assert len(found) == 9
    for page in found:
        assert page.elements.count("script") == 1
        assert not any(name.startswith("on") or name == "style" for name, _ in page.attributes)
        assert not any("javascript:" in value for _, value in page.attributes)
        assert ("content", "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
                "base-uri 'none'; form-action 'none'") in page.attributes  # fmt: skip
        assert not {"\u202e", "\x08"} & set(page.text)
    index = next(page for page in found if page.path.name == "index.html")
    for title in (
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(2)>',
        "{{ 7 * 7 }}",
        "+1\ufffd &amp;",
    ):
        assert title in index.text


def test_text_of_teams_in_figures_is_neither_markup_nor_mathematics(site: Path) -> None:
    figures = sorted((site / "figures").glob("*.svg"))
    assert len(figures) == 6
    for figure in figures:
        svg = figure.read_text(encoding="utf-8")
        assert "<script" not in svg
        assert "Date" not in svg
        texts = [
            element.text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")
        ]
        if figure.stem == "history":  # names nobody
            continue
        # Long names lose their middle; the dollar sign of the third is there as it was written.
        assert any(text.startswith("team-1: <") for text in texts)
        assert any(text.startswith("team-3: $x") for text in texts)


def test_no_cell_of_a_csv_file_is_a_formula(site: Path) -> None:
    found = 0
    for path in site.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                for column, cell in row.items():
                    if cell.startswith(("=", "+", "@", "\t", "\r")) or (
                        cell.startswith("-") and not _is_number(cell)
                    ):
                        pytest.fail(f"{path.name}, {column}: {cell!r}")
                    found += cell.startswith("'")
    assert found >= 3


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def test_every_address_leads_to_a_file_of_the_site_or_a_web_page(site: Path) -> None:
    root = site.resolve()
    for page in pages(site):
        for address in page.links:
            parts = urlsplit(address)
            if parts.scheme in ("http", "https", "data"):
                continue
            assert not parts.scheme, address
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path.resolve()
            assert target.is_relative_to(root), address
            assert target.is_file(), address
            if parts.fragment:
                assert parts.fragment in Page(target).identifiers
        assert len(page.identifiers) == len(set(page.identifiers))


@pytest.mark.parametrize(("field", "value"), [("team", "../up"), ("team", "a b"), ("submission", "a--b")])
def test_a_name_that_is_no_file_name_is_refused(field: str, value: str) -> None:
    entry = standings(1, 5, bootstraps=5).entries[0].model_copy(update={field: value})
    with pytest.raises(InputError, match=field):
        _ = entry.page_name


def test_labels_of_figures_are_short_and_each_another() -> None:
    names = {"a": "x" * 40, "b": "x" * 41, "c": "x" * 42, "d": "short", "e": "\u202eshort"}
    found = figure_labels(names, {"a": "111111", "b": "111111", "c": "222222", "d": "", "e": ""})
    assert len(set(found.values())) == 5
    assert max(map(len, found.values())) <= 26


def test_plain_text_keeps_what_people_write() -> None:
    for text in ("Müller & Søn: 膝 \U0001f9b4", "a\u200db"):
        assert plain(text) == text
    assert plain("a\nb\tc\x00\u2066") == "a b c\ufffd\ufffd"


def test_only_web_addresses_are_links() -> None:
    assert link("https://example.org/a?b=1#c") == "https://example.org/a?b=1#c"
    for address in (
        "javascript:alert(1)",
        "data:text/html,x",
        "https://a b",
        "//example.org",
        'https://a"b',
        "",
    ):
        assert link(address) == ""


def test_csv_cells() -> None:
    table = pd.DataFrame({"text": ["=1+1", "-x", "fine", None], "number": [-1.5, 2.0, np.nan, 0.1]})
    assert csv_text(table) == "text,number\n'=1+1,-1.5\n'-x,2.0\nfine,\n,0.1\n"
