"""The table of a cohort whose images come from elsewhere."""

from dataclasses import replace
from pathlib import Path

import pytest

from dataset_conversion.images import ConversionError
from dataset_conversion.raw.cohort_table import CohortRow, check_training, read_cohort, read_facts
from dataset_conversion.raw.conversion import read_table as read_images
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


def test_readers_may_lack_test_exams_where_the_study_says_so(tmp_path: Path) -> None:
    rows = "a,training,m.nrrd,\nb,test,m.nrrd,m.nrrd\nc,test,,m.nrrd\n"
    path = write(tmp_path, f"exam,split,anna,bert\n{rows}")
    with pytest.raises(ConversionError, match="anna: found no mask of test exam c, .* incomplete = "):
        read_cohort(path, SPEC, ())
    found = read_cohort(path, replace(SPEC, incomplete=True), ())
    assert [sorted(row.files) for row in found] == [["anna"], ["anna", "bert"], ["bert"]]


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


IMAGES = DatasetSpec(7, "Knee", ("water", "fat"), {"level1": 1}, ("anna",), "anna", "coronal")


def table_of(folder: Path, rows: str, **images: bytes) -> Path:
    for name, content in images.items():
        (folder / f"{name}.nii.gz").write_bytes(content)
    return write(folder, f"exam,split,water,fat,anna\n{rows}")


def test_an_image_in_training_and_test_is_a_leak(tmp_path: Path) -> None:
    files = {"a": b"one", "b": b"two", "c": b"one", "d": b"four", "e": b"five"}
    rows = (
        "x,training,a.nii.gz,b.nii.gz,m.nrrd\n"
        "y,test,c.nii.gz,d.nii.gz,m.nrrd\n"  # the bytes of a
        "z,test,e.nii.gz,./b.nii.gz,m.nrrd\n"  # the file b
        "w,test,e.nii.gz,d.nii.gz,m.nrrd\n"  # twice, but in one split
    )
    with pytest.raises(ConversionError) as error:
        read_cohort(table_of(tmp_path, rows, **files), IMAGES, IMAGES.channels)
    message = str(error.value)
    assert "split: found one image in row 1 (x, training) and row 2 (y, test), expected it in one" in message
    assert "split: found one image in row 1 (x, training) and row 3 (z, test), expected it in one" in message
    assert message.count("found one image") == 2


def test_unread_images_are_not_those_of_the_test(tmp_path: Path) -> None:
    rows = "x,unread,a.nii.gz,b.nii.gz,\ny,test,b.nii.gz,a.nii.gz,m.nrrd\n"
    path = table_of(tmp_path, rows, a=b"one", b=b"two")
    with pytest.raises(ConversionError, match=r"row 1 \(x, unread\) and row 2 \(y, test\)"):
        read_cohort(path, IMAGES, IMAGES.channels, splits=ALL)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,test,m.nrrd,,12y\n", "exam a: age: found '12y', expected years as a number from 0 to 120"),
        ("a,test,m.nrrd,,abc\nb,test,m.nrrd,,-1\n", "exam a: age: found 'abc'.*exam b: age: found '-1'"),
        ("a,test,m.nrrd,,1e3\n", "age: found '1e3'"),
        (
            "a_seg,test,m.nrrd,,\n",
            r"exam 'a_seg': identifier: found the ending of nnU-Net's own preprocessed",
        ),
        ("A,test,m.nrrd,,\na,test,m.nrrd,,\n", "exam A and a: found names that differ in capitals alone"),
    ],
)
def test_rows_are_named(tmp_path: Path, rows: str, message: str) -> None:
    path = write(tmp_path, f"exam,split,anna,bert,age\n{rows}")
    with pytest.raises(ConversionError, match=message):
        read_cohort(path, SPEC, ())


def test_a_decimal_comma_is_stored_as_a_point(tmp_path: Path) -> None:
    path = write(tmp_path, "exam;split;anna;age\na;training;m.nrrd;8,5\nb;training;m.nrrd;\n")
    assert [row.facts["age"] for row in read_cohort(path, SPEC, ())] == ["8.5", None]


def test_names_like_missing_values_and_numbers_stay(tmp_path: Path) -> None:
    names = ("NA", "None", "null", "nan", "001", "1e5", "patient.1.2")
    rows = "".join(f"{name},training,m.nrrd,{name}\n" for name in names)
    path = write(tmp_path, f"exam,split,anna,group\n{rows}")
    assert [(row.exam, row.facts["group"]) for row in read_cohort(path, SPEC, ())] == [
        (name, name) for name in names
    ]
    assert read_facts(path).group.tolist() == [*names]


def test_a_table_of_test_exams_alone_makes_no_data_set(tmp_path: Path) -> None:
    rows = "x,{0},a.nii.gz,b.nii.gz,m.nrrd\ny,test,a.nii.gz,b.nii.gz,m.nrrd\n"
    path = table_of(tmp_path, rows.format("test"), a=b"one", b=b"two")
    found = read_cohort(path, IMAGES, IMAGES.channels)
    with pytest.raises(
        ConversionError, match=f"{path.name}: split: found no training exam, expected at least"
    ):
        check_training(path, found)
    with pytest.raises(ConversionError, match=f"{path.name}: split: found no training exam"):
        read_images(path, IMAGES)
    check_training(path, [replace(found[0], split="training"), found[1]])
    check_training(path, [replace(row, split="unread") for row in found])
