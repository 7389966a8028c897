"""An exam by every measure of its study, against the same consensuses as Dice, and pair by pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dataset_conversion.images import Grid
from evaluation.consensus.audited import STUDY, WITHOUT, YARDSTICK
from evaluation.masks.exam import slice_axis
from evaluation.measures.kinds import asked_for
from evaluation.measures.measure import OneEmpty, Status
from evaluation.measures.pairs import ExamMeasured
from evaluation.measures.parts import PairInPart, Part
from evaluation.measures.surface_distances import ROUNDING, SurfaceDistances
from evaluation.scores.fair import NOBODY
from evaluation.statistics.words import number
from evaluation.study.design import Design

#: Against what a row is: the study's own consensus, consensuses without one reader, the yardstick of all
#: readers, another rater.
USUAL, FAIR, OF_ALL, PAIR = "usual", "fair", "yardstick", "pair"
#: The usual way in the outer quarters of the slices alone, and in the inner half.
PERIPHERAL, CENTRAL = "usual, peripheral", "usual, central"
#: Columns of `Measured.rows`: ``other`` is the reader left out or the other rater, ``worst`` what the measure
#: is where one mask is empty.
COLUMNS = [
    "against", "other", "rater", "level", "measure", "value", "status", "n_reference", "n_rater", "worst",
]  # fmt: skip

#: Of a row that waits for its tolerance.
_KEY = COLUMNS[:4]
_Key = tuple[str, str, str, str]


@dataclass(frozen=True, eq=False)
class Measured:
    """What is measured of an exam. Measures whose tolerance the readers of all exams give stay open."""

    #: `COLUMNS`; without Dice, which is scored by counts. NaN where it waits for a tolerance.
    rows: pd.DataFrame
    #: ``against, other, rater, level`` to how far the two surfaces lie apart, of surfaces that wait.
    surfaces: Mapping[_Key, SurfaceDistances]
    #: The same of outlines, slice by slice, where a study asks for NSD in plane; of the fair way, or with one
    #: reader the usual one.
    outlines: Mapping[_Key, SurfaceDistances]
    #: Level to reader to volume and area of the surface (`evaluation.measures.surface.Surfaces.extent`), of
    #: those who marked it, where a tolerance is asked for.
    extents: Mapping[str, Mapping[str, tuple[float, float]]]
    #: Of voxels, mm, an axis with more than one slice each.
    spacing: tuple[float, ...]
    #: Reader left out and rater to the rows of `evaluation.measures.foci.exam_foci`, against yardsticks
    #: without the own mask: a reader against that of the others, a model against those and that of all.
    foci: Mapping[tuple[str, str], list[tuple]]
    #: Who drew the exam.
    readers: Sequence[str]

    def completed(self, tolerances: Mapping[str, float]) -> pd.DataFrame:
        """The rows, with the readers' tolerance of each level, mm."""
        # Each is read once: they may lie in a file.
        every, surfaces = self.rows, self.surfaces
        rows = every[COLUMNS].copy()
        waiting = every.index[every.waits]
        keys = rows.loc[waiting, _KEY].itertuples(index=False, name=None)
        nsd = [surfaces[key].nsd(tolerances[key[-1]]) if tolerances[key[-1]] >= 0 else np.nan
               for key in keys]  # fmt: skip
        rows.loc[waiting, "value"] = nsd
        rows.loc[waiting[np.isnan(nsd)], "status"] = str(Status.UNDEFINED)
        return rows

    def among(self, readers: Sequence[str]) -> dict[str, list[SurfaceDistances]]:
        """How far readers' surfaces lie apart, pair by pair, a level each."""
        pairs: dict[str, list[SurfaceDistances]] = {}
        for (against, other, rater, level), found in self.surfaces.items():
            if against == PAIR and {other, rater} <= {*readers}:
                pairs.setdefault(level, []).append(found)
        return pairs


def tolerance_warnings(design: Design, spacing: Sequence[float]) -> list[str]:
    """Of tolerances that a study names, those that its voxels, mm, cannot carry."""
    asked = {name: asked_for(name).tolerance for name in design.measures}
    voxel = min(spacing)
    return [
        f"{name}: the tolerance of {mm:g} mm is below a voxel ({number(voxel)} mm): surfaces are apart by "
        "whole voxels, so that only what coincides is within it"
        for name, mm in asked.items()
        if mm is not None and mm < voxel - ROUNDING
    ]


