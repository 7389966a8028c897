"""What is asked of masks directly: a Dice, a consensus, a whole reader study.

A mask is a label map: an array or nested list, a path of a NIfTI file, an image of nibabel or SimpleITK.
Whole numbers that are stored as floats are taken. Grids of images are compared, and of plain arrays their
shapes. Arrays of SimpleITK images are turned to (i, j, k), as nibabel has them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dataset_conversion.images import ConversionError, Volume, as_labels
from evaluation.consensus import rules
from evaluation.consensus.kinds import Region, Rule
from evaluation.consensus.painted import ConsensusMap, in_space
from evaluation.consensus.votes import count_votes, paint
from evaluation.masks.incomplete import check_repeats, match
from evaluation.masks.reading import MaskError, check_grid, list_masks
from evaluation.measures.dice import Dice, EmptyMask
from evaluation.measures.named import measures
from evaluation.measures.pairs import ExamMeasured
from evaluation.study.design import Design
from evaluation.study.exam import CONSENSUS, score_exam
from evaluation.study.reader_study import ReaderStudy

#: Of a rater: a folder of ``<exam>.nii.gz``, masks by exam, or masks in one order of exams for all.
Masks = str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any]


def dice(
    mask: Any,
    reference: Any,
    *,
    level: int | Sequence[int] | None = None,
    empty_mask: EmptyMask | str = EmptyMask.UNDEFINED,
) -> float:
    """Dice of two masks.

    Parameters
    ----------
    mask, reference
        Label maps.
    level : int or sequence of int, optional
        The level to score, or those taken as one; by default all that is marked.
    empty_mask : {"undefined", "one", "zero"}
        What it is where both are empty; undefined is NaN.

    Raises
    ------
    MaskError
        When a mask cannot be read, is no label map, or lies on another grid.

    Examples
    --------
    >>> dice([[0, 1, 3, 3]], [[0, 1, 2, 3]], level=3)
    0.6666666666666666
    """
    found = read_masks({"reference": reference, "mask": mask})
    marked = range(1, 256) if level is None else np.atleast_1d(level).tolist()
    measure = Dice(tuple(marked), EmptyMask(empty_mask))
    return measure(found["reference"].array, found["mask"].array)


def measure(name: str, mask: Any, reference: Any, *, level: int | Sequence[int] | None = None) -> float:
    """Any measure of two masks, such as ``hd95`` or ``nsd@2``; of plain arrays voxels count as 1 mm.

    Parameters
    ----------
    name : str
        See `evaluation.measures.kinds`; one that needs no more than two masks.
    mask, reference
        Label maps.
    level : int or sequence of int, optional
        The level to score, or those taken as one; by default all that is marked.

    Returns
    -------
    float
        NaN where both masks are empty and the measure needs something to find; its worst value where one is.

    Raises
    ------
    ValueError
        When the name is unknown, or stands for several measures or the readers' tolerance.
    MaskError
        When a mask cannot be read, is no label map, or lies on another grid.

    Examples
    --------
    >>> measure("hd", [[0, 1, 3, 3]], [[0, 1, 2, 3]], level=3)
    1.0
    """
    named = measures([name])
    if len(named) > 1 or named[0].deferred:
        raise ValueError(
            f"measure: found '{name}', expected one of two masks alone, as hd95, nsd@2 or foci_f1"
        )
    found = {
        which: in_space(each) for which, each in read_masks({"reference": reference, "mask": mask}).items()
    }
    marked = tuple(range(1, 256) if level is None else np.atleast_1d(level).tolist())
    inside = {which: np.isin(each.array, marked).astype(np.uint8) for which, each in found.items()}
    exam = ExamMeasured(inside, {"": (1,)}, found["reference"].affine, single={"": 1})
    return named[0].score(exam.pair("", "reference", "mask"))[0]


def staple(
    masks: Mapping[str, Any] | Sequence[Any],
    *,
    rule: Rule = "multilabel",
    region: Region = "volume",
    labels: Sequence[int] | None = None,
    restarts: int = 20,
    seed: int = 0,
) -> ConsensusMap:
    """The consensus of several masks of one exam, painted.

    Parameters
    ----------
    masks : mapping of str to mask, or sequence of masks
        By rater; in a sequence they are called rater1, rater2, ...
    rule : {"multilabel", "map", "binary", "majority", "ordinal", "median_lower", "median_upper"}
    region : {"volume", "union"}
        See `evaluation.consensus.rules.staple`.
    labels : sequence of int, optional
        Background 0 first, then levels in rising order; by default what the masks hold.
    restarts, seed : int
        Of the search.

    Raises
    ------
    MaskError
        When a mask cannot be read, is no label map, or lies on another grid.
    ValueError
        When there is no mask, or the rule or region is unknown.

    Examples
    --------
    >>> staple([[0, 1, 1, 2], [0, 1, 2, 2], [0, 0, 1, 2]], rule="majority").label
    array([0, 1, 1, 2], dtype=uint8)
    """
    by_name = masks if isinstance(masks, Mapping) else {f"rater{n}": m for n, m in enumerate(masks, start=1)}
    found = read_masks(by_name, labels)
    arrays = {name: volume.array for name, volume in found.items()}
    if labels is None:
        marked = {int(value) for array in arrays.values() for value in np.unique(array)}
        labels = [0, *sorted(marked - {0})] if marked - {0} else [0, 1]
    votes = count_votes(arrays, labels)
    consensus = rules.staple(votes, rule=rule, region=region, restarts=restarts, seed=seed)
    first = next(iter(found.values()))
    return ConsensusMap(replace(first, array=paint(arrays, votes, consensus.label), source=""), consensus)


def read_study(
    readers: Mapping[str, Masks],
    models: Mapping[str, Masks] | None = None,
    *,
    levels: Mapping[str, int],
    groups: Mapping[str, Sequence[int]] | None = None,
    probabilities: Mapping[str, Mapping[str, np.ndarray]] | None = None,
    **rules: Any,
) -> ReaderStudy:
    """A reader study from masks: every rater scored against the readers' consensus, exam by exam.

    Parameters
    ----------
    readers, models : mapping of str to masks
        A rater's masks: a folder of ``<exam>.nii.gz``, a mapping of exam to mask, or a sequence of masks,
        whose exams are called exam1, exam2, ... Every rater has the same exams; with ``incomplete=True``
        readers may lack some (of a sequence those that are None).
    levels : mapping of str to int
        Name of a level to its value in masks, in rising order.
    groups : mapping of str to sequence of int, optional
        Levels scored as one.
    probabilities : mapping of str to mapping of str to ndarray, optional
        Model to exam to what it gives each label in every voxel: shape (labels, i, j, k), background first,
        then levels in order. Who is not among the models is scored by the likeliest label.
    **rules
        Further fields of `evaluation.study.Design`, as ``rule="ordinal"`` or ``unit="knee"``.

    Raises
    ------
    MaskError
        When masks are missing, cannot be read, hold an undeclared value, or lie on different grids.
    """
    design = Design(levels=levels, groups=groups or {}, **rules)
    maps = probabilities or {}
    scored = list(dict.fromkeys([*(models or {}), *maps]))
    both = sorted({*readers} & {*scored})
    if not readers:
        raise MaskError("readers: found none, expected one or more")
    if both:
        raise MaskError(f"models: found {', '.join(both)}, which is a reader; rename it")
    likeliest = {
        model: {exam: _likeliest(f"exam {exam}: {model}", each, design) for exam, each in of.items()}
        for model, of in maps.items()
    }
    masks = {rater: _by_exam(each) for rater, each in {**likeliest, **readers, **(models or {})}.items()}
    masks = {rater: masks[rater] for rater in (*readers, *scored)}
    again = {name: of for name, of in design.repeats.items() if name in masks}
    first = [name for name in readers if name not in again]
    if wrong := [name for name, of in again.items() if name not in readers or of not in first]:
        raise MaskError(
            f"repeats: found {wrong[0]} of {again[wrong[0]]}, expected a second reading of one of the "
            f"readers {', '.join(first)}"
        )
    exams, painted = [], {}
    allowed: dict[str, Any] = {"incomplete": design.incomplete, "how": "incomplete=True"}
    once = {name: each for name, each in masks.items() if name not in again}
    names = match(once, first, **allowed)
    check_repeats(masks, again, **allowed)
    for exam in names:
        drawn = {rater: each[exam] for rater, each in masks.items() if exam in each}
        found = read_masks(drawn, design.labels_of_readers, exam)
        placed = {rater: in_space(mask) for rater, mask in found.items()}
        given = {model: of[exam] for model, of in maps.items() if exam in of}
        of_exam, painted_as = score_exam(design, exam, placed, first, probabilities=given)
        exams.append(of_exam)
        label = replace(next(iter(placed.values())), array=painted_as[CONSENSUS], source="")
        painted[exam] = ConsensusMap(label, of_exam.consensuses.study, design.ordered)
    return ReaderStudy.of(design, exams, first, scored, consensus=painted)


def read_masks(
    masks: Mapping[str, Any], labels: Sequence[int] | None = None, exam: str = ""
) -> dict[str, Volume]:
    """Masks of one exam as label maps on one grid, that of the first image; a plain array has that one too.

    A MaskError names the mask, what was found and what is expected.
    """
    found = {}
    for name, mask in masks.items():
        # A file is called by its path.
        called = "" if isinstance(mask, str | os.PathLike) else f"exam {exam}: {name}" if exam else name
        try:
            found[name] = as_labels(mask, labels, name=called).said()
        except ConversionError as error:
            raise MaskError(str(error)) from None
    placed = [name for name, mask in masks.items() if not isinstance(mask, np.ndarray | list | tuple)]
    if not found:
        return found
    grid = found[placed[0] if placed else next(iter(found))]
    for name in found:
        if name not in placed:
            found[name] = replace(found[name], affine=grid.affine)
        check_grid(found[name], grid)
    return found


def _likeliest(called: str, shares: np.ndarray, design: Design) -> np.ndarray:
    """The likeliest label of every voxel; a MaskError where numbers are no probabilities of the labels."""
    shares = np.asarray(shares)
    if shares.ndim < 2 or len(shares) != len(design.labels):
        raise MaskError(
            f"{called}: probabilities: found shape {shares.shape}, expected {len(design.labels)} maps, of "
            f"background and {', '.join(design.levels)}"
        )
    if not (np.abs(shares.sum(axis=0) - 1) <= 5e-3).all() or shares.min() < 0:
        raise MaskError(f"{called}: probabilities: found sums off 1 or values below 0, expected shares of 1")
    return np.array(design.labels)[shares.argmax(axis=0)]


def _by_exam(masks: Masks) -> Mapping[str, Any]:
    if isinstance(masks, Mapping):
        return masks
    if isinstance(masks, str | os.PathLike):
        return list_masks(Path(masks))
    digits = len(str(len(masks)))
    return {f"exam{number:0{digits}}": mask for number, mask in enumerate(masks, start=1) if mask is not None}
