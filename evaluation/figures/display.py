"""How an exam is shown to people: windows of grey and colours of levels.

The signal that a reader perceives depends on window and level, so pages that people judge by give several
windows, named the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

#: Window to the percentiles of tissue that become black and white.
_PERCENTILES = {"standard": (1.0, 99.7), "bright": (1.0, 97.0), "wide": (0.0, 100.0), "narrow": (40.0, 99.0)}

#: Window to what it is for, in words.
WINDOW_WORDS = {
    "standard": "all but the extremes",
    "bright": "lifts weak signal",
    "wide": "nothing clipped: tells strong signal from fluid",
    "narrow": "stretches the upper half of tissue",
}

# Below this share of the 99th percentile an intensity is air.
_AIR = 0.05

# Of the colour map: its ends are near black and near white.
_DARKEST, _BRIGHTEST = 0.35, 0.95


@dataclass(frozen=True)
class Window:
    """Which intensities are shown as black (`low`) and as white (`high`, above it), in units of the image."""

    name: str
    low: float
    high: float

    def applied(self, image: np.ndarray) -> np.ndarray:
        """The image from 0 (black) to 1 (white), float32, of the same shape."""
        scaled = (np.asarray(image, dtype=np.float32) - self.low) / (self.high - self.low)
        return np.clip(scaled, 0, 1)


def window_presets(image: np.ndarray) -> tuple[Window, ...]:
    """Windows of an exam, by percentiles of its tissue, so that exams of all scanners look alike.

    ``standard``, which comes first, shows all but the extremes, ``bright`` lifts weak signal, ``wide``
    shows fluid without clipping, ``narrow`` stretches the upper half. The image has shape (i, j, k).

    Examples
    --------
    >>> [window.name for window in window_presets(np.arange(1000.0).reshape(10, 10, 10))]
    ['standard', 'bright', 'wide', 'narrow']
    """
    values = np.asarray(image, dtype=np.float32).ravel()
    tissue = values[values > air_below(values)]
    if not tissue.size:
        tissue = values
    bounds = np.percentile(tissue, list(_PERCENTILES.values()))
    return tuple(
        Window(name, float(low), float(max(high, low + 1e-6)))
        for name, (low, high) in zip(_PERCENTILES, bounds, strict=True)
    )


def air_below(image: np.ndarray) -> float:
    """The intensity up to which a voxel of a whole exam counts as air, in units of the image."""
    return float(_AIR * np.percentile(image, 99))


def safe_colors(number: int) -> list[str]:
    """Colours ``#rrggbb`` of levels 1 to `number` that colour-blind readers can tell apart.

    They are matplotlib's plasma: perceptually uniform, and rising in lightness as levels do.

    Examples
    --------
    >>> safe_colors(3)
    ['#a11b9b', '#ea7457', '#f7e425']
    """
    places = np.linspace(_DARKEST, _BRIGHTEST, number) if number > 1 else [_BRIGHTEST]
    return [to_hex(mpl.colormaps["plasma"](place)) for place in places]
