import io

import pandas as pd
import pytest

from evaluation.table import Table, dice_table, in_order


@pytest.fixture
def summary() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "level": ["level1", "level1", "level<3>", "level<3>"],
            "rater": ["anna", "net", "anna", "net"],
            "median": [0.81, 0.7, 0.5, None],
            "minimum": [0.6, 0.5, 0.1, None],
            "maximum": [0.9, 0.8, 0.6, None],
            "mean": [0.8, 0.69, 0.4, None],
            "n_defined": [10, 10, 9, 0],
            "n": [10, 10, 10, 10],
        }
    )


def test_every_cell_states_what_is_defined(summary: pd.DataFrame) -> None:
    table = dice_table(summary, title="Dice")
    assert list(table.columns) == ["Level", "anna", "net"]
    assert table.rows[0] == ["level1, median (range)", "0.81 (0.60–0.90)", "0.70 (0.50–0.80)"]
    assert table.rows[1] == ["level1, mean", "0.80", "0.69"]
    assert table.rows[2][1:] == ["0.50 (0.10–0.60)", "–"]
    assert table.rows[3] == ["level<3>, mean", "0.40", "–"]
    assert table.rows[4] == ["level<3>, defined in", "9 of 10 exams", "0 of 10 exams"]
    assert len(table.rows) == 5


def test_csv_comes_back_as_the_numbers(summary: pd.DataFrame) -> None:
    table = dice_table(summary, title="Dice")
    again = pd.read_csv(io.StringIO(table.to_csv()))
    pd.testing.assert_frame_equal(again, summary, check_dtype=False)


def test_html_is_escaped_and_says_what_the_cells_are(summary: pd.DataFrame) -> None:
    html = dice_table(summary, title="Dice", notes=["a < b"]).to_html()
    assert "level&lt;3&gt;" in html
    assert "<li>a &lt; b</li>" in html
    assert html.count('<th scope="col">') == 3
    assert html.count('<th scope="row">') == 5


def test_published_tables_have_no_counts(summary: pd.DataFrame) -> None:
    table = dice_table(summary.drop(columns=["n_defined", "n"]), title="Dice")
    assert table.rows[2][1] == "0.50 (0.10–0.60)"


def test_prints_as_text_and_in_a_notebook(summary: pd.DataFrame) -> None:
    table = dice_table(summary, title="Dice", notes=["two readers"])
    lines = str(table).splitlines()
    assert lines[0] == "Dice" and lines[-1] == "two readers"
    assert lines[2].split() == ["Level", "anna", "net"]
    assert lines[4].split("  ")[0] == "level1, median (range)"
    assert len({len(line) for line in (lines[1], lines[3], lines[-2])}) == 1
    assert table._repr_html_() == table.to_html()


def test_latex_is_escaped_and_in_the_style_of_booktabs() -> None:
    table = Table(
        r"50 % of a_b & c\d", ["Rater", "n"], [["[x]", "0.40 (0.00–0.71)"], ["≤ 1 ~", "{$}"]], ["a < b"], None
    )
    found = table.to_latex()
    assert r"\caption{50 \% of a\_b \& c\textbackslash{}d}" in found
    assert "\n{[}x] & 0.40 (0.00--0.71) \\\\\n" in found
    assert r"$\leq$ 1 \textasciitilde{} & \{\$\} \\" in found
    assert [found.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    assert found.index("bottomrule") < found.index(r"a \textless{} b") < found.index(r"\end{table}")
    assert r"\begin{tabular}{ll}" in found


def test_raters_keep_their_order_whoever_drew_the_first_exam() -> None:
    groups = [["anna", "carl", "net"], ["ben", "carl", "net"], ["dora", "net"], ["anna", "ben", "net"]]
    found = in_order(groups)
    assert sorted(found) == ["anna", "ben", "carl", "dora", "net"]
    assert found[-1] == "net" and found.index("anna") < found.index("ben") < found.index("carl")
