"""The files of a submission, from a folder or a ZIP, and which of them is whose mask."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import BinaryIO

from bmseg.leaderboard.submission.text import shown

ENDING = ".nii.gz"
#: What nnU-Net, bmseg and operating systems leave beside masks.
BY_PRODUCTS = (
    "dataset.json",
    "plans.json",
    "predict_from_raw_data_args.json",
    "made_from.json",
    ".DS_Store",
    "._*",
    "Thumbs.db",
)
_MAC_FOLDER = "__MACOSX"


@dataclass(frozen=True)
class SubmittedFile:
    """A file as its folder or ZIP lists it, unread.

    Parameters
    ----------
    name : str
        As it stands there, with ``/`` between folders. Print it by `shown` only.
    size : int
        Bytes, as declared.
    fault : str or None
        Why it must not be opened.
    open : callable
        Gives a binary file to read from, within a ``with`` statement.
    """

    name: str
    size: int
    fault: str | None
    open: Callable[[], AbstractContextManager[BinaryIO]]

    @property
    def folder(self) -> str:
        """Folder within the submission; empty at its top."""
        return self.name.rpartition("/")[0]

    @property
    def base(self) -> str:
        """Name without its folder."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file; both texts may be printed."""

    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"


@dataclass(frozen=True)
class SortedFiles:
    """Exam to file, and what is wrong with the files that are no exam's."""

    masks: dict[str, SubmittedFile]
    faults: list[Fault]
    notices: list[str]


def sort_files(files: Sequence[SubmittedFile], exams: Iterable[str]) -> SortedFiles:
    """Find the mask of each exam, by its name; files that are neither that nor a known by-product are faults.

    Masks may lie in one folder, as people zip folders: in the one that holds most of them.
    """
    wanted = {exam + ENDING: exam for exam in exams}
    spelled = {_folded(name): name for name in wanted}
    home = _home(files, wanted)
    found: dict[str, list[SubmittedFile]] = {}
    ignored: Counter[str] = Counter()
    faults = []
    for file in files:
        by_product = _by_product(file)
        if file.fault:
            faults.append(Fault(shown(file.name), file.fault))
        elif by_product:
            ignored[by_product] += 1
        elif file.folder == home and file.base in wanted:
            found.setdefault(wanted[file.base], []).append(file)
        else:
            faults.append(Fault(shown(file.name), _why_no_mask(file, wanted, spelled, home)))
    for exam, same in found.items():
        if len(same) > 1:
            faults.append(Fault(exam + ENDING, f"found {len(same)} times, expected once; none was read"))
    masks = {exam: same[0] for exam, same in sorted(found.items()) if len(same) == 1}
    return SortedFiles(masks, sorted(faults, key=lambda fault: fault.file), _notices(ignored))


def _home(files: Sequence[SubmittedFile], wanted: Iterable[str]) -> str:
    """The folder of the masks: the top, or one below it."""
    names = set(wanted)
    counts = Counter(
        file.folder for file in files if not file.fault and "/" not in file.folder and file.base in names
    )
    return max(sorted(counts), key=lambda folder: counts[folder], default="")


def _by_product(file: SubmittedFile) -> str | None:
    if file.folder.split("/")[0] == _MAC_FOLDER:
        return f"{_MAC_FOLDER}/*"
    if "/" in file.folder:
        return None
    return next((pattern for pattern in BY_PRODUCTS if fnmatchcase(file.base, pattern)), None)


def _why_no_mask(file: SubmittedFile, wanted: dict[str, str], spelled: dict[str, str], home: str) -> str:
    if file.base in wanted:
        where = f"folder '{shown(home)}'" if home else "the top"
        return f"found it in another folder than the other masks, expected all in one: {where}"
    if meant := spelled.get(_folded(file.base)):
        return f"found a name that differs by case or by Unicode form, expected {meant}"
    stem = file.base.split(".")[0]
    if stem + ENDING in wanted:
        return f"found another kind of file, expected {stem}{ENDING} (NIfTI, gzipped)"
    return f"found no mask of a test exam, expected <exam>{ENDING} for each test exam only; remove it"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _notices(ignored: Counter[str]) -> list[str]:
    if not ignored:
        return []
    named = ", ".join(name if count == 1 else f"{name} ({count})" for name, count in sorted(ignored.items()))
    total = ignored.total()
    return [f"ignored {total} by-product{'' if total == 1 else 's'}: {named}"]
