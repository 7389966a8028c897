"""The measures by their names. Who adds one lists it here, and its name in `evaluation.measures.kinds`."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.measures.dice import DICE
from evaluation.measures.distances import assd, hausdorff, nsd, nsd_in_plane
from evaluation.measures.foci_scores import FOCI
from evaluation.measures.kinds import asked_for
from evaluation.measures.measure import Measure
from evaluation.measures.volume_errors import FALSE_NEGATIVE, FALSE_POSITIVE, VOLUME_DIFFERENCE

_PLAIN: dict[str, Sequence[Measure]] = {
    each.name: (each,) for each in (DICE, VOLUME_DIFFERENCE, FALSE_POSITIVE, FALSE_NEGATIVE, *FOCI)
} | {"foci": FOCI}


def measures(names: Sequence[str]) -> list[Measure]:
    """The measures of some names, each once; errors are those of `evaluation.measures.kinds.asked_for`.

    Examples
    --------
    >>> [measure.name for measure in measures(["dice", "nsd@2", "hd95:voxels"])]
    ['dice', 'nsd@2', 'hd95:voxels']
    """
    found = {measure.name: measure for name in names for measure in _named(name)}
    return list(found.values())


def _named(name: str) -> Sequence[Measure]:
    asked = asked_for(name)
    if asked.kind in _PLAIN:
        return _PLAIN[asked.kind]
    if asked.kind == "nsd":
        return (nsd(asked.tolerance, asked.convention),)
    if asked.kind == "nsd_in_plane":
        assert asked.tolerance is not None  # that of the readers is of whole surfaces
        return (nsd_in_plane(asked.tolerance, asked.convention),)
    if asked.kind == "assd":
        return (assd(asked.convention),)
    return (hausdorff(95 if asked.kind == "hd95" else 100, asked.convention),)
