"""Table 2 of von Brandis et al. 2022, recomputed: its rows and printed numbers are data of the study."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.reading.vas import CONTRADICTIONS, find_contradictions, share_acceptable, summarise, vas_table
from evaluation.reading.vas_scores import Scores, read_printed_summary, read_scores

STUDY = Path(__file__).parents[3] / "bmseg" / "studies" / "von_brandis_2022"
ITEMS = ("level1", "level2", "level3", "overall")


@pytest.fixture
def scores() -> Scores:
    return read_scores(STUDY / "table2_vas.csv")


def make(**columns: list[float]) -> Scores:
    """Scores of one item from numbers; `diff` is what is printed."""
    consensus, model = np.array(columns["gt"], float), np.array(columns["ai"], float)
    values = pd.DataFrame({"mask": [str(place) for place in range(1, len(model) + 1)]})
    values = values.assign(overall_gt=consensus, overall_ai=model, overall_diff=model - consensus)
    printed = pd.DataFrame({"overall_diff": columns["diff"]} if "diff" in columns else {}, dtype=str)
    return Scores(("overall",), values, printed)


def test_means_and_standard_deviations_are_the_printed_ones_but_one(scores: Scores) -> None:
    """By the sample's standard deviation; with the population's, most printed ones would be wrong."""
    printed = pd.read_csv(STUDY / "table2_vas_summary.csv", dtype=str).set_index("statistic")
    found = summarise(scores)
    assert list(found.index) == list(printed.columns)
    assert (found.n_defined == 10).all()
    assert (found.n == 10).all()
    differing = []
    for column, statistic in ((column, statistic) for column in printed for statistic in printed.index):
        text = printed.loc[statistic, column]
        decimals = len(text.partition(".")[2])
        if abs(found.loc[column, statistic] - float(text)) > 0.5 * 10**-decimals + 1e-9:
            differing.append((column, statistic, float(text), round(found.loc[column, statistic], 6)))
    assert differing == [("level1_diff", "mean", -0.5, -0.05)]
    population = scores.values[scores.numeric].std(ddof=0)
    assert (np.abs(population - printed.loc["sd"].astype(float)) > 0.005).all()


def test_numbers_of_the_study(scores: Scores) -> None:
    """To more decimals than printed, by pandas from the rows."""
    found = summarise(scores)
    assert found.loc["level3_diff", "mean"] == pytest.approx(1.41)
    assert found.loc["level3_diff", "sd"] == pytest.approx(2.223836, abs=1e-6)
    assert found.loc["overall_gt", "sd"] == pytest.approx(1.041580, abs=1e-6)
    assert found.loc["slices", "mean"] * 10 == pytest.approx(153)


def test_contradictions_of_the_study(scores: Scores) -> None:
    """Rows 6 to 9 of level 3 repeat the model's score as the difference; the mean of level 1 lost a zero."""
    printed = read_printed_summary(STUDY / "table2_vas_summary.csv", scores)
    found = find_contradictions(scores, printed)
    assert list(found.columns) == CONTRADICTIONS
    assert [(row.row, row.column, row.printed, round(row.recomputed, 9)) for row in found.itertuples()] == [
        ("mask 6", "level3_diff", "3.8", -3.0),
        ("mask 7", "level3_diff", "3.8", 3.3),
        ("mask 8", "level3_diff", "0.5", 0.0),
        ("mask 9", "level3_diff", "3.8", 2.5),
        ("mean", "level1_diff", "-0.50", -0.05),
    ]
    assert list(find_contradictions(scores).row) == ["mask 6", "mask 7", "mask 8", "mask 9"]
    rows = scores.values["mask"].isin(["6", "7", "8", "9"])
    repeated = scores.values.level3_ai[rows].tolist()
    assert scores.printed.level3_diff[rows].astype(float).tolist() == repeated


def test_share_acceptable_of_the_study(scores: Scores) -> None:
    """Counted by hand: a score of 5.0 is not below 5."""
    found = share_acceptable(scores, 5.0)
    assert found.acceptable.to_dict() == {
        "level1_gt": 10, "level1_ai": 9, "level2_gt": 9, "level2_ai": 9,
        "level3_gt": 9, "level3_ai": 7, "overall_gt": 10, "overall_ai": 8,
    }  # fmt: skip
    assert found.share["overall_ai"] == 0.8
    assert share_acceptable(scores, 5.01).acceptable["overall_ai"] == 9


