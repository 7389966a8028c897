"""What is printed on a terminal fits it and loses nothing; a pipe gets Markdown as ever."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmseg.commands.terminal import fitted, led_by
from bmseg.workspace import Workspace
from evaluation.table import Table
from tests.support.command_line import bmseg, bmseg_on_terminal

WIDTHS = (60, 100, 160)
STYLE = re.compile(r"\x1b\[[0-9;]*m")
_WORDS = st.sampled_from(["a", "-0.12", "(0.60–0.80)", "Hodges-Lehm.", "reader1"])
_CELLS = st.lists(_WORDS, max_size=4).map(" ".join)
_TABLES = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(_CELLS, min_size=n, max_size=n), min_size=2, max_size=4)
)


def table(rows: list[list[str]], notes: list[str] | None = None) -> Table:
    return Table("A title", rows[0], rows[1:], notes or [], pd.DataFrame())


@settings(max_examples=40)
@given(_TABLES, st.sampled_from([40, 60, 100]))
def test_no_line_is_wider_and_no_word_is_lost(rows: list[list[str]], width: int) -> None:
    lines = fitted(table(rows, ["one note " * 30]), width)
    assert max(map(len, lines)) <= width
    found = " ".join(lines).split()
    for word in (word for row in rows for cell in row for word in cell.split()):
        assert word in found


def test_a_table_that_fits_is_printed_as_it_is() -> None:
    lines = fitted(table([["Level", "net"], ["level1", "0.71 (0.60–0.80)"]], ["a note"]), 60)
    assert lines == [
        "A title",
        "------------------------",
        "Level   net",
        "------------------------",
        "level1  0.71 (0.60–0.80)",
        "------------------------",
        "- a note",
    ]


def test_columns_that_do_not_fit_come_below_with_the_names_again() -> None:
    columns = [f"reader{n:02}" for n in range(10)]
    lines = fitted(table([["Level", *columns], ["level1", *["0.123456"] * 10]]), 40)
    assert sum(line.startswith("Level") for line in lines) == 4
    assert sum(line.startswith("level1") for line in lines) == 4


def test_a_column_of_names_leads_every_block() -> None:
    ranked = table([["Rank", "Team", *(f"level{n}" for n in range(9))], ["1", "ours", *["0.12345678"] * 9]])
    lines = fitted(led_by(ranked, "Team"), 50)
    assert lines[2].startswith("Team  Rank") and sum(line.startswith("ours") for line in lines) > 1


def test_a_word_wider_than_the_terminal_is_broken() -> None:
    lines = fitted(table([["x" * 90, "y"], ["a", "z" * 90]]), 40)
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", ["evaluate", "compare"])
def test_verdicts_and_tables_fit_the_terminal(evaluated: Workspace, command: str, width: int) -> None:
    done = bmseg_on_terminal(width, command, "-w", evaluated.root)
    assert done.returncode == 0, done.stderr
    lines = STYLE.sub("", done.stdout).splitlines()
    # Paths are not broken: they are to be copied.
    assert max(len(line) for line in lines if str(evaluated.root) not in line) <= width
    sentences = [line for line in lines if line.startswith("- ")]
    assert sentences[0].startswith(("- Readers: ", "- Beside the readers: "))
    assert "| " not in done.stdout
    assert any(line.startswith("reader1  ") for line in lines)
    assert lines[-1] == f"results: {evaluated.evaluation}"
    assert done.stderr.splitlines()[-2] == f"open: {evaluated.pages['Workspace']}"


def test_a_pipe_gets_markdown_and_where_to_go_on_apart(evaluated: Workspace) -> None:
    done = bmseg("evaluate", "-w", evaluated.root)
    text = (evaluated.evaluation / "table1.md").read_text()
    clock = r"\[evaluate\] \d+\.\d s\n"
    before = f"already made from the same inputs: {evaluated.evaluation}\n"
    assert re.fullmatch(clock, done.stdout[: done.stdout.index("\n") + 1])
    rest = f"{before}{text}\nresults: {evaluated.evaluation}\n"
    assert done.stdout[done.stdout.index("\n") + 1 :] == rest
    assert done.stderr.splitlines()[-1] == f"next: bmseg report -w {evaluated.root}"


def test_no_colour_where_none_is_wanted(evaluated: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert STYLE.search(bmseg_on_terminal(100, "evaluate", "-w", evaluated.root).stdout)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not STYLE.search(bmseg_on_terminal(100, "evaluate", "-w", evaluated.root).stdout)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_ranking_fits_the_terminal(tmp_path: Path, width: int) -> None:
    rows = [(name, case, 0.9 - 0.1 * place - 0.01 * case)
            for place, name in enumerate(("first", "a team with a rather long name", "third"))
            for case in range(8)]  # fmt: skip
    pd.DataFrame(rows, columns=["algorithm", "case", "value"]).to_csv(tmp_path / "m.csv", index=False)
    words = ["rank", tmp_path / "m.csv", "-o", tmp_path / "out", "--no-figures", "--bootstraps", 50]
    done = bmseg_on_terminal(width, *words)
    assert done.returncode == 0, done.stderr
    lines = STYLE.sub("", done.stdout).splitlines()
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= width
    assert any(line.startswith("first") for line in lines)
    assert "| first" in bmseg(*words).stdout
