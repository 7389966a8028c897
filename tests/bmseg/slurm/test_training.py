"""Real trainings as jobs of a real Slurm: killed, stopped at a time limit, followed again."""

from __future__ import annotations

import signal
import subprocess
from functools import partial

import pandas as pd
import pytest

from bmseg.outputs import read_record
from bmseg.slurm.cluster import Job
from bmseg.slurm.submission import Submission, submissions
from bmseg.slurm.training import SCORING
from bmseg.workspace import Workspace
from tests.support.command_line import assert_refused, bmseg
from tests.support.slurm_cluster import PROGRAM, TEST_EXAMS, wait_until

pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")
pytestmark = pytest.mark.slow


def command(workspace: Workspace, *words: object) -> list[str]:
    options = ("--iterations", 1, "--seed", 1, "--on", "slurm", "--cpus", 1, "--time", "0:30:00")
    return [str(PROGRAM), "train", "nnunet", "-w", str(workspace.root), *map(str, (*options, *words))]


def the_submission(workspace: Workspace) -> Submission:
    [found] = submissions(workspace.jobs)
    return found


def jobs(submission: Submission, part: str) -> list[Job]:
    return [job for job in submission.jobs if job.part == part]


def state(job: Job) -> str:
    asked = ["squeue", "--noheader", "--states=all", f"--jobs={job.id}", "--format=%T"]
    return subprocess.run(asked, capture_output=True, text=True).stdout.strip()


def test_two_folds_one_of_them_killed(on_slurm: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C leaves the jobs; the same command follows them again and requeues the one that was killed."""
    # Jobs keep what is set: a process that augments would make batches ahead, of which these take one.
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    train = command(on_slurm, "--folds", "0,1", "--epochs", 1)
    # Tests that a script runs in the background ignore Ctrl-C, and so would what they start.
    hear = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    first = subprocess.Popen(train, stderr=subprocess.PIPE, text=True, preexec_fn=hear)
    wait_until(
        lambda: submissions(on_slurm.jobs) and len(the_submission(on_slurm).jobs) == 3, 600, "all submitted"
    )
    first.send_signal(signal.SIGINT)
    told = first.communicate(timeout=600)[1].splitlines()
    assert first.returncode == 130, told
    assert told[-1].startswith(
        f"the jobs go on without this command: 'bmseg jobs -w {on_slurm.root}' shows them"
    )

    [killed] = jobs(the_submission(on_slurm), "fold 1")
    wait_until(lambda: state(killed) == "RUNNING", 60, "fold 1 running")
    assert_refused(bmseg(*train[1:5], "--folds", 1), f"fold 1: found job {killed.id} (RUNNING)")
    subprocess.run(["scancel", killed.id], check=True)
    wait_until(lambda: state(killed) == "CANCELLED", 60, "fold 1 killed")

    second = subprocess.run(train, capture_output=True, text=True, timeout=300)
    assert second.returncode == 0, second.stderr
    assert f"fold 1: job {killed.id} CANCELLED: slurmstepd" in second.stderr
    submission = the_submission(on_slurm)
    assert [len(jobs(submission, part)) for part in submission.order.by_part] == [1, 2]
    second_job = jobs(submission, "fold 1")[1].id
    assert second_job in jobs(submission, SCORING)[-1].after.split(":")
    assert all(map(submission.finished, [*submission.order.by_part, SCORING]))
    predictions = on_slurm.predictions("nnunet")
    assert sorted(path.name for path in predictions.glob("*.nii.gz")) == [
        f"{exam}.nii.gz" for exam in TEST_EXAMS
    ]
    assert read_record(predictions / "made_from.json")["model"]["folds"] == [0, 1]
    assert "nnunet" in set(pd.read_csv(on_slurm.evaluation / "dice.csv").rater)

    third = bmseg(*train[1:])
    assert third.returncode == 0
    assert "all folds are trained, predicted and scored already" in third.stderr
    assert the_submission(on_slurm).jobs == submission.jobs
    assert_refused(bmseg(*train[1:], "--seed", 2), "found a training from other inputs (seed 1, now 2)")
    shown = bmseg("jobs", "-w", on_slurm.root).stdout.splitlines()[3]
    assert shown.split()[:6] == [second_job, "fold", "1", "COMPLETED", "1/1", "2"]


def test_at_its_time_limit_a_job_requeues_itself(on_slurm: Workspace) -> None:
    """Nobody follows; Slurm's warning before the time limit is sent by hand."""
    train = command(on_slurm, "--folds", 0, "--epochs", 8, "--detach")
    assert bmseg(*train[1:]).returncode == 0
    submission = the_submission(on_slurm)
    [job, scoring] = submission.jobs
    subprocess.run(["scontrol", "hold", scoring.id], check=True)
    results = on_slurm.results_dataset
    wait_until(lambda: [*results.glob("*/fold_0/checkpoint_latest.pth")], 180, "a checkpoint")
    subprocess.run(["scancel", "--batch", "--signal=USR2", job.id], check=True)
    wait_until(lambda: state(job) == "COMPLETED", 180, "fold 0 trained")
    log = submission.log(job).read_text()
    assert log.count("training: goes on after epoch") == 1
    [progress] = results.glob("*/fold_0/bmseg_progress.json")
    assert read_record(progress)["epochs_done"] == 8
    shown = bmseg("jobs", "-w", on_slurm.root).stdout.splitlines()
    assert shown[2].split()[:6] == [job.id, "fold", "0", "COMPLETED", "8/8", "2"]
    assert "PENDING (JobHeldAdmin)" in shown[3]
