"""What a plan says in words."""

import numpy as np
import pytest

from evaluation.planning import printed, printed_readers
from evaluation.planning.board import plan_board
from evaluation.planning.exams import Goal, Wanted, plan_exams
from evaluation.planning.printed import Subject
from evaluation.planning.readers import Components, ReaderWidths
from evaluation.planning.simulated import sure_to
from evaluation.planning.spread import Spread
from evaluation.statistics.intervals import Interval

NET = Subject("net", "the median reader", "Dice", "", "level2")
SPREAD = Spread.normal(-0.04, 0.1, 10)


def said(wanted: list[Wanted], spread: Spread = SPREAD, subject: Subject = NET) -> list[str]:
    return printed.sentences(plan_exams(spread, wanted, studies=200), subject, spread)


def test_sentences_say_the_number_and_on_what_it_hangs() -> None:
    narrow, worse, better, never = said(
        [Wanted(Goal.HALF_WIDTH, 0.05), Wanted(Goal.NOT_WORSE, 0.06), Wanted(Goal.BETTER)]
    )[:2] + said([Wanted(Goal.BETTER)])
    rows = plan_exams(
        SPREAD, [Wanted(Goal.HALF_WIDTH, 0.05), Wanted(Goal.NOT_WORSE, 0.06)], studies=200
    ).n.tolist()
    assert narrow == (
        f"With the spread given (SD 0.100 of 10 exams), {rows[0]} exams give an interval of at most ±0.05 in "
        f"80 % of studies; were the SD at its upper limit 0.129, {rows[1]}."
    )
    assert worse == (
        f"{rows[2]} exams make it clear in 80 % of studies that net is not worse than the median reader by "
        "0.06, if the true difference is -0.04, as given (SD 0.100 of 10 exams); were the SD at its upper "
        f"limit 0.129, {rows[3]}; were the difference at its lower limit -0.07, no number is enough; were "
        f"there no difference, {rows[5]}."
    )
    assert better.startswith("No number of exams makes it clear in 80 % of studies that net is better than")
    assert never == "Where the difference is 0 or less, more exams only make that surer."


def test_where_the_pilot_is_beyond_the_margin_no_number_is_named() -> None:
    first, beyond = said([Wanted(Goal.NOT_WORSE, 0.04)], Spread.normal(-0.04, 0.1))
    assert first.startswith("No number of exams makes it clear in 80 % of studies that net is not worse")
    assert beyond == "Where the difference is at the margin or beyond it, more exams only make that surer."
    (many,) = said([Wanted(Goal.BETTER)], Spread.normal(0.0001, 0.1))
    assert many.startswith("Not even 1000 exams make it clear")


def test_a_board_in_words_and_in_the_table() -> None:
    spread = Spread.normal(0, 0.05)
    rows = plan_board(spread, 4, 0.1, boards=40)
    (sentence,) = printed.sentences(rows, NET, spread)
    assert sentence == (
        f"{rows.n[0]} cases tell the best of 4 teams from the second in 80 % of boards, if it is truly 0.1 "
        "ahead and two teams' differences have the SD 0.050."
    )
    table = printed.exams_table(rows, NET, printed.cannot_say(rows, NET, spread, 40))
    assert table.title == "Exams with which 80 % of studies reach what is wanted, Dice, level2"
    assert table.rows[0][0] == "best of 4 told apart"
    assert table.notes[1].startswith(
        "Boards: 0.05 over all ordered pairs by Holm's rule (confidence 95 %), signed ranks and means"
    )
    # No study with an interval is simulated for a board.
    points = round(100 * max(sure_to(share, 40) for share in rows.reached))
    assert table.notes[0] == (
        f"Simulated: 40 boards, shares sure to about ±{points} percentage points (Wilson, 95 %). By t test: "
        "closed forms for the mean of normal differences."
    )
    assert table.notes[-1].startswith("The SD is taken for known.")


def test_below_the_table_stands_what_a_pilot_cannot_say() -> None:
    pilot = Spread.of([0.1, 0.0, 0.2, -0.1, 0.05, np.nan])
    rows = plan_exams(pilot, [Wanted(Goal.BETTER, tests=6)], studies=200)
    notes = printed.cannot_say(rows, NET, pilot, 200)
    text = "\n".join(notes)
    for words in (
        "the pilot's differences drawn again and smoothed",
        "planned for its strictest step among 6 tests",
        "Limits of a pilot of 5 exams: one-sided, 80 %.",
        # 1 - 0.025 ** (1 / 5)
        "it may still come in up to 52 % of exams (exact binomial). Nor of other sites",
        "In 1 of 6 exams the two cannot be compared: level2 is not there",
        "In 1 of 5 exams both score the same",
        "chosen because it did well in this pilot",
    ):
        assert words in text
    known = Spread.normal(0.1, 0.1)
    of_numbers = printed.cannot_say(plan_exams(known, [Wanted(Goal.BETTER)], studies=200), NET, known, 200)
    assert len(of_numbers) == 3
    assert of_numbers[0] == "Difference: net minus the median reader; more than 0: net is better."
    assert "differences distributed normally" in of_numbers[1]


