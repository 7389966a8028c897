import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bmseg.leaderboard.matrix import _stems
from bmseg.outputs.provenance import file_hash
from evaluation.figures.ranking import significance_map
from tests.support.command_line import assert_refused, bmseg
from tests.support.files import bytes_of

TABLES = {"ranks", "pairwise", "probabilities", "stability", "agreement", "groups"}
SCHEMES = ["mean-then-rank", "median-then-rank", "rank-then-mean", "rank-then-median", "test-then-rank"]


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    """Two tasks, three algorithms, twelve cases; written as R does, with a column of row names."""
    random = np.random.default_rng(0)
    rows = [
        (task, name, case, round(0.8 - 0.15 * place + 0.02 * random.normal(), 4))
        for task in ("level1", "level2+3")
        for place, name in enumerate(("A1", "A2", "A3"))
        for case in range(1, 13)
    ]
    table = pd.DataFrame(rows, columns=["task", "alg_name", "case", "value"])
    path = tmp_path / "matrix.csv"
    table.to_csv(path, index_label="")
    return path


def edited(matrix: Path, **changes: str) -> Path:
    """The matrix with rows' values replaced: row_3="NA"."""
    table = pd.read_csv(matrix, dtype=str)
    for row, value in changes.items():
        table.loc[int(row.removeprefix("row_")), "value"] = value
    table.to_csv(matrix, index=False)
    return matrix


