"""The table of a cohort whose images come from elsewhere."""

from pathlib import Path

import pytest

from dataset_conversion.images.volume import ConversionError
from dataset_conversion.raw.cohort_table import CohortRow, read_cohort
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
