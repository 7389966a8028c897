"""Measure everything in one run and write RESULTS.md: ``python -m benchmarks``; or some parts, by name.

Every part that is done is written at once in its place, and what the other parts found before stays. Times
(``speed``, ``room``) want an idle machine; the parts by simulation take most of the whole, and any machine.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.timing import Row

RESULTS = Path(__file__).parent / "RESULTS.md"
SURFACE_PEERS = ["surface-distance-based-measures", "numpy", "scipy"]
PEERS = ["SimpleITK", "nnunetv2", "torch", "dcm2niix", "numpy", "nibabel", "pydicom"]

#: The sections of RESULTS.md in order, by title.
SPEED = "Speed next to named peers"
SURFACES = "Surfaces and foci"
RANKING = "Ranking"
ROOM = "The reading room"
VIEWER = "The viewer of exams"
TRAINING = "Training on a CPU"
LEVEL3 = "The sparse level 3"
TRUTH = "Consensus rules beside a known truth"
VERDICTS = "Verdicts beside a known truth"
EXCHANGEABLE = "One more reader"
RANKS = "Rank intervals beside true ranks"
TEACHERS = "Whose masks teach"
SEEDS = "Intervals over exams and seeds"
SCALE = "Many exams"
#: These two are written by hand, and kept: no part measures them.
LIMITS = "Many readers, models and labels"
FULL = "The full profile on a GPU"
VOXELS = "DICOM: the same voxels as dcm2niix"
SECTIONS = (
    SPEED,
    SURFACES,
    RANKING,
    ROOM,
    VIEWER,
    TRAINING,
    LEVEL3,
    TRUTH,
    VERDICTS,
    EXCHANGEABLE,
    RANKS,
    TEACHERS,
    SEEDS,
    SCALE,
    LIMITS,
    FULL,
    VOXELS,
)

_SPEED = """\
Written by `make bench`. Ours and the peer run in turn, in one process (dcm2niix, `bmseg
convert` and trainings as programs of their own); times are medians, the ratio is the median of
peer / ours pair by pair, with its lowest and highest.
"""

_SURFACES = """\
One exam, four readers and two models, three levels: raters against the study's consensus, the yardstick and
the yardsticks that leave a reader out, readers against each other, models against readers. Ours is timed on
all pairs, peers in turn on every third, their times multiplied; panoptica 2.1.7 by a Python of its own
(`BMSEG_PANOPTICA_PYTHON`), each mask as one instance, our side by its convention. Foci: the same counts as
panoptica's, all pairs of both.
"""

_VOXELS = """\
Every series of the real images that tests use (`BMSEG_TEST_DATA`), read by ours and by
`dcm2niix -p n -m o`, compared in world coordinates: whole values exactly, others to 1e-4 of the value,
corners to 0.001 mm. What ours refuses, dcm2niix stacks.
"""

_TRUTH = """\
Mean Dice of each consensus with the truth, over levels that it holds and over 3, 4 and 6 readers, by way
of erring (`benchmarks/families.py`; calibrated: the phantom's four readers); over the volume, or the union.
Seeds that were not looked at while the default was chosen. Largest regret: how far below the best of a family
at most. Pairs in order: pairs of simulated models that stand as the truth puts them.
"""

_VERDICTS = """\
Pairs of simulated models on the phantom's test exams (ten seeds): how often "better" is said, and is wrong.
"""

_EXCHANGEABLE = """\
Five draws of one reader and a sixth as the model, ten exams: nothing is to be found, and yet
interchangeability is clear on a level, or the fair verdict says better, worse or split.
"""

_RANKS = """\
Six algorithms with near ties and true ones, on simulated boards: how often the intervals hold all true
ranks at once, and how many ranks one holds on average.
"""

_TEACHERS = """\
nnU-Net taught by one reader, by the readers' consensus, by all readers and by shares of their votes, beside a
residual encoder and a U-Net (`benchmarks/teachers.py`): what the fair yardstick says of them, and the truth.
"""

_SEEDS = """\
Two methods without a difference, several seeds of each (`benchmarks/seeds.py`): how often 95 % intervals of
the mean difference hold 0, over exams and seeds, and as they would be over exams alone.
"""

_SCALE = """\
`bmseg evaluate` of five readers and ten models of knee size (`benchmarks/scale.py`), by Dice alone and by the
eight measures of ordinal studies: memory is that of all processes together.
"""

#: Markdown of a section, without its title.
Section = str
_MINUTE = 60


def main() -> None:
    """Run the parts asked for; every row of the first is a paired comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", help=f"of {', '.join(PARTS)}; by default all but {', '.join(_BY_NAME)}"
    )
    asked = parser.parse_args().parts
    if unknown := [name for name in asked if name not in PARTS]:
        parser.error(f"part '{unknown[0]}': expected one of {', '.join(PARTS)}")
    for name in asked or [part for part in PARTS if part not in _BY_NAME]:
        begun = time.perf_counter()
        print(f"{name} ...", flush=True)
        made = PARTS[name]()
        took = time.perf_counter() - begun
        RESULTS.write_text(with_sections(RESULTS.read_text(encoding="utf-8"), made), encoding="utf-8")
        print("\n".join(made.values()), f"{name}: {took / _MINUTE:.1f} min", sep="\n", flush=True)


