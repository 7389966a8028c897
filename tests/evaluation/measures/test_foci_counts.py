from io import StringIO

import numpy as np
import pandas as pd
import pytest

from evaluation.measures.components import FociRules
from evaluation.measures.foci import FOCI_COLUMNS, exam_foci
from evaluation.measures.foci_counts import by_volume, counts, foci_words, of_own_yardstick, summarise_foci

LEVELS = {"level1": 1, "level3": 3}


def rows(exam: str, rater: str, reference: str, mask: str, left_out: str = "", rules=None) -> list[tuple]:
    arrays = [np.array([[int(mark) for mark in text.replace(".", "0")]]) for text in (reference, mask)]
    return [(exam, rater, left_out, *row) for row in exam_foci(*arrays, LEVELS, (1, 1), rules)]


def table(*exams: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame([row for each in exams for row in each], columns=FOCI_COLUMNS)


@pytest.fixture
def foci() -> pd.DataFrame:
    """Two readers and a model in three exams; in the last one nobody has a focus of level 3."""
    return table(
        rows("a", "anna", "33.3..3..", "33.3..1.."),
        rows("a", "net", "33.3..3..", "33.....3."),
        rows("b", "anna", "3........", ".........", ),
        rows("b", "net", "3........", "3.3.3...."),
        rows("c", "anna", "..1......", "..1......"),
        rows("c", "net", "..1......", "........."),
    )  # fmt: skip


def test_each_exam_is_counted(foci: pd.DataFrame) -> None:
    found = counts(foci).set_index(["rater", "exam", "level"])
    net = found.loc["net"]
    assert net.loc[("a", "level3"), ["n_foci", "found", "lower", "missed", "false"]].tolist() == [
        3,
        1,
        0,
        2,
        1,
    ]
    assert net.loc[("b", "level3"), ["n_foci", "found", "missed", "false"]].tolist() == [1, 1, 0, 2]
    np.testing.assert_equal(net.loc[("c", "level3"), ["sensitivity", "f1"]].tolist(), [np.nan, np.nan])
    assert net.loc[("c", "level3"), "false"] == 0
    assert found.loc[("anna", "a", "level3"), "lower"] == 1


def test_a_cohort_is_summed_over_its_foci(foci: pd.DataFrame) -> None:
    summary = summarise_foci(foci)
    row = summary[(summary.rater == "net") & (summary.level == "level3")].iloc[0]
    assert row[["n_exams", "n_with_foci", "n_nowhere"]].tolist() == [3, 2, 1]
    assert row[["n_foci", "found", "missed", "false", "matched"]].tolist() == [4, 2, 2, 3, 2]
    assert row.sensitivity == 2 / 4
    assert row.f1 == 2 * 2 / (4 + 5)
    assert row.false_per_exam == 1
    assert row.focus_dice == pytest.approx(2 / 7)
    of_a = summarise_foci(foci, ["a"])
    assert of_a[(of_a.rater == "net") & (of_a.level == "level3")].n_exams.tolist() == [1]


def test_an_exam_with_small_components_alone_has_no_focus() -> None:
    summary = summarise_foci(table(rows("a", "net", "3..", "..3", rules=FociRules(smallest_mm3=2))))
    assert summary.n_nowhere.tolist() == [1, 1]
    assert summary[["too_small", "too_small_rater"]].values.tolist() == [[1, 1], [1, 1]]


def test_the_file_says_the_same(foci: pd.DataFrame) -> None:
    read = pd.read_csv(StringIO(foci.to_csv(index=False)))
    pd.testing.assert_frame_equal(
        summarise_foci(read).drop(columns="left_out"), summarise_foci(foci).drop(columns="left_out")
    )


def test_volumes_are_put_in_bins_from_a_bound_on(foci: pd.DataFrame) -> None:
    net = by_volume(foci[(foci.rater == "net") & (foci.level == "level3")], [0.002])
    shown = net[["from_ml", "to_ml", "n_foci", "found", "missed", "sensitivity"]]
    assert shown.values.tolist() == [[0, 0.002, 3, 1, 2, 1 / 3], [0.002, np.inf, 1, 1, 0, 1]]


def test_sentences_say_how_few_foci_there_are(foci: pd.DataFrame) -> None:
    words = foci_words(summarise_foci(foci), ["anna"], ["net"])
    assert words == [
        "net missed 3 of 5 level1 foci; the readers missed 1. In 3 exams it marked 3 foci where there "
        "is nothing (the readers 0). Few foci, in 3 of 3 exams: one more or less is 20 % of them.",
        "net missed 2 of 4 level3 foci and called 0 lower; the readers missed 1 and called 1 lower. In "
        "3 exams it marked 3 foci where there is nothing (the readers 0). Few foci, in 2 of 3 exams: one "
        "more or less is 25 % of them.",
    ]


def test_too_high_is_not_invented() -> None:
    foci = table(
        rows("a", "anna", "3.1..", "3.3.."), rows("a", "net", "3.1..", "3.3.3"), rows("b", "net", "1", "3")
    )
    (words,) = foci_words(summarise_foci(foci, ["a"]), ["anna"], ["net"], ["level3"])
    assert words.startswith(
        "net missed 0 of 1 level3 focus; the readers missed 0. In 1 exam it marked 1 focus where there is "
        "nothing (the readers 0) and 1 where there is a lower level (the readers 1)."
    )
    (words,) = foci_words(summarise_foci(foci), [], ["net"], ["level3"], ordered=False)
    assert "In 2 exams it marked 1 focus where there is nothing and 2 where there is another label." in words


def test_yardsticks_without_one_reader_are_said() -> None:
    foci = table(
        rows("a", "anna", "3.3.", "3...", "anna"),
        rows("a", "bert", "3...", "33..", "bert"),
        rows("a", "net", "3.3.", ".3..", "anna"),
        rows("a", "net", "3...", ".3..", "bert"),
        rows("a", "net", "3333", ".3..", ""),
    )
    (words,) = foci_words(summarise_foci(foci), ["anna", "bert"], ["net"], ["level3"])
    assert words == (
        "net missed 1 to 2 level3 foci (of 1 to 2, by 2 yardsticks, each without one reader); the readers "
        "missed 0 to 1. In 1 exam it marked 1 focus where there is nothing (the readers 0). Few foci, "
        "in 1 of 1 exam: one more or less is 100 % of them."
    )


def test_none_missed_of_one_by_several_yardsticks_are_foci() -> None:
    foci = table(*(rows("a", rater, "3..", "3..", left) for rater, left in (
        ("anna", "anna"), ("bert", "bert"), ("net", "anna"), ("net", "bert"))))  # fmt: skip
    (words,) = foci_words(summarise_foci(foci), ["anna", "bert"], ["net"], ["level3"])
    assert words.startswith("net missed 0 level3 foci (of 1, by 2 yardsticks, each without one reader); ")


def test_one_of_eight_is_13_percent() -> None:
    summary = pd.DataFrame({"rater": ["net"], "level": "level3", "n_exams": 9, "n_with_foci": 8, "n_foci": 8,
                            "missed": 1, "lower": 0, "false": 0, "false_called": 0})  # fmt: skip
    (words,) = foci_words(summary, [], ["net"])
    assert words.endswith("Few foci, in 8 of 9 exams: one more or less is 13 % of them.")


def test_a_model_by_the_yardstick_of_all_stands_beside_readers_by_the_others() -> None:
    foci = table(
        rows("a", "anna", "3.3.", "3...", "anna"),
        rows("a", "anna", "3...", "3...", ""),
        rows("a", "net", "3.3.", "3.3.", ""),
    )
    (words,) = foci_words(summarise_foci(foci), ["anna"], ["net"], ["level3"])
    assert words.startswith("net missed 0 of 2 level3 foci; the readers missed 1. ")
    assert {*of_own_yardstick(foci).left_out} == {"anna", ""}
    own = of_own_yardstick(foci)
    assert own.left_out[own.rater == "anna"].eq("anna").all()


def test_a_level_without_foci_cannot_be_missed() -> None:
    foci = table(rows("a", "anna", "1..", "1.."), rows("a", "net", "1..", "1.3"))
    assert foci_words(summarise_foci(foci), ["anna"], ["net"], ["level3"]) == [
        "There is no level3 focus in 1 exam, so none can be missed; net marked 1 focus where there is "
        "nothing (the readers 0)."
    ]


def test_without_readers_and_of_who_is_not_there_nothing_is_said(foci: pd.DataFrame) -> None:
    summary = summarise_foci(foci)
    assert foci_words(summary, ["anna"], ["other"]) == []
    (words,) = foci_words(summary, [], ["net"], ["level3"])
    assert "readers" not in words


def test_of_one_yardstick_every_row_is_its_own() -> None:
    foci = pd.DataFrame({"exam": ["e"], "rater": ["net"]})
    assert of_own_yardstick(foci) is foci
