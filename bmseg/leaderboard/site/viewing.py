"""The viewer of exams on a board's site: image, consensus and submissions, where the challenge says so.

It shows more than overlays do: every slice of the reference. No reader's own mask is in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from bmseg.leaderboard.entries import Entry
from bmseg.leaderboard.site.figures import MOST_DRAWN
from bmseg.leaderboard.site.overlays import OverlaySource, WhyNot
from bmseg.leaderboard.standings import Standings
from bmseg.viewer import FOLDER, PAGE, viewer_link
from bmseg.viewer.page import write_viewer
from bmseg.viewer.shown import Cast, ViewedExam, ViewedRater
from dataset_conversion.images import STORAGE_ORDER, Volume
from evaluation.consensus.kinds import describe

#: Exam to the keys of the submissions that are shown in it.
Viewed = Mapping[str, Sequence[str]]
_CONSENSUS = "consensus"
_OPPOSITE = dict(zip("LRAPSI", "RLPAIS", strict=True))


def viewed_exams(standings: Standings, why_not: WhyNot | None) -> dict[str, list[str]]:
    """The exams of the viewer, and whose masks are at hand: of the first submissions on the board.

    None where the challenge does not publish them, or images and masks are not at hand.
    """
    if not (standings.challenge.public.viewer and why_not):
        return {}
    first = [entry.key for entry in standings.entries[:MOST_DRAWN]]
    found = {exam: [key for key in first if not why_not(key, exam)] for exam in standings.contract.exams}
    return {exam: keys for exam, keys in found.items() if keys}


def viewer_files(viewed: Viewed) -> list[str]:
    """The files of the viewer, from the site's root."""
    return [f"{FOLDER}/{name}" for name in (PAGE, *(f"{exam}.js" for exam in viewed))] if viewed else []


def exam_links(viewed: Viewed, entry: Entry, levels: Sequence[str]) -> dict[str, list[str]]:
    """Exam to its addresses from a submission's page: of the exam, and at each level."""
    return {
        exam: [viewer_link(exam, None, entry.page_name, level, folder=f"../{FOLDER}")
               for level in (None, *levels)]
        for exam, keys in viewed.items()
        if entry.key in keys
    }  # fmt: skip


def draw_viewer(
    standings: Standings, viewed: Viewed, overlays: OverlaySource, site: Path, *, made_from: str
) -> None:
    """Write the viewer, an exam at a time in memory; nothing where no exam is viewed."""
    if viewed:
        exams = tqdm(viewed, desc="viewer", unit="exam", disable=None, leave=False)
        read = (_exam(standings, viewed[exam], overlays, exam) for exam in exams)
        write_viewer(site / FOLDER, _cast(standings, viewed), list(viewed), read, made_from=made_from)


def _cast(standings: Standings, viewed: Viewed) -> Cast:
    study, shown = standings.study, {key for keys in viewed.values() for key in keys}
    entries = [entry for entry in standings.entries if entry.key in shown]
    teams = [entry.team for entry in entries]
    raters = [ViewedRater(_CONSENSUS, "reference", "consensus", study.reader_names)]
    # By names that are plain, whatever a team calls its method.
    raters += [ViewedRater(entry.page_name, "model", _title(standings, entry, teams)) for entry in entries]
    right = STORAGE_ORDER[study.plane][0]
    design, fair = study.design(), standings.challenge.ranking.yardstick == "fair"
    whom = "the consensuses without each reader, their mean" if fair else "the consensus of all readers"
    notes = [f"Consensus: {describe(study.consensus.rule)}, of all readers' masks, which are not shown."]
    if len(standings.entries) > MOST_DRAWN:
        notes.append(f"Shown are the first {MOST_DRAWN} of {len(standings.entries)} submissions.")
    return Cast(
        levels=study.levels,
        raters=raters,
        groups={name: values for name, values in design.by_name.items() if name in design.groups},
        sides=(_OPPOSITE[right], right),
        ordered=design.ordered,
        synthetic=standings.challenge.synthetic,
        titles=standings.titles,
        dice=f"Dice of this exam as on the board: against {whom}. A dash where it is undefined.",
        fair=fair,
        notes=notes,
    )


def _title(standings: Standings, entry: Entry, teams: Sequence[str]) -> str:
    return standings.shown(entry.team) if teams.count(entry.team) == 1 else entry.key


def _exam(standings: Standings, keys: Sequence[str], overlays: OverlaySource, exam: str) -> ViewedExam:
    study = standings.study
    names = {entry.key: entry.page_name for entry in standings.entries}
    masks: dict[str, np.ndarray] = {}
    for key in keys:
        overlay = overlays.read(key, exam)
        image, consensus, submission = (
            Volume(array, overlay.affine).stored_as(study.plane)
            for array in (overlay.image, overlay.consensus, overlay.submission)
        )
        masks = {_CONSENSUS: consensus.array} | masks | {names[key]: submission.array}
    own = standings.scores[(standings.scores.exam == exam) & standings.scores.key.isin(keys)]
    dice: dict[str, dict[str, float | None]] = {}
    for key, level, value in zip(own.key, own.level, own.dice, strict=True):
        dice.setdefault(names[key], {})[level] = None if np.isnan(value) else float(value)
    x, y, z = (float(size) for size in image.spacing)
    return ViewedExam(exam, masks, (x, y, z), image.array, dice)
