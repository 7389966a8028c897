"""Write an evaluation method for grand-challenge, laid out as its own template.

Relied on: what `bmseg.leaderboard.platforms.run_grand_challenge` names, and the template's ``Dockerfile``,
``do_build.sh``, ``do_test_run.sh`` and ``do_save.sh``.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import SimpleITK as sitk

from bmseg.errors import InputError
from bmseg.leaderboard.platforms import bundle
from bmseg.leaderboard.platforms.bundle import Organised
from bmseg.leaderboard.platforms.run_grand_challenge import ONLY_IMAGES, PREDICTIONS_FILE, Sockets
from dataset_conversion.files import write_text

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SCRIPTS = ("do_build.sh", "do_test_run.sh", "do_save.sh")


def export_grand_challenge(
    board: Path, readers: Mapping[str, Path], out: Path, *, sockets: Sockets = ONLY_IMAGES
) -> None:
    """Write an evaluation method that scores algorithms to the board's numbers.

    The readers' masks go into ``ground_truth.tar.gz``, which only the phase's evaluation sees; the image
    holds none. `out` gets the image's sources, scripts to build, try and save it, ``ground_truth/`` and the
    same as ``ground_truth.tar.gz``, and in ``test/`` an answer made of the first reader's masks. `sockets`
    are needed where a phase has several images. Raises `InputError` where a slug is none, or `out` holds
    something else; further errors are those of `Organised.of`.
    """
    for option, slug in (("--image-socket", sockets.image), ("--mask-socket", sockets.mask)):
        if slug is not None and not _SLUG.fullmatch(slug):
            raise InputError(f"{option}: found {slug!r}, expected a slug such as coronal-knee-mri")
    made_from = Organised.of(board, readers, checked=True)
    title = re.sub(r"[^a-z0-9]+", "-", made_from.board.challenge.title.lower()).strip("-")[:60].strip("-")
    with bundle.new_bundle(out, "grand-challenge", made_from.board) as folder:
        bundle.write_source(folder)
        bundle.write_image("grand_challenge_Dockerfile.j2", folder)
        bundle.render("grand_challenge_evaluate.py.j2", folder / "evaluate.py", sockets=sockets)
        bundle.render("grand_challenge_app.py.txt", folder / "app.py")
        bundle.render("grand_challenge_dockerignore.txt", folder / ".dockerignore")
        for script in _SCRIPTS:
            tag = f"evaluation-{title}".strip("-")
            bundle.render(f"grand_challenge_{script}.j2", folder / script, tag=tag)
        bundle.write_reference(made_from, folder / "ground_truth")
        _tar(folder / "ground_truth", folder / "ground_truth.tar.gz")
        _write_sample(made_from, folder / "test" / "input", sockets)
        values = {"board": made_from.board, "sockets": sockets, "secret": bundle.SECRET}
        bundle.render("grand_challenge_readme.md.j2", folder / "README.md", **values)


def job(exam: str, sockets: Sockets) -> dict[str, Any]:
    """A job that succeeded, as the platform lists it in ``predictions.json``."""
    image = _value(sockets.image or "image", f"{exam}.mha")
    mask = _value(sockets.mask or "mask", "mask.mha")
    return {
        "pk": str(uuid5(NAMESPACE_URL, exam)),
        "inputs": [image],
        "outputs": [mask],
        "exec_duration": None,
        "invoke_duration": None,
        "status": "Succeeded",
    }


def _value(slug: str, name: str) -> dict[str, Any]:
    socket = {
        "slug": slug,
        "relative_path": f"images/{slug}",
        "is_image_kind": True,
        "is_panimg_kind": True,
        "is_dicom_image_kind": False,
        "is_json_kind": False,
        "is_file_kind": False,
    }
    return {"socket": socket, "file": None, "image": {"name": name}, "value": None}


def _write_sample(made_from: Organised, folder: Path, sockets: Sockets) -> None:
    """The first reader's masks as an algorithm would have left them, to try the image with."""
    first = made_from.reference.readers[0]
    jobs = []
    for exam, files in made_from.reference.files.items():
        jobs.append(job(exam, sockets))
        where = folder / jobs[-1]["pk"] / "output" / jobs[-1]["outputs"][0]["socket"]["relative_path"]
        where.mkdir(parents=True)
        mask = sitk.Cast(sitk.ReadImage(str(files[first]), imageIO="NiftiImageIO"), sitk.sitkUInt8)
        for key in mask.GetMetaDataKeys():
            mask.EraseMetaData(key)
        sitk.WriteImage(mask, str(where / "mask.mha"), useCompression=True)
    write_text(folder / PREDICTIONS_FILE, json.dumps(jobs, indent=4) + "\n")


def _tar(folder: Path, path: Path) -> None:
    """Pack a folder's contents, sorted, without dates and without anyone's name."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(file.relative_to(folder).as_posix())
            entry.size, entry.mode = file.stat().st_size, 0o644
            with file.open("rb") as content:
                archive.addfile(entry, content)
    path.write_bytes(gzip.compress(packed.getvalue(), mtime=0))
