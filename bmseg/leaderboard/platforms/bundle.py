"""What both bundles are made of: the readers' masks, bmseg's own source, the versions it ran with.

Same board, same masks, same installation: the same bytes. Nothing of the machine that wrote it is in it.
"""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata, resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bmseg.errors import InputError, WorkError
from bmseg.leaderboard.board import STUDY_FILE, Board
from bmseg.leaderboard.challenge import CHALLENGE_FILE
from bmseg.leaderboard.contract import CONTRACT_FILE
from bmseg.leaderboard.scoring import Reference
from bmseg.study import Study
from dataset_conversion.files import write_text
from dataset_conversion.images.volume import Volume, write_volume

#: What a participant may have: what a submission must hold, and the levels' names. No mask.
PUBLIC_FILES = (CONTRACT_FILE, STUDY_FILE)

#: What is to be said of a bundle whenever one was written.
SECRET = (
    "holds the readers' masks of the test exams: whoever has it has the answers; keep it as you keep the "
    "masks, and put it in no public place"
)

_READERS = "readers"
_PACKAGES = ("bmseg", "dataset_conversion", "evaluation")
_TEMPLATES = "platforms"
# The earliest that a zip can hold: equal contents, equal files.
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


@dataclass(frozen=True)
class Organised:
    """A board with the readers' masks: what a bundle is made from, and what scores on a platform."""

    board: Board
    reference: Reference

    @classmethod
    def of(cls, root: Path, readers: Mapping[str, Path]) -> Organised:
        """A board, and the masks of each reader as ``<exam>.nii.gz`` in a folder.

        Raises
        ------
        InputError
            When the board is damaged, or a reader is not one of the study's.
        evaluation.masks.reading.MaskError
            When a reader lacks an exam or has one more.
        """
        board = Board.open(root)
        return cls(
            board, Reference.of(board.study, _in_order(readers, board.study), list(board.contract.exams))
        )

    @classmethod
    def unpacked(cls, folder: Path) -> Organised:
        """What `write_reference` wrote."""
        return cls.of(folder, {path.name: path for path in (folder / _READERS).glob("*")})


def organised(root: Path, readers: Mapping[str, Path]) -> Organised:
    """A board and the readers' masks that it was made with.

    Raises
    ------
    InputError
        When the board is damaged, or was made with other masks.
    evaluation.masks.reading.MaskError
        When a reader lacks an exam or has one more.
    """
    made_from = Organised.of(root, readers)
    made_from.board.check_reference(made_from.reference)
    return made_from


def write_reference(made_from: Organised, folder: Path) -> None:
    """Write the reference data: challenge, study, contract and ``readers/<reader>/<exam>.nii.gz``.

    Masks are written anew, as labels on a grid: a header's free text, an editor's extension or the name that
    gzip keeps may say whose exam it is.
    """
    for name in (CHALLENGE_FILE, STUDY_FILE, CONTRACT_FILE):
        write_text(folder / name, (made_from.board.root / name).read_text(encoding="utf-8"))
    for exam in made_from.reference.files:
        for reader, mask in made_from.reference.masks(exam).items():
            write_volume(folder / _READERS / reader / f"{exam}.nii.gz", Volume(mask.array, mask.affine))


def write_source(folder: Path) -> None:
    """Copy the three packages as they are installed, with their data files."""
    for package in _PACKAGES:
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise WorkError(
                f"{package}: found no installed package to copy, expected one; install bmseg again"
            )
        root = Path(spec.submodule_search_locations[0])
        for file in sorted(root.rglob("*")):
            name = file.relative_to(root)
            if file.is_file() and not any(part.startswith((".", "__pycache__")) for part in name.parts):
                target = folder / package / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


def requirements() -> str:
    """The packages that bmseg needs to score, at the versions that are installed now, as requirements.txt.

    Raises
    ------
    WorkError
        When bmseg runs from a folder without being installed.
    """
    try:
        needed = [line for line in metadata.requires("bmseg") or [] if "extra ==" not in line]
        names = sorted((re.split(r"[^A-Za-z0-9._-]", line)[0] for line in needed), key=str.lower)
        return "".join(f"{name}=={metadata.version(name)}\n" for name in names)
    except metadata.PackageNotFoundError as error:
        raise WorkError(
            f"{error.name}: found no installed package, expected one; install bmseg again"
        ) from None


def python_version() -> str:
    """The Python that runs now, as 3.11: the image gets the same."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def render(template: str, folder: Path, name: str, **values: Any) -> None:
    """Fill in a template of ``bmseg/templates/platforms``; texts on Codabench's pages are escaped."""
    environment = Environment(
        loader=PackageLoader("bmseg", f"templates/{_TEMPLATES}"),
        autoescape="_page_" in template,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    write_text(folder / name, environment.get_template(template).render(**values))
    if name.endswith(".sh"):
        (folder / name).chmod(0o755)


def copy_template(name: str, target: Path) -> None:
    """Copy a file of ``bmseg/templates/platforms`` as it is."""
    write_text(
        target, (resources.files("bmseg") / "templates" / _TEMPLATES / name).read_text(encoding="utf-8")
    )


def zip_folder(folder: Path, path: Path) -> None:
    """Pack a folder's contents, sorted and without dates."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _DATE)
            entry.create_system = _UNIX
            entry.external_attr = 0o100644 << 16
            packed = file.suffix in (".gz", ".zip", ".png")
            entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder that takes the name `out` when the block ends without an error.

    Raises
    ------
    InputError
        When something is there already: an older bundle is not mixed with a new one.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out}: found it there already, expected a new folder; name another or remove it")
    scratch = out.with_name(f".partial-{out.name}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        yield scratch
        scratch.replace(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _in_order(readers: Mapping[str, Path], study: Study) -> dict[str, Path]:
    """The study's order, so that sums over readers are taken alike everywhere; unknown names last."""
    known = {name: readers[name] for name in study.reader_names if name in readers}
    return known | dict(readers)
