"""The first screen: its table for every kind of study, and what its sentences may say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evaluation as ev
from bmseg.report.first import _word, answer_table, picture
from bmseg.report.origin import cohort_table
from bmseg.report.part import shown_in_words
from bmseg.report.scores import exam_means, median_reader
from bmseg.report.strip import part_shown, worst_to_best
from bmseg.report.tables import exam_table, fair_medians, models_first, rule_grid
from bmseg.scoring.short import short_table
from evaluation.comparison.paired import paired_dice
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.comparison.verdicts import LevelVerdict, Verdict, Without
from evaluation.study import ReaderStudy
from evaluation.study import tables as t
from evaluation.study.brief import answers, look_out

READERS = ("anna", "ben", "carl")


def study(
    readers: Sequence[str] = READERS, models: Sequence[str] = ("net",), n_exams: int = 6, **how: Any
) -> ReaderStudy:
    rng = np.random.default_rng(3)
    signal = [rng.normal(size=(1, 300)) for _ in range(n_exams)]

    def drawn(noise: float) -> list[np.ndarray]:
        return [np.digitize(one + noise * rng.normal(size=one.shape), [0.3, 1.2]) for one in signal]

    masks = {reader: drawn(0.4) for reader in readers}
    given = {"levels": {"low": 1, "high": 2}, "groups": {"both": [1, 2]}} | how
    return ev.read_study(masks, {model: drawn(0.5) for model in models}, **given)


def cells(found: ReaderStudy) -> list[list[str]]:
    return [[cell.text for cell in row if cell.rows] for row in answer_table(found, {"low": "weak"}).rows]


def test_a_row_a_level_and_model_with_a_word() -> None:
    found = study(models=("net", "other"))
    shown = answer_table(found, {"low": "weak"})
    assert shown.columns == [
        "Level",
        "Model",
        "Dice",
        "Readers",
        "Minus median reader (95 %)",
        "Verdict",
    ]
    assert [row[0].text for row in shown.rows] == ["low: weak"] * 2 + ["high"] * 2 + ["both"] * 2
    assert [row[0].rows for row in shown.rows] == [2, 0] * 3
    fair = found[t.TABLE1_FAIR].query("way == 'fair' and level == 'high'").set_index("rater")["median"]
    theirs = fair[list(READERS)]
    assert shown.rows[2][2].text == f"{fair.net:.2f}"
    assert shown.rows[2][3].text == f"{theirs.min():.2f}–{theirs.max():.2f}"
    words = {row[1].text: row[-1].text for row in shown.rows[2:4]}
    calls = {
        each.first: {one.level: one for one in each.levels}["high"]
        for each in t.verdicts(found)
        if each.second == MEDIAN_READER
    }
    for model, call in calls.items():
        assert words[model] == {0: "could be chance", 1: "better", -1: "worse"}[call.side]
    # A group repeats its levels: nothing is tested of it.
    assert [row[-1].text for row in shown.rows[4:]] == ["–", "–"]


@pytest.mark.parametrize(
    ("how", "columns"),
    [
        ({"models": ()}, ["Level", "Readers"]),
        ({"readers": ("anna",)}, ["Level", "Model", "Dice"]),
        (
            {"models": [f"net{n}" for n in range(6)]},
            ["Level", "6 models", "Readers", "Beside the median reader"],
        ),
        (
            {"ordered": False},
            ["Level", "Model", "Dice", "Readers", "Minus median reader (95 %)", "Verdict"],
        ),
    ],
)
def test_every_kind_of_study_has_a_table_and_a_picture(how: dict[str, Any], columns: list[str]) -> None:
    found = study(**how)
    shown = answer_table(found, {})
    assert shown.columns == columns and shown.rows
    assert all(len(row) == len(columns) for row in shown.rows)
    assert [row[0].text for row in shown.rows if row[0].rows] == ["low", "high", "both"]
    # Labels without an order are no levels.
    named = shown_in_words(found, shown)
    words = " ".join([named.title, *named.columns, *named.notes]).lower()
    assert ("level" in words) is found.design.ordered
    assert picture(found).axes
    assert exam_table(found, lambda *_, **__: "").rows


def test_of_many_models_it_is_counted_what_they_are() -> None:
    found = study(models=[f"net{n}" for n in range(6)])
    told = cells(found)[0][-1]
    assert sum(int(part.split()[0]) for part in told.split(", ")) == 6


def test_a_median_of_some_exams_says_of_how_many() -> None:
    """High is in two of nine exams; a model marks it in all, another in none, and a third like readers."""
    rng = np.random.default_rng(3)
    signal = [rng.normal(size=(1, 300)) for _ in range(9)]

    def drawn(noise: float) -> list[np.ndarray]:
        masks = [np.digitize(one + noise * rng.normal(size=one.shape), [0.3, 1.2]) for one in signal]
        return [np.minimum(mask, 2 if place < 2 else 1) for place, mask in enumerate(masks)]

    models = {"net": drawn(0.5)}
    models["all"] = [np.where(np.arange(300) < 20, 2, mask) for mask in models["net"]]
    models["none"] = [np.minimum(mask, 1) for mask in models["net"]]
    given = {"levels": {"low": 1, "high": 2}, "measures": ["dice"]}
    found = ev.read_study({reader: drawn(0.4) for reader in READERS}, models, **given)
    shown = answer_table(found, {})
    of_level = {(row[0].text, row[1].text): [cell.text for cell in row] for row in shown.rows}
    assert "(" not in of_level["low", "net"][2] + of_level["low", "net"][3]
    assert [of_level["high", name][2][4:] for name in models] == [" (2 of 9)", "", " (2 of 9)"]
    assert of_level["high", "net"][3].endswith(" (2 of 9)")
    assert shown.notes[0] == "(n of N): the median of so many exams, where not of all."
    assert "(n of N)" not in " ".join(answer_table(study(), {}).notes)
    # Of more models than have rows each.
    many = ev.read_study(
        {reader: drawn(0.4) for reader in READERS},
        models | {f"more{n}": drawn(0.5) for n in range(3)},
        **given,
    )
    high = next(row for row in answer_table(many, {}).rows if row[0].text == "high")
    assert [cell.text.partition(" ")[2] for cell in high[1:3]] == ["(2 to 9 of 9)", "(2 of 9)"]


def test_a_rater_who_has_some_of_the_exams_says_so() -> None:
    """Two of three exams were drawn by two readers: of the third nobody has a fair score."""
    rng = np.random.default_rng(3)
    names = ["e1", "e2", "e3"]
    masks = {name: {exam: rng.integers(0, 3, (6, 9)) for exam in names} for name in (*READERS, "net")}
    drew = {"anna": names, "ben": names[:1], "carl": names[1:2]}
    readers = {reader: {exam: masks[reader][exam] for exam in of} for reader, of in drew.items()}
    given = {"levels": {"low": 1, "high": 2}, "measures": ["dice"], "incomplete": True}
    found = ev.read_study(readers, {"net": masks["net"]}, **given)
    shown = fair_medians(found)
    cells = dict(zip(shown.columns, (cell.text for cell in shown.rows[0]), strict=True))
    ends = {name: cells[name].rpartition(", ")[2] for name in ("net", *READERS)}
    assert ends == {"net": "2 of 3", "anna": "2 of 3", "ben": "1 of 3", "carl": "1 of 3"}
    first = answer_table(found, {}).rows[0]
    assert first[2].text.endswith(" (2 of 3)") and first[3].text.endswith(" (1 to 2 of 3)")


@pytest.mark.parametrize(
    ("difference", "clear", "word"),
    [(0.0, False, "worse§"), (-0.1, True, "worse"), (0.1, True, "split§")],
)
def test_a_word_that_rests_on_marking_what_is_not_there_has_a_sign(
    monkeypatch: pytest.MonkeyPatch, difference: float, clear: bool, word: str
) -> None:
    found = study()
    level = LevelVerdict("low", difference, difference, difference, 0.01, 2, clear, 10, 0, 0.001, True)
    made = [Verdict("net", MEDIAN_READER, "worse", (level,), "")]
    monkeypatch.setattr(t, "verdicts", lambda _: made)
    shown = answer_table(found, {})
    assert shown.rows[0][-1].text == word
    note = "§: told by who marks what is not there, in exams that the difference leaves out."
    assert (note in shown.notes) is ("§" in word)


def called(model: str, difference: float, *, clear: bool = True, **more: Any) -> Verdict:
    """Beside the median reader, on both levels alike."""
    levels = tuple(LevelVerdict(level, difference, difference - 0.05, difference + 0.05, 0.01, 9, clear)
                   for level in ("low", "high"))  # fmt: skip
    return Verdict(model, MEDIAN_READER, "better", levels, "", **more)


def test_what_hangs_on_a_teacher_or_a_seed_is_marked_however_many_models_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models = [f"net{n}" for n in range(6)]
    found = study(models=models)
    worse = called("net1", -0.1)
    made = [
        called("net0", 0.1),
        called("net1", 0.1, without=(Without("anna", ("net1",), called("net1", 0.1, clear=False)),)),
        # Only together with its teacher's masks is it no worse.
        called("net2", -0.01, clear=False, without=(Without("anna", ("net2",), worse),)),
        called("net3", 0.1, unclear_over_seeds=("low",)),
        called("net4", 0.1),
    ]
    monkeypatch.setattr(t, "verdicts", lambda _: made)
    shown = answer_table(found, {})
    told = [row[-1].text for row in shown.rows]
    # The sixth has no verdict: it is a copy.
    assert told == [
        "2 better, 1 better*, 1 could be chance*, 1 better†, 1 copy: not judged",
        "3 better, 1 better*, 1 could be chance*, 1 copy: not judged",
        "1 copy: not judged",
    ]
    both = ["*: otherwise without the reader who taught it.",
            "†: of this network; over the seeds of its method it is not clear."]  # fmt: skip
    assert shown.notes[:2] == both
    monkeypatch.setattr(t, "verdicts", lambda _: made[:1] + made[4:])
    assert not {*answer_table(found, {}).notes} & {*both}


def test_what_one_reader_cannot_carry_is_said() -> None:
    (said, _) = [*answers(study(("anna",), ("net", "other")))][:2]
    assert said.words.startswith("Only anna is there: one reader makes no consensus")
    assert answers(study(models=())) == []
    (few,) = [each for each in look_out(study(n_exams=3)) if each.about == "Few exams"]
    assert few.words == (
        "With 3 exams no difference of Dice by a yardstick can be clear, however large. "
        "Agreement without a consensus is tested apart."
    )
    alone = study(("anna",), ("net", "other"), n_exams=3)
    (few,) = [each for each in look_out(alone) if each.about == "Few exams"]
    assert few.words == "With 3 exams no difference of Dice can be clear, however large."


@pytest.mark.parametrize(("n_exams", "mark"), [(5, "‡"), (6, "")])
def test_an_interval_of_too_few_exams_is_not_called_one_of_95_percent(n_exams: int, mark: str) -> None:
    found = study(n_exams=n_exams)
    shown = answer_table(found, {})
    assert [row[4].text.endswith(")" + mark) for row in shown.rows] == [True] * 3
    assert ["too few exams" in note for note in shown.notes] == [True] * len(mark)
    short = ")*" if mark else ")"
    assert all(cell.text.endswith(short) for row in fair_medians(found).rows for cell in row[1:])
    assert ["too few exams" in note for note in short_table(found).notes].count(True) == len(mark)
    assert all(cell.endswith(short) for row in short_table(found).rows for cell in row[1:])
    legend = picture(found).legends[0].get_texts()
    assert ["widest" in text.get_text() for text in legend].count(True) == len(mark)


def test_it_is_said_first_that_so_many_tests_of_so_few_exams_tell_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model that marks nothing has no verdict then, and the page does not leave it at that."""
    found = study(models=[f"net{n}" for n in range(5)], n_exams=7)
    (few,) = [each for each in look_out(found, 9) if each.about == "Few exams"]
    assert few.words == (
        "Dice by a yardstick beside the median reader: with 7 exams and 2 levels of 5 models no difference "
        "can be clear, however large. Dice by a yardstick between models: with 7 exams and 2 levels of 10 "
        "pairs no difference can be clear, however large. Agreement without a consensus is tested apart."
    )
    # Two tests of seven exams can be clear.
    assert not [each for each in look_out(study(n_exams=7), 9) if each.about == "Few exams"]
    # Verdicts of many models take seconds: of exams enough they are not made for this.
    monkeypatch.setattr(t, "verdicts", None)
    look_out(study(models=("net", "other"), n_exams=12), 9)


