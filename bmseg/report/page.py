"""The one-page report of an evaluation: the answer first, then what bears it out."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bmseg.outputs import Output
from bmseg.outputs.provenance import file_hash, files_hash, refuse_changed, value_hash
from bmseg.pages import Glossed, environment, frame, write_page_list
from bmseg.reading_room.found import tables2_of
from bmseg.report.behind import sections, usual
from bmseg.report.first import answer_table, facts, picture
from bmseg.report.origin import cohort_table, flat, made_from
from bmseg.report.part import Picture, in_words, shown_in_words
from bmseg.report.parts import Asked
from bmseg.report.strip import Strip, strips, yardstick_path
from bmseg.report.tables import models_first
from bmseg.scoring.costs import costs
from bmseg.scoring.evaluation import Evaluation, output_of
from bmseg.scoring.published import published_beside, read_published
from bmseg.scoring.raters import refuse_other_masks
from bmseg.viewer import viewer_link
from bmseg.viewer.evaluated import page_of
from bmseg.wording import SYNTHETIC
from bmseg.workspace import Workspace
from dataset_conversion.images import Grid, read_volume
from evaluation.figures.files import save_figure
from evaluation.masks.exam import slice_axis
from evaluation.study.brief import answers, look_out
from evaluation.study.drawing import figures_told
from evaluation.study.lineage import first_of_seeds
from evaluation.study.tables import CONSENSUS, DECISIONS, usual_notes
from evaluation.study.titles import renamed
from evaluation.table import Table, dice_table

REPORT = "report.html"
#: The figure of the first screen.
_LEVELS = "levels_beside_readers"
#: Models with a strip of exams.
_MOST_STRIPS = 4

_PRINT = 'document.getElementById("print").addEventListener("click", () => window.print());'


#: How often `write_report` calls its `step`.
STEPS = 4


def write_report(
    evaluation: Evaluation,
    study_file: Path,
    workspace: Workspace | None = None,
    *,
    step: Callable[[], object] = lambda: None,
) -> bool:
    """Write the report of an evaluation, as one self-contained HTML file in its folder.

    The published tables lie beside `study_file`; without the workspace of the evaluation there are no images
    and no cohort. `step` is called `STEPS` times on the way. False when it was already made from the same
    evaluation.
    """
    # Nobody replaces the evaluation between the reading of its figures and the page beside it.
    with output_of(evaluation.folder).kept(evaluation.record):
        return _write_report(evaluation, study_file, workspace, step)


def _write_report(
    evaluation: Evaluation, study_file: Path, workspace: Workspace | None, step: Callable[[], object]
) -> bool:
    if workspace:
        refuse_other_masks(evaluation.record, workspace)
    models = evaluation.found.models
    first = first_of_seeds(evaluation.found)
    of_methods = costs(workspace, models, evaluation.found.titles) if workspace and models else None
    scored = tables2_of(workspace) if workspace else []
    inputs = {
        "evaluation_sha256": file_hash(evaluation.folder / "provenance.json"),
        "costs_sha256": value_hash(of_methods and of_methods.to_html()),
        "images_sha256": files_hash(workspace.test_images(evaluation.found.exams)) if workspace else None,
        "viewer": page_of(evaluation).is_file(),
        "table2_sha256": value_hash([table.to_html() for table in scored]),
    }
    output = Output(evaluation.folder, "report", record="report.json")
    if output.made_from(inputs):
        return False
    with output.replaced(inputs) as made:
        figures = made.folder / "figures"
        (drawn,) = save_figure(picture(evaluation.found.titled), figures, _LEVELS, endings=("svg",))
        step()
        shown = strips(evaluation, workspace, first[:_MOST_STRIPS], figures) if workspace else []
        step()
        page = _render(evaluation, study_file, workspace, of_methods, scored, drawn, shown, step)
        made.write(REPORT, page)
        step()
        now = files_hash(workspace.test_images(evaluation.found.exams)) if workspace else None
        refuse_changed(evaluation.folder, inputs["images_sha256"], now)
    if workspace:
        write_page_list(workspace)
    return True


def _render(
    evaluation: Evaluation,
    study_file: Path,
    workspace: Workspace | None,
    of_methods: Table | None,
    scored: list[Table],
    drawn: Path,
    shown: list[Strip],
    step: Callable[[], object],
) -> str:
    study, synthetic = evaluation.study, evaluation.synthetic
    titles, found = evaluation.found.titles, models_first(evaluation.found.titled)
    link = viewer_links(evaluation)
    asked = Asked(
        evaluation, found, link, slices_of(evaluation),
        cohort=cohort_table(workspace.dataset.cohort()) if workspace else None,
        costs=of_methods if len(found.models) > 1 else None,
        tables2=scored,
    )  # fmt: skip
    printed = read_published(study, study_file)
    of_paper = (
        None
        if printed is None
        else dice_table(renamed(printed, titles), title=f"Published: {study.citation}")
    )
    beside = published_beside(
        evaluation.summary, printed, study.citation, SYNTHETIC if synthetic else "", titles
    )
    parts = [in_words(found, part) for part in [*sections(asked), usual(asked, of_paper, beside)]]
    step()
    meanings = {titles.get(level.name, level.name): level.description for level in study.levels}
    there = {part.anchor for part in parts}
    linked = [(each, link(each.exam, slice=each.slice, rater=each.model)) for each in shown]
    page = evaluation.folder / REPORT
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            **frame(page, workspace, synthetic=synthetic, script=_PRINT),
            study=study,
            facts=facts(evaluation, workspace, of_methods),
            answers=answers(found),
            cautions=look_out(found),
            there=there,
            places={name: name for name in _SHORT} | {"consensus": "rule"},
            short=_SHORT,
            levels=Picture(drawn, "", alt=found.own_words(_LEVELS_ALT)),
            table_of_answer=shown_in_words(found, answer_table(found, meanings)),
            strips=linked,
            first_strip=[pair for pair in linked if pair[0].model == linked[0][0].model],
            image=_image,
            glossed=Glossed(),
            parts=parts,
            level="level" if found.design.ordered else "label",
            ordered=found.design.ordered,
            has_consensus=found.has_consensus,
            reference=found.reference,
            notes=usual_notes(found),
            notices=[*evaluation.warnings, *figures_told(evaluation.found)],
            rule=found.design.rule_in_words,
            consensus=[asked.table(table) for table in (DECISIONS, CONSENSUS) if found.has_consensus],
            files=[(f"{table.name}.csv", found.own_words(table.about)) for table in found.declared()],
            made_from=made_from(workspace) if workspace else [],
            provenance=flat(dict(evaluation.record)),
        )
    )


_LEVELS_ALT = "Median Dice of readers and models level by level; the numbers stand in the table beside it"
#: What a section is called among the contents.
_SHORT = {
    "exams": "Exams", "fair": "Fair", "pairs": "Models", "foci": "Foci", "failures": "Failures",
    "agreement": "Readers", "rule": "Rule", "table1": "Table 1",
}  # fmt: skip


def viewer_links(evaluation: Evaluation) -> Callable[..., str]:
    """What answers the address of an exam in the viewer, as `viewer_link`; empty where there is no viewer."""
    return viewer_link if page_of(evaluation).is_file() else lambda *_, **__: ""


def slices_of(evaluation: Evaluation) -> Callable[[Any], int | None]:
    """What answers the number, from 1, of the slice on which a focus lies."""
    plane = evaluation.study.plane

    @cache
    def grid(exam: str) -> Grid:
        # As the viewer counts its slices.
        return read_volume(yardstick_path(evaluation, exam)).stored_as(plane).grid

    def slice_of(focus: Any) -> int | None:
        if not evaluation.found.has_consensus:
            return None
        of = grid(focus.exam)
        place = np.linalg.inv(of.affine) @ (focus.x_mm, focus.y_mm, focus.z_mm, 1)
        return round(float(place[slice_axis(of, plane)])) + 1

    return slice_of


def _image(path: Path) -> str:
    """A file as a data address, so that the page needs no other file."""
    kind = {".svg": "image/svg+xml", ".png": "image/png"}[path.suffix]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
