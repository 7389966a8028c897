"""The first words of a study where something of it is not there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import evaluation as ev
from evaluation.consensus.audited import STUDY
from evaluation.consensus.kinds import Rule
from evaluation.masks.reading import MaskError
from evaluation.statistics.intervals import StatisticsError
from evaluation.study import ReaderStudy, lineage
from evaluation.study import measure_tables as m
from evaluation.study import tables as t
from evaluation.study.brief import _foci, answers, look_out
from evaluation.study.design import Design
from evaluation.study.results import Results

LEVELS = {"low": 1, "high": 2}


def drawn(seed: int, n_exams: int = 3) -> list[np.ndarray]:
    """Masks that agree in part."""
    found = []
    for exam in range(n_exams):
        signal = np.random.default_rng(exam).normal(size=(9, 40))
        noise = np.random.default_rng([exam, seed]).normal(size=signal.shape)
        found.append(np.digitize(signal + 0.4 * noise, [0.3, 1.2]))
    return found


READERS = {name: drawn(seed) for seed, name in enumerate(("anna", "ben", "carl"))}


def said(found: ReaderStudy) -> dict[str, str]:
    return {each.about: each.words for each in (*answers(found), *look_out(found, 9))}


def study(models: dict[str, Any], **how: Any) -> ReaderStudy:
    return ev.read_study(READERS, models, levels=LEVELS, **how)


def test_copies_are_named_and_leave_nobody_to_judge() -> None:
    found = study({"twin": READERS["anna"], "other": READERS["ben"]})
    told = said(found)
    assert told["Beside the readers"] == "No model is left to judge: each has masks of another rater."
    assert told["Between models"] == "There are no two models to compare: copies are not judged."
    assert told["Copies"] == "other has masks of ben, twin has masks of anna: a copy is not judged."
    with pytest.raises(StatisticsError, match="interchangeability: found no model"):
        found.interchangeability()
    # Whom a reader's place would be taken by, nobody knows.
    assert lineage.judged(found) == [] and t.INTERCHANGEABILITY not in found


def test_networks_of_one_method_are_no_pair() -> None:
    found = study({"net": drawn(7), "again": drawn(8)}, seed_of={"again": "net"})
    assert said(found)["Between models"] == (
        "There are no two methods to compare: networks of one method differ in their seed alone."
    )


@pytest.mark.parametrize(
    ("yardstick", "told"),
    [
        ("multilabel", ("The consensus", "all scores rest on it")),
        ("map", ("The study's consensus", "no verdict rests on it")),
    ],
)  # fmt: skip
def test_what_rests_on_a_consensus_that_overruled_all_readers(yardstick: Rule, told: tuple[str, str]) -> None:
    design = Design(levels=LEVELS, rule="multilabel", yardstick=yardstick)
    audit = pd.DataFrame({"exam": ["e1"], "consensus": [STUDY], "kind": ["overruled"], "voxels": [3]})
    exams = [f"e{n}" for n in range(6)]
    found = Results(design, list(READERS), ["net"], exams, {t.CONSENSUS_AUDIT.name: audit})
    (each,) = look_out(found)
    assert each.words == (
        f"{told[0]} (multi-label STAPLE) overruled all readers in 1 of 6 exams (most: e1); {told[1]}."
    )


def foci(ordered: bool = True, **counts: tuple[int, int]) -> Results:
    """Of each rater how many of two foci of the highest level it missed, and how many it called lower."""
    rows = [(name, "high", 2, *both, 1 if name == "net" else 0, 0) for name, both in counts.items()]
    columns = ["rater", "level", "n_foci", "missed", "lower", "false", "false_called"]
    models = [name for name in counts if name not in READERS]
    summary = pd.DataFrame(rows, columns=columns)
    design = Design(levels=LEVELS, ordered=ordered)
    return Results(design, list(READERS), models, [f"e{n}" for n in range(6)], {m.FOCI_SUMMARY.name: summary})


READ = {"anna": (0, 0), "ben": (0, 0), "carl": (0, 0)}


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        (READ | {"net": (0, 0), "no": (0, 2)},
         "of 2 foci not found at their level: net 0, no 2 (2 called lower), readers 0"),
        (READ | {"net": (0, 0), "no": (1, 0)}, "of 2 foci net 0, no 1 missed (readers 0)"),
        (READ | {"ben": (1, 1), "net": (1, 0)},
         "of 2 foci not found at their level: net 1, readers 0 to 2 (0 to 1 called lower)"),
        (READ | {f"net{n}": (0, n % 3) for n in range(4)},
         "of 2 foci not found at their level: models 0 to 2 (0 to 2 called lower), readers 0"),
        (READ | {f"net{n}": (n % 3, 0) for n in range(4)}, "of 2 foci models 0 to 2 missed (readers 0)"),
    ],
)  # fmt: skip
def test_a_focus_that_was_called_lower_is_not_found(counts: dict[str, tuple[int, int]], told: str) -> None:
    assert [*_foci(foci(**counts))] == [told]


def test_one_mark_where_nothing_is_is_a_focus() -> None:
    (each,) = look_out(foci(**READ, net=(0, 0)))
    assert each.words == "net marked 1 high focus where nothing is (readers 0)."


def test_what_is_not_there_is_refused_by_name() -> None:
    found = study({"net": drawn(7)}, measures=("dice",))
    with pytest.raises(StatisticsError, match="measures: found Dice alone, expected some more in the design"):
        found.measures()
    with pytest.raises(ValueError, match="dice: found numbers alone, expected a table that is printed"):
        found.printed(t.DICE)
    with pytest.raises(ValueError, match="measure: found 'foci', expected one of two masks alone"):
        ev.measure("foci", [[0, 1]], [[0, 1]])
    with pytest.raises(ValueError, match="measure: found 'nsd@readers', expected one of two masks alone"):
        ev.measure("nsd@readers", [[0, 1]], [[0, 1]])


def test_an_exam_that_cannot_be_split_into_knees_is_named() -> None:
    with pytest.raises(MaskError, match="exam1: "):
        study({"net": drawn(7)}, unit="knee")
