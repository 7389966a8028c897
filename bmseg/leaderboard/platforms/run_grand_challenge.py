"""The evaluation method on grand-challenge: an algorithm's outputs read, scored, and its two calls answered.

Relied on: the evaluation template of grand-challenge's source (``app/grandchallenge/forge/templates``) and
the pack generated from it (DIAGNijmegen/demo-challenge-pack, commit 7e684e4,
``test/input/predictions.json``). ``evaluate.py.template`` and ``helpers.py.template``: a list of jobs with
``pk``, ``status``, and ``inputs`` and ``outputs`` of values with ``socket`` (``slug``, ``relative_path``,
``is_image_kind``) and ``image`` (``name``); a job's output lies in ``<pk>/output/<relative_path>/``;
``results`` and ``aggregates`` are what it writes. ``app.py.template`` and ``Dockerfile.template``: ``GET
/health`` answers 200, ``POST /invoke`` evaluates and answers 201, anything else is a failure; port 4743; the
image's label ``org.grand-challenge.api-method="invoke"`` chooses this way over one run of the program; their
web framework is not needed for two calls. Documentation: "Create Evaluation Method" (ground truth unpacked to
``/opt/ml/input/data/ground_truth``) and "Configure Scoring" (``/output/metrics.json``, columns as JSON paths
such as ``aggregates.score``). Copies of 2025 to 2026, read on 2026-11-22.
"""

from __future__ import annotations

import json
import os
import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from bmseg.errors import InputError
from bmseg.leaderboard.challenge import Contract
from bmseg.leaderboard.platforms.bundle import Organised
from bmseg.leaderboard.platforms.scored import (
    ScoredSubmission,
    level_keys,
    number,
    reported,
    score_on_platform,
)
from bmseg.leaderboard.submission import CheckedSubmission, Fault
from bmseg.study import in_one_line
from bmseg.untrusted.header import ExamGrid
from bmseg.untrusted.listing import shown
from bmseg.untrusted.mask import ReadMask, judged_mask
from bmseg.untrusted.metaimage import read_metaimage
from dataset_conversion.files import write_text

# The platform's.
_PORT = 4743
# The platform's folders, and the variables by which a test puts them elsewhere.
_PLACES = {
    "BMSEG_INPUT": "/input",
    "BMSEG_OUTPUT": "/output",
    "BMSEG_GROUND_TRUTH": "/opt/ml/input/data/ground_truth",
}
PREDICTIONS_FILE = "predictions.json"
_SUCCEEDED = "Succeeded"
# nnU-Net's number of a channel, on images that were named for it.
_CHANNEL = re.compile(r"_\d{4}$")


class _Socket(BaseModel):
    slug: str
    relative_path: str
    is_image_kind: bool


class _Image(BaseModel):
    name: str


class _Value(BaseModel):
    socket: _Socket
    image: _Image | None = None


class _Job(BaseModel):
    pk: str
    status: str
    inputs: list[_Value]
    outputs: list[_Value]


@dataclass(frozen=True)
class Sockets:
    """Which input names the exam and which output is the mask, by slug; None: the only image."""

    image: str | None = None
    mask: str | None = None


#: One image in, one image out.
ONLY_IMAGES = Sockets()


def collect_masks(folder: Path, contract: Contract, sockets: Sockets) -> CheckedSubmission:
    """Read and check the mask of each job, which is the exam's that its input image is named for.

    `folder` has ``predictions.json`` and a folder a job. Notices say why an exam has no mask: its job failed,
    or it wrote none. Raises `InputError` where ``predictions.json`` is missing or is not what the platform
    writes.
    """
    faults: list[Fault] = []
    notices: list[str] = []
    read: dict[str, ReadMask] = {}
    taken: dict[str, str] = {}
    for job in _read_jobs(folder / PREDICTIONS_FILE):
        try:
            image = _chosen(job, job.inputs, sockets.image, "input")
            exam = _exam_of(image.image.name if image.image else "", contract)
            if exam in taken:
                raise InputError(f"exam {exam}: found two jobs ({taken[exam]} and {job.pk}), expected one")
            taken[exam] = job.pk
            if file := _output_file(folder, job, exam, sockets, notices):
                read[exam] = _read(file, contract.exams[exam], contract.labels)
                faults += [Fault(f"exam {exam}", shown(text, most=400)) for text in read[exam].faults]
        except InputError as error:
            place, _, text = str(error).partition(": ")
            faults.append(Fault(place, text))
    if not read:
        faults.append(Fault(PREDICTIONS_FILE, f"found no mask of {len(contract.exams)} exams, expected some"))
    masks = {exam: one.mask for exam, one in sorted(read.items()) if one.mask}
    missing = sorted(set(contract.exams) - set(read))
    return CheckedSubmission(folder, contract, masks, missing, faults, notices)


def _read_jobs(path: Path) -> list[_Job]:
    try:
        return TypeAdapter(list[_Job]).validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file, expected the platform's list of jobs") from None
    except ValidationError as error:
        raise InputError(f"{path}: {in_one_line(error)}") from None


def _chosen(job: _Job, values: Sequence[_Value], slug: str | None, what: str) -> _Value:
    sockets = [value.socket for value in values]
    chosen = [socket.is_image_kind if slug is None else socket.slug == slug for socket in sockets]
    found = [value for value, is_chosen in zip(values, chosen, strict=True) if is_chosen]
    if len(found) == 1:
        return found[0]
    slugs = ", ".join(socket.slug for socket in sockets) or "none"
    wanted = "one image" if slug is None else f"one {slug}"
    raise InputError(
        f"job {job.pk}: {what}s: found {slugs}, expected {wanted}; name the socket when the bundle is made"
    )


def _exam_of(name: str, contract: Contract) -> str:
    """The exam whose image has this name, with any ending, with nnU-Net's channel number or without."""
    stem = name
    while stem:
        for candidate in (stem, _CHANNEL.sub("", stem)):
            if candidate in contract.exams:
                return candidate
        stem = stem.rpartition(".")[0]
    raise InputError(f"image {shown(name)}: found no test exam of that name, expected one of exams.json")


def _output_file(folder: Path, job: _Job, exam: str, sockets: Sockets, notices: list[str]) -> Path | None:
    if job.status != _SUCCEEDED:
        notices.append(f"exam {exam}: no mask, its job ended as {shown(job.status)}")
        return None
    output = _chosen(job, job.outputs, sockets.mask, "output").socket
    where = folder / job.pk / "output" / output.relative_path
    files = sorted(where.iterdir()) if where.is_dir() else []
    if not files:
        notices.append(f"exam {exam}: no mask, its job wrote nothing to {shown(output.relative_path)}")
        return None
    if len(files) > 1 or files[0].suffix != ".mha" or not files[0].is_file() or files[0].is_symlink():
        names = ", ".join(shown(file.name) for file in files[:3])
        raise InputError(f"exam {exam}: {output.relative_path}: found {names}, expected one .mha file")
    return files[0]


def _read(file: Path, grid: ExamGrid, labels: Sequence[int]) -> ReadMask:
    try:
        return judged_mask(read_metaimage(file, grid), file, grid, labels)
    except InputError as error:
        return ReadMask(None, [str(error)], [])


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
