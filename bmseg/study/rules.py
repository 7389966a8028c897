"""The sections of a study file that say how masks are scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bmseg.methods.variants import Masks
from dataset_conversion.raw.exam import IGNORE
from evaluation.consensus.kinds import Rule
from evaluation.measures.kinds import QUANTILE, check_measures

if TYPE_CHECKING:
    from evaluation.measures.components import FociRules

# Names become file names, column names and nnU-Net label names.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=64)]


def check_repeats(repeats: Mapping[str, str], readers: Sequence[str]) -> None:
    """A ValueError for a second reading of nobody, of itself or of another second reading."""
    for again, reader in repeats.items():
        if reader not in readers:
            other = f"{reader}, which is a repeat" if reader in repeats else reader
            raise ValueError(
                f"readers.repeat_of: {again}: found {'itself' if reader == again else other}, expected one "
                f"of the readers {', '.join(readers) or '(none)'}"
            )


def check_ignore(ignore: int | None, values: Sequence[int], names: Sequence[str], *, trained: bool) -> None:
    """A ValueError for a label to ignore that is a level's, and for a level of its name."""
    if ignore in values:
        raise ValueError(f"scores.ignore: found {ignore}, expected a value that is no level's")
    if IGNORE in names and (trained or ignore is not None):
        raise ValueError(
            f"levels.name and groups.name: found {IGNORE}, expected another: nnU-Net learns nothing from a "
            "label of that name; voxels that readers were unsure of are named by [scores] ignore = VALUE"
        )


class SectionOfFile(BaseModel):
    """A table of a study file: nothing unknown, no other types."""

    # As the file has it: what is dumped can be read again.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, serialize_by_alias=True)


class Teaching(SectionOfFile):
    """Whose masks models learn from."""

    masks: Masks = "reader"


class Drawn(SectionOfFile):
    """Who drew what."""

    #: Whether readers may lack exams: each exam then counts with those who drew it.
    incomplete: Literal["refuse", "allow"] = "refuse"


class Consensus(SectionOfFile):
    """The rule that makes one mask of the readers' masks."""

    rule: Rule = "multilabel"


class Yardstick(SectionOfFile):
    """The rule of the consensuses that verdicts rest on."""

    #: By default what `python -m benchmarks.truth` finds most robust over ways of erring.
    rule: Rule = "map"


class Verdict(SectionOfFile):
    """What the study declared before it looked: which difference would not matter, and where it counts."""

    #: A loss of Dice that would not matter.
    margin: Annotated[float, Field(gt=0, lt=1)] | None = None
    #: Names of the levels that a verdict speaks of first; by default all levels, no groups.
    primary: list[Name] = []


class Scores(SectionOfFile):
    """How masks are scored."""

    #: Dice where both masks are empty.
    empty_mask: Literal["undefined", "one", "zero"] = "undefined"
    #: The label of voxels that a reader was unsure of: left out of every count.
    ignore: Annotated[int, Field(ge=1, le=255)] | None = None
    #: By default what fits the scale (`evaluation.measures.kinds.DEFAULT`); Dice is always among them.
    measures: list[str] = []
    #: What other measures are where one of two masks is empty: their worst value, or left out and counted.
    one_empty: Literal["worst", "left_out"] = "worst"
    #: Of the distances between readers' surfaces: the tolerance of nsd@readers.
    tolerance_quantile: Annotated[float, Field(gt=0, lt=1)] = QUANTILE

    @field_validator("measures")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        check_measures(names)
        return names


class Foci(SectionOfFile):
    """What a focus is, and which of two masks' foci belong together."""

    #: Neighbours of a voxel: by faces, edges too, corners too.
    connectivity: Literal[6, 18, 26] = 26
    #: A smaller component is no focus, cubic mm.
    smallest_mm3: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    #: Foci match where they share a voxel, or lie within a distance in mm.
    matching: Literal["overlap"] | Annotated[float, Field(ge=0, allow_inf_nan=False)] = "overlap"

    @property
    def rules(self) -> FociRules:
        """As `evaluation` takes them."""
        from evaluation.measures.components import FociRules

        return FociRules(self.connectivity, self.smallest_mm3, self.matching)


class VisualAnalogueScale(SectionOfFile):
    """A line of 10 cm: scores below ``acceptable_below`` (cm) count as acceptable.

    ``anchors`` are the points on its other side, best first, at equal distances; of each, what stands
    before the first comma is written beside the line. The default is the four-point scale of von Brandis et
    al. 2022.
    """

    acceptable_below: Annotated[float, Field(gt=0, le=10)]
    anchors: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=80)]], Field(min_length=2, max_length=7)
    ] = [
        "perfect",
        "minor corrections, less likely of clinical impact",
        "major corrections, most likely of clinical impact",
        "rejected",
    ]
