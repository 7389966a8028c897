"""Which exams come next: at random, or where the folds' networks disagree most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd

from evaluation.measures.dice import Dice

Pick = Literal["random", "uncertain"]

#: How a round's exams were chosen, as its record and lineage.csv say it.
RULES: dict[Pick, str] = {
    "random": "random",
    "uncertain": "highest disagreement: 1 - mean Dice over pairs of folds' masks and over levels; a Dice of "
    "two empty masks is left out; an exam in which no network marks anything comes last",
}


def choose_at_random(unread: Sequence[str], number: int, *, seed: int, round_number: int) -> list[str]:
    """So many of the unread exams, sorted; the same for a seed and round.

    Examples
    --------
    >>> choose_at_random(["a", "b", "c"], 5, seed=1, round_number=1)
    ['a', 'b', 'c']
    """
    order = np.random.default_rng([seed, round_number]).permutation(len(unread))
    names = sorted(unread)
    return sorted(names[place] for place in order[:number])


def choose_uncertain(scores: Mapping[str, float], number: int) -> pd.DataFrame:
    """The exams of highest disagreement; undefined ones come last, ties by name.

    Returned are columns ``exam``, ``disagreement`` and ``chosen``; the highest first.
    """
    table = pd.DataFrame(scores.items(), columns=["exam", "disagreement"])
    table = table.sort_values(["disagreement", "exam"], ascending=[False, True], na_position="last")
    return table.assign(chosen=np.arange(len(table)) < number)


def disagreement(masks: Sequence[np.ndarray], levels: Mapping[str, Sequence[int]]) -> float:
    """How far the masks of several networks of one exam disagree: 1 - their mean pairwise Dice.

    Query by committee (Seung, Opper and Sompolinsky 1992, COLT 287): a network a fold is a member of the
    committee. The mean runs over all pairs of members and all levels (by name, with their mask values);
    where both masks of a pair have none of a level, its Dice is undefined and left out. From 0 (the same
    masks) to 1 (nothing in common); NaN where no member marks anything. A ValueError with fewer than two
    masks, or other shapes.

    Examples
    --------
    >>> one, other = np.array([[[1, 1, 0]]]), np.array([[[1, 1, 1]]])
    >>> round(disagreement([one, other], {"level1": [1], "level2": [2]}), 3)
    0.2
    """
    if len(masks) < 2:
        raise ValueError(f"masks: found {len(masks)}, expected two or more")
    scores = [
        Dice(tuple(values))(one, other) for one, other in combinations(masks, 2) for values in levels.values()
    ]
    defined = [score for score in scores if not np.isnan(score)]
    return 1 - float(np.mean(defined)) if defined else float("nan")
