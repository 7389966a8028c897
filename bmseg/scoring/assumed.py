"""A study where nobody wrote a study file: what masks hold is scored, and what was assumed is said."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from bmseg.errors import InputError
from bmseg.scoring.masks import ALLOW, Files, Reading, bytes_of, list_masks
from bmseg.study import DEFAULT_STUDY, Study, in_one_line, load_study
from bmseg.study.written import Draft, study_text
from dataset_conversion.images import ConversionError, Grid, Plane
from dataset_conversion.mask_files import listing
from dataset_conversion.mask_files.labels import tidy
from dataset_conversion.mask_files.survey import Surveyed, survey
from dataset_conversion.parallel import run_each
from evaluation.masks.incomplete import match
from evaluation.masks.reading import MaskError
from evaluation.statistics.words import plural

# Of all masks together: processes are worth their start.
_LARGE_BYTES = 4_000_000
_NAMED = 20
_PLANES: dict[str, Plane] = {"RL": "sagittal", "AP": "coronal", "SI": "axial"}


@dataclass(frozen=True)
class Assumed:
    """A study, and what to say of it."""

    study: Study
    #: Its study file; empty where it is one that came with bmseg.
    text: str
    lines: list[str]


@dataclass(frozen=True)
class Rater:
    """What the masks of one rater hold together."""

    values: frozenset[int]
    names: tuple[str, ...]


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

    Raises
    ------
    MaskError
        When masks are missing or are no masks, a line each; when two raters have no label in common, or some
        name their labels and others number them; when most of a rater's masks look inverted.
    InputError
        When readers are called as those of the reference study, and labels are not its levels.
    """
    named = {name for folder in {**readers, **models}.values() for name in _names_below(folder)}
    files = {rater: list_masks(folder, named) for rater, folder in {**readers, **models}.items()}
    exams = match(files, list(readers), incomplete=incomplete, how=ALLOW)
    surveyed = _survey(files, exams, reading)
    raters = {rater: _together(each.values()) for rater, each in surveyed.items()}
    _refuse_inverted(surveyed, reading)
    _refuse_apart(raters, list(readers), reading)
    values = sorted(set().union(*(rater.values for rater in raters.values())))
    names = _spelled([name for rater in raters.values() for name in rater.names])
    reference = load_study(DEFAULT_STUDY)
    if ordinal is None and set(readers) <= set(reference.reader_names):
        if names or [0, *values] != list(reference.label_values):
            raise InputError(
                f"--reader: found {', '.join(readers)}, who are readers of {reference.name}, and labels "
                f"{_list(names or values)}, expected its levels {_list(reference.label_values[1:])}; of "
                "another say --nominal, or --ordinal where labels are levels in rising order, or --study FILE"
            )
        return Assumed(reference, "", [
            f"no study file; assumed: {reference.name}, for readers are called as its readers and masks hold "
            f"its levels {_list(values)}; of another study say --study FILE, --nominal or --ordinal",
        ])  # fmt: skip
    levels = _levels(values, names, reading.label_map)
    if not levels:
        raise MaskError(f"{next(iter(readers.values()))}: labels: found none in any mask, expected some")
    first = next(grid for each in surveyed.values() for one in each.values() if (grid := one.grid))
    measures, why = _measures(surveyed, len(readers), reading)
    mapped = _told_map(reading.label_map)
    draft = Draft(
        name="masks_of_" + tidy("_".join(readers))[:50],
        title=f"Labels found in masks of {', '.join(readers)}",
        readers=list(readers),
        levels=levels,
        ordinal=bool(ordinal),
        plane=_plane(first),
        measures=measures,
        why_measures=why,
        incomplete=incomplete,
        comments=[
            f"Written by bmseg evaluate from the masks of {len(exams)} exams; all of it may be changed.",
            "Use it with --study.",
            *([f"The masks were read with {mapped}: say it again."] if mapped else []),
        ],
    )
    return Assumed(_checked(draft), study_text(draft), list(_told(draft, raters, list(readers))))


