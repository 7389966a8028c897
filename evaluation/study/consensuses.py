"""Every consensus of an exam's readers: of all of them, by two rules, and without each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from evaluation.consensus.audit import Finding, audit
from evaluation.consensus.audited import STUDY, WITHOUT, YARDSTICK
from evaluation.consensus.result import Consensus
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import Votes
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
        made = partial(staple, of_readers, ordered=design.ordered, seed=design.seed)
        study = made(rule=design.rule)
        yardstick = study if design.yardstick == design.rule else made(rule=design.yardstick)
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
