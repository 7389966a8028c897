"""`bmseg evaluate` on plain folders: fair table, tests, knees, sites, regions, the published table."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bmseg.scoring.published import published_beside, read_published
from bmseg.study import DEFAULT_STUDY, load_study
from evaluation.consensus.rules import staple
from evaluation.consensus.votes import count_votes
from evaluation.measures.dice import Dice
from tests.support.command_line import assert_refused, bmseg
from tests.support.masks import save_mask, thresholded
from tests.support.studies import dice_alone, scored_by

READERS = ["reader1", "reader2", "reader3", "reader4"]
# Storage order of coronal exams: the patient's left, inferior, posterior.
AFFINE = np.array([[0.9, 0, 0, 0], [0, 0, -3.5, 0], [0, -0.9, 0, 0], [0, 0, 0, 1.0]])
AFFINE[0, 0] = -0.9


Masks = dict[str, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where masks lie as rater/exam.nii.gz, regions, and the cohort's table."""
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def masks(root: Path) -> Masks:
    """Exam to rater to mask; two knees with a gap between them, six exams. A model worse is net, shifted."""
    found: Masks = {}
    for seed in range(6):
        exam = f"knee_{seed}"
        both = [thresholded([*READERS, "net"], shape=(20, 18, 8), seed=10 * seed + side) for side in (1, 2)]
        gap = np.zeros((16, 18, 8), np.uint8)
        found[exam] = {rater: np.concatenate([both[0][rater], gap, both[1][rater]]) for rater in both[0]}
        shifted = {"worse": np.roll(found[exam]["net"], 2, axis=0)}
        for rater, mask in {**found[exam], **shifted}.items():
            save_mask(root / rater / f"{exam}.nii.gz", mask, AFFINE)
        region = np.ones(found[exam]["net"].shape, np.uint8)
        region[:, :4] = 0
        save_mask(root / "regions" / f"{exam}.nii.gz", region, AFFINE)
    rows = [f"knee_{i},{'Oslo' if i % 2 else 'Tromso'},healthy,{6 + i}" for i in range(6)]
    (root / "cohort.csv").write_text("exam,site,group,age\n" + "\n".join(rows) + "\n")
    return found


def words_of(root: Path) -> list[str]:
    return [word for reader in READERS for word in ("--reader", f"{reader}={root / reader}")]


@pytest.fixture(scope="module")
def scored(root: Path, masks: Masks, vector_figures: None) -> Path:  # noqa: ARG001 (they are on disk)
    """One evaluation with everything that can be asked for, but by exam, by a measure of each kind."""
    study = scored_by(root, "dice", "nsd@readers", "volume_difference", "foci_f1")
    options = ["--study", study, "--margin", "0.2"]
    options += ["--cohort", root / "cohort.csv", "--regions", root / "regions"]
    models = [word for name in ("net", "worse") for word in ("--prediction", f"{name}={root / name}")]
    result = bmseg("evaluate", *words_of(root), *models, "-o", root / "out", *options)
    assert result.returncode == 0, result.stderr
    return root / "out"


def test_fair_scores_are_those_of_the_masks(masks: Masks, scored: Path) -> None:
    fair = pd.read_csv(scored / "fair_dice.csv").set_index(["exam", "rater", "left_out", "level"])
    exam = masks["knee_3"]
    others = ["reader1", "reader3", "reader4"]
    votes = count_votes({reader: exam[reader] for reader in others}, (0, 1, 2, 3))
    consensus = staple(votes, rule="map")
    every = count_votes(exam, (0, 1, 2, 3))
    # Painted by hand: each voxel's three votes looked up among the patterns.
    labels = np.zeros(exam["net"].shape, np.uint8)
    for pattern, label in zip(votes.patterns, consensus.label, strict=True):
        here = np.logical_and.reduce([exam[r] == p for r, p in zip(others, pattern, strict=True)])
        labels[here] = label
    assert every.n_voxels == labels.size
    for rater in ("reader2", "net"):
        for level, values in (("level1", 1), ("level2", 2), ("level2+3", (2, 3))):
            expected = Dice(values)(labels, exam[rater])
            assert fair.dice["knee_3", rater, "reader2", level] == pytest.approx(expected, abs=1e-8)


def test_comparisons_in_words_and_with_a_margin(scored: Path) -> None:
    words = (scored / "comparisons.md").read_text().splitlines()
    assert len(words) == 2 * 4 * 5
    assert words[0].startswith("- On Level 1 the Dice of net is ")
    assert all("Non-inferiority with a margin of 0.2" in sentence for sentence in words)
    table = pd.read_csv(scored / "comparisons.csv")
    assert set(table.way) == {"fair", "usual"}
    assert "median reader" in set(table.other)


