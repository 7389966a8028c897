"""The two files of a reading: the key, which the organiser keeps, and the scores, which a reader gives."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from evaluation.reading.vas_scores import SCALE

#: What is scored beside the levels.
OVERALL = "overall"
#: The origin of the masks that models are compared with.
REFERENCE = "consensus"

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
#: A reader's initials or code, or those of readers who score together, as AB+CD.
ReaderCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=64)]
Score = Annotated[float, Field(ge=0, le=SCALE)]


@dataclass(frozen=True, order=True)
class Place:
    """Whose mask stands at a place of the order: whose exam, and who made it."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    exam: str
    origin: str


def draw_order(exams: Sequence[str], origins: Sequence[str], seed: int) -> list[Place]:
    """Every mask once, in random order: each order is as likely as every other.

    The order depends on the set of masks and the seed, not on the order in which they are given, so that
    neither names nor the caller's habits show in it. Each exam has a mask of each origin.

    Examples
    --------
    >>> draw_order(["b", "a"], ["model", "consensus"], 1) == draw_order(["a", "b"], ["consensus", "model"], 1)
    True
    """
    masks = [Place(exam, origin) for exam in sorted(exams) for origin in sorted(origins)]
    # The names take part, so that two studies with one seed do not share an order.
    names = hashlib.sha256("\n".join(f"{one.exam}\t{one.origin}" for one in masks).encode()).digest()
    rng = np.random.default_rng([seed, int.from_bytes(names[:8], "big")])
    return [masks[place] for place in rng.permutation(len(masks))]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExamFacts(_Record):
    """What Table 2 says of an exam; age in years."""

    slices: int
    age: float | None = None


class Key(_Record):
    """Whose masks a page shows: the first entry of `masks` is the page's mask 1.

    A ValidationError when a mask's exam has no facts, or a mask stands there twice.
    """

    kind: Literal["bmseg reading room key"] = "bmseg reading room key"
    build: Hash
    seed: int
    items: Annotated[list[str], Field(min_length=1)]
    exams: dict[str, ExamFacts]
    #: The rule by which the consensus was made, where known.
    rule: str = ""
    masks: Annotated[list[Place], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if unknown := sorted({mask.exam for mask in self.masks} - set(self.exams)):
            raise ValueError(f"masks: found exam {', '.join(unknown)}, expected some of exams")
        if len(set(self.masks)) < len(self.masks):
            raise ValueError("masks: found one twice, expected every mask once")
        return self

    @property
    def models(self) -> list[str]:
        """Origins other than the reference, sorted."""
        return sorted({mask.origin for mask in self.masks} - {REFERENCE})


class Answer(_Record):
    """What a reader said of one mask: cm by item, None where nothing was given."""

    mask: Annotated[int, Field(ge=1)]
    scores: dict[str, Score | None]
    comment: Annotated[str, Field(max_length=10_000)] = ""


class ScoresFile(_Record):
    """The file that the page saves.

    ``build`` is that of the page, the SHA-256 of what it shows; ``reading`` says whether the reader scored
    independently, or several in consensus; a copy saved on the way is not ``complete``.
    """

    kind: Literal["bmseg reading room scores"]
    build: Hash
    reader: ReaderCode
    reading: Literal["alone", "together"]
    complete: bool
    saved: str
    answers: list[Answer]

    @model_validator(mode="after")
    def _check(self) -> Self:
        places = [answer.mask for answer in self.answers]
        if repeated := sorted({place for place in places if places.count(place) > 1}):
            raise ValueError(f"answers: found mask {', '.join(map(str, repeated))} more than once")
        return self
