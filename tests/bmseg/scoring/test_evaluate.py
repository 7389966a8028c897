"""`bmseg evaluate` on plain folders: what it writes, what it refuses, what it skips."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from bmseg.errors import InputError, WorkError
from bmseg.scoring.evaluate import evaluate
from bmseg.scoring.evaluation import Evaluation
from bmseg.scoring.exams import Scoring
from bmseg.scoring.raters import Raters
from bmseg.study import DEFAULT_STUDY, load_study
from evaluation.figures.files import save_figure
from evaluation.masks.reading import MaskError
from evaluation.measures.dice import Dice
from evaluation.statistics.intervals import StatisticsError
from tests.support.masks import save_mask, thresholded
from tests.support.studies import dice_alone, small_raters, small_study

Writer = Callable[..., Path]
READERS = ["reader1", "reader2", "reader3", "reader4"]
EXAMS = ["knee_a", "knee_b", "knee_c"]


def drawn(root: Path) -> dict[str, Path]:
    """Four readers and a model, three exams; nobody marks level 3 in knee_c. The same masks each time."""
    for seed, exam in enumerate(EXAMS):
        for rater, mask in thresholded([*READERS, "net"], seed=seed).items():
            array = np.minimum(mask, 2) if exam == "knee_c" else mask
            save_mask(root / rater / f"{exam}.nii.gz", array.astype(np.uint8))
    return {rater: root / rater for rater in [*READERS, "net"]}


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Of `drawn`, to be changed at will."""
    return drawn(tmp_path)


def raters_of(folders: dict[str, Path]) -> Raters:
    return Raters({reader: folders[reader] for reader in READERS}, {"net": folders["net"]})


def run(folders: dict[str, Path], out: Path) -> Evaluation:
    return evaluate(load_study(), DEFAULT_STUDY, raters_of(folders), out, synthetic=True)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished evaluation of such masks, whichever test asks for it first.

    Every figure is drawn; in its files stands a word, for `small_once` has figures of both formats.
    """
    root = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bmseg.scoring.evaluate.save_figure", named_figure)
        run(drawn(root), root / "out")
    return root / "out"


def named_figure(_: Any, folder: Path, name: str, *, endings: Sequence[str] = ("png", "svg")) -> None:
    """In place of `save_figure`, which takes most of an evaluation of small masks."""
    folder.mkdir(parents=True, exist_ok=True)
    for ending in endings:
        (folder / f"{name}.{ending}").write_text(name)


@pytest.fixture
def done(evaluated: Path, tmp_path: Path) -> Path:
    """`evaluated`, to be changed at will."""
    return Path(shutil.copytree(evaluated, tmp_path / "done"))


def run_small(root: Path, out: Path) -> Evaluation:
    """Of a study that is scored in a second, for tests of what surrounds the scores: a distance, and foci."""
    study = small_study(root, '[scores]\nmeasures = ["dice", "hd95", "foci_f1"]\n')
    return evaluate(load_study(study), study, small_raters(root / "masks", "net"), out, synthetic=True)


@pytest.fixture(scope="module")
def small_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with such a study, its masks and its finished evaluation, with figures."""
    root = tmp_path_factory.mktemp("small")
    run_small(root, root / "out")
    figures = list((root / "out" / "figures").iterdir())
    assert {path.suffix for path in figures} == {".png", ".svg"}
    assert all(path.read_bytes()[:4] in (b"\x89PNG", b"<?xm") for path in figures)
    return root


@pytest.fixture
def small(small_once: Path, tmp_path: Path) -> Path:
    """`small_once`, to be changed at will."""
    return Path(shutil.copytree(small_once, tmp_path / "small"))


#: Tables with numbers in CSV that are printed too.
PRINTED = [
    "agreement_chance", "reader_rates", "volumes_icc", "errors_summary", "dice_sparse_ample",
    "slices_peripheral_central",
]  # fmt: skip


