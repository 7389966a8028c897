"""What a real Slurm refuses, jobs that cannot succeed there, and jobs that are cancelled."""

from __future__ import annotations

import subprocess

import pytest

from bmseg.slurm.submission import Submission, submissions
from bmseg.slurm.training import SCORING
from bmseg.workspace import Workspace
from tests.support.command_line import assert_refused, bmseg
from tests.support.slurm_cluster import PROGRAM, wait_until

pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

HELD = ("--sbatch", "hold")


def words(workspace: Workspace, *more: object) -> list[str]:
    return ["train", "nnunet", "-w", *map(str, (workspace.root, "--on", "slurm", "--cpus", 1, *more))]


def train(workspace: Workspace, *more: object) -> subprocess.CompletedProcess[str]:
    return bmseg(*words(workspace, *more))


def here(workspace: Workspace) -> subprocess.CompletedProcess[str]:
    return bmseg("train", "nnunet", "-w", workspace.root, "--folds", 0)


def the_submission(workspace: Workspace) -> Submission:
    [found] = submissions(workspace.jobs)
    return found


def jobs(workspace: Workspace, *more: str) -> list[str]:
    result = bmseg("jobs", "-w", workspace.root, *more)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--partition", "nowhere"), "Invalid partition name specified"),
        (("--gpus", 1), "Invalid generic resource (gres) specification"),
        (("--time", "soon"), "Invalid --time specification"),
        (("--memory", "much"), "Invalid --mem specification"),
        (("--sbatch", "no-such-option=1"), "unrecognized option '--no-such-option=1'"),
    ],
)
def test_what_slurm_refuses_is_one_line(on_slurm: Workspace, asked: tuple[object, ...], told: str) -> None:
    result = train(on_slurm, *asked)
    assert_refused(result, "fold 0: Slurm refused the job: ")
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [line.split("  ")[0:1] for line in jobs(on_slurm)[2:]] == [["-"], ["-"]]


def test_jobs_are_shown_and_cancelled_and_submitted_again(on_slurm: Workspace) -> None:
    assert train(on_slurm, "--detach", *HELD).returncode == 0
    [fold, scoring] = the_submission(on_slurm).jobs
    told = (
        f"fold 0: found job {fold.id} (PENDING) of nnunet, profile quick, folds 0, expected none; wait for it"
    )
    for other in (train(on_slurm, "--restart"), train(on_slurm, "--folds", "0,1"), here(on_slurm)):
        assert_refused(other, told)
    assert "going on with the jobs submitted at" in train(on_slurm, "--detach").stderr
    assert [job.id for job in the_submission(on_slurm).jobs] == [fold.id, scoring.id]
    shown = jobs(on_slurm)[2].split()
    assert shown[:7] == [fold.id, "fold", "0", "PENDING", "(JobHeldUser)", "0/40", "1"]

    assert jobs(on_slurm, "--cancel")[0] == "2 jobs cancelled"
    shown = jobs(on_slurm, "--cancel")
    assert shown[0] == "0 jobs cancelled"
    assert [line.count("  CANCELLED  ") for line in shown[3:]] == [1, 1]
    assert train(on_slurm, "--detach", *HELD).returncode == 0
    found = the_submission(on_slurm).jobs[2:]
    assert [job.part for job in found] == ["fold 0", SCORING]
    assert found[1].after == found[0].id


def test_a_fold_that_cannot_train_is_named(on_slurm: Workspace) -> None:
    """Its plans are gone when it starts: another attempt would not help, and nothing waits for it."""
    process = subprocess.Popen(
        [PROGRAM, *words(on_slurm, *HELD)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    wait_until(
        lambda: submissions(on_slurm.jobs) and len(the_submission(on_slurm).jobs) == 2, 60, "submitted"
    )
    plans = on_slurm.preprocessed_dataset / "nnUNetPlans.json"
    plans.rename(on_slurm.root / "moved")
    submission = the_submission(on_slurm)
    fold = submission.jobs[0]
    subprocess.run(["scontrol", "release", fold.id], check=True)
    told = process.communicate(timeout=300)[1].splitlines()
    assert process.returncode == 1, told
    error = f"fold 0: job {fold.id} FAILED: {plans}: found no plans, expected nnU-Net's; plan first"
    assert told[-1].startswith(f"Error: nnunet, profile quick, folds 0: {error}")
    log = submission.log(fold)
    assert f"(log: {log})" in told[-1]
    assert "Traceback" in log.read_text()
    assert [job.state for job in the_submission(on_slurm).jobs] == ["FAILED", "CANCELLED"]
