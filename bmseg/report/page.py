"""The one-page report of a run: cohort, Table 1 beside the published one, figures, overlays."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bmseg import __version__
from bmseg.errors import InputError
from bmseg.outputs import provenance
from bmseg.outputs.records import read_record
from bmseg.outputs.stage import Stage
from bmseg.report.parts import headlines, study_parts
from bmseg.report.slices import slice_sheets
from bmseg.scoring.costs import costs
from bmseg.scoring.evaluate import NAMES, read_provenance
from bmseg.scoring.files import reference_of
from bmseg.scoring.published import published_beside, read_published
from bmseg.study import Study
from bmseg.wording import SYNTHETIC
from bmseg.workspace import Workspace, kept_study
from dataset_conversion.files import write_text
from dataset_conversion.raw.dataset import RawDataset
from evaluation.consensus.result import describe
from evaluation.table import Table, dice_table


def write_report(workspace: Workspace, study: Study) -> bool:
    """Write the report of a workspace's evaluation as one self-contained HTML file.

    Returns
    -------
    bool
        False when it was already made from the same evaluation.

    Raises
    ------
    InputError
        When the workspace has no finished evaluation.
    """
    record = read_provenance(workspace.evaluation)
    if not record:
        raise InputError(f"{workspace.evaluation}: found no finished evaluation; run 'bmseg evaluate' first")
    of_methods = costs(workspace, record["models"]) if len(record["models"]) > 1 else None
    made_from = {
        "evaluation_sha256": provenance.file_hash(workspace.evaluation / "provenance.json"),
        "costs_sha256": provenance.value_hash(of_methods and of_methods.to_html()),
        "version": __version__,
    }
    stage = Stage.of(workspace, "report", made_from)
    if stage.is_finished() and workspace.report.is_file():
        return False
    stage.begin()
    page = _render(workspace.evaluation, study, kept_study(workspace.root), record, workspace, of_methods)
    write_text(workspace.report, page)
    stage.finish()
    return True


def write_folder_report(out: Path, study: Study, study_file: Path) -> Path:
    """Write ``report.html`` into the folder of an evaluation of plain folders: no images, no cohort.

    Raises
    ------
    InputError
        When the folder holds no finished evaluation, or one of another study file.
    """
    record = read_provenance(out)
    if not record:
        raise InputError(f"{out}: found no finished evaluation; run 'bmseg evaluate -o {out}' first")
    if record["study"]["sha256"] != provenance.file_hash(study_file):
        raise InputError(
            f"{study_file}: study file: found another than the evaluation in {out} was made with "
            f"({record['study']['name']}), expected the same; name it with --study"
        )
    write_text(out / "report.html", _render(out, study, study_file, record))
    return out / "report.html"


def _render(
    out: Path,
    study: Study,
    study_file: Path,
    record: dict[str, Any],
    workspace: Workspace | None = None,
    of_methods: Table | None = None,
) -> str:
    scores = pd.read_csv(out / "dice.csv", dtype=NAMES)
    summary = pd.read_csv(out / "table1.csv", dtype=NAMES)
    synthetic = bool(record["synthetic"])
    environment = Environment(
        loader=PackageLoader("bmseg"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    ours = dice_table(summary, title="This run" + (f" ({SYNTHETIC})" if synthetic else ""))
    printed = read_published(study, study_file)
    published = None if printed is None else dice_table(printed, title=f"Published: {study.citation}")
    beside = published_beside(summary, printed, study.citation, SYNTHETIC if synthetic else "")
    return environment.get_template("report.html.j2").render(
        study=study,
        synthetic=synthetic,
        reference=reference_of(record["readers"]),
        findings=headlines(out, record) + _findings(summary, record),
        cohort=Markup(_cohort_table(_cohort(workspace, study)).to_html()) if workspace else None,
        tables=[Markup(table.to_html()) for table in (ours, published, beside) if table],
        notes=record["notes"],
        warnings=record["warnings"],
        models=[(model, _image(out / "figures" / f"dice_{model}.svg")) for model in record["models"]],
        raters=_image(out / "figures" / "dice_raters.svg"),
        parts=[
            (
                part,
                [(_image(path), caption, width) for path, caption, width in part.figures if path.is_file()],
            )
            for part in study_parts(out, record, of_methods)
        ],
        overlays=[_image(path) for path in slice_sheets(workspace, study, scores, record)]
        if workspace
        else [],
        rule=describe(record["consensus_rule"]),
        consensus=[
            Markup((out / f"{name}.html").read_text(encoding="utf-8"))
            for name in ("decisions", "consensus")
            if len(record["readers"]) > 1
        ],
        made_from=_made_from(workspace) if workspace else [],
        provenance=_flat(record),
    )


def _cohort(workspace: Workspace, study: Study) -> pd.DataFrame:
    return RawDataset.create(workspace.nnunet_raw, study.dataset_spec).cohort()


def _findings(summary: pd.DataFrame, record: dict[str, Any]) -> list[str]:
    """A sentence a level and model: where the model stands among the readers."""
    sentences = []
    for level in dict.fromkeys(summary.level):
        medians = summary[summary.level == level].set_index("rater")["median"]
        readers = medians[record["readers"]].dropna()
        for model in record["models"]:
            if np.isnan(medians[model]) or readers.empty:
                sentences.append(f"{level}: the median Dice of {model} is undefined.")
                continue
            if len(record["readers"]) == 1:
                sentences.append(f"{level}: {model} reaches a median Dice of {medians[model]:.2f}.")
                continue
            reached = int((medians[model] >= readers).sum())
            sentences.append(
                f"{level}: {model} reaches a median Dice of {medians[model]:.2f}; the readers reach "
                f"{readers.min():.2f} to {readers.max():.2f} (at or above {reached} of {len(readers)})."
            )
    return sentences


def _cohort_table(cohort: pd.DataFrame) -> Table:
    columns = [name for name in ("site", "scanner", "group") if cohort[name].notna().any()]
    splits = [split for split in ("training", "test") if (cohort.split == split).any()]
    parts = {split: cohort[cohort.split == split] for split in splits}
    rows = [["Exams", *(str(len(part)) for part in parts.values())]]
    if "slices" in cohort:
        rows.append(["Slices", *(f"{int(part.slices.sum()):,}" for part in parts.values())])
    for name in columns:
        for value in cohort[name].dropna().unique():
            rows.append([f"{name}: {value}", *(str((part[name] == value).sum()) for part in parts.values())])
    if cohort.age.notna().any():
        ages = [pd.to_numeric(part.age, errors="coerce") for part in parts.values()]
        rows.append(["Age, mean (range)", *(f"{a.mean():.1f} ({a.min():g}–{a.max():g})" for a in ages)])
    return Table("Cohort", ["", *splits], rows, [], cohort)


def _made_from(workspace: Workspace) -> list[tuple[str, str]]:
    """What is on record of the cohort and of every training: seeds, schedules, hashes, versions."""
    cohort = read_record(workspace.stages / "phantom.json").get("inputs", {})
    facts = _flat(cohort, "synthetic cohort: ")
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
