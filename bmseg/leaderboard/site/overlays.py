"""A submission's worst exams, and the slices of them that its page shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

from bmseg.leaderboard.scoring import MISSING
from bmseg.leaderboard.standings import Standings
from bmseg.study import Study
from bmseg.wording import synthetic_mark
from dataset_conversion.images import Volume
from evaluation.figures.files import save_figure
from evaluation.figures.slices import overlay_sheet

#: Exams shown on a submission's page.
WORST_EXAMS = 3
HIDDEN = "The organiser shows no overlays: they would show the reference of the test exams."
NOT_HERE = "No overlay: the images and masks were not at hand where this page was made."


@dataclass(frozen=True)
class Overlay:
    """What is drawn of an exam: image and label maps of one shape (i, j, k), affine to world mm, RAS+."""

    image: np.ndarray
    consensus: np.ndarray
    submission: np.ndarray
    affine: np.ndarray


class OverlaySource(Protocol):
    """Where images and masks come from; read one at a time, when they are drawn."""

    def why_not(self, key: str, exam: str) -> str:
        """As of `WhyNot`."""

    def read(self, key: str, exam: str) -> Overlay:
        """The overlay of a submission's exam; asked for only where `why_not` is empty."""


#: Submission and exam to why there is no overlay, in a sentence; empty where there is one.
WhyNot = Callable[[str, str], str]


def recorded_overlays(record: Mapping[str, Any]) -> WhyNot:
    """What the record of a finished site says of its overlays, for making its pages again without images."""
    return lambda key, exam: record.get("overlays", {}).get(key, {}).get(exam, NOT_HERE)


def worst_exams(standings: Standings, why_not: WhyNot | None) -> dict[str, list[dict[str, Any]]]:
    """The exams of lowest mean Dice over the ranked levels, worst first, of every submission.

    Of each ``exam``, ``dice`` (mean over the ranked levels, by their weights), ``overlay`` (file from the
    site's root, or None) and ``why_not``. Exams without a mask or a defined score are left out.
    """
    weights = standings.challenge.ranking.of_dice
    scores = standings.scores
    ranked = scores[scores.level.isin(list(weights)) & (scores.status != MISSING)].dropna(subset="dice")
    weight = ranked.level.map(weights)
    weighted = ranked.assign(dice=ranked.dice * weight, weight=weight)
    by_exam = weighted.groupby(["key", "exam"])[["dice", "weight"]].sum()
    means = by_exam.dice / by_exam.weight
    of_each = {key: own.droplevel("key").sort_index() for key, own in means.groupby(level="key")}
    found: dict[str, list[dict[str, Any]]] = {entry.key: [] for entry in standings.entries}
    for entry in standings.entries:
        own = of_each.get(entry.key, means[:0].droplevel("key"))
        for exam, dice in own.sort_values(kind="stable").head(WORST_EXAMS).items():
            reason = why_not(entry.key, str(exam)) if why_not else NOT_HERE
            if not standings.challenge.public.overlays:
                reason = HIDDEN
            file = None if reason else f"overlays/{entry.page_name}--{exam}.png"
            shown = {"exam": str(exam), "dice": float(dice), "overlay": file, "why_not": reason}
            found[entry.key].append(shown)
    return found


def draw_overlays(
    standings: Standings,
    worst: Mapping[str, Sequence[Mapping[str, Any]]],
    overlays: OverlaySource,
    site: Path,
) -> None:
    """Draw what `worst_exams` found to be there, a PNG an exam, read one at a time."""
    note = synthetic_mark(standings.challenge.synthetic)
    shown = [(key, exam) for key, exams in worst.items() for exam in exams if exam["overlay"]]
    for key, exam in tqdm(shown, desc="overlays", disable=None, leave=False):
        title = f"{exam['exam']}\nmean Dice {exam['dice']:.2f}"
        figure = draw_overlay(overlays.read(key, exam["exam"]), standings.study, title, note)
        path = site / exam["overlay"]
        save_figure(figure, path.parent, path.stem, endings=["png"], dpi=150)


def draw_overlay(overlay: Overlay, study: Study, title: str, note: str) -> Figure:
    """The slice of the study's plane with most error: image, consensus, submission.

    An error is a pixel whose labels differ; where there is none, the slice with most marked is shown.
    """
    image, consensus, submission = (
        Volume(array, overlay.affine).stored_as(study.plane)
        for array in (overlay.image, overlay.consensus, overlay.submission)
    )
    shown = slice_shown(consensus.array, submission.array)
    seen = {"consensus": consensus.array[:, :, shown].T, "submission": submission.array[:, :, shown].T}
    return overlay_sheet(
        [(f"{title}\nslice {shown + 1}", image.array[:, :, shown].T, seen)],
        colors={level.value: level.color for level in study.levels},
        aspect=float(image.spacing[1] / image.spacing[0]),
        note=note,
    )


def slice_shown(consensus: np.ndarray, submission: np.ndarray) -> int:
    """The slice along the last axis with most pixels of other labels; among equals the most marked."""
    errors = (consensus != submission).sum(axis=(0, 1))
    marked = ((consensus > 0) | (submission > 0)).sum(axis=(0, 1))
    return int(np.lexsort((-np.arange(len(errors)), marked, errors))[-1])
