"""Which exams come next: at random, or where the folds' networks disagree most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from bmseg.annotation.corrections import disagreement
from bmseg.annotation.state import Annotation, Round
from bmseg.nnunet.training import Fold
from dataset_conversion.files import atomic_path
from dataset_conversion.raw.dataset import FILE_ENDING
from evaluation.masks.reading import read_mask

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


def choose_uncertain(scores: pd.DataFrame, number: int) -> list[str]:
    """The exams of highest disagreement, sorted by name; undefined ones come last, ties by name.

    Parameters
    ----------
    scores : DataFrame
        Columns ``exam``, ``disagreement``.
    number : int
    """
    order = scores.sort_values(["disagreement", "exam"], ascending=[False, True], na_position="last")
    return sorted(order.exam[:number])


def disagreements(
    annotation: Annotation, round_: Round, folds: Sequence[Fold], unread: Sequence[str]
) -> pd.DataFrame:
    """How far the folds' networks disagree on every unread exam, from the masks that they predicted.

    Returns
    -------
    DataFrame
        Columns ``exam`` and ``disagreement``, see `bmseg.annotation.corrections.disagreement`.
    """
    study = annotation.study
    levels = {level.name: (level.value,) for level in study.levels}
    rows = []
    for exam in unread:
        paths = [round_.committee(fold) / f"{exam}{FILE_ENDING}" for fold in folds]
        masks = [read_mask(path, study.label_values).array for path in paths]
        rows.append((exam, disagreement(masks, levels)))
    return pd.DataFrame(rows, columns=["exam", "disagreement"])


def write_disagreements(round_: Round, scores: pd.DataFrame, chosen: Sequence[str]) -> None:
    """disagreement.csv: every unread exam, the highest first, and whether it was chosen."""
    table = scores.assign(chosen=scores.exam.isin(chosen))
    table = table.sort_values(["disagreement", "exam"], ascending=[False, True], na_position="last")
    with atomic_path(round_.disagreement) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6f")
