"""An evaluation's exams as tasks of a job array, through ends that no real Slurm brings about when asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from bmseg.errors import WorkError
from bmseg.outputs import write_record
from bmseg.slurm.follow import follow, step
from bmseg.slurm.shares import ShareOrder, jobs_beside
from bmseg.slurm.submission import Submission, submissions
from bmseg.workspace import open_workspace
from dataset_conversion.raw.dataset import RawDataset
from tests.bmseg.slurm.pretended import Pretended
from tests.support.command_line import assert_refused, bmseg
from tests.support.studies import SMALL_EXAMS, small_raters, small_study

ASKED: dict[str, str | bool] = {"time": "90"}
FAULTS = "Error: knee_a: net: found 9\nknee_d: net: found 7\n"


def order_in(folder: Path, *arguments: str, of: int = 3) -> ShareOrder:
    out = folder / "out"
    return ShareOrder("", str(jobs_beside(out)), str(out), arguments, 7, of)


@pytest.fixture
def order(tmp_path: Path, pretended: Pretended) -> ShareOrder:  # noqa: ARG001 (its commands)
    """Submitted: job array 1."""
    order = order_in(tmp_path, "evaluate", "--study", "my study.toml")
    Submission(order).write()
    step(order, ASKED)
    return order


def now(order: ShareOrder) -> Submission:
    return step(order, ASKED)[0]


def ended(order: ShareOrder, job: str, code: int, log: str = "") -> None:
    write_record(order.ending(job), {"exit_code": code})
    (order.folder / f"{job}.log").write_text(log)


def test_one_array(order: ShareOrder, pretended: Pretended) -> None:
    options = pretended.options("1")
    assert {"--array=1-3", f"--output={order.folder}/%A_%a.log", "--requeue", "--time=90"} <= set(options)
    assert pretended.states() == dict.fromkeys(["1_1", "1_2", "1_3"], "PENDING")
    submission = now(order)
    assert Submission.read(order.folder) == submission
    shown = [line.split()[:8] for line in submission.table().splitlines()[2:]]
    assert shown == [
        [f"1_{share}", "share", str(share), "of", "3", "PENDING", exams, "1"]
        for share, exams in ((1, "3"), (2, "2"), (3, "2"))
    ]


@pytest.mark.parametrize("state", ["NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT", "CANCELLED"])
def test_a_bad_end_is_tried_again_once(
    order: ShareOrder, pretended: Pretended, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bmseg.slurm.follow.time", SimpleNamespace(sleep=lambda _: None))
    pretended.set("1_1", state)
    pretended.set("1_2", "RUNNING")
    pretended.set("1_3", state)
    assert [job.id for job in now(order).jobs] == ["1_1", "1_2", "1_3", "4_1", "4_3"]
    assert "--array=1,3" in pretended.options("4")
    for job in ("1_2", "4_1"):
        pretended.set(job, "COMPLETED")
    pretended.set("4_3", state)
    told = (
        f"out, 7 exams in 3 jobs: share 3 of 3: job 4_3 {state}: it left no log .*; "
        "the same command tries again with the exams that are not scored yet"
    )
    with pytest.raises(WorkError, match=told):
        follow(order, ASKED)
    assert len(pretended.states()) == 5


def test_a_wrong_input_is_named_at_once_and_not_tried_again(
    order: ShareOrder, pretended: Pretended, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(order, "1_2", 2, f"share 2 of 3: ...\n{FAULTS}")
    pretended.set("1_2", "FAILED")
    submission = now(order)
    assert list(submission.given_up()) == ["share 2 of 3"]
    told = "share 2 of 3: job 1_2 FAILED: knee_a: net: found 9 | knee_d: net: found 7 (log: "
    assert told in capsys.readouterr().err
    assert len(pretended.states()) == 3


def test_of_many_faults_some_are_named(
    tmp_path: Path, pretended: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bmseg.slurm.follow.time", SimpleNamespace(sleep=lambda _: None))
    order = order_in(tmp_path, of=7)
    Submission(order).write()
    for job in [job.id for job in now(order).jobs]:
        ended(order, job, 2, FAULTS)
        pretended.set(job, "FAILED")
    with pytest.raises(WorkError) as caught:
        follow(order, ASKED)
    assert str(caught.value).count("net: found 7 (log: ") == 5
    assert f"; and 2 more, which 'bmseg jobs --evaluation {order.out}' shows; the same" in str(caught.value)


def test_a_killed_program_is_no_wrong_input(
    order: ShareOrder, pretended: Pretended, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an earlier run of the job had found wrong is not why it ended."""
    ended(order, "1_2", 137, f"{FAULTS}slurmstepd: error: oom_kill event\n")
    pretended.set("1_2", "FAILED")
    assert [job.id for job in now(order).jobs] == ["1_1", "1_2", "1_3", "4_2"]
    assert "share 2 of 3: job 1_2 FAILED: slurmstepd: error: oom_kill event (log" in capsys.readouterr().err


