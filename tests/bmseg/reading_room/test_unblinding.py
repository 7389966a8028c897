"""Scores meet the key: rows of Table 2, means, agreement, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from bmseg.errors import InputError
from bmseg.reading_room.records import Key, Place, ScoresFile, draw_order
from bmseg.reading_room.unblind import unblind
from tests.support.rooms import scores_record

EXAMS, ITEMS = ["knee_1", "knee_2", "knee_3"], ["level1", "overall"]
BUILD = "0123456789abcdef" * 4


def key(origins: tuple[str, ...] = ("consensus", "nnunet"), **changes: Any) -> Key:
    values = {
        "build": BUILD,
        "seed": 5,
        "items": ITEMS,
        "exams": {exam: {"slices": 14 + n, "age": 9.5 + n} for n, exam in enumerate(EXAMS)},
        "masks": draw_order(EXAMS, origins, 5),
    }
    return Key.model_validate(values | changes)


def scores_of(key: Key, reader: str = "AB", shift: float = 0.0, **changes: Any) -> ScoresFile:
    """The score of a mask follows from exam, origin and item, whatever its place."""
    answers = [
        {"mask": place, "scores": {item: true_score(mask, item) + shift for item in key.items}}
        for place, mask in enumerate(key.masks, 1)
    ]
    return ScoresFile.model_validate(scores_record(key.build, answers, reader=reader) | changes)


def true_score(mask: Place, item: str) -> float:
    exam = EXAMS.index(mask.exam)
    return exam + {"consensus": 0.0, "nnunet": 0.5, "unet": 0.7}.get(mask.origin, 0.3) + ITEMS.index(item) * 2


def test_rows_of_table_2() -> None:
    found = unblind(key(), {"a.json": scores_of(key())})
    assert list(found.tables) == [("nnunet", "AB")]
    table = found.tables["nnunet", "AB"]
    assert list(table) == ["mask", "slices", "age", "level1_gt", "level1_ai", "overall_gt", "overall_ai"]
    assert table.to_numpy().tolist() == [
        ["knee_1", 14, 9.5, 0.0, 0.5, 2.0, 2.5],
        ["knee_2", 15, 10.5, 1.0, 1.5, 3.0, 3.5],
        ["knee_3", 16, 11.5, 2.0, 2.5, 4.0, 4.5],
    ]
    assert found.n_missing == 0
    assert found.reliability.empty
    assert len(found.answers) == 12


def test_a_table_a_model() -> None:
    three = key(("consensus", "nnunet", "unet"))
    found = unblind(three, {"a.json": scores_of(three)})
    assert list(found.tables) == [("nnunet", "AB"), ("unet", "AB")]
    assert found.tables["unet", "AB"].level1_ai.tolist() == [0.7, 1.7, 2.7]


def test_independent_readers_have_a_mean_and_an_icc() -> None:
    files = {name: scores_of(key(), name, shift) for name, shift in (("AB", 0.0), ("CD", 1.0), ("EF", 0.5))}
    found = unblind(key(), files)
    assert set(found.tables) == {("nnunet", name) for name in ("AB", "CD", "EF", "mean")}
    assert found.tables["nnunet", "mean"].level1_gt.tolist() == [0.5, 1.5, 2.5]
    # Readers differ by a constant: perfect consistency, and less agreement.
    by_type = found.reliability[found.reliability.item == "level1"].set_index("type")
    assert by_type.icc["ICC(3,1)"] == pytest.approx(1)
    assert by_type.icc["ICC(2,1)"] < 1
    assert (by_type.n == 6).all()
    assert (by_type.k == 3).all()


def test_icc_is_that_of_pingouin() -> None:
    pingouin = pytest.importorskip("pingouin", reason="pingouin is not installed")
    rng = np.random.default_rng(2)
    files = {}
    for name in ("AB", "CD", "EF"):
        answers = [
            {"mask": n, "scores": {item: round(float(rng.uniform(0, 10)), 1) for item in ITEMS}}
            for n in range(1, 7)
        ]
        files[name] = scores_of(key(), name, answers=answers)
    found = unblind(key(), files)
    long = found.answers[found.answers.item == "overall"]
    theirs = pingouin.intraclass_corr(long, targets="place", raters="reader", ratings="score")
    single = theirs.set_index("Type").loc["ICC(A,1)"]
    ours = found.reliability.set_index(["item", "type"]).loc["overall", "ICC(2,1)"]
    assert ours.icc == pytest.approx(single.ICC)


def test_readers_together_are_no_independent_readers() -> None:
    files = {"a": scores_of(key(), "AB"), "b": scores_of(key(), "CD+EF", 1.0, reading="together")}
    found = unblind(key(), files)
    assert set(found.tables) == {("nnunet", "AB"), ("nnunet", "CD+EF")}
    assert found.reliability.empty


def unfinished(reader: str = "AB") -> ScoresFile:
    whole = scores_of(key(), reader)
    answers = [answer.model_dump() for answer in whole.answers[:-1]]
    answers[1]["scores"]["overall"] = None
    return whole.model_copy(update={"answers": ScoresFile.model_validate(
        whole.model_dump() | {"answers": answers}).answers})  # fmt: skip


def test_missing_scores_are_refused_by_name_or_counted() -> None:
    with pytest.raises(InputError) as refused:
        unblind(key(), {"a.json": unfinished()})
    assert "mask 2 (overall); mask 6 (level1, overall)" in str(refused.value)
    found = unblind(key(), {"a.json": unfinished()}, unfinished=True)
    assert found.n_missing == 3
    assert found.tables["nnunet", "AB"].isna().sum().sum() == 3


def test_the_mean_of_readers_is_undefined_where_one_gave_none() -> None:
    files = {"a": unfinished(), "b": scores_of(key(), "CD")}
    found = unblind(key(), files, unfinished=True)
    assert found.tables["nnunet", "mean"].isna().sum().sum() == 3
    by_item = found.reliability[found.reliability.type == "ICC(2,1)"].set_index("item")
    assert by_item.n.to_dict() == {"level1": 5, "overall": 4}
    assert (by_item.n_masks == 6).all()


def test_comments_are_kept_with_names() -> None:
    answers = [{"mask": 2, "scores": {}, "comment": " physis marked, left "}]
    found = unblind(key(), {"a": scores_of(key(), answers=answers)}, unfinished=True)
    mask = key().masks[1]
    assert found.comments.to_numpy().tolist() == [["AB", 2, mask.exam, mask.origin, "physis marked, left"]]


def test_exams_without_age_have_no_such_column() -> None:
    ageless = key(exams={exam: {"slices": 14} for exam in EXAMS})
    assert list(unblind(ageless, {"a": scores_of(ageless)}).tables["nnunet", "AB"])[:3] == [
        "mask", "slices", "level1_gt",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a": scores_of(key(build="f" * 64))}, "a: build: found scores of page ffffffffffff, expected 0123"),
        ({"a": scores_of(key()), "b": scores_of(key())}, "b: reader: found AB a second time (first a)"),
        ({"a": scores_of(key(), "mean")}, "a: reader: found 'mean'"),
        ({"a": scores_of(key(), answers=[{"mask": 7, "scores": {}}])}, "found mask 7, expected 1 to 6"),
        (
            {"a": scores_of(key(), answers=[{"mask": 1, "scores": {"level9": 1.0}}])},
            "mask 1: found scores of level9, expected some of level1, overall",
        ),
    ],
)
def test_refused(files: dict[str, ScoresFile], message: str) -> None:
    with pytest.raises(InputError) as refused:
        unblind(key(), files, unfinished=True)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"reader": "A B"}, {"reader": ""}, {"reading": "both"}, {"build": "abc"}, {"kind": "other"},
        {"answers": [{"mask": 1, "scores": {"level1": 10.1}}]},
        {"answers": [{"mask": 1, "scores": {"level1": -0.1}}]},
        {"answers": [{"mask": 0, "scores": {}}]},
        {"answers": [{"mask": 1, "scores": {}}, {"mask": 1, "scores": {}}]},
        {"other": 1},
    ],
)  # fmt: skip
def test_a_file_that_the_page_does_not_write_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        scores_of(key(), **changes)


def test_a_key_is_whole() -> None:
    with pytest.raises(ValidationError, match="found exam knee_3"):
        key(exams={"knee_1": {"slices": 1}, "knee_2": {"slices": 1}})
    with pytest.raises(ValidationError, match="found one twice"):
        key(masks=[{"exam": "knee_1", "origin": "consensus"}] * 2)


def test_tables_are_of_numbers() -> None:
    table = unblind(key(), {"a": unfinished()}, unfinished=True).tables["nnunet", "AB"]
    assert all(pd.api.types.is_numeric_dtype(table[name]) for name in table if name != "mask")


def test_no_two_files_share_a_name() -> None:
    """Model m read by a_b, model m_a read by b, and M read by A_B where capitals do not count."""
    made = key(("consensus", "m", "m_a", "M"))
    files = {name: scores_of(made, name) for name in ("a_b", "b", "A_B")}
    found = unblind(made, files)
    names = [name.casefold() for name in found.vas_tables]
    assert len(set(names)) == len(names) == len(found.tables) == 12
    for (model, reader), table in found.tables.items():
        (same,) = [name for name, one in found.vas_tables.items() if one is table]
        assert same.endswith(f"_{model}_{reader}.csv")
