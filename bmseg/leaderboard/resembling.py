"""Whose masks a submission holds: a reader's, or another submission's, identical or nearly so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from bmseg.leaderboard.scoring import Reference
from dataset_conversion.images import Volume, read_volume
from evaluation.consensus.votes import count_votes
from evaluation.masks.moved import find_moved
from evaluation.scores.twins import alike, find_twins, in_words


def resembling(
    name: str, masks: Mapping[str, Volume], reference: Reference, others: Mapping[str, Path]
) -> list[str]:
    """A sentence for each reader and each other submission whose masks these are, in all exams or in some.

    `name` is the submission's, `masks` by exam as they were checked, `others` the folders of masks of other
    submissions, of which those that are not there are left out. Only exams that both hold are compared.
    """
    design = reference.study.design()
    found = []
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
            ours = twins[[both <= {*pair} for pair in zip(twins.rater, twins.other, strict=True)]]
            found += in_words(ours, reference.readers, consequence=False) if len(ours) else []
    return found
