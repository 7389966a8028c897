"""Whose masks a submission holds: a reader's, or another submission's, identical or nearly so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from bmseg.leaderboard.entries import Copied
from bmseg.leaderboard.scoring import Reference
from dataset_conversion.images import Volume, read_volume
from evaluation.masks.moved import find_moved
from evaluation.scores.twins import ALL, BETWEEN, COPY, IN_PART, NEARLY, alike, find_twins, in_words

# The closest first.
_CLOSE = [COPY, NEARLY, IN_PART]


def resembling(
    name: str, masks: Mapping[str, Volume], reference: Reference, others: Mapping[str, Path]
) -> list[Copied]:
    """Each reader and each other submission whose masks these are, in all exams or in some; readers first.

    `name` is the submission's, `masks` by exam as they were checked, `others` the folders of masks of other
    submissions, of which those that are not there are left out. Only exams that both hold are compared.
    """
    levels = reference.study.design().levels

    def pairs(arrays: Mapping[str, np.ndarray], exam: str) -> pd.DataFrame:
        votes = reference.votes(exam, arrays)
        return alike(votes, levels, find_moved(arrays, votes)).assign(exam=exam)

    # The readers' pairs are what every other pair is compared with, in the exams that it has.
    of_readers: dict[str, pd.DataFrame] = {}
    of_others: dict[str, dict[str, pd.DataFrame]] = {other: {} for other in others}
    for exam, given in masks.items():
        arrays = {reader: one.array for reader, one in reference.masks(exam).items()}
        mask = reference.without_ignored(exam, given)
        of_readers[exam] = pairs({**arrays, name: mask.array}, exam)
        for other, folder in others.items():
            path = folder / f"{exam}.nii.gz"
            if path.is_file():
                array = reference.without_ignored(exam, read_volume(path)).array.astype(mask.array.dtype)
                of_others[other][exam] = pairs({other: array, name: mask.array}, exam)
    together: dict[tuple[str, ...], list[str]] = {tuple(masks): []}
    for other, by_exam in of_others.items():
        together.setdefault(tuple(by_exam), []).append(other)
    found: dict[str, Copied] = {}
    for exams, these in together.items():
        if not exams:
            continue
        tables = [of_readers[exam] for exam in exams]
        tables += [of_others[other][exam] for other in these for exam in exams]
        twins = find_twins(pd.concat(tables, ignore_index=True), reference.readers)
        asked = {*these, *(reference.readers if len(exams) == len(masks) else ())}
        ours = twins[(twins.level == ALL) & (twins.rater == name) & twins.other.isin(asked)]
        found |= {pair.other: _copied(name, pair, reference) for _, pair in ours.iterrows()}
    in_order = [found[other] for other in [*reference.readers, *others] if other in found]
    return sorted(in_order, key=lambda one: _CLOSE.index(one.kind))


def _copied(name: str, pair: pd.Series, reference: Reference) -> Copied:
    (words,) = in_words(pair.to_frame().T, reference.readers, consequence=False)
    of = pair.other if pair.rater == name else pair.rater
    shared = pair.shared.split(BETWEEN) if pair.shared else []
    return Copied(of=of, kind=pair.kind, words=words, shared=shared)
