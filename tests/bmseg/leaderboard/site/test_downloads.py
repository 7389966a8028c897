"""The numbers that the site gives away are those of its pages and of the board."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bmseg.leaderboard.challenge import Challenge, read_contract
from bmseg.leaderboard.site.csv_text import csv_text
from bmseg.leaderboard.standings import Standings
from bmseg.study import load_study
from tests.bmseg.leaderboard.site.checks import Page, faults


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
    costs = {one["key"]: (one["parameters"], one["seconds_per_exam"]) for one in document["submissions"]}
    known = [
        number
        for row in document["rows"]
        for number in (
            row["rank"], row["value"], row["score"], *costs.get(row["key"], ()),
            *(row["levels"][level] for level in levels), row["difference"], row["n_defined"],
            row["n_undefined"], row["n_missing"],
        )
        if number is not None
    ]  # fmt: skip
    index = Page(site / "index.html")
    assert [float(text) for text in index.data[: len(known)]] == known
    for row, entry in zip(
        board.rows[board.rows.kind == "submission"].itertuples(), board.entries, strict=True
    ):
        page = Page(site / "submissions" / f"{entry.page_name}.html")
        shown = set(map(float, page.data))
        own = board.scores[board.scores.key == row.key]
        assert set(own.dice.dropna()) <= shown
        assert {row.score, row.difference} <= shown
        assert {worst["dice"] for worst in _submission(document, row.key)["worst"]} <= shown


def _submission(document: dict, key: str) -> dict:
    return next(one for one in document["submissions"] if one["key"] == key)


def test_csv_files_read_back_to_the_last_bit(site: Path, board: Standings) -> None:
    rows = pd.read_csv(site / "rows.csv")
    for column in ("score", "level1", "level2+3", "difference", "rank_high", "spread_low"):
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


@pytest.mark.parametrize("seed", range(20))
def test_long_tables_are_written_as_short_ones(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(seed)
    texts = ["a", "=x", "a,b", 'q"q', "nl\nx", "cr\rx", "", " ", "é", "1", "'"]
    table = pd.DataFrame(
        {
            "text": random.choice(texts, 40),
            "empty": random.choice(np.array([*texts, None, np.nan], object), 40),
            "number": random.choice([0.0, -0.0, 1e-300, 0.1, np.nan, np.inf, 1e22, 3.0], 40),
            "count": random.integers(-3, 3, 40),
            "mixed": random.choice(np.array([1, 1.0, True, "x"], object), 40),
        }
    )[list(random.permutation(["text", "empty", "number", "count", "mixed"]))[: 2 + seed % 4]]
    short = csv_text(table)
    monkeypatch.setattr("bmseg.leaderboard.site.csv_text._MANY_ROWS", 0)
    assert csv_text(table) == short
