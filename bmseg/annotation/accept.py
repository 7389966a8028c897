"""A round ends: corrected masks are checked, measured, kept, and become training exams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bmseg.annotation.corrections import CHANGE_COLUMNS, Effort, changes
from bmseg.annotation.masks import masks_in, read_masks, refuse_other_masks
from bmseg.annotation.rounds import ACCEPTED, Annotation, Round
from bmseg.errors import InputError
from bmseg.outputs.provenance import file_hash
from bmseg.scoring.masks import mask_hash
from dataset_conversion.files import atomic_path
from dataset_conversion.images import Volume, read_own, read_volume, write_volume
from dataset_conversion.raw.exam import IGNORE
from evaluation.measures.dice import Dice, EmptyMask

#: Columns of effort.csv, in order; see `bmseg.annotation.corrections.Effort`.
EFFORT_COLUMNS = ["exam", "changed", "marked", "proposed", "kept", "saved", "share_kept", "unchanged"]

#: Columns of changes.csv, in order: those of `bmseg.annotation.corrections.changes`, and the Dice of the
#: mask that the model of the round before draws of the exam; NaN in the first round.
ROUND_CHANGE_COLUMNS = ["exam", *CHANGE_COLUMNS, "dice_earlier"]


@dataclass(frozen=True)
class Acceptance:
    """What became of a round's masks: exams, sentences and files."""

    #: Exams accepted by this call.
    accepted: list[str]
    #: Exams accepted before, with the same mask.
    already: list[str]
    #: Exams accepted by this call with the very voxels of the proposal.
    unchanged: list[str]
    #: Sentences: a level that was proposed and that the corrected mask has nowhere. A program that numbers
    #: levels anew leaves such a gap.
    gone: list[str]
    #: Exam to the voxels that the reader was unsure of, where there are any.
    unsure: dict[str, int]
    #: Exams not yet accepted.
    left: list[str]
    #: Files of the folder that are no masks.
    others: list[str]


def accept(
    annotation: Annotation, folder: Path | None = None, *, only: Sequence[str] = (), number: int | None = None
) -> Acceptance:
    """Take the corrected masks of a round, by default the last; of all its exams, or of those of `only`.

    The folder is by default the round's own ``corrected``. With `only` the round stays open for the others.
    An InputError when there is no proposed round, a mask is missing, unknown or does not fit its image, or
    an accepted exam comes with another mask (nothing is accepted then); a WorkError when another process is
    at work on the rounds.
    """
    with annotation.alone():
        round_ = annotation.proposed_round(number)
        folder = folder or round_.corrected
        whose = f"the {len(round_.exams)} exams of round {round_.number}"
        files, others = masks_in(folder, round_.exams, whose)
        lineage = set(annotation.lineage().exam)
        wanted = _wanted(round_, only, files, lineage, folder)
        done = {exam: path for exam, path in files.items() if exam in lineage}
        refuse_other_masks(annotation, done)
        masks = read_masks(annotation, {exam: files[exam] for exam in wanted})
        unchanged, gone, unsure = _keep(annotation, round_, masks, files)
        annotation.settle()
        left = sorted(set(round_.exams) - set(annotation.lineage().exam))
        if not left and round_.state != ACCEPTED:
            round_.write(round_.read() | {"state": ACCEPTED})
        return Acceptance(wanted, list(done), unchanged, gone, unsure, left, others)


def _wanted(
    round_: Round, only: Sequence[str], files: Mapping[str, Path], lineage: set[str], folder: Path
) -> list[str]:
    """The exams to accept now: each has a file, and none is accepted yet."""
    if unknown := sorted(set(only) - set(round_.exams)):
        raise InputError(
            f"exams: found {', '.join(unknown)}, expected exams of round {round_.number}: "
            f"{', '.join(round_.exams)}"
        )
    open_ = [exam for exam in only or round_.exams if exam not in lineage]
    if missing := [exam for exam in open_ if exam not in files]:
        saved_over = [exam for exam in missing if _is_saved_over(round_, exam)]
        names = ", ".join(saved_over)
        hint = f" ({names}: the file in proposals was changed; was it saved there?)" if saved_over else ""
        raise InputError(
            f"{folder}: exam: found no mask of {', '.join(missing)}{hint}, expected one of every "
            f"exam of round {round_.number}; save them there, or accept some with --exams"
        )
    return sorted(open_)


