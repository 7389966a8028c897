"""The one-page report of an evaluation: cohort, Table 1 beside the published one, figures, overlays."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bmseg.cohort.phantom import phantom_output
from bmseg.outputs import Output
from bmseg.outputs.provenance import file_hash, files_hash, read_record, refuse_changed, value_hash
from bmseg.report.part import in_words
from bmseg.report.parts import study_parts
from bmseg.scoring.costs import costs
from bmseg.scoring.evaluation import Evaluation, output_of
from bmseg.scoring.published import published_beside, read_published
from bmseg.scoring.raters import refuse_other_masks
from bmseg.wording import SYNTHETIC
from bmseg.workspace import Workspace
from dataset_conversion.images import read_volume
from evaluation.figures.files import save_figure
from evaluation.figures.slices import difference_sheet, overlay_sheet
from evaluation.measures.components import Components
from evaluation.measures.foci import LOWER, MISSED, drawn_foci
from evaluation.statistics.words import number
from evaluation.study import Design, ReaderStudy
from evaluation.study.incomplete import READERS_PER_EXAM
from evaluation.study.lineage import judged
from evaluation.study.tables import CONSENSUS, DECISIONS, DICE, TABLE1, TABLE1_FAIR, said_first, usual_notes
from evaluation.study.titles import renamed
from evaluation.table import Table, dice_table

REPORT = "report.html"

# Exams shown as slices: the model's worst, median and best.
_OVERLAY_EXAMS = 3


def write_report(evaluation: Evaluation, study_file: Path, workspace: Workspace | None = None) -> bool:
    """Write the report of an evaluation, as one self-contained HTML file in its folder.

    The published tables lie beside `study_file`; without the workspace of the evaluation there are no images
    and no cohort. False when it was already made from the same evaluation.
    """
    # Nobody replaces the evaluation between the reading of its figures and the page beside it.
    with output_of(evaluation.folder).kept(evaluation.record):
        return _write_report(evaluation, study_file, workspace)


def _write_report(evaluation: Evaluation, study_file: Path, workspace: Workspace | None) -> bool:
    if workspace:
        refuse_other_masks(evaluation.record, workspace)
    models = evaluation.found.models
    of_methods = costs(workspace, models, evaluation.found.titles) if workspace and len(models) > 1 else None
    inputs = {
        "evaluation_sha256": file_hash(evaluation.folder / "provenance.json"),
        "costs_sha256": value_hash(of_methods and of_methods.to_html()),
        "images_sha256": files_hash(_images(evaluation, workspace)) if workspace else None,
    }
    output = Output(evaluation.folder, "report", record="report.json")
    if output.made_from(inputs):
        return False
    with output.replaced(inputs) as made:
        sheets = _slice_sheets(evaluation, workspace, made.folder / "figures") if workspace else []
        made.write(REPORT, _render(evaluation, study_file, workspace, of_methods, sheets))
        now = files_hash(_images(evaluation, workspace)) if workspace else None
        refuse_changed(evaluation.folder, inputs["images_sha256"], now)
    return True


def _images(evaluation: Evaluation, workspace: Workspace) -> dict[str, Path]:
    """The images that the slices lie on."""
    dataset = workspace.dataset
    channel = dataset.spec.channels[0]
    return {exam: dataset.image_path(exam, "test", channel) for exam in evaluation.found.exams}


def _render(
    evaluation: Evaluation,
    study_file: Path,
    workspace: Workspace | None,
    of_methods: Table | None,
    sheets: list[Path],
) -> str:
    study, found, synthetic = evaluation.study, evaluation.found, evaluation.synthetic
    environment = Environment(
        loader=PackageLoader("bmseg"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    summary = evaluation.summary
    ours = dice_table(found.titled[TABLE1], title="This run" + (f" ({SYNTHETIC})" if synthetic else ""))
    printed = read_published(study, study_file)
    published = (
        None
        if printed is None
        else dice_table(renamed(printed, found.titles), title=f"Published: {study.citation}")
    )
    beside = published_beside(summary, printed, study.citation, SYNTHETIC if synthetic else "", found.titles)
    return environment.get_template("report.html.j2").render(
        study=study,
        synthetic=synthetic,
        reference=found.reference,
        findings=said_first(found) + _findings(found.titled),
        cohort=Markup(_cohort_table(workspace.dataset.cohort()).to_html()) if workspace else None,
        tables=[
            Markup(found.titled.own_words(table).to_html()) for table in (ours, published, beside) if table
        ],
        level="level" if found.design.ordered else "label",
        notes=usual_notes(found),
        warnings=evaluation.warnings,
        models=[(found.shown(model), _image(evaluation.figure(f"dice_{model}"))) for model in found.models],
        raters=_image(evaluation.figure("dice_raters")),
        parts=[
            (
                part,
                [(_image(path), caption) for path, caption in part.figures if path.is_file()],
                [(name, shown, _image(path), caption) for name, shown, path, caption in part.choices],
            )
            for part in (in_words(found, each) for each in study_parts(evaluation, of_methods))
        ],
        overlays=[_image(path) for path in sheets],
        rule=found.design.rule_in_words,
        consensus=[
            Markup(found.printed(table).to_html()) for table in (DECISIONS, CONSENSUS) if found.has_consensus
        ],
        made_from=_made_from(workspace) if workspace else [],
        provenance=_flat(dict(evaluation.record)),
    )


def _findings(found: ReaderStudy) -> list[str]:
    """A sentence a model: its median Dice on the levels spoken of, among the readers', by the fair scores."""
    fair = TABLE1_FAIR in found
    summary = found[TABLE1_FAIR].query("way == 'fair'") if fair else found[TABLE1]
    medians = summary.set_index(["level", "rater"])["median"]
    own = ", each of the exams that the reader drew" if READERS_PER_EXAM in found else ""
    sentences = []
    for model in judged(found):
        reached = []
        for level in found.design.spoken_of:
            of_readers = medians[level].reindex(list(found.readers)).dropna()
            among = ""
            if fair and len(of_readers):
                among = f" (readers {number(of_readers.min())} to {number(of_readers.max())}{own})"
            median = medians[level, model]
            reached.append(f"{level} {'undefined' if np.isnan(median) else number(median)}{among}")
        by = " by the fair scores" if fair else ""
        sentences.append(f"Median Dice of {model}{by}: {', '.join(reached)}.")
    return sentences