def with_sections(text: str, made: Mapping[str, str]) -> str:
    """RESULTS.md with some of its sections new, each by title and without it; those of no part are gone."""
    old = {}
    for section in ("\n" + text).split("\n## "):
        title, _, body = section.lstrip("\n").removeprefix("# ").partition("\n")
        old[title.strip()] = body.strip("\n") + "\n"
    sections = old | dict(made)
    return "\n".join(
        f"{'#' if title == SPEED else '##'} {title}\n\n{sections[title].strip(chr(10))}\n"
        for title in SECTIONS
        if title in sections
    )


def _speed() -> dict[str, Section]:
    from benchmarks.bench_consensus import bench_consensus
    from benchmarks.bench_dicom import bench_dicom
    from benchmarks.bench_ranking import bench_ranking
    from benchmarks.bench_scoring import bench_scoring
    from benchmarks.bench_study import bench_study
    from benchmarks.bench_training import bench_training

    rows = [*bench_consensus(), *bench_study(), *bench_scoring(), *bench_dicom()]
    ranking_rows, ranking = bench_ranking()
    training_rows, training = bench_training()
    table = _render([*rows, *ranking_rows, *training_rows], PEERS)
    return {SPEED: f"{_SPEED}\n{table}", RANKING: _body(ranking), TRAINING: _body(training)}


def _surfaces() -> dict[str, Section]:
    from benchmarks.bench_foci import bench_foci
    from benchmarks.bench_surfaces import bench_surfaces

    return {SURFACES: f"{_SURFACES}\n{_render([*bench_surfaces(), *bench_foci()], SURFACE_PEERS)}"}


def _room() -> dict[str, Section]:
    from benchmarks.bench_reading_room import bench_reading_room
    from benchmarks.bench_viewer import bench_viewer

    return {ROOM: _body(bench_reading_room()), VIEWER: _body(bench_viewer())}


def _truth() -> dict[str, Section]:
    from benchmarks import truth

    return {TRUTH: _simulated(_TRUTH, lambda: truth.report(truth.run()))}


def _verdicts() -> dict[str, Section]:
    from benchmarks import verdicts

    return {VERDICTS: _simulated(_VERDICTS, lambda: verdicts.report(verdicts.run()))}


def _exchangeable() -> dict[str, Section]:
    from benchmarks import exchangeable

    return {EXCHANGEABLE: _simulated(_EXCHANGEABLE, lambda: exchangeable.report(exchangeable.run()))}


def _ranks() -> dict[str, Section]:
    from benchmarks import rank_coverage

    return {RANKS: _simulated(_RANKS, lambda: rank_coverage.render(rank_coverage.run()))}


def _teachers() -> dict[str, Section]:
    from benchmarks import teachers

    return {TEACHERS: _simulated(_TEACHERS, teachers.teachers)}


def _seeds() -> dict[str, Section]:
    from benchmarks import seeds

    return {SEEDS: _simulated(_SEEDS, lambda: seeds.render(seeds.run()))}


def _scale() -> dict[str, Section]:
    from benchmarks import scale

    found = (run for which in ("DICE", "ALL") for run in scale.runs(which, (100, 1000)))
    return {SCALE: _simulated(_SCALE, lambda: scale.render(found))}


def _level3() -> dict[str, Section]:
    from benchmarks.level3 import level3

    return {LEVEL3: f"{level3()}\n{datetime.date.today()}: on {os.cpu_count()} cores.\n"}


def _voxels() -> dict[str, Section]:
    from benchmarks.bench_dicom import compare_dicom

    return {VOXELS: f"{_VOXELS}\n{compare_dicom()}"}


#: Imported when they are run: processes started anew import this module.
PARTS: dict[str, Callable[[], dict[str, Section]]] = {
    "speed": _speed,
    "surfaces": _surfaces,
    "room": _room,
    "voxels": _voxels,
    "truth": _truth,
    "verdicts": _verdicts,
    "exchangeable": _exchangeable,
    "ranks": _ranks,
    "teachers": _teachers,
    "seeds": _seeds,
    "scale": _scale,
    "level3": _level3,
}
#: Not among all: dozens of trainings, and an evaluation of 1,000 exams by eight measures, which take hours.
_BY_NAME = ("teachers", "level3", "scale")


def _simulated(words: str, run: Callable[[], str]) -> Section:
    """What it is, what was found, and when."""
    begun = time.perf_counter()
    found = run().strip("\n")
    minutes = (time.perf_counter() - begun) / _MINUTE
    return f"{words}\n{found}\n\n{datetime.date.today()}: {minutes:.1f} min on {os.cpu_count()} cores.\n"


def _body(section: str) -> Section:
    """Without its title."""
    return section.partition("\n")[2].strip("\n") + "\n"


def _render(rows: list[Row], peers: Sequence[str]) -> str:
    lines = [
        "| what | peer | bmseg | peer takes | ratio (lowest to highest) |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.name} | {row.peer_name} | {_time(row.ours)} | {_time(row.peer)} | "
        f"**{row.ratio:.1f}** ({row.lowest:.1f} to {row.highest:.1f}) |"
        for row in rows
    ]
    versions = ", ".join(f"{name} {version(name)}" for name in peers)
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
