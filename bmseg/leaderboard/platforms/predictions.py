"""Outputs of an algorithm on grand-challenge, as the folder of masks that the board's own check reads.

Relied on: the evaluation template of grand-challenge's source (``app/grandchallenge/forge/templates``, files
``evaluate.py.template`` and ``helpers.py.template``) and the pack generated from it
(DIAGNijmegen/demo-challenge-pack, commit 7e684e4, ``test/input/predictions.json``): a list of jobs with
``pk``, ``status``, and ``inputs`` and ``outputs`` of values with ``socket`` (``slug``, ``relative_path``,
``is_image_kind``) and ``image`` (``name``); a job's output lies in ``<pk>/output/<relative_path>/``. Copies
of 2026, read on 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from bmseg.errors import InputError
from bmseg.leaderboard.challenge import Contract
from bmseg.leaderboard.submission import CheckedSubmission, Fault
from bmseg.study import in_one_line
from bmseg.untrusted.header import ExamGrid
from bmseg.untrusted.listing import shown
from bmseg.untrusted.mask import ReadMask, judged_mask
from bmseg.untrusted.metaimage import read_metaimage

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
    or it wrote none.

    Raises `InputError` where ``predictions.json`` is missing or is not what the platform writes.
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
