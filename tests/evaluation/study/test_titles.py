"""Names stay in files, people read titles: told apart by column, not by words of a sentence."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evaluation as ev
from evaluation.study import tables as t
from evaluation.study.titles import as_seen, in_sentence, renamed, told_apart

# As long as the names, so that a table printed as text keeps its widths.
TITLES = {
    "lvl1": "Lv 1", "lvl2": "Lv 2", "lvl12": "Lv 12", "rdrA": "A. A", "rdrB": "B. B", "rdrC": "C. C",
    "mdlX": "X-Nt", "mdlY": "Y-Nt",
}  # fmt: skip


def drawn(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.choice(3, (6, 5, 4), p=[0.5, 0.3, 0.2]).astype(np.uint8) for _ in range(3)]


@pytest.fixture(scope="module")
def study() -> ev.ReaderStudy:
    return ev.read_study(
        {name: drawn(seed) for seed, name in enumerate(("rdrA", "rdrB", "rdrC"))},
        {"mdlX": drawn(7), "mdlY": drawn(8)},
        levels={"lvl1": 1, "lvl2": 2}, groups={"lvl12": (1, 2)}, rule="majority",
        taught_by={"mdlX": ["rdrA"]},
    )  # fmt: skip


def titled(study: ev.ReaderStudy, titles: dict[str, str]) -> ev.ReaderStudy:
    return replace(study, design=replace(study.design, titles=titles))


def test_all_that_is_printed_says_titles_and_csv_files_keep_names(study: ev.ReaderStudy) -> None:
    plain, shown = study.texts(), titled(study, TITLES).texts()
    printed = [name for name in plain if not name.endswith(".csv")]
    assert len(printed) > 10
    for name, text in plain.items():
        expected = text
        for old in sorted(TITLES, key=len, reverse=True) if name in printed else ():
            expected = expected.replace(old, TITLES[old])
        assert shown[name] == expected, name


def test_no_name_of_a_column_is_printed(study: ev.ReaderStudy) -> None:
    for name, text in study.texts().items():
        if not name.endswith(".csv"):
            assert not re.findall(r"\w*[a-z]_[a-z]\w*", text), name


def test_verdicts_and_numbers_go_by_names(study: ev.ReaderStudy) -> None:
    found = titled(study, TITLES)
    plain, shown = t.verdicts(study), t.verdicts(found)
    assert [(v.first, v.second, v.call) for v in shown] == [(v.first, v.second, v.call) for v in plain]
    assert [level.level for level in shown[0].levels] == ["lvl1", "lvl2"]
    assert all("mdlX" not in v.words for v in shown) and any("X-Nt" in v.words for v in shown)
    pd.testing.assert_frame_equal(found.table1().data, study.table1().data)
    pd.testing.assert_frame_equal(found.printed(t.DECISIONS).data, study.printed(t.DECISIONS).data)
    assert t.usual_table(found, ["mdlX"]).columns == ["Level", "X-Nt"]
    assert found.shown("rdrA") == "A. A" and found.shown("median reader") == "median reader"


def test_figures_say_titles_and_their_files_keep_names(study: ev.ReaderStudy) -> None:
    wanted = {"dice_mdlX", "comparisons_mdlX", "agreement"}
    figures = {name: figure for name, figure in titled(study, TITLES).figures() if name in wanted}
    assert figures.keys() == wanted
    for figure in figures.values():
        seen = [text.get_text() for text in figure.findobj(lambda one: hasattr(one, "get_text"))]
        assert not any(name in text for name in TITLES for text in seen)
    seen = [text.get_text() for text in figures["dice_mdlX"].findobj(lambda one: hasattr(one, "get_text"))]
    assert any("X-Nt" in text for text in seen)


def test_a_title_that_would_be_taken_for_another_is_not_shown(study: ev.ReaderStudy) -> None:
    found = titled(study, {"mdlX": "MDLy", "rdrA": "One", "rdrB": "one "})
    assert found.titles == {}
    assert found.titled is found


def test_a_rater_called_by_one_of_our_words_leaves_sentences_alone() -> None:
    table = pd.DataFrame({"rater": ["model"], "words": ["the model missed level3"], "way": ["without model"]})
    found = renamed(table, {"model": "Ours", "level3": "Level 3"})
    assert found.to_dict("records") == [
        {"rater": "Ours", "words": "the model missed Level 3", "way": "without Ours"}
    ]
    assert in_sentence("level3, level3+2", {"level3": "L"}) == "L, level3+2"


@given(st.dictionaries(st.text(min_size=1, max_size=4), st.text(min_size=1, max_size=4), max_size=5))
def test_titles_that_are_shown_can_be_told_apart_and_turned_back(titles: dict[str, str]) -> None:
    names = list(titles)
    found = told_apart(titles, names)
    shown = [found.get(name, name) for name in names]
    for name, title in found.items():
        assert [as_seen(each) for each in shown].count(as_seen(title)) == 1
        assert title not in set(names) - {name}
    back = {title: name for name, title in found.items()}
    assert renamed(renamed(names, found), back) == names


def test_tables_of_a_study_in_titles_are_as_many() -> None:
    found = ev.read_study({"a": drawn(1), "b": drawn(2)}, levels={"lvl1": 1, "lvl2": 2}, rule="majority")
    assert list(found.titled.tables) == list(found.tables)
    assert len(found.titled.tables) == len(found.tables)
