"""The evaluation method on grand-challenge, and the answers to its two calls: is it ready, and evaluate.

Relied on: the same templates as `bmseg.leaderboard.platforms.predictions` (``app.py.template`` and
``Dockerfile.template``: ``GET /health`` answers 200, ``POST /invoke`` evaluates and answers 201, anything
else is a failure; port 4743; the image's label ``org.grand-challenge.api-method="invoke"`` chooses this way
over one run of the program; their web framework is not needed for two calls), and grand-challenge's
documentation, "Create Evaluation Method" (ground truth unpacked to ``/opt/ml/input/data/ground_truth``) and
"Configure Scoring" (``/output/metrics.json``, columns as JSON paths such as ``aggregates.score``).
``results`` and ``aggregates`` are the keys of the template. Copies of 2025 to 2026, read on 2026-11-22.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bmseg.leaderboard.platforms.bundle import Organised
from bmseg.leaderboard.platforms.predictions import Sockets, collect_masks
from bmseg.leaderboard.platforms.scored import (
    ScoredSubmission,
    level_keys,
    number,
    reported,
    score_on_platform,
)
from dataset_conversion.files import write_text

# The platform's.
_PORT = 4743
# The platform's folders, and the variables by which a test puts them elsewhere.
_PLACES = {
    "BMSEG_INPUT": "/input",
    "BMSEG_OUTPUT": "/output",
    "BMSEG_GROUND_TRUTH": "/opt/ml/input/data/ground_truth",
}


def evaluate(sockets: Sockets) -> int:
    """Score the outputs of every job and write ``metrics.json``.

    Where the submission is refused the exit code is 2, with every fault on stderr and no metrics.
    """
    folder, output, truth = (Path(os.environ.get(name, usual)) for name, usual in _PLACES.items())

    def score() -> ScoredSubmission:
        made_from = Organised.unpacked(truth)
        return score_on_platform(collect_masks(folder, made_from.board.contract, sockets), made_from)

    scored = reported(score)
    if scored is None:
        return 2
    write_text(output / "metrics.json", json.dumps(metrics(scored), indent=1, allow_nan=False) + "\n")
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


def serve(evaluate: Callable[[], int]) -> None:
    """Answer calls until the platform stops the container; only an exit code of 0 is answered by 201."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(HTTPStatus.OK if self.path == "/health" else HTTPStatus.NOT_FOUND)

        def do_POST(self) -> None:
            if self.path != "/invoke":
                self._answer(HTTPStatus.NOT_FOUND)
                return
            try:
                code = evaluate()
            except Exception:
                # The container must answer; the log says why.
                traceback.print_exc()
                code = 1
            self._answer(HTTPStatus.CREATED if code == 0 else HTTPStatus.INTERNAL_SERVER_ERROR)

        def _answer(self, status: HTTPStatus) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    # The platform calls from outside the container, so every address of it is answered.
    with ThreadingHTTPServer(("", int(os.environ.get("BMSEG_PORT", _PORT))), Handler) as server:
        print(f"ready on port {server.server_port}", flush=True)
        server.serve_forever()
