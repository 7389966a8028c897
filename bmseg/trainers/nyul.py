"""Images brought to one scale of intensities before a network sees them: Nyúl and Udupa's standardisation.

Nyúl and Udupa, Magn Reson Med 1999;42:1072 (not opened): landmarks of an image's histogram are moved to where
the training images have them on average, and what lies between is stretched evenly. The landmarks here are
those of the package intensity-normalization 3.0.1 (opened): percentiles 1, 10, 20, ..., 90 and 99.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from nnunetv2.preprocessing.normalization import default_normalization_schemes as schemes

from bmseg.trainers.quick import nnUNetTrainerQuick
from bmseg.trainers.scheduled import nnUNetTrainerScheduled

PERCENTILES = (1, *range(10, 91, 10), 99)
#: Where every image's first and last landmark come to lie.
ENDS = (1.0, 100.0)
#: A channel's entry among the intensity properties of nnU-Net's plans.
LANDMARKS = "nyul_landmarks"
#: From that scale to one that networks like: foreground between about -2 and 2.
_CENTRE, _UNIT = 50.0, 25.0


def landmarks_of(image: np.ndarray) -> np.ndarray:
    """An image's landmarks: percentiles of its foreground, the voxels above the mean of those that are not 0.

    Zeros around an image, which nnU-Net crops, so change nothing.
    """
    filled = image[image != 0]
    foreground = filled[filled > filled.mean()] if filled.size else filled
    return np.percentile(foreground if foreground.size else image, PERCENTILES)


def standard_landmarks(images: Iterable[np.ndarray]) -> list[float]:
    """Where the landmarks of images lie on average, when the ends of each lie at `ENDS`.

    An image without contrast has no landmarks and is left out; ValueError when all are.
    """
    seen = [landmarks for landmarks in map(landmarks_of, images) if landmarks[-1] > landmarks[0]]
    if not seen:
        raise ValueError("images: found none with contrast, expected some to learn landmarks from")
    stretched = [(each - each[0]) / (each[-1] - each[0]) * (ENDS[1] - ENDS[0]) + ENDS[0] for each in seen]
    return [float(place) for place in np.mean(stretched, axis=0)]


def standardised(image: np.ndarray, standard: Iterable[float]) -> np.ndarray:
    """An image on the scale of `standard_landmarks`, float64; straight on beyond the outer landmarks.

    One without contrast becomes the scale's middle.
    """
    seen, kept = np.unique(landmarks_of(image), return_index=True)
    aims = np.array([*standard])[kept]
    if len(seen) < 2:
        return np.full(image.shape, _CENTRE)
    slopes = np.diff(aims) / np.diff(seen)
    inside = np.interp(image, seen, aims)
    return inside + slopes[0] * np.minimum(image - seen[0], 0) + slopes[-1] * np.maximum(image - seen[-1], 0)


class NyulNormalization(schemes.ImageNormalization):  # type: ignore[misc]
    """A normalisation scheme of nnU-Net's; its landmarks are in the plans, and so wherever a model is."""

    leaves_pixels_outside_mask_at_zero_if_use_mask_for_norm_is_true = True

    def run(self, image: np.ndarray, seg: np.ndarray | None = None) -> np.ndarray:
        """A standardised image; outside of nnU-Net's mask, where one is used, as it was."""
        if LANDMARKS not in self.intensityproperties:
            raise RuntimeError(f"plans: found no {LANDMARKS}, expected some for {type(self).__name__}")
        made = image.astype(self.target_dtype, copy=True)
        inside = seg >= 0 if self.use_mask_for_norm and seg is not None else slice(None)
        made[inside] = (standardised(image[inside], self.intensityproperties[LANDMARKS]) - _CENTRE) / _UNIT
        return made


# nnU-Net looks for schemes by name in its own modules alone. Whoever finds one of the trainers below, its own
# commands included, has imported this module.
schemes.NyulNormalization = NyulNormalization


class nnUNetTrainerNyul(nnUNetTrainerScheduled):  # noqa: N801 (nnU-Net's users know trainers by this form)
    """nnU-Net's defaults, on standardised images."""


class nnUNetTrainerQuickNyul(nnUNetTrainerQuick):  # noqa: N801
    """`nnUNetTrainerQuick` on standardised images."""
