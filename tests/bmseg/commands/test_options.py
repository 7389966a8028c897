"""How the values of shared options are read."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from bmseg.commands.evaluate import evaluate
from bmseg.commands.options import FOLDS, said_again
from bmseg.wording import WORKSPACE_VARIABLE, command
from tests.support.command_line import assert_refused, bmseg


@pytest.mark.parametrize(
    ("given", "folds"),
    [
        ("0", (0,)),
        ("0-4", (0, 1, 2, 3, 4)),
        ("0,2,4", (0, 2, 4)),
        ("3,0-1,1", (0, 1, 3)),
        ("2-2", (2,)),
        ("all", ("all",)),
    ],
)
def test_folds(given: str, folds: tuple[object, ...]) -> None:
    assert FOLDS.convert(given, None, None) == folds
    # click hands a value that it has converted before to the type again.
    assert FOLDS.convert(folds, None, None) == folds


@pytest.mark.parametrize(
    "given", ["", "some", "-1", "4-0", "0-", "0,", "0,,1", "1.5", "0-2-4", "all,0", "0 - 4", "²"]
)
def test_what_is_no_fold(given: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        FOLDS.convert(given, None, None)
    assert caught.value.message == f"found '{given}', expected folds as 0, 0-4, 0,2,4 or all"


def test_a_next_command_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(WORKSPACE_VARIABLE, raising=False)
    assert command("plan", workspace=tmp_path / "workspace") == "bmseg plan"
    assert command("plan", workspace=Path("my knees")) == "bmseg plan -w 'my knees'"
    assert command("plan", workspace=Path("/elsewhere")) == "bmseg plan -w /elsewhere"
    monkeypatch.setenv(WORKSPACE_VARIABLE, "/elsewhere")
    assert command("plan", workspace=Path("/elsewhere")) == "bmseg plan"
    assert command("plan", workspace=Path("workspace")) == "bmseg plan -w workspace"


def test_what_was_said_can_be_said_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All kinds of options; only paths change, once."""
    monkeypatch.chdir(tmp_path)
    said = [
        "--reader=anna=a=b", "--reader", "ben=/masks/ben", "--taught-by", "net=anna", "--nominal",
        "--map-label", "GTV=new=1", "--pixel-mm", "0.5", "--missing-is-empty", "-oout", "--margin", "0.05",
        "--regions", "../regions",
    ]  # fmt: skip
    expected = [
        "--reader", f"anna={tmp_path}/a=b", "--reader", "ben=/masks/ben", "--taught-by", "net=anna",
        "--out", f"{tmp_path}/out", "--margin", "0.05", "--regions", f"{tmp_path}/../regions", "--nominal",
        "--map-label", "GTV=new=1", "--pixel-mm", "0.5", "--missing-is-empty",
    ]  # fmt: skip
    left_out = ["-w", "elsewhere", "--on", "slurm", "--sbatch", "qos=high", "--jobs=3"]
    without = ("root", "on", "sbatch", "jobs")
    assert said_again(evaluate.make_context("", said + left_out), without=without) == expected
    assert said_again(evaluate.make_context("", [*expected]), without=without) == expected


def test_an_empty_path_is_not_the_folder_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.csv").write_text("algorithm,case,value\na,1,1\n")
    for words in (("rank", "m.csv", "-o", ""), ("rank", "", "-o", "out"), ("status", "-w", "")):
        assert_refused(bmseg(*words), "found an empty path, expected the name of a file or folder")
    assert [path.name for path in tmp_path.iterdir()] == ["m.csv"]


def test_a_workspace_beside_plain_folders_is_refused() -> None:
    words = ("evaluate", "--reader", "anna=masks", "-o", "out", "-w", "knees")
    assert_refused(bmseg(*words), "--workspace: found it given, expected none: --reader is of plain folders")
