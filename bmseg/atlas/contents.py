"""What an atlas shows, and what it says: the same for HTML and PDF."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from tqdm import tqdm

from bmseg.atlas.choice import SHOWN_MM2, Candidate, Unit, by_age, choose
from bmseg.atlas.exams import AtlasExams
from bmseg.atlas.made import AtlasOptions
from bmseg.atlas.pictures import Frame, Knee, common_frame
from bmseg.atlas.signal import Measured, measure, range_of
from bmseg.errors import InputError
from bmseg.study import Level
from bmseg.wording import synthetic_mark, synthetic_notes
from evaluation.figures.display import air_below, safe_colors, window_presets

_OPPOSITE = dict(zip("LRAPSI", "RLPAIS", strict=True))


@dataclass(frozen=True)
class Example:
    """A knee that shows a level; `word` is ``faintest``, ``typical``, ``brightest`` or ``only example``."""

    word: str
    knee: Knee
    measured: Measured


@dataclass(frozen=True)
class Atlas:
    """An atlas before it is drawn."""

    exams: AtlasExams
    options: AtlasOptions
    unit: Unit
    #: Of all exams; `chosen` are those that are shown, `knees` the same with their images.
    candidates: list[Candidate]
    chosen: list[Candidate]
    knees: list[Knee]
    #: In the study's order, in the colours in which they are shown.
    levels: list[Level]
    #: Every level in every chosen knee that has it.
    measured: list[Measured]

    @property
    def title(self) -> str:
        """Heading of the atlas."""
        return f"Reference atlas: {self.exams.study.title}"

    @property
    def banner(self) -> str:
        """What is said first where the cohort is synthetic."""
        return "".join(synthetic_notes(self.exams.synthetic))

    @property
    def note(self) -> str:
        """What every page and figure carries."""
        return synthetic_mark(self.exams.synthetic)

    @property
    def colors(self) -> dict[int, str]:
        """Mask value to colour."""
        return {level.value: level.color for level in self.levels}

    @cached_property
    def frame(self) -> Frame:
        """Of all pictures."""
        return common_frame(self.knees)

    @cached_property
    def unsure(self) -> int:
        """In how many of the exams shown the reader was unsure of voxels."""
        return self.exams.unsure(dict.fromkeys(one.exam for one in self.chosen))

    def of_level(self, level: Level) -> list[Measured]:
        """The level in every knee that has it."""
        return [one for one in self.measured if one.level == level.value]

    def in_knee(self, knee: Knee) -> list[Measured | None]:
        """Every level in a knee, in the levels' order; None where it is not marked."""
        found = {one.level: one for one in self.measured if one.knee == knee.number}
        return [found.get(level.value) for level in self.levels]

    def examples(self, level: Level) -> list[Example]:
        """What stands for the level's range, faintest first."""
        return [
            Example(word, self.knees[one.knee - 1], one)
            for word, one in range_of(self.of_level(level), least_area=SHOWN_MM2)
        ]

    def numbers(self) -> pd.DataFrame:
        """Every number of the atlas: a row for each knee and level.

        Columns are ``knee``, ``exam``, ``side``, ``age``, ``level``, ``slice`` (from 1), ``area_mm2``,
        ``relative_signal``, ``example``; a level that is not marked has no slice.
        """
        words = {
            (example.knee.number, level.value): example.word
            for level in self.levels
            for example in self.examples(level)
        }
        rows = [
            {
                "knee": knee.number, "exam": one.exam, "side": one.side, "age": one.age,
                "level": level.name,
                "slice": measured.place + 1 if measured else None,
                "area_mm2": measured.area if measured else 0.0,
                "relative_signal": measured.signal if measured else None,
                "example": words.get((knee.number, level.value), ""),
            }
            for knee, one in zip(self.knees, self.chosen, strict=True)
            for level, measured in zip(self.levels, self.in_knee(knee), strict=True)
        ]  # fmt: skip
        return pd.DataFrame(rows).astype({"slice": "Int64"})


def make_atlas(exams: AtlasExams, options: AtlasOptions) -> Atlas:
    """Choose knees, read their images and measure the levels.

    An InputError when nothing is marked in any exam, or an image does not lie on its mask's grid; a
    MaskError or ConversionError when a file cannot be read.
    """
    candidates, unit = exams.candidates(options.unit)
    chosen = sorted(candidates, key=by_age)
    if not options.exams:
        chosen = choose(candidates, options.number, seed=options.seed)
    if not any(one.is_marked for one in chosen):
        raise InputError(
            f"{exams.dataset.folder}: masks: found no level marked in {len(exams.ages)} training exams, "
            "expected some: an atlas shows marked levels"
        )
    levels = list(exams.study.levels)
    if options.safe_colors:
        safe = safe_colors(len(levels))
        levels = [
            level.model_copy(update={"color": color}) for level, color in zip(levels, safe, strict=True)
        ]
    knees = _read(exams, chosen, unit)
    measured = [found for knee in knees for level in levels if (found := measure(knee, level.value))]
    return Atlas(exams, options, unit, candidates, chosen, knees, levels, measured)


def _read(exams: AtlasExams, chosen: Sequence[Candidate], unit: Unit) -> list[Knee]:
    knees = []
    for number, one in enumerate(tqdm(chosen, desc="images", disable=None, leave=False), 1):
        mask = exams.mask(one.exam)
        image = exams.image(one.exam, mask)
        knees.append(
            Knee(
                number=number,
                label=_label(number, one, unit),
                age=one.age,
                image=image.array[one.part].astype("float32"),
                mask=mask.array[one.part],
                spacing=(float(image.spacing[0]), float(image.spacing[1])),
                windows={window.name: window for window in window_presets(image.array)},
                air=air_below(image.array),
                sides=sides_of(mask.axis_order),
            )
        )
    return knees


def sides_of(axis_order: str) -> tuple[str, str]:
    """The patient's side at a picture's left and right edge, where i runs to the right.

    >>> sides_of("LIP"), sides_of("PIR")
    (('R', 'L'), ('A', 'P'))
    """
    return _OPPOSITE[axis_order[0]], axis_order[0]


def _label(number: int, one: Candidate, unit: Unit) -> str:
    """As ``knee 3, right, 12.1 y``: no exam and no site."""
    side = one.side or ("whole exam" if unit == "knee" else "")
    age = "age unknown" if math.isnan(one.age) else f"{one.age:.1f} y"
    return ", ".join(part for part in (f"{unit} {number}", side, age) if part)
