"""The organiser's commands on a workspace: what they print, keep and refuse."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bmseg.workspace import open_workspace
from dataset_conversion.raw.dataset import RawDataset
from tests.support.command_line import assert_refused, bmseg
from tests.support.files import bytes_of

READERS = ["reader1", "reader2", "reader3", "reader4"]
EXAMS = [f"knee_{number}" for number in range(2)]


@pytest.fixture
def workspace(tmp_path: Path, write_mask: Callable[..., Path], ordinal_masks: Callable) -> Path:
    """A workspace with readers' masks of two test exams, and the masks of two teams beside it."""
    workspace, study = open_workspace(tmp_path / "ws", create=True)
    dataset = RawDataset.create(workspace.nnunet_raw, study.dataset_spec)
    for seed, exam in enumerate(EXAMS):
        masks = ordinal_masks([*READERS, "alpha", "beta"], seed=seed)
        for reader in READERS:
            write_mask(dataset.mask_path(exam, "test", reader), masks[reader])
        for team in ("alpha", "beta"):
            write_mask(tmp_path / team / f"{exam}.nii.gz", masks[team])
    (dataset.folder / "dataset.json").write_text("{}")
    pd.DataFrame({"exam": EXAMS, "split": "test", "synthetic": True}).to_csv(dataset.cohort_path, index=False)
    return tmp_path / "ws"


@pytest.fixture
def no_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of the time; the site's own tests draw."""
    for where in ("site.build", "verify_site"):
        monkeypatch.setattr(f"bmseg.leaderboard.{where}.draw_figures", lambda *_: None)
    # None is missed then.
    monkeypatch.setattr("bmseg.leaderboard.site.build.figures_of", lambda _: [])


def run(*words: object) -> str:
    result = bmseg("leaderboard", *words)
    assert result.returncode == 0, result.stderr
    return result.stdout


def few_bootstraps(workspace: Path) -> None:
    path = workspace / "leaderboard" / "challenge.toml"
    path.write_text(path.read_text().replace("bootstraps = 1000", "bootstraps = 100"))


@pytest.mark.usefixtures("no_drawings")
def test_from_init_to_verify(workspace: Path, tmp_path: Path) -> None:
    assert "made, 2 test exams, reader1, reader2, reader3, reader4" in run("init", "-w", workspace)
    few_bootstraps(workspace)
    assert "added" in run("add", "alpha", tmp_path / "alpha", "-w", workspace, "--title", "first try")
    archive = shutil.make_archive(str(tmp_path / "beta"), "zip", tmp_path / "beta")
    assert "added" in run("add", "beta", archive, "-w", workspace)
    assert run("simulate", "-w", workspace).count("added") == 5
    printed = run("build", "-w", workspace)
    assert "alpha: first try" in printed and "[Reader 1]" in printed
    assert "sim-shifted (simulated)" in printed and "Synthetic cohort" in printed
    said = run("verify", "-w", workspace)
    assert "7 submissions and 4 readers, 16 tables of scores derived again from masks" in said
    assert run("list", "-w", workspace).count("\n") == 7

    site = workspace / "leaderboard" / "site"
    published = json.loads((site / "leaderboard.json").read_text())
    assert str(tmp_path) not in json.dumps(published)
    before = bytes_of(workspace / "leaderboard")
    assert "there already" in run("init", "-w", workspace)
    assert "nothing changed" in run("add", "beta", archive, "-w", workspace)
    assert run("simulate", "-w", workspace).count("there already") == 5
    assert "made from the same results already" in run("build", "-w", workspace)
    assert bytes_of(workspace / "leaderboard") == before

    assert "withdrawn" in run("withdraw", "alpha", "-w", workspace, "--reason", "wrong masks")
    assert "written" in run("build", "-w", workspace)
    assert "alpha" not in run("build", "-w", workspace)
    run("reinstate", "alpha", "-w", workspace)
    result = bmseg("leaderboard", "verify", "-w", workspace)
    assert_refused(result, "found other text than the results give", code=1)
    run("build", "-w", workspace)

    # A board without its workspace, as in a repository: from files, not from masks.
    moved = shutil.copytree(workspace / "leaderboard", tmp_path / "board")
    said = run("verify", "--board", moved, "-w", tmp_path / "none")
    assert "0 tables of scores derived again from masks" in said

    page = moved / "site" / "index.html"
    page.write_text(page.read_text().replace("first try", "best try"))
    result = bmseg("leaderboard", "verify", "--board", moved, "-w", tmp_path / "none")
    assert_refused(result, "index.html: line", code=1)


def test_a_board_of_one_exam_says_so(workspace: Path) -> None:
    opened, _ = open_workspace(workspace)
    cohort = opened.dataset.cohort_path
    pd.read_csv(cohort).head(1).to_csv(cohort, index=False)
    for path in (opened.dataset.folder).rglob("knee_1.nii.gz"):
        path.unlink()
    assert "made, 1 test exam, reader1" in run("init", "-w", workspace)


