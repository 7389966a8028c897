"""What an atlas shows of a knee: slices cut to one frame, so that all pictures have one scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.colors import to_rgb
from scipy.ndimage import center_of_mass, label, map_coordinates

from bmseg.atlas.choice import SHOWN_MM2
from evaluation.figures.display import Window

#: Shown around the marking.
MARGIN_MM = 15.0
#: Width and height of a close-up.
CLOSE_UP_MM = 70.0

#: Of the level's colour over the image.
OPACITY = 0.5

# A knee with a spot of marking is still seen with what is around it.
_LEAST_MM = 100.0


@dataclass(frozen=True)
class Knee:
    """A knee, or a whole exam, of an atlas."""

    #: From 1, youngest first.
    number: int
    #: Names it without exam or site: ``knee 3, right, 12.1 y``.
    label: str
    #: NaN where it is not known.
    age: float
    #: As the mask, shape (i, j, k), as seen: i to the right of the picture, j downwards, slices along k.
    image: np.ndarray
    mask: np.ndarray
    #: Pixel size along i and j, mm.
    spacing: tuple[float, float]
    #: By name, of the whole exam.
    windows: Mapping[str, Window]
    #: Intensities up to this one are air.
    air: float
    #: The patient's side at the picture's left and right edge, as ("R", "L").
    sides: tuple[str, str] = ("", "")

    @cached_property
    def fullest(self) -> int:
        """The slice that shows most levels, by `SHOWN_MM2`, then most marked; the middle of an unmarked."""
        levels = [level for level in np.unique(self.mask) if level]
        if not levels:
            return self.mask.shape[2] // 2
        pixels = np.array([(self.mask == level).sum(axis=(0, 1)) for level in levels])
        shown = (pixels * math.prod(self.spacing) >= SHOWN_MM2).sum(axis=0)
        return int(np.lexsort((pixels.sum(axis=0), shown))[-1])


@dataclass(frozen=True)
class Frame:
    """Width, height and side of a pixel of every picture, mm."""

    width: float
    height: float
    pixel: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a picture."""
        return max(1, round(self.height / self.pixel)), max(1, round(self.width / self.pixel))


@dataclass(frozen=True)
class Picture:
    """A slice of a knee as seen, shape (rows, columns)."""

    #: In units of the exam (float32); what lies outside of it is its darkest value.
    image: np.ndarray
    mask: np.ndarray


def common_frame(knees: Sequence[Knee]) -> Frame:
    """The smallest frame that holds the marking of every knee with a margin, and no more than is imaged."""
    sizes = [np.ptp(_marked_box(knee), axis=1) for knee in knees]
    imaged = np.max([np.array(knee.mask.shape[:2]) * knee.spacing for knee in knees], axis=0)
    wanted = np.maximum(np.max(sizes, axis=0) + 2 * MARGIN_MM, _LEAST_MM)
    width, height = np.minimum(wanted, imaged)
    return Frame(float(width), float(height), min(min(knee.spacing) for knee in knees))


def close_up_frame(frame: Frame) -> Frame:
    """The frame of close-ups: `CLOSE_UP_MM`, or the whole where that is smaller."""
    return Frame(min(CLOSE_UP_MM, frame.width), min(CLOSE_UP_MM, frame.height), frame.pixel)


def picture(knee: Knee, place: int, frame: Frame, *, around: int | None = None) -> Picture:
    """A slice (from 0) cut to a frame, shifted so as not to leave the image where that can be.

    It is centred on the largest marking of the level `around` in the slice, by default on all marking of
    the knee. Where a knee's pixels are not those of the frame, intensities are interpolated linearly and
    labels are those of the nearest pixel.
    """
    image, mask = knee.image[:, :, place], knee.mask[:, :, place]
    centre = _centre(mask == around, knee.spacing) if around is not None else None
    centre = _marked_box(knee).mean(axis=1) if centre is None else centre
    axes = [
        _places(middle, pixels, size, spacing, frame.pixel)
        for middle, pixels, size, spacing in zip(
            centre, frame.shape[::-1], image.shape, knee.spacing, strict=True
        )
    ]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"))
    seen = map_coordinates(image.astype(np.float32), grid, order=1, mode="constant", cval=float(image.min()))
    labels = map_coordinates(mask.astype(np.uint8), grid, order=0, mode="constant", cval=0)
    return Picture(seen.T, labels.T)


def tint(mask: np.ndarray, colors: Mapping[int, str], opacity: float = 1.0) -> np.ndarray:
    """A mask as coloured pixels, uint8 (rows, columns, 4); see-through where nothing is marked.

    `colors` are mask value to colour; `opacity` is from 0 to 1.
    """
    layer = np.zeros((*mask.shape, 4), np.uint8)
    for value, color in colors.items():
        layer[mask == value] = [round(255 * one) for one in (*to_rgb(color), opacity)]
    return layer


def _marked_box(knee: Knee) -> np.ndarray:
    """Where marking begins and ends along i and j over all slices, mm; the middle where none is."""
    box = []
    for axis, spacing in enumerate(knee.spacing):
        others = tuple(other for other in range(3) if other != axis)
        found = np.flatnonzero((knee.mask != 0).any(axis=others))
        first, stop = (found[0], found[-1] + 1) if found.size else (knee.mask.shape[axis] / 2,) * 2
        box.append((first * spacing, stop * spacing))
    return np.array(box, dtype=float)


def _centre(marked: np.ndarray, spacing: Sequence[float]) -> np.ndarray | None:
    pieces, number = label(marked)
    if not number:
        return None
    largest = int(np.bincount(pieces.ravel())[1:].argmax()) + 1
    return (np.array(center_of_mass(pieces == largest)) + 0.5) * spacing


def _places(middle: float, pixels: int, size: int, spacing: float, pixel: float) -> np.ndarray:
    """The array places of a picture's pixels along one axis; whole numbers where pixels are the exam's."""
    span = pixels * pixel / spacing
    start = math.floor(middle / spacing - span / 2 + 0.5)
    # An image smaller than the frame is shown in its middle.
    start = min(max(start, 0), math.floor(size - span)) if span <= size else math.floor((size - span) / 2)
    return start + (np.arange(pixels) + 0.5) * pixel / spacing - 0.5
