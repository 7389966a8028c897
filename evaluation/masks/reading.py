"""Read raters' label maps and refuse what cannot be compared: grids, labels, missing files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_conversion.images import ConversionError, Volume, as_labels
from evaluation.statistics.words import plural

ENDINGS = (".nii.gz", ".nii", ".mha")


class MaskError(ValueError):
    """Masks cannot be compared; the message is one line that names file, field, found and expected."""


def list_masks(folder: Path) -> dict[str, Path]:
    """Case identifier to file, for the NIfTI and MetaImage files of a folder; other files are no masks.

    A MaskError when the folder is missing, holds no mask, or holds two files of one exam.
    """
    if not folder.is_dir():
        found = "found a file" if folder.exists() else "no such folder"
        raise MaskError(f"{folder}: {found}; expected a folder with <exam>.nii.gz files")
    masks: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        ending = next((ending for ending in ENDINGS if path.name.endswith(ending)), None)
        if ending is None or path.name.startswith("."):
            continue
        if path.is_dir():
            raise MaskError(f"{path}: found a folder, expected a file of a mask; rename or remove it")
        exam = path.name.removesuffix(ending)
        if exam in masks:
            raise MaskError(f"{path}: exam {exam}: found twice ({masks[exam].name}), expected once")
        masks[exam] = path
    if not masks:
        raise MaskError(f"{folder}: found {_others(folder)}, expected <exam>.nii.gz files")
    return masks


def _others(folder: Path) -> str:
    """What a folder without masks holds, in words."""
    names = [path.name for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    endings = Counter("".join(Path(name).suffixes[-2:]) or "nameless kind" for name in names)
    listed = ", ".join(f"{count} {ending}" for ending, count in endings.most_common(3))
    return f"no mask among the files there ({listed})" if names else "no mask"


def match_exams(masks: Mapping[str, Mapping[str, Path]], exams: Sequence[str] | None = None) -> list[str]:
    """The exams that every rater has masks of, sorted; expected are by default those of the first rater.

    `masks` are rater to exam to file. A MaskError when a rater lacks an exam or has one more: nothing is
    left out silently. It has a line a rater where several are at fault.
    """
    first = next(iter(masks))
    expected = set(masks[first] if exams is None else exams)
    whose = f"as {first} has" if exams is None else "as cohort.csv has"
    faults = []
    for rater, files in masks.items():
        faults += fault_of(rater, sorted(expected - set(files)), sorted(set(files) - expected))
    if faults:
        raise MaskError(
            listed(
                faults,
                f"expected the same {plural(len(expected), 'exam')} of every rater, {whose}: add or remove "
                "the files",
            )
        )
    return sorted(expected)


def fault_of(rater: str, missing: Sequence[str], extra: Sequence[str]) -> list[str]:
    """What is wrong with a rater's exams, in words; nothing where all is well."""
    both = {"missing": missing, "extra": extra}
    said = [f"{rater}: {kind} {', '.join(exams)}" for kind, exams in both.items() if exams]
    return ["; ".join(said)] if said else []


def listed(faults: Sequence[str], expected: str) -> str:
    """Faults of exams, a line each."""
    if len(faults) == 1:
        return f"exams: {faults[0]}; {expected}"
    return "\n".join([f"exams: {expected}; found", *(f"  {fault}" for fault in faults)])


def read_mask(
    source: Any,
    labels: Sequence[int] | None = None,
    *,
    name: str = "",
    keep_notes: bool = False,
    advice: str = "correct the mask or the study file's levels",
) -> Volume:
    """The label map of a path, an image or an array, as `dataset_conversion.images.as_labels` has it.

    What is to be known of the file is logged, or kept as the mask's notes.

    A MaskError when it is missing, damaged or no label map, or holds a value that is not among the labels:
    ends with `advice`.
    """
    try:
        mask = as_labels(source, labels, name=name, advice=f"; {advice}")
    except ConversionError as error:
        raise MaskError(str(error)) from None
    return mask if keep_notes else mask.said()


def check_grid(found: Volume, expected: Volume) -> None:
    """Refuse a mask whose grid is not the other's, as `dataset_conversion.images.Grid.difference` has it.

    Broadcasting (a mask of one slice against four) is thereby impossible. A MaskError names both files, the
    field and both values.
    """
    if difference := found.grid.difference(expected.grid):
        raise MaskError(
            f"{found.source}: {difference} (the grid of {expected.source}); "
            "masks are never resampled: export it on the same grid"
        )