def test_the_median_reader_is_the_verdicts() -> None:
    found = study()
    scores = found[t.FAIR_DICE]
    ours = median_reader(found)
    for level in ("low", "high"):
        theirs = paired_dice(scores[scores.level == level], "net", MEDIAN_READER, READERS).other
        assert ours[level].to_numpy() == pytest.approx(theirs.to_numpy(), nan_ok=True)


def test_worst_middle_and_best() -> None:
    means = pd.Series({"a": 0.5, "b": np.nan, "c": 0.2, "d": 0.9, "e": 0.6})
    assert worst_to_best(means) == [("Worst", "c"), ("Middle", "a"), ("Best", "d")]
    assert worst_to_best(means[["a", "c"]]) == [("Worst", "c"), ("Best", "a")]
    assert worst_to_best(means[["b", "a"]]) == [("Exam", "a")]
    assert worst_to_best(means[["b"]]) == [("Exam", "b")]
    assert exam_means(study()).shape == (6, 4)


def test_models_come_first_and_no_number_changes() -> None:
    found = study(models=("net", "other"))
    first = models_first(found)
    for table in (t.TABLE1, t.TABLE1_FAIR, t.SENSITIVITY):
        one, two = (
            each[table].sort_values([*found[table]]).reset_index(drop=True) for each in (found, first)
        )
        pd.testing.assert_frame_equal(one, two)
    assert list(first.table1().columns) == ["Level", "net", "other", *READERS]
    assert [row[0] for row in first.table1().rows] == [row[0] for row in found.table1().rows]