def test_everything_is_written_and_dice_is_what_the_files_say(folders: dict[str, Path], done: Path) -> None:
    out = done
    files = {str(path.relative_to(out)) for path in out.rglob("[!.]*") if path.is_file()}
    assert files == {
        *(f"{kind}/{exam}.nii.gz" for exam in EXAMS for kind in ("consensus", "yardstick")),
        "twins.csv", "twins.md",
        "dice.csv", "consensus.csv", "decision_table.csv", "table1.csv", "table1.md", "table1.html",
        "fair_dice.csv", "table1_fair.csv", "table1_fair.md", "table1_fair.html", "comparisons.csv",
        "comparisons.md", "agreement_dice.csv", "agreement_chance.csv", "reader_rates.csv",
        "agreement_kappa.csv", "agreement_kappa.md", "agreement_kappa.html",
        *(f"{name}.{ending}" for name in PRINTED for ending in ("md", "html")),
        "reader_confusions.csv", "volumes.csv", "volumes_bland_altman.csv", "volumes_icc.csv",
        "errors.csv", "errors_summary.csv", "dice_against_volume.csv", "dice_sparse_ample.csv", "slices.csv",
        "slice_profile.csv", "slices_peripheral_central.csv", "sensitivity.csv", "sensitivity.md",
        "sensitivity.html", "sensitivity_order.csv", "consensus_searches.csv", "decisions.csv",
        "decisions.md", "decisions.html", "consensus.md", "consensus.html",
        "dice_by_yardstick.csv", "other_ways.csv", "interchangeability.csv", "interchangeability.md",
        "interchangeability.html", "interchangeability_in_words.md", "interchangeability_by_reader.csv",
        "interchangeability_by_reader.md", "interchangeability_by_reader.html", "alternative_annotator.csv",
        "alternative_annotator.md", "alternative_annotator.html", "consensus_audit.csv",
        "consensus_audit.md", "consensus_audit.html", "consensus_audit_in_words.md",
        "scores.csv", "fair_scores.csv", "measures_interchangeability.csv", "measures_failures.csv",
        "measures_peripheral_central.csv",
        "tolerance.csv", "nsd_curve.csv", "foci.csv", "foci_summary.csv", "foci_by_volume.csv",
        "foci_in_words.md",
        *(
            f"{name}.{ending}"
            for name in (
                "interchangeability", "interchangeability_by_reader", "alternative_annotator",
                "measures_table1", "measures_comparisons",
            )
            for ending in ("csv", "md", "html")
        ),
        *(
            f"figures/{name}.{ending}"
            for name in (
                "fair_against_usual", "agreement", "comparisons_net", "volume_net", "slices_net",
                "bland_altman_net", "nsd_curve", "foci", "measures_level1", "measures_level2",
                "measures_level3", "measures_level2+3", "measures_raters",
            )
            for ending in ("png", "svg")
        ),
        "figures/dice_net.png", "figures/dice_net.svg",
        "figures/dice_raters.png", "figures/dice_raters.svg", "provenance.json",
        # Multi-label STAPLE overrules what all readers of this exam agree on.
        "figures/audit_knee_b.png",
    }  # fmt: skip
    scores = pd.read_csv(out / "dice.csv")
    assert list(scores) == ["exam", "rater", "level", "dice", "tp", "fp", "fn", "n_reference", "n_rater"]
    assert len(scores) == 3 * 5 * 4
    levels = load_study().levels_by_name
    for row in scores.itertuples():
        consensus = np.asarray(nib.load(out / "consensus" / f"{row.exam}.nii.gz").dataobj)
        mask = np.asarray(nib.load(folders[row.rater] / f"{row.exam}.nii.gz").dataobj)
        np.testing.assert_allclose(row.dice, Dice(levels[row.level])(consensus, mask), rtol=1e-8)
    empty = scores[(scores.exam == "knee_c") & (scores.level == "level3")]
    assert empty.dice.isna().all()
    table = pd.read_csv(out / "table1.csv").set_index(["level", "rater"])
    assert table.loc[("level3", "net"), ["n_defined", "n"]].tolist() == [2, 3]


