"""Tables on demand: what they say of themselves before they are made is what is made."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from evaluation.study import tables as t
from evaluation.study.from_masks import read_study
from evaluation.study.on_demand import OnDemand, Part
from evaluation.study.results import Declared

LEVELS = {"one": 1, "two": 2}


def _masks(raters: int, exams: int) -> dict[str, list[np.ndarray]]:
    rng = np.random.default_rng(3)
    return {f"r{n}": [rng.integers(0, 3, (4, 4, 2), np.uint8) for _ in range(exams)] for n in range(raters)}


def test_asking_whether_there_is_a_table_makes_as_little_as_it_can() -> None:
    made: list[str] = []

    def part(name: str, *tables: Declared) -> Iterator[tuple[Declared, pd.DataFrame]]:
        made.append(name)
        return iter([(table, pd.DataFrame()) for table in tables])

    found = OnDemand(
        [
            Part(lambda: part("scores", t.DICE), (t.DICE,)),
            Part(lambda: part("compared", t.COMPARISONS), (t.COMPARISONS,), (t.OTHER_WAYS,)),
        ]
    )
    assert t.DICE.name in found
    assert t.SENSITIVITY.name not in found
    assert made == []
    assert t.OTHER_WAYS.name not in found
    assert made == ["compared"]
    assert t.COMPARISONS.name in found
    with pytest.raises(KeyError):
        found[t.SENSITIVITY.name]
    assert made == ["compared"]
    assert list(found) == [t.COMPARISONS.name, t.DICE.name]
    assert made == ["compared", "scores"]


@pytest.mark.parametrize(("readers", "models", "exams"), [(1, 0, 1), (1, 2, 2), (2, 1, 1), (3, 2, 2)])
def test_what_is_said_to_be_there_is(readers: int, models: int, exams: int) -> None:
    masks = _masks(readers + models, exams)
    names = list(masks)
    of_readers, of_models = (
        {name: masks[name] for name in some} for some in (names[:readers], names[readers:])
    )
    said, made = (read_study(of_readers, of_models, levels=LEVELS, rule="majority") for _ in range(2))
    assert {table.name for table in said.declared()} == {*made.tables}
    for table in said.declared():
        assert len(said[table].columns)


def test_the_panel_of_rules_takes_consensuses_that_there_are() -> None:
    masks = _masks(4, 2)
    model = {"r3": masks.pop("r3")}
    beside = read_study(masks, model, levels=LEVELS)[t.SENSITIVITY]
    alone = read_study(masks, levels=LEVELS)[t.SENSITIVITY]
    readers = beside[beside.rater != "r3"].reset_index(drop=True)
    pd.testing.assert_frame_equal(readers, alone)
