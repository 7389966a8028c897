import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from bmseg.outputs.provenance import file_hash
from bmseg.study import DEFAULT_STUDY, load_study
from bmseg.workspace import kept_study, open_workspace
from tests.support.command_line import assert_refused, bmseg

SCORES = DEFAULT_STUDY.parent / "table2_vas.csv"
PRINTED = DEFAULT_STUDY.parent / "table2_vas_summary.csv"


def test_table_2_of_the_study_and_where_it_contradicts_itself(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = bmseg("vas", SCORES, "--printed", PRINTED, "-o", out)
    assert result.returncode == 0, result.stderr
    assert {path.name for path in out.glob("[!.]*")} == {
        "table2.csv", "table2.md", "table2.html", "contradictions.csv", "provenance.json",
    }  # fmt: skip
    contradictions = pd.read_csv(out / "contradictions.csv", dtype=str)
    assert contradictions.to_numpy().tolist() == [
        ["mask 6", "level3_diff", "3.8", "-3"],
        ["mask 7", "level3_diff", "3.8", "3.3"],
        ["mask 8", "level3_diff", "0.5", "0"],
        ["mask 9", "level3_diff", "3.8", "2.5"],
        ["mean", "level1_diff", "-0.50", "-0.05"],
    ]
    assert "5 printed numbers contradict the rows" in result.stdout
    assert "mean, level1_diff: printed -0.50, recomputed -0.05" in result.stdout
    assert (out / "table2.md").read_text() in result.stdout
    assert "8 of 10 (80%)" in (out / "table2.html").read_text()
    assert "5 printed numbers contradict" in (out / "table2.html").read_text()


def test_provenance_names_what_it_was_made_from(tmp_path: Path) -> None:
    assert bmseg("vas", SCORES, "--printed", PRINTED, "-o", tmp_path).returncode == 0
    record = json.loads((tmp_path / "provenance.json").read_text())
    assert record["files_sha256"] == {
        "study": file_hash(DEFAULT_STUDY), "scores": file_hash(SCORES), "printed": file_hash(PRINTED)
    }  # fmt: skip
    assert record["study"] == "von_brandis_2022"
    assert record["contradictions"] == 5
    for name, expected in record["outputs"].items():
        assert file_hash(tmp_path / name) == expected


def test_no_contradiction_is_said_too(tmp_path: Path) -> None:
    scores = tmp_path / "scores.csv"
    scores.write_text("mask,overall_gt,overall_ai,overall_diff\n1,3.4,5.0,1.6\n2,2,1,-1\n")
    result = bmseg("vas", scores, "-o", tmp_path / "out")
    assert "0 printed numbers contradict the rows." in result.stdout
    assert (tmp_path / "out" / "contradictions.csv").read_text() == "row,column,printed,recomputed\n"


def test_the_studys_threshold_counts(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(DEFAULT_STUDY.read_text().replace("acceptable_below = 5.0", "acceptable_below = 3.0"))
    result = bmseg("vas", SCORES, "--study", study, "-o", tmp_path / "out")
    row = next(line for line in result.stdout.splitlines() if line.startswith("| below 3 cm"))
    # Overall: below 3 are five consensus masks and three of the model.
    assert [cell.strip() for cell in row.split("|")][-4:-2] == ["5 of 10 (50%)", "3 of 10 (30%)"]


def test_refusals(tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("mask,overall_gt,overall_ai\n1,eleven,11\n1,1,1\n")
    result = bmseg("vas", bad, "-o", tmp_path / "out")
    assert_refused(
        result, "overall_gt: found 'eleven', expected a number from 0 to 10; mask 1: overall_ai: found '11'"
    )
    assert "mask: found 1 more than once" in result.stderr
    assert not (tmp_path / "out").exists()
    assert_refused(bmseg("vas", tmp_path / "none.csv", "-o", tmp_path / "out"), "none.csv: no such file")
    study = tmp_path / "study.toml"
    text = DEFAULT_STUDY.read_text()
    study.write_text(text[: text.index("[vas]")] + text[text.index("[published]") :])
    result = bmseg("vas", SCORES, "--study", study, "-o", tmp_path / "out")
    assert_refused(result, "study.toml: vas.acceptable_below: found none")


def test_the_scores_are_not_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "table2.csv"
    shutil.copyfile(SCORES, mine)
    assert_refused(bmseg("vas", mine, "-o", tmp_path), "table2.csv: found it among the files to be written")
    assert mine.read_bytes() == SCORES.read_bytes()


def test_a_refusal_leaves_earlier_results(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert bmseg("vas", SCORES, "-o", out).returncode == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    bad = tmp_path / "bad.csv"
    bad.write_text("mask\n1\n")
    assert bmseg("vas", bad, "-o", out).returncode == 2
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_published_tables_come_along_with_the_study(tmp_path: Path) -> None:
    published = load_study().published
    assert (published.table2, published.table2_summary) == (SCORES.name, PRINTED.name)
    open_workspace(tmp_path / "w", create=True)
    kept = kept_study(tmp_path / "w").parent
    for path in (SCORES, PRINTED):
        assert (kept / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("found", "instead", "message"),
    [
        ("table2_vas.csv", "elsewhere.csv", "published.table2: no such file: "),
        (
            'table2 = "table2_vas.csv"',
            'table2 = "a/table1_dice.csv"',
            "published: found table1_dice.csv more than",
        ),
    ],
)
def test_published_files_that_cannot_come_along(
    tmp_path: Path, found: str, instead: str, message: str
) -> None:
    for path in DEFAULT_STUDY.parent.iterdir():
        shutil.copyfile(path, tmp_path / path.name)
    study = tmp_path / "study.toml"
    study.write_text(DEFAULT_STUDY.read_text().replace(found, instead))
    assert_refused(bmseg("phantom", "--workspace", tmp_path / "w", "--study", study), message)