def test_every_row_is_in_the_table(scores: Scores) -> None:
    table = vas_table(scores, 5.0, title="Scores", notes=["a note"])
    assert len(table.columns) == 3 + 3 * 4
    assert table.columns[:6] == [
        "Mask", "Slices", "Age", "level1 consensus", "level1 model", "level1 difference",
    ]  # fmt: skip
    assert [row[0] for row in table.rows] == [*map(str, range(1, 11)), "mean", "SD", "below 5 cm", "scored"]
    sixth = "6 15 7.6 1.8 3.0 1.2 3.4 3.8 0.4 6.8 3.8 -3.0 4.0 3.8 -0.2"
    assert table.rows[5] == sixth.split()
    assert table.rows[10][1:6] == ["15.30", "10.75", "2.40", "2.35", "-0.05"]
    assert table.rows[11][1:6] == ["0.67", "2.50", "1.06", "1.34", "1.56"]
    assert table.rows[12][1:] == [
        "", "", "10 of 10 (100%)", "9 of 10 (90%)", "", "9 of 10 (90%)", "9 of 10 (90%)", "",
        "9 of 10 (90%)", "7 of 10 (70%)", "", "10 of 10 (100%)", "8 of 10 (80%)", "",
    ]  # fmt: skip
    assert set(table.rows[13][1:]) == {"10 of 10"}
    assert table.notes[-1] == "a note"
    assert "n - 1" in " ".join(table.notes)


def test_csv_comes_back_as_the_numbers(scores: Scores) -> None:
    again = pd.read_csv(io.StringIO(vas_table(scores, 5.0, title="Scores").to_csv()), dtype={"mask": str})
    masks = again[again.row == "mask"].drop(columns="row").reset_index(drop=True)
    pd.testing.assert_frame_equal(masks, scores.values, check_dtype=False, atol=1e-6)
    statistics = again[again.row != "mask"].set_index("row")
    assert list(statistics.index) == ["mean", "sd", "acceptable", "n_defined"]
    assert statistics.loc["sd", "level1_ai"] == pytest.approx(1.337701, abs=1e-6)
    assert statistics.loc["acceptable", "level3_ai"] == 0.7
    assert np.isnan(statistics.loc["acceptable", "level3_diff"])


def test_what_is_not_scored_is_left_out_and_counted() -> None:
    scores = make(gt=[1, np.nan, 3], ai=[2, 4, np.nan], diff=["1", "", "2"])
    found = summarise(scores)
    assert found.n_defined.to_dict() == {"overall_gt": 2, "overall_ai": 2, "overall_diff": 1}
    assert found.loc["overall_gt", "mean"] == 2
    table = vas_table(scores, 5.0, title="Scores")
    assert table.rows[1] == ["2", "–", "4", "–"]
    assert table.rows[-1] == ["scored", "2 of 3", "2 of 3", "1 of 3"]
    assert table.rows[-2][1] == "2 of 2 (100%)"
    # A difference is printed, and one of its scores is missing.
    assert list(find_contradictions(scores).row) == ["mask 3"]
    nothing = make(gt=[np.nan], ai=[1])
    assert vas_table(nothing, 5.0, title="").rows[-2] == ["below 5 cm", "–", "1 of 1 (100%)", ""]


def test_a_difference_is_checked_to_the_decimals_of_its_column() -> None:
    assert find_contradictions(make(gt=[1.0, 1.0], ai=[1.4, 2.4], diff=["0", "1"])).empty
    found = find_contradictions(make(gt=[1.0, 1.0], ai=[1.4, 2.4], diff=["0", "1.4"]))
    assert list(found.row) == ["mask 1"]


def test_rounding_at_a_tie_goes_either_way() -> None:
    scores = make(gt=[1.0, 1.0], ai=[2.1, 2.2])
    for text in ("1.15", "1.2", "1.1", "1"):
        assert find_contradictions(scores, pd.DataFrame({"overall_diff": [text]}, index=["mean"])).empty
    for text in ("1.14", "1.3", "1.0", "2"):
        found = find_contradictions(scores, pd.DataFrame({"overall_diff": [text]}, index=["mean"]))
        assert found.printed.tolist() == [text]


pairs = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=2, max_size=12)


@settings(max_examples=40)
@given(pairs, st.integers(0, 11), st.integers(1, 40))
def test_a_table_contradicts_itself_only_where_a_number_was_changed(
    tenths: list[tuple[int, int]], place: int, change: int
) -> None:
    place %= len(tenths)
    gt, ai = ([value / 10 for value in column] for column in zip(*tenths, strict=True))
    diff = [f"{(b - a) / 10:.1f}" for a, b in tenths]
    printed = {
        statistic: {
            column: f"{value:.2f}" for column, value in summarise(make(gt=gt, ai=ai))[statistic].items()
        }
        for statistic in ("mean", "sd")
    }
    summary = pd.DataFrame(printed).T
    assert find_contradictions(make(gt=gt, ai=ai, diff=diff), summary).empty
    a, b = tenths[place]
    diff[place] = f"{(b - a + change) / 10:.1f}"
    summary.loc["mean", "overall_ai"] = f"{float(summary.loc['mean', 'overall_ai']) + change / 100:.2f}"
    found = find_contradictions(make(gt=gt, ai=ai, diff=diff), summary)
    assert list(found.row)[:1] == [f"mask {place + 1}"]
    # One hundredth more may be the same mean rounded the other way at a tie.
    assert list(found.row)[1:] in ([["mean"]] if change > 1 else [["mean"], []])
