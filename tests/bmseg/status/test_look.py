"""What is said of a workspace as it is made, changed and damaged."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bmseg.nnunet.models import FINAL, INPUTS, PROGRESS, RECORD
from bmseg.nnunet.training import Training
from bmseg.outputs import read_record, write_record
from bmseg.outputs.provenance import versions
from bmseg.status import Stage, Status, status_of, status_of_evaluation
from bmseg.status.stage import Bytes
from bmseg.workspace import Workspace, open_workspace
from tests.support.command_line import assert_refused, bmseg, run_printed
from tests.support.files import bytes_of
from tests.support.small_workspace import small_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return small_workspace(tmp_path, "net", "other")


def stage(found: Status, name: str) -> Stage:
    (one,) = (stage for stage in found.stages if stage.name == name)
    return one


def states(found: Status) -> dict[str, str]:
    return {stage.name: stage.state for stage in found.stages}


def test_of_a_new_workspace_the_data_are_missing(tmp_path: Path) -> None:
    made = open_workspace(tmp_path / "my knees", create=True)[0]
    found = status_of(made)
    assert states(found) == {"data": "missing"}
    assert found.next and found.next.command == f"bmseg phantom -w '{made.root}'"


def test_masks_put_there_by_hand_need_no_training(workspace: Workspace) -> None:
    before = bytes_of(workspace.root)
    found = status_of(workspace)
    assert states(found) == {
        "data": "there", "predictions of net": "there", "predictions of other": "there",
        "evaluation": "missing", "report": "missing",
    }  # fmt: skip
    assert stage(found, "predictions of net").found == "masks of 3 of 3 test exams, put there by hand"
    assert found.next and found.next.command == f"bmseg evaluate -w {workspace.root}"
    assert bytes_of(workspace.root) == before


def test_an_evaluation_of_other_masks_is_out_of_date_and_says_whose(evaluated: Workspace) -> None:
    found = status_of(evaluated)
    assert stage(found, "evaluation").state == "there"
    assert found.next and found.next.command == f"bmseg report -w {evaluated.root}"
    mask = evaluated.predictions("net") / "knee_a.nii.gz"
    mask.write_bytes((evaluated.predictions("other") / "knee_a.nii.gz").read_bytes())
    found = status_of(evaluated)
    assert stage(found, "evaluation").why == "others now: masks (net)"
    assert found.next and found.next.command == f"bmseg evaluate -w {evaluated.root}"


@pytest.mark.usefixtures("no_figures")
def test_the_next_command_makes_it_current(evaluated: Workspace) -> None:
    shutil.rmtree(evaluated.predictions("other"))
    found = status_of(evaluated)
    assert stage(found, "evaluation").state == "stale"
    assert found.next and "bmseg evaluate" in found.next.command
    done = run_printed(found.next.command)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-2:] == [
        f"open: {evaluated.pages['Workspace']}", f"next: bmseg report -w {evaluated.root}",
    ]  # fmt: skip
    assert stage(status_of(evaluated), "evaluation").state == "there"


def test_results_that_were_changed_or_made_by_others_are_out_of_date(
    evaluated: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (evaluated.evaluation / "dice.csv").open("a") as file:
        file.write("x\n")
    assert stage(status_of(evaluated), "evaluation").why == "results missing or changed since: dice.csv"
    other = {**versions(), "bmseg": "99"}
    for module in ("bmseg.outputs.output", "bmseg.status.scored"):
        monkeypatch.setattr(f"{module}.versions", lambda: other)
    assert stage(status_of(evaluated), "evaluation").why == "others now: versions (bmseg)"


def test_what_follows_from_old_results_is_old() -> None:
    old, new = Stage("plan", "stale"), Stage("data", "there")
    after = Stage("training", "there").after([new, old])
    assert (after.state, after.why) == ("stale", "what it follows from is out of date: plan")
    assert Stage("training", "there").after([new]).state == "there"
    assert Stage("training", "unfinished").after([old]).state == "unfinished"


def test_a_missing_mask_is_named(evaluated: Workspace) -> None:
    (evaluated.predictions("net") / "knee_b.nii.gz").unlink()
    found = status_of(evaluated)
    assert stage(found, "predictions of net").why == "missing: knee_b"
    assert stage(found, "evaluation").state == "damaged"
    assert "net: missing knee_b" in stage(found, "evaluation").why
    # No command mends that, and nothing that comes later is the next thing to do.
    assert found.next_in_words == "next: predictions of net: missing: knee_b"


def test_the_command_says_how_it_was_evaluated(evaluated: Workspace) -> None:
    path = evaluated.evaluation / "provenance.json"
    record = read_record(path) | {
        "unit": "knee",
        "margin": 0.05,
        "taught_by": {"net": ["reader2"], "gone": []},
    }
    write_record(path, record)
    (evaluated.evaluation / "dice.csv").unlink()
    command = f"bmseg evaluate --unit knee --margin 0.05 --taught-by=net=reader2 -w {evaluated.root}"
    assert stage(status_of(evaluated), "evaluation").command == command
    write_record(path, {**record, "regions_sha256": "x"})
    found = stage(status_of(evaluated), "evaluation")
    assert (found.command, found.unseen) == ("", ("regions",))
    assert found.why.endswith("evaluate again with the same regions")


def test_too_much_to_read_is_not_looked_at_and_named(evaluated: Workspace, tmp_path: Path) -> None:
    found = status_of(evaluated, limit=0)
    of = stage(found, "evaluation")
    assert of.state == "there"
    assert [text.partition(" (")[0] for text in of.unseen] == ["masks, if they are those that were scored"]
    shutil.rmtree(evaluated.predictions("other"))
    assert stage(status_of(evaluated, limit=0), "evaluation").why == "models are others now: other"
    (tmp_path / "big").write_bytes(b"x" * 2_000)
    may = Bytes(1_999)
    assert not may.allow([tmp_path / "big"], "images")
    assert may.told() == ("images (2.0 kB)",)
    assert may.told() == ()


@pytest.fixture
def trained(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> tuple[Workspace, Path]:
    """Two folds of a U-Net, as they are recorded; what they would be trained from now is made up."""
    training = Training.named("unet", "quick", 7)
    for fold, done in ((0, 7), (1, 3)):
        folder = training.fold_folder(workspace, fold)
        inputs = {"plans": "a", "seed": 9, "epochs": 7, "iterations": 40, "deterministic": True}
        write_record(folder / INPUTS, {"inputs": inputs})
        write_record(folder / PROGRESS, {"epochs_done": done, "epochs": 7})
        (folder / (FINAL if done == 7 else "checkpoint_latest.pth")).write_bytes(b"")
    write_record(training.fold_folder(workspace, 0) / RECORD, {"checkpoint_sha256": "0" * 64})
    monkeypatch.setattr("bmseg.status.learned.data_inputs", lambda *_: {"plans": "a"})
    (workspace.raw_dataset / "splits_final.json").write_text(json.dumps([{}] * 5))
    return workspace, training.fold_folder(workspace, 1)


def test_a_training_says_how_far_each_fold_is(trained: tuple[Workspace, Path]) -> None:
    found = stage(status_of(trained[0]), "training of unet")
    assert found.state == "unfinished"
    assert found.found == (
        "fold 0: 7 of 7 epochs; fold 1: 3 of 7 epochs, stopped or at work (the data set has 5 folds)"
    )
    # What the fold was begun with, so that it goes on.
    assert found.command == (
        f"bmseg train unet --folds 1 --seed=9 --epochs=7 --deterministic -w {trained[0].root}"
    )


def test_another_network_of_the_method_is_a_training_of_its_own(trained: tuple[Workspace, Path]) -> None:
    workspace, fold = trained
    other = Training.named("unet_seed11", "quick", 7).fold_folder(workspace, 1)
    shutil.copytree(fold, other)
    found = stage(status_of(workspace), "training of unet_seed11")
    assert found.state == "unfinished"
    assert found.command == (
        f"bmseg train unet_seed11 --folds 1 --epochs=7 --deterministic -w {workspace.root}"
    )


def test_a_training_from_other_exams_is_out_of_date(
    trained: tuple[Workspace, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bmseg.status.learned.data_inputs", lambda *_: {"plans": "b" * 64})
    found = stage(status_of(trained[0]), "training of unet")
    assert (found.state, found.why) == ("stale", "trained from other inputs: plans a, now " + "b" * 64)
    assert "--restart" in found.command and "--folds 0,1" in found.command


def test_masks_of_a_model_that_was_trained_anew_are_out_of_date(trained: tuple[Workspace, Path]) -> None:
    workspace, fold = trained
    shutil.copytree(workspace.predictions("net"), workspace.predictions("unet"))
    model = {"folder": fold.parent.name, "folds": [0], "checkpoints": {"0": "1" * 64}}
    write_record(workspace.predictions("unet") / "made_from.json", {"model": model, "masks": {}})
    found = stage(status_of(workspace), "predictions of unet")
    assert (found.state, found.why) == ("stale", "its model was trained anew since")
    assert found.command == f"bmseg predict unet -w {workspace.root}"


@pytest.mark.parametrize("name", ["provenance.json", "report.json"])
@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"kind": "evaluation", "inputs_sha256": "x", "outputs": 3}']
)
def test_whatever_a_record_holds_the_rest_is_said(evaluated: Workspace, name: str, content: str) -> None:
    (evaluated.evaluation / name).write_text(content)
    found = status_of(evaluated)
    assert stage(found, "data").state == "there"
    assert found.lines()


def test_a_damaged_board_and_atlas_end_nothing(evaluated: Workspace) -> None:
    evaluated.leaderboard.mkdir()
    (evaluated.leaderboard / "challenge.toml").write_text("title =")
    evaluated.atlas.mkdir()
    record: dict[str, Any] = {"kind": "bmseg atlas", "inputs_sha256": "x", "outputs": {}}
    write_record(evaluated.atlas / "provenance.json", record)
    (evaluated.atlas / "atlas.html").write_text("")
    found = status_of(evaluated)
    assert stage(found, "leaderboard").state == "damaged"
    assert stage(found, "atlas").state == "damaged"
    # What a run is whole without is not the next thing to do.
    assert found.next and found.next.name == "report"


def test_plain_folders(evaluated: Workspace) -> None:
    found = status_of_evaluation(evaluated.evaluation, evaluated.study_file)
    assert states(found) == {"evaluation": "there", "report": "missing", "exams": "missing"}
    assert "where they lie is not on record" in stage(found, "evaluation").unseen[0]
    assert found.next and found.next.command.startswith(f"bmseg report --evaluation {evaluated.evaluation}")
    # Where the masks lie nobody knows: no command makes the exams, and none is said to.
    exams = stage(found, "exams")
    assert exams.command == "" and exams.why.endswith("--masks RATER=FOLDER")
    assert run_printed(found.next.command).returncode == 0
    found = status_of_evaluation(evaluated.evaluation, evaluated.study_file)
    assert states(found) == {"evaluation": "there", "report": "there", "exams": "missing"}
    assert found.next_in_words == ""
    for name in ("report.html", "report.json"):
        (evaluated.evaluation / name).unlink()
    (evaluated.evaluation / "dice.csv").unlink()
    assert states(status_of_evaluation(evaluated.evaluation, evaluated.study_file)) == {
        "evaluation": "stale", "report": "missing", "exams": "missing",
    }  # fmt: skip


def test_a_folder_without_an_evaluation_is_refused_and_says_how_one_is_made(
    evaluated: Workspace, tmp_path: Path
) -> None:
    make = "make one: bmseg evaluate --reader NAME=FOLDER --reader NAME=FOLDER -o "
    (tmp_path / "file").write_text("")
    masks = evaluated.predictions("net")
    for command in (["status"], ["report"], ["design", "--level", "a", "--better", "-o", tmp_path / "d"]):
        option = "--pilot" if command[0] == "design" else "--evaluation"
        for folder, message in {
            tmp_path
            / "no such": f"no such folder, expected an evaluation's folder; {make}'{tmp_path}/no such'",
            tmp_path / "file": f"file: found a file, expected an evaluation's folder; {make}FOLDER",
            masks: f"found no evaluation, expected an evaluation's folder; {make}FOLDER",
            evaluated.root: "found a workspace, expected an evaluation's folder, as its own: ",
        }.items():
            assert_refused(bmseg(*command, option, folder), message)
    # One that was begun is there, and goes on.
    write_record(evaluated.evaluation / "provenance.json", {"kind": "evaluation", "outputs": {}})
    found = bmseg("status", "--evaluation", evaluated.evaluation)
    assert found.returncode == 0 and "evaluation  unfinished" in found.stdout
    unfinished = bmseg("report", "--evaluation", evaluated.evaluation)
    assert_refused(unfinished, "found an evaluation that was not finished, expected a finished one; give")


def test_an_evaluation_of_folders_has_no_workspace(evaluated: Workspace) -> None:
    for command in ("status", "report"):
        words = (command, "--evaluation", evaluated.evaluation, "-w", evaluated.root)
        assert_refused(bmseg(*words), "--workspace: found it given, expected none: --evaluation is of plain")


def test_the_command(evaluated: Workspace, tmp_path: Path) -> None:
    said = bmseg("status", "-w", evaluated.root)
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines()[-1] == f"next: bmseg report -w {evaluated.root}"
    as_json = json.loads(bmseg("status", "-w", evaluated.root, "--json", "--thorough").stdout)
    assert as_json["next"] == {"stage": "report", "command": f"bmseg report -w {evaluated.root}"}
    assert {one["name"]: one["state"] for one in as_json["stages"]}["evaluation"] == "there"
    assert as_json["synthetic"] is True
    assert read_record(evaluated.evaluation / "provenance.json")
    assert_refused(bmseg("status", "-w", tmp_path / "none"), "none: found no workspace")
    folders = bmseg("status", "--evaluation", evaluated.evaluation, "--study", evaluated.study_file)
    assert folders.returncode == 0, folders.stderr


def test_looking_imports_nothing_that_draws_or_trains() -> None:
    """Every command looks at its end, and importing is most of what that takes."""
    code = (
        "import sys, bmseg.status.ending, bmseg.status.shared, bmseg.status.page;"
        "scoring = {'evaluation.study', 'scipy.special'};"
        "assert not scoring & set(sys.modules), scoring & set(sys.modules);"
        "import bmseg.status.answer, bmseg.status.scored, bmseg.leaderboard.board, bmseg.leaderboard.made;"
        "import bmseg.leaderboard.submission, bmseg.atlas.made, bmseg.atlas.exams, bmseg.reading_room.found;"
        "heavy = {'matplotlib', 'seaborn', 'scipy.stats', 'scipy.optimize', 'scipy.ndimage', 'torch'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
