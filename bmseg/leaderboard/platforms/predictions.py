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
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import BaseModel, TypeAdapter, ValidationError

from bmseg.errors import InputError
from bmseg.leaderboard.contract import Contract
from bmseg.leaderboard.platforms.metaimage import read_metaimage
from bmseg.leaderboard.submission.text import shown
from bmseg.study import in_one_line
from dataset_conversion.images.volume import Volume, write_volume

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


@dataclass
class Collected:
    """What became of the jobs.

    Parameters
    ----------
    faults : list of str
        What was wrong with an output that is there, one line each.
    notices : list of str
        Why an exam has no mask: its job failed, or it wrote none.
    """

    faults: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def collect_masks(folder: Path, contract: Contract, sockets: Sockets, masks: Path) -> Collected:
    """Write the mask of each job as ``<exam>.nii.gz``, by the name of its input image.

    Parameters
    ----------
    folder : Path
        With ``predictions.json`` and a folder a job.
    contract : Contract
    sockets : Sockets
    masks : Path
        The folder to write to. Labels and grid are not looked at here: `check_submission` does.

    Raises
    ------
    InputError
        When ``predictions.json`` is missing or is not what the platform writes.
    """
    collected, jobs = Collected(), _read_jobs(folder / PREDICTIONS_FILE)
    taken: dict[str, str] = {}
    for job in jobs:
        try:
            image = _chosen(job, job.inputs, sockets.image, "input")
            exam = _exam_of(image.image.name if image.image else "", contract)
            if exam in taken:
                raise InputError(f"exam {exam}: found two jobs ({taken[exam]} and {job.pk}), expected one")
            taken[exam] = job.pk
            file = _output_file(folder, job, exam, sockets, collected)
            if file:
                write_volume(masks / f"{exam}.nii.gz", _read(file, exam, contract))
        except InputError as fault:
            collected.faults.append(str(fault))
    return collected


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


def _output_file(folder: Path, job: _Job, exam: str, sockets: Sockets, collected: Collected) -> Path | None:
    if job.status != _SUCCEEDED:
        collected.notices.append(f"exam {exam}: no mask, its job ended as {shown(job.status)}")
        return None
    output = _chosen(job, job.outputs, sockets.mask, "output").socket
    where = folder / job.pk / "output" / output.relative_path
    files = sorted(where.iterdir()) if where.is_dir() else []
    if not files:
        collected.notices.append(
            f"exam {exam}: no mask, its job wrote nothing to {shown(output.relative_path)}"
        )
        return None
    if len(files) > 1 or files[0].suffix != ".mha" or not files[0].is_file() or files[0].is_symlink():
        names = ", ".join(shown(file.name) for file in files[:3])
        raise InputError(f"exam {exam}: {output.relative_path}: found {names}, expected one .mha file")
    return files[0]


def _read(file: Path, exam: str, contract: Contract) -> Volume:
    try:
        volume = read_metaimage(file, contract.exams[exam])
    except InputError as error:
        raise InputError(f"exam {exam}: {error}") from None
    # NIfTI's readers disagree on integers of 64 bits.
    if volume.array.dtype.kind in "iu" and volume.array.dtype.itemsize == 8:
        return Volume(volume.array.astype(np.float64), volume.affine)
    return volume
