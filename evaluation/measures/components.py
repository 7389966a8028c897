"""The foci of masks: connected components of a level, found once a mask, on the grid of one exam."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal, get_args

import cc3d
import numpy as np

from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.words import plural

Connectivity = Literal[6, 18, 26]
#: Foci match where they share a voxel.
OVERLAP = "overlap"
_ML = 1000.0


@dataclass(frozen=True)
class FociRules:
    """What a focus is, and which of two masks' foci belong together.

    A StatisticsError when one of them cannot be.
    """

    #: Neighbours of a voxel, by faces, edges too, corners too; in one slice 6 are 4, and 18 and 26 are 8.
    connectivity: Connectivity = 26
    #: A smaller component is no focus: it is not counted, whoever marked it, but what it touches is touched.
    smallest_mm3: float = 0.0
    #: Any shared voxel, or a distance in mm, from centre to centre of the nearest two voxels.
    matching: str | float = OVERLAP

    def __post_init__(self) -> None:
        allowed = get_args(Connectivity)
        if self.connectivity not in allowed:
            raise StatisticsError(
                f"connectivity: found {self.connectivity}, expected one of {', '.join(map(str, allowed))}"
            )
        if not 0 <= self.smallest_mm3 < np.inf:
            raise StatisticsError(f"smallest_mm3: found {self.smallest_mm3:g}, expected 0 or more")
        if self.matching != OVERLAP and (isinstance(self.matching, str) or not 0 <= self.matching < np.inf):
            raise StatisticsError(
                f"matching: found {self.matching!r}, expected '{OVERLAP}' or a distance in mm, 0 or more"
            )

    @property
    def reach_mm(self) -> float:
        """How far apart the nearest voxels of two foci may be; 0 where they have to share one."""
        return 0.0 if isinstance(self.matching, str) else float(self.matching)

    @property
    def in_words(self) -> str:
        """For the note below a table.

        Examples
        --------
        >>> FociRules(smallest_mm3=10, matching=2).in_words
        'Foci: components of 26 neighbours, of 10 mm³ or more; matched within 2 mm.'
        """
        size = f", of {self.smallest_mm3:g} mm³ or more" if self.smallest_mm3 else ""
        match = f"within {self.reach_mm:g} mm" if self.reach_mm else "by any shared voxel"
        return f"Foci: components of {self.connectivity} neighbours{size}; matched {match}."


@dataclass(frozen=True, eq=False)
class Region:
    """A mask's voxels on a level, and the focus that each is of."""

    #: Places in the padded grid, rising.
    flat: np.ndarray
    #: Of each voxel: its focus, 1 the largest.
    number: np.ndarray
    #: Of each focus: its voxels.
    sizes: np.ndarray
    #: Of each focus: its centre of mass in world mm; NaN without an affine.
    centres: list[tuple[float, float, float]]


@dataclass(frozen=True, eq=False)
class Marking:
    """All that is known of one mask."""

    #: Places of marked voxels in the padded grid, rising, and their values.
    flat: np.ndarray
    values: np.ndarray
    #: By level.
    regions: Mapping[str, Region]


