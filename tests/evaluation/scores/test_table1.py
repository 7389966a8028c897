"""The two tables side by side: cells, counts, notes, and the numbers behind them."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from evaluation.measures.dice import EmptyMask, summarise
from evaluation.scores.table1 import COLUMNS, fair_table, summarise_fair, summarise_with_intervals
from evaluation.statistics.intervals import mean_interval, median_interval
from evaluation.table import Table

READERS = ["reader1", "reader2"]
USUAL = {
    "reader1": [0.80, 0.69, 0.90, 0.75, 0.85, 0.79, 0.80, 0.88, 0.72, 0.83],
    "reader2": [0.71, 0.59, 0.80, 0.65, 0.75, 0.69, 0.70, 0.78, 0.62, np.nan],
    "model": [0.6, 0.61, 0.65, 0.66, 0.68, 0.69, 0.7, 0.71, 0.74, 0.6],
}


def scores(dice: dict[str, list[float]], level: str = "level1") -> pd.DataFrame:
    rows = [
        (f"exam{place}", rater, level, value)
        for rater, values in dice.items()
        for place, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["exam", "rater", "level", "dice"])


def both(usual: dict[str, list[float]] = USUAL, gain: float = 0.1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The usual scores, and fair ones: readers lose, the model meets two consensuses 0.02 apart."""
    table = scores(usual)
    parts = []
    for reader in READERS:
        own = table[table.rater == reader]
        model = table[table.rater == "model"]
        aside = 0.01 if reader == "reader1" else -0.01
        parts.append(own.assign(dice=own.dice - gain, left_out=reader))
        parts.append(model.assign(dice=model.dice + aside, left_out=reader))
    return table, pd.concat(parts, ignore_index=True)


def table_of(usual: pd.DataFrame, fair: pd.DataFrame) -> Table:
    return fair_table(
        summarise_fair(usual, fair),
        title="Table 1",
        readers=list(dict.fromkeys(fair.left_out)),
        unit="knees" if "knee" in usual else "exams",
        rule="multi-label STAPLE over the whole volume (multilabel)",
        empty_mask=EmptyMask.UNDEFINED,
        notes=["Synthetic cohort: simulated images and readers, no patients."],
    )


def test_published_and_fair_stand_side_by_side_with_n_in_every_cell() -> None:
    table = table_of(*both())
    rows = {row[0]: row[1:] for row in table.rows}
    assert list(rows) == ["level1, reader1", "level1, reader2", "level1, model"]
    assert rows["level1, reader1"] == [
        "0.80 (0.69–0.90) 10/10",
        "0.80 10/10",
        "0.70 (0.62–0.78) 10/10",
        "0.70 (0.65–0.75) 10/10",
        "+0.10 (+0.10 to +0.10) 10/10",
    ]
    assert rows["level1, reader2"][0] == "0.70 (0.59–0.80) 9/10"
    assert rows["level1, model"][4] == "0.00 (within ±0.005) 10/10"
    assert all("/10" in cell for row in table.rows for cell in row[1:])


def test_numbers_are_those_of_the_published_summary_and_of_the_intervals() -> None:
    usual, fair = both()
    data = table_of(usual, fair).data
    assert list(data.columns) == ["way", *COLUMNS]
    assert len(data) == 9
    same = data[data.way == "usual"][
        ["level", "rater", "median", "minimum", "maximum", "mean", "n_defined", "n"]
    ]
    pd.testing.assert_frame_equal(same.reset_index(drop=True), summarise(usual))
    model = data[(data.way == "fair") & (data.rater == "model")].iloc[0]
    median, mean = median_interval(USUAL["model"]), mean_interval(USUAL["model"])
    assert (model.median_low, model.median_high) == pytest.approx((median.low, median.high))
    assert (model.mean_low, model.mean_high) == pytest.approx((mean.low, mean.high))
    assert model.median_coverage == median.coverage


def test_notes_name_rule_policy_and_how_the_intervals_were_made() -> None:
    notes = "\n".join(table_of(*both()).notes)
    assert "Consensus: multi-label STAPLE over the whole volume (multilabel)." in notes
    assert "Both masks empty: undefined, left out and counted (n); one of them empty: 0." in notes
    assert "those same 2 consensuses" in notes
    assert "order statistics 2 and 8 of 9 (96.1 %); order statistics 2 and 9 of 10 (97.9 %)" in notes
    assert "Synthetic cohort" in notes
    assert "*" not in notes


def test_few_exams_are_starred_and_one_or_none_is_no_interval() -> None:
    usual, fair = both({"reader1": [0.5, 0.6, 0.7], "reader2": [np.nan, 0.6, np.nan], "model": [np.nan] * 3})
    table = table_of(usual, fair)
    cells = {row[0]: row[3] for row in table.rows}
    assert cells["level1, reader1"] == "0.50 (0.40–0.60)* 3/3"
    assert cells["level1, reader2"] == "0.50 (no interval) 1/3"
    assert cells["level1, model"] == "– 0/3"
    assert any(note.startswith("*: too few exams for 95 %; the widest interval") for note in table.notes)


def test_intervals_of_dice_stay_between_0_and_1() -> None:
    found = summarise_with_intervals(scores({"model": [0.0, 0.0, 0.0, 0.9]})).iloc[0]
    assert found.mean_low == 0
    differences = scores({"model": [0.0, 0.0, 0.0, 0.9]})
    assert summarise_with_intervals(differences, bounds=(-1, 1)).iloc[0].mean_low < 0


def test_by_knee_intervals_are_clustered_by_exam_and_the_notes_say_so() -> None:
    usual, fair = both()
    usual, fair = (
        pd.concat([table.assign(knee="right"), table.assign(knee="left")]) for table in (usual, fair)
    )
    table = table_of(usual, fair)
    exam = table_of(*both())
    # Left knees that equal the right ones add nothing but their number.
    columns = ["median", "median_low", "median_high", "mean_low", "mean_high"]
    np.testing.assert_allclose(table.data[columns], exam.data[columns])
    assert table.rows[1][1] == "0.70 (0.59–0.80) 18/20"
    notes = "\n".join(table.notes)
    assert "n/n: knees with a defined Dice of all knees" in notes
    assert "Two knees of an exam are not independent: intervals are clustered by exam." in notes
    assert "exact sign test for clusters (at least 95.0 %)" in notes


def test_renders_as_csv_markdown_and_html() -> None:
    table = table_of(*both())
    rows = list(csv.DictReader(io.StringIO(table.to_csv())))
    assert [row["way"] for row in rows] == ["usual"] * 3 + ["fair"] * 3 + ["usual minus fair"] * 3
    assert float(rows[6]["mean"]) == pytest.approx(0.1)
    assert "| level1, reader1 | 0.80 (0.69–0.90) 10/10" in table.to_markdown()
    assert '<th scope="row">level1, reader1</th><td>0.80 (0.69–0.90) 10/10</td>' in table.to_html()
