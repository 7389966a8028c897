"""Options of train, bmseg jobs, and what is said where Slurm or submitit is missing."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bmseg.commands.jobs import resources_of
from bmseg.errors import InputError, WorkError
from bmseg.methods.profiles import FULL, QUICK
from bmseg.slurm.record import Job, Submission, write_submission
from bmseg.slurm.resources import Resources, minutes_of, sbatch_options
from bmseg.slurm.work import Order, TrainFold
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


def with_jobs(workspace: Workspace, state: str) -> None:
    order = Order(str(workspace.root), "nnunet", "quick", None, None, 1, False, (0,))
    submission = Submission.new(order, Resources(60, 0, 1), "2026-01-02T03:04:05+00:00")
    for part in submission.parts:
        job = Job("7", state, elapsed="1:02:03")
        submission = submission.with_part(type(part)(part.name, part.job_name, jobs=(job,)))
    write_submission(workspace, submission)


@pytest.mark.parametrize(
    ("given", "minutes"),
    [("90", 90), ("1:30", 2), ("24:00:00", 1440), ("00:00:01", 1), ("2-12", 3600), ("1-00:30", 1470)],
)
def test_time_limits(given: str, minutes: int) -> None:
    assert minutes_of(given) == minutes


@pytest.mark.parametrize("given", ["", "soon", "0", "00:00:00", "1:2:3:4", "-5", "1-", "1.5"])
def test_wrong_time_limits(given: str) -> None:
    with pytest.raises(InputError, match="--time: found '.*', expected a time limit such as 24:00:00"):
        minutes_of(given)


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
        sbatch_options(given)


def test_a_gpu_is_asked_for_where_the_profile_needs_one() -> None:
    assert resources_of(GIVEN, FULL) == Resources(minutes=1440, gpus=1, cpus=8)
    assert resources_of(GIVEN, QUICK) == Resources(minutes=1440, gpus=0, cpus=2)
    assert "gpus_per_node" not in resources_of({**GIVEN, "gpus": 0}, FULL).parameters()


def test_options_of_slurm_without_slurm(workspace: Workspace) -> None:
    result = bmseg("train", "nnunet", "-w", workspace.root, "--time", "1:00:00")
    assert result.returncode == 2
    assert "--time: found with --on here, expected with --on slurm" in result.stderr


@pytest.mark.usefixtures("no_slurm")
def test_without_slurm(workspace: Workspace) -> None:
    result = bmseg("train", "nnunet", "-w", workspace.root, "--on", "slurm")
    assert_refused(result, "sbatch, squeue, scancel, srun: no such command, expected Slurm's")
    assert result.stderr.count("\n") == 1


def test_without_submitit(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("sbatch") is None:
        monkeypatch.setattr("bmseg.slurm.cluster.shutil.which", lambda command: command)
    monkeypatch.setitem(sys.modules, "submitit", None)
    result = bmseg("train", "nnunet", "-w", workspace.root, "--on", "slurm")
    assert_refused(result, "submitit: not installed; install with: pip install 'bmseg[slurm]'")


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


def test_a_run_that_got_no_further_is_not_repeated(workspace: Workspace) -> None:
    pytest.importorskip("submitit", reason="submitit is not installed: pip install 'bmseg[slurm]'")
    order = Order(str(workspace.root), "nnunet", "quick", None, None, 1, False, (0,))
    work = TrainFold(order, 0)
    with pytest.raises(WorkError, match="the time limit came before a new checkpoint could be written"):
        work.checkpoint()
    folder = order.fold_folder(0)
    folder.mkdir(parents=True)
    (folder / "checkpoint_latest.pth").touch()
    assert work.checkpoint().function == work


def test_a_data_loader_does_not_requeue_the_job() -> None:
    """A forked process takes the handlers of its parent, submitit's among them."""
    code = """
import os, signal, tempfile, time
from bmseg.slurm.work import _recorded
for number in (signal.SIGUSR2, signal.SIGTERM):
    signal.signal(number, lambda *_: print("requeued", flush=True))
os.environ |= {"SUBMITIT_FOLDER": tempfile.mkdtemp(), "SLURM_JOB_ID": "7"}
with _recorded():
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    time.sleep(0.2)
    os.kill(child, signal.SIGUSR2)
    time.sleep(0.2)
    os.kill(child, signal.SIGTERM)
    print(os.waitpid(child, 0)[1])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [str(int(signal.SIGTERM))], done.stderr
