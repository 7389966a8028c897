"""What a viewer shows: who takes part, and exams as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from bmseg.study import Level

#: What a rater is to the others.
Kind = Literal["reference", "model", "reader"]


@dataclass(frozen=True)
class ViewedRater:
    """Whose masks are shown."""

    #: As in addresses and tables.
    name: str
    kind: Kind
    #: As people call it; by default the name.
    title: str = ""
    #: Of a reference: the readers who made it, whom a comparison with it flatters.
    made_by: Sequence[str] = ()
    #: Of a model: the readers whose masks it learned from.
    taught_by: Sequence[str] = ()


@dataclass(frozen=True)
class Cast:
    """Everything that a viewer says beside its exams."""

    levels: Sequence[Level]
    #: In the order of the table: who is held against others, models, readers.
    raters: Sequence[ViewedRater]
    #: Name to what people read, of levels, groups and raters that have such a title.
    titles: Mapping[str, str] = field(default_factory=dict)
    #: Name to mask values, of levels that are scored as one.
    groups: Mapping[str, Sequence[int]] = field(default_factory=dict)
    #: Whom the others are compared with at first, and who is compared; by default the first of each kind.
    against: str = ""
    first: str = ""
    #: The patient's side at the image's left and right edge.
    sides: tuple[str, str] = ("R", "L")
    #: Whether labels are levels in rising order.
    ordered: bool = True
    synthetic: bool = False
    #: The mask value of voxels that are left out of every count.
    ignore: int | None = None
    #: What the Dice in the table is; nothing where there is none.
    dice: str = ""
    #: Whether that Dice is against what holds no mask of the rater's own.
    fair: bool = False
    #: What the foci in the list are; nothing where there are none.
    foci: str = ""
    #: Lines below.
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class ViewedFocus:
    """A focus and what a rater made of it."""

    rater: str
    level: str
    #: found, lower, missed or false; what most of it was called.
    outcome: str
    called: str
    ml: float
    #: Its centre in voxels along i, j, k, from 0.
    centre: tuple[float, float, float]


@dataclass(frozen=True, eq=False, repr=False)
class ViewedExam:
    """An exam: arrays (i, j, k), i to the right and j down on the screen, k through the slices."""

    name: str
    #: Rater to label map; of some raters in some exams there is none.
    masks: Mapping[str, np.ndarray]
    #: Size of a voxel along i, j, k, mm.
    spacing: tuple[float, float, float]
    #: Without one, masks are shown on black.
    image: np.ndarray | None = None
    #: Rater to level or group to Dice; None where it is undefined.
    dice: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    foci: Sequence[ViewedFocus] = ()

    def __repr__(self) -> str:
        return f"ViewedExam({self.name}, {len(self.masks)} masks)"
