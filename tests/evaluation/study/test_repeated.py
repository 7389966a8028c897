"""A second reading is in no consensus and counts as no reader; it stands beside."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import evaluation as ev
from evaluation import read_study
from evaluation.masks.reading import MaskError
from evaluation.scores import repeats
from evaluation.study import ReaderStudy, repeated
from evaluation.study import tables as t
from evaluation.study.design import Design
from evaluation.study.results import Results
from tests.support.masks import thresholded

LEVELS = {"level1": 1, "level2": 2}
READERS, AGAIN = ["anna", "ben", "carl"], "anna_again"


def masks(*, copied: bool = False) -> dict[str, dict[str, np.ndarray]]:
    found: dict[str, dict[str, np.ndarray]] = {}
    for seed in range(3):
        for rater, mask in thresholded([*READERS, AGAIN, "net"], (14, 12, 4), seed=seed).items():
            found.setdefault(rater, {})[f"exam{seed}"] = np.minimum(mask, 2)
    return found | ({AGAIN: found["anna"]} if copied else {})


def study(drawn: dict[str, dict[str, np.ndarray]], readers: list[str], **rules: object) -> ReaderStudy:
    return read_study(
        {name: drawn[name] for name in readers}, {"net": drawn["net"]}, levels=LEVELS,
        measures=("hd95", "volume_difference"), **rules,
    )  # fmt: skip


@pytest.fixture(scope="module")
def twice() -> ReaderStudy:
    return study(masks(), [*READERS, AGAIN], repeats={AGAIN: "anna"})


def test_nothing_else_changes(twice: ReaderStudy) -> None:
    once = study(masks(), READERS)
    assert repeated.REPEATS not in once and list(twice.readers) == READERS
    for table in (t.DICE, t.FAIR_DICE, t.AGREEMENT_CHANCE, t.INTERCHANGEABILITY, t.VOLUMES, t.COMPARISONS):
        pd.testing.assert_frame_equal(twice[table], once[table])


def test_measures_are_those_of_two_masks(twice: ReaderStudy) -> None:
    drawn, found = masks(), twice[repeated.REPEATS]
    for name in ("dice", "hd95"):
        for kind, other in (("same reader", AGAIN), ("another reader", "ben"), ("model", "net")):
            by_hand = [
                ev.measure(name, drawn[other][exam], drawn["anna"][exam], level=2) for exam in drawn["anna"]
            ]
            rows = found[(found.measure == name) & (found.kind == kind) & (found.level == "level2")]
            row = rows[rows.other == other].iloc[0]
            assert row["mean"] == pytest.approx(np.mean(by_hand)), (name, kind)
    assert set(found.rater) == {"anna"} and set(found.n) == {3}


def test_volumes_and_words(twice: ReaderStudy) -> None:
    drawn, found = masks(), twice[repeated.REPEATS_VOLUMES]
    row = found[(found.other == AGAIN) & (found.level == "level1")].iloc[0]
    ml = np.array(
        [[(drawn[name][exam] == 1).sum() / 1000 for exam in drawn["anna"]] for name in ("anna", AGAIN)]
    )
    assert row.within_sd == pytest.approx(np.sqrt(((ml[0] - ml[1]) ** 2).mean() / 2))
    said = twice.words(repeated.REPEATS)[0]
    assert said.startswith("On level1 anna agrees with the own second reading (anna_again) with Dice 0.")
    assert "; with other readers 0." in said and "; with net 0." in said
    assert {"repeats.md", "repeats_volumes.md", "repeats_in_words.md"} <= {*twice.texts()}
    assert "draws alike every day" in " ".join(twice.printed(repeated.REPEATS).notes)


def test_a_copy_is_no_second_reading() -> None:
    from evaluation.study.repeated import read_again

    drawn = masks(copied=True)
    exam = {name: each["exam0"] for name, each in drawn.items()}
    design = ev.study.Design(levels=LEVELS, repeats={AGAIN: "anna"})
    table, told = read_again(design, exam, np.eye(4))
    assert told == ["anna_again: equal to anna in every voxel, which is a copy and no second reading"]
    assert set(table.value[table.measure == "dice"]) == {1.0}


@pytest.mark.parametrize(
    ("repeats", "words"),
    [
        (
            {AGAIN: "dora"},
            "repeats: found anna_again of dora, expected a second reading of one of the readers",
        ),
        ({AGAIN: AGAIN}, "repeats: found anna_again of anna_again"),
        ({AGAIN: "anna", "ben": AGAIN}, "repeats: found ben of anna_again"),
    ],
)
def test_a_second_reading_is_one_of_a_reader(repeats: dict[str, str], words: str) -> None:
    with pytest.raises(MaskError, match=words):
        study(masks(), [*READERS, AGAIN], repeats=repeats)


def test_what_was_read_again_may_be_some_of_the_exams() -> None:
    drawn = masks()
    del drawn[AGAIN]["exam1"]
    with pytest.raises(MaskError, match=r"exams: anna_again: missing exam1; .* read again, incomplete=True"):
        study(drawn, [*READERS, AGAIN], repeats={AGAIN: "anna"})
    found = study(drawn, [*READERS, AGAIN], repeats={AGAIN: "anna"}, incomplete=True)
    assert set(found[repeated.REPEATS].n) == {2}
    drawn[AGAIN]["exam7"] = drawn[AGAIN]["exam0"]
    with pytest.raises(MaskError, match="anna_again: extra exam7"):
        study(drawn, [*READERS, AGAIN], repeats={AGAIN: "anna"}, incomplete=True)


def test_what_is_said_where_nothing_was_marked_or_both_agree_as_much() -> None:
    rows = [
        ("anna", repeats.SAME, AGAIN, "level1", "dice", np.nan, np.nan, np.nan, 0, 3),
        ("anna", repeats.SAME, AGAIN, "level2", "dice", 0.8, 0.7, 0.9, 2, 3),
        ("anna", repeats.MODEL, "net", "level2", "dice", 0.801, 0.7, 0.9, 3, 3),
    ]
    table = pd.DataFrame(rows, columns=repeats.COLUMNS)
    design = Design(levels=LEVELS, repeats={AGAIN: "anna"})
    exams = [f"exam{n}" for n in range(3)]
    found = Results(design, READERS, ["net"], exams, {repeated.REPEATS.name: table})
    assert repeated.REPEATS.words(found)[:2] == [
        "On level1 anna marked nothing in either reading of 3 exams.",
        f"On level2 anna agrees with the own second reading ({AGAIN}) with Dice 0.80 (0.70–0.90), 2 of 3 "
        "exams; with net 0.80, as much.",
    ]
