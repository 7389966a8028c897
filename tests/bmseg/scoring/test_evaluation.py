"""An evaluation is an object, the same from memory and from its folder; nothing outlives its inputs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bmseg.errors import InputError, WorkError
from bmseg.outputs import read_record, write_record
from bmseg.outputs.provenance import file_hash
from bmseg.scoring.evaluate import evaluate
from bmseg.scoring.evaluation import FOLLOWERS, Evaluation
from bmseg.scoring.raters import Raters
from bmseg.study import DEFAULT_STUDY, load_study
from evaluation.study.tables import DICE, TABLES
from tests.support.masks import save_mask, thresholded
from tests.support.studies import small_raters, small_study

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "results.md"
READERS = ["reader1", "reader2", "reader3", "reader4"]


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("masks")
    for seed in range(3):
        for rater, mask in thresholded([*READERS, "net", "other"], seed=seed).items():
            save_mask(root / rater / f"knee_{seed}.nii.gz", mask)
    return root


def run(masks: Path, out: Path, models: list[str]) -> Evaluation:
    readers = {reader: masks / reader for reader in READERS}
    raters = Raters(readers, {model: masks / model for model in models})
    return evaluate(load_study(), DEFAULT_STUDY, raters, out, synthetic=True)


@pytest.fixture(scope="module")
def made(masks: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_: None)
        return run(masks, tmp_path_factory.mktemp("made") / "out", ["net", "other"])


def run_small(root: Path, *models: str) -> Evaluation:
    """Of a study that is scored within a second, for tests of what surrounds the scores."""
    study = small_study(root, '[scores]\nmeasures = ["dice"]\n')
    return evaluate(load_study(study), study, small_raters(root / "masks", *models), root / "out")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_tables: Callable[..., None]) -> Evaluation:
    few_tables("methods_compared")
    monkeypatch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_: None)
    return run_small(tmp_path, "net", "other")


def test_what_is_read_back_is_what_was_found(made: Evaluation) -> None:
    back = Evaluation.read(made.folder, DEFAULT_STUDY)
    assert back.record == made.record
    assert back.found.declared() == made.found.declared()
    for table in made.found.declared():
        rounding = 1e-6 if table.decimals == "%.6f" else 1e-8
        pd.testing.assert_frame_equal(
            back.found[table], made.found[table], rtol=rounding, atol=rounding, check_dtype=False
        )
    # All that is printed or said follows from the tables.
    texts, of_made = back.found.texts(), made.found.texts()
    assert texts.keys() == of_made.keys()
    for name, text in texts.items():
        if not name.endswith(".csv"):
            assert text == of_made[name] == (made.folder / name).read_text(), name
    assert back.table.notes[-1].startswith("Synthetic cohort")


def test_every_table_has_the_columns_that_it_declares(made: Evaluation) -> None:
    for table in made.found.declared():
        first = pd.read_csv(made.folder / f"{table.name}.csv").columns[: len(table.columns)]
        assert list(first) == list(table.columns), table.name
    conditional = {"dice_by_knee", "outside_region", "dice_by_category", "dice_categories_compared"}
    missing = {table.name for table in TABLES if table not in made.found}
    conditional |= {
        "measures_by_category",
        "dice_against_age",
        "comparisons_without_teacher",
        "methods_without_teacher",
        "readers_per_exam",
        "dice_adjusted",
        "repeats",
        "repeats_volumes",
        "ignored",
        "patients",
        "calibration",
        "calibration_exams",
        "methods_over_seeds",
        "reliability",
    }
    assert missing == conditional


def test_the_documented_files_are_those_that_are_written(made: Evaluation) -> None:
    rows = re.findall(r"^\| (`.*?) \|", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = {name for row in rows for name in re.findall("`([^`]+)`", row)}
    of_tables = {name for name in named if name.endswith((".csv", ".md", ".*"))} - {"costs.*"}
    written = set(read_record(made.folder / "provenance.json")["outputs"])
    for table in TABLES:
        patterns = [name for name in of_tables if name.partition(".")[0] == table.name]
        assert patterns, f"{table.name} is in no row of {DOCS.name}"
        files = {name for name in written if name.partition(".")[0] == table.name}
        if files and f"{table.name}.*" not in patterns:
            assert files == set(patterns)
    stems = {table.name for table in TABLES} | {table.words_name for table in TABLES}
    assert {name.partition(".")[0] for name in of_tables} <= stems


def test_nothing_of_an_earlier_evaluation_stays_beside_new_scores(small: Evaluation, tmp_path: Path) -> None:
    """A method's predictions are deleted and the rest is scored again: page, costs and overlays go."""
    out = small.folder
    assert (out / "methods_compared.csv").exists()
    later = [pattern.replace("*", "svg") for pattern in FOLLOWERS]
    for name in [*later, "mine.txt"]:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("of the earlier scores")
    assert run_small(tmp_path, "net", "other").skipped
    assert all((out / name).exists() for name in later)
    again = run_small(tmp_path, "net")
    assert set(again.found[DICE].rater) == {"reader1", "reader2", "net"}
    assert not any((out / name).exists() for name in [*later, "methods_compared.csv"])
    assert (out / "mine.txt").exists()


