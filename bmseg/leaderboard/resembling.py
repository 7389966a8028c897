"""Whose masks a submission holds: a reader's, or another submission's, identical or nearly so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from bmseg.leaderboard.entries import Copied
from bmseg.leaderboard.scoring import Reference
from dataset_conversion.images import Volume, read_volume
from evaluation.consensus.votes import count_votes
from evaluation.masks.moved import find_moved
from evaluation.scores.twins import ALL, COPY, IN_PART, NEARLY, alike, find_twins, in_words

# The closest first.
_CLOSE = [COPY, NEARLY, IN_PART]


def resembling(
    name: str, masks: Mapping[str, Volume], reference: Reference, others: Mapping[str, Path]
) -> list[Copied]:
    """Each reader and each other submission whose masks these are, in all exams or in some; readers first.

    `name` is the submission's, `masks` by exam as they were checked, `others` the folders of masks of other
    submissions, of which those that are not there are left out. Only exams that both hold are compared.
    """
    design = reference.study.design()
    found: list[Copied] = []
    for other, folder in {"": None, **others}.items():
        tables = []
        for exam, mask in masks.items():
            arrays = {reader: one.array for reader, one in reference.masks(exam).items()}
            if folder:
                path = folder / f"{exam}.nii.gz"
                if not path.is_file():
                    continue
                arrays[other] = read_volume(path).array.astype(mask.array.dtype)
            arrays[name] = mask.array
            votes = count_votes(arrays, reference.labels)
            pairs = alike(votes, design.levels, find_moved(arrays, votes))
            tables.append(pairs.assign(exam=exam))
        if tables:
            twins = find_twins(pd.concat(tables, ignore_index=True), reference.readers)
            both = {name, other} if folder else {name}
            is_ours = [both <= {*pair} for pair in zip(twins.rater, twins.other, strict=True)]
            ours = twins[np.array(is_ours, dtype=bool)]
            found += [_copied(name, pair, reference) for _, pair in ours[ours.level == ALL].iterrows()]
    return sorted(found, key=lambda one: _CLOSE.index(one.kind))


def _copied(name: str, pair: pd.Series, reference: Reference) -> Copied:
    (words,) = in_words(pair.to_frame().T, reference.readers, consequence=False)
    of = pair.other if pair.rater == name else pair.rater
    shared = pair.shared.split(", ") if pair.shared else []
    return Copied(of=of, kind=pair.kind, words=words, shared=shared)
