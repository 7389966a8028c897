"""How the values of shared options are read."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from bmseg.commands.options import FOLDS
from bmseg.wording import WORKSPACE_VARIABLE, command


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