@pytest.mark.parametrize(("studies", "points"), [(100, "4"), (200, "2"), (1000, "0.4"), (10_000, "0.04")])
def test_shares_at_their_bound_are_not_sure_to_nothing(studies: int, points: str) -> None:
    """Of 100 studies that all reach it: Wilson's lower limit 100 / (100 + 1.96 ** 2) is 96.3 %."""
    known = Spread.normal(0.3, 0.001)
    rows = plan_exams(known, [Wanted(Goal.BETTER)], studies=studies)
    assert (rows.reached[0], rows.error[0], rows.studies[0]) == (1, 0, studies)
    note = printed.cannot_say(rows, NET, known, studies)[1]
    assert f", shares sure to about ±{points} percentage points (Wilson, 95 %)." in note


def test_the_table_fits_a_terminal_and_counts_all_exams() -> None:
    pilot = Spread.of([0.1, 0.0, 0.2, -0.1, 0.05, np.nan])
    rows = plan_exams(pilot, [Wanted(Goal.NOT_WORSE, 0.05), Wanted(Goal.HALF_WIDTH, 0.05)], studies=200)
    table = printed.exams_table(rows, NET)
    assert max(map(len, table.to_markdown().splitlines())) <= 100
    assert table.rows[0][4] == f"{rows.n[0]} ({rows.n_all[0]})"
    mm = Subject("net", "the median reader", "HD95", "mm", "level2", less_is_better=True)
    assert mm.in_full == "the median reader minus net, HD95, level2"
    assert printed.exams_table(rows, mm).rows[0][0] == "not worse by 0.05 mm"


def test_readers_in_words() -> None:
    widths = ReaderWidths(0.001, 0.002, 10, 4, 0.95)
    parts = Components(0.004, 0.004, 0.002, 10, 4)
    more = Interval(0.03, 0.01, 0.05, 0.95, 0.95, 10, 0, "")
    said = printed_readers.readers_in_words(widths, parts, more, NET, 0.06)
    assert said[0].startswith("With readers random ")
    assert (
        "; the 4 of the pilot do not with up to 1000 exams, and with very many leave ±0.14 (95 % interval of "
        "interchangeability" in said[0]
    )
    assert said[1].startswith(
        "Of the variance of net minus a reader 40 % is between exams, 40 % between readers, 20 % neither."
    )
    assert "0.038; 0.035 with one more reader, 0.035 with twice the exams" in said[1]
    assert said[2] == (
        "From yardsticks of 3 readers to that of 4 the scores of net change by +0.03 (+0.01 to +0.05) in 10 "
        "exams, which is clear: studies with other numbers of readers do not compare."
    )
    far = printed_readers.readers_in_words(widths, None, None, NET, 0.001)
    assert far[0].startswith(
        "With readers random no number of exams up to 1000 gives ±0.001, of 4, 5, 6, 8, 12 or 16 readers: "
        "very many exams of 16 leave ±0.05 (95 % interval"
    )
    assert "though very many do not" not in said[0]
    widens = printed_readers.readers_in_words(ReaderWidths(4e-4, 4e-4, 10, 4, 0.95), None, None, NET, 0.06)
    assert widens == [
        "With readers random 16 exams of 4 readers give ±0.06, though very many do not (95 % interval of "
        "interchangeability, were the pilot's spreads true)."
    ]
    assert printed_readers.readers_in_words(None, Components(0, 0, 0, 3, 3), None, NET) == []
    (few,) = printed_readers.readers_in_words(None, Components(0, 0, 0, 9, 2), None, NET)
    assert few.startswith("Of 2 readers nobody can tell how much readers differ")


@pytest.mark.parametrize("readers", [[4, 8], [4]])
def test_the_table_of_readers(readers: list[int]) -> None:
    table = printed_readers.readers_table(ReaderWidths(0.001, 0.002, 10, 4, 0.95), [10, 20], readers, NET)
    assert list(table.columns) == ["Readers", "10 exams", "20 exams", "Very many"]
    assert [row[0] for row in table.rows] == [f"{k} readers" for k in readers]
    assert table.rows[0][-1] == "±0.14"
