"""Following jobs through ends that a real Slurm cannot be made to bring about."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from bmseg.errors import InputError, WorkError
from bmseg.outputs import write_record
from bmseg.slurm.cluster import Job
from bmseg.slurm.follow import follow, launch, looked_up, step
from bmseg.slurm.submission import Submission, submissions
from bmseg.slurm.training import SCORING, TrainingOrder
from bmseg.workspace import Workspace
from tests.bmseg.slurm.pretended import Pretended

ASKED: dict[str, str | bool] = {"time": "90", "gpus-per-node": "2", "cpus-per-task": "6", "exclusive": True}


@pytest.fixture
def order(tmp_path: Path) -> TrainingOrder:
    root = str(tmp_path / "workspace")
    return TrainingOrder(root, "Dataset501_Small", "nnunet", "quick", None, None, 1, False, (0, 1))


@pytest.fixture
def workspace(order: TrainingOrder, pretended: Pretended) -> Workspace:  # noqa: ARG001 (its commands)
    """With a submission whose jobs are 1 and 2 (folds) and 3 (predict and score)."""
    Submission(order).write()
    step(order, ASKED)
    return order.workspace


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses of following, which take no time."""
    pauses: list[float] = []
    monkeypatch.setattr("bmseg.slurm.follow.time", SimpleNamespace(sleep=pauses.append))
    return pauses


def now(order: TrainingOrder) -> Submission:
    return step(order, ASKED)[0]


def jobs(submission: Submission, part: str) -> list[Job]:
    return [job for job in submission.jobs if job.part == part]


def given_up(submission: Submission) -> str:
    return "; ".join(map(submission.ending, submission.given_up().values()))


@pytest.mark.usefixtures("workspace")
def test_what_is_asked_for(order: TrainingOrder, pretended: Pretended) -> None:
    options = pretended.options("1")
    assert {"--time=90", "--gpus-per-node=2", "--cpus-per-task=6", "--exclusive"} <= set(options)
    assert {"--requeue", "--signal=B:USR2@90", f"--output={order.folder}/%j.log"} <= set(options)
    assert not [option for option in options if option.startswith(("--partition", "--dependency"))]
    assert {"--dependency=afterok:1:2", "--kill-on-invalid-dep=yes"} <= set(pretended.options("3"))


def test_one_network_is_the_order_that_it_was_before_there_were_several() -> None:
    order = TrainingOrder("/w", "Dataset501_Small", "nnunet", "quick", None, None, 1, False, (0, 1))
    assert order.key == "dba59c0703"
    assert "seeds" not in order.facts


def test_each_network_and_fold_is_a_job(tmp_path: Path) -> None:
    root = str(tmp_path / "workspace")
    order = TrainingOrder(root, "Dataset501_Small", "nnunet", "quick", None, None, 5, False, (0, 1), 2)
    parts = ["nnunet, fold 0", "nnunet, fold 1", "nnunet_seed6, fold 0", "nnunet_seed6, fold 1"]
    assert order.parts == [*parts, SCORING]
    assert [order.seed_of(one) for one in order.networks] == [5, 6]
    assert order.fold_folder(parts[2]).parts[-4:-2] == ("seed6", "Dataset501_Small")
    assert list(order.named)[2] == f"bmseg-nnunet_seed6-fold_0-{order.key}"
    assert "seeds 5 to 6" in order.title
    usual, other = (
        TrainingOrder(root, "Dataset501_Small", name, "quick", None, None, 6, False, (0,))
        for name in ("unet", "nnunet_seed6")
    )
    assert order.clashes(other)
    assert not order.clashes(usual)


def test_a_record_that_is_being_written_is_no_submission(workspace: Workspace) -> None:
    [record] = workspace.jobs.glob("*/submission.json")
    (record.parent / f".partial-{record.name}").write_bytes(record.read_bytes()[:9])
    assert len(submissions(workspace.jobs)) == 1


