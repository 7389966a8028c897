"""Measures of two surfaces: how much of them lies close together, and how far apart they are."""

from __future__ import annotations

from collections.abc import Callable

from evaluation.measures.kinds import CONVENTIONS, READERS, Convention
from evaluation.measures.measure import Measure


def nsd(tolerance: float | None = None, convention: Convention = "elements") -> Measure:
    """Normalised surface Dice: the share of both surfaces within a tolerance (mm) of the other.

    Without a tolerance it is that of the readers, level by level. Nikolov et al., J Med Internet Res 2021;
    23:e26151 (not opened; the definition is that of the authors' program, `evaluation.measures.surface`).
    """
    deferred = tolerance is None
    at = READERS if tolerance is None else f"{tolerance:g}"
    within = "the readers' tolerance" if deferred else f"{tolerance:g} mm"

    return Measure(
        f"nsd@{at}{_ending(convention)}",
        f"NSD at {within}{_in_title(convention)}",
        f"share of both surfaces within {within} of the other; {CONVENTIONS[convention]}; one mask empty: 0",
        lambda pair: pair.distances(convention).nsd(tolerance or 0.0),
        lambda _: 0.0,
        of_surfaces=True,
        deferred=deferred,
    )


def nsd_in_plane(tolerance: float, convention: Convention = "elements") -> Measure:
    """NSD of the outlines in every slice: nothing is forgiven by what was drawn a slice further."""
    return Measure(
        f"nsd_in_plane@{tolerance:g}{_ending(convention)}",
        f"NSD in plane at {tolerance:g} mm{_in_title(convention)}",
        f"share of both masks' outlines within {tolerance:g} mm of the other's in the same slice; "
        f"{CONVENTIONS[convention]}; one mask empty: 0",
        lambda pair: pair.distances(convention, in_plane=True).nsd(tolerance),
        lambda _: 0.0,
        of_surfaces=True,
    )


def hausdorff(percentile: float, convention: Convention = "elements") -> Measure:
    """Hausdorff distance, or a percentile of it: the larger of the two directed ones."""
    name = "hd" if percentile == 100 else f"hd{percentile:g}"
    of = "largest distance" if percentile == 100 else f"{percentile:g}th percentile of distances"
    about = f"the larger of the two directed values of the {of} from one surface to the other"
    return _distance(name, name.upper(), about, lambda found: found.hausdorff(percentile), convention)


def assd(convention: Convention = "elements") -> Measure:
    """Average symmetric surface distance."""
    return _distance(
        "assd", "ASSD", "mean distance from each surface to the other", lambda found: found.assd(), convention
    )


def _distance(name: str, title: str, about: str, of: Callable[..., float], convention: Convention) -> Measure:
    return Measure(
        f"{name}{_ending(convention)}",
        f"{title}{_in_title(convention)}",
        f"{about}, mm; {CONVENTIONS[convention]}; one mask empty: the diagonal of the exam's grid",
        lambda pair: of(pair.distances(convention)),
        lambda pair: pair.diagonal,
        unit="mm",
        higher_is_better=False,
        best=0.0,
        bounds=(0.0, float("inf")),
        of_surfaces=True,
    )


def _ending(convention: Convention) -> str:
    return "" if convention == "elements" else f":{convention}"


def _in_title(convention: Convention) -> str:
    return "" if convention == "elements" else " (border voxels)"
