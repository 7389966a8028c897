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
import sys
from pathlib import Path

from bmseg.leaderboard.platforms.bundle import Organised
from bmseg.leaderboard.platforms.scored import (
    ScoredSubmission,
    level_keys,
    number,
    reported,
    score_on_platform,
)
from bmseg.leaderboard.scoring import SCORED
from bmseg.leaderboard.submission import check_files, most_files
from bmseg.untrusted.listing import list_folder
from dataset_conversion.files import write_text

# Written by Codabench's worker beside what a participant submitted.
_WORKERS_FILE = "metadata"


def main(source: Path, output: Path) -> int:
    """Score what Codabench unpacked: ``ref``, the reference data, and ``res``, the submission.

    Writes ``scores.json`` and ``detailed_results.html``. Where the submission is refused the exit code is 2,
    every fault stands on stderr and nothing is written.
    """
    scored = reported(lambda: _scored(source))
    if scored is None:
        return 2
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


def _scored(source: Path) -> ScoredSubmission:
    """What the worker unpacked is checked as the ZIP that it was, in which masks may lie in one folder."""
    made_from, folder = Organised.unpacked(source / "ref"), source / "res"
    contract = made_from.board.contract
    listed = list_folder(folder, most_files(contract) + 1, nested=True)
    files = [file for file in listed if file.fault or file.name != _WORKERS_FILE]
    return score_on_platform(check_files(folder, files, contract), made_from)


def _detailed(scored: ScoredSubmission) -> str:
    tables = []
    for name, table in scored.scores.items():
        shown = table.assign(dice=table.dice.map("{:.4f}".format).where(table.status == SCORED, table.status))
        wide = shown.pivot(index="exam", columns="level", values="dice")[scored.board.study.level_names]
        html = wide.rename_axis(columns=None).reset_index().to_html(index=False, escape=True, border=0)
        tables.append(f"<h2>Dice, {name} yardstick</h2>\n{html}")
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Dice by exam</title>\n'
        "<p>undefined: neither mask has the level; left out of the mean. missing: no mask; counted as 0."
        "</p>\n" + "\n".join(tables) + "\n</html>\n"
    )


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