@pytest.mark.parametrize("state", ["NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT", "BOOT_FAIL"])
@pytest.mark.usefixtures("workspace", "pauses")
def test_a_bad_end_is_requeued_once(
    order: TrainingOrder, pretended: Pretended, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (order.folder / "1.log").write_text("epoch 3/40\nslurmstepd: error: it ended\nbye\n")
    pretended.set("1", state)
    submission = now(order)
    assert [job.id for job in jobs(submission, "fold 0")] == ["1", "4"]
    # The job that waited for 1 is replaced by one that waits for 4.
    assert pretended.states() == dict(
        zip("12345", [state, "PENDING", "CANCELLED", "PENDING", "PENDING"], strict=True)
    )
    assert jobs(submission, SCORING)[-1].after == "4:2"
    assert f"fold 0: job 1 {state}: slurmstepd: error: it ended (log: " in capsys.readouterr().err

    pretended.set("2", "COMPLETED")
    pretended.set("4", state)
    submission = now(order)
    assert [job.id for job in jobs(submission, "fold 0")] == ["1", "4"]
    assert pretended.states()["5"] == "CANCELLED"
    told = f"fold 0: job 4 {state}: it left no log (log: {order.folder / '4.log'})"
    assert given_up(submission) == told
    with pytest.raises(WorkError, match=f"folds 0, 1: fold 0: job 4 {state}: it left.*; the same command"):
        follow(order, ASKED)


@pytest.mark.usefixtures("workspace")
def test_slurm_may_cancel_what_waits_before_anyone_looks(order: TrainingOrder, pretended: Pretended) -> None:
    pretended.set("2", "FAILED")
    pretended.set("3", "CANCELLED")
    submission = now(order)
    [_, scoring] = jobs(submission, SCORING)
    assert scoring.after == f"1:{jobs(submission, 'fold 1')[-1].id}"
    assert not scoring.again


@pytest.mark.usefixtures("workspace")
def test_what_predicts_is_requeued_once_too(order: TrainingOrder, pretended: Pretended) -> None:
    for job, state in (("1", "COMPLETED"), ("2", "COMPLETED"), ("3", "FAILED")):
        pretended.set(job, state)
    assert [job.after for job in jobs(now(order), SCORING)] == ["1:2", ""]
    pretended.set("4", "FAILED")
    assert given_up(now(order)).startswith("predict and score: job 4 FAILED")
    assert len(pretended.states()) == 4


@pytest.mark.usefixtures("workspace")
def test_a_wrong_input_is_not_tried_again(order: TrainingOrder, pretended: Pretended) -> None:
    write_record(order.ending("1"), {"error": "device: found no CUDA GPU", "wrong_input": True})
    pretended.set("1", "FAILED")
    submission = now(order)
    assert [job.id for job in submission.jobs] == ["1", "2", "3"]
    assert given_up(submission).startswith("fold 0: job 1 FAILED: device: found no CUDA GPU (log: ")


@pytest.mark.parametrize(
    ("ending", "state"),
    [({"finished": True}, "COMPLETED"), ({"error": "no memory"}, "FAILED"), ({}, "LOST")],
)
@pytest.mark.usefixtures("workspace")
def test_a_job_that_slurm_has_forgotten(
    order: TrainingOrder, pretended: Pretended, ending: dict[str, object], state: str
) -> None:
    write_record(order.ending("1"), ending)
    pretended.set("1", "GONE")
    found = jobs(now(order), "fold 0")
    assert found[0].state == state
    assert len(found) == (1 if state == "COMPLETED" else 2)


@pytest.mark.usefixtures("workspace")
def test_a_job_that_is_not_on_record_is_found_again(order: TrainingOrder, pretended: Pretended) -> None:
    """The process that submitted it was killed before it could write."""
    submission = now(order)
    submission.jobs = [job for job in submission.jobs if job.id != "1"]
    submission.write()
    assert [job.id for job in jobs(now(order), "fold 0")] == ["1"]
    assert len(pretended.states()) == 3


@pytest.mark.usefixtures("workspace")
def test_restarts_by_slurm_are_attempts(
    order: TrainingOrder, pretended: Pretended, capsys: pytest.CaptureFixture[str]
) -> None:
    pretended.set("2", "RUNNING", restarts=1)
    assert now(order).table().splitlines()[3].split()[:6] == ["2", "fold", "1", "RUNNING", "0/40", "2"]
    assert "fold 1: job 2 RUNNING, run 2\n" in capsys.readouterr().err


@pytest.mark.usefixtures("workspace")
def test_slurm_is_asked_less_and_less_often(
    order: TrainingOrder, pretended: Pretended, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time that passes while jobs run is no change."""

    pretended.set("1", "RUNNING")
    step(order, ASKED)

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        pretended.set("1", "RUNNING", elapsed=f"0:{len(pauses):02}")
        if len(pauses) == 12:
            for job in "123":
                pretended.set(job, "COMPLETED")

    monkeypatch.setattr("bmseg.slurm.follow.time", SimpleNamespace(sleep=sleep))
    follow(order, ASKED)
    assert [round(pause, 1) for pause in pauses[:4]] == [1.5, 2.2, 3.4, 5.1]
    assert pauses[-1] == 30


@pytest.mark.usefixtures("workspace")
def test_slurm_may_be_silent_for_a_while(
    order: TrainingOrder,
    pretended: Pretended,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    silent = pretended.folder / "silent"
    silent.touch()
    pauses = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 4:
            silent.unlink()
            for job in "123":
                pretended.set(job, "COMPLETED")

    monkeypatch.setattr("bmseg.slurm.follow.time", SimpleNamespace(sleep=sleep))
    follow(order, ASKED)
    assert pauses == [1.5, 2.25, 3.375, 5.0625]
    assert capsys.readouterr().err.count("Unable to contact slurm controller; asking again") == 1


@pytest.mark.usefixtures("pauses")
def test_following_ends_when_the_jobs_are_cancelled(
    workspace: Workspace, order: TrainingOrder, pretended: Pretended
) -> None:
    [stopped] = looked_up(workspace.jobs, cancel=True)
    assert [job.id for job in stopped.active()] == ["1", "2", "3"]
    assert set(pretended.states().values()) == {"CANCELLED"}
    with pytest.raises(WorkError, match="folds 0, 1: cancelled; the same command submits the jobs again"):
        follow(order, ASKED)
    assert len(pretended.states()) == 3


@pytest.mark.usefixtures("workspace")
def test_restart_deletes_what_was_trained_and_submits_anew(
    order: TrainingOrder,
    pretended: Pretended,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(InputError, match=r"fold 0: found job 1 \(PENDING\)"):
        launch(order, ASKED, restart=order.restart, detach=True)
    for job in "123":
        pretended.set(job, "COMPLETED")
    fold = order.fold_folder("fold 0")
    fold.mkdir(parents=True)
    (fold / "checkpoint_final.pth").write_bytes(b"x")
    # What could not be trained again is not deleted.
    with pytest.raises(InputError, match="dataset.json: found no finished data set"):
        launch(order, ASKED, restart=order.restart, detach=True)
    assert fold.is_dir()
    monkeypatch.setattr("bmseg.slurm.training.training_inputs", lambda *_, **__: {})
    launch(order, ASKED, restart=order.restart, detach=True)
    assert "training: the earlier one of fold 0 was deleted\n" in capsys.readouterr().err
    assert not fold.exists()
    assert pretended.states() == dict.fromkeys("123", "COMPLETED") | dict.fromkeys("456", "PENDING")
    [scoring] = jobs(now(order), SCORING)
    assert scoring.after == "4:5"