def test_results_say_how_they_were_made(evaluated: Path) -> None:
    out = evaluated
    record = json.loads((out / "provenance.json").read_text())
    assert record["consensus_rule"] == "multilabel"
    assert record["yardstick_rule"] == "map"
    assert record["empty_mask"] == "undefined"
    assert "knee_c: level 3 is in none of the masks that make the consensus" in record["warnings"]
    assert "knee_b: 3 of 3 voxels that all raters call Level 2 became Level 1" in record["warnings"]
    assert {"bmseg", "numpy", "SimpleITK"} <= set(record["versions"])
    for name in ("table1.md", "table1.html"):
        text = (out / name).read_text()
        assert "multi-label STAPLE" in text
        assert "undefined" in text
        assert "Synthetic cohort" in text
    assert "ynthetic" in (out / "table1.md").read_text()


@pytest.mark.usefixtures("no_figures", "few_tables")
def test_the_studys_rule_and_policy_are_used_and_named(
    folders: dict[str, Path], tmp_path: Path, done: Path
) -> None:
    path = dice_alone(tmp_path)
    text = path.read_text().replace('rule = "multilabel"', 'rule = "binary"')
    path.write_text(text.replace('empty_mask = "undefined"', 'empty_mask = "one"'))
    evaluate(load_study(path), path, raters_of(folders), tmp_path / "binary")
    table = (tmp_path / "binary" / "table1.md").read_text()
    assert "binary STAPLE of each level over the whole volume" in table
    assert "Both masks empty: one, counted as 1" in table
    scores = pd.read_csv(tmp_path / "binary" / "dice.csv")
    assert (scores.dice[(scores.exam == "knee_c") & (scores.level == "level3")] == 1).all()
    labels = [
        np.asarray(nib.load(out / "consensus" / "knee_a.nii.gz").dataobj)
        for out in (tmp_path / "binary", done)
    ]
    assert (labels[0] != labels[1]).any()


