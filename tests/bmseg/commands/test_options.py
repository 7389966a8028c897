"""How the values of shared options are read."""

from __future__ import annotations

import click
import pytest

from bmseg.commands.options import FOLDS


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
