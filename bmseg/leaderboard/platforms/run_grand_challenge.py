"""The evaluation method on grand-challenge.

Relied on: the same templates as `bmseg.leaderboard.platforms.predictions`, and grand-challenge's
documentation, "Create Evaluation Method" (ground truth unpacked to ``/opt/ml/input/data/ground_truth``) and
"Configure Scoring" (``/output/metrics.json``, columns as JSON paths such as ``aggregates.score``).
``results`` and ``aggregates`` are the keys of the template. Copies of 2025 to 2026, read on 2026-11-22.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.leaderboard.platforms.bundle import Organised
from bmseg.leaderboard.platforms.predictions import Sockets, collect_masks
from bmseg.leaderboard.platforms.scored import (
    ScoredSubmission,
    SubmissionError,
    level_keys,
    number,
    print_faults,
    print_scores,
    score_on_platform,
)
from dataset_conversion.files import write_text


@dataclass(frozen=True)
class Places:
    """The platform's folders; a test may put them elsewhere by environment variables."""

    input: Path
    output: Path
    ground_truth: Path

    @classmethod
    def of_platform(cls) -> Places:
        """Where grand-challenge has them."""
        return cls(
            Path(os.environ.get("BMSEG_INPUT", "/input")),
            Path(os.environ.get("BMSEG_OUTPUT", "/output")),
            Path(os.environ.get("BMSEG_GROUND_TRUTH", "/opt/ml/input/data/ground_truth")),
        )


def evaluate(sockets: Sockets) -> int:
    """Score the outputs of every job and write ``metrics.json``.

    Parameters
    ----------
    sockets : Sockets

    Returns
    -------
    int
        The exit code: 2 where the submission is refused, with every fault on stderr and no metrics.
    """
    places = Places.of_platform()
    made_from = Organised.unpacked(places.ground_truth)
    with tempfile.TemporaryDirectory() as scratch:
        masks = Path(scratch)
        try:
            collected = collect_masks(places.input, made_from.board.contract, sockets, masks)
            for notice in collected.notices:
                print(notice)
            scored = score_on_platform(masks, made_from, collected.faults)
        except SubmissionError as refused:
            print_faults(refused)
            return 2
        except InputError as error:
            print_faults(SubmissionError([str(error)]))
            return 2
    print_scores(scored)
    write_text(places.output / "metrics.json", json.dumps(metrics(scored), indent=1, allow_nan=False) + "\n")
    return 0


def metrics(scored: ScoredSubmission) -> dict[str, Any]:
    """``aggregates`` for the leaderboard, ``results`` an exam; null where a Dice is undefined or missing."""
    names = scored.board.study.level_names
    keys = level_keys(names)
    levels = {
        keys[level]: {
            "name": level,
            **{yardstick: number(means[level]) for yardstick, means in scored.means.items()},
            **scored.counts(level),
        }
        for level in names
    }
    aggregates = {
        "score": number(scored.score),
        "yardstick": scored.yardstick,
        "n_exams": len(scored.board.contract.exams),
        **scored.counts(),
        "levels": levels,
    }
    return {
        "results": [_result(exam, scored, keys) for exam in scored.board.contract.exams],
        "aggregates": aggregates,
    }


def _result(exam: str, scored: ScoredSubmission, keys: dict[str, str]) -> dict[str, Any]:
    levels: dict[str, dict[str, Any]] = {key: {} for key in keys.values()}
    for yardstick, table in scored.scores.items():
        for row in table[table.exam == exam].itertuples():
            levels[keys[row.level]][yardstick] = {"dice": number(row.dice), "status": row.status}
    return {"exam": exam, "missing": exam in scored.missing, "levels": levels}