@pytest.mark.parametrize(("code", "state", "jobs"), [(0, "COMPLETED", 3), (1, "FAILED", 4), (2, "FAILED", 3)])
def test_a_task_that_slurm_has_forgotten(
    order: ShareOrder, pretended: Pretended, code: int, state: str, jobs: int
) -> None:
    ended(order, "1_2", code)
    pretended.set("1_2", "GONE")
    submission = now(order)
    assert submission.jobs[1].state == state
    assert len(submission.jobs) == jobs


def test_the_script_leaves_word_of_its_end(tmp_path: Path, pretended: Pretended) -> None:
    """In a folder with modules that are called as Python's are."""
    (tmp_path / "json.py").write_text("raise SystemExit(77)")
    order = order_in(tmp_path / "my $HOME", "no-such 'command'")
    Submission(order).write()
    step(order, ASKED)
    names = {"SLURM_ARRAY_JOB_ID": "1", "SLURM_ARRAY_TASK_ID": "2"}
    done = subprocess.run(
        ["sh"],
        input=pretended.script("1"),
        env=os.environ | names,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert "No such command \"no-such 'command'\"" in done.stderr
    assert [path.name for path in order.folder.glob("1_*")] == ["1_2.json"]
    assert json.loads(order.ending("1_2").read_text()) == {"exit_code": 2}


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An evaluation of three exams, of folders that are named from where they lie."""
    small_study(tmp_path, "[scores]\nmeasures = ['dice']\n")
    small_raters(tmp_path / "masks", "net")
    monkeypatch.chdir(tmp_path)
    # All in this process.
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    folders = [f"--reader={name}=masks/{name}" for name in ("reader1", "reader2")]
    return ["evaluate", "--study", "small.toml", *folders, "--prediction", "net=masks/net"]


def the_submission(out: Path) -> Submission:
    [found] = submissions(jobs_beside(out))
    return found


def interrupt(_: float) -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("no_figures")
def test_from_shares_to_one_evaluation(
    words: list[str], tmp_path: Path, pretended: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer exams than jobs; a share ends without its work, others are cancelled, all is done by hand."""
    slurm = ["-o", "out", "--on", "slurm", "--jobs", "5"]
    first = bmseg(*words, *slurm, "--detach")
    assert first.returncode == 0, first.stderr
    assert "3 exams: 3 jobs instead of 5" in first.stderr
    look = f"bmseg jobs --evaluation {tmp_path / 'out'}"
    assert f"submitted; '{look}' shows the jobs" in first.stderr
    arguments = the_submission(Path("out")).order.facts["arguments"]
    folders = [f"--reader reader{n}={tmp_path}/masks/reader{n}".split() for n in (1, 2)]
    assert list(arguments) == [
        "evaluate", "--study", f"{tmp_path}/small.toml", *folders[0], *folders[1],
        "--prediction", f"net={tmp_path}/masks/net", "--out", f"{tmp_path}/out",
    ]  # fmt: skip

    with monkeypatch.context() as patched:
        patched.setattr("bmseg.slurm.follow.time", SimpleNamespace(sleep=interrupt))
        stopped = bmseg(*words, *slurm)
    assert stopped.returncode == 130
    assert f"the jobs go on without this command: '{look}' shows them, '{look} --cancel'" in stopped.stderr
    assert len(pretended.states()) == 3

    other = bmseg(*words, *slurm, "--margin", "0.1")
    assert_refused(other, "share 1 of 3: found job 1_1 (PENDING) of evaluation")
    assert f"stop it: {look} --cancel" in other.stderr
    assert bmseg(*arguments, "--share", "1/3").returncode == 0
    pretended.set("1_1", "COMPLETED")
    pretended.set("1_2", "COMPLETED")
    again = bmseg(*words, *slurm, "--detach")
    assert "share 2 of 3: job 4_2 submitted" in again.stderr
    assert [job.id for job in the_submission(Path("out")).jobs] == ["1_1", "1_3", "4_2"]

    shown = bmseg(*look.split()[1:], "--cancel").stdout
    assert shown.startswith("2 jobs cancelled\n")
    assert [line.split()[0] for line in shown.splitlines()[3:]] == ["1_1", "4_2", "1_3"]
    for share in (2, 3):
        assert bmseg(*arguments, "--share", f"{share}/3").returncode == 0
    joined = bmseg(*words, *slurm)
    assert joined.returncode == 0, joined.stderr
    assert "all exams are scored already" in joined.stderr
    assert f"{len(SMALL_EXAMS)} of 3 exams had been scored from the same files before" in joined.stdout
    assert len(pretended.states()) == 4
    assert "already made from the same inputs: out" in bmseg(*words, *slurm).stdout


def test_of_a_workspace(tmp_path: Path, pretended: Pretended, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its jobs are on record with its trainings; `-w` is said to tasks as the variable is not."""
    workspace, study = open_workspace(tmp_path / "ws", small_study(tmp_path), create=True)
    dataset = RawDataset.create(workspace.nnunet_raw, study.dataset_spec)
    raters = small_raters(tmp_path / "masks", "net")
    for name, folder in {**raters.readers, **raters.models}.items():
        there = workspace.predictions(name) if name == "net" else dataset.readers_folder(name)
        there.mkdir(parents=True)
        for exam in SMALL_EXAMS[:2]:
            shutil.copy(folder / f"{exam}.nii.gz", there)
    (dataset.folder / "dataset.json").write_text("{}")
    pd.DataFrame({"exam": SMALL_EXAMS[:2], "split": "test"}).to_csv(dataset.cohort_path, index=False)
    monkeypatch.setenv("BMSEG_WORKSPACE", "ws")
    monkeypatch.chdir(tmp_path)
    result = bmseg("evaluate", "--margin", "0.1", "--on", "slurm", "--jobs", "2", "--detach")
    assert result.returncode == 0, result.stderr
    assert "submitted; 'bmseg jobs' shows the jobs" in result.stderr
    [found] = submissions(workspace.jobs)
    monkeypatch.setenv("BMSEG_WORKSPACE", "elsewhere")
    arguments = found.order.facts["arguments"]
    assert list(arguments) == ["evaluate", "-w", str(workspace.root), "--margin", "0.1"]
    assert bmseg(*arguments, "--share", "2/2").stdout.startswith("share 2 of 2: 1 exam scored")
    shown = bmseg("jobs", "-w", workspace.root).stdout.splitlines()
    assert shown[0].startswith(f"evaluation {workspace.evaluation}, 2 exams in 2 jobs (submitted ")
    assert [line.split()[0] for line in shown[2:]] == list(pretended.states())


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--jobs", "2"], "--jobs: found with --on here, expected with --on slurm"),
        (["--memory", "2G"], "--memory: found with --on here, expected with --on slurm"),
        (["--on", "slurm"], "--on slurm needs --jobs, how many share the exams, and no --share of yours"),
        (["--on", "slurm", "--jobs", "2", "--share", "1/2"], "and no --share of yours"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], more: list[str], told: str) -> None:
    result = bmseg(*words, "-o", "out", *more)
    assert_refused(result, told)
    assert not Path("out").exists()


def test_no_jobs_of_an_evaluation(tmp_path: Path) -> None:
    shown = bmseg("jobs", "--evaluation", tmp_path / "out")
    assert shown.stdout == f"no jobs: nothing was submitted of this evaluation: {tmp_path / 'out'}\n"
