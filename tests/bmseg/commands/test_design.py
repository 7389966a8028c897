"""The next study from the command line: from a pilot, from numbers, and what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bmseg.outputs.provenance import file_hash
from evaluation.consensus import rules
from evaluation.scores.sensitivity import sensitivity
from tests.support.command_line import assert_refused, bmseg
from tests.support.files import bytes_of
from tests.support.masks import save_mask, thresholded
from tests.support.once import made_once
from tests.support.studies import small_study

READERS, MODELS = ["reader1", "reader2", "reader3"], ["net", "other"]
MEASURES = '\n[scores]\nmeasures = ["dice", "hd95"]\n'
FEW = ("--studies", 100)


def _make(folder: Path) -> None:
    study = small_study(folder, MEASURES)
    text = study.read_text().replace('{ name = "reader2" }]', '{ name = "reader2" }, { name = "reader3" }]')
    study.write_text(text)
    for exam in range(4):
        for rater, mask in thresholded([*READERS, *MODELS], (10, 8, 2), exam).items():
            save_mask(folder / rater / f"exam{exam}.nii.gz", np.minimum(mask, 1).astype(np.uint8))
    raters = [f"--reader={name}={folder / name}" for name in READERS]
    raters += [f"--prediction={name}={folder / name}" for name in MODELS]
    with pytest.MonkeyPatch.context() as patch:
        for function in (rules.staple, rules.leave_one_out, sensitivity):
            patch.setitem(function.__kwdefaults__, "restarts", 1)
        patch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_, **__: [])
        result = bmseg("evaluate", *raters, "--study", study, "--synthetic", "-o", folder / "out")
    assert result.returncode == 0, result.stderr


@pytest.fixture
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "pilot_of_a_design", _make)


def of_pilot(pilot: Path, out: Path, *more: object) -> tuple[object, ...]:
    study = pilot / "small.toml"
    return ("design", "--pilot", pilot / "out", "--study", study, *FEW, "-o", out, *more)


def test_a_pilot_is_planned_from_and_the_record_says_so(pilot: Path, tmp_path: Path) -> None:
    asked = ("--level", "level1", "--model", "net", "--half-width", 0.1, "--margin", 0.2)
    one, again = tmp_path / "one", tmp_path / "again"
    result = bmseg(*of_pilot(pilot, one, *asked, "--teams", 2, "--gap", 0.3))
    assert result.returncode == 0, result.stderr
    names = {"design.csv", "design.md", "design.svg", "design.png", "design_curve.csv", "design_readers.csv"}
    assert set(bytes_of(one)) == {*names, "provenance.json"}
    rows = pd.read_csv(one / "design.csv")
    assert set(rows.goal) == {"half width", "not worse", "board"}
    # Two models on one level: Holm's family of verdicts.
    assert rows.tests.tolist()[2:5] == [2, 2, 2]
    assert "**Exams with which 80 % of studies reach what is wanted, Dice, level1**" in result.stdout
    assert "With the spread of this pilot (SD " in result.stdout
    assert "Synthetic cohort: simulated images and readers, no patients." in result.stdout
    assert "Synthetic cohort" in (one / "design.svg").read_text()
    assert "Readers of the next study: net, Dice, level1" in (one / "design.md").read_text()
    assert (
        "From yardsticks of 2 readers to that of 3 the scores of net change by"
        in (one / "design.md").read_text()
    )
    record = json.loads((one / "provenance.json").read_text())
    made_from = json.loads((pilot / "out" / "provenance.json").read_text())
    assert record["kind"] == "design"
    assert record["pilot_inputs_sha256"] == made_from["inputs_sha256"]
    assert record["synthetic"] is True
    assert record["asked"]["margin"] == 0.2
    assert bmseg(*of_pilot(pilot, again, *asked, "--teams", 2, "--gap", 0.3)).returncode == 0
    assert bytes_of(one) == bytes_of(again)


def test_the_confidence_is_that_of_exams_readers_and_boards(pilot: Path, tmp_path: Path) -> None:
    asked = ("--level", "level1", "--model", "net", "--half-width", 0.1, "--teams", 2, "--gap", 0.3)
    plans, readers, said = {}, {}, {}
    for confidence in (0.95, 0.8):
        out = tmp_path / str(confidence)
        result = bmseg(*of_pilot(pilot, out, *asked, "--confidence", confidence))
        assert result.returncode == 0, result.stderr
        plans[confidence] = pd.read_csv(out / "design.csv").set_index(["goal", "assumed"])
        readers[confidence] = pd.read_csv(out / "design_readers.csv")
        said[confidence] = (out / "design.md").read_text()
    for confidence, level in ((0.95, "0.05 over"), (0.8, "0.2 over")):
        assert set(plans[confidence].confidence) == {confidence}
        assert f"Boards: {level} all ordered pairs" in said[confidence]
        assert f"Half width of the {100 * confidence:g} % interval of interchangeability" in said[confidence]
        assert f"({100 * confidence:g} % interval of interchangeability, were" in said[confidence]
    for goal in ("half width", "board"):
        less, sure = (plans[confidence].n[goal] for confidence in (0.8, 0.95))
        assert (less <= sure).all() and (less < sure).any(), goal
    # Of the same standard error: Student's t with the same degrees of freedom, 2 at least of 3 readers.
    ratio = (readers[0.8] / readers[0.95])[["half_width", "half_width_upper"]].to_numpy()
    assert (ratio >= stats.t.ppf(0.9, 2) / stats.t.ppf(0.975, 2) - 1e-6).all()
    assert (ratio <= stats.norm.ppf(0.9) / stats.norm.ppf(0.975) + 1e-6).all()


def test_scores_of_an_earlier_version_ask_for_another_evaluation(pilot: Path, tmp_path: Path) -> None:
    """Without the columns that say whether a level is there."""
    before = tmp_path / "before"
    shutil.copytree(pilot / "out", before)
    scores = pd.read_csv(before / "fair_scores.csv").drop(columns=["n_reference", "n_rater", "worst"])
    scores.to_csv(before / "fair_scores.csv", index=False)
    record = json.loads((before / "provenance.json").read_text())
    record["outputs"]["fair_scores.csv"] = file_hash(before / "fair_scores.csv")
    (before / "provenance.json").write_text(json.dumps(record))
    asked = ("--study", pilot / "small.toml", "--level", "level1", "--model", "net", "--better", *FEW)
    asked = ("design", "--pilot", before, *asked)
    message = f"{before}: fair_scores: found no n_reference, n_rater, worst"
    assert_refused(bmseg(*asked, "--measure", "hd95", "-o", tmp_path / "hd95"), message)
    assert bmseg(*asked, "-o", tmp_path / "dice").returncode == 0


def test_a_distance_has_its_unit_and_one_goal_its_own_files(pilot: Path, tmp_path: Path) -> None:
    asked = ("--level", "level1", "--model", "other", "--measure", "hd95", "--better", "--tests", 1)
    result = bmseg(*of_pilot(pilot, tmp_path / "out", *asked))
    assert result.returncode == 0, result.stderr
    assert "reach what is wanted, HD95, level1" in result.stdout
    assert "strictest step" not in result.stdout
    assert not (tmp_path / "out" / "design_readers.csv").exists()
    margin = ("--level", "level1", "--model", "other", "--measure", "hd95", "--margin", 1.5)
    result = bmseg(*of_pilot(pilot, tmp_path / "out", *margin))
    assert "not worse by 1.5 mm" in result.stdout
    assert "Difference: the median reader minus other; more than 0: other is better." in result.stdout


def test_numbers_alone_are_planned_from(tmp_path: Path) -> None:
    result = bmseg("design", "--sd", 0.1, "--exams", 10, "--margin", 0.05, "--studies", 500, "-o", tmp_path)
    assert result.returncode == 0, result.stderr
    rows = pd.read_csv(tmp_path / "design.csv")
    # R: power.t.test(delta = .05, sd = .1, power = .8, type = "paired", alternative = "one.sided",
    # sig.level = .025) gives 33.37.
    assert rows.n_closed[0] == 34
    assert 32 <= rows.n[0] <= 39
    assert rows.assumed.tolist() == ["as given", "SD at upper limit", "difference at lower limit"]
    assert not (tmp_path / "design_readers.csv").exists()
    same = bmseg(
        "design", "--sd", 0.1 / 2**0.5, "--correlation", 0, "--exams", 10, "--margin", 0.05,
        "--studies", 500, "-o", tmp_path / "of_scores",
    )  # fmt: skip
    assert same.returncode == 0, same.stderr
    assert pd.read_csv(tmp_path / "of_scores" / "design.csv").n.tolist() == rows.n.tolist()


def test_a_board_alone_draws_no_curve(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = bmseg("design", "--sd", 0.05, "--teams", 3, "--gap", 0.1, "--studies", 100, "-o", out)
    assert result.returncode == 0, result.stderr
    assert set(bytes_of(out)) == {"design.csv", "design.md", "provenance.json"}
    assert "tell the best of 3 teams from the second in 80 % of boards" in result.stdout
    assert "Simulated: 100 boards" in result.stdout
    # Nothing of a board has an interval.
    assert "Hodges-Lehmann" not in result.stdout


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ((), "expected --pilot, a folder of an evaluation, or --sd"),
        (("--sd", 0.1), "expected what is wanted: --half-width, --margin, --better, or --teams"),
        (("--sd", 0, "--better"), "sd: found 0, expected a standard deviation above 0"),
        (("--sd", 0.1, "--exams", 1, "--better"), "exams: found 1, expected two or more"),
        (("--sd", 0.1, "--margin", 0), "margin: found 0, expected a number above 0, such as 0.05"),
        (("--sd", 0.1, "--margin", -1), "margin: found -1, expected a number above 0"),
        (("--sd", 0.1, "--half-width", 0), "half-width: found 0, expected a number above 0"),
        (("--sd", 0.1, "--better", "--power", 1), "power: found 1, expected between 0 and 1"),
        (("--sd", 0.1, "--better", "--power", 0), "power: found 0, expected between 0 and 1"),
        (("--sd", 0.1, "--better", "--confidence", 95), "confidence: found 95"),
        (("--sd", 0.1, "--better", "--mean", "nan"), "mean: found nan, expected a finite difference"),
        (("--sd", 0.1, "--margin", 5), "margin: found 5, expected less than 1, all that two scores of Dice"),
        (("--sd", 1.2, "--better"), "sd: found 1.2, expected less than 1"),
        (("--sd", 0.1, "--teams", 3, "--gap", 0.1, "--confidence", 95), "confidence: found 95"),
        (("--sd", 0.1, "--teams", 1, "--gap", 0.1), "teams: found 1, expected two or more"),
        (("--sd", 0.1, "--teams", 3), "--teams and --gap: found one of them, expected both"),
        (("--sd", 0.1, "--teams", 3, "--gap", 0), "gap: found 0, expected a number above 0"),
        (("--sd", 0.1, "--better", "--measure", "dise"), "found 'dise', expected some of"),
        (("--sd", 0.1, "--better", "--measure", "foci"), "measure: found 'foci', which is several"),
        (("--pilot", "p", "--better"), "--pilot needs --level"),
        (
            ("--pilot", "p", "--level", "a", "--better", "--exams", 9),
            "--correlation and --exams are for --sd",
        ),
        (("--pilot", "p", "--level", "a", "--better"), "no such folder, expected an evaluation's folder"),
        (("--pilot", "p", "--sd", 0.1, "--better"), "expected --pilot"),
        (("--sd", 0.1, "--better", "--model", "m"), "--model: found it given, expected none: they are of"),
        (("--sd", 0.1, "--better", "--study", "s"), "--study: found it given, expected none: they are of"),
        (("--sd", 0.1, "--half-width", 0.1, "--tests", 2), "--tests: found it given, expected none: only"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    tmp_path: Path, asked: tuple[object, ...], message: str
) -> None:
    asked = tuple(tmp_path / "p" if word == "p" else word for word in asked)
    assert_refused(bmseg("design", *asked, "-o", tmp_path / "out"), message)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--level", "level7", "--model", "net"), "level: found 'level7', expected one of level1"),
        (("--level", "level1"), "model: found none named, expected one of net, other"),
        (("--level", "level1", "--model", "nett"), "model: found 'nett', expected one of net, other"),
        (("--level", "level1", "--model", "net", "--measure", "nsd@1"), "measure: found 'nsd@1', expected"),
    ],
)
def test_what_the_pilot_does_not_hold_is_refused(
    pilot: Path, tmp_path: Path, asked: tuple[str, ...], message: str
) -> None:
    assert_refused(
        bmseg(*of_pilot(pilot, tmp_path / "out", *asked, "--better")), f"{pilot / 'out'}: {message}"
    )


def test_results_of_another_command_are_kept(pilot: Path) -> None:
    asked = ("--level", "level1", "--model", "net", "--better")
    assert_refused(bmseg(*of_pilot(pilot, pilot / "out", *asked)), "found another command's results")
