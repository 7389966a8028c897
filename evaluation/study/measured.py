"""An exam by every measure that its study asks for, against the same consensuses as Dice, and pair by pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.consensus.audited import STUDY, WITHOUT, YARDSTICK
from evaluation.measures.measure import Measure, OneEmpty, Status
from evaluation.measures.pairs import ExamMeasured
from evaluation.measures.profile import Profile
from evaluation.scores.fair import NOBODY
from evaluation.study.design import Design

#: Against what a row is: the study's own consensus, consensuses without one reader, the yardstick of all
#: readers, another rater.
USUAL, FAIR, OF_ALL, PAIR = "usual", "fair", "yardstick", "pair"
#: Columns of `Measured.rows`: ``other`` is the reader left out or the other rater, ``worst`` what the measure
#: is where one mask is empty.
COLUMNS = [
    "against", "other", "rater", "level", "measure", "value", "status", "n_reference", "n_rater", "worst",
]  # fmt: skip

#: Reference and rater of a row that waits for its tolerance.
_Key = tuple[str, str, str, str]


@dataclass(frozen=True, eq=False)
class Measured:
    """What is measured of an exam. Measures whose tolerance the readers of all exams give stay open."""

    #: `COLUMNS`; without Dice, which is scored by counts. NaN where it waits for a tolerance.
    rows: pd.DataFrame
    #: ``against, other, rater, level`` to how far the two surfaces lie apart, of surfaces that wait.
    profiles: Mapping[_Key, Profile]
    #: Reader left out and rater to the rows of `evaluation.measures.foci.exam_foci`, against yardsticks
    #: without the own mask: a reader against that of the others, a model against those and that of all.
    foci: Mapping[tuple[str, str], list[tuple]]

    def completed(self, tolerances: Mapping[str, float]) -> pd.DataFrame:
        """The rows, with the readers' tolerance of each level, mm."""
        keys = zip(*(self.rows[name] for name in ("against", "other", "rater", "level")), strict=True)
        values = self.rows.value.to_numpy(copy=True)
        waiting = self.rows.waits.to_numpy()
        for place, key in enumerate(keys):
            if waiting[place]:
                values[place] = float(self.profiles[key].within(tolerances[key[-1]]))
        return self.rows.assign(value=values)[COLUMNS]

    def among(self, readers: Sequence[str], level: str) -> list[Profile]:
        """How far readers' surfaces lie apart, pair by pair."""
        return [
            found
            for (against, other, rater, of), found in self.profiles.items()
            if against == PAIR and of == level and {other, rater} <= {*readers}
        ]


def measure_exam(
    design: Design,
    masks: Mapping[str, np.ndarray],
    references: Mapping[str, np.ndarray],
    readers: Sequence[str],
    affine: np.ndarray,
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
    """
    chosen = [measure for measure in design.measured if measure.name != "dice"]
    named = {_reference(name): array for name, array in references.items()}
    exam = ExamMeasured(
        {**masks, **named}, design.by_name, affine,
        single=design.levels, ordered=design.ordered, foci=design.foci,
    )  # fmt: skip
    rows: list[tuple] = []
    profiles: dict[_Key, Profile] = {}
    asked = list(_asked(masks, readers, references, any(measure.pairwise for measure in chosen)))
    for level in design.by_name:
        of_level = [measure for measure in chosen if measure.of_groups or level in design.levels]
        for against, other, reference, rater in asked:
            pair = exam.pair(level, reference, rater)
            back = exam.pair(level, rater, reference)
            for measure in of_level:
                if against == PAIR and not measure.pairwise:
                    continue
                waits = measure.deferred and measure.status(pair) is Status.SCORED
                if waits:
                    profiles[against, other, rater, level] = Profile.of(pair.distances())
                    value, status = np.nan, Status.SCORED
                else:
                    value, status = measure.score(pair, design.one_empty)
                    if against == PAIR and measure.directed:
                        value = (value + measure.score(back, design.one_empty)[0]) / 2
                worst = np.nan if design.one_empty is OneEmpty.LEFT_OUT else measure.worst(pair)
                counts = measure.counts(pair)
                rows.append(
                    (against, other, rater, level, measure.name, value, str(status), *counts, worst, waits)
                )
    foci = {}
    if any(measure.of_foci for measure in chosen):
        foci = {(other, rater): exam.foci(reference, rater)
                for against, other, reference, rater in asked
                if against in (FAIR, OF_ALL)}  # fmt: skip
    return Measured(pd.DataFrame(rows, columns=[*COLUMNS, "waits"]), profiles, foci)


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
    if len(readers) < 2:
        return
    for reader in readers:
        without = _reference(f"{WITHOUT}{reader}")
        yield from ((FAIR, reader, without, rater) for rater in (reader, *models))
    if pairs:
        for place, reader in enumerate(readers):
            yield from ((PAIR, reader, reader, other) for other in (*readers[place + 1 :], *models))
