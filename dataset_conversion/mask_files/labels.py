"""From the values and names of a mask file to the levels of a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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

    Upper and lower case are the same unless the exact name is there as well. Names that are neither mapped
    nor a level are refused, all at once.
    """
    values = [_lookup(name, labels.label_map, labels.levels) for name in names]
    if unknown := [name for name, value in zip(names, values, strict=True) if value is None]:
        raise ConversionError(
            f"{path}: {kind}: found {', '.join(map(_quoted, dict.fromkeys(unknown)))}, expected the name of "
            f"a level ({', '.join(labels.levels)}); map each with --map-label NAME=VALUE (0 ignores it)"
        )
    return [value for value in values if value is not None]


def combine(
    path: Path, shape: tuple[int, ...], segments: Iterable[tuple[str, int, np.ndarray]], kind: str
) -> np.ndarray:
    """One label map of several segments; segments of one level are united, those of level 0 left out.

    A segment is its name, mask value and voxels (bool, of `shape`); `kind` is what the file calls it. A voxel
    in segments of different levels raises `ConversionError`.
    """
    values = np.zeros(shape, dtype=np.int32)
    overlap = np.zeros(shape, dtype=bool)
    # In order, each once: the names of all segments that meet another level.
    names: dict[str, None] = {}
    painted: list[tuple[str, int, np.ndarray]] = []
    for name, value, voxels in segments:
        if value == 0:
            continue
        shared = voxels & (values != 0) & (values != value)
        if shared.any():
            overlap |= shared
            met = [other for other, level, area in painted if level != value and (area & voxels).any()]
            names.update(dict.fromkeys([*met, name]))
        values[voxels] = value
        painted.append((name, value, voxels))
    if count := int(overlap.sum()):
        raise ConversionError(
            f"{path}: {kind}: found {count} voxels in more than one of {', '.join(map(_quoted, names))}, "
            "expected each in one level; remove the overlap, or ignore one with --map-label NAME=0"
        )
    return values


def _lookup(name: str, *tables: Mapping[str, int]) -> int | None:
    wanted = name.strip()
    for table in tables:
        if wanted in table:
            return table[wanted]
        for key, value in table.items():
            if key.strip().casefold() == wanted.casefold():
                return value
    return None


def _is_whole_number(text: str) -> bool:
    return text.strip().removeprefix("-").isdecimal()


def _quoted(name: str) -> str:
    # A damaged file's name may hold line breaks and control characters: messages are one line.
    return "'" + "".join(c if c.isprintable() else " " for c in name)[:64].strip() + "'"
