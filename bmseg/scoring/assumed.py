"""A study where nobody wrote a study file: what masks hold is scored, and what was assumed is said."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from bmseg.errors import InputError
from bmseg.scoring.found_labels import FoundLabels, find_labels, listed
from bmseg.scoring.masks import Reading
from bmseg.study import DEFAULT_STUDY, Study, in_one_line, load_study
from bmseg.study.named import Reader
from bmseg.study.written import Draft, study_text
from dataset_conversion.mask_files.labels import tidy
from evaluation.statistics.words import plural

#: More labels are not named one by one.
_MOST_TOLD = 21


@dataclass(frozen=True)
class Assumed:
    """A study, and what to say of it."""

    study: Study
    #: Its study file; empty where it is one that came with bmseg.
    text: str
    lines: list[str]


def assume_study(
    readers: Mapping[str, Path],
    models: Mapping[str, Path],
    reading: Reading,
    *,
    ordinal: bool | None = None,
    incomplete: bool = False,
) -> Assumed:
    """The study that masks of readers and models are of, where there is no study file.

    Labels are those found, by value or, where files name them, by name. Without a word on their scale
    (`ordinal`) they are nominal; but readers who are called as the reference study's, and whose masks hold
    its levels, are that study's; with other labels the user has to say which study it is.

    Errors are those of `find_labels`, and InputError when readers are called as those of the reference study
    and labels are not its levels, or a reader cannot be called so in a study file.
    """
    found = find_labels(readers, models, reading, incomplete=incomplete)
    reference = load_study(DEFAULT_STUDY)
    if ordinal is None and set(readers) <= set(reference.reader_names):
        expected = reference.label_values[1:]
        if found.names or tuple(found.values) != expected:
            raise InputError(
                f"reader: found {', '.join(readers)}, who are readers of {reference.name}, and labels "
                f"{listed(found.names or found.values)}, expected its levels {listed(expected)}; of another "
                "study say --nominal, or --ordinal where labels are levels in rising order, or --study FILE",
            )
        return Assumed(reference, "", [
            f"no study file; assumed: {reference.name}, for readers are called as its readers and masks hold "
            f"its levels {listed(expected)}; of another study say --study FILE, --nominal or --ordinal",
        ])  # fmt: skip
    draft = draft_of(found, list(readers), reading, ordinal=bool(ordinal), incomplete=incomplete)
    return Assumed(checked(draft), study_text(draft), list(_told(draft, found, list(readers))))


def draft_of(
    found: FoundLabels,
    readers: Sequence[str],
    reading: Reading,
    *,
    ordinal: bool,
    incomplete: bool = False,
) -> Draft:
    """The study file of what was found."""
    measures, why = _measures(found, len(readers))
    mapped = " ".join(f"--map-label '{label}={value}'" for label, value in reading.label_map.items())
    return Draft(
        name="masks_of_" + tidy("_".join(readers))[:50],
        title=f"Labels found in masks of {', '.join(readers)}",
        readers=readers,
        levels=found.levels,
        ordinal=ordinal,
        plane=found.plane,
        measures=measures,
        why_measures=why,
        incomplete=incomplete,
        comments=[
            f"Written by bmseg from masks of {plural(len(found.exams), 'exam')}; all of it may be changed.",
            "Use it with --study.",
            *([f"The masks were read with {mapped}: say it again."] if mapped else []),
        ],
    )


def checked(draft: Draft, named_by: str = "reader") -> Study:
    """The study of a draft; an InputError when a name or value may not stand in a study file.

    `named_by` is what readers and channels were named by.
    """
    for name in (*draft.readers, *draft.channels):
        try:
            Reader(name=name)
        except ValidationError as error:
            fault = in_one_line(error).removeprefix("name: ")
            raise InputError(f"{named_by}: {fault}; call it by another name") from None
    try:
        return Study.model_validate(tomllib.loads(study_text(draft)))
    except ValidationError as error:
        raise InputError(f"study of these masks: {in_one_line(error, Study)}") from None


def _measures(found: FoundLabels, n_readers: int) -> tuple[Sequence[str], str]:
    """What to score by, and why, where it is not what a study is scored by anyhow."""
    if found.no_size:
        return ("dice",), "pictures have no voxel size, so distances mean nothing: give it with --pixel-mm"
    if n_readers < 2:
        return ("dice", "hd95", "assd", "volume_difference"), "nsd@readers needs two readers"
    return (), ""


def _told(draft: Draft, found: FoundLabels, readers: Sequence[str]) -> Iterable[str]:
    """What was assumed, a line each."""
    each = [f"{name} ({value})" for name, value in draft.levels.items()]
    levels = ", ".join(each)
    if len(each) > _MOST_TOLD:
        levels = f"{', '.join(each[: _MOST_TOLD - 1])} and so on to {each[-1]}; all are in study.toml"
    order = "in rising order" if draft.ordinal else "without an order (--ordinal: in rising order)"
    yield f"no study file; assumed: {plural(len(draft.levels), 'label')} found, {order}: {levels}"
    yield f"assumed: slices are {draft.plane}; consensus and yardstick by the rule 'map'"
    if draft.measures:
        yield f"assumed: scored by {', '.join(draft.measures)}; {draft.why_measures}"
    for reader in readers if len(readers) > 1 else ():
        others = set().union(*(found.raters[other].values for other in readers if other != reader))
        if alone := found.raters[reader].values - others:
            yield f"assumed: {reader} alone of the readers has {listed(alone)}: no slip, and no other number"
    by_readers = set().union(*(found.raters[reader].values for reader in readers))
    for rater, held in found.raters.items():
        if rater not in readers and (alone := held.values - by_readers):
            yield f"assumed: {rater} has {listed(alone)}, which no reader has: no slip, and no other number"
