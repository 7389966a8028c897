"""An evaluation on a real Slurm, a task of its array killed while it works."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bmseg.slurm.shares import jobs_beside
from bmseg.slurm.submission import submissions
from tests.support.command_line import bmseg
from tests.support.slurm_cluster import check_slurm_answers, stop_jobs, wait_until
from tests.support.studies import small_raters, small_study

pytestmark = pytest.mark.slow


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Path]:
    """Of an evaluation whose jobs are stopped when the test ends."""
    check_slurm_answers()
    out = tmp_path / "out"
    yield out
    stop_jobs(jobs_beside(out))


def kill_a_task(out: Path) -> str:
    """Kill the program of the second share when it works; the task."""
    jobs = jobs_beside(out)
    [submission] = wait_until(lambda: [one for one in submissions(jobs) if one.jobs], 60, "submitted")
    task = submission.jobs[1].id
    [program] = wait_until(lambda: running("--share", "2/2", str(out)), 60, "the second share at work")
    os.kill(program, signal.SIGKILL)
    return task


def running(*words: str) -> list[int]:
    """Processes that were started with words."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if {*words} <= {*(process / "cmdline").read_text(errors="replace").split("\0")}:
                found.append(int(process.name))
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".scored" not in path.parts
    }


@pytest.mark.usefixtures("no_figures")
def test_a_killed_share_is_tried_again(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables, consensuses and record are, byte for byte, those of a plain run."""
    study = small_study(tmp_path, "[scores]\nmeasures = ['dice']\n")
    small_raters(tmp_path / "masks", "net")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    folders = [f"--reader={name}=masks/{name}" for name in ("reader1", "reader2")]
    words = ["evaluate", "--study", study.name, *folders, "--prediction=net=masks/net", "-o"]
    with ThreadPoolExecutor(1) as others:
        killed = others.submit(kill_a_task, out)
        joined = bmseg(*words, "out", "--on", "slurm", "--jobs", 2, "--cpus", 1, "--time", 5)
        assert joined.returncode == 0, joined.stderr
    assert f"share 2 of 2: job {killed.result()} FAILED: " in joined.stderr
    assert "3 of 3 exams had been scored from the same files before" in joined.stdout
    [submission] = submissions(jobs_beside(out))
    assert [job.part for job in submission.jobs] == ["share 1 of 2", "share 2 of 2", "share 2 of 2"]
    assert [job.state for job in submission.jobs] == ["COMPLETED", "FAILED", "COMPLETED"]

    assert bmseg(*words, "plain").returncode == 0
    assert contents(out) == contents(tmp_path / "plain")
