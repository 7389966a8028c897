"""The site's files come and go whole, the same bytes for the same board."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bmseg.errors import InputError, WorkError
from bmseg.leaderboard.challenge import Public
from bmseg.leaderboard.made import site_in
from bmseg.leaderboard.site import build_site, is_made, site_record, site_texts
from bmseg.leaderboard.site.overlays import HIDDEN, recorded_overlays
from bmseg.leaderboard.standings import Standings
from bmseg.outputs import PROVENANCE
from bmseg.outputs.provenance import file_hash
from tests.bmseg.leaderboard.site.checks import MADE, Page, faults
from tests.bmseg.leaderboard.site.standings_fixture import Images, standings
from tests.support.files import bytes_of


def test_same_standings_same_bytes(site: Path, board: Standings, tmp_path: Path) -> None:
    build_site(board, tmp_path / "again", made=MADE, overlays=Images(lacking="exam004"))
    assert bytes_of(tmp_path / "again") == bytes_of(site)


def test_texts_are_made_again_without_images(site: Path, board: Standings) -> None:
    texts = site_texts(board, made=MADE, why_not=recorded_overlays(site_in(site).read()))
    made = bytes_of(site)
    others = {name for name in made if name.startswith(("figures/", "overlays/"))} | {PROVENANCE}
    assert set(texts) == set(made) - others
    assert {name: text.encode() for name, text in texts.items()} == {name: made[name] for name in texts}


def test_provenance_names_every_file(site: Path) -> None:
    record = json.loads((site / PROVENANCE).read_text(encoding="utf-8"))
    assert set(record["outputs"]) == set(bytes_of(site)) - {PROVENANCE}
    assert all(file_hash(site / name) == digest for name, digest in record["outputs"].items())
    assert record["made"] == MADE
    assert not list(site.glob("*/.partial*")) + list(site.glob(".partial*"))


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
    board = standings(2, 5, bootstraps=5)
    build_site(board, tmp_path / "site", made=MADE, overlays=images)
    assert images.read_so_far == []
    assert not (tmp_path / "site" / "overlays").exists()
    page = Page(tmp_path / "site" / "submissions" / f"{board.entries[0].page_name}.html")
    assert page.text.count(HIDDEN) == 3


def test_what_is_not_public_is_on_no_file() -> None:
    secret = "a description that is nobody's business"
    public = Public(description=False, url=False, masks_hash=False)
    board = standings(2, 5, titles=["Net", "Net"], public=public, bootstraps=5)
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
    board = standings(n_submissions, 5, bootstraps=5)
    build_site(board, tmp_path / "site", made=MADE)
    index = Page(tmp_path / "site" / "index.html")
    assert "Reader 4" in index.text
    assert sorted(path.name for path in (tmp_path / "site" / "figures").iterdir()) == [
        "dice.svg",
        "exams.svg",
    ]
    said = "No submission is on the board yet" if n_submissions == 0 else "is the only submission"
    assert said in index.text
    document = json.loads((tmp_path / "site" / "leaderboard.json").read_text(encoding="utf-8"))
    schema = json.loads((tmp_path / "site" / "leaderboard.schema.json").read_text(encoding="utf-8"))
    assert faults(document, schema, schema) == []


def test_many_submissions_have_a_page_each() -> None:
    board = standings(40, 2, bootstraps=5, exact=False)
    texts = site_texts(board, made=MADE)
    assert sum(name.startswith("submissions/") for name in texts) == 40
    assert texts["index.html"].count('data-kind="submission"') == 40


def test_without_readers_the_page_has_no_word_of_them() -> None:
    board = standings(2, 5, bootstraps=5)
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
    two, one = standings(2, 5, bootstraps=5), standings(1, 5, bootstraps=5)
    build_site(two, out, made=MADE)
    (out / "submissions" / "notes.txt").write_text("mine")
    gone = {entry.page_name for entry in two.entries} - {entry.page_name for entry in one.entries}
    assert len(gone) == 1
    build_site(one, out, made=MADE)
    assert not (out / "submissions" / f"{gone.pop()}.html").exists()
    assert not (out / "figures" / "schemes.svg").exists()
    assert (out / "submissions" / "notes.txt").read_text() == "mine"
    build_site(standings(0, 5, bootstraps=5), out, made=MADE)
    assert [path.name for path in (out / "submissions").iterdir()] == ["notes.txt"]


@pytest.mark.usefixtures("quick_figures")
def test_a_build_that_is_stopped_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, board = tmp_path / "site", standings(1, 5, bootstraps=5)
    real, moved = Path.replace, []

    def stops(path: Path, target: Path) -> Path:
        if ".partial" not in target.parts:
            if path.name == "index.html":
                raise KeyboardInterrupt
            moved.append(target)
        return real(path, target)

    monkeypatch.setattr(Path, "replace", stops)
    with pytest.raises(KeyboardInterrupt):
        build_site(board, out, made=MADE)
    monkeypatch.undo()
    assert len(moved) > 5
    assert site_in(out).read() == {}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    (out / "figures" / "mine.txt").write_text("mine")
    monkeypatch.setattr("bmseg.leaderboard.site.build.draw_figures", lambda *_: None)
    build_site(board, out, made=MADE)
    assert site_in(out).read()["made"] == MADE and site_in(out).made_from(MADE)
    assert [path.name for path in (out / "figures").iterdir()] == ["mine.txt"]


@pytest.mark.usefixtures("quick_figures")
def test_a_record_cannot_make_it_remove_files_elsewhere(tmp_path: Path) -> None:
    out, outside = tmp_path / "site", tmp_path / "outside.txt"
    outside.write_text("mine")
    build_site(standings(0, 5, bootstraps=5), out, made=MADE)
    record = json.loads((out / PROVENANCE).read_text())
    record["outputs"] |= {"../outside.txt": "", str(outside): ""}
    (out / PROVENANCE).write_text(json.dumps(record))
    build_site(standings(0, 5, bootstraps=5), out, made=MADE)
    assert outside.read_text() == "mine"


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: record["outputs"].pop("rows.csv"),
        lambda record: record["outputs"].update({"more.csv": record["outputs"]["rows.csv"]}),
        lambda record: record.pop("outputs"),
        lambda record: record["made"].update(seed=1),
        lambda record: record.update(made=[]),
        lambda record: record.update(seed=1),
        lambda record: record.update(more=1),
        lambda record: record.update(overlays={}),
    ],
)
def test_a_record_that_leaves_something_out_is_not_trusted(
    site: Path, board: Standings, tmp_path: Path, damage: Callable[[dict[str, Any]], object]
) -> None:
    out, images = Path(shutil.copytree(site, tmp_path / "site")), Images(lacking="exam004")
    assert is_made(board, out, made=MADE, overlays=images)
    record = json.loads((out / PROVENANCE).read_text())
    damage(record)
    (out / PROVENANCE).write_text(json.dumps(record))
    # Its hash of the inputs is as it was.
    assert not is_made(board, out, made=MADE, overlays=images)


@pytest.mark.parametrize(
    "damaged", [{"made": [1]}, {"overlays": {"a": []}}, {"overlays": 3}, {"outputs": {"a": 1}}]
)
def test_a_damaged_record_is_named_for_what_it_is(
    site: Path, tmp_path: Path, damaged: dict[str, Any]
) -> None:
    record = json.loads((site / PROVENANCE).read_text())
    (tmp_path / PROVENANCE).write_text(json.dumps(record | damaged))
    with pytest.raises(
        WorkError, match=rf"provenance\.json: {next(iter(damaged))}.*expected.*makes the page again"
    ):
        site_record(tmp_path)


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(InputError, match="found files and no provenance.json of a bmseg leaderboard site"):
        build_site(standings(0, 5, bootstraps=5), tmp_path, made=MADE)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
