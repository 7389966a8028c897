"""A running Slurm for tests, a workspace whose folds train within seconds, and patience."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bmseg.slurm.submission import submissions
from bmseg.workspace import Workspace, open_workspace
from dataset_conversion.images import Volume
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import Exam

PROGRAM = Path(sys.executable).parent / "bmseg"
STUDY = """
name = "small"
title = "Small"
citation = "none"
plane = "coronal"
training_reader = "reader1"
channels = [{ name = "water" }]
levels = [
    { value = 1, name = "level1", color = "#ff8c00" },
    { value = 2, name = "level2", color = "#ff0000" },
]
readers = [{ name = "reader1" }, { name = "reader2" }]
[dataset]
id = 501
name = "Small"
[scores]
measures = ["dice"]
"""
AFFINE = np.array([[0.9, 0, 0, -20.5], [0, 0, 3.5, 7.25], [0, 0.9, 0, -31.0], [0, 0, 0, 1.0]])
FOLDS = 5
TEST_EXAMS = ["knee_5", "knee_6"]


def check_slurm_answers() -> None:
    """Skip where no Slurm answers that has a node to work on."""
    if shutil.which("sinfo") is None:
        pytest.skip("Slurm is not installed: apt install slurm-wlm munge, then .ci/start_slurm")
    usable = ["sinfo", "--noheader", "--states=idle,mixed,allocated"]
    asked = subprocess.run(usable, capture_output=True, text=True, timeout=60)
    if asked.returncode or not asked.stdout.strip():
        pytest.skip("no Slurm with a usable node answers: start one with .ci/start_slurm")


def write_workspace(folder: Path) -> Workspace:
    """Five training exams, one a fold, and two test exams with two readers; planned for nnunet."""
    from bmseg.methods import get_method
    from bmseg.methods.profiles import QUICK
    from bmseg.nnunet import plan

    study_file = folder / "small.toml"
    study_file.write_text(STUDY)
    workspace, study = open_workspace(folder / "workspace", study_file, create=True)
    dataset = RawDataset.create(workspace.nnunet_raw, study.dataset_spec)
    rng = np.random.default_rng(3)
    rows = []
    for number in range(FOLDS + len(TEST_EXAMS)):
        signal = gaussian_filter(rng.normal(size=(40, 36, 5)), (4, 4, 1))
        signal /= signal.std()
        image = Volume(
            (100 + 60 * signal + 5 * rng.normal(size=signal.shape)).clip(0).astype(np.uint16), AFFINE
        )
        limits = {"reader1": [0.8, 1.6], "reader2": [0.9, 1.5]}
        masks = {
            who: Volume(np.digitize(signal, edges).astype(np.uint8), AFFINE) for who, edges in limits.items()
        }
        split = "training" if number < FOLDS else "test"
        if split == "training":
            masks.pop("reader2")
        dataset.add(Exam(f"knee_{number}", split, {"water": image}, masks))
        rows.append({"exam": f"knee_{number}", "split": split})
    dataset.finish(rows, seed=0, folds=FOLDS)
    plan(workspace, QUICK, [get_method("nnunet")])
    return workspace


def wait_until(true: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := true():
            return answer
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s: {what}")


def stop_jobs(folder: Path) -> None:
    """Cancel whatever is on record in a folder of submissions, and wait until it is gone."""
    jobs = [job.id for one in submissions(folder) for job in one.jobs]
    if not jobs:
        return
    subprocess.run(["scancel", "--quiet", *jobs], check=False)
    # All jobs, of which ours are looked for: asked for a job that it has forgotten, squeue fails.
    queue = ["squeue", "--noheader", "--array", "--format=%i"]
    wait_until(
        lambda: not set(jobs) & set(subprocess.run(queue, capture_output=True, text=True).stdout.split()),
        60,
        "jobs gone",
    )


@pytest.fixture(scope="session")
def planned_for_slurm(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    check_slurm_answers()
    return write_workspace(tmp_path_factory.mktemp("slurm"))


@pytest.fixture
def on_slurm(planned_for_slurm: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of the planned workspace; its jobs are stopped when the test ends."""
    root = tmp_path / "workspace"
    shutil.copytree(planned_for_slurm.root, root)
    workspace = Workspace(root, planned_for_slurm.dataset_folder)
    yield workspace
    stop_jobs(workspace.jobs)
