"""The whole run on part of the synthetic cohort, as `make reproduce` does it, with a shorter training."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_series_equal

from bmseg.leaderboard.simulated import SIMULATED_TEAMS
from bmseg.methods.configurations import small_nnunet, vanilla_unet
from bmseg.methods.profiles import PROFILES
from bmseg.study import DEFAULT_STUDY, load_study
from dataset_conversion.phantom.cohort import plan_cohort
from evaluation.study.titles import in_sentence
from tests.bmseg.nnunet.tiny import METHOD, UNET
from tests.support.browsers import chromium
from tests.support.command_line import bmseg
from tests.support.rooms import data, without_data
from tests.support.studies import readers_dice
from tests.support.threads import Threads

pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install '.[train]'")
pytestmark = pytest.mark.slow

#: Of both sites; one without level 3, and one where multi-label STAPLE overrules all readers.
EXAMS = ["knee_088", "knee_093", "knee_095"]
#: All of them are asked for their masks in bmseg/leaderboard/test_simulated.py.
TEAMS = SIMULATED_TEAMS[:2]
# One thread: another test runs beside this one.
STAGES = [
    ["phantom", "--training", "2", "--study", "{study}"],
    ["plan"],
    ["train", "nnunet", "--epochs", "2", "--iterations", "15", "--deterministic"],
    ["train", "unet", "--epochs", "2", "--iterations", "15", "--deterministic"],
    ["predict", "nnunet", "--deterministic"],
    ["predict", "unet", "--deterministic"],
    ["evaluate"],
    ["compare"],
    ["report"],
    ["leaderboard", "init", "--overlays"],
    ["leaderboard", "add", "nnunet", "{workspace}/predictions/nnunet"],
    ["leaderboard", "add", "unet", "{workspace}/predictions/unet"],
    ["leaderboard", "simulate"],
    ["leaderboard", "build"],
    ["reading-room", "build"],
]


def run(stage: list[str], workspace: Path) -> subprocess.CompletedProcess[str]:
    """In this process: most are seconds of work after seconds of imports."""
    words = {"workspace": workspace, "study": workspace.parent / "study" / "study.toml"}
    return bmseg(*(word.format(**words) for word in stage), "-w", workspace)


@pytest.fixture(scope="module")
def workspace(
    shipped: Path,
    tmp_path_factory: pytest.TempPathFactory,
    vector_figures: None,  # noqa: ARG001
) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("run") / "workspace"
    # Networks that were hardly trained mark thousands of specks, whose surfaces take minutes to measure.
    study = Path(shutil.copytree(DEFAULT_STUDY.parent, root.parent / "study")) / "study.toml"
    study.write_text(
        study.read_text().replace("[scores]", '[scores]\nmeasures = ["volume_difference", "foci_f1"]')
    )
    with pytest.MonkeyPatch.context() as patch:
        # Small networks, tiles side by side (four fill a slice): how well they predict is not asked. But that
        # most is background they have to see: masks of thousands of specks would be measured for minutes.
        patch.setitem(PROFILES, "quick", replace(PROFILES["quick"], tile_step=1.0, foreground=0.33))
        for name, tiny, configure, rate in (
            ("nnunet", METHOD, small_nnunet, 0.014), ("unet", UNET, vanilla_unet, 0.0026),
        ):  # fmt: skip
            small = partial(configure, features=(4, 8, 16), patch=(128, 192), batch=2)
            recipe = replace(tiny.recipes["quick"], configure=small, mirroring=False, learning_rate=rate)
            patch.setattr(f"bmseg.methods.{name}.METHOD", replace(tiny, name=name, recipes={"quick": recipe}))
        # All test exams are in test_shipped_cohort. Those that are drawn already are kept.
        others = {path.name for path in shipped.glob("readersTs/*/*")} - {f"{exam}.nii.gz" for exam in EXAMS}
        beside = [f"{name.removesuffix('.nii.gz')}*" for name in others]
        drawn = root / "nnUNet_raw" / shipped.name
        shutil.copytree(shipped, drawn, ignore=shutil.ignore_patterns(*beside, "dataset.json", "*.csv"))
        patch.setattr(
            "dataset_conversion.phantom.cohort.plan_cohort",
            lambda **given: [
                exam for exam in plan_cohort(**given) if exam.split != "test" or exam.identifier in EXAMS
            ],
        )
        patch.setattr("bmseg.leaderboard.simulated.SIMULATED_TEAMS", TEAMS)
        for stage in STAGES:
            result = run(stage, root)
            assert result.returncode == 0, result.stderr
        yield root


def test_trained_methods_stand_beside_four_readers(workspace: Path) -> None:
    scores = pd.read_csv(workspace / "evaluation" / "dice.csv")
    assert set(scores.rater) == {"reader1", "reader2", "reader3", "reader4", "nnunet", "unet"}
    assert sorted(scores.exam.unique()) == EXAMS
    assert len(scores) == len(EXAMS) * 6 * 4
    raw = next((workspace / "nnUNet_raw").glob("Dataset*"))
    readers = scores[scores.rater.str.startswith("reader")].reset_index(drop=True)
    # As test_shipped_cohort scores them.
    expected = readers_dice(raw).set_index(["exam", "rater", "level"])
    found = readers.set_index(["exam", "rater", "level"])
    assert_series_equal(found.dice, expected.dice.reindex(found.index), rtol=1e-9)


def test_everything_says_synthetic(workspace: Path) -> None:
    out = workspace / "evaluation"
    for name in (
        "table1.md",
        "table1.html",
        "table1_fair.md",
        "comparisons.md",
        "sensitivity.md",
        "report.html",
        "exams/index.html",
    ):
        assert "synthetic cohort" in (out / name).read_text().lower(), name
    assert json.loads((out / "provenance.json").read_text())["synthetic"] is True
    assert pd.read_csv(next(workspace.glob("nnUNet_raw/*/cohort.csv"))).synthetic.all()


def test_every_exam_can_be_seen(workspace: Path) -> None:
    folder = workspace / "evaluation" / "exams"
    assert sorted(path.stem for path in folder.glob("*.js")) == EXAMS
    assert str(workspace) not in (folder / "index.html").read_text()


def test_the_report_needs_no_other_file(workspace: Path) -> None:
    page = (workspace / "evaluation" / "report.html").read_text()
    assert "Published: von Brandis et al." in page
    audited = list((workspace / "evaluation" / "figures").glob("audit_*.png"))
    # Multi-label STAPLE overrules all four readers there.
    assert "audit_knee_093.png" in {path.name for path in audited}
    figures = workspace / "evaluation" / "figures"
    strips, curves = list(figures.glob("strip_*.png")), list(figures.glob("nsd_curve.svg"))
    assert 2 <= len(strips) <= 2 * len(EXAMS)
    # The levels beside readers; figures of all, and of each model; a figure a level by every measure, that of
    # foci, and that of tolerances where a model marked something.
    assert page.count("<img ") == 1 + len(strips) + 4 + 5 * 2 + 4 + 1 + len(curves) + len(audited)
    assert not re.findall(r'src="(?!data:|\.\./pages\.js)', page)
    assert not re.findall(r'href="[a-z]+:(?!image|,)', page)
    assert str(workspace) not in page


def test_the_board_holds_methods_readers_and_simulated_teams(workspace: Path) -> None:
    result = bmseg("leaderboard", "verify", "-w", workspace)
    assert result.returncode == 0, result.stderr
    assert "4 submissions and 4 readers, 10 tables of scores derived again from masks" in result.stdout
    site = workspace / "leaderboard" / "site"
    published = json.loads((site / "leaderboard.json").read_text())
    assert str(workspace) not in json.dumps(published)
    # Of one run board and report say the same.
    report = (workspace / "evaluation" / "report.html").read_text()
    titles = load_study(workspace / "study" / "study.toml").titles
    said = {row["team"]: in_sentence(row["verdict"], titles) for row in published["rows"]}
    for team in ("nnunet", "unet"):
        # A board goes by names; this one has none that is a word of a sentence's own.
        assert said[team]
        assert re.sub(r"\b(nn)?unet\b", lambda name: titles.get(name[0], name[0]), said[team]) in report
    for page in site.rglob("*.html"):
        assert "synthetic cohort" in page.read_text().lower(), page
    assert len(list((site / "overlays").glob("*.png"))) == (2 + len(TEAMS)) * 3


def test_the_reading_room_names_nobody(workspace: Path) -> None:
    """All that the cohort knows of its exams, and who drew the masks: nothing of it is for readers."""
    room = workspace / "reading_room"
    pages = [path for path in (room / "for_readers").rglob("*") if path.is_file()]
    assert [path.name for path in pages] == ["reading_room.html"]
    page = pages[0].read_text()
    text = without_data(page).lower()
    cohort = pd.read_csv(next(workspace.glob("nnUNet_raw/*/cohort.csv")), dtype=str)
    known = set(cohort[["exam", "site", "scanner", "group", "age"]].to_numpy().ravel())
    for word in {*known, "consensus", "nnunet", "unet", "reader1", "tromsø", str(workspace)}:
        # An age of two digits without a decimal would be found in any style sheet; those here have one.
        assert word.lower() not in text, word
    assert len(data(page)) == len(EXAMS) + 3 * len(EXAMS)
    key = json.loads((room / "key.json").read_text())
    assert {mask["origin"] for mask in key["masks"]} == {"consensus", "nnunet", "unet"}


def state(workspace: Path) -> dict[Path, object]:
    """When each file was written; of the two that nnU-Net's planner copies each time, what is in it."""
    copied = {"dataset.json", "splits_final.json"}
    return {
        path: path.read_text()
        if path.name in copied and "nnUNet_preprocessed" in path.parts
        else path.stat().st_mtime_ns
        for path in workspace.rglob("*.*")
        if path.suffix != ".log"
    }


