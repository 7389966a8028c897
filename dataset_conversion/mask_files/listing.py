"""Which masks are in a folder of a rater: a file an exam, or a folder an exam with a file a label."""

from __future__ import annotations

import logging
import unicodedata
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from dataset_conversion.images import ConversionError
from dataset_conversion.mask_files import pictures
from dataset_conversion.mask_files.labels import tidy

_log = logging.getLogger(__name__)

#: Of files that hold a mask.
ENDINGS = (".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".mha", ".dcm", *pictures.ENDINGS)
# Of those that name their labels themselves.
_NAMING = (".seg.nrrd", ".dcm")
# Control characters, half characters, and ends of lines and paragraphs.
_UNPRINTED = ("Cc", "Cs", "Zl", "Zp")
# Below an exam's folder, as organ segmenters and radiotherapy exports write.
_BELOW = ("segmentations", "structures", "masks")


def list_masks(folder: Path, names: Collection[str] = ()) -> dict[str, Path]:
    """Case identifier to the file of a mask, or to the exam's folder of files (`parts_of`).

    Identifiers are names of files or folders as they are; other files are no masks. Folders beside masks of
    exams, and pictures beside volumes, are left out, which is logged.

    Where every exam is a folder with one file, the file is the exam's mask and not that of a label if it
    names its labels itself, or if all these have one name that is none of `names` (of labels).

    Raises
    ------
    ConversionError
        When the folder is missing, holds no mask, or holds two of one exam.
    """
    if not folder.is_dir():
        raise ConversionError(f"{folder}: no such folder; expected one with a mask of every exam")
    exams = _by_stem(folder, "exam")
    folders = {path.name: parts for path in _visible(folder) if path.is_dir() and (parts := parts_of(path))}
    for name in folders:
        check_name(folder / name)
    if exams:
        if folders:
            found = ", ".join(folders)
            _log.warning("warning: %s: left out: folders with masks beside masks: %s", folder, found)
        return exams
    if not folders:
        raise ConversionError(f"{folder}: found {_others(folder)}, expected <exam>.nii.gz files")
    stems = {stem for parts in folders.values() for stem in parts}
    known = {tidy(name).casefold() for name in names}
    alone = len(stems) == 1 and not {tidy(stem).casefold() for stem in stems} & known
    files = [path for parts in folders.values() for path in parts.values()]
    if len(files) == len(folders) and (alone or all(path.name.endswith(_NAMING) for path in files)):
        return {exam: path for exam, parts in folders.items() for path in parts.values()}
    return {exam: folder / exam for exam in folders}


def parts_of(folder: Path) -> dict[str, Path]:
    """Label to file of an exam's folder; empty where it holds no mask.

    A ConversionError when it holds two files of one label.
    """
    below = [folder / name for name in _BELOW if (folder / name).is_dir()]
    # An image may lie above its segmentations.
    for place in (*below, folder):
        if parts := _by_stem(place, "label"):
            return parts
    return {}


def _by_stem(folder: Path, what: str) -> dict[str, Path]:
    """Exam or label to its file; pictures beside volumes are previews and left out, which is logged."""
    files = [path for path in _visible(folder) if stem_of(path) is not None]
    for path in files:
        check_name(path)
        if path.is_symlink() and not path.exists():
            raise ConversionError(
                f"{path}: found a link that leads nowhere, expected a file; remove it, or put the file there"
            )
    volumes = [path for path in files if not path.name.lower().endswith(pictures.ENDINGS)]
    if volumes and len(volumes) < len(files):
        _log.warning(
            "warning: %s: left out: %d pictures (PNG, TIFF) beside volumes", folder, len(files) - len(volumes)
        )
    found: dict[str, Path] = {}
    for path in volumes or files:
        stem = str(stem_of(path))
        if stem in found:
            raise ConversionError(f"{path}: {what} {stem}: found twice ({found[stem].name}), expected once")
        found[stem] = path
    return found


def check_name(path: Path) -> None:
    """Refuse (ConversionError) a name that breaks lines or has bytes that are no letters."""
    if any(unicodedata.category(letter) in _UNPRINTED for letter in path.name):
        raise ConversionError(
            f"{path.parent}: name of a file: found {path.name!r}, expected none with control characters; "
            "rename it"
        )


def files_of(mask: Path) -> list[Path]:
    """The files that a mask of `list_masks` is in."""
    return [*parts_of(mask).values()] if mask.is_dir() else [mask]


def stem_of(path: Path) -> str | None:
    """A mask file's name without its ending; None where it is no mask's."""
    name = path.name.lower()
    ending = next((ending for ending in ENDINGS if name.endswith(ending)), None)
    return None if ending is None or path.is_dir() else path.name[: -len(ending)]


def _visible(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]


def _others(folder: Path) -> str:
    """What a folder without masks holds, in words."""
    names = [path.name for path in _visible(folder)]
    endings = Counter("".join(Path(name).suffixes[-2:]) or "nameless kind" for name in names)
    listed = ", ".join(f"{count} {ending}" for ending, count in endings.most_common(3))
    return f"no mask among the files there ({listed})" if names else "no mask"
