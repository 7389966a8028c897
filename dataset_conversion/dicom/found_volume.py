"""A volume that was found in an export: its slices and its grid, before any voxel is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dataset_conversion.dicom.frame import Frame, Identity
from dataset_conversion.images import Plane

#: Fewer slices give no spacing that could be checked.
FEWEST_SLICES = 3
#: Of the distance between slices.
SPACING_TOLERANCE = 0.02
_SAME_END_MM = 0.1


@dataclass(frozen=True)
class FoundVolume:
    """One volume of an exam, or the frames that fail to make one."""

    #: In order along the slice normal when the volume is usable.
    frames: tuple[Frame, ...]
    #: Why it cannot be used, with numbers; empty when it can.
    reason: str = ""
    #: Series number and a running letter, unique in an exam: ``401a``.
    name: str = ""
    #: The series' number as it may be shown; empty when it has none.
    series: str = ""
    #: Place among volumes of the same kind, counted from the feet: ``2 of 5``; empty when it is the only one
    #: or its place is unknown.
    station: str = ""

    @property
    def first(self) -> Frame:
        """The first slice; what all slices share is read from it."""
        return self.frames[0]

    @property
    def identity(self) -> Identity:
        """The exam and series; never to be written."""
        return self.first.identity

    @property
    def shape(self) -> tuple[int, int, int]:
        """Columns, rows, slices: the order of ``Volume.array``."""
        plane = self.first.plane
        return (plane.columns, plane.rows, len(self.frames)) if plane else (0, 0, len(self.frames))

    @cached_property
    def affine(self) -> np.ndarray:
        """Indices of column, row and slice to world millimetres, RAS+, shape (4, 4)."""
        plane = self.first.plane
        if plane is None:
            raise ValueError("the frames have no plane")
        normal = normal_of(self.first)
        places = np.array([frame.position for frame in self.frames])
        step = float((places[-1] - places[0]) @ normal) / max(len(self.frames) - 1, 1)
        affine = np.eye(4)
        affine[:3, 0] = np.array(plane.along_row) * plane.spacing[1]
        affine[:3, 1] = np.array(plane.along_column) * plane.spacing[0]
        affine[:3, 2] = normal * step
        affine[:3, 3] = places[0]
        # LPS of DICOM to RAS of NIfTI.
        affine[:2] *= -1
        return affine

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Between columns, rows and slices in mm."""
        between = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(between[0]), float(between[1]), float(between[2])

    @property
    def centre(self) -> np.ndarray:
        """World position of the middle of the volume in mm, RAS+."""
        return (self.affine @ [*(np.array(self.shape) - 1) / 2, 1])[:3]

    def lies_with(self, other: FoundVolume) -> bool:
        """Whether the two have as many slices, with the ends at the same places: contrasts, echoes, times."""
        pairs = ((self.frames[0], other.frames[0]), (self.frames[-1], other.frames[-1]))
        return len(self.frames) == len(other.frames) and all(
            a.position is not None
            and b.position is not None
            and math.dist(a.position, b.position) < _SAME_END_MM
            for a, b in pairs
        )

    @property
    def plane(self) -> Plane | None:
        """The plane nearest to the slices."""
        if self.first.plane is None:
            return None
        planes: tuple[Plane, ...] = ("sagittal", "coronal", "axial")
        return planes[int(np.abs(normal_of(self.first)).argmax())]

    @property
    def obliqueness(self) -> float:
        """Angle between the slices' normal and the nearest axis of the body in degrees."""
        return float(np.degrees(np.arccos(min(np.abs(normal_of(self.first)).max(), 1))))


def places_along_normal(frames: Sequence[Frame]) -> np.ndarray:
    """Place of every frame along the slice normal in mm."""
    return np.array([frame.position for frame in frames]) @ normal_of(frames[0])


def normal_of(frame: Frame) -> np.ndarray:
    """Unit normal of a slice, LPS+, shape (3,)."""
    if frame.plane is None:
        raise ValueError("the frame has no plane")
    return np.cross(frame.plane.along_row, frame.plane.along_column)
