"""Measure everything in one run and write RESULTS.md."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import version
from pathlib import Path

from benchmarks import truth, verdicts
from benchmarks.bench_consensus import bench_consensus
from benchmarks.bench_dicom import bench_dicom, compare_dicom
from benchmarks.bench_ranking import bench_ranking
from benchmarks.bench_reading_room import bench_reading_room
from benchmarks.bench_scoring import bench_scoring
from benchmarks.bench_study import bench_study
from benchmarks.bench_training import bench_training
from benchmarks.full_profile import full_profile
from benchmarks.timing import Row

RESULTS = Path(__file__).parent / "RESULTS.md"
PEERS = ["SimpleITK", "nnunetv2", "torch", "dcm2niix", "numpy", "nibabel", "pydicom"]


_VOXELS = """## DICOM: the same voxels as dcm2niix

Every series of the real images that tests use (`BMSEG_TEST_DATA`), read by ours and by
`dcm2niix -p n -m o`, compared in world coordinates: whole values exactly, others to 1e-4 of the value,
corners to 0.001 mm. What ours refuses, dcm2niix stacks.
"""


_TRUTH = """## Consensus rules beside a known truth

Mean Dice of each consensus with the truth, over levels that it holds and over 3, 4 and 6 readers, by way
of erring (`benchmarks/families.py`; calibrated: the phantom's four readers); over the volume, or the union.
Seeds that were not looked at while the default was chosen. Largest regret: how far below the best of a family
at most. Pairs in order: pairs of simulated models that stand as the truth puts them.
"""


_VERDICTS = """## Verdicts beside a known truth

Pairs of simulated models on the phantom's test exams (ten seeds): how often "better" is said, and is wrong.
"""


_FULL = """## The full profile on a GPU
"""


def main() -> None:
    """Run all benchmarks; every row is a paired comparison."""
    voxels = compare_dicom()
    rows = [*bench_consensus(), *bench_study(), *bench_scoring(), *bench_dicom()]
    ranking_rows, ranking = bench_ranking()
    training_rows, training = bench_training()
    table = _render([*rows, *ranking_rows, *training_rows])
    room = bench_reading_room()
    known = f"{_TRUTH}\n{truth.report(truth.run())}\n{_VERDICTS}\n{verdicts.report(verdicts.run())}"
    text = f"{table}\n{ranking}\n{room}\n{training}\n{known}\n{_FULL}\n{full_profile()}\n{_VOXELS}\n{voxels}"
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


def _render(rows: list[Row]) -> str:
    lines = [
        "# Speed next to named peers",
        "",
        "Written by `make bench`. Ours and the peer run in turn, in one process (dcm2niix, `bmseg",
        "convert` and trainings as programs of their own); times are medians, the ratio is the median of",
        "peer / ours pair by pair, with its lowest and highest.",
        "",
        "| what | peer | bmseg | peer takes | ratio (lowest to highest) |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.name} | {row.peer_name} | {_time(row.ours)} | {_time(row.peer)} | "
        f"**{row.ratio:.1f}** ({row.lowest:.1f} to {row.highest:.1f}) |"
        for row in rows
    ]
    versions = ", ".join(f"{name} {version(name)}" for name in PEERS)
    lines += [
        "",
        f"{datetime.date.today()}: {os.cpu_count()} cores ({_processor()}), {platform.system()}, "
        f"Python {platform.python_version()}, {versions}.",
    ]
    return "\n".join(lines) + "\n"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
