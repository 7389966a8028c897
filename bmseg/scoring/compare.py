"""A workspace's methods beside its readers, against each other, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bmseg.errors import InputError
from bmseg.scoring.costs import costs
from bmseg.scoring.evaluate import Evaluation, evaluate, read_provenance
from bmseg.scoring.exam import Unit
from bmseg.scoring.raters import workspace_raters
from bmseg.scoring.reader_study import METHODS, NAMES, printed_methods
from bmseg.study import Study
from bmseg.wording import SYNTHETIC
from bmseg.workspace import Workspace, kept_study
from dataset_conversion.files import write_if_changed
from dataset_conversion.raw.dataset import RawDataset
from evaluation.comparison.models import of_models
from evaluation.comparison.verdicts import pairs_in_words, reach_readers, verdicts
from evaluation.consensus.result import describe
from evaluation.measures.dice import EmptyMask
from evaluation.scores.table1 import printed_fair_table
from evaluation.table import Table, dice_table


@dataclass(frozen=True)
class Comparison:
    """Methods compared.

    Parameters
    ----------
    tables : list of Table
        Table 1, readers and methods; paired differences between methods; costs.
    sentences : list of str
        Which method is better, whether they reach the readers, then every difference in words.
    evaluation : Evaluation
        What it rests on.
    """

    tables: list[Table]
    sentences: list[str]
    evaluation: Evaluation

    def to_markdown(self) -> str:
        """Tables and sentences, one below the other."""
        sentences = "".join(f"- {sentence}\n" for sentence in self.sentences)
        return "\n".join([*(table.to_markdown() for table in self.tables), sentences])


def compare_methods(
    workspace: Workspace,
    study: Study,
    methods: Sequence[str] = (),
    *,
    unit: Unit | None = None,
    margin: float | None = None,
    cohort: Path | None = None,
    regions: Path | None = None,
) -> Comparison:
    """Evaluate a workspace where that is not done, and compare its methods.

    Writes ``costs.{csv,md,html}`` of all methods into the evaluation's folder; what compares methods stands
    there already (`bmseg.scoring.evaluate.evaluate`).

    Parameters
    ----------
    workspace : Workspace
    study : Study
        The workspace's.
    methods : sequence of str
        Compare these only; Holm then adjusts their pairs alone. By default all with predictions.
    unit, margin, cohort, regions
        Of `bmseg.scoring.evaluate.evaluate`. By default unit and margin are those of the evaluation that is
        there, and the cohort is the workspace's.

    Raises
    ------
    InputError
        When there are fewer than two methods, one that is named has no predictions, or the evaluation was
        made with regions that are not given.
    evaluation.masks.reading.MaskError
        When masks are missing, damaged or on another grid.
    """
    present = _present(workspace)
    chosen = _chosen(workspace, present, methods)
    done = _evaluated(workspace, study, unit, margin, cohort, regions)
    record = read_provenance(workspace.evaluation)
    every = costs(workspace, present)
    for ending, text in (("csv", every.to_csv()), ("md", every.to_markdown()), ("html", every.to_html())):
        write_if_changed(workspace.evaluation / f"costs.{ending}", text)
    notes = [note for note in record["notes"] if note.startswith(SYNTHETIC.capitalize())]
    pairs = of_models(_read(workspace, METHODS), chosen)
    tables = [
        _table1(workspace, record, done, chosen, notes),
        printed_methods(pairs, record["readers"], len(record["exams"]), notes),
        costs(workspace, chosen),
    ]
    sentences = [
        *verdicts(pairs),
        *_beside_readers(workspace, record, chosen),
        *pairs_in_words(pairs),
        *notes,
    ]
    return Comparison(tables, sentences, done)


def _present(workspace: Workspace) -> list[str]:
    """The methods with a folder of predictions."""
    return [folder.name for folder in sorted(workspace.predictions_root.glob("[!.]*")) if folder.is_dir()]


def _chosen(workspace: Workspace, present: Sequence[str], methods: Sequence[str]) -> list[str]:
    """The methods to compare, in the evaluation's order."""
    found = ", ".join(present) or "none"
    if unknown := [method for method in methods if method not in present]:
        names = ", ".join(dict.fromkeys(unknown))
        raise InputError(
            f"method: found {names} without predictions, expected one of those in "
            f"{workspace.predictions_root} ({found}); run 'bmseg train {unknown[0]}' and 'bmseg predict "
            f"{unknown[0]}' first"
        )
    chosen = [method for method in present if method in methods or not methods]
    if len(chosen) > 1:
        return chosen
    if len(present) > 1:
        raise InputError(f"method: found {chosen[0]} alone, expected two or more of {found}, or none for all")
    missing = "nnunet" if "unet" in present else "unet"
    make = " (or 'make baseline')" if missing == "unet" else ""
    raise InputError(
        f"{workspace.predictions_root}: found the predictions of {found}, expected two methods to compare; "
        f"run 'bmseg train {missing}' and 'bmseg predict {missing}'{make} first"
    )


def _evaluated(
    workspace: Workspace,
    study: Study,
    unit: Unit | None,
    margin: float | None,
    cohort: Path | None,
    regions: Path | None,
) -> Evaluation:
    """Evaluate as 'bmseg evaluate' does; nothing is done when that was made from the same inputs."""
    earlier = read_provenance(workspace.evaluation)
    if regions is None and "regions_sha256" in earlier:
        raise InputError(
            f"{workspace.evaluation}: found an evaluation made with --regions, expected them named again"
        )
    raters, synthetic = workspace_raters(workspace, study)
    return evaluate(
        study,
        kept_study(workspace.root),
        raters,
        workspace.evaluation,
        synthetic=synthetic,
        unit=unit or earlier.get("unit", "exam"),
        margin=earlier.get("margin") if margin is None else margin,
        cohort=cohort or RawDataset.create(workspace.nnunet_raw, study.dataset_spec).cohort_path,
        regions=regions,
    )


def _read(workspace: Workspace, name: str) -> pd.DataFrame:
    return pd.read_csv(workspace.evaluation / f"{name}.csv", dtype=NAMES)


def _table1(
    workspace: Workspace,
    record: dict[str, Any],
    done: Evaluation,
    chosen: Sequence[str],
    notes: Sequence[str],
) -> Table:
    """Readers and the chosen methods, as usual and fair; with one reader as usual."""
    raters = [*record["readers"], *chosen]
    if len(record["readers"]) < 2:
        summary = done.table.data
        return dice_table(summary[summary.rater.isin(raters)], title=done.table.title, notes=done.table.notes)
    data = _read(workspace, "table1_fair")
    return printed_fair_table(
        data[data.rater.isin(raters)],
        title=f"Dice as usual and fair, {len(record['exams'])} exams",
        readers=record["readers"],
        rule=describe(record["consensus_rule"]),
        empty_mask=EmptyMask(record["empty_mask"]),
        unit=f"{record['unit']}s",
        notes=notes,
    )


def _beside_readers(workspace: Workspace, record: dict[str, Any], chosen: Sequence[str]) -> list[str]:
    """Whether each method reaches the median reader; there is none with one reader."""
    if len(record["readers"]) < 2:
        return []
    comparisons = _read(workspace, "comparisons")
    return reach_readers(comparisons[comparisons.model.isin(chosen)])