def test_the_grid_holds_the_yardstick_and_every_other_way() -> None:
    found = study(models=("net", "other"))
    shown = rule_grid(found)
    assert shown is not None
    assert shown.rows[0][0].text.endswith("(the yardstick)")
    ways = found[t.OTHER_WAYS].way.nunique()
    assert len(shown.rows) == 1 + ways
    row = found[t.METHODS_COMPARED].query("way == 'yardstick' and level == 'low'").iloc[0]
    assert float(shown.rows[0][1].text.replace("−", "-")) == pytest.approx(round(row.difference, 2))
    assert rule_grid(study(models=())) is None


def test_slices_that_were_read_as_text_are_added() -> None:
    cohort = pd.DataFrame(
        {"split": ["training", "training", "test"], "slices": ["15", "16", "17"], "age": np.nan}
    )
    cohort[["site", "scanner", "group"]] = np.nan
    assert cohort_table(cohort).rows[1] == ["Slices", "31", "17"]
    ages = cohort_table(cohort.assign(age=[6, 8, np.nan])).rows[2]
    assert ages == ["Age in years, mean (range)", "7.0 (6–8)", "–"]


def test_a_picture_shows_the_knee_with_more_error_and_all_of_its_marks() -> None:
    # Columns run to the patient's left; slices along the last axis.
    reference, mask = np.zeros((60, 40, 3), int), np.zeros((60, 40, 3), int)
    reference[5:10, 10:14, 1], reference[45:55, 20:30, 1] = 1, 1
    mask[5:10, 10:14, 1], mask[45:55, 22:30, 1] = 1, 1
    affine = np.array([[-1.0, 0, 0, 0], [0, 0, -3, 0], [0, -1.0, 0, 0], [0, 0, 0, 1]])
    rows, columns = part_shown(reference, mask, affine, "coronal", 1)
    assert columns.start > 10 and columns.start <= 45 and columns.stop >= 55
    assert rows.start <= 20 and rows.stop >= 30
    assert rows.stop - rows.start == columns.stop - columns.start == 34
    empty = np.zeros_like(mask)
    assert part_shown(empty, empty, affine, "coronal", 1) == (slice(None), slice(None))


def test_a_verdict_that_is_not_clear_over_seeds_has_a_dagger() -> None:
    levels = tuple(LevelVerdict(level, 0.1, 0.05, 0.15, 0.01, 9, True) for level in ("level1", "level2"))
    verdict = Verdict("net", "median reader", "better", levels, "", unclear_over_seeds=("level2",))
    assert [_word(verdict, level).text for level in ("level1", "level2")] == ["better", "better†"]
