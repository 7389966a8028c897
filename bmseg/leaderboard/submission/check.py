"""Check a submission: is there a sound mask of each test exam, and nothing else?

Participants and the organiser run the same check. A submission is a folder or a ZIP from a stranger, so
nothing in it is trusted, executed, unpickled or written to disk by a name of its own: its files are listed,
then each mask is read in bounded memory. Every fault is found, by file, before anything is said.
"""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.leaderboard.contract import Contract
from bmseg.leaderboard.submission.archive import listed_zip
from bmseg.leaderboard.submission.files import ENDING, Fault, SubmittedFile, sort_files
from bmseg.leaderboard.submission.folder import list_folder
from bmseg.leaderboard.submission.text import shown
from bmseg.untrusted.gzip_stream import unreadable
from bmseg.untrusted.mask import ReadMask, most_stored, read_submitted_mask
from bmseg.untrusted.zip_entries import ZIP_ERRORS
from dataset_conversion.images import Volume

#: Beside the masks of a ZIP, for by-products and its directory.
_SLACK = 16 << 20


@dataclass(frozen=True)
class CheckedSubmission:
    """What a submission holds.

    Parameters
    ----------
    source : Path
    masks : dict of str to Volume
        Exam to mask, sorted, of the files without a fault.
    missing : list of str
        Exams of which there is no file, sorted. Whether they may be missing is the challenge's rule.
    faults : list of Fault
        By file. With any, the submission must not be used.
    notices : list of str
        What to know and not to mend.
    sha256 : str
        Of the masks, see `masks_sha256`.
    """

    source: Path
    masks: dict[str, Volume]
    missing: list[str]
    faults: list[Fault]
    notices: list[str]
    sha256: str


def check_submission(source: Path, contract: Contract) -> CheckedSubmission:
    """Check a submission against the contract, whatever it holds.

    Parameters
    ----------
    source : Path
        A folder, or a ZIP whose masks lie at its top or in one folder. It may itself be a link.
    contract : Contract

    Raises
    ------
    InputError
        When there is nothing to look at: no such file, neither a folder nor a ZIP that can be opened.
    """
    try:
        mode = source.stat().st_mode
        if stat.S_ISDIR(mode):
            return _checked(source, list_folder(source, _most_files(contract)), contract)
        if stat.S_ISREG(mode):
            return _checked_zip(source, contract)
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


def _most_files(contract: Contract) -> int:
    """A mask and what macOS puts beside it of every exam, and some by-products."""
    return 2 * len(contract.exams) + 100


def _checked_zip(source: Path, contract: Contract) -> CheckedSubmission:
    largest = sum(map(most_stored, contract.exams.values())) + _SLACK
    size = source.stat().st_size
    if size > largest:
        return _refused(source, contract, f"found {size} bytes, expected at most {largest}")
    with listed_zip(source) as files:
        return _checked(source, files, contract)


def _checked(source: Path, files: Sequence[SubmittedFile], contract: Contract) -> CheckedSubmission:
    most = _most_files(contract)
    if len(files) > most:
        return _refused(source, contract, f"found more than {most} files, expected a mask of each test exam")
    found = sort_files(files, contract.exams)
    faults, notices, masks = list(found.faults), list(found.notices), {}
    for exam, file in tqdm(found.masks.items(), desc="check", unit="exam", disable=None, leave=False):
        read = _read(source, exam, file, contract)
        name = shown(file.name)
        faults += [Fault(name, shown(text, most=400)) for text in read.faults]
        notices += [f"{name}: {shown(text, most=400)}" for text in read.notices]
        if read.mask:
            masks[exam] = read.mask
    if not found.masks:
        exams = f"{len(contract.exams)} test exam{'' if len(contract.exams) == 1 else 's'}"
        faults.insert(0, Fault(shown(str(source)), f"found no mask, expected <exam>{ENDING} for {exams}"))
    given = found.masks.keys() | {_base(fault.file) for fault in found.faults}
    missing = [exam for exam in sorted(contract.exams) if exam not in given]
    return CheckedSubmission(source, masks, missing, faults, notices, masks_sha256(masks, contract))


def _base(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(ENDING)


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
        return read_submitted_mask(stream, file.size, source / file.name, grid, contract.labels)


def _refused(source: Path, contract: Contract, text: str) -> CheckedSubmission:
    fault = Fault(shown(str(source)), text)
    return CheckedSubmission(source, {}, sorted(contract.exams), [fault], [], masks_sha256({}, contract))
