"""The viewer of an evaluation's exams: masks as they were scored, on their images where there are some."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bmseg.outputs import Output
from bmseg.outputs.provenance import file_hash, files_hash, refuse_changed
from bmseg.pages import write_page_list
from bmseg.scoring.evaluation import Evaluation, mask_name, output_of
from bmseg.scoring.masks import of_exam, read_exam
from bmseg.viewer.links import FOLDER, PAGE, RECORD
from bmseg.viewer.page import write_viewer
from bmseg.viewer.shown import Cast, ViewedExam, ViewedFocus, ViewedRater
from bmseg.viewer.sources import Sources
from bmseg.workspace import Workspace
from dataset_conversion.images import STORAGE_ORDER, Volume, read_volume
from evaluation.masks.reading import check_grid, read_mask
from evaluation.measures.foci import FALSE, FOUND, LOWER, MISSED
from evaluation.scores.fair import over_consensuses
from evaluation.study import lineage
from evaluation.study.measure_tables import FOCI
from evaluation.study.tables import DICE, FAIR_DICE

_OPPOSITE = dict(zip("LRAPSI", "RLPAIS", strict=True))
_CONSENSUS, _YARDSTICK = "consensus", "yardstick"


def write_exams(
    evaluation: Evaluation,
    workspace: Workspace | None = None,
    folders: Mapping[str, Path] | None = None,
    images: Path | None = None,
    *,
    step: Callable[[], object] = lambda: None,
) -> bool:
    """Write the viewer of an evaluation into ``exams`` in its folder.

    Masks and images are those of its workspace or, without one, of `Sources.of_folders`; `step` is called
    once an exam. False when neither is given, or it was already made from the same evaluation, masks and
    images. A MaskError when a mask is damaged, or does not lie on its image.
    """
    if not (workspace or folders):
        return False
    # Nobody replaces the evaluation meanwhile.
    with output_of(evaluation.folder).kept(evaluation.record):
        sources = (
            Sources.of_workspace(workspace, evaluation)
            if workspace
            else Sources.of_folders(evaluation, folders or {}, images)
        )
        inputs: dict[str, Any] = {
            "evaluation_sha256": file_hash(evaluation.folder / "provenance.json"),
            "raters": sorted(sources.masks),
            "images_sha256": files_hash(sources.images),
        }
        output = Output(evaluation.folder, "viewer of exams", record=RECORD)
        if output.made_from(inputs):
            return False
        exams = evaluation.found.exams
        with output.replaced(inputs) as made:
            exam_of = partial(_exam, evaluation, sources, _scores(evaluation), _foci(evaluation))

            def read(exam: str) -> ViewedExam:
                found = exam_of(exam)
                step()
                return found

            write_viewer(
                made.folder / FOLDER,
                cast_of(evaluation, sources),
                exams,
                map(read, exams),
                lies_at=evaluation.folder / FOLDER,
                workspace=workspace,
                made_from=inputs["evaluation_sha256"],
            )
            refuse_changed(evaluation.folder, inputs["images_sha256"], files_hash(sources.images))
    if workspace:
        write_page_list(workspace)
    return True


def page_of(evaluation: Evaluation) -> Path:
    """The viewer's page; it need not be there."""
    return evaluation.folder / FOLDER / PAGE


def cast_of(evaluation: Evaluation, sources: Sources) -> Cast:
    """Who takes part: yardstick and consensus, models, readers; and what the page says of their scores."""
    study, found, record = evaluation.study, evaluation.found, evaluation.record
    design, there = found.design, sources.masks
    raters = [
        ViewedRater(name, "reference", title, found.readers)
        for name, title in _references(evaluation).items()
    ]
    raters += [
        ViewedRater(name, "model", taught_by=design.taught_by.get(name, ()))
        for name in found.models
        if name in there
    ]
    readers = [name for name in (*found.readers, *record.get("repeats", {})) if name in there]
    raters += [ViewedRater(name, "reader") for name in readers]
    right = STORAGE_ORDER[study.plane][0]
    word = "level" if design.ordered else "label"
    fair = _is_fair(evaluation)
    whom = "the consensus of all readers, which flatters them" if found.has_consensus else found.reference
    dice = (
        "Dice of this exam by the fair scores: each reader against the consensus of the other readers, a "
        "model against each of those (mean)."
        if fair
        else f"Dice of this exam against {whom}."
    ) + " A dash where it is undefined, as of a level that neither marks, or was not scored."
    foci = ""
    if FOCI in found:
        whose = (
            "the yardstick of all readers; of a reader, against that of the others"
            if fair
            else found.reference
        )
        foci = (
            f"Foci of a model against {whose}. A focus of a {word} with what lies higher is one; a false one "
            "touches nothing there. Its slice and the circle are where its centre lies."
        )
    made = {_YARDSTICK: design.yardstick_in_words, _CONSENSUS: design.rule_in_words}
    notes = [
        f"{rater.title.capitalize()}: {made[rater.name]}, of the readers' masks."
        for rater in raters
        if rater.kind == "reference"
    ] + lineage.notes(found)
    if not sources.images:
        notes.insert(0, "No images were given: masks are shown alone, on black.")
    elif missing := [exam for exam in found.exams if exam not in sources.images]:
        notes.insert(0, f"Without an image, masks on black: {', '.join(missing)}.")
    if absent := [name for name in (*found.readers, *found.models) if name not in there]:
        notes.insert(0, f"Not shown, their masks were not given: {', '.join(absent)}.")
    if record.get("regions_sha256"):
        notes.append("Marks outside the region that was to be marked are shown here, and audited apart.")
    if record.get("drawn_sha256"):
        notes.append("Differences where a reader did not draw are shown here; no score counts them.")
    return Cast(
        levels=study.levels,
        titles=design.titles,
        raters=raters,
        groups={name: values for name, values in design.by_name.items() if name in design.groups},
        sides=(_OPPOSITE[right], right),
        ordered=design.ordered,
        synthetic=evaluation.synthetic,
        ignore=design.ignore,
        dice=found.own_words(dice),
        fair=fair,
        foci=found.own_words(foci),
        notes=found.own_words(notes),
    )


