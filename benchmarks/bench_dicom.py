"""How long it takes to convert 50 knee-sized exams from DICOM, next to dcm2niix; and whether voxels agree.

Both run as programs of their own on the same folder, and both write gzip'd NIfTI. Ours chooses the water
images, checks slices, orientation and identity of every exam, brings it to the study's array order and
writes it without any identity; dcm2niix stacks what it finds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

from benchmarks.dcm2niix import SeriesComparison, compare_folder, run_dcm2niix
from benchmarks.dicom_exams import COLUMNS, ROWS, SLICES, write_dicom_exams
from benchmarks.timing import Row, paired

EXAMS = 50
#: How dcm2niix compresses; ours is ISA-L's level 3.
PEERS = {"-z y (level 6)": ("-z", "y"), "-z y -1 (level 1)": ("-z", "y", "-1")}


def bench_dicom(repeats: int = 5, exams: int = EXAMS) -> list[Row]:
    """Time both programs, dcm2niix at its own level of compression and at its fastest.

    Raises
    ------
    RuntimeError
        When one of them does not write an image of every exam.
    """
    with tempfile.TemporaryDirectory() as name:
        source, out = Path(name) / "exams", Path(name) / "out"
        write_dicom_exams(source, exams)

        def ours() -> None:
            _empty(out)
            _run_ours(source, out)
            _check_count(out, exams)

        def peer(options: tuple[str, ...]) -> None:
            _empty(out)
            run_dcm2niix(source, out, "-b", "n", *options)
            _check_count(out, exams)

        ours()
        title = (
            f"`bmseg convert dicom`, {exams} exams of {COLUMNS}x{ROWS}x{SLICES}, "
            f"gzip by ISA-L level 3, {_megabytes(out):.0f} MB"
        )
        rows = []
        for level, options in PEERS.items():
            peer(options)
            peer_title = f"dcm2niix {level}, {_megabytes(out):.0f} MB"
            rows.append(paired(title, peer_title, ours, partial(peer, options), repeats))
        return rows


def _run_ours(source: Path, out: Path) -> None:
    program = Path(sys.executable).with_name("bmseg")
    done = subprocess.run(
        [program, "convert", "dicom", str(source), "-w", str(out)], capture_output=True, text=True
    )
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if line.startswith(("refused:", "Error:"))]
        raise RuntimeError(f"bmseg convert dicom: {' '.join([*told[:1], *told[-1:]])}")


def _empty(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*.nii.gz")) / 1e6


def _check_count(out: Path, exams: int) -> None:
    if (found := len(list(out.rglob("*.nii.gz")))) != exams:
        raise RuntimeError(f"{out.name}: found {found} images, expected {exams}")


def compare_dicom() -> str:
    """Every series of the real images, ours next to dcm2niix's, as a Markdown table.

    Raises
    ------
    FileNotFoundError
        When the real images are not there.
    """
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    source = Path(os.environ.get("BMSEG_TEST_DATA", beside))
    if not source.is_dir():
        raise FileNotFoundError("real images are not here: set BMSEG_TEST_DATA to their folder")
    return render(compare_folder(source))


def render(compared: list[SeriesComparison]) -> str:
    """The table of a comparison."""
    lines = [
        "| folder | series | ours | dcm2niix | voxels equal |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in compared:
        ours = f"{len(row.names)} volumes" if len(row.names) > 1 else "1 volume" if row.names else ""
        refused = [f"refused: {reason}" for reason in row.refused]
        cells = [
            row.folder.as_posix(), row.series, "; ".join(filter(None, [ours, *refused])),
            f"{row.parts} volumes" if row.parts > 1 else "1 volume" if row.parts else "none", _verdict(row),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _verdict(row: SeriesComparison) -> str:
    if not row.names:
        return "not compared"
    if wrong := [difference for difference in row.differences if difference]:
        return f"no: {'; '.join(f'{text} ({count})' for text, count in Counter(wrong).items())}"
    return "yes, exactly" if row.worst == 0 else f"yes, to {row.worst:.0e} of the value"