@pytest.mark.usefixtures("masks", "no_figures")
def test_by_knee(root: Path, tmp_path: Path, few_tables: Callable[..., None]) -> None:
    few_tables("fair_dice", "table1_fair")
    words = [*words_of(root), "--prediction", f"net={root / 'net'}", "--unit", "knee"]
    words += ["--study", str(dice_alone(tmp_path))]
    result = bmseg("evaluate", *words, "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    fair = pd.read_csv(tmp_path / "out" / "fair_dice.csv")
    assert set(fair.knee) == {"left", "right"}
    assert len(fair) == 6 * 2 * (4 + 4) * 4
    text = (tmp_path / "out" / "table1_fair.md").read_text()
    assert "12/12" in text
    assert "clustered by exam" in text


def test_by_site_group_and_age(root: Path, scored: Path, tmp_path: Path) -> None:
    sites = pd.read_csv(scored / "dice_by_category.csv")
    assert set(sites.category) == {"Oslo", "Tromso"}
    assert (pd.read_csv(scored / "dice_against_age.csv").n == 6).all()
    cohort = tmp_path / "cohort.csv"
    cohort.write_text("exam,site\nknee_0,Oslo\n")
    refused = bmseg("evaluate", *words_of(root), "-o", tmp_path / "other", "--cohort", cohort)
    assert_refused(refused, f"{cohort}: found no row of exam knee_1")
    cohort.write_text("site\nOslo\n")
    refused = bmseg("evaluate", *words_of(root), "-o", tmp_path / "other", "--cohort", cohort)
    assert_refused(refused, "column: found none named exam")


def test_marking_outside_a_region(root: Path, masks: Masks, scored: Path, tmp_path: Path) -> None:
    found = pd.read_csv(scored / "outside_region.csv")
    row = found[(found.exam == "knee_0") & (found.rater == "net") & (found.level == "level1")].iloc[0]
    mask = masks["knee_0"]["net"]
    assert (row.n_outside, row.n_marked) == ((mask[:, :4] == 1).sum(), (mask == 1).sum())
    regions = shutil.copytree(root / "regions", tmp_path / "regions")
    (regions / "knee_0.nii.gz").unlink()
    refused = bmseg("evaluate", *words_of(root), "-o", tmp_path / "other", "--regions", regions)
    assert_refused(refused, "found no region of exam knee_0, expected one of every exam")


def test_the_report_of_plain_folders(root: Path, scored: Path, tmp_path: Path) -> None:
    out = scored
    result = bmseg("report", "--evaluation", out, "--study", root / "study" / "study.toml")
    assert result.returncode == 0, result.stderr
    page = (out / "report.html").read_text()
    for anchor, title in (
        ("exams", "Exams"), ("fair", "The fair comparison"), ("pairs", "Between models"),
        ("foci", "Foci, surfaces and volumes"), ("failures", "Where it fails"),
        ("agreement", "How the readers agree"), ("rule", "Does the rule matter?"),
        ("table1", "Table 1 as in the paper"),
    ):  # fmt: skip
        assert f'<h2 id="{anchor}">{title}</h2>' in page
    # Of both: the levels beside readers, two boxplots together, fair against usual, agreement, foci,
    # tolerance, pairs, four rows of Table 1; of each: five.
    assert page.count("data:image/svg+xml") == 1 + 1 + 4 + 2 + 4 + 2 * 5 - 1
    [headline] = [
        line[2:]
        for line in (out / "methods_compared_in_words.md").read_text().splitlines()
        if line.startswith("- Which of net and worse is better is not settled")
    ]
    assert f'<p class="headline">{headline}</p>' in page
    # What is said first is borne out further down, in the same words but for their end.
    assert "<strong>Models.</strong> Which of net and worse is better is not settled." in page
    first = page.index("net beside the readers: on Level 1")
    assert page.index("<strong>Models.</strong>") < first < page.index(headline)
    assert page.count("On Level 1 the Dice of net is ") == 5 + 1
    assert "What the methods cost" not in page
    assert 'id="cohort"' not in page
    assert_refused(
        bmseg("report", "--evaluation", tmp_path / "none"), "no such folder, expected an evaluation"
    )
    other = tmp_path / "study.toml"
    other.write_text(DEFAULT_STUDY.read_text().split("[published]")[0])
    assert_refused(bmseg("report", "--evaluation", out, "--study", other), "expected the same")


def test_a_printed_table_that_is_named_and_missing_is_told_before_the_work(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(DEFAULT_STUDY.read_text())
    words = ("evaluate", "--study", study, "--reader", f"reader1={tmp_path}", "-o", tmp_path / "out")
    assert_refused(bmseg(*words), "published.table1: no such file")
    assert not (tmp_path / "out").exists()


def test_beside_the_published_table() -> None:
    study = load_study()
    ours = pd.DataFrame(
        {"level": ["level1"], "rater": ["reader1"], "median": [0.83], "mean": [0.80], "n": [10]}
    )
    table = published_beside(ours, read_published(study, DEFAULT_STUDY), "", "synthetic cohort")
    assert table is not None
    assert table.rows == [["level1, reader1", "0.83", "0.80", "+0.03", "0.80", "0.81", "-0.01"]]
    assert table.notes[-1] == "Synthetic cohort: readers were fitted to the printed table."
    other = pd.DataFrame({"level": ["x"], "rater": ["y"], "median": [0.5], "mean": [0.5]})
    assert published_beside(ours, other, "") is None
