"""What is scored, and by which rules: all that an evaluation needs to know of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from evaluation.consensus.kinds import Rule, describe
from evaluation.measures.dice import EmptyMask
from evaluation.measures.foci import FociRules
from evaluation.measures.kinds import QUANTILE
from evaluation.measures.measure import Measure, OneEmpty
from evaluation.measures.named import measures

#: What is scored as one: an exam, or each of its knees.
Unit = Literal["exam", "knee"]


@dataclass(frozen=True)
class Design:
    """Levels, rules and words of a study.

    Parameters
    ----------
    levels : mapping of str to int
        Name of a level (or label) to its value in masks; background is 0.
    groups : mapping of str to sequence of int
        Levels scored as one: the union of their masks.
    rule : str
        The rule of the study's own consensus, against which Table 1 is scored as studies print it; see
        `evaluation.consensus.rules.staple`.
    yardstick : str
        The rule of the consensuses that verdicts rest on: the fair table, comparisons, boards.
    ordered : bool
        Whether labels are levels in rising order.
    empty_mask : EmptyMask
        What a Dice is when both masks are empty.
    plane : {"coronal", "sagittal", "axial"}
        Of the slices.
    unit : {"exam", "knee"}
        What the fair table and the tests count as one; knees are clustered by exam.
    margin : float, optional
        Loss of Dice that would not matter: tests non-inferiority.
    primary : sequence of str
        The levels (or groups) that verdicts speak of; by default all levels and no groups, which repeat them.
    seed : int
        Of the consensus's random starts.
    colors : mapping of str to str
        Level to colour, as "#4477aa".
    all_readers : sequence of str
        The study's readers; those who are not scored are named below Table 1.
    taught_by : mapping of str to sequence of str
        Model to the readers whose masks it learned from, of those of whom it is known.
    seed_of : mapping of str to str
        Model that was trained as another, with another seed, to that first one: networks of one method.
    measures : sequence of str
        Names of `evaluation.measures.named`; Dice is always among them.
    one_empty : OneEmpty
        What a measure other than Dice and volumes is where one of two masks is empty.
    tolerance_quantile : float
        Of the distances between readers' surfaces: the tolerance of ``nsd@readers``.
    tolerances : mapping of str to float
        Level to a tolerance in mm that was fixed before, such as by a board; no readers are asked then.
    foci : FociRules
        What a focus is.
    ignore : int, optional
        The label of voxels that a reader was unsure of: they are left out of every count.
    undrawn : bool
        Whether some of these are where a reader did not draw.
    repeats : mapping of str to str
        A second reading to the reader whose it is: in no consensus, and no further reader.
    incomplete : bool
        Whether readers need not have drawn every exam; each exam then counts with those who drew it.
    notes : sequence of str
        Lines below every table and list of sentences.
    mark : str
        What stands on every figure.
    titles : mapping of str to str
        What levels, groups, readers and models are shown as, where it is not their name: in printed tables,
        sentences and figures; CSV files keep names.
    """

    levels: Mapping[str, int]
    groups: Mapping[str, Sequence[int]] = field(default_factory=dict)
    rule: Rule = "multilabel"
    yardstick: Rule = "map"
    ordered: bool = True
    empty_mask: EmptyMask = EmptyMask.UNDEFINED
    plane: str = "coronal"
    unit: Unit = "exam"
    margin: float | None = None
    primary: Sequence[str] = ()
    seed: int = 0
    colors: Mapping[str, str] = field(default_factory=dict)
    all_readers: Sequence[str] = ()
    taught_by: Mapping[str, Sequence[str]] = field(default_factory=dict)
    seed_of: Mapping[str, str] = field(default_factory=dict)
    measures: Sequence[str] = ("dice",)
    one_empty: OneEmpty = OneEmpty.WORST
    tolerance_quantile: float = QUANTILE
    tolerances: Mapping[str, float] = field(default_factory=dict)
    foci: FociRules = field(default_factory=FociRules)
    ignore: int | None = None
    undrawn: bool = False
    repeats: Mapping[str, str] = field(default_factory=dict)
    incomplete: bool = False
    notes: Sequence[str] = ()
    mark: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)

    def shown(self, name: str) -> str:
        """What a level, reader or model is shown as: its title, or its name."""
        return self.titles.get(name, name)

    @property
    def measured(self) -> list[Measure]:
        """The measures, Dice first: every study has it."""
        return measures(["dice", *self.measures])

    @property
    def labels(self) -> tuple[int, ...]:
        """Background and levels: every value that a mask may hold."""
        return (0, *self.levels.values())

    @property
    def labels_of_readers(self) -> tuple[int, ...]:
        """The same, and the label to ignore, which a model may not use."""
        return self.labels if self.ignore is None else (*self.labels, self.ignore)

    @property
    def by_name(self) -> dict[str, tuple[int, ...]]:
        """What each row of Table 1 is scored on: the values that count as foreground, groups last."""
        single = {name: (value,) for name, value in self.levels.items()}
        return single | {name: tuple(values) for name, values in self.groups.items()}

    @property
    def spoken_of(self) -> tuple[str, ...]:
        """The levels that a verdict speaks of: groups repeat levels, so they are none by default."""
        return tuple(self.primary or self.levels)

    @property
    def rule_in_words(self) -> str:
        """The rule of the study's own consensus, for a reader."""
        return describe(self.rule)

    @property
    def yardstick_in_words(self) -> str:
        """The yardstick's rule, for a reader."""
        return describe(self.yardstick)