def measure_exam(
    design: Design,
    masks: Mapping[str, np.ndarray],
    references: Mapping[str, np.ndarray],
    readers: Sequence[str],
    affine: np.ndarray,
    ignored: np.ndarray | None = None,
    slices: np.ndarray | None = None,
) -> Measured:
    """By every measure of a study but Dice.

    Parameters
    ----------
    masks : mapping of str to ndarray
        Rater to label map (i, j, k), of readers and models.
    references : mapping of str to ndarray
        The consensuses painted, by their names in `evaluation.consensus.audited`.
    affine : ndarray, shape (4, 4)
        Voxel indices to world millimetres.
    ignored : ndarray of bool, optional
        Voxels that count nowhere, 0 in every mask.
    slices : ndarray of int, optional
        Those that hold something, as of `evaluation.masks.exam.ExamMasks.order`: their outer quarters and
        inner half are measured too.
    """
    chosen = [measure for measure in design.measured if measure.name != "dice"]
    named = {_reference(name): array for name, array in references.items()}
    exam = ExamMeasured(
        {**masks, **named}, design.by_name, affine,
        single=design.levels, ordered=design.ordered, foci=design.foci, ignored=ignored,
        slices=slice_axis(Grid(next(iter(masks.values())).shape, affine), design.plane),
    )  # fmt: skip
    rows: list[tuple] = []
    surfaces: dict[_Key, SurfaceDistances] = {}
    outlines: dict[_Key, SurfaceDistances] = {}
    in_plane = any(asked_for(name).kind == "nsd_in_plane" for name in design.measures)
    study = _reference(STUDY)
    asked = list(_asked(masks, readers, references, any(measure.pairwise for measure in chosen)))
    for level in design.by_name:
        of_level = [measure for measure in chosen if measure.of_groups or level in design.levels]
        for against, other, reference, rater in asked:
            pair = exam.pair(level, reference, rater)
            if (
                in_plane
                and against == (FAIR if len(readers) > 1 else USUAL)
                and pair.n_reference
                and pair.n_rater
            ):
                outlines[against, other, rater, level] = _compact(pair.distances(in_plane=True))
            # Of two raters who is empty disagrees, whatever a study says of scores.
            policy = OneEmpty.WORST if against == PAIR else design.one_empty
            for measure in of_level:
                if against == PAIR and not measure.pairwise:
                    continue
                value, status = measure.score(pair, policy)
                waits = measure.deferred and status is Status.SCORED
                if waits:
                    surfaces[against, other, rater, level] = _compact(pair.distances())
                elif against == PAIR and measure.directed:
                    value = (value + measure.score(exam.pair(level, rater, reference), policy)[0]) / 2
                worst = measure.worst(pair) if policy is OneEmpty.WORST else np.nan
                key = against, other, rater, level
                rows.append((*key, measure.name, value, str(status), *measure.counts(pair), worst, waits))
        for name, part in _parts(slices):
            for rater in masks:
                within = PairInPart(exam, level, study, rater, part)
                for measure in of_level:
                    value, status = within.score(measure, design.one_empty)
                    waits = measure.deferred and status is Status.SCORED
                    if waits:
                        surfaces[name, NOBODY, rater, level] = _compact(within.distances())
                    counts = within.n_reference, within.n_rater
                    rows.append(
                        (name, NOBODY, rater, level, measure.name, value, str(status), *counts, np.nan, waits)
                    )
    foci = {}
    if any(measure.of_foci for measure in chosen):
        foci = {(other, rater): exam.foci(reference, rater)
                for against, other, reference, rater in asked
                if against in (FAIR, OF_ALL)}  # fmt: skip
    extents = {}
    if any(measure.deferred for measure in chosen):
        extents = {level: exam.extents(level, readers) for level in design.by_name}
    table = pd.DataFrame(rows, columns=[*COLUMNS, "waits"])
    return Measured(table, surfaces, outlines, extents, exam.steps, foci, tuple(readers))


def _compact(found: SurfaceDistances) -> SurfaceDistances:
    """Both directions as one and each distance once: NSD stays, and an exam takes little memory."""
    distances = np.concatenate([found.to_reference, found.to_rater])
    areas = np.concatenate([found.rater_areas, found.reference_areas])
    # On a grid distances repeat; they differ in the last digits at most.
    each, place = np.unique(np.round(distances, 9), return_inverse=True)
    half = np.bincount(place, areas, len(each)) / 2
    return SurfaceDistances(each, each, half, half, found.convention)


def _parts(slices: np.ndarray | None) -> Iterator[tuple[str, Part]]:
    """The outer quarters and the inner half of some slices; of fewer than two, none."""
    if slices is not None and len(slices) > 1:
        first, n = int(slices.min()), len(slices)
        yield from ((PERIPHERAL, Part(first, n, True)), (CENTRAL, Part(first, n, False)))


def _reference(name: str) -> str:
    """A consensus among raters, who may be called as it is."""
    return f"\N{INFORMATION SEPARATOR ONE}{name}"


def _asked(
    masks: Mapping[str, np.ndarray],
    readers: Sequence[str],
    references: Mapping[str, np.ndarray],
    pairs: bool,
) -> Iterator[tuple[str, str, str, str]]:
    """``against, other``, and the names of reference and rater."""
    models = [rater for rater in masks if rater not in readers]
    study = _reference(STUDY)
    yardstick = _reference(YARDSTICK if YARDSTICK in references else STUDY)
    yield from ((USUAL, NOBODY, study, rater) for rater in masks)
    yield from ((OF_ALL, NOBODY, yardstick, model) for model in models)
    for reader in readers:
        without = _reference(f"{WITHOUT}{reader}")
        if f"{WITHOUT}{reader}" in references:
            yield from ((FAIR, reader, without, rater) for rater in (reader, *models))
    if pairs:
        for place, reader in enumerate(readers):
            yield from ((PAIR, reader, reader, other) for other in (*readers[place + 1 :], *models))