def _is_saved_over(round_: Round, exam: str) -> bool:
    copy = round_.proposals / round_.original(exam).name
    return copy.is_file() and not np.array_equal(
        read_volume(copy).array, read_volume(round_.original(exam)).array
    )


def _keep(
    annotation: Annotation, round_: Round, masks: Mapping[str, Volume], files: Mapping[str, Path]
) -> tuple[list[str], list[str], dict[str, int]]:
    """Measure and write, the row in lineage.csv last.

    Returns exams as proposed, `Acceptance.gone` and `Acceptance.unsure`. What a reader is unsure of is drawn
    as a level is, and counts in the effort; it is neither right nor wrong, and counts in no Dice.
    """
    measured, efforts, rows, gone = [], [], [], []
    record, study = round_.read(), annotation.study
    levels, policy = study.levels_by_name, EmptyMask(study.scores.empty_mask)
    single, unsure = {level.name for level in study.levels}, {}
    ignored = study.dataset_spec.trained_labels.get(IGNORE, -1)
    for exam, mask in masks.items():
        proposal = read_volume(round_.original(exam)).array.astype(np.uint8)
        voxel_ml = float(np.prod(mask.spacing)) / 1000
        sure = mask.array != ignored
        unsure[exam] = int(sure.size - sure.sum())
        table = changes(proposal[sure], mask.array[sure], levels, voxel_ml=voxel_ml, empty_mask=policy)
        earlier = _dice_of_earlier(round_.earlier(exam), mask.array, sure, levels, policy)
        measured.append(table.assign(exam=exam, dice_earlier=table.level.map(earlier).astype(float)))
        effort = Effort.of(proposal, mask.array)
        derived = {"saved": effort.saved, "share_kept": effort.share_kept, "unchanged": effort.changed == 0}
        efforts.append({"exam": exam, **asdict(effort), **derived})
        lost = table.level[(table.n_proposal > 0) & (table.n_corrected == 0)] if mask.array.any() else []
        gone += [
            f"{exam}: {name} was proposed and is nowhere in the corrected mask"
            for name in lost
            if name in single
        ]
        write_volume(round_.accepted(exam), mask)
        rows.append(_lineage_row(round_, record, exam, files[exam], unchanged=effort.changed == 0))
    if masks:
        _append(round_.changes, pd.concat(measured)[ROUND_CHANGE_COLUMNS])
        _append(round_.effort, pd.DataFrame(efforts)[EFFORT_COLUMNS])
        annotation.add_lineage(rows)
    unchanged = [row["exam"] for row in rows if row["unchanged"]]
    return unchanged, gone, {exam: n for exam, n in unsure.items() if n}


def _dice_of_earlier(
    path: Path,
    corrected: np.ndarray,
    sure: np.ndarray,
    levels: Mapping[str, Sequence[int]],
    policy: EmptyMask,
) -> dict[str, float]:
    """Dice a level of the mask that the model of the round before drew; empty where there is none."""
    if not path.is_file():
        return {}
    mask = read_volume(path).array[sure]
    return {name: Dice(tuple(values), policy)(corrected[sure], mask) for name, values in levels.items()}


def _lineage_row(
    round_: Round, record: Mapping[str, Any], exam: str, file: Path, *, unchanged: bool
) -> dict[str, Any]:
    checkpoints = record["checkpoints_sha256"]
    return {
        "exam": exam,
        "round": round_.number,
        "chosen": record["settings"]["pick"],
        "disagreement": record.get("disagreement", {}).get(exam),
        "model": record["model"],
        "checkpoints_sha256": " ".join(f"fold_{fold}:{sha}" for fold, sha in checkpoints.items()),
        "proposal_sha256": record["proposals_sha256"][exam],
        "corrected_sha256": mask_hash(file),
        "mask_sha256": file_hash(round_.accepted(exam)),
        "unchanged": unchanged,
    }


def _append(path: Path, table: pd.DataFrame) -> None:
    """Add exams to a table; those of a call that was killed are written again."""
    if path.is_file():
        before = read_own(path, ["exam"])
        table = pd.concat([before[~before.exam.isin(set(table.exam))], table])
    with atomic_path(path) as temporary:
        table.sort_values("exam", kind="stable").to_csv(temporary, index=False, float_format="%.6f")
