"""What a challenge ranks: a level by Dice, which the level's name stands for, or by another measure.

In challenge.toml ``"level2" = 1.0`` weighs the Dice of level2 and ``"level2 hd95" = 0.5`` its HD95.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from evaluation.measures.kinds import READERS, asked_for
from evaluation.measures.measure import Measure
from evaluation.measures.named import measures

if TYPE_CHECKING:
    from bmseg.study import Study
    from bmseg.untrusted.header import ExamGrid
    from evaluation.measures.pairs import Pair

#: The measure whose tolerance is told from the readers, and stands in the contract.
NSD_READERS = f"nsd@{READERS}"
#: What `asked_for` and a weight call it.
DICE = "dice"
# Names of measures that stand for several.
_SEVERAL = ("foci",)


@dataclass(frozen=True)
class Task:
    """A level by a measure other than Dice."""

    name: str
    level: str
    measure: Measure
    weight: float

    @property
    def smaller_is_better(self) -> bool:
        """Whether less of it is better; of a volume difference its size counts."""
        return not self.measure.higher_is_better

    @property
    def way(self) -> str:
        """Which way is better, in words."""
        return "lower is better" if self.smaller_is_better else "higher is better"

    @property
    def title(self) -> str:
        """As people read it, with its unit."""
        named = self.measure.compared_by
        unit = f", {self.measure.unit}" if self.measure.unit else ""
        return f"{self.level}: {named}{unit}"

    def worst(self, grid: ExamGrid) -> float:
        """What an exam without a mask counts as; NaN where the measure has no worst value."""
        return float(self.measure.worst(cast("Pair", _Unmarked(grid))))


@dataclass(frozen=True)
class _Unmarked:
    """What a measure may ask of an exam without a mask."""

    grid: ExamGrid

    @property
    def diagonal(self) -> float:
        """Of the exam's grid, mm, as of `evaluation.measures.pairs.Pair`."""
        spacing = np.linalg.norm(np.asarray(self.grid.affine)[:3, :3], axis=0)
        return float(np.linalg.norm(np.asarray(self.grid.size) * spacing))


def level_of(name: str) -> tuple[str, str]:
    """Level and measure of a task's name.

    >>> level_of("level2"), level_of("level2 hd95")
    (('level2', 'dice'), ('level2', 'hd95'))
    """
    level, _, measure = name.partition(" ")
    return level, measure or DICE


def beside_dice(weights: Mapping[str, float]) -> list[Task]:
    """The tasks that are no Dice, in order."""
    named = {name: level_of(name) for name in weights}
    return [
        Task(name, level, measures([measure])[0], weights[name])
        for name, (level, measure) in named.items()
        if measure != DICE
    ]


def dice_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """Level to the weight of its Dice; where no task is Dice, of all its tasks together.

    By these a submission has a score beside the readers, who have no rank.
    """
    named = {name: level_of(name) for name in weights}
    own = {level: weights[name] for name, (level, measure) in named.items() if measure == DICE}
    if own:
        return own
    together: dict[str, float] = {}
    for name, (level, _) in named.items():
        together[level] = together.get(level, 0.0) + weights[name]
    return together


def check_weights(weights: Sequence[str], study: Study, missing: str) -> None:
    """A ValueError for the first name that is no task of a study, or cannot be one."""
    if unknown := [name for name in weights if level_of(name)[0] not in study.level_names]:
        raise ValueError(f"found {', '.join(unknown)}, expected some of {', '.join(study.level_names)}")
    single = [level.name for level in study.levels]
    for name in weights:
        level, asked = level_of(name)
        if " " not in name:
            continue
        if asked == DICE:
            raise ValueError(f"found '{name}', expected '{level}': a level's name alone is its Dice")
        try:
            kind = asked_for(asked).kind
        except ValueError as error:
            raise ValueError(f"'{name}': {error}") from None
        found = measures([asked])
        if kind in _SEVERAL:
            one_by_one = ", ".join(f"'{level} {each.name}'" for each in found)
            raise ValueError(f"found '{name}', expected one measure a task: {one_by_one}")
        measure = found[0]
        if measure.name != asked:
            raise ValueError(f"found '{name}', expected '{level} {measure.name}'")
        if not measure.of_groups and level not in single:
            raise ValueError(
                f"found '{name}', but {measure.title} is not scored on groups of levels, expected one of "
                f"{', '.join(single)}"
            )
        if not measure.needs_both and missing != "refuse":
            raise ValueError(
                f"found '{name}', which has no worst value for an exam without a mask; expected missing = "
                '"refuse", or another measure'
            )