@dataclass(eq=False)
class Components:
    """The components of an exam's masks, each found once however often it is compared.

    Parameters
    ----------
    shape : tuple of int
        Of the masks: (i, j, k), or (i, j) of one slice.
    affine_or_spacing : array
        Voxel indices to world mm (RAS+), of shape (4, 4), or the spacing of each axis in mm: foci then have
        no place. A ValueError when a voxel has no size.
    levels : mapping of str to int
        Name of a level to its value.
    ordered : bool
        Whether a focus of level k is of all voxels at k or above; else of those at k alone.
    """

    shape: tuple[int, ...]
    affine_or_spacing: np.ndarray | Sequence[float]
    levels: Mapping[str, int]
    rules: FociRules = field(default_factory=FociRules)
    ordered: bool = True

    def __post_init__(self) -> None:
        given = np.asarray(self.affine_or_spacing, dtype=float)
        self.affine = given if given.shape == (4, 4) else None
        self.spacing = np.linalg.norm(given[:3, :3], axis=0) if given.shape == (4, 4) else given
        if self.spacing.shape not in {(3,), (len(self.shape),)} or len(self.shape) not in (2, 3):
            raise ValueError(
                f"spacing: found {given.tolist()} for masks of {self.shape}, expected an affine of 4 x 4 or "
                "a size in mm an axis, and masks of 2 or 3 axes"
            )
        if not ((self.spacing > 0) & np.isfinite(self.spacing)).all():
            raise ValueError(f"spacing: found {self.spacing.tolist()} mm, expected sizes above 0")
        # One slice is a volume of one.
        self.volume_shape = (*self.shape, 1)[:3]
        self.spacing = np.array((*self.spacing, 1.0)[:3])
        self.voxel_ml = float(np.prod(self.spacing)) / _ML
        # A focus is compared with what lies as far away as foci may match.
        # Rounding must not lose a voxel that lies at the reach itself.
        self._reach_mm = self.rules.reach_mm * (1 + 1e-9)
        self._pad = np.floor(self._reach_mm / self.spacing).astype(int)
        self._pad = np.where(np.array(self.volume_shape) > 1, self._pad, 0)
        self._padded = tuple(int(n + 2 * pad) for n, pad in zip(self.volume_shape, self._pad, strict=True))
        self._sheet = np.zeros(int(np.prod(self._padded)), dtype=np.int32)
        self._found: dict[int, tuple[np.ndarray, Marking]] = {}

    def __repr__(self) -> str:
        return f"Components({plural(len(self._found), 'mask')} of {self.shape})"

    def of(self, mask: np.ndarray) -> Marking:
        """What a mask marks; found once an array, which must not change. A ValueError on another shape."""
        if id(mask) not in self._found:
            # The array is kept too: while it lives, no other has its id.
            self._found[id(mask)] = mask, self._find(mask)
        return self._found[id(mask)][1]

    def _find(self, mask: np.ndarray) -> Marking:
        if mask.shape != self.shape:
            raise ValueError(f"shape: found {mask.shape}, expected {self.shape}")
        volume = mask.reshape(self.volume_shape)
        # Of truth values NumPy finds those that are not 0 ten times as fast.
        places = np.unravel_index(np.flatnonzero(volume != 0), self.volume_shape)
        values = volume[places]
        if unknown := sorted({*np.unique(values).tolist()} - {*self.levels.values()}):
            names = ", ".join(map(str, [0, *self.levels.values()]))
            raise ValueError(f"mask: found the value {unknown[0]}, expected one of {names}")
        flat = np.ravel_multi_index([p + pad for p, pad in zip(places, self._pad, strict=True)], self._padded)
        regions = {}
        for name, value in self.levels.items():
            held = values >= value if self.ordered else values == value
            regions[name] = self._region(volume, value, [p[held] for p in places], flat[held])
        return Marking(flat, values, regions)

    def _region(
        self, volume: np.ndarray, value: int, places: Sequence[np.ndarray], flat: np.ndarray
    ) -> Region:
        if not len(flat):
            return Region(flat, np.zeros(0, np.int32), np.zeros(0, int), [])
        cut = volume[tuple(slice(p.min(), p.max() + 1) for p in places)]
        whole = cut >= value if self.ordered else cut == value
        # Not as bool: of some single rows of those, cc3d 4.1.1 raises "maximum length exception".
        parts = cc3d.connected_components(whole.view(np.uint8), connectivity=self.rules.connectivity)
        number, sizes = _by_size(parts[tuple(p - p.min() for p in places)])
        return Region(flat, number, sizes, self._centres(places, number))

    def seen(self, at: np.ndarray, flat: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """What stands at some places when `numbers` are written at the places `flat`; 0 where nothing is."""
        self._sheet[flat] = numbers
        found = self._sheet[at]
        self._sheet[flat] = 0
        return found

    def seen_within_reach(
        self, at: np.ndarray, flat: np.ndarray, numbers: np.ndarray
    ) -> Iterator[np.ndarray]:
        """`seen` at every place that lies within the reach of `at`, the place itself first."""
        self._sheet[flat] = numbers
        for step in self._steps():
            yield self._sheet[at + step]
        self._sheet[flat] = 0

    def _steps(self) -> list[int]:
        """Distances in the padded grid to all that is within reach, 0 first."""
        strides = np.array([self._padded[1] * self._padded[2], self._padded[2], 1])
        around = np.array(list(product(*(range(-pad, pad + 1) for pad in self._pad))))
        near = np.linalg.norm(around * self.spacing, axis=1) <= self._reach_mm
        steps = around[near] @ strides
        return [0, *(int(step) for step in steps if step)]

    def _centres(self, places: Sequence[np.ndarray], number: np.ndarray) -> list[tuple[float, float, float]]:
        """Centre of mass of each focus in world mm."""
        if self.affine is None:
            return [(np.nan, np.nan, np.nan)] * int(number.max())
        mean = np.stack([np.bincount(number, place)[1:] for place in places]) / np.bincount(number)[1:]
        world = self.affine[:3, :3] @ mean + self.affine[:3, 3:]
        return [(float(x), float(y), float(z)) for x, y, z in world.T]


def _by_size(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Components numbered from the largest on, and their sizes; of one size as they lie in the grid."""
    sizes = np.bincount(parts)[1:]
    first = np.empty(len(sizes) + 1, dtype=np.int64)
    # Of places with one index the last stays: from the end on, that is the first.
    first[parts[::-1]] = np.arange(len(parts))[::-1]
    order = np.lexsort((first[1:], -sizes))
    rank = np.zeros(len(sizes) + 1, dtype=np.int32)
    rank[order + 1] = np.arange(1, len(sizes) + 1)
    return rank[parts], sizes[order]