def _references(evaluation: Evaluation) -> dict[str, str]:
    """Who is held against: kind of consensus to what people call it; none where one reader makes none."""
    design = evaluation.found.design
    if not evaluation.found.has_consensus:
        return {}
    both = {_YARDSTICK: "yardstick"}
    if design.rule != design.yardstick:
        both[_CONSENSUS] = "study's consensus"
    first = evaluation.found.exams[0]
    return {
        kind: title for kind, title in both.items() if (evaluation.folder / mask_name(first, kind)).is_file()
    }


def _is_fair(evaluation: Evaluation) -> bool:
    """Whether there are fair scores of whole exams."""
    return FAIR_DICE in evaluation.found and "knee" not in evaluation.found[FAIR_DICE]


def _scores(evaluation: Evaluation) -> pd.DataFrame:
    found = evaluation.found
    return over_consensuses(found[FAIR_DICE]) if _is_fair(evaluation) else found[DICE]


def _foci(evaluation: Evaluation) -> pd.DataFrame:
    """Foci of models by the yardstick of all readers, of readers by that of the others."""
    found = evaluation.found
    if FOCI not in found:
        return pd.DataFrame(columns=["exam"])
    table = found[FOCI]
    own = (table.left_out == "") | (table.left_out == table.rater)
    return table[own & table.outcome.isin([FOUND, LOWER, MISSED, FALSE])]


def _exam(
    evaluation: Evaluation, sources: Sources, scores: pd.DataFrame, foci: pd.DataFrame, exam: str
) -> ViewedExam:
    study, plane = evaluation.study, evaluation.study.plane
    files = of_exam(sources.masks, exam)
    drawn = read_exam(study, files, sources.reading, exam)
    for kind in _references(evaluation):
        path = evaluation.folder / mask_name(exam, kind)
        if path.is_file():
            values = evaluation.found.design.labels_of_readers
            drawn[kind] = read_mask(path, values)
    masks = {name: mask.stored_as(plane) for name, mask in drawn.items()}
    first = next(iter(masks.values()))
    image: Volume | None = None
    if exam in sources.images:
        image = read_volume(sources.images[exam]).stored_as(plane)
    for mask in masks.values():
        check_grid(mask, image or first)
    return ViewedExam(
        exam,
        {name: mask.array for name, mask in masks.items()},
        tuple(map(float, first.spacing)),  # type: ignore[arg-type]
        None if image is None else image.array,
        _dice_of(scores[scores.exam == exam]),
        list(_foci_of(foci[foci.exam == exam], first.affine)),
    )


def _dice_of(scores: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    found: dict[str, dict[str, float | None]] = {}
    for rater, level, dice in zip(scores.rater, scores.level, scores.dice, strict=True):
        found.setdefault(rater, {})[level] = None if np.isnan(dice) else float(dice)
    return found


def _foci_of(rows: pd.DataFrame, affine: np.ndarray) -> Iterator[ViewedFocus]:
    if rows.empty:
        return
    world = rows[["x_mm", "y_mm", "z_mm"]].to_numpy(float)
    inverse = np.linalg.inv(affine)
    centres = world @ inverse[:3, :3].T + inverse[:3, 3]
    columns = zip(rows.rater, rows.level, rows.outcome, rows.called, rows.volume_ml, centres, strict=True)
    for rater, level, outcome, called, ml, centre in columns:
        yield ViewedFocus(rater, level, outcome, called, float(ml), tuple(map(float, centre)))  # type: ignore[arg-type]
