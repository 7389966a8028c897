from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evaluation.reading.vas_scores import ScoreError, read_printed_summary, read_scores

HEADING = "mask,slices,age,overall_gt,overall_ai,overall_diff"
GOOD = f"{HEADING}\n1,16,14.0,3.4,5.0,1.6\n2,15,13.9,2.0,,\n"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "scores.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(ScoreError) as error:
        read()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_scores_and_what_is_printed(write: Write) -> None:
    scores = read_scores(write(GOOD))
    assert scores.items == ("overall",)
    assert scores.numeric == ["slices", "age", "overall_gt", "overall_ai", "overall_diff"]
    assert scores.values["mask"].tolist() == ["1", "2"]
    assert scores.values.overall_diff[0] == pytest.approx(1.6)
    assert np.isnan(scores.values.overall_ai[1])
    assert scores.printed.overall_diff.tolist() == ["1.6", ""]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace(",", " , "),
        GOOD + ",,,,,\n\n",
        "overall_ai,age,mask,overall_diff,slices,overall_gt\n5.0,14.0,1,1.6,16,3.4\n,13.9,2,,15,2.0\n",
    ],
)
def test_what_spreadsheets_write_is_read(write: Write, text: str) -> None:
    scores, expected = read_scores(write(text)), read_scores(write(GOOD))
    assert scores.values.equals(expected.values)
    assert scores.printed.equals(expected.printed)


def test_facts_and_differences_may_be_missing(write: Write) -> None:
    scores = read_scores(write("mask,level2+3_gt,level2+3_ai\nknee 7,1,2\n"))
    assert list(scores.values) == ["mask", "level2+3_gt", "level2+3_ai", "level2+3_diff"]
    assert scores.printed.empty


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("mask,a_gt\n1,2\n", ["column: found none named a_ai"]),
        ("a_gt,a_ai\n1,2\n", ["column: found none named mask"]),
        ("mask,age\n1,2\n", ["column: found no scores"]),
        ("mask,a_gt,a_ai,b_diff,sex\n1,2,3,4,f\n", ["column: found b_diff, sex, expected only mask, slices"]),
        ("b,a_gt,sex\n1,2,3\n", ["none named mask, a_ai", "column: found b, sex"]),
        ("mask,a_gt,a_gt,a_ai\n1,2,3,4\n", ["column: found a_gt more than once"]),
        ("mask,a_gt,a_ai\n1,2\n2,1,1,1\n", ["row 1: found 2 cells", "row 2: found 4 cells, expected 3"]),
        ("mask,a_gt,a_ai\n", ["found no row"]),
        ("", ["found an empty file"]),
        (
            f"{HEADING}\n1,16.5,-1,ten,10.5,0\n1,16,10,nan,-0.1,inf\n,16,10,1,'2,1e1\n",
            [
                "mask: found none in row 3",
                "mask: found 1 more than once",
                "mask 1: slices: found '16.5', expected a whole number from 1 to 10000",
                "mask 1: age: found '-1', expected a number from 0 to 120",
                "mask 1: overall_gt: found 'ten', expected a number from 0 to 10",
                "mask 1: overall_ai: found '10.5', expected a number from 0 to 10",
                "mask 1: overall_gt: found 'nan'",
                "mask 1: overall_ai: found '-0.1'",
                "mask 1: overall_diff: found 'inf', expected a number;",
                "mask : overall_ai: found ''2'",
                "overall_diff: found '1e1'",
            ],
        ),
    ],
)
def test_all_faults_of_a_file_in_one_line(write: Write, text: str, messages: list[str]) -> None:
    path = write(text)
    refused = refusal(lambda: read_scores(path))
    assert refused.startswith(f"{path}: ")
    for message in messages:
        assert message in refused
    assert refused.count("found") == max(len(messages), 1)


def test_unreadable_files(tmp_path: Path) -> None:
    assert "no such file" in refusal(lambda: read_scores(tmp_path / "none.csv"))
    assert "cannot be read as a table" in refusal(lambda: read_scores(tmp_path))
    binary = tmp_path / "scores.csv"
    binary.write_bytes(b"\xff\x00mask")
    assert "found bytes that are not UTF-8" in refusal(lambda: read_scores(binary))
    binary.write_text('mask,a_gt,a_ai\n1,"2,3\n')
    assert "cannot be read as a table" in refusal(lambda: read_scores(binary))


def test_a_printed_summary_keeps_its_decimals(write: Write, tmp_path: Path) -> None:
    scores = read_scores(write(GOOD))
    path = tmp_path / "summary.csv"
    path.write_text("statistic,age,overall_diff\nsd,0.07,\nmean,13.95,1.60\n")
    printed = read_printed_summary(path, scores)
    assert printed.loc["mean", "overall_diff"] == "1.60"
    assert printed.loc["sd", "overall_diff"] == ""
    # A misprint is no fault of the file, however large: it is what is looked for.
    path.write_text("statistic,overall_ai\nmean,50\n")
    assert read_printed_summary(path, scores).loc["mean", "overall_ai"] == "50"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("overall_ai\n1\n", ["column: found none named statistic"]),
        (
            "statistic,level9_ai\nmean,1\n",
            ["column: found level9_ai, expected some of statistic, slices, age"],
        ),
        (
            "statistic,age\nmean,ten\nmean,1\nmedian,2\n",
            ["statistic mean: age: found 'ten', expected a number", "mean more than once", "found median"],
        ),
    ],
)
def test_faults_of_a_printed_summary(write: Write, tmp_path: Path, text: str, messages: list[str]) -> None:
    scores = read_scores(write(GOOD))
    path = tmp_path / "summary.csv"
    path.write_text(text)
    refused = refusal(lambda: read_printed_summary(path, scores))
    assert refused.startswith(f"{path}: ")
    for message in messages:
        assert message in refused
