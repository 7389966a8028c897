"""The tolerance of NSD from the readers of a study, level by level, and NSD over the tolerance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from evaluation.measures.profile import Profile

#: Columns of `readers_tolerances`: ``tolerance`` in mm, ``source`` whose it is in words.
TOLERANCE_COLUMNS = ["level", "tolerance", "source", "n_pairs", "warning"]
#: Columns of `nsd_curve`.
CURVE_COLUMNS = ["rater", "level", "tolerance", "nsd", "n"]
#: mm: the thresholds among which KiTS21 looks for a tolerance (``compute_tolerances.py``), and none.
CURVE = np.round(np.arange(51) / 10, 1)
#: mm: readers whose surfaces lie further apart differ on what is there, not on where its border runs.
LARGEST = float(CURVE[-1])


def readers_tolerances(
    among: Mapping[str, Sequence[Profile]],
    quantile: float,
    *,
    given: Mapping[str, float],
    spacing: Sequence[float],
) -> pd.DataFrame:
    """A tolerance a level: the quantile of distances between readers' surfaces, by area.

    Where readers miss each other's foci, that is no distance between borders: in the synthetic cohort 95 % of
    the surfaces of level 3 lie within 51 mm, at which everything is right. Above `LARGEST` the tolerance is
    therefore the median distance, and its source says so.

    Parameters
    ----------
    among : mapping of str to sequence of Profile
        Level to the pairs of readers, of all exams, who both marked it. Where there is none a level has no
        tolerance, and NSD is not scored.
    given : mapping of str to float
        Tolerances that were fixed before; readers are not asked then.
    spacing : sequence of float
        Of voxels, mm.
    """
    rows = []
    for level, profiles in among.items():
        tolerance, source = _readers(profiles, quantile)
        if level in given:
            tolerance, source = float(given[level]), "fixed before"
        rows.append((level, tolerance, source, len(profiles), _warning(level, tolerance, spacing)))
    return pd.DataFrame(rows, columns=TOLERANCE_COLUMNS)


def _readers(profiles: Sequence[Profile], quantile: float) -> tuple[float, str]:
    """The tolerance of a level, and in words whose it is."""
    if not profiles:
        return np.nan, "no two readers marked it in one exam"
    pooled = Profile.pooled(profiles)
    wanted, half = pooled.quantile(quantile), pooled.quantile(0.5)
    of_readers = "of the readers' surfaces lie this close to another reader's"
    if wanted <= LARGEST or quantile <= 0.5:
        return wanted, f"{100 * quantile:g} % {of_readers}"
    return half, f"half {of_readers}; {100 * quantile:g} % only within {wanted:.1f} mm"


def _warning(level: str, tolerance: float, spacing: Sequence[float]) -> str:
    half = min(spacing) / 2
    if not tolerance < half:
        return ""
    return (
        f"{level}: the tolerance, {tolerance:.2f} mm, is below half a voxel ({half:.2f} mm): NSD asks for more "
        "than the image shows."
    )


def nsd_curve(
    exams: Sequence[Mapping[tuple[str, str, str, str], Profile]], against: Mapping[str, str]
) -> pd.DataFrame:
    """Mean NSD over exams at each tolerance of `CURVE`, by rater and level.

    `exams` are `evaluation.study.measured.Measured.profiles`; `against` is rater to what it is held against.
    Of the exams in which both mark the level, ``n``; a model's is the mean over the yardsticks of an exam.
    """
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    for profiles in exams:
        for key, curves in _by_rater(profiles, against):
            found.setdefault(key, []).append(np.mean(curves, axis=0))
    rows = [
        (rater, level, mm, nsd, len(curves))
        for (rater, level), curves in found.items()
        for mm, nsd in zip(CURVE, np.mean(curves, axis=0), strict=True)
    ]
    return pd.DataFrame(rows, columns=CURVE_COLUMNS)


def _by_rater(
    profiles: Mapping[tuple[str, str, str, str], Profile], against: Mapping[str, str]
) -> Iterator[tuple[tuple[str, str], list[np.ndarray]]]:
    of_exam: dict[tuple[str, str], list[np.ndarray]] = {}
    for (way, _, rater, level), profile in profiles.items():
        if against.get(rater) == way:
            of_exam.setdefault((rater, level), []).append(profile.within(CURVE))
    yield from of_exam.items()
