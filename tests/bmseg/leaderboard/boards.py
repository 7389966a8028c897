"""Small boards: three exams, the study's four readers, submissions that resemble them."""

from __future__ import annotations

import atexit
import pickle
import shutil
import tempfile
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.ndimage import gaussian_filter

from bmseg.leaderboard.board import Board
from bmseg.leaderboard.challenge import CHALLENGE_FILE, Challenge, challenge_text, default_challenge
from bmseg.leaderboard.making import init_board
from bmseg.leaderboard.scoring import Reference
from bmseg.study import DEFAULT_STUDY, load_study

EXAMS = ["knee_a", "knee_b", "knee_c"]
AFFINE = np.array([[0.9, 0, 0, -10], [0, 0.9, 0, 5], [0, 0, 3.5, 2], [0, 0, 0, 1.0]])
SHAPE = (24, 20, 6)
#: File of the consensuses, beside the board.
_KNOWN = "consensuses.pickle"


def mask_of(exam: str, rater: int, noise: float = 0.35) -> np.ndarray:
    """A mask that agrees in part with every other rater's of the exam; nobody marks level 3 in knee_c."""

    def smooth(*seed: int) -> np.ndarray:
        field = gaussian_filter(np.random.default_rng(seed).normal(size=SHAPE), (2.5, 2.5, 0.8))
        return field / field.std()

    place = EXAMS.index(exam)
    field = smooth(place) + noise * smooth(place, rater)
    mask = np.digitize(field, [0.8, 1.3, 1.8]).astype(np.uint8)
    return np.minimum(mask, 2) if exam == "knee_c" else mask


def write_masks(folder: Path, rater: int, *, noise: float = 0.35, exams: list[str] = EXAMS) -> Path:
    """A folder of a rater's masks."""
    folder.mkdir(parents=True)
    for exam in exams:
        nib.save(nib.Nifti1Image(mask_of(exam, rater, noise), AFFINE), folder / f"{exam}.nii.gz")
    return folder


def make_readers(root: Path) -> dict[str, Path]:
    """Folders of the four readers' masks."""
    names = load_study().reader_names
    return {reader: write_masks(root / "readers" / reader, place) for place, reader in enumerate(names)}


def make_board(root: Path, challenge: Challenge | None = None) -> tuple[Board, Reference]:
    """A board without submissions, and the readers' masks; made once a process, then copied."""
    made, known = _made_once()
    shutil.copytree(made, root, dirs_exist_ok=True)
    if challenge:
        (root / "board" / CHALLENGE_FILE).write_text(challenge_text(challenge), encoding="utf-8")
    board, reference = open_board(root)
    _know(reference, known)
    return board, reference


@cache
def _made_once() -> tuple[Path, bytes]:
    """A folder with readers and board, and the consensuses of each exam."""
    root = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    reference = Reference.of(load_study(), make_readers(root))
    init_board(root / "board", default_challenge(load_study(), synthetic=True), DEFAULT_STUDY, reference)
    known = pickle.dumps((reference._known, reference._others))
    (root / _KNOWN).write_bytes(known)
    return root, known


def _know(reference: Reference, known: bytes) -> None:
    """What takes longest of a small board is to search for the consensuses."""
    of_all, others = pickle.loads(known)
    reference._known.update(of_all)
    reference._others.update(others)


def open_board(root: Path) -> tuple[Board, Reference]:
    """The board of `make_board`, as another process opens it."""
    board = Board.open(root / "board")
    readers = {reader: root / "readers" / reader for reader in board.study.reader_names}
    return board, Reference.of(board.study, readers)


def board_at(root: Path) -> tuple[Board, Reference]:
    """The same, with the consensuses that were found when it was made."""
    board, reference = open_board(root)
    _know(reference, (root / _KNOWN).read_bytes())
    return board, reference


def with_rules(**rules: object) -> Challenge:
    """The default challenge with other ranking rules."""
    challenge = default_challenge(load_study(), synthetic=True)
    return challenge.model_copy(update={"ranking": challenge.ranking.model_copy(update=rules)})