def _names_below(folder: Path) -> Iterable[str]:
    """Names of labels in exams' folders with several files; none where there are no such folders."""
    for below in sorted(folder.iterdir()) if folder.is_dir() else []:
        if below.is_dir() and not below.name.startswith("."):
            try:
                parts = listing.parts_of(below)
            except ConversionError as error:
                raise MaskError(str(error)) from None
            yield from parts if len(parts) > 1 else ()


def _survey(files: Files, exams: Sequence[str], reading: Reading) -> dict[str, dict[str, Surveyed]]:
    """Rater to exam to what its mask holds; a MaskError names all that are no masks, a line each."""
    masks = [(rater, exam) for rater in files for exam in exams if exam in files[rater]]
    work = partial(_survey_one, files, reading)
    few = bytes_of(files) < _LARGE_BYTES
    found = dict(run_each(work, masks, died=_died, processes=1 if few else None))
    if faults := [found[mask] for mask in masks if isinstance(found[mask], str)]:
        more = [f"and {len(faults) - _NAMED} more"] if len(faults) > _NAMED else []
        raise MaskError("\n".join([*map(str, faults[:_NAMED]), *more]))
    surveyed: dict[str, dict[str, Surveyed]] = {rater: {} for rater in files}
    for (rater, exam), one in found.items():
        assert isinstance(one, Surveyed)
        surveyed[rater][exam] = one
    return surveyed


def _survey_one(files: Files, reading: Reading, mask: tuple[str, str]) -> Surveyed | str:
    rater, exam = mask
    try:
        return survey(files[rater][exam], reading.labels(), reading.spacing)
    except ConversionError as error:
        return str(error)


def _died(mask: tuple[str, str]) -> str:
    return f"{mask[0]}, exam {mask[1]}: the process that read it was ended, most often for want of memory"


def _together(masks: Iterable[Surveyed]) -> Rater:
    each = list(masks)
    names = dict.fromkeys(name for mask in each for name in mask.names or ())
    return Rater(frozenset().union(*(mask.values for mask in each)), tuple(names))


def _refuse_inverted(surveyed: Mapping[str, Mapping[str, Surveyed]], reading: Reading) -> None:
    """Refuse masks with one label around all of the rest, unless it was named; some raters' never."""
    framed = {
        rater: [one.framed_by for one in masks.values() if one.framed_by] for rater, masks in surveyed.items()
    }
    inverted = [rater for rater, masks in surveyed.items() if 2 * len(framed[rater]) > len(masks)]
    if not inverted:
        return
    rater, value = inverted[0], framed[inverted[0]][0]
    found = (
        f"{', '.join(inverted)}: label: found {value} in most of the image and along its border, in "
        f"{len(framed[rater])} of {len(surveyed[rater])} masks of {rater}, as of inverted ones"
    )
    if others := [rater for rater in surveyed if rater not in inverted]:
        raise MaskError(f"{found}, and not so of {', '.join(others)}, expected all alike; export them alike")
    if value not in reading.label_map.values():
        raise MaskError(
            f"{found}, expected what was drawn; if 0 was drawn say --map-label 0=1 --map-label {value}=0, if "
            f"{value} was, --map-label {value}={value}"
        )


def _refuse_apart(raters: Mapping[str, Rater], readers: Sequence[str], reading: Reading) -> None:
    """Refuse raters who have no label in common, for they mean the same by other values."""
    named = [rater for rater, found in raters.items() if found.names]
    numbered = {rater: found.values for rater, found in raters.items() if found.values}
    given = set(reading.label_map.values())
    if named and (by_value := [rater for rater, values in numbered.items() if values - given]):
        rater = by_value[0]
        raise MaskError(
            f"{rater}: label: found {_list(numbered[rater])}, where {named[0]} names labels "
            f"({', '.join(raters[named[0]].names[:8])}), expected one or the other; say the value of each "
            f"name, as --map-label '{raters[named[0]].names[0]}=1'"
        )
    keys: dict[str, set[int | str]] = {
        rater: {reading.label_map.get(name.strip(), tidy(name).casefold()) for name in found.names}
        for rater, found in raters.items()
    }
    for rater, found in raters.items():
        keys[rater] |= found.values
    for rater, own in keys.items():
        others = set().union(*(keys[other] for other in readers if other != rater))
        if own and others and not own & others:
            raise MaskError(
                f"{rater}: label: found {_list(own)}, of which no other reader has any ({_list(others)}), "
                f"expected one in common; say which is which, as --map-label '{_list(list(own)[:1])}=1'"
            )


