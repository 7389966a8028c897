"""Which volume of an exported exam is a channel of the study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dataset_conversion.images import Plane

#: What a Dixon acquisition gives; ``unknown`` where no tag says so.
ContrastName = Literal["water", "fat", "in_phase", "opposed_phase", "fat_fraction", "unknown"]

#: Body regions that are recognised in SeriesDescription and BodyPartExamined.
Region = Literal[
    "knee", "thigh", "leg", "pelvis", "abdomen", "chest", "head", "neck", "shoulder", "foot", "ankle", "hip",
    "spine", "whole body",
]  # fmt: skip


@dataclass(frozen=True)
class ChannelRule:
    """What a volume has to be to become a channel."""

    channel: str
    plane: Plane
    #: Any magnitude image when not given.
    contrast: ContrastName | None = None
    #: A body region that the description or BodyPartExamined names, or the place among stations of the same
    #: kind counted from the feet, from 1; not asked for when not given.
    station: Region | int | None = None

    def __str__(self) -> str:
        parts: list[str] = [self.contrast or "any magnitude", self.plane]
        if self.station is not None:
            parts.append(f"station {self.station}")
        return ", ".join(parts)
