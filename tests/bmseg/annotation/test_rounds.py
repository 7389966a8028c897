"""Rounds with a network that is really trained: proposed, corrected, accepted, killed and begun again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bmseg.annotation.accept import accept
from bmseg.annotation.propose import draw_with_earlier, propose
from bmseg.annotation.rounds import Annotation, open_annotation
from bmseg.annotation.simulated import correct_regions
from bmseg.annotation.status import status
from bmseg.annotation.words import OVER_LEVELS
from bmseg.errors import InputError
from bmseg.nnunet import plan
from bmseg.nnunet.models import training_inputs
from bmseg.nnunet.training import Training
from bmseg.outputs.provenance import file_hash, write_record
from bmseg.workspace import Workspace
from dataset_conversion.images import read_volume
from dataset_conversion.phantom.cohort import PlannedExam, plan_cohort
from dataset_conversion.raw.exam import Exam
from evaluation.measures.dice import Dice
from tests.bmseg.annotation.tiny import accept_command, correct, mask_of, settings, truth
from tests.bmseg.nnunet.tiny import METHOD, PROFILE, TRAINING
from tests.support.command_line import assert_refused, bmseg, printed_command, run_printed

#: What is on record of a synthetic cohort.
PHANTOM = {"kind": "phantom", "inputs_sha256": "0" * 64, "seed": 3, "training": 10}

pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")


def test_what_the_reader_finds(proposed: Annotation) -> None:
    round_ = proposed.rounds()[0]
    assert len(round_.exams) == 2
    for exam in round_.exams:
        image = read_volume(round_.images / f"{exam}_water.nii.gz")
        mask = read_volume(round_.proposals / f"{exam}.nii.gz")
        assert np.array_equal(image.array, truth(exam)[0].array)
        assert mask.grid.difference(image.grid) is None
        assert mask.array.dtype == np.uint8
        assert np.array_equal(mask.array, read_volume(round_.original(exam)).array)
    text = (round_.folder / "README.txt").read_text()
    assert f"corrected/{round_.exams[0]}.nii.gz" in text
    assert "synthetic" not in text
    for name in ("itksnap_labels.txt", "slicer_colors.ctbl", "medseg_levels.txt"):
        assert name in text
        assert "level2" in (round_.folder / name).read_text()
    assert list(round_.corrected.iterdir()) == []
    record = round_.read()
    assert set(record["trained_on"]) == {"training_0", "training_1", "training_2"}
    assert record["checkpoints_sha256"].keys() == {"all"}
    # The main workspace has neither plans nor models.
    assert not proposed.workspace.nnunet_preprocessed.exists()
    assert not proposed.workspace.nnunet_results.exists()


def test_two_rounds_and_the_final_model(proposed: Annotation) -> None:
    first = proposed.rounds()[0]
    correct(proposed)
    result = accept_command(proposed)
    assert result.returncode == 0, result.stderr
    assert "2 masks accepted, 0 already accepted" in result.stdout
    assert "segmented: 5 exams; left: 5" in result.stdout
    assert "Round 1: the model" in result.stdout
    lineage = proposed.lineage().set_index("exam")
    for exam in first.exams:
        assert np.array_equal(mask_of(proposed, exam), truth(exam)[1].array)
        row = lineage.loc[exam]
        assert row["round"] == 1
        assert row.proposal_sha256 == file_hash(first.original(exam))
        assert row.corrected_sha256 == file_hash(first.corrected / f"{exam}.nii.gz")
        assert row.checkpoints_sha256.startswith("fold_all:")
    # Where the networks disagree most: all unread exams are compared, and their order is kept.
    proposed.check_masks()
    lines = propose(proposed, settings(pick="uncertain", folds=(0, 1), number=1))
    assert lines[0] == "round 2: 1 mask pre-drawn by a model of 5 exams"
    second = proposed.rounds()[1]
    table = pd.read_csv(second.disagreement)
    assert sorted(table.exam) == proposed.unread()
    assert list(table.exam[table.chosen]) == second.exams == [table.exam[0]]
    assert table.disagreement.is_monotonic_decreasing
    assert first.exams[0] in second.read()["trained_on"]
    correct(proposed)
    accept(proposed)
    assert float(proposed.lineage().set_index("exam").disagreement[second.exams[0]]) == pytest.approx(
        table.disagreement[0], abs=1e-6
    )
    # The model of round 1 has drawn the same exam, for comparison.
    exam = second.exams[0]
    before = second.read()["earlier"]
    assert before["checkpoints_sha256"] == first.read()["checkpoints_sha256"]
    drawn, wanted = read_volume(second.earlier(exam)).array, truth(exam)[1].array
    changes = pd.read_csv(second.changes).set_index("level")
    for name, level in (("level1", 1), ("level2", 2)):
        assert changes.dice_earlier[name] == pytest.approx(Dice(level)(wanted, drawn), abs=1e-6, nan_ok=True)
    assert pd.read_csv(first.changes).dice_earlier.isna().all()
    report = status(proposed)
    assert [row[0] for row in report.table.rows] == ["1", "2"]
    assert len(report.sentences) == 3
    assert report.sentences[-1].startswith("Both models on round 2's 1 exam (median Dice over levels ")
    assert "which of round 2's model and round 1's model is better is not settled" in report.sentences[-1]
    assert "no difference of Dice can be clear, however large" in report.sentences[-1]
    # What `make reproduce` does next, on the accepted masks.
    plan(proposed.workspace, PROFILE, [METHOD])
    assert training_inputs(proposed.workspace, TRAINING, 0, seed=1, deterministic=False)


def test_a_model_that_is_gone_draws_nothing_for_comparison(
    proposed: Annotation, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = proposed.round(1), proposed.round(2)
    workspace = Workspace(second.training, proposed.workspace.dataset_folder)
    shutil.rmtree(first.training / "nnUNet_results")
    assert draw_with_earlier(proposed, second, workspace, METHOD) is None
    said = capsys.readouterr()
    assert "round 1: its model does not draw these exams for comparison" in said.out + said.err
    assert not second.earlier_masks.exists()


def test_status_adds_up(proposed: Annotation) -> None:
    round_ = proposed.rounds()[0]
    correct(proposed)
    accept(proposed)
    report = status(proposed)
    data = report.table.data.set_index("level")
    changed = sum(
        int((read_volume(round_.original(exam)).array != truth(exam)[1].array).sum()) for exam in round_.exams
    )
    marked = sum(int((truth(exam)[1].array > 0).sum()) for exam in round_.exams)
    assert (data.changed == changed).all()
    assert data.effort_saved[OVER_LEVELS] == pytest.approx(1 - changed / marked)
    changes = pd.read_csv(round_.changes)
    level2 = changes[changes.level == "level2"]
    assert data.dice_median["level2"] == pytest.approx(level2.dice.median(), nan_ok=True)
    assert data.n_undefined["level2"] == level2.dice.isna().sum()
    ml = 0.9 * 0.9 * 3.5 / 1000
    assert changes.added_ml.to_numpy() == pytest.approx(changes.added.to_numpy() * ml, abs=1e-6)
    folder = proposed.workspace.annotation
    assert (folder / "rounds.md").read_text() == report.table.to_markdown()
    assert (folder / "rounds.csv").is_file()


def test_an_open_round_stays(proposed: Annotation) -> None:
    record = proposed.rounds()[0].read()
    lines = propose(proposed, settings())
    assert lines[0] == "round 1 is already proposed; nothing was changed"
    # What to do then is said there and in the reader's README, and can be pasted as it stands.
    then = printed_command("\n".join(lines), "then:    ")
    readme = (proposed.rounds()[0].folder / "README.txt").read_text()
    assert printed_command(readme, 'When all are in "corrected": ').startswith("bmseg annotate accept -w /")
    assert_refused(run_printed(then), "found no mask of")
    with pytest.raises(InputError, match="round 1: found it begun with next=2, expected next=5; accept its"):
        propose(proposed, settings(number=5))
    with pytest.raises(InputError, match="^round: found 2, expected 1 at most"):
        propose(proposed, settings(), number=2)
    assert proposed.rounds()[0].read() == record
    correct(proposed)
    accept(proposed)
    assert propose(proposed, settings(), number=1) == ["round 1 is already made; nothing was changed"]


def test_killed_before_the_proposals(proposed: Annotation) -> None:
    """Trained, chosen and half predicted: the same masks come out."""
    round_ = proposed.rounds()[0]
    finished = round_.read()
    begun = {
        key: finished[key] for key in ("round", "settings", "chosen_by", "unread", "trained_on", "exams")
    }
    round_.write(begun | {"state": "begun"})
    round_.original(round_.exams[0]).unlink()
    for path in [*round_.proposals.iterdir(), round_.folder / "README.txt"]:
        path.unlink()
    with pytest.raises(InputError, match="found no proposed round, expected one"):
        accept(proposed)
    with pytest.raises(InputError, match="found no proposed round 2, expected one"):
        accept(proposed, number=2)
    with pytest.raises(
        InputError, match="found it begun with seed=1, expected seed=2; give the same options"
    ):
        propose(proposed, settings(seed=2))
    propose(proposed, settings())
    assert round_.read()["proposals_sha256"] == finished["proposals_sha256"]
    assert round_.read()["checkpoints_sha256"] == finished["checkpoints_sha256"]
    assert len(list(round_.proposals.iterdir())) == 2


def test_killed_between_lineage_and_data_set(proposed: Annotation, monkeypatch: pytest.MonkeyPatch) -> None:
    correct(proposed)

    settle, calls = Annotation.settle, []

    def killed(annotation: Annotation) -> None:
        calls.append(annotation)
        if len(calls) == 2:  # the first is that with which every call begins
            raise KeyboardInterrupt
        settle(annotation)

    with monkeypatch.context() as patch:
        patch.setattr(Annotation, "settle", killed)
        with pytest.raises(KeyboardInterrupt):
            accept(proposed)
    assert proposed.dataset.exams("training") == ["training_0", "training_1", "training_2"]
    again = open_annotation(proposed.workspace.root)
    with again.alone():
        assert set(proposed.rounds()[0].exams) < set(again.dataset.exams("training"))
    accept(again)
    assert again.rounds()[0].state == "accepted"


def test_one_process_at_a_time(proposed: Annotation) -> None:
    correct(proposed)
    root = proposed.workspace.root
    with proposed.alone():
        for command in ("accept", "propose", "start", "simulate"):
            if command == "simulate":
                write_record(proposed.record_path, proposed.record | {"synthetic": True})
                write_record(proposed.workspace.stages / "phantom.json", PHANTOM)
            result = bmseg("annotate", command, "-w", root)
            assert_refused(result, "expected nobody; wait for its end or stop it", code=1)
        assert bmseg("annotate", "status", "-w", root).returncode == 0
    assert len(proposed.lineage()) == 3
    assert accept_command(proposed).returncode == 0


def test_folds_that_do_not_serve(proposed: Annotation) -> None:
    correct(proposed)
    accept(proposed)
    for folds in (("all",), (0,)):
        with pytest.raises(InputError, match="expected two folds or more"):
            propose(proposed, settings(pick="uncertain", folds=folds))
    with pytest.raises(InputError, match="^folds: found 7, expected 0 to 4: segmented: 5 exams"):
        propose(proposed, settings(folds=(7,)))
    assert len(proposed.rounds()) == 1


def test_no_exam_is_left(proposed: Annotation) -> None:
    correct(proposed)
    accept(proposed)
    table = proposed.dataset.unread_folder / "exams.csv"
    table.write_text("exam,patient\n")
    with pytest.raises(InputError, match="found no unread exam, expected at least one: all are segmented"):
        propose(proposed, settings())


def test_nobody_simulates_a_reader_of_people(proposed: Annotation) -> None:
    result = bmseg("annotate", "simulate", "-w", proposed.workspace.root)
    assert_refused(result, "cohort: found exams of people, expected the synthetic cohort")


def test_the_simulated_reader(proposed: Annotation, monkeypatch: pytest.MonkeyPatch) -> None:
    """She has the phantom's mask in mind: here that of the small exams."""
    root, round_ = proposed.workspace.root, proposed.rounds()[0]
    write_record(proposed.record_path, proposed.record | {"synthetic": True})
    write_record(proposed.workspace.stages / "phantom.json", PHANTOM)

    def simulate(planned: PlannedExam, *, readers: tuple[str, ...], **_: object) -> Exam:
        return Exam(planned.identifier, "unread", {}, dict.fromkeys(readers, truth(planned.identifier)[1]))

    planned = [replace(plan_cohort(training=1)[0], identifier=exam) for exam in round_.exams]
    monkeypatch.setattr("bmseg.annotation.simulated.plan_cohort", lambda **_: planned)
    monkeypatch.setattr("bmseg.annotation.simulated.simulate_exam", simulate)
    one, other = round_.exams
    correct(proposed, other)
    kept = (round_.corrected / f"{other}.nii.gz").stat().st_mtime_ns
    result = bmseg("annotate", "simulate", "-w", root, "--leave", 3)
    assert "1 mask corrected by the simulated reader, already there: 1;" in result.stdout
    expected = correct_regions(read_volume(round_.original(one)).array, truth(one)[1].array, 3)
    assert np.array_equal(read_volume(round_.corrected / f"{one}.nii.gz").array, expected)
    assert (round_.corrected / f"{other}.nii.gz").stat().st_mtime_ns == kept
    assert bmseg("annotate", "accept", "-w", root).returncode == 0
    assert "0 masks corrected" in bmseg("annotate", "simulate", "-w", root, "--round", 1).stdout
    status_ = bmseg("annotate", "status", "-w", root).stdout
    assert "synthetic cohort, simulated reader" in status_


def test_settings_on_record(proposed: Annotation) -> None:
    path = Path(proposed.rounds()[0].folder / "round.json")
    kept = json.loads(path.read_text())["settings"]
    assert kept == settings(training=Training.of(METHOD, PROFILE)).record
    assert {"next", "pick", "method", "profile", "folds", "epochs", "iterations", "seed"} == set(kept)
