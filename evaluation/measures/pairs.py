"""Two masks of an exam on a level: counts, surfaces and foci, each found once for all that ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evaluation.measures.components import Components, FociRules
from evaluation.measures.foci import exam_foci
from evaluation.measures.kinds import Convention
from evaluation.measures.surface import SurfaceDistances, Surfaces

# Among masks, which may be called as they are.
_IGNORED = "\N{INFORMATION SEPARATOR TWO}"


class ExamMeasured:
    """The masks of an exam, readers, models and consensuses alike, of which any two can be measured.

    Parameters
    ----------
    masks : mapping of str to ndarray
        Label maps of one shape (i, j, k), by name.
    levels : mapping of str to sequence of int
        Level or group to the mask values that count as foreground.
    affine : ndarray, shape (4, 4)
        Voxel indices to world millimetres.
    single : mapping of str to int
        The levels that have foci, in rising order, to their value.
    ordered : bool
        Whether a focus of a level may lie in a higher one.
    slices : int, optional
        The axis across which slices lie; by default that of the largest voxel step, the last of several.
    ignored : ndarray of bool, optional
        Voxels that count nowhere, 0 in every mask: a border with them is no surface.
    """

    def __init__(
        self,
        masks: Mapping[str, np.ndarray],
        levels: Mapping[str, Sequence[int]],
        affine: np.ndarray,
        *,
        single: Mapping[str, int],
        ordered: bool = True,
        foci: FociRules | None = None,
        slices: int | None = None,
        ignored: np.ndarray | None = None,
    ) -> None:
        self.levels = levels
        self.spacing = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
        shape = next(iter(masks.values())).shape
        #: Of the axes with more than one slice, mm.
        steps = tuple(float(mm) for mm, n in zip(self.spacing, shape, strict=True) if n > 1)
        self.steps = steps or tuple(self.spacing.tolist())
        self.diagonal = float(np.linalg.norm(np.array(shape) * self.spacing))
        self.voxel_ml = float(abs(np.linalg.det(affine[:3, :3]))) / 1000
        last = len(self.spacing) - 1 - int(np.argmax(self.spacing[::-1]))
        self._slices = last if slices is None else slices
        nowhere = {} if ignored is None else {_IGNORED: ignored}
        self._corner, self._masks = _cropped({**masks, **nowhere})
        self._shape = next(iter(self._masks.values())).shape
        self._ignored = self._masks.pop(_IGNORED, None)
        origin = affine @ [*self._corner, 1]
        self._affine = affine.copy()
        self._affine[:, 3] = origin
        self._single, self._ordered, self._rules = dict(single), ordered, foci or FociRules()
        self._inside: dict[tuple[str, str], np.ndarray] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._surfaces: dict[tuple[str, Convention, bool], Surfaces] = {}
        self._components: Components | None = None
        self._foci: dict[tuple[str, str], list[tuple]] = {}

    def pair(self, level: str, reference: str, rater: str) -> Pair:
        """Two masks on a level."""
        return Pair(self, level, reference, rater)

    def inside(self, level: str, name: str) -> np.ndarray:
        """Where a mask has a level, within the box of everything that anybody marked."""
        key = level, name
        if key not in self._inside:
            self._inside[key] = np.isin(self._masks[name], self.levels[level])
        return self._inside[key]

    def count(self, level: str, name: str) -> int:
        """Voxels of a level in a mask."""
        key = level, name
        if key not in self._counts:
            self._counts[key] = int(np.count_nonzero(self.inside(level, name)))
        return self._counts[key]

    def distances(
        self, level: str, reference: str, rater: str, convention: Convention, *, in_plane: bool = False
    ) -> SurfaceDistances:
        """Between the surfaces of two masks that both mark the level; of their outlines, slice by slice."""
        return self.surfaces(level, convention, in_plane=in_plane).between(reference, rater)

    def extents(self, level: str, names: Sequence[str]) -> dict[str, tuple[float, float]]:
        """Volume and area of the surface of those masks that mark a level."""
        marked = [name for name in names if self.count(level, name)]
        return {name: self.surfaces(level, "elements").extent(name) for name in marked}

    @property
    def slice_axis(self) -> int:
        """The array axis across which slices lie."""
        return self._slices

    @cached_property
    def places(self) -> np.ndarray:
        """The slices of `inside`, as indices into the whole array."""
        return self._corner[self._slices] + np.arange(self._shape[self._slices])

    def place(self, mm: Sequence[float]) -> float:
        """The slice in which a point of the world lies, as an index into the whole array."""
        inside = np.linalg.solve(self._affine, [*mm, 1])
        # The world has its last digits from the affine.
        return round(float(inside[self._slices]), 6) + self._corner[self._slices]

    def surfaces(self, level: str, convention: Convention, *, in_plane: bool = False) -> Surfaces:
        """Those of all the masks on a level."""
        key = level, convention, in_plane
        if key not in self._surfaces:
            marked = {name: self.inside(level, name) for name in self._masks if self.count(level, name)}
            slices = self._slices if in_plane else None
            self._surfaces[key] = Surfaces(
                marked, tuple(self.spacing), convention, slices=slices, ignored=self._ignored
            )
        return self._surfaces[key]

    def foci(self, reference: str, rater: str) -> list[tuple]:
        """The foci of a reference beside those of a rater, on every level: rows of `exam_foci`."""
        key = reference, rater
        if key not in self._foci:
            first, second = self._masks[reference], self._masks[rater]
            if self._components is None:
                self._components = Components(
                    first.shape, self._affine, self._single, self._rules, self._ordered
                )
            self._foci[key] = exam_foci(
                first, second, self._single, self._affine, self._rules,
                ordered=self._ordered, components=self._components,
            )  # fmt: skip
        return self._foci[key]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two masks of an exam on one level."""

    exam: ExamMeasured
    level: str
    reference: str
    rater: str

    @cached_property
    def n_reference(self) -> int:
        """Voxels of the reference."""
        return self.exam.count(self.level, self.reference)

    @cached_property
    def n_rater(self) -> int:
        """Voxels of the rater."""
        return self.exam.count(self.level, self.rater)

    @cached_property
    def both(self) -> int:
        """Voxels of both."""
        masks = (self.exam.inside(self.level, name) for name in (self.reference, self.rater))
        return int(np.count_nonzero(np.logical_and(*masks)))

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel, ml."""
        return self.exam.voxel_ml

    @property
    def diagonal(self) -> float:
        """Of the exam's grid, mm."""
        return self.exam.diagonal

    def distances(self, convention: Convention = "elements", *, in_plane: bool = False) -> SurfaceDistances:
        """Between the two surfaces, or the outlines in every slice; both masks mark the level."""
        return self.exam.distances(self.level, self.reference, self.rater, convention, in_plane=in_plane)

    @cached_property
    def foci(self) -> list[tuple]:
        """The foci of the level: rows of `evaluation.measures.foci.exam_foci`."""
        return [row for row in self.exam.foci(self.reference, self.rater) if row[0] == self.level]


def _cropped(masks: Mapping[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The masks within the box of everything that is marked, and the first corner of that box."""
    marked = np.zeros(next(iter(masks.values())).shape, bool)
    for mask in masks.values():
        marked |= mask != 0
    ends = []
    for axis in range(marked.ndim):
        others = tuple(place for place in range(marked.ndim) if place != axis)
        along = np.flatnonzero(marked.any(axis=others))
        first, last = (int(along[0]), int(along[-1])) if len(along) else (0, 0)
        # A volume of several slices stays one: a single slice would be taken as 2-D.
        if first == last and marked.shape[axis] > 1:
            first, last = (first, last + 1) if last + 1 < marked.shape[axis] else (first - 1, last)
        ends.append((first, last + 1))
    box = tuple(slice(*end) for end in ends)
    return np.array([end[0] for end in ends]), {name: mask[box] for name, mask in masks.items()}