def test_again_repeats_no_finished_stage(workspace: Path) -> None:
    # It says when it was looked at.
    pages = {workspace / "index.html", workspace / "pages.js"}
    before = {path: when for path, when in state(workspace).items() if path not in pages}
    for stage in STAGES:
        result = run(stage, workspace)
        assert result.returncode == 0, result.stderr
        assert "already" in result.stdout + result.stderr or "kept" in result.stderr, stage
    assert {path: when for path, when in state(workspace).items() if path not in pages} == before


def test_another_cohort_is_not_mixed_in(workspace: Path) -> None:
    result = bmseg("phantom", "--training", "6", "-w", workspace)
    assert result.returncode == 2
    assert "made with training=2, expected training=6" in result.stderr


def test_nnunets_own_check_accepts_the_data_set(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity

    monkeypatch.setattr(f"{verify_dataset_integrity.__module__}.multiprocessing", Threads)
    verify_dataset_integrity(str(next((workspace / "nnUNet_raw").glob("Dataset*"))), 1)


def test_chromium_shows_the_report_without_a_request(workspace: Path, tmp_path: Path) -> None:
    program = chromium()
    if program is None:
        pytest.skip("Chromium is not installed")
    shot, log = tmp_path / "report.png", tmp_path / "net.json"
    page = workspace / "evaluation" / "report.html"
    result = subprocess.run(
        [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={log}", "--window-size=1000,3000",
            "--enable-logging=stderr", f"--screenshot={shot}", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert shot.stat().st_size > 50_000
    assert "CONSOLE" not in result.stderr
