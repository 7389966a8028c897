"""The scoring program on Codabench.

Relied on: codabench's documentation, "Competition Bundle Structure" (``metadata.yaml`` with ``command``;
``scores.json`` with the leaderboard's column keys), "Submission Docker Container Layout"
(``/app/input/ref``, ``/app/input/res``, ``/app/output``), "Detailed Results and Visualizations"
(``detailed_results.html``), and the compute worker's source (``compute_worker.py``: no scores.json means that
the submission failed, whatever the exit code; a file ``metadata`` of the worker's own lies among a
submission's results). Copies of 2025 to 2026, read on 2026-11-22.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from bmseg.errors import InputError
from bmseg.leaderboard.platforms.bundle import Organised
from bmseg.leaderboard.platforms.scored import (
    ScoredSubmission,
    SubmissionError,
    level_keys,
    number,
    print_faults,
    print_scores,
    score_on_platform,
)
from bmseg.leaderboard.scoring import SCORED
from dataset_conversion.files import write_text

#: Written by Codabench's worker beside what a participant submitted.
_WORKERS_FILE = "metadata"


def main(source: Path, output: Path) -> int:
    """Score what Codabench unpacked.

    Parameters
    ----------
    source : Path
        With ``ref``, the reference data, and ``res``, the submission.
    output : Path
        Gets ``scores.json`` and ``detailed_results.html``; neither, where the submission is refused.

    Returns
    -------
    int
        The exit code: 2 where the submission is refused, with every fault on stderr.
    """
    with tempfile.TemporaryDirectory() as scratch:
        submission = Path(scratch) / "submission.zip"
        _zip_again(source / "res", submission)
        try:
            scored = score_on_platform(submission, Organised.unpacked(source / "ref"))
        except SubmissionError as refused:
            print_faults(refused)
            return 2
        except InputError as error:
            print_faults(SubmissionError([str(error)]))
            return 2
    print_scores(scored)
    write_text(output / "detailed_results.html", _detailed(scored))
    write_text(output / "scores.json", json.dumps(scores(scored), allow_nan=False) + "\n")
    return 0


def scores(scored: ScoredSubmission) -> dict[str, float]:
    """Column keys to numbers; a mean that is undefined has no key, for Codabench takes numbers only."""
    keys = level_keys(scored.board.study.level_names)
    named = {"score": number(scored.score)}
    for yardstick, means in scored.means.items():
        named |= {f"{yardstick}_{keys[level]}": number(mean) for level, mean in means.items()}
    return {name: value for name, value in named.items() if value is not None} | scored.counts()


def _zip_again(folder: Path, path: Path) -> None:
    """Undo the worker's unpacking: a ZIP that passes the participant's own check passes this one.

    What is no plain file becomes an entry of its kind without contents, which the check refuses.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for file in _submitted(folder):
            mode = file.lstat().st_mode
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix())
            entry.create_system, entry.external_attr = 3, mode << 16
            with archive.open(entry, "w", force_zip64=True) as target:
                if stat.S_ISREG(mode):
                    with file.open("rb") as content:
                        shutil.copyfileobj(content, target, 1 << 20)


def _submitted(folder: Path) -> Iterator[Path]:
    """Everything below a folder that is no folder, but the worker's own file; links are not followed."""
    for root, folders, files in os.walk(folder):
        for path in (Path(root) / name for name in sorted([*folders, *files])):
            is_workers = path == folder / _WORKERS_FILE and path.is_file()
            if not is_workers and (path.is_symlink() or not path.is_dir()):
                yield path


def _detailed(scored: ScoredSubmission) -> str:
    tables = []
    for name, table in scored.scores.items():
        shown = table.assign(dice=table.dice.map("{:.4f}".format).where(table.status == SCORED, table.status))
        wide = shown.pivot(index="exam", columns="level", values="dice")[scored.board.study.level_names]
        tables.append(f"<h2>Dice, {name} yardstick</h2>\n{_html(wide)}")
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Dice by exam</title>\n'
        "<p>undefined: neither mask has the level; left out of the mean. missing: no mask; counted as 0."
        "</p>\n" + "\n".join(tables) + "\n</html>\n"
    )


def _html(table: pd.DataFrame) -> str:
    return str(table.rename_axis(columns=None).reset_index().to_html(index=False, escape=True, border=0))


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