def _cohort_table(cohort: pd.DataFrame) -> Table:
    columns = [name for name in ("site", "scanner", "group") if cohort[name].notna().any()]
    splits = [split for split in ("training", "test") if (cohort.split == split).any()]
    parts = {split: cohort[cohort.split == split] for split in splits}
    rows = [["Exams", *(str(len(part)) for part in parts.values())]]
    if "slices" in cohort:
        rows.append(["Slices", *(f"{int(pd.to_numeric(part.slices).sum()):,}" for part in parts.values())])
    for name in columns:
        for value in cohort[name].dropna().unique():
            rows.append([f"{name}: {value}", *(str((part[name] == value).sum()) for part in parts.values())])
    if cohort.age.notna().any():
        ages = [pd.to_numeric(part.age, errors="coerce") for part in parts.values()]
        rows.append(["Age, mean (range)", *(f"{a.mean():.1f} ({a.min():g}–{a.max():g})" for a in ages)])
    return Table("Cohort", ["", *splits], rows, [], cohort)


def _made_from(workspace: Workspace) -> list[tuple[str, str]]:
    """What is on record of the cohort and of every training: seeds, schedules, hashes, versions."""
    cohort = phantom_output(workspace).read()
    facts = _flat({name: cohort[name] for name in ("seed", "training", "segmented") if name in cohort},
                  "synthetic cohort: ")  # fmt: skip
    for path in sorted(workspace.results_dataset.glob("*/fold_*/bmseg_inputs.json")):
        facts += _flat(read_record(path), f"{path.parent.parent.name}, {path.parent.name}: ")
    return facts


def _flat(record: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as dotted names; lists joined, hashes of outputs left to the JSON file."""
    rows = []
    for name, value in record.items():
        if name in ("outputs", "notes", "warnings"):
            continue
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            rows.append((f"{prefix}{name}", text))
    return rows


def _image(path: Path) -> str:
    """A file as a data address, so that the page needs no other file."""
    kind = {".svg": "image/svg+xml", ".png": "image/png"}[path.suffix]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _slice_sheets(evaluation: Evaluation, workspace: Workspace, folder: Path) -> list[Path]:
    """PNG files of most marked slices: reference beside models, then what the first marked otherwise."""
    study, found, dataset = evaluation.study, evaluation.found, workspace.dataset
    reference = found.reference.removeprefix("the ")
    first = found.models[0]
    slices, differences, outlined = [], [], []
    for exam, dice in _worst_to_best(found[DICE], first):
        image = read_volume(dataset.image_path(exam, "test", dataset.spec.channels[0]))
        consensus = read_volume(evaluation.consensus(exam)).array
        shown = int((consensus > 0).sum(axis=(0, 1)).argmax())
        masks = {reference: consensus} | {
            found.shown(model): read_volume(workspace.predictions(model) / f"{exam}.nii.gz").array
            for model in found.models
        }
        seen = {name: mask[:, :, shown].T for name, mask in masks.items()}
        score = "Dice undefined" if np.isnan(dice) else f"mean Dice {dice:.2f}"
        title = f"{exam}, slice {shown + 1}\n{score}"
        slices.append((title, image.array[:, :, shown].T, seen))
        differences.append((title, image.array[:, :, shown].T, seen[reference], seen[found.shown(first)]))
        outlined.append(
            _foci_not_found(found.design, consensus, masks[found.shown(first)], image.affine, shown)
        )
    colors = {level.value: level.color for level in study.levels}
    shared: dict[str, Any] = {
        "colors": colors,
        "names": {level.value: found.shown(level.name) for level in study.levels},
        "aspect": float(image.spacing[1] / image.spacing[0]),
        "note": found.design.mark,
    }
    sheets = {
        "overlays": overlay_sheet(slices, **shared),
        "differences": difference_sheet(
            differences, rater=found.shown(first), reference=reference, outlined=outlined, **shared
        ),
    }
    return [
        path
        for name, figure in sheets.items()
        for path in save_figure(figure, folder, name)
        if path.suffix == ".png"
    ]


def _foci_not_found(
    design: Design, reference: np.ndarray, mask: np.ndarray, affine: np.ndarray, shown: int
) -> dict[str, np.ndarray]:
    """Foci that a rater missed, or called lower, on a slice; nothing where no foci are asked for."""
    if not any(measure.of_foci for measure in design.measured):
        return {}
    components = Components(reference.shape, affine, design.levels, design.foci, design.ordered)
    outcomes = {"missed focus": MISSED} | ({"focus called lower": LOWER} if design.ordered else {})
    return {
        name: drawn_foci(reference, mask, outcome, components)[:, :, shown].T
        for name, outcome in outcomes.items()
    }


def _worst_to_best(scores: pd.DataFrame, model: str) -> list[tuple[str, float]]:
    means = scores[scores.rater == model].groupby("exam").dice.mean().dropna().sort_values()
    if means.empty:
        return [(scores.exam.iloc[0], np.nan)]
    places = np.unique(np.linspace(0, len(means) - 1, _OVERLAY_EXAMS).round().astype(int))
    return [(str(means.index[place]), float(means.iloc[place])) for place in places]