def _spelled(names: Iterable[str]) -> list[str]:
    """Names as they may stand in a study file, each once whatever its capitals, in natural order."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(tidy(name).casefold(), tidy(name))
    return sorted(found.values(), key=_natural)


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which label2 comes before label10."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def _levels(values: Sequence[int], names: Sequence[str], label_map: Mapping[str, int]) -> dict[str, int]:
    """Name to value, in rising order: values of a map have its names, other names get the values left."""
    mapped = {tidy(name).casefold(): value for name, value in label_map.items()}
    levels: dict[int, str] = {}
    for name in names:
        if value := mapped.get(name.casefold()):
            levels.setdefault(value, name)
    taken = {*values, *label_map.values(), 0}
    free = (number for number in range(1, len(taken) + len(names) + 1) if number not in taken)
    for name in names:
        if name.casefold() not in mapped:
            levels[next(free)] = name
    for value in values:
        levels.setdefault(value, f"label{value}")
    return {name: value for value, name in sorted(levels.items())}


def _plane(grid: Grid) -> Plane:
    """Of slices across the axis of the largest spacing; of alike ones, of the fewest voxels."""
    spacing = grid.spacing.round(3)
    across = min(range(3), key=lambda axis: (grid.shape[axis] > 1, -spacing[axis], grid.shape[axis]))
    return next(plane for ends, plane in _PLANES.items() if grid.axis_order[across] in ends)


def _measures(
    surveyed: Mapping[str, Mapping[str, Surveyed]], n_readers: int, reading: Reading
) -> tuple[Sequence[str], str]:
    """What to score by, and why, where it is not what a study is scored by anyhow."""
    pictures = any(mask.picture for masks in surveyed.values() for mask in masks.values())
    if pictures and not reading.spacing:
        return ("dice",), "pictures have no voxel size, so distances mean nothing: give it with --pixel-mm"
    if n_readers < 2:
        return ("dice", "hd95", "assd", "volume_difference"), "nsd@readers needs two readers"
    return (), ""


def _checked(draft: Draft) -> Study:
    try:
        return Study.model_validate(tomllib.loads(study_text(draft)))
    except ValidationError as error:
        raise InputError(f"--reader: {in_one_line(error, Study)}") from None


def _told(draft: Draft, raters: Mapping[str, Rater], readers: Sequence[str]) -> Iterable[str]:
    """What was assumed, a line each."""
    levels = ", ".join(f"{name} ({value})" for name, value in draft.levels.items())
    order = "in rising order" if draft.ordinal else "without an order (--ordinal: in rising order)"
    yield f"no study file; assumed: {plural(len(draft.levels), 'label')} found, {order}: {levels}"
    yield f"assumed: slices are {draft.plane}; consensus and yardstick by the rule 'map'"
    if draft.measures:
        yield f"assumed: scored by {', '.join(draft.measures)}; {draft.why_measures}"
    by_readers = set().union(*(raters[reader].values for reader in readers))
    for rater, found in raters.items():
        if rater not in readers and (alone := found.values - by_readers):
            yield f"assumed: {rater} has labels that no reader has: {_list(alone)}"


def _told_map(label_map: Mapping[str, int]) -> str:
    return " ".join(f"--map-label '{found}={value}'" for found, value in label_map.items())


def _list(labels: Iterable[int | str]) -> str:
    found = sorted(labels, key=lambda label: _natural(str(label)))
    return ", ".join(map(str, found[:_NAMED])) + (", ..." if len(found) > _NAMED else "")
