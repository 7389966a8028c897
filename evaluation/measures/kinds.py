"""Names of measures, as a study file has them: which there are, and what one asks for."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Literal, NamedTuple

#: How surfaces are taken of masks; see `evaluation.measures.surface`.
Convention = Literal["elements", "voxels"]
#: What stands of them below tables.
CONVENTIONS: dict[Convention, str] = {
    "elements": "surface elements weighted by area",
    "voxels": "border voxels, each counting alike",
}
#: The tolerance that is told from the readers (`evaluation.measures.tolerance`).
READERS = "readers"
#: Of readers' surfaces that is to lie within it.
QUANTILE = 0.95

#: What an ordinal study, and a nominal one, is scored by when its file does not say.
DEFAULT = {
    True: ("dice", "nsd@readers", "hd95", "assd", "volume_difference", "foci"),
    False: ("dice", "nsd@readers", "hd95", "assd", "volume_difference"),
}
DISTANCES = ("hd95", "hd", "assd")
#: Those that are asked for by their name alone.
PLAIN = (
    "dice", "volume_difference", "false_positive_volume", "false_negative_volume",
    "foci", "foci_f1", "foci_sensitivity", "foci_false",
)  # fmt: skip
_FOR_MESSAGES = ("nsd@readers", "nsd@2", "nsd_in_plane@2", *DISTANCES, *PLAIN)


class Asked(NamedTuple):
    """What a name asks for."""

    #: One of `PLAIN` or `DISTANCES`, "nsd" or "nsd_in_plane".
    kind: str
    convention: Convention = "elements"
    #: Of NSD, mm; None for the readers'.
    tolerance: float | None = None


def asked_for(name: str) -> Asked:
    """What a name asks for.

    Surface measures take ``:voxels`` behind their name for the convention of border voxels, and NSD its
    tolerance in mm.

    Raises
    ------
    ValueError
        When a name is unknown, or a tolerance is no length above 0; says what may have been meant.

    Examples
    --------
    >>> asked_for("nsd@2:voxels")
    Asked(kind='nsd', convention='voxels', tolerance=2.0)
    """
    if name in PLAIN:
        return Asked(name)
    stem, colon, ending = name.partition(":")
    convention: Convention = "voxels" if ending else "elements"
    if not colon or ending == "voxels":
        if stem in DISTANCES:
            return Asked(stem, convention)
        if name == f"nsd@{READERS}":
            return Asked("nsd")
        kind, at, tolerance = stem.partition("@")
        if at and kind in ("nsd", "nsd_in_plane") and (kind, tolerance) != ("nsd", READERS):
            return Asked(kind, convention, _tolerance(name, tolerance))
    close = difflib.get_close_matches(name, _FOR_MESSAGES, 1)
    meant = f"; did you mean {close[0]}?" if close else ""
    raise ValueError(
        f"measures: found '{name}', expected some of {', '.join(_FOR_MESSAGES)} (NSD at any mm; ':voxels' "
        f"behind nsd@2, {', '.join(DISTANCES)} for border voxels){meant}"
    )


def check_measures(names: Sequence[str]) -> None:
    """A ValueError for the first name that is no measure."""
    for name in names:
        asked_for(name)


def _tolerance(name: str, text: str) -> float:
    try:
        mm = float(text)
    except ValueError:
        mm = float("nan")
    if not 0 < mm < float("inf"):
        raise ValueError(
            f"measures: found '{name}', expected a tolerance in mm above 0, as nsd@2 or nsd_in_plane@2, or "
            f"nsd@{READERS}"
        )
    return mm
