"""`bmseg evaluate` where readers drew some of the exams each: allowed by the study file or an option."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bmseg.errors import InputError
from bmseg.leaderboard.scoring import Reference
from bmseg.report.page import write_report
from bmseg.scoring.evaluate import evaluate
from bmseg.scoring.evaluation import Evaluation
from bmseg.scoring.masks import Reading, read_exam, refuse_missing_labels
from bmseg.scoring.raters import Raters
from bmseg.study import DEFAULT_STUDY, load_study
from evaluation.masks.reading import MaskError
from evaluation.study.incomplete import READERS_PER_EXAM
from evaluation.study.repeated import REPEATS
from tests.support.masks import save_mask, thresholded

READERS = ["reader1", "reader2", "reader3"]
DREW = {"knee_a": "12", "knee_b": "23", "knee_c": "1"}


@pytest.fixture
def raters(tmp_path: Path) -> Raters:
    for seed, (exam, drew) in enumerate(DREW.items()):
        for rater, mask in thresholded([*READERS, "net", "again"], (14, 12, 4), seed=seed).items():
            if rater == "net" or rater[-1] in drew or (rater, exam) == ("again", "knee_a"):
                save_mask(tmp_path / rater / f"{exam}.nii.gz", mask)
    return Raters({reader: tmp_path / reader for reader in READERS}, {"net": tmp_path / "net"})


@pytest.fixture
def allowing(tmp_path: Path) -> Path:
    """A study file that allows an incomplete design."""
    path = tmp_path / "study.toml"
    again = '\n[[readers]]\nname = "again"\nrepeat_of = "reader1"\n'
    text = DEFAULT_STUDY.read_text().split("[published]")[0].split("[scores]")[0]
    path.write_text(text + again + '\n[scores]\nmeasures = ["dice"]\n[design]\nincomplete = "allow"\n')
    return path


@pytest.mark.usefixtures("vector_figures")
def test_a_study_file_allows_it_and_what_is_read_back_says_so(
    raters: Raters, allowing: Path, tmp_path: Path
) -> None:
    """Reader1 read knee_a twice, too."""
    raters = replace(raters, readers={**raters.readers, "again": tmp_path / "again"})
    done = evaluate(load_study(allowing), allowing, raters, tmp_path / "out")
    assert list(done.found.readers) == READERS and done.record["repeats"] == {"again": "reader1"}
    assert set(done.found[REPEATS].other) == {"again", "reader2", "net"} and set(done.found[REPEATS].n) == {1}
    assert done.found[READERS_PER_EXAM].readers.tolist() == [
        "reader1, reader2",
        "reader2, reader3",
        "reader1",
    ]
    assert any("one rater only: the consensus is the mask of Reader 1" in said for said in done.warnings)
    again = Evaluation.read(tmp_path / "out", allowing)
    for each in (done, again):
        assert any(note.startswith("Incomplete design: of 3 exams") for note in each.table.notes)
    assert again.table.notes == done.table.notes
    write_report(again, allowing)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "The same reader twice" in page and "Whose exams were easier?" in page
    assert "each of the exams that the reader drew" in page and "Incomplete design: of 3 exams" in page
    assert "Readers who drew it" in page
    assert evaluate(load_study(allowing), allowing, raters, tmp_path / "out").skipped


def test_holes_are_all_listed_and_what_would_allow_them(raters: Raters, tmp_path: Path) -> None:
    with pytest.raises(MaskError) as refused:
        evaluate(load_study(), DEFAULT_STUDY, raters, tmp_path / "out")
    first, *lines = str(refused.value).splitlines()
    assert first == (
        "exams: expected the same 3 exams of every reader: add the files, or, if not all were to be drawn, "
        'incomplete = "allow" below [design] in the study file, or --incomplete; found'
    )
    assert lines == [
        "  reader1: missing knee_b",
        "  reader2: missing knee_c",
        "  reader3: missing knee_a, knee_c",
    ]


def test_a_model_has_every_exam(raters: Raters, tmp_path: Path) -> None:
    (tmp_path / "net" / "knee_c.nii.gz").unlink()
    with pytest.raises(MaskError, match="net: missing knee_c"):
        evaluate(load_study(), DEFAULT_STUDY, raters, tmp_path / "out", incomplete=True)


def test_a_board_needs_every_readers_mask(raters: Raters, allowing: Path) -> None:
    with pytest.raises(MaskError, match="a board of an incomplete design cannot be made: .* reader"):
        Reference.of(load_study(allowing), raters.readers)


@pytest.mark.parametrize(
    ("whose", "words"),
    [
        ("reader9", "readers.repeat_of: again: found reader9, expected one of the readers reader1"),
        ("again", "readers.repeat_of: again: found itself, expected"),
        ("third", "readers.repeat_of: again: found third, which is a repeat, expected"),
    ],
)
def test_a_repeat_is_of_one_of_the_readers(allowing: Path, whose: str, words: str) -> None:
    more = '[[readers]]\nname = "third"\nrepeat_of = "reader2"\n'
    text = allowing.read_text().replace('repeat_of = "reader1"', f'repeat_of = "{whose}"')
    allowing.write_text(text.replace("[scores]", f"{more}[scores]"))
    with pytest.raises(InputError, match=words):
        load_study(allowing)


def test_a_label_to_ignore_is_read(allowing: Path, tmp_path: Path) -> None:
    path = save_mask(tmp_path / "reader1" / "knee_x.nii.gz", np.full((4, 4, 2), 255, np.uint8))
    with pytest.raises(MaskError, match="found 255 in 32 of"):
        read_exam(load_study(allowing), {"reader1": path}, Reading(), "knee_x")
    allowing.write_text(allowing.read_text().replace("[scores]", "[scores]\nignore = 255"))
    study = load_study(allowing)
    assert study.design().ignore == 255
    found = read_exam(study, {"reader1": path}, Reading(), "knee_x")
    assert set(found["reader1"].array.ravel()) == {255}


def test_a_file_of_what_is_unsure_has_its_name(allowing: Path, tmp_path: Path) -> None:
    """In a folder with a file a label; who has none was sure."""
    allowing.write_text(allowing.read_text().replace("[scores]", "[scores]\nignore = 255"))
    study, marked = load_study(allowing), np.zeros((4, 4, 2), np.uint8)
    marked[:2] = 1
    files: dict[str, dict[str, Path]] = {}
    for reader in ("reader1", "reader2"):
        save_mask(tmp_path / reader / "knee_x" / "level1.nii.gz", marked)
        files[reader] = {"knee_x": tmp_path / reader / "knee_x"}
    save_mask(tmp_path / "reader1" / "knee_x" / "ignore.nii.gz", 1 - marked)
    found = read_exam(study, {"reader1": files["reader1"]["knee_x"]}, Reading(), "knee_x")
    assert np.array_equal(found["reader1"].array, np.where(marked == 1, 1, 255))
    refuse_missing_labels(files, ["knee_x"], Reading(), study)
    (files["reader2"]["knee_x"] / "level1.nii.gz").rename(files["reader2"]["knee_x"] / "level2.nii.gz")
    with pytest.raises(MaskError, match="found no file of level1, which reader1 has"):
        refuse_missing_labels(files, ["knee_x"], Reading(), study)


def test_what_is_ignored_is_no_level(allowing: Path) -> None:
    allowing.write_text(allowing.read_text().replace("[scores]", "[scores]\nignore = 3"))
    with pytest.raises(InputError, match="scores.ignore: found 3, expected a value that is no level's"):
        load_study(allowing)


@pytest.mark.usefixtures("raters")
def test_a_repeat_comes_with_its_reader(allowing: Path, tmp_path: Path) -> None:
    alone = Raters({"reader2": tmp_path / "reader2", "again": tmp_path / "again"}, {})
    with pytest.raises(
        InputError, match="reader: found again, a repeat of reader1, without masks of reader1"
    ):
        evaluate(load_study(allowing), allowing, alone, tmp_path / "out")


def test_the_study_file_says_allow_or_refuse(allowing: Path) -> None:
    allowing.write_text(allowing.read_text().replace('"allow"', '"perhaps"'))
    with pytest.raises(InputError, match="design.incomplete: found 'perhaps', expected"):
        load_study(allowing)
