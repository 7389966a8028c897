"""How do time and memory of an evaluation grow with exams? ``python -m benchmarks.scale DICE|ALL EXAMS ...``

Five readers and ten models of knee size. The phantom's exams are read by its four readers and by eleven
twins of theirs with a hand of their own; further exams are the same shifted and mirrored, all raters alike:
masks as many, as large and as sparse as real ones. ``bmseg evaluate`` runs as a program of its own; its
memory is that of all its processes together, looked at ten times a second.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.processes import in_processes
from dataset_conversion.images import Volume, write_volume
from dataset_conversion.phantom.cohort import plan_cohort, simulate_body
from dataset_conversion.phantom.fields import generator
from dataset_conversion.phantom.readers import READERS, Perturbation, calibrated_readers, look_at

RATERS = [*(f"reader{n}" for n in range(1, 6)), *(f"model{n:02}" for n in range(1, 11))]
_STUDY = """\
name = "scale"
title = "Simulated masks of knee size"
plane = "coronal"
levels = [
  { value = 1, name = "level1", color = "#ff8c00" },
  { value = 2, name = "level2", color = "#cc0000" },
  { value = 3, name = "level3", color = "#6a0dad" },
]
readers = [READERS]
[scores]
measures = [MEASURES]
"""
_DEFAULT = [
    "dice",
    "nsd@readers",
    "hd95",
    "assd",
    "volume_difference",
    "foci_f1",
    "foci_sensitivity",
    "foci_false",
]


class Run(NamedTuple):
    """One evaluation: wall and CPU seconds, MiB of all processes at once and of the first, MiB on disk."""

    exams: int
    measures: int
    wall: float
    cpu: float
    peak: float
    first: float
    disk: float


def make_study(folder: Path, n: int, measures: Sequence[str]) -> Path:
    """Write masks of `n` exams, and a study file, which is answered."""
    folder.mkdir(parents=True, exist_ok=True)
    study = folder / "study.toml"
    readers = ", ".join(f'{{ name = "{name}" }}' for name in RATERS[:5])
    named = ", ".join(f'"{name}"' for name in measures)
    study.write_text(_STUDY.replace("READERS", readers).replace("MEASURES", named))
    base = (
        in_processes(_read, range(10))
        if not (folder / RATERS[-1] / f"exam_{n - 1:04}.nii.gz").exists()
        else []
    )
    for number, (affine, masks) in enumerate(islice(cycle(base), n)):
        rng = np.random.default_rng(number)
        shift = tuple(int(each) for each in rng.integers(-20, 21, 2))
        mirrored = rng.random() < 0.5
        for rater, mask in masks.items():
            path = folder / rater / f"exam_{number:04}.nii.gz"
            if not path.exists():
                moved = np.roll(mask, shift, axis=(0, 1))
                write_volume(path, Volume(np.ascontiguousarray(moved[::-1] if mirrored else moved), affine))
    return study


def _read(number: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The masks of one exam of the phantom, by rater."""
    parameters, seed = calibrated_readers(), 5
    planned = plan_cohort(training=1, seed=seed)[1 + number]
    body, exam = simulate_body(planned, seed=seed), planned.identifier
    region = body.anatomy.region
    seen = look_at(
        body.grid, region, body.marrow, readers=READERS, scale=parameters.scale, seed=seed, exam=exam
    )
    masks = {}
    for rater, reader in zip(RATERS, cycle(READERS)):
        own = seen
        if rater not in READERS:
            stream = generator(seed, exam, f"twin {rater}")
            own = replace(seen, own={reader: Perturbation.draw(body.grid, region, parameters.scale, stream)})
        masks[rater] = np.zeros(region.shape, np.uint8)
        masks[rater][region] = own.read(reader, parameters)
    return body.grid.affine, masks


def measure(folder: Path, study: Path, out: Path, n_measures: int) -> Run:
    """Evaluate what `make_study` wrote."""
    command = [
        str(Path(sys.executable).with_name("bmseg")),
        "evaluate",
        "--study",
        str(study),
        "-o",
        str(out),
        "--synthetic",
    ]
    for rater in RATERS:
        command += ["--reader" if rater in RATERS[:5] else "--prediction", f"{rater}={folder / rater}"]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    sampled = Sampler(process.pid)
    sampled.start()
    code = process.wait()
    wall = time.perf_counter() - begun
    sampled.join()
    if code:
        raise RuntimeError(f"evaluate ended with {code}")
    disk = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 2**20
    n = len([*(folder / RATERS[0]).iterdir()])
    return Run(n, n_measures, wall, sampled.cpu, sampled.peak, sampled.first, disk)


class Sampler(threading.Thread):
    """Most memory (MiB) of a process and all below it, while it lives, and their CPU seconds; of Linux."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self.first, self._cpu = pid, 0.0, 0.0, dict[int, float]()

    @property
    def cpu(self) -> float:
        """CPU seconds of all."""
        return sum(self._cpu.values())

    def run(self) -> None:
        """Look ten times a second."""
        page, tick = os.sysconf("SC_PAGE_SIZE") / 2**20, os.sysconf("SC_CLK_TCK")
        while True:
            parents, held = {}, {}
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    of = (folder / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                pid = int(folder.name)
                parents[pid], held[pid] = int(of[1]), (int(of[21]) * page, (int(of[11]) + int(of[12])) / tick)
                if pid == self.pid and of[0] == "Z":
                    return
            if self.pid not in parents:
                return
            ours = {self.pid}
            while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
                ours |= more
            self._cpu |= {pid: held[pid][1] for pid in ours}
            self.peak = max(self.peak, sum(held[pid][0] for pid in ours))
            self.first = max(self.first, held[self.pid][0])
            time.sleep(0.1)


def runs(which: str, sizes: Sequence[int]) -> Iterator[Run]:
    """Of each number of exams; masks stay for the next time, and so do exams scored where a run is stopped.

    Times of a run that went on are those of its last part, and it says so.
    """
    root = Path(tempfile.gettempdir()) / "bmseg_scale"
    measures = _DEFAULT if which == "ALL" else ["dice"]
    for n in sizes:
        folder, out = root / str(n), root / f"{which}_{n}"
        study = make_study(folder, n, measures)
        if earlier := len(list((out / ".scored").glob("*.zip"))):
            print(f"{n} exams: {earlier} were scored before; times are of the rest", flush=True)
        yield measure(folder, study, out, len(measures))
        shutil.rmtree(out)


def render(found: Iterable[Run]) -> str:
    """A row a run."""
    rows = [
        "| exams | measures | wall s | CPU s | memory, MiB | of the first process | results, MiB |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    return "\n".join([*rows, *(f"| {' | '.join(f'{value:.0f}' for value in run)} |" for run in found)])


def main() -> None:
    """Print a line a run."""
    which, *sizes = sys.argv[1:]
    for run in runs(which, [int(n) for n in sizes]):
        print(run, flush=True)


if __name__ == "__main__":
    main()
