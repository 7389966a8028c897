"""Following jobs through ends that a real Slurm cannot be made to bring about."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from bmseg.errors import WorkError
from bmseg.outputs.records import write_record
from bmseg.slurm import Resources
from bmseg.slurm.follow import failure, follow, step
from bmseg.slurm.launch import cancelled
from bmseg.slurm.record import Submission, log_folder, log_of, submissions, write_submission
from bmseg.slurm.work import Order, ending_of
from bmseg.workspace import Workspace
from tests.bmseg.slurm.pretended import Pretended

pytest.importorskip("submitit", reason="submitit is not installed: pip install 'bmseg[slurm]'")

RESOURCES = Resources(minutes=90, gpus=2, cpus=6, memory="16G", account="knees", others={"qos": "high"})


@pytest.fixture
def order(tmp_path: Path) -> Order:
    return Order(str(tmp_path / "workspace"), "nnunet", "quick", None, None, 1, False, (0, 1))


@pytest.fixture
def workspace(order: Order, pretended: Pretended) -> Workspace:  # noqa: ARG001 (its commands)
    """With a submission whose jobs are 1 and 2 (folds) and 3 (predict and score)."""
    workspace = Workspace(Path(order.root), "Dataset501_Small")
    write_submission(workspace, Submission.new(order, RESOURCES, "2026-01-02T03:04:05+00:00"))
    step(workspace, order)
    return workspace


def now(workspace: Workspace, order: Order) -> Submission:
    return step(workspace, order)[0]


def test_what_is_asked_for(workspace: Workspace, pretended: Pretended) -> None:
    script = pretended.script("1")
    assert workspace.root.is_dir()
    for option in ("time=90", "gpus-per-node=2", "cpus-per-task=6", "mem=16G", "account=knees", "qos=high"):
        assert f"#SBATCH --{option}\n" in script
    assert "--partition" not in script
    assert "#SBATCH --dependency=afterok:1:2\n" in pretended.script("3")
    assert re.search(r"^srun .* --cpus-per-task=6 ", script, re.MULTILINE)


def test_a_record_that_is_being_written_is_no_submission(workspace: Workspace) -> None:
    [record] = workspace.jobs.glob("[!.]*.json")
    (workspace.jobs / f".partial-{record.name}").write_bytes(record.read_bytes())
    assert len(submissions(workspace)) == 1


@pytest.mark.parametrize("state", ["NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT", "BOOT_FAIL"])
def test_a_bad_end_is_requeued_once(
    workspace: Workspace, order: Order, pretended: Pretended, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log_of(workspace, order, "1").write_text("epoch 3/40\nslurmstepd: error: it ended\nsubmitit INFO - bye\n")
    pretended.set("1", state)
    submission = now(workspace, order)
    assert [job.id for job in submission.folds[0].jobs] == ["1", "4"]
    # The job that waited for 1 is replaced by one that waits for 4.
    assert pretended.states() == {
        "1": state,
        "2": "PENDING",
        "3": "CANCELLED",
        "4": "PENDING",
        "5": "PENDING",
    }
    assert submission.scoring.jobs[-1].after == ("4", "2")
    assert f"fold 0: job 1 {state}: slurmstepd: error: it ended (log: " in capsys.readouterr().err

    pretended.set("2", "COMPLETED")
    pretended.set("4", state)
    submission = now(workspace, order)
    assert len(submission.folds[0].jobs) == 2
    assert pretended.states()["5"] == "CANCELLED"
    told = failure(workspace, submission)
    log = log_of(workspace, order, "4")
    assert f"folds 0, 1: fold 0: job 4 {state}: it left no log (log: {log}); the same command" in told
    with pytest.raises(WorkError, match=f"fold 0: job 4 {state}"):
        follow(workspace, order, longest_pause=0)


def test_slurm_may_cancel_what_waits_before_anyone_looks(
    workspace: Workspace, order: Order, pretended: Pretended
) -> None:
    pretended.set("2", "FAILED")
    pretended.set("3", "CANCELLED")
    submission = now(workspace, order)
    assert submission.scoring.jobs[-1].after == ("1", submission.folds[1].jobs[-1].id)
    assert submission.scoring.left == 1


def test_what_predicts_is_requeued_once_too(workspace: Workspace, order: Order, pretended: Pretended) -> None:
    for job, state in (("1", "COMPLETED"), ("2", "COMPLETED"), ("3", "FAILED")):
        pretended.set(job, state)
    assert [job.after for job in now(workspace, order).scoring.jobs] == [("1", "2"), ()]
    pretended.set("4", "FAILED")
    assert "predict and score: job 4 FAILED" in failure(workspace, now(workspace, order))


def test_a_wrong_input_is_not_tried_again(workspace: Workspace, order: Order, pretended: Pretended) -> None:
    ending = ending_of(log_folder(workspace, order), "1")
    write_record(ending, {"error": "device: found no CUDA GPU", "wrong_input": True})
    pretended.set("1", "FAILED")
    submission = now(workspace, order)
    assert [len(part.jobs) for part in submission.parts] == [1, 1, 1]
    assert "fold 0: job 1 FAILED: device: found no CUDA GPU (log: " in failure(workspace, submission)


@pytest.mark.parametrize(
    ("ending", "accounts", "state"),
    [
        ({"finished": True}, None, "COMPLETED"),
        ({"error": "no memory"}, None, "FAILED"),
        ({}, None, "LOST"),
        ({}, "1|TIMEOUT\n", "TIMEOUT"),
        ({}, "1|CANCELLED by 1000\n", "CANCELLED"),
    ],
)
def test_a_job_that_slurm_has_forgotten(
    workspace: Workspace,
    order: Order,
    pretended: Pretended,
    ending: dict[str, object],
    accounts: str | None,
    state: str,
) -> None:
    write_record(ending_of(log_folder(workspace, order), "1"), ending)
    if accounts:
        (pretended.folder / "accounts").write_text(accounts)
    pretended.set("1", "GONE")
    jobs = now(workspace, order).folds[0].jobs
    assert jobs[0].state == state
    assert len(jobs) == (1 if state == "COMPLETED" else 2)


def test_a_job_that_is_not_on_record_is_found_again(
    workspace: Workspace, order: Order, pretended: Pretended
) -> None:
    """The process that submitted it was killed before it could write."""
    submission = now(workspace, order)
    fold = replace(submission.folds[0], jobs=(), left=2)
    write_submission(workspace, submission.with_part(fold))
    assert [job.id for job in now(workspace, order).folds[0].jobs] == ["1"]
    assert len(pretended.states()) == 3


def test_restarts_by_slurm_are_attempts(
    workspace: Workspace, order: Order, pretended: Pretended, capsys: pytest.CaptureFixture[str]
) -> None:
    pretended.set("2", "RUNNING", restarts=1)
    assert now(workspace, order).folds[1].attempts == 2
    assert "fold 1: job 2 RUNNING, run 2\n" in capsys.readouterr().err


def test_slurm_may_be_silent_for_a_while(
    workspace: Workspace,
    order: Order,
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
    follow(workspace, order)
    assert pauses == [1.5, 2.25, 3.375, 5.0625]
    assert capsys.readouterr().err.count("Unable to contact slurm controller; asking again") == 1


def test_following_ends_when_the_jobs_are_cancelled(
    workspace: Workspace, order: Order, pretended: Pretended
) -> None:
    assert cancelled(workspace) == 3
    assert set(pretended.states().values()) == {"CANCELLED"}
    with pytest.raises(WorkError, match="folds 0, 1: cancelled; the same command submits the jobs again"):
        follow(workspace, order, longest_pause=0)
    assert len(pretended.states()) == 3
