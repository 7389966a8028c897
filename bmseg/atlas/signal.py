"""How bright a level is where it was marked, and which examples span its range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from bmseg.atlas.pictures import Knee

#: Unmarked tissue within this distance of a marking is what the marked signal is compared with.
NEIGHBOURHOOD_MM = 5.0

#: The measure in words, as pages explain it.
SIGNAL_WORDS = (
    "Relative signal: the median intensity of the level in the slice that holds most of it, divided by the "
    f"median of the unmarked tissue within {NEIGHBOURHOOD_MM:g} mm of any marking in that slice (air left "
    "out). 1.5 means half as bright again as its surroundings. Scanner gain and slow shading of the image "
    "cancel."
)


@dataclass(frozen=True)
class Measured:
    """A level in the slice of a knee that holds most of it."""

    #: The knee's number in the atlas.
    knee: int
    #: Mask value.
    level: int
    #: The slice, from 0.
    place: int
    #: Of the level in that slice, mm2.
    area: float
    #: `relative_signal`; NaN where it is not defined.
    signal: float

    @property
    def words(self) -> str:
        """The signal as pages print it."""
        return "undefined" if np.isnan(self.signal) else f"{self.signal:.2f}"


def relative_signal(
    image: np.ndarray, mask: np.ndarray, level: int, *, spacing: Sequence[float], air: float
) -> float:
    """A level's median intensity over that of the unmarked tissue around the marking, in one slice.

    The neighbourhood, not the whole image, is the yardstick: it is the same kind of tissue, under the same
    coil, whatever the anatomy. It is that of all levels together, so that levels of one slice compare.
    Image and mask have shape (i, j), `spacing` is the size of their pixels in mm, and intensities up to
    `air` are air. NaN where the level is not marked, or no tissue of positive intensity is near it.

    Examples
    --------
    >>> image = np.full((9, 9), 100.0)
    >>> image[4, 4] = 180
    >>> relative_signal(image, (image > 100).astype(int), 1, spacing=(1, 1), air=5)
    1.8
    """
    marked = mask != 0
    within = mask == level
    near = (distance_transform_edt(~marked, sampling=spacing) <= NEIGHBOURHOOD_MM) & ~marked & (image > air)
    if not within.any() or not near.any():
        return float("nan")
    around = float(np.median(image[near]))
    return float(np.median(image[within])) / around if around > 0 else float("nan")


def measure(knee: Knee, level: int) -> Measured | None:
    """A level in the slice that holds most of it, the first of equals; None where it is not marked."""
    pixels = (knee.mask == level).sum(axis=(0, 1))
    if not pixels.any():
        return None
    place = int(pixels.argmax())
    image, mask = knee.image[:, :, place], knee.mask[:, :, place]
    signal = relative_signal(image, mask, level, spacing=knee.spacing, air=knee.air)
    area = float(pixels[place] * knee.spacing[0] * knee.spacing[1])
    return Measured(knee.number, level, place, area, signal)


def range_of(measured: Sequence[Measured], *, least_area: float) -> list[tuple[str, Measured]]:
    """The faintest, a typical and the brightest example of a level in several knees, from faint to bright.

    Those without a defined signal are no examples; those of at least `least_area` (mm2) go before smaller
    ones, which serve where there are no others. ``typical`` is the median, the fainter of two. Fewer than
    three where fewer are there.
    """
    defined = [one for one in measured if not np.isnan(one.signal)]
    large = [one for one in defined if one.area >= least_area] or defined
    ranked = sorted(large, key=lambda one: (one.signal, one.knee))
    if len(ranked) < 2:
        return [("only example", one) for one in ranked]
    typical = [("typical", ranked[(len(ranked) - 1) // 2])] if len(ranked) > 2 else []
    return [("faintest", ranked[0]), *typical, ("brightest", ranked[-1])]
