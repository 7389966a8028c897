"""What labels raters' masks hold, all together, and whether they can mean the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from bmseg.scoring.masks import ALLOW, LARGE_BYTES, Files, Reading, bytes_of, list_masks, of_exam
from dataset_conversion.images import ConversionError, Grid, Plane
from dataset_conversion.mask_files import listing
from dataset_conversion.mask_files.labels import tidy, value_of_name
from dataset_conversion.mask_files.survey import Surveyed, survey
from dataset_conversion.parallel import run_each
from evaluation.masks.incomplete import match
from evaluation.masks.reading import MaskError

_NAMED = 20
_PLANES: dict[str, Plane] = {"RL": "sagittal", "AP": "coronal", "SI": "axial"}


@dataclass(frozen=True)
class Rater:
    """What the masks of one rater hold together."""

    values: frozenset[int]
    names: tuple[str, ...]


@dataclass(frozen=True)
class FoundLabels:
    """What the masks of all raters hold together."""

    raters: Mapping[str, Rater]
    exams: Sequence[str]
    #: Values beside 0, and names of labels that files name, sorted.
    values: Sequence[int]
    names: Sequence[str]
    #: Name to value, in rising order.
    levels: Mapping[str, int]
    plane: Plane
    #: Whether there are pictures whose pixels nobody gave a size.
    no_size: bool


def find_labels(
    readers: Mapping[str, Path], models: Mapping[str, Path], reading: Reading, *, incomplete: bool = False
) -> FoundLabels:
    """What masks in folders of readers and models hold; `incomplete` where a rater may lack exams.

    Raises
    ------
    MaskError
        When masks are missing or are no masks, a line each; when two raters have no label in common, or some
        name their labels and others number them; when most of a rater's masks look inverted.
    """
    named = {name for folder in {**readers, **models}.values() for name in _names_below(folder)}
    files = {rater: list_masks(folder, named) for rater, folder in {**readers, **models}.items()}
    exams = match(files, list(readers), incomplete=incomplete, how=ALLOW)
    return labels_in(files, exams, list(readers), reading)


def labels_in(files: Files, exams: Sequence[str], readers: Sequence[str], reading: Reading) -> FoundLabels:
    """What files hold, as `find_labels`; a rater need not have every exam."""
    surveyed = _survey(files, exams, reading)
    raters = {rater: _together(each.values()) for rater, each in surveyed.items()}
    _refuse_inverted(surveyed, reading)
    _refuse_apart(raters, readers, reading)
    values = sorted(set().union(*(rater.values for rater in raters.values())))
    names = _spelled(name for rater in raters.values() for name in rater.names)
    levels = _levels(values, names, reading.label_map)
    if not levels:
        raise MaskError(f"{', '.join(files)}: labels: found none in any mask, expected some")
    all_masks = [one for each in surveyed.values() for one in each.values()]
    grid = next((one.grid for one in all_masks if one.grid), None)
    pictures = any(one.picture for one in all_masks)
    return FoundLabels(
        raters, exams, values, names, levels,
        plane=_plane(grid) if grid else "axial",
        no_size=pictures and not reading.spacing,
    )  # fmt: skip


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
    # A process gets the files of its exam alone: all files sent with each take the square of the time.
    work = partial(_survey_exam, reading)
    few = bytes_of(files) < LARGE_BYTES
    each = run_each(
        work, [(exam, of_exam(files, exam)) for exam in exams], died=_died, processes=1 if few else None
    )
    bar = tqdm(each, total=len(exams), desc="labels", unit="exam", disable=few or None)
    found = {exam: masks for (exam, _), masks in bar}
    masks = {rater: {exam: found[exam][rater] for exam in exams if exam in of} for rater, of in files.items()}
    if faults := [one for of in masks.values() for one in of.values() if isinstance(one, str)]:
        more = [f"and {len(faults) - _NAMED} more"] if len(faults) > _NAMED else []
        raise MaskError("\n".join([*faults[:_NAMED], *more]))
    return {
        rater: {exam: one for exam, one in of.items() if isinstance(one, Surveyed)}
        for rater, of in masks.items()
    }


def _survey_exam(reading: Reading, exam: tuple[str, Mapping[str, Path]]) -> dict[str, Surveyed | str]:
    found: dict[str, Surveyed | str] = {}
    for rater, path in exam[1].items():
        try:
            found[rater] = survey(path, reading.labels(), reading.spacing)
        except ConversionError as error:
            found[rater] = str(error)
    return found


def _died(exam: tuple[str, Mapping[str, Path]]) -> dict[str, Surveyed | str]:
    why = "the process that read its masks was ended, most often for want of memory"
    return {rater: f"{rater}, exam {exam[0]}: {why}" for rater in exam[1]}


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
            f"{rater}: label: found {listed(numbered[rater])}, where {named[0]} names labels "
            f"({', '.join(raters[named[0]].names[:8])}), expected one or the other; say the value of each "
            f"name, as --map-label '{raters[named[0]].names[0]}=1'"
        )
    keys: dict[str, set[int | str]] = {
        rater: {value_of_name(name, reading.labels()) or tidy(name).casefold() for name in found.names}
        for rater, found in raters.items()
    }
    for rater, found in raters.items():
        keys[rater] |= found.values
    for rater, own in keys.items():
        others = set().union(*(keys[other] for other in readers if other != rater))
        if own and others and not own & others:
            raise MaskError(
                f"{rater}: label: found {listed(own)}, of which no other reader has any ({listed(others)}), "
                f"expected one in common; say which is which, as --map-label '{listed(list(own)[:1])}=1'"
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


def listed(labels: Iterable[int | str]) -> str:
    """Labels in one line, in natural order."""
    found = sorted(labels, key=lambda label: _natural(str(label)))
    return ", ".join(map(str, found[:_NAMED])) + (", ..." if len(found) > _NAMED else "")
