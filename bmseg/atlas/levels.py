"""A level and its examples, as pages show them."""

from __future__ import annotations

from dataclasses import dataclass

from bmseg.atlas.pictures import Knee
from bmseg.atlas.signal import Measured


@dataclass(frozen=True)
class LevelShown:
    """A level as pages name it.

    Parameters
    ----------
    value : int
        Mask value.
    name, description, color : str
    """

    value: int
    name: str
    description: str
    color: str


@dataclass(frozen=True)
class Example:
    """A knee that shows a level.

    Parameters
    ----------
    word : str
        ``faintest``, ``typical``, ``brightest``, ``only example``.
    knee : Knee
    measured : Measured
    """

    word: str
    knee: Knee
    measured: Measured

    @property
    def facts(self) -> list[str]:
        """Label, slice, and what was measured, a line each."""
        return [
            *label_lines(self.knee.label),
            f"slice {self.measured.place + 1}",
            f"relative signal {self.measured.signal:.2f}",
            f"area {self.measured.area:.0f} mm\u00b2",
        ]


def label_lines(label: str) -> list[str]:
    """A label in two lines: which one it is, then side and age."""
    first, comma, rest = label.partition(", ")
    return [first, rest] if comma else [first]
