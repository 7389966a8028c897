"""The site of a board: hostile text stays text, numbers are the board's, files come and go whole."""

from __future__ import annotations

import csv
import json
import math
import tomllib
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bmseg.errors import InputError
from bmseg.leaderboard.challenge import Challenge, Public
from bmseg.leaderboard.contract import read_contract
from bmseg.leaderboard.site import PROVENANCE_FILE, build_site, read_made, site_texts
from bmseg.leaderboard.site.figures import figures_of
from bmseg.leaderboard.site.overlays import HIDDEN, RecordedOverlays
from bmseg.leaderboard.site.text import csv_text, figure_labels, link, page_name, plain
from bmseg.leaderboard.standings import Standings
from bmseg.provenance import file_hash
from bmseg.study import load_study
from tests.bmseg.leaderboard.site.checks import Page, faults
from tests.bmseg.leaderboard.site.standings_fixture import HOSTILE, Images, standings

MADE = {"versions": {"bmseg": "0.3.0", "numpy": "2.0"}, "seed": 2022}


@pytest.fixture(scope="module")
def board() -> Standings:
    return standings(7, titles=HOSTILE, public=Public(overlays=True))


@pytest.fixture(scope="module")
def site(board: Standings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("board") / "site"
    build_site(board, out, made=MADE, overlays=Images(lacking="exam004"))
    return out


@pytest.fixture
def quick_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of which files there are, not of what is in them."""

    def draw(board: Standings, folder: Path) -> None:
        folder.mkdir()
        for plate in figures_of(board):
            (folder / f"{plate.name}.svg").write_text("<svg/>")

    monkeypatch.setattr("bmseg.leaderboard.site.build.draw_figures", draw)


def pages(site: Path) -> list[Page]:
    return [Page(path) for path in sorted(site.rglob("*.html"))]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_text_of_teams_is_never_markup(site: Path) -> None:
    found = pages(site)
    assert len(found) == 8
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
    assert len(figures) == 5
    for figure in figures:
        svg = figure.read_text(encoding="utf-8")
        assert "<script" not in svg
        assert "Date" not in svg
        texts = [
            element.text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")
        ]
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


def test_json_is_as_its_schema_says(site: Path) -> None:
    document = json.loads((site / "leaderboard.json").read_text(encoding="utf-8"))
    schema = json.loads((site / document["$schema"]).read_text(encoding="utf-8"))
    assert faults(document, schema, schema) == []
    assert "<" not in (site / "leaderboard.json").read_text(encoding="utf-8")
    lengths = {len(values) for values in document["scores"].values()}
    assert lengths == {12 * 10 * 4}
    # The check itself finds what is wrong.
    broken = {**document, "counts": {**document["counts"], "exams": -1, "more": 1}}
    assert len(faults(broken, schema, schema)) == 2


def test_numbers_of_pages_are_those_of_the_json(site: Path, board: Standings) -> None:
    document = json.loads((site / "leaderboard.json").read_text(encoding="utf-8"))
    levels = board.study.level_names
    known = [
        number
        for row in document["rows"]
        for number in (
            row["rank"], row["score"], *(row["levels"][level] for level in levels),
            row["difference"], row["n_defined"], row["n_undefined"],
            row["n_missing"],
        )
        if number is not None
    ]  # fmt: skip
    index = Page(site / "index.html")
    assert [float(text) for text in index.data[: len(known)]] == known
    for row, entry in zip(
        board.rows[board.rows.kind == "submission"].itertuples(), board.entries, strict=True
    ):
        page = Page(site / "submissions" / f"{page_name(entry)}.html")
        shown = set(map(float, page.data))
        own = board.scores[board.scores.key == row.key]
        assert set(own.dice.dropna()) <= shown
        assert {row.score, row.difference} <= shown
        assert {worst["dice"] for worst in _submission(document, row.key)["worst"]} <= shown


def _submission(document: dict, key: str) -> dict:
    return next(one for one in document["submissions"] if one["key"] == key)


def test_csv_files_read_back_to_the_last_bit(site: Path, board: Standings) -> None:
    rows = pd.read_csv(site / "rows.csv")
    for column in ("score", "level1", "level2+3", "difference", "rank_high"):
        np.testing.assert_array_equal(rows[column], board.rows[column].astype(float))
    ranks = pd.read_csv(site / "ranks.csv")
    assert board.rankings is not None
    np.testing.assert_array_equal(ranks.value, board.rankings.ranks.value)


def test_contract_challenge_and_study_can_be_used_again(site: Path, board: Standings) -> None:
    assert read_contract(site) == board.contract
    values = tomllib.loads((site / "challenge.toml").read_text(encoding="utf-8"))
    assert Challenge.model_validate(values) == board.challenge
    study = load_study(site / "study.toml")
    assert (study.levels, study.groups, study.readers) == (
        board.study.levels, board.study.groups, board.study.readers,
    )  # fmt: skip


def test_same_standings_same_bytes(site: Path, board: Standings, tmp_path: Path) -> None:
    build_site(board, tmp_path / "again", made=MADE, overlays=Images(lacking="exam004"))
    assert contents(tmp_path / "again") == contents(site)


def test_texts_are_made_again_without_images(site: Path, board: Standings) -> None:
    texts = site_texts(board, made=MADE, overlays=RecordedOverlays.of(site))
    made = contents(site)
    others = {name for name in made if name.startswith(("figures/", "overlays/"))} | {PROVENANCE_FILE}
    assert set(texts) == set(made) - others
    assert {name: text.encode() for name, text in texts.items()} == {name: made[name] for name in texts}


def test_provenance_names_every_file(site: Path) -> None:
    record = json.loads((site / PROVENANCE_FILE).read_text(encoding="utf-8"))
    files = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert set(record["files"]) == files - {PROVENANCE_FILE}
    assert all(file_hash(site / name) == digest for name, digest in record["files"].items())
    assert record["made"] == MADE
    assert not list(site.parent.glob(".partial*"))


def test_overlays_are_of_the_worst_exams(site: Path, board: Standings) -> None:
    document = json.loads((site / "leaderboard.json").read_text(encoding="utf-8"))
    scores = board.scores[board.scores.level.isin(list(board.challenge.ranking.weights))]
    seen = 0
    for one in document["submissions"]:
        means = scores[scores.key == one["key"]].groupby("exam").dice.mean().dropna().sort_values()
        assert [worst["exam"] for worst in one["worst"]] == list(means.index[:3])
        page = Page(site / one["page"])
        for worst in one["worst"]:
            if worst["exam"] == "exam004" or one["team"] not in ("team-1", "team-2"):
                assert worst["overlay"] is None
                assert f"The mask of {one['key']} was lost." in page.text
                continue
            assert f"../{worst['overlay']}" in page.links
            with Image.open(site / worst["overlay"]) as image:
                assert set(image.info) <= {"Software", "dpi"}
                assert image.width > 900
            seen += 1
    assert seen == len(list((site / "overlays").iterdir()))


@pytest.mark.usefixtures("quick_figures")
def test_overlays_stay_hidden_unless_the_challenge_shows_them(tmp_path: Path) -> None:
    images = Images()
    board = standings(2, 5, bootstraps=100)
    build_site(board, tmp_path / "site", made=MADE, overlays=images)
    assert images.read_so_far == []
    assert not (tmp_path / "site" / "overlays").exists()
    page = Page(tmp_path / "site" / "submissions" / f"{page_name(board.entries[0])}.html")
    assert page.text.count(HIDDEN) == 3


def test_what_is_not_public_is_on_no_file() -> None:
    secret = "a description that is nobody's business"
    public = Public(description=False, url=False, masks_hash=False)
    board = standings(2, 5, titles=["Net", "Net"], public=public, bootstraps=100)
    entries = [
        entry.model_copy(
            update={
                "about": entry.about.model_copy(
                    update={"description": secret, "url": "https://secret.example"}
                )
            }
        )
        for entry in board.entries
    ]
    board = replace(board, entries=entries)
    for name, text in site_texts(board, made=MADE).items():
        for hidden in (secret, "secret.example", entries[0].masks_sha256, entries[1].masks_sha256):
            assert hidden not in text, name


@pytest.mark.parametrize("n_submissions", [0, 1])
def test_boards_with_hardly_a_submission(n_submissions: int, tmp_path: Path) -> None:
    board = standings(n_submissions, 5, bootstraps=100)
    build_site(board, tmp_path / "site", made=MADE)
    index = Page(tmp_path / "site" / "index.html")
    assert "reader4" in index.text
    assert sorted(path.name for path in (tmp_path / "site" / "figures").iterdir()) == [
        "dice.svg",
        "exams.svg",
    ]
    said = "No submission is on the board yet" if n_submissions == 0 else "is the only submission"
    assert said in index.text
    document = json.loads((tmp_path / "site" / "leaderboard.json").read_text(encoding="utf-8"))
    schema = json.loads((tmp_path / "site" / "leaderboard.schema.json").read_text(encoding="utf-8"))
    assert faults(document, schema, schema) == []


def test_hundred_submissions_have_a_page_each() -> None:
    board = standings(100, 2, bootstraps=100, exact=False)
    texts = site_texts(board, made=MADE)
    assert sum(name.startswith("submissions/") for name in texts) == 100
    assert texts["index.html"].count('data-kind="submission"') == 100


def test_without_readers_the_page_has_no_word_of_them() -> None:
    board = standings(2, 5, bootstraps=100)
    rows = board.rows[board.rows.kind == "submission"].assign(
        difference=np.nan, low=np.nan, high=np.nan, beside=""
    )
    scores = board.scores[board.scores.kind == "submission"]
    alone = replace(board, rows=rows.reset_index(drop=True), scores=scores)
    index = site_texts(alone, made=MADE)["index.html"]
    assert 'data-kind="reader"' not in index
    assert "Beside the median reader, by" not in index


@pytest.mark.usefixtures("quick_figures")
def test_pages_of_submissions_that_left_are_removed_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "site"
    two, one = standings(2, 5, bootstraps=100), standings(1, 5, bootstraps=100)
    build_site(two, out, made=MADE)
    (out / "submissions" / "notes.txt").write_text("mine")
    gone = {page_name(entry) for entry in two.entries} - {page_name(entry) for entry in one.entries}
    assert len(gone) == 1
    build_site(one, out, made=MADE)
    assert not (out / "submissions" / f"{gone.pop()}.html").exists()
    assert not (out / "figures" / "schemes.svg").exists()
    assert (out / "submissions" / "notes.txt").read_text() == "mine"
    build_site(standings(0, 5), out, made=MADE)
    assert [path.name for path in (out / "submissions").iterdir()] == ["notes.txt"]


@pytest.mark.usefixtures("quick_figures")
def test_a_build_that_is_stopped_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, board = tmp_path / "site", standings(1, 5, bootstraps=100)
    real, moved = Path.replace, []

    def stops(path: Path, target: Path) -> Path:
        if path.suffix == ".html":
            raise KeyboardInterrupt
        moved.append(target)
        return real(path, target)

    monkeypatch.setattr(Path, "replace", stops)
    with pytest.raises(KeyboardInterrupt):
        build_site(board, out, made=MADE)
    monkeypatch.undo()
    assert len(moved) > 5
    assert read_made(out) == {}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    (out / "figures" / "mine.txt").write_text("mine")
    monkeypatch.setattr("bmseg.leaderboard.site.build.draw_figures", lambda *_: None)
    build_site(board, out, made=MADE)
    assert read_made(out) == MADE
    assert [path.name for path in (out / "figures").iterdir()] == ["mine.txt"]


@pytest.mark.usefixtures("quick_figures")
def test_a_record_cannot_make_it_remove_files_elsewhere(tmp_path: Path) -> None:
    out, outside = tmp_path / "site", tmp_path / "outside.txt"
    outside.write_text("mine")
    build_site(standings(0, 5), out, made=MADE)
    record = json.loads((out / PROVENANCE_FILE).read_text())
    record["files"] |= {"../outside.txt": "", str(outside): ""}
    (out / PROVENANCE_FILE).write_text(json.dumps(record))
    build_site(standings(0, 5), out, made=MADE)
    assert outside.read_text() == "mine"


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(InputError, match="found files and no provenance.json of a site"):
        build_site(standings(0, 5), tmp_path, made=MADE)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


@pytest.mark.parametrize(("field", "value"), [("team", "../up"), ("team", "a b"), ("submission", "a--b")])
def test_a_name_that_is_no_file_name_is_refused(field: str, value: str) -> None:
    entry = standings(1, 5, bootstraps=100).entries[0].model_copy(update={field: value})
    with pytest.raises(InputError, match=field):
        page_name(entry)


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
