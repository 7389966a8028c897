"""An exam held against the consensuses of every rule that fits its labels: does the rule matter?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from evaluation.consensus.all_votes import AllVotes
from evaluation.consensus.kinds import FIT, Rule
from evaluation.consensus.result import Consensus
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.measures.dice import score
from evaluation.scores.fair import NOBODY, score_fair
from evaluation.study.consensuses import Consensuses
from evaluation.study.design import Design


def score_by_rules(
    design: Design, consensuses: Consensuses, parts: Mapping[str, AllVotes], lone: str
) -> tuple[pd.DataFrame, dict[Rule, Consensus]]:
    """Of an exam, or of its knees: ``parts`` by knee, or by "" the exam; and all readers' consensuses.

    Of an exam that one of several readers drew, the models against that mask.
    """
    of_readers = consensuses.yardstick.votes
    by_rule = {design.rule: consensuses.study, design.yardstick: consensuses.yardstick}
    models = {rater for votes in parts.values() for rater in votes.raters} - set(of_readers.raters)
    # Verdicts are on models: readers alone have none.
    if not (consensuses.without or lone) or not models:
        return pd.DataFrame(), by_rule
    tables = []
    asked: dict[str, Any] = {"ordered": design.ordered, "seed": design.seed}
    for rule in dict.fromkeys([design.yardstick, *FIT[design.ordered]]):
        if rule not in by_rule:
            by_rule[rule] = staple(of_readers, rule=rule, **asked)
        without = consensuses.without
        if without and rule != design.yardstick:
            without = leave_one_out(of_readers, rule=rule, **asked)
        for knee, votes in parts.items():
            whole = score(votes, by_rule[rule].label_on(votes), design.by_name, design.empty_mask)
            of_models = whole[~whole.rater.isin(of_readers.raters)].assign(left_out=NOBODY)
            fair = [score_fair(votes, without, design.by_name, design.empty_mask)] if without else []
            found = pd.concat([of_models, *fair], ignore_index=True).assign(rule=rule)
            tables.append(found.assign(knee=knee) if knee else found)
    return pd.concat(tables, ignore_index=True), by_rule
