"""Read the headers of every file below a folder, once and in parallel."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pydicom import Dataset
from pydicom.uid import UID
from tqdm import tqdm

from dataset_conversion.dicom.frame import Frame, frames_of
from dataset_conversion.images import ConversionError
from dataset_conversion.images.dicom_file import (
    BlankError,
    DamagedError,
    NotDicomError,
    archive_of,
    read_dataset,
)
from dataset_conversion.images.errors import DENIED
from dataset_conversion.parallel import run_each

# Files a worker reads before it reports: enough that messages between processes cost nothing.
_CHUNK = 64
# Fewer files are read sooner than other processes have started.
_FEW_FILES = 1000

_DIRECTORY = "Media Storage Directory Storage"
#: Objects with pixels that are no image of the patient.
_DERIVED_OBJECTS = {"Segmentation Storage", "Label Map Segmentation Storage", "RT Dose Storage"}


@dataclass(frozen=True)
class Other:
    """A file that is no image of the patient, by its kind."""

    kind: str


@dataclass(frozen=True)
class Unreadable:
    """A file that should be an image and cannot be read."""

    reason: str
    #: StudyInstanceUID where that much could be read; never to be written.
    study: str = ""
    #: Whether it begins with one byte over and over, as a dump of an image may too.
    blank: bool = False


#: What a file turned out to be.
Headers = list[Frame] | Other | Unreadable


@dataclass(frozen=True)
class Scan:
    """What lies below a folder."""

    source: Path
    #: Slices of images, in order of path and frame number.
    frames: tuple[Frame, ...]
    #: Files that are no images, counted by kind.
    others: dict[str, int]
    damaged: dict[Path, Unreadable]


def scan(source: Path, *, processes: int | None = None) -> Scan:
    """Read the headers of all files below a folder, or of one file, on all CPU cores by default.

    A ConversionError when there is no such folder, or no DICOM image in it.
    """
    if not source.exists():
        raise ConversionError(f"{source}: no such folder; name the folder of the exported studies")
    if source.is_file() and (archive := archive_of(source)):
        raise ConversionError(
            f"{source}: is a {archive} archive, expected a folder: unpack it and name the folder"
        )
    try:
        found = [source] if source.is_file() else sorted(_below(source))
        paths = [path for path in found if path.is_file()]
    except PermissionError as error:
        # What lies in there could be an exam, or half of one.
        raise ConversionError(f"{error.filename}: {DENIED}") from None
    frames: list[Frame] = []
    others: Counter[str] = Counter()
    # Folders behind links are not entered: they may lead in a circle.
    if links := sum(path.is_symlink() and not path.is_file() for path in found):
        others["links to folders or to nothing, not followed"] = links
    damaged: dict[Path, Unreadable] = {}
    headers = _read_all(paths, processes)
    for path in paths:
        match headers[path]:
            case Other(kind):
                others[kind] += 1
            case Unreadable() as unreadable:
                damaged[path] = unreadable
            case more:
                frames += more
    if not frames:
        if source.is_file() and _DIRECTORY in others:
            raise ConversionError(
                f"{source}: is the list of a medium, expected a folder: name the one it lies in"
            )
        detail = f"; {len(damaged)} of {len(paths)} files cannot be read" if damaged else ""
        for archive, count in Counter(filter(None, map(archive_of, paths))).items():
            detail += (
                f"; {count} {archive} archive{'s' * (count > 1)}: unpack {'them' if count > 1 else 'it'}"
            )
        raise ConversionError(f"{source}: found no DICOM image (files: {len(paths)}), expected some{detail}")
    return Scan(source, tuple(frames), dict(sorted(others.items())), damaged)


def _below(folder: Path) -> Iterator[Path]:
    """Everything below a folder; `Path.rglob` says nothing of folders that it may not look into."""

    def refuse(error: OSError) -> NoReturn:
        raise error

    for root, folders, names in os.walk(folder, onerror=refuse):
        yield from (Path(root, name) for name in (*folders, *names))


def _read_all(paths: list[Path], processes: int | None) -> dict[Path, Headers]:
    chunks = [tuple(paths[i : i + _CHUNK]) for i in range(0, len(paths), _CHUNK)]
    if len(paths) < _FEW_FILES:
        processes = 1
    found: dict[Path, Headers] = {}
    with tqdm(total=len(paths), desc="read headers", unit="file", disable=None) as progress:
        for chunk, results in run_each(_read_some, chunks, died=_died, processes=processes):
            found.update(zip(chunk, results, strict=True))
            progress.update(len(chunk))
    return found


def _read_some(paths: tuple[Path, ...]) -> list[Headers]:
    return [read_headers(path) for path in paths]


def _died(paths: tuple[Path, ...]) -> list[Headers]:
    return [Unreadable("the process that read it died, probably for want of memory") for _ in paths]


def read_headers(path: Path) -> Headers:
    """Read the header of one file."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    study = ""
    try:
        with warnings.catch_warnings():
            # They quote values, which can be the patient's.
            warnings.simplefilter("ignore")
            dataset = read_dataset(path, pixels=False)
            if kind := _kind_of_other(dataset):
                return Other(kind)
            study = str(dataset.get("StudyInstanceUID") or "")
            frames = frames_of(dataset, path)
    except NotDicomError:
        return Other("not DICOM")
    except DamagedError as error:
        return Unreadable(str(error), blank=isinstance(error, BlankError))
    except Exception as error:  # values are decoded when asked for: damaged ones raise all kinds
        return Unreadable(f"damaged header ({type(error).__name__})", study)
    if not all(re.fullmatch(r"[\w.-]+", uid, re.ASCII) for uid in (study, frames[0].identity.series)):
        return Unreadable("no usable StudyInstanceUID or SeriesInstanceUID; truncated or damaged", study)
    return frames


def _kind_of_other(dataset: Dataset) -> str:
    """The name of a DICOM object that is no image of the patient; empty for an image.

    A damaged class identifier must not turn a slice into something that is left out in silence: only
    known classes count, and private ones without pixels; and what has a place in the patient is an image,
    unless it holds a dose.
    """
    meta = dataset.get("file_meta") or Dataset()
    uid = UID(str(dataset.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or ""))
    known = uid.name != str(uid)
    placed = "ImagePositionPatient" in dataset and "DoseGridScaling" not in dataset
    if known and not placed and ("Image Storage" not in uid.name or uid.name in _DERIVED_OBJECTS):
        return uid.name
    stated = meta.get("MediaStorageSOPClassUID", uid) == uid
    whole = stated and uid.is_private and "SeriesInstanceUID" in dataset and "Rows" not in dataset
    if whole and not placed:
        return "private object of the vendor"
    return ""
