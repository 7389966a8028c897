"""Who is in the synthetic cohort: composition after von Brandis et al. 2022 (Pediatric Radiology 52:1104).

95 exams, 85 of them for training with 1,318 slices; 68 from Oslo, 27 from Tromsø; 67 healthy, 28 with
chronic non-bacterial osteomyelitis (CNO). Which test exam came from where, and the sexes, are not
published: they are made up here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dataset_conversion.images import ConversionError
from dataset_conversion.phantom.fields import generator
from dataset_conversion.phantom.knee import Sex
from dataset_conversion.phantom.scanner import SCANNERS
from dataset_conversion.raw.exam import Split

DEFAULT_SEED = 2022

TRAINING_EXAMS, TRAINING_SLICES = 85, 1318
# Exams of a site and group; with the test exams, the study's 68 + 27 and 67 + 28.
_TRAINING_STRATA = {
    ("Oslo", "healthy"): 43, ("Oslo", "CNO"): 18, ("Tromso", "healthy"): 17, ("Tromso", "CNO"): 7,
}  # fmt: skip


@dataclass(frozen=True)
class PlannedExam:
    """An exam before it is simulated; of site "Oslo" or "Tromso", of group "healthy" or "CNO"."""

    identifier: str
    split: Split
    site: str
    scanner: str
    group: str
    age: float
    sex: Sex
    slices: int
    #: Whether its marrow has foci that are read as level 3.
    fluid_like: bool = True

    @property
    def facts(self) -> dict[str, Any]:
        """The exam's columns of cohort.csv."""
        return {
            "site": self.site, "scanner": self.scanner, "group": self.group, "age": self.age,
            "sex": self.sex, "slices": self.slices, "synthetic": True,
        }  # fmt: skip


# Slices and ages of the study's Table 2. Its mask 10 was scored 0 for level 3 on both masks: none drawn.
_TEST_EXAMS: tuple[tuple[int, float, str, str, Sex, bool], ...] = (
    (16, 14.0, "Oslo", "healthy", "male", True),
    (16, 13.9, "Oslo", "CNO", "female", True),
    (15, 10.2, "Tromso", "healthy", "female", True),
    (15, 9.6, "Oslo", "healthy", "male", True),
    (16, 9.5, "Oslo", "healthy", "female", True),
    (15, 7.6, "Tromso", "healthy", "male", True),
    (14, 14.3, "Oslo", "CNO", "female", True),
    (16, 7.8, "Oslo", "healthy", "female", True),
    (15, 11.0, "Tromso", "CNO", "female", True),
    (15, 9.6, "Oslo", "healthy", "male", False),
)


def plan_cohort(*, training: int = TRAINING_EXAMS, seed: int = DEFAULT_SEED) -> list[PlannedExam]:
    """Who is examined: the first `training` of 85 training exams, then the ten test exams.

    A training exam is the same whatever `training` is, and every beginning of the list keeps the
    proportions of sites and groups. `training` out of range raises `ConversionError`.
    """
    if not 1 <= training <= TRAINING_EXAMS:
        expected = f"1 to {TRAINING_EXAMS}: the cohort has no more exams"
        raise ConversionError(f"training: found {training}, expected {expected}")
    test = [
        PlannedExam(
            f"knee_{TRAINING_EXAMS + number:03d}", "test", site, SCANNERS[site].name, group,
            age, sex, slices, fluid_like,
        )
        for number, (slices, age, site, group, sex, fluid_like) in enumerate(_TEST_EXAMS, start=1)
    ]  # fmt: skip
    return _plan_training(seed)[:training] + test


def _plan_training(seed: int) -> list[PlannedExam]:
    rng = generator(seed, "cohort")
    places = [
        ((member + 0.5) / count, site, group)
        for (site, group), count in _TRAINING_STRATA.items()
        for member in range(count)
    ]
    ages = np.clip(rng.normal(11.8, 2.9, TRAINING_EXAMS), 6.0, 18.0).round(1)
    sexes: list[Sex] = ["female" if draw < 0.55 else "male" for draw in rng.uniform(size=TRAINING_EXAMS)]
    slices = _share_slices(ages, rng)
    return [
        PlannedExam(
            f"knee_{number + 1:03d}", "training", site, SCANNERS[site].name, group,
            float(ages[number]), sexes[number], int(slices[number]),
        )
        for number, (_, site, group) in enumerate(sorted(places))
    ]  # fmt: skip


def _share_slices(ages: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """14 to 18 slices an exam, more for older children, `TRAINING_SLICES` in all."""
    wish = 14.3 + 2.0 * np.clip((ages - 6.0) / 9.0, 0.0, 1.0) + rng.normal(0, 0.5, len(ages))
    slices = np.clip(wish.round(), 14, 18).astype(int)
    while missing := TRAINING_SLICES - slices.sum():
        step = int(np.sign(missing))
        room = (slices < 18) if step > 0 else (slices > 14)
        slices[np.where(room, step * (wish - slices), -np.inf).argmax()] += step
    return slices
