"""The one-page report of a run: cohort, Table 1 beside the published one, figures, overlays."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bmseg import __version__, provenance
from bmseg.errors import InputError
from bmseg.evaluate import NAMES, SYNTHETIC, read_provenance
from bmseg.evaluated_exam import consensus_path
from bmseg.evaluation_files import reference_of
from bmseg.figure_files import save_figure
from bmseg.published import published_beside, read_published
from bmseg.records import read_record
from bmseg.report_study import study_parts
from bmseg.stages import Stage, kept_study
from bmseg.study import Study
from bmseg.workspace import Workspace
from dataset_conversion.files import write_text
from dataset_conversion.raw_dataset import RawDataset
from dataset_conversion.volume import read_volume
from evaluation.consensus import describe
from evaluation.figures import overlay_sheet
from evaluation.tables import Table, dice_table

# Exams shown in the overlay sheet: the model's worst, median and best.
OVERLAY_EXAMS = 3
MOST_FREQUENT_PATTERNS = 12


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
    made_from = provenance.file_hash(workspace.evaluation / "provenance.json")
    stage = Stage.of(workspace, "report", {"evaluation_sha256": made_from, "version": __version__})
    if stage.is_finished() and workspace.report.is_file():
        return False
    stage.begin()
    write_text(workspace.report, _render(workspace, study, record))
    stage.finish()
    return True


def _render(workspace: Workspace, study: Study, record: dict[str, Any]) -> str:
    out = workspace.evaluation
    scores = pd.read_csv(out / "dice.csv", dtype=NAMES)
    summary = pd.read_csv(out / "table1.csv", dtype=NAMES)
    synthetic = bool(record["synthetic"])
    dataset = RawDataset.create(workspace.nnunet_raw, study.dataset_spec)
    environment = Environment(
        loader=PackageLoader("bmseg"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    ours = dice_table(summary, title="This run" + (f" ({SYNTHETIC})" if synthetic else ""))
    published = _published_table(workspace, study)
    beside = published_beside(summary, study, kept_study(workspace.root), SYNTHETIC if synthetic else "")
    overlays = _overlays(workspace, study, dataset, scores, record, synthetic)
    return environment.get_template("report.html.j2").render(
        study=study,
        synthetic=synthetic,
        reference=reference_of(record["readers"]),
        findings=_findings(summary, record),
        cohort=Markup(_cohort_table(dataset.cohort()).to_html()),
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
            for part in study_parts(out, record)
        ],
        overlays=_image(overlays),
        rule=describe(record["consensus_rule"]),
        convergence=_convergence(pd.read_csv(out / "consensus.csv")),
        decisions=Markup(_decisions(pd.read_csv(out / "decision_table.csv"), record).to_html()),
        made_from=_made_from(workspace),
        provenance=_flat(record),
    )


def _published_table(workspace: Workspace, study: Study) -> Table | None:
    summary = read_published(study, kept_study(workspace.root))
    return None if summary is None else dice_table(summary, title=f"Published: {study.citation}")


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


def _overlays(
    workspace: Workspace,
    study: Study,
    dataset: RawDataset,
    scores: pd.DataFrame,
    record: dict[str, Any],
    synthetic: bool,
) -> Path:
    """A sheet of slices: image, reference and models, for the first model's worst to best exams."""
    reference = reference_of(record["readers"]).removeprefix("the ")
    exams = _worst_to_best(scores, record["models"][0])
    slices = []
    for exam, dice in exams:
        image = read_volume(dataset.image_path(exam, "test", dataset.spec.channels[0]))
        consensus = read_volume(consensus_path(workspace.evaluation, exam)).array
        shown = int((consensus > 0).sum(axis=(0, 1)).argmax())
        masks = {reference: consensus} | {
            model: read_volume(workspace.predictions(model) / f"{exam}.nii.gz").array
            for model in record["models"]
        }
        score = "Dice undefined" if np.isnan(dice) else f"mean Dice {dice:.2f}"
        title = f"{exam}, slice {shown + 1}\n{score}"
        slices.append((title, image.array[:, :, shown].T, {k: m[:, :, shown].T for k, m in masks.items()}))
    figure = overlay_sheet(
        slices,
        colors={level.value: level.color for level in study.levels},
        aspect=float(image.spacing[1] / image.spacing[0]),
        note=SYNTHETIC.capitalize() if synthetic else "",
    )
    return save_figure(figure, workspace.evaluation / "figures", "overlays")[0]


def _worst_to_best(scores: pd.DataFrame, model: str) -> list[tuple[str, float]]:
    means = scores[scores.rater == model].groupby("exam").dice.mean().dropna().sort_values()
    if means.empty:
        return [(scores.exam.iloc[0], np.nan)]
    places = np.unique(np.linspace(0, len(means) - 1, OVERLAY_EXAMS).round().astype(int))
    return [(str(means.index[place]), float(means.iloc[place])) for place in places]


def _convergence(consensus: pd.DataFrame) -> str:
    converged = int(consensus.converged.sum())
    return (
        f"{converged} of {len(consensus)} exams converged, in {consensus.iterations.min()} to "
        f"{consensus.iterations.max()} iterations."
    )


def _decisions(decisions: pd.DataFrame, record: dict[str, Any]) -> Table:
    """The most frequent vote patterns of all exams and what the consensus made of them."""
    by = record["readers"]
    marked = decisions[(decisions[by] != 0).any(axis=1)]
    pooled = marked.groupby(by).agg(
        voxels=("voxels", "sum"), consensus=("consensus", lambda c: ", ".join(map(str, sorted(set(c)))))
    )
    top = pooled.sort_values("voxels", ascending=False).head(MOST_FREQUENT_PATTERNS).reset_index()
    rows = [
        [" ".join(str(row[reader]) for reader in by), f"{row.voxels:,}", row.consensus]
        for _, row in top.iterrows()
    ]
    title = "Most frequent votes, and the consensus made of them in one exam or another"
    return Table(title, [" ".join(by), "Voxels", "Consensus"], rows, [], top)


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
