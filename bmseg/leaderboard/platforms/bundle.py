"""What both bundles are made of: the readers' masks, bmseg's own source, the versions it ran with.

Same board, same masks, same installation: the same bytes. Nothing of the person who wrote it is in it.
"""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bmseg.errors import InputError, WorkError
from bmseg.leaderboard.board import STUDY_FILE, Board
from bmseg.leaderboard.challenge import CHALLENGE_FILE, CONTRACT_FILE
from bmseg.leaderboard.scoring import Reference
from bmseg.outputs import Output
from dataset_conversion.files import write_text
from dataset_conversion.images import Volume, write_volume

#: What a participant may have: what a submission must hold, and the levels' names. No mask.
PUBLIC_FILES = (CONTRACT_FILE, STUDY_FILE)
#: What is to be said of a bundle whenever one was written.
SECRET = (
    "holds the readers' masks of the test exams: whoever has it has the answers; keep it as you keep the "
    "masks, and put it in no public place"
)
_READERS = "readers"
_PACKAGES = ("bmseg", "dataset_conversion", "evaluation")
# The earliest that a zip can hold: equal contents, equal files.
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


@dataclass(frozen=True)
class Organised:
    """A board with the readers' masks: what a bundle is made from, and what scores on a platform."""

    board: Board
    reference: Reference

    @classmethod
    def of(cls, root: Path, readers: Mapping[str, Path], *, checked: bool = False) -> Organised:
        """A board, and the masks of each reader as ``<exam>.nii.gz`` in a folder.

        Checked, the masks must be those that the board was made with.
        Raises `InputError` where the board is damaged, a reader is not one of the study's, or the masks are
        others, `evaluation.masks.reading.MaskError` where a reader lacks an exam or has one more.
        """
        board = Board.open(root)
        if tasks := board.challenge.ranking.tasks:
            raise InputError(
                f"{root}: ranking.weights: found {', '.join(task.name for task in tasks)}, expected levels "
                "by Dice, which is what a bundle scores; make a board of these for the platform"
            )
        # The study's order, so that sums over readers are taken alike everywhere; unknown names last.
        known = {name: readers[name] for name in board.study.reader_names if name in readers}
        reference = Reference.of(board.study, known | dict(readers), list(board.contract.exams))
        if checked:
            board.check_reference(reference)
        return cls(board, reference)

    @classmethod
    def unpacked(cls, folder: Path) -> Organised:
        """What `write_reference` wrote."""
        return cls.of(folder, {path.name: path for path in (folder / _READERS).glob("*")})


@contextmanager
def new_bundle(out: Path, platform: str, board: Board) -> Iterator[Path]:
    """A folder whose files are then in `out`; raises `InputError` where that is no earlier such bundle."""
    output = Output(out, f"bundle for {platform}", exclusive=True)
    with output.replaced({"challenge": board.challenge.title}) as staged:
        yield staged.folder


def write_reference(made_from: Organised, folder: Path) -> None:
    """Write the reference data: challenge, study, contract and ``readers/<reader>/<exam>.nii.gz``.

    Masks are written anew, as labels on a grid: a header's free text, an editor's extension or the name that
    gzip keeps may say whose exam it is.
    """
    copy_files(made_from.board, (CHALLENGE_FILE, STUDY_FILE, CONTRACT_FILE), folder)
    for exam in made_from.reference.files:
        for reader, mask in made_from.reference.as_drawn(exam).items():
            write_volume(folder / _READERS / reader / f"{exam}.nii.gz", Volume(mask.array, mask.affine))


def copy_files(board: Board, names: tuple[str, ...], folder: Path) -> None:
    """Copy files of a board."""
    for name in names:
        write_text(folder / name, (board.root / name).read_text(encoding="utf-8"))


def write_source(folder: Path) -> None:
    """Copy the three packages as they are installed, with their data files."""
    for package in _PACKAGES:
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise _not_installed(package)
        root = Path(spec.submodule_search_locations[0])
        ignored = shutil.ignore_patterns(".*", "__pycache__*")
        shutil.copytree(root, folder / package, ignore=ignored, copy_function=shutil.copyfile)


def write_image(dockerfile: str, folder: Path) -> None:
    """Write what an image is built from: a Dockerfile, and requirements.txt of what is installed now."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    render(dockerfile, folder / "Dockerfile", python=version)
    write_text(folder / "requirements.txt", requirements())


def requirements() -> str:
    """What bmseg needs, at the versions installed now; raises `WorkError` where bmseg is not installed."""
    try:
        needed = [line for line in metadata.requires("bmseg") or [] if "extra ==" not in line]
        names = sorted((re.split(r"[^A-Za-z0-9._-]", line)[0] for line in needed), key=str.lower)
        return "".join(f"{name}=={metadata.version(name)}\n" for name in names)
    except metadata.PackageNotFoundError as error:
        raise _not_installed(str(error.name)) from None


def render(template: str, path: Path, **values: Any) -> None:
    """Fill in a template of ``bmseg/templates/platforms``; texts on Codabench's pages are escaped."""
    environment = Environment(
        loader=PackageLoader("bmseg", "templates/platforms"),
        autoescape="_page_" in template,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    write_text(path, environment.get_template(template).render(**values))
    if path.suffix == ".sh":
        path.chmod(0o755)


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


def _not_installed(package: str) -> WorkError:
    return WorkError(f"{package}: found no installed package, expected one; install bmseg again")
