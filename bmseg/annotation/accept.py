"""A round ends: corrected masks are checked, measured, kept, and become training exams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bmseg.annotation.corrections import CHANGE_COLUMNS, Effort, changes
from bmseg.annotation.masks import masks_in, read_masks, refuse_unknown
from bmseg.annotation.start import now, refuse_other_masks
from bmseg.annotation.state import ACCEPTED, Annotation, Round
from bmseg.errors import InputError
from bmseg.outputs.provenance import file_hash
from dataset_conversion.files import atomic_path
from dataset_conversion.images.volume import Volume, read_volume, write_volume
from dataset_conversion.raw.segmented import same_voxels
from evaluation.measures.dice import Dice, EmptyMask

#: Columns of effort.csv, in order; see `bmseg.annotation.corrections.Effort`.
EFFORT_COLUMNS = ["exam", "changed", "marked", "proposed", "kept", "saved", "share_kept", "unchanged"]


#: Columns of changes.csv, in order: those of `bmseg.annotation.corrections.changes`, and the Dice of the
#: mask that the model of the round before draws of the exam; NaN in the first round.
ROUND_CHANGE_COLUMNS = ["exam", *CHANGE_COLUMNS, "dice_earlier"]


@dataclass(frozen=True)
class Acceptance:
    """What became of a round's masks.

    Parameters
    ----------
    accepted : list of str
        Exams accepted by this call.
    already : list of str
        Exams whose same mask was accepted before.
    unchanged : list of str
        Exams accepted now whose mask has the very voxels of the proposal.
    gone : list of str
        Sentences: a level that was proposed and that the corrected mask has nowhere. A program that numbers
        levels anew leaves such a gap.
    left : list of str
        Exams of the round that are not accepted yet.
    others : list of str
        Files of the folder that are no masks.
    """

    accepted: list[str]
    already: list[str]
    unchanged: list[str]
    gone: list[str]
    left: list[str]
    others: list[str]


def accept(
    annotation: Annotation, folder: Path | None = None, *, only: Sequence[str] = (), number: int | None = None
) -> Acceptance:
    """Take the corrected masks of a round; of all its exams, or of those of `only`.

    Parameters
    ----------
    annotation : Annotation
    folder : Path, optional
        By default the round's own ``corrected``.
    only : sequence of str
        Exams to accept; the round then stays open for the others.
    number : int, optional
        Of the round. By default the last.

    Raises
    ------
    InputError
        When there is no proposed round, a mask is missing, unknown or does not fit its image, or an
        accepted exam comes with another mask. Nothing is accepted then.
    """
    round_ = annotation.proposed_round(number)
    folder = folder or round_.corrected
    files, others = masks_in(folder)
    refuse_unknown(files, round_.exams, f"the {len(round_.exams)} exams of round {round_.number}")
    lineage = set(annotation.lineage().exam)
    wanted = _wanted(round_, only, files, lineage, folder)
    done = [exam for exam in files if exam in lineage]
    refuse_other_masks(annotation, read_masks(annotation, {exam: files[exam] for exam in done}), files)
    masks = read_masks(annotation, {exam: files[exam] for exam in wanted})
    gone = [sentence for exam, mask in masks.items() for sentence in _gone(annotation, round_, exam, mask)]
    unchanged = _keep(annotation, round_, masks, files)
    annotation.settle()
    left = sorted(set(round_.exams) - set(annotation.lineage().exam))
    if not left and round_.state != ACCEPTED:
        round_.write(round_.read() | {"state": ACCEPTED})
    return Acceptance(wanted, done, unchanged, gone, left, others)


def _wanted(
    round_: Round, only: Sequence[str], files: Mapping[str, Path], lineage: set[str], folder: Path
) -> list[str]:
    """The exams to accept now: each has a file, and none is accepted yet."""
    if unknown := sorted(set(only) - set(round_.exams)):
        raise InputError(
            f"--exams: found {', '.join(unknown)}, expected exams of round {round_.number}: "
            f"{', '.join(round_.exams)}"
        )
    open_ = [exam for exam in only or round_.exams if exam not in lineage]
    missing = [exam for exam in open_ if exam not in files]
    if missing:
        saved_over = [exam for exam in missing if _is_saved_over(round_, exam)]
        hint = (
            f" ({', '.join(saved_over)}: the file in proposals was changed; was it saved there?)"
            if saved_over
            else ""
        )
        raise InputError(
            f"{folder}: exam: found no mask of {', '.join(missing)}{hint}, expected one of every "
            f"exam of round {round_.number}; save them there, or accept some with --exams"
        )
    return sorted(open_)


def _is_saved_over(round_: Round, exam: str) -> bool:
    copy = round_.proposals / round_.original(exam).name
    return copy.is_file() and not same_voxels(read_volume(copy), read_volume(round_.original(exam)))


def _gone(annotation: Annotation, round_: Round, exam: str, mask: Volume) -> list[str]:
    """Levels of the proposal that are nowhere in the corrected mask, while another level is."""
    before, after = (
        set(np.unique(array).tolist()) for array in (read_volume(round_.original(exam)).array, mask.array)
    )
    return [
        f"{exam}: {level.name} was proposed and is nowhere in the corrected mask"
        for level in annotation.study.levels
        if level.value in before - after and after - {0}
    ]


def _keep(
    annotation: Annotation, round_: Round, masks: Mapping[str, Volume], files: Mapping[str, Path]
) -> list[str]:
    """Measure and write; the row in lineage.csv comes last, and an exam is accepted by it."""
    measured, efforts, rows, unchanged = [], [], [], []
    record = round_.read()
    levels = annotation.study.levels_by_name
    policy = EmptyMask(annotation.study.scores.empty_mask)
    for exam, mask in masks.items():
        proposal = read_volume(round_.original(exam)).array.astype(np.uint8)
        voxel_ml = float(np.prod(mask.spacing)) / 1000
        table = changes(proposal, mask.array, levels, voxel_ml=voxel_ml, empty_mask=policy)
        earlier = _dice_of_earlier(round_.earlier(exam), mask.array, levels, policy)
        measured.append(table.assign(exam=exam, dice_earlier=table.level.map(earlier).astype(float)))
        effort = Effort.of(proposal, mask.array)
        same = effort.changed == 0
        efforts.append(
            {"exam": exam, **asdict(effort), "saved": effort.saved, "share_kept": effort.share_kept,
             "unchanged": same}
        )  # fmt: skip
        unchanged += [exam] if same else []
        write_volume(round_.accepted(exam), mask)
        rows.append(_lineage_row(annotation, round_, record, exam, files[exam], same))
    if masks:
        _append(round_.changes, pd.concat(measured)[ROUND_CHANGE_COLUMNS])
        _append(round_.effort, pd.DataFrame(efforts)[EFFORT_COLUMNS])
        annotation.add_lineage(rows)
    return unchanged


def _dice_of_earlier(
    path: Path, corrected: np.ndarray, levels: Mapping[str, Sequence[int]], policy: EmptyMask
) -> dict[str, float]:
    """Dice a level of the mask that the model of the round before drew; empty where there is none."""
    if not path.is_file():
        return {}
    mask = read_volume(path).array
    return {name: Dice(tuple(values), policy)(corrected, mask) for name, values in levels.items()}


def _lineage_row(
    annotation: Annotation, round_: Round, record: Mapping[str, Any], exam: str, file: Path, unchanged: bool
) -> dict[str, Any]:
    checkpoints = record["checkpoints_sha256"]
    return {
        "exam": exam,
        "round": round_.number,
        "chosen": record["settings"]["pick"],
        "disagreement": record.get("disagreement", {}).get(exam),
        "model": record["model"],
        "checkpoints_sha256": " ".join(f"fold_{fold}:{sha}" for fold, sha in checkpoints.items()),
        "image_sha256": annotation.image_hash(exam),
        "proposal_sha256": record["proposals_sha256"][exam],
        "corrected_sha256": file_hash(file),
        "mask_sha256": file_hash(round_.accepted(exam)),
        "unchanged": unchanged,
        "accepted_at": now(),
    }


def _append(path: Path, table: pd.DataFrame) -> None:
    """Add exams to a table; those of a call that was killed are written again."""
    if path.is_file():
        before = pd.read_csv(path, dtype={"exam": str})
        table = pd.concat([before[~before.exam.isin(set(table.exam))], table])
    with atomic_path(path) as temporary:
        table.sort_values("exam", kind="stable").to_csv(temporary, index=False, float_format="%.6f")
