"""Add a submission to a board, withdraw it, take it back on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bmseg.errors import InputError, WorkError
from bmseg.leaderboard.board import DICE_FILE, MEASURES_FILE, STAGING, WAYS_FILE, Board
from bmseg.leaderboard.copies import copied_told
from bmseg.leaderboard.entries import Description, Entry, Event, entry_text, read_entry, write_entry
from bmseg.leaderboard.gathering import AVERAGE_READER
from bmseg.leaderboard.kept import scores_text
from bmseg.leaderboard.ledger import now
from bmseg.leaderboard.measuring import score_measures
from bmseg.leaderboard.resembling import resembling
from bmseg.leaderboard.scoring import Reference, score_submission
from bmseg.leaderboard.submission import check_submission
from bmseg.leaderboard.texts import check_about, check_reason, check_team
from bmseg.leaderboard.ways import score_ways
from bmseg.outputs import provenance
from dataset_conversion.files import write_text
from dataset_conversion.images import Volume, write_volume
from evaluation.statistics.words import plural

# Of the hash of the masks: 48 bits, so that two different submissions of a team never share a name.
_IDENTIFIER = 12


@dataclass(frozen=True)
class Added:
    """What became of a submission."""

    entry: Entry
    is_new: bool  # False when the same masks of the team were on the board
    notices: list[str]  # what was seen on the way, such as missing exams


def add_submission(
    board: Board,
    team: str,
    source: Path,
    reference: Reference,
    *,
    about: Description | None = None,
    simulated: bool = False,
    taught_by: Sequence[str] = (),
) -> Added:
    """Check, score and add a submission; the same masks of a team are added once.

    `source` is a folder or ZIP file (see `bmseg.leaderboard.submission.check_submission`), `reference` the
    readers' masks that the board was made with; `about`, `simulated` and `taught_by` are those of `Entry`.
    Masks of a reader or of another submission, identical or nearly so, are taken, and that is said; copies
    have no rank (`bmseg.leaderboard.copies`). Raises
    `InputError` where a name, teacher or text cannot be taken, or the same masks stand there with another
    description or were withdrawn, `WorkError` where the submission has faults, or misses exams where the
    challenge refuses that.
    """
    about = about or Description()
    board.check_tolerances()
    check_team(team, taken=board.teams, reserved=[*board.study.reader_names, "consensus", AVERAGE_READER])
    check_about(*about.words)
    if unknown := [reader for reader in taught_by if reader not in board.study.reader_names]:
        known = ", ".join(board.study.reader_names)
        raise InputError(f"taught by: found {', '.join(unknown)}, expected some of {known}")
    checked = check_submission(source, board.contract)
    if refusals := checked.refusals(board.challenge):
        raise WorkError(
            f"{source}: found {plural(len(refusals), 'fault')}, expected none; nothing was added. "
            + "; ".join(refusals)
        )
    submission = checked.sha256[:_IDENTIFIER]
    notices = list(checked.notices)
    if checked.missing:
        n = f"{len(checked.missing)} of {len(board.contract.exams)}"
        counts_as = "Dice 0" if board.challenge.ranking.is_of_dice else "the worst score"
        notices.append(f"missing {n} exams, which count as {counts_as}: {', '.join(checked.missing)}")
    if earlier := _earlier(board, f"{team}/{submission}", about, simulated):
        return Added(earlier, False, notices)
    text = scores_text(score_submission(checked.masks, reference))
    ways = scores_text(score_ways(checked.masks, reference))
    measured = ""
    if names := board.challenge.ranking.measures:
        measured = scores_text(score_measures(checked.masks, reference, names, board.contract.tolerances))
    # What is simulated is made from the readers' consensus; the very same masks are told by their hash.
    entries = [each for each in board.entries() if each.masks_sha256 != checked.sha256]
    others = {each.key: board.masks(each.key) for each in entries if not (simulated or each.simulated)}
    copied = resembling(f"{team}/{submission}", checked.masks, reference, others)
    notices += copied_told(copied, reference.readers)
    with TemporaryDirectory(dir=board.root, prefix=STAGING) as name:
        staging = Path(name)
        write_text(staging / "entry" / DICE_FILE, text)
        write_text(staging / "entry" / WAYS_FILE, ways)
        if measured:
            write_text(staging / "entry" / MEASURES_FILE, measured)
        # Anew, as plain label maps: nothing else of a submitted file is kept.
        for exam, mask in checked.masks.items():
            write_volume(staging / "masks" / f"{exam}.nii.gz", Volume(mask.array, mask.affine))
        # From here on one at a time: dates are in the order of the board, and team names stay apart.
        with board.lock():
            check_team(team, taken=board.teams, reserved=[])
            if earlier := _earlier(board, f"{team}/{submission}", about, simulated):
                return Added(earlier, False, notices)
            entry = Entry(
                team=team,
                submission=submission,
                about=about,
                simulated=simulated,
                taught_by=list(taught_by),
                resembles=[one.words for one in copied],
                copied=copied,
                masks_sha256=checked.sha256,
                dice_sha256=provenance.file_hash(staging / "entry" / DICE_FILE),
                ways_sha256=provenance.file_hash(staging / "entry" / WAYS_FILE),
                measures_sha256=provenance.text_hash(measured) if measured else "",
                versions=provenance.versions(),
                history=[Event(date=(date := now()), event="added")],
            )
            if same := [other.key for other in board.entries() if other.masks_sha256 == entry.masks_sha256]:
                told = "a later submission of them is a copy, without a rank"
                notices.append(f"the same masks are on the board as {', '.join(same)}: {told}")
            write_entry(entry, staging / "entry")
            # What is whole is renamed; the record last, for with it the submission is on the board.
            masks, folder = board.masks(entry.key), board.folder(entry.key)
            for target in (masks, folder):
                target.parent.mkdir(parents=True, exist_ok=True)
            # They may be there, of an addition that was killed in between: of the same hash, so the same.
            if not masks.is_dir():
                (staging / "masks").rename(masks)
            with board.noted("added", entry.key, date, entry_text(entry)):
                (staging / "entry").rename(folder)
    return Added(entry, True, notices)


def withdraw(board: Board, key: str, reason: str) -> tuple[Entry, bool]:
    """Take a submission out of the ranking, its record stays; the entry, and whether that changed it."""
    return _happen(board, key, "withdrawn", reason)


def reinstate(board: Board, key: str, reason: str) -> tuple[Entry, bool]:
    """Take a withdrawn submission back into the ranking; what is returned is that of `withdraw`."""
    return _happen(board, key, "reinstated", reason)


def _happen(board: Board, key: str, event: str, reason: str) -> tuple[Entry, bool]:
    check_reason(reason)
    with board.lock():
        entry = board.find(key)
        if entry.is_withdrawn == (event == "withdrawn"):
            return entry, False
        date = now()
        history = [*entry.history, Event.model_validate({"date": date, "event": event, "reason": reason})]
        changed = entry.model_copy(update={"history": history})
        with board.noted(event, entry.key, date, entry_text(changed)):
            write_entry(changed, board.folder(entry.key))
    return changed, True


def _earlier(board: Board, key: str, about: Description, simulated: bool) -> Entry | None:
    """The team's submission of the same masks, where it stands there as it is described now."""
    folder = board.folder(key)
    if not folder.is_dir():
        return None
    entry = read_entry(folder)
    if entry.is_withdrawn:
        raise InputError(
            f"{entry.key}: found it withdrawn on {entry.history[-1].date[:10]}, expected a new submission; "
            f"'bmseg leaderboard reinstate {entry.key}' takes it back"
        )
    if (entry.about.words, entry.simulated) != (about.words, simulated):
        raise InputError(
            f"{entry.key}: found the same masks on the board with another description, expected the same; "
            "leave the description as it was, or withdraw the submission"
        )
    return entry
