"""The child that two knees belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Sex = Literal["female", "male"]


@dataclass(frozen=True)
class Subject:
    """What a child's age and sex mean for the knees; thicknesses in mm."""

    #: As a fraction of the shapes' in `bones`.
    size: float
    #: Of growth plates: 1 open, 0 closed.
    openness: float
    cartilage: float
    #: Subcutaneous.
    fat: float
    #: The joint's fluid film.
    effusion: float

    @classmethod
    def draw(cls, age: float, sex: Sex, group: str, rng: np.random.Generator) -> Subject:
        """A child of this age; girls stop growing, and close their growth plates, two years earlier."""
        grown, closing, adult = (14.5, 14.6, 0.98) if sex == "female" else (16.5, 16.4, 1.03)
        growth = float(np.clip((age - 5.0) / (grown - 5.0), 0.0, 1.0))
        openness = 1.0 / (1.0 + np.exp((age - closing - 0.4 * rng.standard_normal()) / 0.45))
        return cls(
            size=adult * (0.83 + 0.19 * growth) * (1 + 0.025 * float(rng.standard_normal())),
            openness=float(openness),
            cartilage=2.2 + 2.6 * (1 - growth) ** 1.5,
            fat=float(rng.uniform(5.0, 9.0)) + (3.0 if sex == "female" else 0.0) * growth,
            effusion=float(rng.gamma(2.0, 0.35)) + (0.8 if group == "CNO" else 0.2),
        )