def test_tables_of_challengers_columns(matrix: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = bmseg("rank", matrix, "-o", out, "--bootstraps", 200, "--no-figures")
    assert result.returncode == 0, result.stderr
    assert set(bytes_of(out)) == {f"{name}.csv" for name in TABLES} | {"provenance.json"}
    ranks = pd.read_csv(out / "ranks.csv")
    assert list(ranks)[:7] == ["scheme", "task", "algorithm", "value", "rank", "rank_low", "rank_high"]
    assert list(dict.fromkeys(ranks.scheme)) == SCHEMES
    assert set(ranks.task) == {"level1", "level2+3", "overall"}
    assert ranks["rank"].tolist() == [1, 2, 3] * 15
    assert list(ranks)[7:9] == ["spread_low", "spread_high"]
    assert (ranks.rank_low <= ranks["rank"]).all()
    assert ",1,1,1,1,1," in (out / "ranks.csv").read_text()
    pairwise = pd.read_csv(out / "pairwise.csv")
    assert list(pairwise)[:5] == ["task", "algorithm", "other", "p", "p_holm"]
    # As R 4.2.2 prints it: wilcox.test of twelve positive differences, all different; Holm's family is six.
    best = pairwise[(pairwise.task == "level1") & (pairwise.algorithm == "A1") & (pairwise.other == "A3")]
    assert best.p.item() == pytest.approx(0.0012630871342510846, rel=1e-12)
    assert best.p_holm.item() == pytest.approx(6 * 0.0012630871342510846, rel=1e-12)
    assert pd.read_csv(out / "groups.csv").group.tolist() == ["a", "b", "c"] * 3
    assert "The first column has no name: row names" in result.stdout
    assert "**overall: mean of the ranks of the tasks**" in result.stdout
    line = next(line for line in result.stdout.splitlines() if line.startswith("| A1"))
    assert [cell.strip() for cell in line.split("|")][2:6] == ["1", "1–1", "1–1", "a"]


def test_figures_and_the_same_bytes_again(matrix: Path, tmp_path: Path) -> None:
    table = pd.read_csv(matrix)
    table[table.task == "level1"].drop(columns="task").to_csv(matrix, index=False)
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    (one / "mine.txt").write_text("stays")
    for out in (one, other):
        assert bmseg("rank", matrix, "-o", out, "--bootstraps", 50).returncode == 0
    assert (one / "mine.txt").read_text() == "stays"
    found = bytes_of(one)
    del found["mine.txt"]
    assert found == bytes_of(other)
    figures = {"scores", "cases", "rank_probabilities_all", "significance_all", "schemes_all"}
    assert set(found) - {f"{name}.csv" for name in TABLES} - {"provenance.json"} == {
        f"{name}.{ending}" for name in figures for ending in ("svg", "png")
    }
    record = json.loads(found["provenance.json"])
    assert record["matrix_sha256"] == file_hash(matrix)
    assert record["columns"] == {"algorithm": "alg_name", "case": "case", "value": "value"}
    assert record["rules"]["bootstraps"] == 50
    assert record["rules"]["seed"] == 0
    assert record["versions"]["scipy"]
    assert set(record["outputs"]) == set(found) - {"provenance.json"}
    assert all(file_hash(one / name) == digest for name, digest in record["outputs"].items())


def test_empty_values_are_missing_or_undefined(matrix: Path, tmp_path: Path) -> None:
    edited(matrix, row_0="NA", row_1="")
    quick = ("--bootstraps", 0, "--no-figures")
    assert_refused(
        bmseg("rank", matrix, "-o", tmp_path / "out", *quick),
        "--worst: found none, but 2 cases are missing (A1 2 in level1); expected the score",
    )
    assert not (tmp_path / "out").exists()
    result = bmseg("rank", matrix, "-o", tmp_path / "worst", "--worst", 0, *quick)
    assert "No value in 2 rows: missing (--empty)." in result.stdout
    assert "Missing: 2 of 72 scores, which count as 0." in result.stdout
    worst, kept = (tmp_path / name / "ranks.csv" for name in ("worst", "undefined"))
    result = bmseg("rank", matrix, "-o", tmp_path / "undefined", "--empty", "undefined", *quick)
    assert "Undefined: 2 of 72 scores, which do not count." in result.stdout
    values = pd.read_csv(matrix).query("task == 'level1' and alg_name == 'A1'").value
    for path, mean, counts in (
        (worst, values.sum() / 12, [10, 0, 2, 12]),
        (kept, values.mean(), [10, 2, 0, 12]),
    ):
        row = pd.read_csv(path).query("scheme == 'mean-then-rank' and task == 'level1' and algorithm == 'A1'")
        assert row.value.item() == pytest.approx(mean)
        assert row[["n_defined", "n_undefined", "n_missing", "n"]].to_numpy().tolist() == [counts]
        assert row.spread_low.isna().all() and row.rank_low.notna().all()


def test_a_case_that_an_algorithm_lacks_is_missing(matrix: Path, tmp_path: Path) -> None:
    lines = matrix.read_text().splitlines()
    matrix.write_text("\n".join(lines[:1] + lines[2:]) + "\n")
    result = bmseg("rank", matrix, "-o", tmp_path / "out", "--bootstraps", 0)
    assert_refused(result, "1 case is missing (A1 1 in level1)")


@pytest.mark.parametrize(
    ("names", "n_cases", "said"),
    [
        ("ab", 1, "all: no interval of a rank: one case says nothing of others."),
        ("a", 7, "all: no interval of the rank: there is nobody else to be ranked with."),
        ("abc", 4, "all: of 3 algorithms none can be clearly ahead with fewer than 8 cases; found 4."),
    ],
)
def test_no_interval_and_why(tmp_path: Path, names: str, n_cases: int, said: str) -> None:
    """And intervals that hold every rank, and why: too few cases for the tests."""
    matrix = tmp_path / "m.csv"
    rows = [f"{name},{case},{0.5 + place}" for place, name in enumerate(names) for case in range(n_cases)]
    matrix.write_text("algorithm,case,value\n" + "\n".join(rows) + "\n")
    result = bmseg("rank", matrix, "-o", tmp_path / "out", "--bootstraps", 20, "--no-figures")
    assert result.returncode == 0, result.stderr
    assert said in result.stdout
    interval = "1–3" if names == "abc" else "–"
    line = next(line for line in result.stdout.splitlines() if line.startswith("| a "))
    assert [cell.strip() for cell in line.split("|")][3] == interval
    ranks = pd.read_csv(tmp_path / "out" / "ranks.csv")
    assert ("The 95% intervals hold all ranks" in result.stdout) == (interval != "–")
    # Nor is there a spread: of one case every sample is that case.
    assert ranks.rank_low.isna().all() == ranks.spread_low.isna().all() == (interval == "–")


def test_a_rank_that_the_tests_are_against_is_said(tmp_path: Path) -> None:
    """A is far better on one task, B better by a hair on two: by the mean rank B is first."""
    random = np.random.default_rng(0)
    rows = [
        (task, name, case, value + 0.001 * random.normal())
        for task, values in {"x": (0.9, 0.3), "y": (0.5, 0.52), "z": (0.5, 0.52)}.items()
        for name, value in zip("AB", values, strict=True)
        for case in range(12)
    ]
    matrix = tmp_path / "m.csv"
    pd.DataFrame(rows, columns=["task", "algorithm", "case", "value"]).to_csv(matrix, index=False)
    result = bmseg("rank", matrix, "-o", tmp_path / "out", "--bootstraps", 20, "--no-figures")
    assert (
        "overall: B has the better rank, yet case by case A is clearly better (p = 0.003, adjusted): who of "
        "the two is ahead is not settled."
    ) in result.stdout
    ranks = pd.read_csv(tmp_path / "out" / "ranks.csv").query("task == 'overall'")
    assert set(ranks.rank_low) == {1} and set(ranks.rank_high) == {2}
    groups = pd.read_csv(tmp_path / "out" / "groups.csv")
    assert groups.query("task == 'overall'").group.tolist() == ["a", "a"]


def test_who_is_behind_on_a_task_is_drawn_as_clear_of_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leads by the weight of x, by far, and is last on y: overall only B and C are told apart."""
    random = np.random.default_rng(0)
    rows = [
        ("x" if on_x else "y", name, case, value + 0.001 * random.normal())
        for on_x, values in ((True, (0.9, 0.8, 0.7)), (False, (0.7, 0.75, 0.72)))
        for name, value in zip("ABC", values, strict=True)
        for case in range(14)
    ]
    matrix = tmp_path / "m.csv"
    pd.DataFrame(rows, columns=["task", "algorithm", "case", "value"]).to_csv(matrix, index=False)
    drawn = []
    monkeypatch.setattr(
        "evaluation.figures.ranking.significance_map",
        lambda pairs, *rest: (drawn.append(pairs[pairs.p_clear <= 0.05]), significance_map(pairs, *rest))[1],
    )
    result = bmseg("rank", matrix, "-o", tmp_path / "out", "--bootstraps", 20, "--weight", "x=3")
    assert result.returncode == 0, result.stderr
    assert drawn[-1][["algorithm", "other"]].to_numpy().tolist() == [["B", "C"]]
    ranks = pd.read_csv(tmp_path / "out" / "ranks.csv")
    overall = ranks[(ranks.task == "overall") & (ranks.scheme == "mean-then-rank")]
    assert overall[["algorithm", "rank_low", "rank_high"]].to_numpy().tolist() == [
        ["A", 1, 3], ["B", 1, 2], ["C", 2, 3],
    ]  # fmt: skip
    groups = pd.read_csv(tmp_path / "out" / "groups.csv").query("task == 'overall'")
    assert groups.group.tolist() == ["ab", "a", "b"]


def test_other_columns_one_task_and_a_status(tmp_path: Path) -> None:
    """The dice.csv of a board's submission, with a team: levels are tasks, exams are cases."""
    matrix, out = tmp_path / "dice.csv", tmp_path / "out"
    matrix.write_text(
        "exam,team,dice,state,tp\n1,a,0.5,scored,9\n1,b,0.6,scored,9\n2,a,,undefined,0\n2,b,,missing,\n"
        "3,a,0.4,scored,1\n3,b,0.7,scored,1\n"
    )
    columns = ("--case-column", "exam", "--algorithm-column", "team", "--value-column", "dice")
    result = bmseg(
        "rank", matrix, "-o", out, *columns, "--status-column", "state", "--worst", 0, "--no-figures"
    )
    assert result.returncode == 0, result.stderr
    assert "No column task: all rows are one task." in result.stdout
    assert "Columns not used: tp." in result.stdout
    ranks = pd.read_csv(out / "ranks.csv")
    # One task alone is no consensus across tasks.
    assert set(ranks.task) == {"all"}
    mean = ranks[ranks.scheme == "mean-then-rank"].set_index("algorithm")
    assert mean.value.to_dict() == pytest.approx({"a": 0.45, "b": 1.3 / 3})
    assert mean.loc["a", ["n_undefined", "n_missing"]].tolist() == [1, 0]
    assert mean.loc["b", ["n_undefined", "n_missing"]].tolist() == [0, 1]


def test_rules_from_options(matrix: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = bmseg(
        "rank", matrix, "-o", out, "--smaller-is-better", "--exact", "--weight", "level2+3=0", "--bootstraps",
        20, "--no-figures", "--alpha", 0.01, "--confidence", 0.9, "--tolerance", 0,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "90% interval" in result.stdout
    ranks = pd.read_csv(out / "ranks.csv")
    overall = ranks[(ranks.task == "overall") & (ranks.scheme == "mean-then-rank")]
    assert overall.algorithm.tolist() == ["A3", "A2", "A1"]
    assert overall.n.tolist() == [12] * 3
    pairwise = pd.read_csv(out / "pairwise.csv")
    best = pairwise[(pairwise.task == "level1") & (pairwise.algorithm == "A3") & (pairwise.other == "A1")]
    assert best.p.item() == pytest.approx(2.0**-12)
    rules = json.loads((out / "provenance.json").read_text())["rules"]
    assert rules["decimals"] == 12
    assert rules["weights"] == {"level2+3": 0}


@pytest.fixture
def unlike(tmp_path: Path) -> Path:
    """A share and a distance in mm of three algorithms, the first one best by both; A2 misses a case."""
    random = np.random.default_rng(1)
    rows = [
        (task, name, case, round((0.8 if task == "nsd" else 10) + place * step + noise * random.normal(), 3))
        for task, step, noise in (("nsd", -0.15, 0.02), ("hd95", 5, 1))
        for place, name in enumerate(("A1", "A2", "A3"))
        for case in range(12)
        if (name, case) != ("A2", 3)
    ]
    path = tmp_path / "unlike.csv"
    pd.DataFrame(rows, columns=["task", "algorithm", "case", "value"]).to_csv(path, index=False)
    return path


def test_a_direction_and_a_worst_of_each_task(unlike: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    of_hd95 = ("--smaller-is-better", "hd95", "--worst", "hd95=200", "--worst", 0)
    result = bmseg("rank", unlike, "-o", out, *of_hd95, "--exact", "--bootstraps", 20)
    assert result.returncode == 0, result.stderr
    assert "**hd95: rank by the mean, smaller is better**" in result.stdout
    assert "**nsd: rank by the mean**" in result.stdout
    assert (
        "overall: the tests compare, case by case, the mean over the tasks of the ranks within the case, for "
        "scores of unlike tasks have no mean." in result.stdout
    )
    assert "Missing: 2 of 72 scores, which count as 200 in hd95, 0 in nsd." in result.stdout
    ranks = pd.read_csv(out / "ranks.csv").query("scheme == 'median-then-rank'")
    assert ranks.algorithm.tolist() == ["A1", "A2", "A3"] * 3
    assert ranks[ranks.task == "hd95"].value.between(5, 25).all()
    overall = pd.read_csv(out / "pairwise.csv").query("task == 'overall' and algorithm == 'A1'")
    assert overall.p.tolist() == pytest.approx([2.0**-12] * 2)
    rules = json.loads((out / "provenance.json").read_text())["rules"]
    assert rules["smaller_is_better"] == ["hd95"]
    assert rules["worst"] == {"hd95": 200, "nsd": 0}
    assert (out / "cases.svg").is_file()


def test_tests_over_tasks_of_one_direction_and_unlike_units(matrix: Path, tmp_path: Path) -> None:
    said = "overall: the tests compare, case by case, the mean over the tasks of the ranks"
    for options, is_said in (((), False), (("--overall-by-ranks",), True)):
        result = bmseg("rank", matrix, "-o", tmp_path / "out", "--bootstraps", 0, "--no-figures", *options)
        assert (said in result.stdout) == is_said
        assert "smaller is better" not in result.stdout


def test_smaller_is_better_alone_in_front_of_the_matrix(matrix: Path, tmp_path: Path) -> None:
    """An option that may have a task takes what stands behind it; the matrix is still the matrix."""
    quick = ("--bootstraps", 0, "--no-figures")
    for name, given in (
        ("behind", (matrix, "--smaller-is-better")),
        ("before", ("--smaller-is-better", matrix)),
    ):
        assert bmseg("rank", *given, "-o", tmp_path / name, *quick).returncode == 0
    assert bytes_of(tmp_path / "before") == bytes_of(tmp_path / "behind")
    rules = json.loads((tmp_path / "before" / "provenance.json").read_text())["rules"]
    assert rules["smaller_is_better"] is True


def test_says_where_r_takes_noise_for_a_difference(tmp_path: Path) -> None:
    matrix = tmp_path / "m.csv"
    values = {"a": [0.3, 0.2, 0.9, 0.5], "b": [0.2, 0.1, 0.6, 0.6]}
    rows = [f"{name},{case},{value}" for name, found in values.items() for case, value in enumerate(found)]
    matrix.write_text("algorithm,case,value\n" + "\n".join(rows) + "\n")
    quick = ("--bootstraps", 0, "--no-figures")
    result = bmseg("rank", matrix, "-o", tmp_path / "out", *quick)
    assert "In 2 of 2 tests equal differences differ in their last digits only" in result.stdout
    # R 4.2.2: wilcox.test(a, b, "greater", paired = TRUE, exact = FALSE), and of 10 * a and 10 * b.
    for decimals, p in (((), 0.13464706835986834), (("--decimals", 12), 0.17235211100347886)):
        assert bmseg("rank", matrix, "-o", tmp_path / "out", *quick, *decimals).returncode == 0
        assert pd.read_csv(tmp_path / "out" / "pairwise.csv").p[0] == pytest.approx(p, rel=1e-12)


def test_tasks_that_are_no_file_names() -> None:
    tasks = ["../Level 1", "level_1", "x", "骨", "髄", "overall"]
    assert _stems(tasks) == ["Level_1", "level_1_2", "x", "task", "task_2", "overall"]
    assert len(_stems(["x" * 300])[0]) == 60


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("algorithm,case\na,1\n", (), "columns algorithm, case, expected value; name it with --value-column"),
        ("team,case,value\na,1,1\n", (), "expected algorithm or alg_name; name it with --algorithm-column"),
        ("algorithm,case,value\na,1,1\n", ("--task-column", "cas"), "Error: --task-column: found 'cas'"),
        ("algorithm,case,value\na,1,1\n", ("--task-column", "cas"), "which are algorithm, case, value; did"),
        ("algorithm,case,value\na,1,1\n", ("--status-column", "value"), "m.csv: column value: task all, "),
        ("algorithm,case,value\na,b,1\n", ("--value-column", "case"), "number; --value-column names it"),
        ("algorithm,case,value\na,1,high\n", (), "value: task all, algorithm a, case 1: found 'high'"),
        ("algorithm,case,value\na,1,inf\n", (), "found 'inf', expected a finite number"),
        ("algorithm,case,value\na,1,1\na,1,2\n", (), "task all, algorithm a, case 1: found more than once"),
        ("algorithm,case,value\n,1,1\n", (), "algorithm: task all, case 1: found nothing, expected a name"),
        ("algorithm,case,value\n", (), "scores: found no row"),
        ("", (), "found an empty file"),
        ("task,algorithm,case,value\noverall,a,1,1\n", (), "task: found 'overall'"),
        ("algorithm,case,value\na,1,1\n", ("--alpha", 2), "Error: --alpha: found 2"),
        ("algorithm,case,value\na,1,1\n", ("--confidence", 2), "Error: --confidence: found 2"),
        ("algorithm,case,value\na,1,1\n", ("--tolerance=-1",), "Error: --tolerance: found -1"),
        ("algorithm,case,value\na,1,1\n", ("--weight", "all=-1"), "Error: --weight: all: found -1"),
        ("algorithm,case,value\na,1,1\n", ("--weight", "all=0"), "Error: --weight: found 0 for every task"),
        ("algorithm,case,value\na,1,1\n", ("--weight", "all=x"), "--weight: found 'all=x', expected TASK"),
        ("algorithm,case,value\na,1,1\n", ("--weight", "b=1"), "--weight: found b, expected tasks of all"),
        ("algorithm,case,value\na,1,1\n", ("--worst", "b=1"), "--worst: found b, expected tasks of all"),
        ("algorithm,case,value\na,1,1\n", ("--worst", "x"), "--worst: found 'x', expected VALUE or"),
        ("algorithm,case,value\na,1,1\n", ("--worst", 1, "--worst", 2), "--worst: found 1 and 2"),
        ("algorithm,case,value\na,1,1\n", ("--smaller-is-better", "b"), "--smaller-is-better: found b"),
        (
            "algorithm,case,value\na,1,1\n",
            ("--smaller-is-better", "all", "--smaller-is-better"),
            "--smaller-is-better: found it alone and with all, expected one of the two",
        ),
    ],
)  # fmt: skip
def test_refusals(tmp_path: Path, text: str, options: tuple[str, ...], message: str) -> None:
    matrix = tmp_path / "m.csv"
    matrix.write_text(text)
    result = bmseg("rank", matrix, "-o", tmp_path / "out", *options)
    assert_refused(result, message)
    assert not (tmp_path / "out").exists()


def test_where_results_cannot_go(matrix: Path, tmp_path: Path) -> None:
    assert_refused(bmseg("rank", tmp_path / "no.csv", "-o", tmp_path / "out"), "no.csv: no such file")
    assert_refused(bmseg("rank", matrix, "-o", matrix), "matrix.csv: found a file, expected a folder")
    mine = matrix.rename(tmp_path / "ranks.csv")
    before = mine.read_bytes()
    assert_refused(bmseg("rank", mine, "-o", tmp_path), "ranks.csv: found it among the files to be written")
    assert mine.read_bytes() == before


def test_too_many_algorithms_for_a_figure(tmp_path: Path) -> None:
    rows = [f"a{name},{case},{name + case}" for name in range(61) for case in range(2)]
    matrix = tmp_path / "m.csv"
    matrix.write_text("algorithm,case,value\n" + "\n".join(rows) + "\n")
    result = bmseg("rank", matrix, "-o", tmp_path / "out", "--bootstraps", 0)
    assert "No figures: 61 algorithms, and more than 60 cannot be read in one." in result.stdout
    assert not list((tmp_path / "out").glob("*.svg"))


@pytest.mark.parametrize("name", ["ranks.csv", "provenance.json", "schemes_overall.svg"])
def test_files_of_somebody_else_are_not_written_over(matrix: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("{}")
    expected = f"found {name}, which no earlier ranking on record wrote"
    assert_refused(bmseg("rank", matrix, "-o", out, "--bootstraps", 0), expected)
    assert set(bytes_of(out)) == {name} and (out / name).read_text() == "{}"