def test_faults_and_misuse_leave_the_board_as_it_was(workspace: Path, tmp_path: Path) -> None:
    assert_refused(bmseg("leaderboard", "build", "-w", workspace), "bmseg leaderboard init")
    run("init", "-w", workspace)
    before = bytes_of(workspace / "leaderboard")
    shutil.copyfile(tmp_path / "alpha" / "knee_0.nii.gz", tmp_path / "alpha" / "knee_9.nii.gz")
    result = bmseg("leaderboard", "add", "alpha", tmp_path / "alpha", "-w", workspace)
    assert_refused(result, "knee_9.nii.gz", code=1)
    assert_refused(bmseg("leaderboard", "add", "reader1", tmp_path / "beta", "-w", workspace), "reader1")
    result = bmseg("leaderboard", "add", "beta", tmp_path / "beta", "-w", workspace, "--url", "javascript:1")
    assert_refused(result, "url")
    assert_refused(bmseg("leaderboard", "withdraw", "beta", "-w", workspace), "the board has none yet")
    assert_refused(bmseg("leaderboard", "add", "beta", tmp_path / "none", "-w", workspace), "no such file")
    assert bytes_of(workspace / "leaderboard") == before


@pytest.mark.usefixtures("no_drawings")
def test_a_board_of_several_measures(workspace: Path, tmp_path: Path) -> None:
    said = run("init", "-w", workspace, "--measure", "nsd@readers", "--measure", "hd95")
    few_bootstraps(workspace)
    assert "tolerances of nsd@readers, fixed from the readers' masks: level1 " in said
    contract = json.loads((workspace / "leaderboard" / "exams.json").read_text())
    assert set(contract["tolerances"]) <= {"level1", "level2", "level3", "level2+3"}
    run("add", "alpha", tmp_path / "alpha", "-w", workspace)
    run("add", "beta", tmp_path / "beta", "-w", workspace)
    printed = run("build", "-w", workspace)
    assert "Level 1: HD95, mm (lower is better)" in printed
    assert "Level 2: NSD at the readers' tolerance (higher is better)" in printed
    assert "the verdict, whatever else is ranked" in printed
    assert "verified" in run("verify", "-w", workspace)
    before = bytes_of(workspace / "leaderboard")
    said = run("init", "-w", workspace, "--measure", "assd")
    assert 'kept as it is, and assd is not in its weights; put tasks such as "level1 assd" = 1.0' in said
    assert bytes_of(workspace / "leaderboard") == before
    path = workspace / "leaderboard" / "challenge.toml"
    path.write_text(path.read_text().replace('"level1 hd95" = 1.0', '"level1 assd" = 0.5'))
    assert_refused(bmseg("leaderboard", "build", "-w", workspace), "found no scores of level1 assd")
    said = run("init", "-w", workspace)
    assert "scores that it did not have were added for the readers, alpha/" in said
    assert "Level 1: ASSD, mm (lower is better)" in run("build", "-w", workspace)
    assert "verified" in run("verify", "-w", workspace)


def test_a_measure_that_no_board_can_have_is_refused(workspace: Path) -> None:
    result = bmseg("leaderboard", "init", "-w", workspace, "--measure", "hd9")
    assert_refused(result, "ranking.weights: 'level1 hd9': measures: found 'hd9', expected some of")
    assert not (workspace / "leaderboard" / "challenge.toml").exists()


def test_challenge_files_that_make_no_sense_are_refused(workspace: Path) -> None:
    run("init", "-w", workspace)
    path = workspace / "leaderboard" / "challenge.toml"
    text = path.read_text()
    for found, wrong, said in [
        ("level1 = 1.0", "level9 = 1.0", "ranking.weights: found level9"),
        ("level1 = 1.0", '"level1 hd9" = 1.0', "'level1 hd9': measures: found 'hd9'"),
        ("level1 = 1.0", '"level1 foci_false" = 1.0', "no worst value for an exam without a mask"),
        ("level1 = 1.0", "level1 = -1.0", "ranking.weights.level1"),
        ("mean-then-rank", "best-first", "ranking.scheme: found 'best-first'"),
        ("bootstraps = 1000", "bootstraps = 10", "ranking.bootstraps: found 10"),
        ("synthetic = true", "synthetic = maybe", "found no readable TOML"),
        ("[public]", "[publik]", "publik"),
    ]:
        path.write_text(text.replace(found, wrong))
        assert_refused(bmseg("leaderboard", "list", "-w", workspace), said)
    path.write_text(text)
    run("list", "-w", workspace)


def test_a_board_knows_that_exams_share_a_patient(workspace: Path) -> None:
    (path,) = (workspace / "nnUNet_raw").glob("*/cohort.csv")
    cohort = pd.read_csv(path)
    cohort.assign(patient=EXAMS).to_csv(path, index=False)
    run("init", "-w", workspace)
    contract = workspace / "leaderboard" / "exams.json"
    assert "patients" not in json.loads(contract.read_text())
    shutil.rmtree(workspace / "leaderboard")
    cohort.assign(patient="anna").to_csv(path, index=False)
    said = run("init", "-w", workspace)
    assert "2 test exams are of 1 patient: beside the median reader a difference is clear only if" in said
    # By numbers: nobody reads the patient's name in a published file.
    assert json.loads(contract.read_text())["patients"] == dict.fromkeys(EXAMS, "1")
