"""Where raters fail, printed: the numbers of the CSV files under heads in words."""

from __future__ import annotations

import pandas as pd
import pytest

from evaluation.study import failing
from evaluation.study.design import Design
from evaluation.study.results import Results


@pytest.fixture
def found() -> Results:
    errors = [
        ("net", "l1", "fp_ml", 3.456, 1.0, 20.07, 6.1, 0.14, 10),
        ("net", "l1", "fn_ml", 0.0, 0.0, 2.0, 0.5, None, 10),
        ("ann", "l1", "fp_ml", 1.0, 1.0, 1.0, 1.0, 1.25, 10),
        ("ann", "l1", "fn_ml", 1.0, 1.0, 1.0, 1.0, 0.1, 10),
    ]
    columns = ["rater", "level", "error", "median", "minimum", "maximum", "mean", "share", "n"]
    outer = [("net", "l1", 0.651, 0.742, -0.0223, -0.114, 0.0654, 0.95117, 0.4921875, 1.0, 8, 2)]
    sites = [
        ("net", "l1", "site", "Oslo", 0.83, 0.71, 0.91, 7, 7),
        ("net", "l1", "site", "Tromso", 0.7, 0.6, 0.8, 2, 3),
    ]
    of_sites = ["rater", "level", "column", "category", "median", "minimum", "maximum", "n_defined", "n"]
    of_age = [("net", "l1", "age", -0.182, 0.0004, 0.0016, 9, 1)]
    tables = {
        failing.ERRORS_SUMMARY: (errors, columns),
        failing.SLICES_PERIPHERAL_CENTRAL: (outer, failing.SLICES_PERIPHERAL_CENTRAL.columns),
        failing.DICE_BY_CATEGORY: (sites, of_sites),
        failing.DICE_AGAINST_AGE: (of_age, failing.DICE_AGAINST_AGE.columns),
    }
    design = Design({"l1": 1}, titles={"net": "Network", "l1": "Level one"})
    exams = [str(place) for place in range(10)]
    made = {one.name: pd.DataFrame(rows, columns=names) for one, (rows, names) in tables.items()}
    return Results(design, ["ann", "ben"], ["net"], exams, made)


def test_too_much_and_too_little_stand_beside_each_other(found: Results) -> None:
    table = failing.errors_table(found, ["net"])
    assert table.rows == [["Level one, Network", "3.46 (1.00–20.1), 14 %", "0.00 (0.00–2.00)", "10"]]
    assert table.columns[1] == "Too much, ml: median (range), share"
    assert len(failing.errors_table(found).rows) == 2


def test_a_star_is_explained(found: Results) -> None:
    few = found[failing.SLICES_PERIPHERAL_CENTRAL].assign(coverage=0.75)
    tables = {**found.tables, failing.SLICES_PERIPHERAL_CENTRAL.name: few}
    table = failing.outer_slices_table(Results(found.design, ["ann", "ben"], ["net"], found.exams, tables))
    assert table.rows[0][3].endswith("*")
    assert "*: too few exams; the widest interval that there is." in table.notes


def test_slices_sites_and_age(found: Results) -> None:
    assert failing.outer_slices_table(found).rows == [
        ["Level one, Network", "0.65", "0.74", "-0.02 (-0.11 to +0.07)", "0.492", "1.000", "8 of 10"]
    ]
    assert not [note for note in failing.outer_slices_table(found).notes if "*" in note]
    by_site = failing.categories_table(found)
    assert by_site.columns == ["Level, rater", "site: Oslo", "site: Tromso"]
    assert by_site.rows == [["Level one, Network", "0.83 (0.71–0.91)", "0.70 (0.60–0.80), 2 of 3"]]
    assert failing.age_table(found).rows == [["Level one, Network", "-0.18", "< 0.001", "0.002", "9"]]
