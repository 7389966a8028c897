"""From the values and names of a mask file to the levels of a study."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from dataset_conversion.images import ConversionError, Volume


@dataclass(frozen=True)
class Labels:
    """How values and names of a mask file become levels."""

    #: Level name to mask value, without background: the study's.
    levels: Mapping[str, int]
    #: What the user says stands for other values: a mask value (``"255"``) or the name of a segment or
    #: contour set (``"GTV_Mass"``) to a mask value, 0 for none.
    label_map: Mapping[str, int]
    #: Colour to mask value, as ``{"#ff8c00": 1}``: the study's; in pictures alone.
    colors: Mapping[str, int] = field(default_factory=dict)
    #: Names of labels: where several are drawn in one voxel, the one named first counts. None where nobody
    #: can say so.
    precedence: Sequence[str] | None = None


def relabel(mask: Volume, label_map: Mapping[str, int]) -> Volume:
    """Replace mask values; entries of the map that are no whole number are names and do nothing here.

    Examples
    --------
    >>> mask = Volume(np.array([[[0, 1, 255]]], dtype=np.uint8), np.eye(4))
    >>> relabel(mask, {"255": 1, "1": 2, "GTV": 3}).array
    array([[[0, 2, 1]]], dtype=uint8)
    """
    changes = {int(found): value for found, value in label_map.items() if _is_whole_number(found)}
    if not changes:
        return mask
    types = [np.min_scalar_type(value) for value in changes.values()]
    mapped = mask.array.astype(np.result_type(mask.array.dtype, *types))
    for found, value in changes.items():
        mapped[mask.array == found] = value
    return replace(mask, array=mapped)


def values_of_names(path: Path, names: Sequence[str], kind: str, labels: Labels) -> list[int]:
    """Mask value of every named segment: as the user maps it, or the level of the same name.

    Upper and lower case are the same unless the exact name is there as well, and so are characters that a
    study file's names may not have. Names that are neither mapped nor a level are refused, all at once.
    """
    values = [value_of_name(name, labels) for name in names]
    if unknown := [name for name, value in zip(names, values, strict=True) if value is None]:
        raise ConversionError(
            f"{path}: {kind}: found {', '.join(map(quoted, dict.fromkeys(unknown)))}, expected the name of "
            f"a level ({', '.join(labels.levels)}); map each with --map-label NAME=VALUE (0 ignores it)"
        )
    return [value for value in values if value is not None]


def value_of_name(name: str, labels: Labels) -> int | None:
    """Mask value of one name, as `values_of_names` has it; None where it is neither mapped nor a level."""
    return _lookup(name, labels.label_map, labels.levels)


def tidy(name: str) -> str:
    """A name of a segment or file as a study file may have it.

    Examples
    --------
    >>> tidy(" Parotid (L)")
    'Parotid_L'
    """
    plain = re.sub(r"[^A-Za-z0-9_.+-]+", "_", name.strip())
    return plain.strip("_.+-")[:64] or "label"


def combine(
    path: Path,
    shape: tuple[int, ...],
    segments: Iterable[tuple[str, int, np.ndarray]],
    kind: str,
    precedence: Sequence[str] | None = None,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """One label map of several segments, and notes; segments of one level are united, level 0 is left out.

    A segment is its name, mask value and voxels (bool, of `shape`); `kind` is what the file calls it. Of
    segments of different levels in a voxel the one counts that stands first in `precedence`, with a note of
    how many voxels these were; where none of them stands there, `ConversionError` is raised.
    """
    order = {tidy(name).casefold(): place for place, name in enumerate(precedence or ())}
    values = np.zeros(shape, dtype=np.int32)
    # Place in the order of what was painted; behind all of them what is not in it, and then what is free.
    places = np.full(shape, len(order) + 1, dtype=np.int32)
    several = np.zeros(shape, dtype=bool)
    tied = np.zeros(shape, dtype=bool)
    painted: list[tuple[str, np.ndarray]] = []
    for name, value, voxels in segments:
        if value == 0:
            continue
        place = order.get(tidy(name).casefold(), len(order))
        shared = voxels & (values != 0) & (values != value)
        several |= shared
        before = voxels & (places > place)
        tied &= ~before
        tied |= shared & (places == place)
        here = before | (voxels & (places == place))
        values[here], places[here] = value, place
        painted.append((name, voxels))
    if several.any():
        count = int(tied.sum())
        met = dict.fromkeys(name for name, voxels in painted if (voxels & (tied if count else several)).any())
        listed = ", ".join(map(quoted, met))
        if count:
            hint = "" if precedence is None else ", or say which counts with --precedence NAME"
            raise ConversionError(
                f"{path}: {kind}: found {count} of {values.size} voxels in more than one of {listed}, "
                f"expected each in one level; remove the overlap, or ignore one with --map-label NAME=0{hint}"
            )
        of = f"{several.sum()} of {values.size} voxels"
        note = f"{kind}: found {of} in more than one of {listed}; --precedence decided"
        return values, (note,)
    return values, ()


def _lookup(name: str, *tables: Mapping[str, int]) -> int | None:
    wanted = name.strip()
    for table in tables:
        if wanted in table:
            return table[wanted]
        for key, value in table.items():
            if key.strip().casefold() == wanted.casefold():
                return value
    for table in tables:
        for key, value in table.items():
            if tidy(key).casefold() == tidy(wanted).casefold():
                return value
    return None


def _is_whole_number(text: str) -> bool:
    return text.strip().removeprefix("-").isdecimal()


def quoted(name: str) -> str:
    """A name out of a file, as a message has it."""
    # A damaged file's name may hold line breaks and control characters: messages are one line.
    return "'" + "".join(c if c.isprintable() else " " for c in name)[:64].strip() + "'"
