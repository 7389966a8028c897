"""Who drew what, where not every reader drew every exam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from evaluation.masks.reading import MaskError, fault_of, listed, match_exams
from evaluation.statistics.words import plural


def match(
    masks: Mapping[str, Mapping[str, Any]],
    readers: Sequence[str],
    exams: Sequence[str] | None = None,
    *,
    incomplete: bool,
    how: str,
) -> list[str]:
    """The exams of a study: those that every rater has, or, where readers may lack some, those of each.

    A MaskError has a line a rater; where an incomplete design would do, it says `how` to allow one.
    """
    if incomplete:
        return match_incomplete(masks, readers, exams)
    try:
        return match_exams(masks, exams)
    except MaskError as error:
        try:
            expected = match_incomplete(masks, readers, exams)
        except MaskError:
            raise error from None
    missing = {reader: [exam for exam in expected if exam not in masks[reader]] for reader in readers}
    faults = [fault for reader, names in missing.items() for fault in fault_of(reader, names, [])]
    what = f"the same {plural(len(expected), 'exam')} of every reader"
    advice = f"add the files, or, if not all were to be drawn, {how}"
    raise MaskError(listed(faults, f"expected {what}: {advice}"))


def check_repeats(
    masks: Mapping[str, Mapping[str, Any]], repeats: Mapping[str, str], *, incomplete: bool, how: str
) -> None:
    """Refuse (MaskError) a second reading of what its reader did not draw, or a hole that is not allowed.

    `repeats` are a second reading to its reader; of both there are masks.
    """
    faults, holes = [], False
    for again, reader in repeats.items():
        missing = [] if incomplete else sorted({*masks[reader]} - {*masks[again]})
        holes |= bool(missing)
        faults += fault_of(again, missing, sorted({*masks[again]} - {*masks[reader]}))
    if faults:
        allowed = f", or, if not all were to be read again, {how}" if holes else ""
        what = f"the exams of the reader whose second reading it is: add or remove the files{allowed}"
        raise MaskError(listed(faults, f"expected {what}"))


def match_incomplete(
    masks: Mapping[str, Mapping[str, Any]], readers: Sequence[str], exams: Sequence[str] | None = None
) -> list[str]:
    """The exams of an incomplete design, sorted: those that a reader drew, or those expected.

    `masks` are rater to exam to file. A reader may lack exams; a model has every one, and every exam has a
    reader. A MaskError, a line a rater, where that is not so, and where no two readers drew one exam.
    """
    drawn = {exam for reader in readers for exam in masks[reader]}
    expected = drawn if exams is None else {*exams}
    faults = [f"{exam}: no reader drew it" for exam in sorted(expected - drawn)]
    for rater, files in masks.items():
        missing = [] if rater in readers else sorted(expected - {*files})
        faults += fault_of(rater, missing, sorted({*files} - expected))
    if faults:
        whose = "that a reader drew" if exams is None else "of cohort.csv"
        raise MaskError(
            listed(
                faults,
                f"expected of every model a mask of each of the {plural(len(expected), 'exam')} {whose}, and "
                "of each a reader's: add or remove the files",
            )
        )
    together = ({*masks[one]} & {*masks[other]} for one, other in combinations(readers, 2))
    if len(readers) > 1 and not any(together):
        raise MaskError(
            f"exams: found no two of the readers {', '.join(readers)} who drew one exam, expected some: a "
            "consensus, and what readers differ by, need two masks of an exam; give masks of the same exams, "
            "or one reader alone"
        )
    return sorted(expected)
