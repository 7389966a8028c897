"""Every consensus of an exam's readers: of all of them, by two rules, and without each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evaluation.consensus.audit import Finding, audit
from evaluation.consensus.audited import STUDY, WITHOUT, YARDSTICK
from evaluation.consensus.ignored import paint_all
from evaluation.consensus.kinds import Rule
from evaluation.consensus.result import Consensus
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import Votes, count_votes
from evaluation.study.design import Design


@dataclass(frozen=True, eq=False)
class Consensuses:
    """Every consensus of an exam's readers that raters are scored against."""

    #: Of all readers, by the study's own rule.
    study: Consensus
    #: Of all readers, by the yardstick's rule.
    yardstick: Consensus
    #: Reader to the yardstick of the others; empty with one reader.
    without: Mapping[str, Consensus]

    @classmethod
    def of(cls, design: Design, of_readers: Votes) -> Consensuses:
        """By a study's rules."""
        yardstick = yardstick_of(design, of_readers)
        study = yardstick if design.yardstick == design.rule else _by(design.rule, design, of_readers)
        without: dict[str, Consensus] = {}
        if len(of_readers.raters) > 1:
            without = leave_one_out(
                of_readers, rule=design.yardstick, ordered=design.ordered, seed=design.seed
            )
        return cls(study, yardstick, without)

    @property
    def named(self) -> dict[str, Consensus]:
        """All of them, each once: the yardstick has no name of its own where the study's rule is its rule."""
        both = {STUDY: self.study} | ({} if self.yardstick is self.study else {YARDSTICK: self.yardstick})
        return both | {f"{WITHOUT}{reader}": each for reader, each in self.without.items()}

    def audits(self, design: Design) -> dict[str, tuple[Finding, ...]]:
        """What an audit finds in each of them, by name."""
        names = {value: name for name, value in design.levels.items()}
        return {which: audit(each, ordered=design.ordered, names=names) for which, each in self.named.items()}


def yardstick_of(design: Design, of_readers: Votes) -> Consensus:
    """The consensus of some readers by the yardstick's rule of a study."""
    return _by(design.yardstick, design, of_readers)


def _by(rule: Rule, design: Design, of_readers: Votes) -> Consensus:
    return staple(of_readers, rule=rule, ordered=design.ordered, seed=design.seed)


def yardstick_mask(design: Design, masks: Mapping[str, np.ndarray]) -> np.ndarray:
    """The yardstick of the readers of one exam as a mask, made as raters are scored against it.

    `masks` are label maps of one shape. One reader alone is the yardstick. Where a reader was unsure
    (`Design.ignore`) nothing is counted, and the mask holds that label.

    Examples
    --------
    >>> design = Design({"low": 1}, yardstick="majority")
    >>> anna, boris, cara = (np.array([0, 1, 1, one]) for one in (0, 1, 1))
    >>> yardstick_mask(design, {"anna": anna, "boris": boris, "cara": cara}).tolist()
    [0, 1, 1, 1]
    """
    ignore = -1 if design.ignore is None else design.ignore
    unsure = np.logical_or.reduce([mask == ignore for mask in masks.values()])
    sure = {reader: np.where(unsure, 0, mask).astype(np.uint8) for reader, mask in masks.items()}
    painted = np.zeros(unsure.shape, np.uint8)
    if not unsure.all():
        votes = count_votes({reader: mask[~unsure] for reader, mask in sure.items()}, design.labels)
        painted = paint_all(sure, votes, yardstick_of(design, votes).label, int(unsure.sum()))
    return np.where(unsure, ignore, painted).astype(np.uint8)