def test_a_mask_that_is_read_back_is_the_consensus(made: Evaluation) -> None:
    import nibabel as nib

    image = nib.load(made.consensus("knee_0"))
    scores = made.found[DICE].query("exam == 'knee_0' and level == 'level1'")
    assert set(scores.n_reference) == {int((np.asarray(image.dataobj) == 1).sum())}


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "[" * 3000,
        "[]",
        "null",
        "\0\1\2",
        "{",
        '{"kind": "evaluation"}',
        '{"kind": "evaluation", "inputs_sha256": 3, "outputs": {}}',
        '{"kind": "evaluation", "inputs_sha256": "a", "outputs": ["dice.csv"]}',
        '{"kind": "evaluation", "inputs_sha256": "a", "outputs": {"dice.csv": 1e30}}',
        '{"kind": "evaluation", "inputs_sha256": "a", "outputs": {}, "study": "mine", "exams": 3}',
    ],
)
def test_a_damaged_record_is_named_in_one_line(made: Evaluation, tmp_path: Path, damage: str) -> None:
    out = Path(shutil.copytree(made.folder, tmp_path / "out"))
    (out / "provenance.json").write_text(damage)
    with pytest.raises(InputError) as error:
        Evaluation.read(out, DEFAULT_STUDY)
    assert "\n" not in str(error.value)
    assert "bmseg evaluate" in str(error.value)


@pytest.mark.parametrize("change", ["edited", "gone", "of another folder"])
def test_what_is_read_back_is_what_was_written(made: Evaluation, tmp_path: Path, change: str) -> None:
    """Not a table that was edited since, nor a path that leads out of the folder."""
    out = Path(shutil.copytree(made.folder, tmp_path / "out"))
    if change == "edited":
        table = out / "dice.csv"
        table.write_text(table.read_text().replace("0.", "0.9", 1))
    elif change == "gone":
        (out / "table1.csv").unlink()
    else:
        (tmp_path / "precious.txt").write_text("mine")
        record = read_record(out / "provenance.json")
        record["outputs"]["../precious.txt"] = file_hash(tmp_path / "precious.txt")
        write_record(out / "provenance.json", record)
    with pytest.raises(InputError, match=r"missing or changed since, expected what was written"):
        Evaluation.read(out, DEFAULT_STUDY)


def test_no_record_deletes_outside_its_folder(small: Evaluation, tmp_path: Path) -> None:
    out = small.folder
    precious = [tmp_path / "precious.txt", tmp_path / "absolute.txt"]
    (out / "link.txt").symlink_to(precious[0])
    record = read_record(out / "provenance.json")
    for path in precious:
        path.write_text("mine")
    record["outputs"] |= {"../precious.txt": "", str(precious[1]): "", "link.txt": ""}
    write_record(out / "provenance.json", record)
    assert not run_small(tmp_path, "net").skipped
    assert [path.read_text() for path in precious] == ["mine", "mine"]


def test_nothing_is_made_from_an_evaluation_that_another_replaced_meanwhile(
    small: Evaluation, tmp_path: Path
) -> None:
    """The page is made from what was read, and beside it lie other scores."""
    from bmseg.report.page import write_report

    study = small_study(tmp_path, '[scores]\nmeasures = ["dice"]\n')
    read = Evaluation.read(small.folder, study)
    run_small(tmp_path, "net")
    for earlier in (small, read):
        with pytest.raises(WorkError, match="found results that were replaced by another process meanwhile"):
            write_report(earlier, study)
    assert not list(small.folder.glob("report.*"))
    with pytest.raises(WorkError, match=r"dice.csv: found a table of another evaluation"):
        read.found[DICE]
    assert set(small.found[DICE].rater) == {"reader1", "reader2", "net", "other"}
