"""A page whose tasks are of several measures: units, directions and what is of Dice alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bmseg.leaderboard.publish import printed
from bmseg.leaderboard.site import build_site, site_texts
from bmseg.leaderboard.site.figures import figures_of
from bmseg.leaderboard.site.rules import rules
from bmseg.leaderboard.site.tasks import with_tasks
from bmseg.leaderboard.standings import Standings
from tests.bmseg.leaderboard.site.checks import MADE, Page, faults
from tests.bmseg.leaderboard.site.standings_fixture import standings

TASKS = ("level2 nsd@readers", "level1 hd95", "level2+3 hd95")


@pytest.fixture(scope="module")
def board() -> Standings:
    return standings(3, 6, tasks=TASKS)


@pytest.fixture(scope="module")
def site(board: Standings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tasks") / "site"
    build_site(board, out, made=MADE)
    return out


def test_heads_say_unit_and_direction_and_tips_the_convention(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    heads = [line for line in text.splitlines() if 'title="' in line and "<th" in line]
    assert len(heads) == len(TASKS)
    nsd, hd95, group = heads
    assert "NSD at the readers&#39; tolerance (higher is better)" in nsd and 'data-first="descending"' in nsd
    assert "tolerances, fixed from the readers&#39; masks: Level 2 1.8 mm" in nsd
    assert "HD95, mm (lower is better)" in hd95 and 'data-first="ascending"' in hd95
    assert "one mask empty: the diagonal of the exam&#39;s grid" in group and "Levels 2 and 3" in group
    assert "Difference to the median reader, Dice" in text
    assert "difference, verdict and counts are of Dice alone; the rank is of all tasks." in text
    assert "is scored by Dice, NSD at the readers&#39; tolerance and HD95, level by level." in text


def test_numbers_of_the_page_are_those_of_the_files(site: Path, board: Standings) -> None:
    document = json.loads((site / "leaderboard.json").read_text(encoding="utf-8"))
    schema = json.loads((site / document["$schema"]).read_text(encoding="utf-8"))
    assert faults(document, schema, schema) == []
    assert [task["name"] for task in document["tasks"]] == list(TASKS)
    assert [task["unit"] for task in document["tasks"]] == ["", "mm", "mm"]
    assert [task["smaller_is_better"] for task in document["tasks"]] == [False, True, True]
    assert [task["tolerance"] for task in document["tasks"]] == [1.8, None, None]
    shown = set(map(float, Page(site / "index.html").data))
    for row in document["rows"]:
        assert list(row["tasks"]) == list(TASKS) and set(row["tasks"].values()) <= shown
    kept = pd.read_csv(site / "task_scores.csv")
    assert len(kept) == len(TASKS) * 6 * (3 + 4 + 1)
    pd.testing.assert_frame_equal(
        kept[["value", "worst"]], board.measured[["value", "worst"]].reset_index(drop=True)
    )
    rows = pd.read_csv(site / "rows.csv")
    assert set(TASKS) < set(rows)
    entry = board.entries[-1]
    page = Page(site / "submissions" / f"{entry.page_name}.html")
    own = board.measured[board.measured.key == entry.key]
    assert set(own.value.dropna()) <= set(map(float, page.data))


def test_rules_and_captions_say_what_is_compared(board: Standings) -> None:
    said = dict(with_tasks(rules(board), board))
    assert "Levels" not in said and "Level 1: HD95, mm (lower is better, weight 1)" in said["Tasks"]
    assert "Score is the mean of the mean Dice of Level 1 (weight 1), Level 2" in said["Tasks"]
    assert "a distance the diagonal of the exam's grid" in said["Missing masks"]
    assert "of the submission's ranks within the exam" in said["Tests"]
    assert "exam's mean over the ranked levels" not in said["Tests"]
    assert said["Tests"].endswith("otherwise it could be chance.")
    assert said["Beside the readers"].startswith("By Dice alone, whatever else is ranked.")
    assert "99 of 100" in said["Rank intervals"] and "bootstrap spreads of ten" not in said["Rank intervals"]
    captions = {plate.name: plate.caption for plate in figures_of(board)}
    assert "mean of the submission's ranks within the exam" in captions["significance"]
    assert "mean Dice" not in captions["significance"] and "tasks" in captions
    table = printed(board).to_markdown()
    assert "Level 1: HD95, mm (lower is better)" in table and "Dice scores are of exams without" in table


def test_one_measure_for_all_is_averaged_as_it_is() -> None:
    """Of HD95 on two levels there is a mean, as of Dice."""
    board = standings(3, 6, tasks=TASKS)
    ranking = board.challenge.ranking
    same = ranking.model_copy(update={"weights": {"level1 hd95": 1.0, "level2 hd95": 1.0}})
    changed = board.challenge.model_copy(update={"ranking": same})
    board = replace(board, challenge=changed)
    found = dict(with_tasks(rules(board), board))
    assert found["Tasks"].startswith("Ranked: Level 1: HD95, mm (lower is better, weight 1); Level 2: HD95")
    assert "overall of the exam's mean over the tasks" in found["Tests"]
    assert "98 of 100" in found["Rank intervals"]


def test_a_board_without_submissions() -> None:
    board = standings(0, 6, tasks=TASKS)
    assert set(board.measured.kind) == {"reader", "average_reader"}
    texts = site_texts(board, made=MADE)
    assert "HD95, mm (lower is better)" in texts["index.html"]


def test_a_board_of_dice_says_nothing_of_tasks() -> None:
    board = standings(3, 6)
    texts = site_texts(board, made=MADE)
    assert "task_scores.csv" not in texts
    assert not {"tasks", "task_scores"} & set(json.loads(texts["leaderboard.json"]))
    for name in texts:
        if name.endswith(".html"):
            assert "tasks" not in texts[name] and "(higher is better" not in texts[name]
    assert rules(board) == with_tasks(rules(board), board)
