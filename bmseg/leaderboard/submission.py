"""Check a submission: is there a sound mask of each test exam, and nothing else?

Participants and the organiser run the same check. A submission is a folder or a ZIP from a stranger, so
nothing in it is trusted, executed, unpickled or written to disk by a name of its own: its files are listed,
then each mask is read once, in bounded memory. Every fault is found, by file, before anything is said.
"""

from __future__ import annotations

import hashlib
import json
import stat
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

import numpy as np
from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.leaderboard.challenge import Challenge, Contract
from bmseg.untrusted.compressed import ZIP_ERRORS, unreadable
from bmseg.untrusted.formats import ENDINGS, exam_of, read_any_mask
from bmseg.untrusted.listing import ENDING, MAC_FOLDER, SubmittedFile, list_folder, listed_zip, shown
from bmseg.untrusted.mask import ReadMask, most_stored
from dataset_conversion.images import Volume
from evaluation.statistics.words import plural

#: What nnU-Net, bmseg and operating systems leave beside masks.
BY_PRODUCTS = (
    "dataset.json", "plans.json", "predict_from_raw_data_args.json", "summary.json", "postprocessing.pkl",
    "postprocessing.json", "*.npz", "*.pkl", "made_from.json", ".lock*", ".DS_Store", "._*",
    "Thumbs.db", "desktop.ini",
)  # fmt: skip
# Beside the masks of a ZIP, for by-products and its directory.
_SLACK = 16 << 20


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file; both texts may be printed."""

    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"


@dataclass(frozen=True)
class CheckedSubmission:
    """What a submission holds."""

    source: Path
    contract: Contract
    masks: dict[str, Volume]  # by exam, sorted, of the files without a fault
    missing: list[str]  # exams of which there is no file, sorted; the challenge's rule says if they may be
    faults: list[Fault]  # by file; with any, the submission must not be used
    notices: list[str]  # what to know and not to mend

    @cached_property
    def sha256(self) -> str:
        """A hash of the masks, see `masks_sha256`."""
        return masks_sha256(self.masks, self.contract)

    def refusals(self, challenge: Challenge) -> list[str]:
        """Why it is not taken: its faults, and missing exams where the challenge refuses that."""
        refusals = [str(fault) for fault in self.faults]
        if self.missing and challenge.ranking.missing == "refuse":
            n = len(self.contract.exams)
            names = ", ".join(self.missing)
            refusals.append(f"exams: found no mask of {names}, expected one of each of the {n} test exams")
        return refusals


def check_submission(source: Path, contract: Contract, *, quiet: bool = False) -> CheckedSubmission:
    """Check a submission against the contract, whatever it holds.

    It is a folder, or a ZIP whose masks lie at its top or in one folder; it may itself be a link. No progress
    is shown where it is to be `quiet`. Raises
    `InputError` where there is nothing to look at: no such file, neither a folder nor a readable ZIP.
    """
    try:
        mode = source.stat().st_mode
        if stat.S_ISDIR(mode):
            return check_files(source, list_folder(source, most_files(contract)), contract, quiet=quiet)
        if stat.S_ISREG(mode):
            largest = sum(map(most_stored, contract.exams.values())) + _SLACK
            if (size := source.stat().st_size) > largest:
                return _refused(source, contract, f"found {size} bytes, expected at most {largest}")
            with listed_zip(source) as files:
                return check_files(source, files, contract, quiet=quiet)
        reason = "found a pipe or device"
    except FileNotFoundError:
        reason = "no such file"
    except zipfile.BadZipFile as error:
        reason = f"found no readable ZIP ({shown(str(error))})"
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
    raise InputError(f"{shown(str(source))}: {reason}, expected a folder or a ZIP of masks")


def masks_sha256(masks: Mapping[str, Volume], contract: Contract) -> str:
    """A hash of masks that does not depend on how they were compressed, typed or ordered.

    It covers, by exam: the case identifier, the contract's grid, and the labels as bytes, the first index
    running fastest.
    """
    digest = hashlib.sha256(b"bmseg masks 1\n")
    for exam in sorted(masks):
        grid = contract.exams[exam]
        digest.update(json.dumps([exam, grid.size, grid.affine]).encode() + b"\n")
        digest.update(np.asarray(masks[exam].array, dtype=np.uint8).tobytes(order="F"))
    return digest.hexdigest()


def most_files(contract: Contract) -> int:
    """A mask and what macOS puts beside it of every exam, and some by-products."""
    return 2 * len(contract.exams) + 100


def check_files(
    source: Path, files: Sequence[SubmittedFile], contract: Contract, *, quiet: bool = False
) -> CheckedSubmission:
    """Check files that `list_folder` or `listed_zip` found in `source`; `quiet` as of `check_submission`."""
    most = most_files(contract)
    if len(files) > most:
        return _refused(source, contract, f"found more than {most} files, expected a mask of each test exam")
    found, faults, notices = _sort_files(files, contract.exams)
    given = found.keys() | {exam_of(fault.file.rpartition("/")[2]) for fault in faults}
    missing = [exam for exam in sorted(contract.exams) if exam not in given]
    masks = {}
    for exam, file in tqdm(found.items(), desc="check", unit="exam", disable=quiet or None, leave=False):
        read = _read(source, exam, file, contract)
        name = shown(file.name)
        faults += [Fault(name, shown(text, most=400)) for text in read.faults]
        notices += [f"{name}: {shown(text, most=400)}" for text in read.notices]
        if read.mask:
            masks[exam] = read.mask
    if not found:
        exams = plural(len(contract.exams), "test exam")
        faults.insert(0, Fault(shown(str(source)), f"found no mask, expected <exam>{ENDING} for {exams}"))
    return CheckedSubmission(source, contract, masks, missing, faults, notices)


def _read(source: Path, exam: str, file: SubmittedFile, contract: Contract) -> ReadMask:
    grid = contract.exams[exam]
    largest = most_stored(grid)
    if file.size > largest:
        return ReadMask(None, [f"found {file.size} bytes, expected at most {largest}"], [])
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(file.open())
        except (*ZIP_ERRORS, OSError) as error:
            return ReadMask(None, [unreadable(error)], [])
        return read_any_mask(stream, file.size, source / file.name, grid, contract.labels)


def _refused(source: Path, contract: Contract, text: str) -> CheckedSubmission:
    fault = Fault(shown(str(source)), text)
    return CheckedSubmission(source, contract, {}, sorted(contract.exams), [fault], [])


def _sort_files(
    files: Sequence[SubmittedFile], exams: Iterable[str]
) -> tuple[dict[str, SubmittedFile], list[Fault], list[str]]:
    """The mask of each exam by its name, faults (what is neither that nor a known by-product), notices."""
    wanted = {exam + ending: exam for exam in exams for ending in ENDINGS}
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
    notices = []
    if total := ignored.total():
        named = (name if count == 1 else f"{name} ({count})" for name, count in sorted(ignored.items()))
        notices.append(f"ignored {plural(total, 'by-product')}: {', '.join(named)}")
    return masks, sorted(faults, key=lambda fault: fault.file), notices


def _home(files: Sequence[SubmittedFile], wanted: Iterable[str]) -> str:
    """The folder of most masks: the top, or one below it, as people zip folders."""
    names = set(wanted)
    usable = [file for file in files if not file.fault and file.base in names]
    counts = Counter(file.folder for file in usable if "/" not in file.folder)
    return max(sorted(counts), key=lambda folder: counts[folder], default="")


def _by_product(file: SubmittedFile) -> str | None:
    if file.folder.split("/")[0] == MAC_FOLDER:
        return f"{MAC_FOLDER}/*"
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
        others = ", ".join(ENDINGS[1:])
        return f"found another kind of file, expected {stem}{ENDING} (NIfTI, gzipped; {others} will do)"
    return f"found no mask of a test exam, expected <exam>{ENDING} for each test exam only; remove it"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
