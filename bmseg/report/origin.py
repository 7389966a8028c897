"""Where a report's numbers come from: the cohort, its trainings, and what is on record of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bmseg.cohort.phantom import phantom_output
from bmseg.outputs.provenance import read_record
from bmseg.workspace import Workspace
from evaluation.statistics.words import DASH, number
from evaluation.table import Table

_TRAINING = "bmseg_training.json"


def cohort_table(cohort: pd.DataFrame) -> Table:
    """How many exams, slices and ages, for training and test; what the cohort's table names."""
    columns = [name for name in ("site", "scanner", "group") if name in cohort and cohort[name].notna().any()]
    splits = [split for split in ("training", "test") if (cohort.split == split).any()]
    parts = {split: cohort[cohort.split == split] for split in splits}
    rows = [["Exams", *(str(len(part)) for part in parts.values())]]
    if "slices" in cohort:
        rows.append(["Slices", *(f"{int(pd.to_numeric(part.slices).sum()):,}" for part in parts.values())])
    for name in columns:
        for value in cohort[name].dropna().unique():
            rows.append([f"{name}: {value}", *(str((part[name] == value).sum()) for part in parts.values())])
    if "age" in cohort and cohort.age.notna().any():
        ages = [pd.to_numeric(part.age, errors="coerce") for part in parts.values()]
        rows.append(["Age in years, mean (range)", *(_mean_and_range(of) for of in ages)])
    return Table("Cohort", ["", *splits], rows, [], cohort)


def _mean_and_range(ages: pd.Series) -> str:
    return f"{number(ages.mean(), 1)} ({ages.min():g}–{ages.max():g})" if ages.notna().any() else DASH


def made_from(workspace: Workspace) -> list[tuple[str, str]]:
    """What is on record of the cohort and of every training: seeds, schedules, hashes, versions."""
    cohort = phantom_output(workspace).read()
    facts = flat({name: cohort[name] for name in ("seed", "training", "segmented") if name in cohort},
                  "synthetic cohort: ")  # fmt: skip
    for word, path in _records(workspace, "bmseg_inputs.json"):
        prefix = f"{word}, " if word else ""
        facts += flat(read_record(path), f"{prefix}{path.parent.parent.name}, {path.parent.name}: ")
    return facts


def flat(record: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as dotted names; lists joined, hashes of outputs left to the JSON file."""
    rows = []
    for name, value in record.items():
        if name in ("outputs", "notes", "warnings"):
            continue
        if isinstance(value, dict):
            rows += flat(value, f"{prefix}{name}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            rows.append((f"{prefix}{name}", text))
    return rows


def profiles(workspace: Workspace, models: Sequence[str]) -> list[str]:
    """The profiles by which models were trained, of those of whom it is on record."""
    records = [read_record(path) for _, path in _records(workspace, _TRAINING)]
    known = [record.get("profile") for record in records if record.get("method") in models]
    return list(dict.fromkeys(str(profile) for profile in known if profile))


def _records(workspace: Workspace, name: str) -> Iterator[tuple[str, Path]]:
    """A record of every fold of every model; first the word that sets its networks apart, or none."""
    for word in workspace.variants():
        results = workspace.results_of(word) / workspace.dataset_folder
        yield from ((word, path) for path in sorted(results.glob(f"*/fold_*/{name}")))
