"""What a scanner makes of tissues and marrow: contrast, coil profile, resolution, Rician noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from dataset_conversion.phantom.anatomy import Anatomy
from dataset_conversion.phantom.fields import Array, Grid, ramp, smooth_noise
from dataset_conversion.phantom.knee import TISSUES
from dataset_conversion.phantom.marrow import MarrowSignal

#: Images that the phantom can make, by channel name.
CHANNELS = ("water", "fat")

# T2-weighted Dixon, fluid on the water-only image = 1.
_WATER = {
    "cortex": 0.030, "physis": 0.50, "vessel": 0.80, "cartilage": 0.37, "fibrous": 0.05,
    "fluid": 1.00, "muscle": 0.20, "fat": 0.055, "skin": 0.30,
}  # fmt: skip
_FAT = {
    "cortex": 0.035, "physis": 0.06, "vessel": 0.04, "cartilage": 0.05, "fibrous": 0.06,
    "fluid": 0.03, "muscle": 0.06, "fat": 0.80, "skin": 0.10,
}  # fmt: skip


@dataclass(frozen=True)
class Scanner:
    """How one scanner's images look; spreads are standard deviations."""

    name: str
    #: Stored value of fluid on the water-only image.
    gain: float
    #: In each of the two receive channels, as a fraction of fluid.
    noise: float
    #: The coil's smooth shading.
    bias: float
    #: In-plane point spread, voxels.
    blur: float
    #: Fraction of fat signal left on water-only images where suppression is worst.
    leak: float
    #: Factors on the water-only signal of some tissues.
    contrast: Mapping[str, float] = field(default_factory=dict)


SCANNERS = {
    "Oslo": Scanner("Siemens Magnetom Aera 1.5 T", 900.0, 0.016, 0.06, 0.45, 0.05),
    "Tromso": Scanner(
        "Philips Ingenia 1.5 T", 1300.0, 0.013, 0.045, 0.60, 0.03,
        {"muscle": 1.15, "cartilage": 1.10, "skin": 0.85, "marrow": 1.08},
    ),
}  # fmt: skip


def marrow_water(latent: Array) -> Array:
    """Water-only signal of marrow, fluid = 1: rises without a step, to fluid at the utmost.

    Examples
    --------
    >>> marrow_water(np.array([-1.0, 0.0, 1.4, 2.25, 3.3, 4.5])).round(2)
    array([0.15, 0.19, 0.29, 0.4 , 0.58, 0.83])
    """
    return np.tanh(0.09 + 0.10 * np.exp(0.53 * latent))


def marrow_fat(latent: Array) -> Array:
    """Fat-only signal of marrow on the same scale: falls as water displaces fat."""
    return 0.78 * (1.0 - 0.85 * marrow_water(latent))


def acquire(
    grid: Grid, anatomy: Anatomy, marrow: MarrowSignal,
    channel: str, scanner: Scanner, stream: Callable[[str], np.random.Generator],
) -> Array:  # fmt: skip
    """One image of an exam, int16 of shape grid.size; `channel` is one of `CHANNELS`.

    `stream` gives an exam's random numbers of a name, the same each time. Both images come from the same
    echoes, so they share coil, texture and unevenness of the field, and fat that is left on one is missing
    on the other; the noise is each image's own.
    """
    rng = stream("water")
    axes = [grid.positions(axis) for axis in range(3)]
    texture = 1.0 + 0.10 * smooth_noise(rng, axes, (2.0, 7.0, 3.0))
    signal = np.zeros(grid.size, dtype=np.float32)
    values = _WATER if channel == "water" else _FAT
    for tissue in TISSUES:
        fraction = anatomy.tissues[tissue]
        factor = scanner.contrast.get(tissue, 1.0) if channel == "water" else 1.0
        if tissue == "marrow":
            of_marrow = marrow_water if channel == "water" else marrow_fat
            signal += fraction * of_marrow(marrow.latent) * factor
        elif tissue in ("muscle", "fat"):
            signal += fraction * texture * (values[tissue] * factor)
        else:
            signal += fraction * (values[tissue] * factor)
    # Water and fat are told apart least well where the field is least even.
    uneven = np.clip(0.4 + 0.6 * smooth_noise(rng, axes, 45.0), 0.0, 1.5)
    leaked = anatomy.tissues["fat"] * (scanner.leak * uneven)
    signal += leaked if channel == "water" else -leaked
    signal = ndimage.gaussian_filter(signal, (scanner.blur, scanner.blur, 0), truncate=3.0)
    signal *= scanner.gain * _shading(axes, scanner.bias, rng)
    deviation = np.float32(scanner.gain * scanner.noise)
    noise = rng if channel == "water" else stream(channel)
    real = signal + deviation * noise.standard_normal(grid.size, dtype=np.float32)
    imaginary = deviation * noise.standard_normal(grid.size, dtype=np.float32)
    return np.sqrt(real * real + imaginary * imaginary).round().astype(np.int16)


def _shading(axes: list[Array], spread: float, rng: np.random.Generator) -> Array:
    """Coil sensitivity: smooth shading, and less signal towards the ends of the knee coil."""
    smooth = np.exp(spread * smooth_noise(rng, axes, 70.0))
    ends = 1.0 - 0.40 * ramp(np.abs(axes[1]), 75.0, 135.0)
    return smooth * ends[None, :, None]
