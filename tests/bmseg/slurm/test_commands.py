"""Options of train, bmseg jobs, what is said where Slurm is missing, and how a job ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bmseg.commands.jobs import asked_of
from bmseg.errors import InputError
from bmseg.outputs import read_record
from bmseg.slurm.cluster import Job
from bmseg.slurm.submission import Submission
from bmseg.slurm.training import TrainingOrder
from bmseg.slurm.work import main
from bmseg.workspace import Workspace, open_workspace
from tests.support.command_line import assert_refused, bmseg

GIVEN = {
    "partition": None, "gpus": None, "time_limit": None, "cpus": None, "memory": None, "account": None,
    "sbatch": (), "detach": False,
}  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(tmp_path / "workspace", create=True)[0]


@pytest.fixture
def no_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


def order_in(workspace: Workspace) -> TrainingOrder:
    root, dataset = str(workspace.root), workspace.dataset_folder
    return TrainingOrder(root, dataset, "nnunet", "quick", None, None, 1, False, (0,))


def with_jobs(workspace: Workspace, state: str) -> None:
    order = order_in(workspace)
    jobs = [Job("7", part, state, elapsed="1:02:03") for part in order.parts]
    Submission(order, "2026-01-02T03:04:05+00:00", jobs).write()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("qos=a", "--qos=b"), "found qos twice"),
        (("dependency=afterok:1",), "found 'dependency', which bmseg gives itself"),
        (("job_name=mine",), "found 'job-name', which bmseg gives itself"),
        (("=high",), "found '=high', expected KEY=VALUE"),
        (("qos=",), "found 'qos=', expected KEY=VALUE"),
    ],
)
def test_wrong_sbatch_options(given: tuple[str, ...], told: str) -> None:
    with pytest.raises(InputError, match=f"^--sbatch: {told}"):
        asked_of({**GIVEN, "sbatch": given}, 0)


def test_a_gpu_is_asked_for_where_the_profile_needs_one() -> None:
    assert asked_of(GIVEN, 1) == {"time": "24:00:00", "gpus-per-node": "1", "cpus-per-task": "8"}
    assert asked_of(GIVEN, 0) == {"time": "24:00:00", "cpus-per-task": "2"}
    given = {**GIVEN, "gpus": 0, "memory": "16G", "sbatch": ("qos=high", "--exclusive")}
    more = {"mem": "16G", "qos": "high", "exclusive": True}
    assert asked_of(given, 1) == {"time": "24:00:00", "cpus-per-task": "2", **more}


def test_options_of_slurm_without_slurm(workspace: Workspace) -> None:
    result = bmseg("train", "nnunet", "-w", workspace.root, "--time", "1:00:00")
    assert result.returncode == 2
    assert "--time: found with --on here, expected with --on slurm" in result.stderr


@pytest.mark.usefixtures("no_slurm")
def test_without_slurm(workspace: Workspace) -> None:
    result = bmseg("train", "nnunet", "-w", workspace.root, "--on", "slurm")
    assert_refused(result, "sbatch, squeue, scancel: no such command, expected Slurm's")
    assert result.stderr.count("\n") == 1


def test_no_jobs(workspace: Workspace) -> None:
    assert bmseg("jobs", "-w", workspace.root).stdout.startswith("no jobs: nothing was submitted")
    assert not (workspace.stages / "jobs").exists()


@pytest.mark.usefixtures("no_slurm")
def test_jobs_that_have_ended_are_shown_without_slurm(workspace: Workspace) -> None:
    with_jobs(workspace, "COMPLETED")
    shown = bmseg("jobs", "-w", workspace.root).stdout.splitlines()
    assert shown[0] == "nnunet, profile quick, folds 0 (submitted 2026-01-02T03:04:05+00:00)"
    assert shown[2].split()[:7] == ["7", "fold", "0", "COMPLETED", "0/40", "1", "1:02:03"]
    assert shown[3].split()[1:7] == ["predict", "and", "score", "COMPLETED", "1", "1:02:03"]


@pytest.mark.usefixtures("no_slurm")
def test_jobs_that_may_be_running_need_slurm(workspace: Workspace) -> None:
    with_jobs(workspace, "RUNNING")
    assert_refused(bmseg("jobs", "-w", workspace.root), "squeue")
    train = bmseg("train", "nnunet", "-w", workspace.root)
    assert "warning: fold 0: job 7 may be training it (" in train.stderr


NEAR_THE_LIMIT = """
import os, signal, sys
from pathlib import Path
from bmseg.slurm import work
def train(*_, **__):
    [latest] = sys.argv[2:] or [""]
    if latest:
        Path(latest).parent.mkdir(parents=True)
        Path(latest).touch()
    os.kill(os.getpid(), signal.SIGUSR2)
work.train = train
work.main(sys.argv[1], "fold 0")
"""


@pytest.mark.parametrize("wrote", [True, False])
def test_near_the_time_limit(workspace: Workspace, tmp_path: Path, wrote: bool) -> None:
    """A run that wrote a checkpoint goes back into the queue; one that got no further is not repeated."""
    order = order_in(workspace)
    Submission(order).write()
    scontrol = tmp_path / "scontrol"
    scontrol.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/told\n')
    scontrol.chmod(0o755)
    latest = [str(order.fold_folder("fold 0") / "checkpoint_latest.pth")] if wrote else []
    done = subprocess.run(
        [sys.executable, "-c", NEAR_THE_LIMIT, str(order.folder), *latest],
        env={**os.environ, "SLURM_JOB_ID": "7", "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    ending = read_record(order.ending("7"))
    if wrote:
        assert (tmp_path / "told").read_text() == "requeue 7\n", done.stderr
        assert ending == {}
    else:
        assert not (tmp_path / "told").exists()
        assert ending["error"].startswith("the time limit came before a new checkpoint could be written")
        assert not ending["wrong_input"]


def test_a_job_leaves_word_of_its_end(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    order = order_in(workspace)
    Submission(order).write()
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with pytest.raises(InputError):
        main(str(order.folder), "predict and score")
    ending = read_record(order.ending("7"))
    assert ending["wrong_input"]
    assert str(workspace.root) in ending["error"]