def test_nobody_marked_anything(
    folders: dict[str, Path], tmp_path: Path, write_mask: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That every figure can be drawn and written is asked, not in each format.
    monkeypatch.setitem(save_figure.__kwdefaults__, "endings", ("svg",))
    for folder in folders.values():
        for exam in EXAMS:
            write_mask(folder / f"{exam}.nii.gz", np.zeros((24, 20, 6), np.uint8))
    out = tmp_path / "out"
    result = run(folders, out)
    expected = "knee_a, knee_b, knee_c: no rater marked anything: the consensus is empty"
    assert result.warnings == [expected]
    assert not np.asarray(nib.load(out / "consensus" / "knee_a.nii.gz").dataobj).any()
    assert pd.read_csv(out / "dice.csv").dice.isna().all()
    assert "0 of 3 exams" in (out / "table1.md").read_text()
    assert (out / "figures" / "dice_net.svg").is_file()


@pytest.mark.usefixtures("no_figures")
def test_raters_may_be_called_by_numbers(folders: dict[str, Path], tmp_path: Path) -> None:
    path = dice_alone(tmp_path)
    path.write_text(path.read_text().replace('"reader', '"').replace('title = "Reader', '# "'))
    raters = Raters({n: folders[f"reader{n}"] for n in "1234"}, {"5": folders["net"]})
    tables = [evaluate(load_study(path), path, raters, tmp_path / "out").table for _ in range(2)]
    assert tables[0].to_markdown() == tables[1].to_markdown()
    assert list(tables[1].columns) == ["Level", "1", "2", "3", "4", "5"]


def test_readers_alone_can_be_scored(
    folders: dict[str, Path], tmp_path: Path, drawn_figures: list[str]
) -> None:
    """Every figure of readers alone is drawn; as files such figures are written in other tests."""
    raters = Raters({reader: folders[reader] for reader in READERS}, {})
    evaluate(load_study(), DEFAULT_STUDY, raters, tmp_path / "out")
    of_measures = {
        "foci",
        "nsd_curve",
        "measures_raters",
        *(f"measures_{level}" for level in load_study().level_names),
    }
    assert {*drawn_figures} - of_measures == {
        "dice_raters",
        "fair_against_usual",
        "agreement",
        "audit_knee_b",
    }


@pytest.mark.usefixtures("no_figures", "few_tables")
def test_same_inputs_are_not_scored_again_and_other_inputs_are(
    folders: dict[str, Path], done: Path, small: Path, write_mask: Writer
) -> None:
    stamps = {path: path.stat().st_mtime_ns for path in done.rglob("*")}
    second = run(folders, done)
    assert second.skipped
    assert second.table.to_markdown() == (done / "table1.md").read_text()
    assert stamps == {path: path.stat().st_mtime_ns for path in done.rglob("*")}
    assert run_small(small, small / "out").skipped
    raters = small_raters(small / "masks", "net")
    write_mask(raters.models["net"] / "knee_a.nii.gz", np.zeros((12, 10, 4), np.uint8))
    study = small / "small.toml"
    assert not evaluate(load_study(study), study, raters, small / "out", synthetic=True).skipped


@pytest.mark.usefixtures("no_figures", "few_tables")
def test_a_damaged_result_is_made_again(small: Path) -> None:
    out = small / "out"
    whole = (out / "dice.csv").read_bytes()
    (out / "dice.csv").write_bytes(whole[:100])
    assert not run_small(small, out).skipped
    assert (out / "dice.csv").read_bytes() == whole


@pytest.mark.usefixtures("no_figures", "few_tables")
def test_former_exams_leave_no_trace(small: Path) -> None:
    raters, study = small_raters(small / "masks", "net"), small / "small.toml"
    for folder in (*raters.readers.values(), *raters.models.values()):
        (folder / "knee_b.nii.gz").unlink()
    evaluate(load_study(study), study, raters, small / "out", synthetic=True)
    assert sorted(path.name for path in (small / "out" / "consensus").iterdir()) == [
        "knee_a.nii.gz",
        "knee_c.nii.gz",
    ]


def test_a_killed_evaluation_is_made_whole(small: Path) -> None:
    """SIGKILL as soon as the first consensus is there; the next call trusts nothing of it.

    What it makes are the bytes of another run: two runs on the same masks do not differ.
    """
    done, out = small / "out", small / "again"
    raters = small_raters(small / "masks", "net")
    options = [f"--reader={reader}={folder}" for reader, folder in raters.readers.items()]
    options += [f"--prediction=net={raters.models['net']}", f"--study={small / 'small.toml'}"]
    program = Path(sys.executable).parent / "bmseg"
    process = subprocess.Popen(
        [program, "evaluate", *options, "-o", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not list(out.glob(".partial/consensus/*.nii.gz")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert list(out.glob(".partial/consensus/*.nii.gz"))
    assert not (out / "provenance.json").exists()
    assert not run_small(small, out).skipped
    for path in done.rglob("*.*"):
        assert path.read_bytes() == (out / path.relative_to(done)).read_bytes()


@pytest.mark.usefixtures("no_figures")
def test_masks_that_change_while_they_are_scored_make_no_result(
    folders: dict[str, Path], tmp_path: Path, write_mask: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scoring = Scoring.score

    def changed(*given: Any) -> Any:
        found = scoring(*given)
        write_mask(folders["net"] / "knee_a.nii.gz", np.zeros((24, 20, 6), np.uint8))
        return found

    monkeypatch.setattr(Scoring, "score", changed)
    with pytest.raises(WorkError, match="^net: found files that changed while masks were scored"):
        run(folders, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_mistake_costs_no_earlier_result(
    folders: dict[str, Path], tmp_path: Path, done: Path, write_mask: Writer
) -> None:
    before = {path: path.read_bytes() for path in done.rglob("*.*")}
    write_mask(folders["net"] / "knee_c.nii.gz", np.full((24, 20, 6), 7, np.uint8))
    for target in (done, tmp_path / "new"):
        with pytest.raises(MaskError, match="label: found 7"):
            run(folders, target)
    assert {path: path.read_bytes() for path in done.rglob("*.*")} == before
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "name", ["consensus/knee_a.nii.gz", "yardstick/knee_b.nii.gz", "table1.csv", "report.html"]
)
def test_files_of_somebody_else_are_refused_before_anything_is_scored(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, raters, out = small_study(tmp_path), small_raters(tmp_path / "masks", "net"), tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    monkeypatch.setattr(Scoring, "score", None)
    with pytest.raises(InputError, match=rf"out: found {name}, which no earlier evaluation on record wrote"):
        evaluate(load_study(study), study, raters, out)
    assert (out / name).read_text() == "mine"


@pytest.mark.parametrize("place", ["consensus", "figures", "."])
def test_masks_that_lie_where_results_go_are_refused(tmp_path: Path, place: str) -> None:
    study, raters, out = small_study(tmp_path), small_raters(tmp_path / "masks", "net"), tmp_path / "out"
    shutil.copytree(raters.models["net"], out / place, dirs_exist_ok=True)
    (tmp_path / "link").symlink_to(out / place)
    for folder in (out / place, tmp_path / "link"):
        for given in (
            Raters(raters.readers, {"net": folder}),
            Raters(raters.readers | {"reader2": folder}, {}),
        ):
            with pytest.raises(InputError, match=r"found masks of (net|reader2) where results are written"):
                evaluate(load_study(study), study, given, out)
        with pytest.raises(InputError, match="found regions where results are written"):
            evaluate(load_study(study), study, raters, out, regions=folder)
    assert {path.name for path in (out / place).iterdir()} == {f"{exam}.nii.gz" for exam in EXAMS}


def test_a_folder_an_exam_may_not_be_among_the_results_either(tmp_path: Path, write_mask: Writer) -> None:
    study, raters, out = small_study(tmp_path), small_raters(tmp_path / "masks"), tmp_path / "out"
    for exam in EXAMS:
        write_mask(out / exam / "level1.nii.gz", np.zeros((12, 10, 4), np.uint8))
    with pytest.raises(InputError, match=rf"{out}: found masks of net where results are written"):
        evaluate(load_study(study), study, Raters(raters.readers, {"net": out}), out)


@pytest.mark.usefixtures("no_figures", "few_tables")
def test_a_cohort_has_to_tell_exams_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, raters, out = small_study(tmp_path), small_raters(tmp_path / "masks", "net"), tmp_path / "out"
    cohort = tmp_path / "known.csv"

    def run(heading: str, exams: Sequence[str] = EXAMS) -> None:
        cohort.write_text(f"exam,{heading}\n" + "".join(f"{exam},8\n" for exam in exams))
        evaluate(load_study(study), study, raters, out, cohort=cohort)

    with monkeypatch.context() as patch:
        patch.setattr(Scoring, "score", None)
        expected = "known.csv: column: found exam, sites, expected exam and some of patient, site, group, age"
        with pytest.raises(InputError, match=expected):
            run("sites")
        with pytest.raises(StatisticsError, match="known.csv: found no row of exam knee_c, expected one"):
            run("age", EXAMS[:2])
        with pytest.raises(StatisticsError, match="known.csv: found exam knee_a twice"):
            run("age", [*EXAMS, "knee_a"])
    run("age")
    # A data set's own is as it is.
    (tmp_path / "dataset.json").write_text("{}")
    run("sites")
