"""What people read of interchangeability: the sentence says what its row holds, and no more."""

import numpy as np
import pandas as pd
import pytest

from evaluation.comparison import interchangeability as beside
from evaluation.comparison import interchangeability_tables as tables
from evaluation.scores.alternative_annotator import alternative_annotator
from evaluation.scores.interchangeability import NOBODY, ONE_MORE, by_reader, interchangeability
from tests.support.agreement import READERS, drawn, table


@pytest.fixture
def pairs() -> pd.DataFrame:
    """On level1 the model is like the readers, on level2 much nearer to them, on level3 far away."""
    values = {f"level{level}": drawn(level, n_exams=10) for level in (1, 2, 3)}
    for level, shift in (("level2", 0.3), ("level3", -0.3)):
        values[level][:, -1] += shift
        values[level][:, :, -1] += shift
    # The same again, as a group would be.
    values["level2+3"] = values["level2"]
    return pd.concat([table(array, [*READERS, "net"], name) for name, array in values.items()])


FAMILY = {"family": ["level1", "level2", "level3"]}


def numbers(pairs: pd.DataFrame, margin: float | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    asked = {"models": ["net"], "readers": READERS, "margin": margin, **FAMILY}
    return interchangeability(pairs, **asked), by_reader(pairs, **asked)  # type: ignore[arg-type]


def test_what_is_clear_and_what_could_be_chance(pairs: pd.DataFrame) -> None:
    found, places = numbers(pairs)
    assert beside.standings(found) == {("net", "level1"): 0, ("net", "level2"): 1, ("net", "level3"): -1}
    first, second, third = beside.sentences(found, places)
    assert first.startswith("On level1 net agrees with the readers 0.0") and "): could be chance." in first
    assert "One more reader" not in first
    row = found[found.level == "level2"].iloc[0]
    assert second.startswith(
        f"On level2 net agrees with the readers {row.difference:.2f} more than they agree with each other "
        f"(95 % interval {row.low:.2f} more to {row.high:.2f} more; readers fixed; Holm p"
    )
    assert "; 10 of 10 exams): clear for these readers. One more reader" in second
    assert "less than they agree with each other (95 % interval 0." in third
    places_of_second = places[places.level == "level2"].sort_values("difference")
    low, high = places_of_second.iloc[0], places_of_second.iloc[-1]
    words = f"In a reader's place: {low.difference:.2f} more ({low.other}) to {high.difference:.2f} more"
    assert words in second
    assert beside.in_short(found) == [
        "net agrees with the readers more than they do with each other on level2 and less than they do with "
        "each other on level3: clear for these readers, though one more reader could be as far off; on "
        "level1 the difference could be chance (readers fixed; clear means Holm p at most 0.05; 10 exams)."
    ]
    surer = found.assign(p_holm=found.p_holm.where((found.way != ONE_MORE) | (found.level == "level2"), 0.01))
    assert (
        "clear for these readers, though one more reader could be as far off on level2; on"
        in (beside.in_short(surer)[0])
    )
    surest = found.assign(p_holm=found.p_holm.where(found.way != ONE_MORE, 0.01))
    assert (
        "clear for these readers, and further off than one more reader would be; on"
        in (beside.in_short(surest)[0])
    )


def test_one_outlying_reader_makes_no_model_clearly_better() -> None:
    """Dora is far from all others: the model is above the readers' mean, and below each but dora."""
    values = np.random.default_rng(0).normal(0, 0.005, (10, 5, 5)) + 0.8
    values[:, :4, 3] = 0.2
    values[:, :3, 4] = 0.7
    values[:, 3, 4] = 0.2
    values = np.triu(values, 1) + np.triu(values, 1).transpose(0, 2, 1)
    found, places = numbers(table(values, [*READERS, "net"]))
    # Relabelling knows that anna, ben and carl stand further above dora than the model does.
    assert found.difference.iloc[0] > 0.07 and beside.standings(found) == {("net", "level1"): 0}
    (said,) = beside.sentences(found.assign(p_holm=0.01), places)
    assert " In a reader's place: 0.07 less (" in said
    assert said.endswith("more (dora), so it hangs on whose place it takes.")


def test_a_margin_is_spoken_of_where_there_is_one(pairs: pd.DataFrame) -> None:
    said = beside.sentences(*numbers(pairs, margin=0.1))
    assert said[1].endswith("Not worse by the margin of 0.1: clear; equivalent within it: could be chance.")
    assert said[2].endswith("Worse by more than the margin of 0.1: clear.")
    assert not any("margin" in sentence for sentence in beside.sentences(*numbers(pairs)))


def test_one_exam_no_exam_and_invented_levels() -> None:
    values = np.full((8, 5, 5), np.nan)
    found, places = numbers(table(values, [*READERS, "net"]))
    assert beside.sentences(found, places) == [
        "On level1 nothing can be said of net: neither it nor a reader marked it."
    ]
    found, _ = numbers(table(drawn(1, n_exams=1), [*READERS, "net"]))
    assert beside.sentences(found)[0].endswith("agree with each other (one exam gives no interval).")
    values[:, -1] = values[:, :, -1] = 0
    found, _ = numbers(table(values, [*READERS, "net"]))
    assert beside.sentences(found)[0].endswith(
        "In 8 exams it alone marked level1: there it counts as 0 and the readers as 1."
    )


def test_an_interval_beside_0_says_on_which_side(pairs: pd.DataFrame) -> None:
    found, _ = numbers(pairs)
    said = beside.sentences(found.assign(low=0.0042, high=0.0, difference=-0.004))[0]
    assert "net agrees with the readers as much, to two decimals, as they agree with each other" in said
    assert "95 % interval 0.004 more to 0.00; readers fixed" in said


def test_one_more_reader_who_would_not_be_as_far_off(pairs: pd.DataFrame) -> None:
    found, places = numbers(pairs)
    sure = found.assign(p_holm=found.p_holm.where(found.way != ONE_MORE, 0.001))
    assert "would hardly be as far off" in beside.sentences(sure, places)[1]


def test_what_is_left_without_the_reader_who_taught_it() -> None:
    """A model that copies anna and is else one more reader agrees with her alone."""
    values = drawn(4, n_exams=10)
    values[:, 0, -1] = values[:, -1, 0] = 1
    found, places = numbers(table(values, [*READERS, "net"]))
    (said,) = beside.sentences(found, places, {"net": "anna"})
    row = found[found.left_out == "anna"].iloc[0]
    assert f" Without anna, whose masks taught it: {abs(row.difference):.2f} " in said and row.p_holm > 0.05
    assert said.endswith("): could be chance.")
    assert abs(row.difference) < found.difference.iloc[0] - 0.05
    two = interchangeability(table(values[:, [0, 1, 4]][:, :, [0, 1, 4]], ["a", "b", "net"]), models=["net"],
                             readers=["a", "b"])  # fmt: skip
    assert beside.sentences(two, teachers={"net": "a"})[0].endswith("taught it, too few readers are left.")


def test_printed_tables(pairs: pd.DataFrame) -> None:
    found, places = numbers(pairs, margin=0.1)
    printed = tables.interchangeability_table(found, title="Interchangeability", notes=["synthetic cohort"])
    assert printed.columns[-3:] == ["Exams", "Not worse: Holm p", "Equivalent: Holm p"]
    assert [row[0] for row in printed.rows] == [f"level{n}, net" for n in ("1", "2", "3", "2+3")]
    assert printed.rows[3][4] == "–" and printed.rows[1][4] == printed.rows[1][4].strip()
    assert printed.notes[-1] == "synthetic cohort" and "up to 31 % of exams" in " ".join(printed.notes)
    without = found[(found.level == "level1") & (found.left_out != NOBODY)].difference
    assert printed.rows[0][7].split(" to ")[0] == f"{without.min():+.2f}"
    text = str(tables.places_table(places, title="Places"))
    assert "level1, net in anna's" in text and "groups repeat levels" in text
    test = alternative_annotator(pairs, models=["net"], readers=READERS)
    assert "10 exams cannot carry this test: it asks for 30 at least" in str(
        tables.annotator_table(test, title="Alternative annotator")
    )
    assert beside.annotator_words(test.assign(passes="yes")) == []
    assert beside.annotator_words(test.assign(n_needed=11))[0].endswith("With so few no model can pass.")
