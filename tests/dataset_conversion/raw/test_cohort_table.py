"""The table of a cohort whose images come from elsewhere."""

from pathlib import Path

import pytest

from dataset_conversion.images import ConversionError
from dataset_conversion.raw.cohort_table import CohortRow, read_cohort, read_facts
from dataset_conversion.raw.exam import DatasetSpec

SPEC = DatasetSpec(7, "Knee", ("water",), {"level1": 1}, ("anna", "bert"), "anna", "coronal")
ALL = ("training", "test", "unread")


def write(folder: Path, text: str) -> Path:
    (folder / "m.nrrd").touch()
    path = folder / "cohort.csv"
    path.write_text(text)
    return path


def test_image_columns_are_optional(tmp_path: Path) -> None:
    path = write(tmp_path, "exam,split,anna,bert,site\na,training,m.nrrd,,Oslo\nb,test,m.nrrd,m.nrrd,\n")
    mask = tmp_path / "m.nrrd"
    assert read_cohort(path, SPEC, ()) == [
        CohortRow("a", "training", {"anna": mask}, {"site": "Oslo"}),
        CohortRow("b", "test", {"anna": mask, "bert": mask}, {"site": None}),
    ]


def test_a_table_of_unread_exams_needs_no_reader(tmp_path: Path) -> None:
    path = write(tmp_path, "exam,split\na,unread\n")
    assert read_cohort(path, SPEC, (), splits=ALL) == [CohortRow("a", "unread", {}, {})]
    with pytest.raises(ConversionError, match="exam a: split: found 'unread', expected training or test"):
        read_cohort(path, SPEC, ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("exam,split,anna\na,unread,m.nrrd\n", "exam a: anna: found a mask, expected none of an unread exam"),
        ("exam,split\na,training\n", "column: found none named anna$"),
        ("exam,split,water,anna\na,test,m.nrrd,m.nrrd\n", r"found water, .* \(readers are those of the"),
        ("exam,split,anna\na,tset,m.nrrd\n", "split: found 'tset', expected training, test or unread"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        read_cohort(write(tmp_path, text), SPEC, (), splits=ALL)


def test_facts_are_read_with_identifiers_as_text(tmp_path: Path) -> None:
    found = read_facts(write(tmp_path, "exam,age,hobby\n007,8,chess\n8,,\n"))
    assert found.exam.tolist() == ["007", "8"]
    assert found.age.tolist()[0] == 8
    assert list(found) == ["exam", "age", "hobby"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"age\n8\n", "column: found none named exam, expected a row an exam"),
        (b"", "found an empty file, expected a CSV file"),
        (b"exam\n\xff\xfe\n", "found bytes that are not UTF-8, expected a CSV file"),
        (None, "no such file, expected a CSV file with a row an exam"),
    ],
    ids=["no exam", "empty", "no text", "no file"],
)
def test_tables_of_facts_are_refused_by_name(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "cohort.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConversionError, match=f"cohort.csv: {message}") as error:
        read_facts(path)
    assert "\n" not in str(error.value)
