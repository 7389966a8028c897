"""The report's part on the reader study: what the tables of an evaluation say, as parts of a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from bmseg.scoring.files import reference_of
from bmseg.scoring.reader_study import METHODS, NAMES
from evaluation.comparison.verdicts import reach_readers, verdicts
from evaluation.table import Table


@dataclass(frozen=True)
class Part:
    """One section of the page.

    Parameters
    ----------
    title : str
    text : str
        What the reader should know before looking.
    figures : list of (Path, str, str)
        Figure, its caption, and its width: "column" or "wide".
    tables : list of Markup
    sentences : list of str
        Behind a click.
    headlines : list of str
        Sentences that everybody should see.
    """

    title: str
    text: str
    figures: list[tuple[Path, str, str]]
    tables: list[Markup]
    sentences: list[str]
    headlines: list[str] = field(default_factory=list)


def study_parts(out: Path, record: dict[str, Any], costs: Table | None = None) -> list[Part]:
    """The sections of an evaluation's folder; fewer where it has fewer readers, models or facts.

    Parameters
    ----------
    out : Path
    record : dict
        Its provenance.
    costs : Table, optional
        Of `bmseg.scoring.costs.costs`, where methods of a workspace are compared.
    """
    methods = [_methods(out, record, costs)] if len(record["models"]) > 1 else []
    if len(record["readers"]) < 2:
        return [*methods, _where_it_fails(out, record)]
    parts = [_fair(out), *methods, _comparisons(out, record), _agreement(out)]
    parts += [_where_it_fails(out, record), _volumes(out, record), _sensitivity(out)]
    return [part for part in parts if part.figures or part.tables]


def _fair(out: Path) -> Part:
    return Part(
        "The fair comparison",
        "In the usual table a reader is scored against a consensus that holds the reader's own mask, and a "
        "model is not. Here every reader meets the consensus of the others, and every model those same "
        "consensuses, so that all are measured by the same yardsticks.",
        [_figure(out, "fair_against_usual", "Mean Dice the usual way and the fair way.", "column")],
        [_html(out, "table1_fair")],
        [],
    )


def headlines(out: Path, record: dict[str, Any]) -> list[str]:
    """Which of the models is better, a sentence or two a pair; none with one model."""
    return verdicts(_read(out, METHODS)) if len(record["models"]) > 1 else []


def _methods(out: Path, record: dict[str, Any], costs: Table | None) -> Part:
    reference = reference_of(record["readers"])
    return Part(
        "Methods compared",
        f"Every pair of models on the same exams, against {reference}, in which no model has a part. What is "
        "called shown holds when all pairs and levels are tested together (Holm).",
        [_figure(out, METHODS, f"Differences of Dice between models against {reference}.", "column")],
        [_html(out, METHODS), *([Markup(costs.to_html())] if costs else [])],
        _sentences(out, f"{METHODS}_in_words")[len(headlines(out, record)) :],
        headlines(out, record),
    )


def _comparisons(out: Path, record: dict[str, Any]) -> Part:
    figures = [
        _figure(out, f"comparisons_{model}", f"Dice of {model} minus that of each reader, fair.", "column")
        for model in record["models"]
    ]
    return Part(
        "Models against readers",
        "Paired by exam, by the fair scores: Hodges-Lehmann differences with their intervals, exact Wilcoxon "
        "tests, Holm's adjustment over all readers on a level.",
        figures,
        [],
        _sentences(out, "comparisons"),
        reach_readers(_read(out, "comparisons")) if record["models"] else [],
    )


def _agreement(out: Path) -> Part:
    chance = _read(out, "agreement_chance").assign(
        voxels=lambda t: t.voxels.map({"union": "marked by a reader", "volume": "whole volume"}),
        measure=lambda t: t.measure.map(
            {"alpha": "Krippendorff's alpha (ordinal)", "kappa": "Fleiss' kappa"}
        ),
    )
    rates = _read(out, "reader_rates")
    return Part(
        "Agreement of readers",
        "Alpha and kappa on the voxels that a reader marked leave out what all agree to be nothing, so "
        "chance is not 0 there; on the whole volume they rise with the share of background. Neither alone "
        "is right. Sensitivity and specificity are STAPLE's estimates.",
        [_figure(out, "agreement", "Dice of every pair of raters, mean over exams.", "column")],
        [
            _table("Beyond chance, mean over exams", chance, ["voxels", "measure"]),
            _table("Readers as STAPLE sees them, mean over exams", rates, ["level", "rater", "measure"], 3),
        ],
        [],
    )


def _where_it_fails(out: Path, record: dict[str, Any]) -> Part:
    figures, tables = [], []
    for model in record["models"]:
        figures.append(
            _figure(out, f"volume_{model}", f"Dice of {model} against the volume of the reference.", "column")
        )
        figures.append(
            _figure(
                out,
                f"slices_{model}",
                f"Dice and false volume of {model} along the slices, readers grey.",
                "column",
            )
        )
    for name, title, keys in (
        (
            "errors_summary",
            "False-positive and false-negative volume, ml an exam",
            ["rater", "level", "error"],
        ),
        ("slices_peripheral_central", "Outer quarters against the inner half", ["rater", "level"]),
        ("dice_by_category", "Dice by site and group", ["rater", "level", "column", "category"]),
        ("dice_against_age", "Dice against age (Spearman)", ["rater", "level"]),
    ):
        if (out / f"{name}.csv").is_file():
            found = _read(out, name)
            shown = found[found.rater.isin(record["models"])] if record["models"] else found
            tables.append(_table(title, shown, keys))
    return Part(
        "Where it fails",
        "Dice against the volume of the reference and along the slices; by site, group and age where the "
        "cohort's table names them.",
        figures,
        tables,
        [],
    )


def _volumes(out: Path, record: dict[str, Any]) -> Part:
    figures = [
        _figure(out, f"bland_altman_{model}", f"Volumes of {model} against the consensus.", "column")
        for model in record["models"]
    ]
    tables = []
    if (out / "volumes_icc.csv").is_file():
        icc = _read(out, "volumes_icc")
        tables.append(_table("Intraclass correlation of the readers' volumes", icc, ["level"]))
    return Part("Volumes", "Bland-Altman: difference against mean, a point an exam.", figures, tables, [])


def _sensitivity(out: Path) -> Part:
    return Part(
        "The same table by other consensuses",
        "Median (mean) Dice when the consensus is made by another rule, and how the order of raters changes; "
        "the study's own rule is starred.",
        [],
        [_html(out, "sensitivity")],
        [],
    )


def _figure(out: Path, name: str, caption: str, width: str) -> tuple[Path, str, str]:
    return out / "figures" / f"{name}.svg", caption, width


def _sentences(out: Path, name: str) -> list[str]:
    """The sentences of a file that holds one a line; none where there is no file."""
    words = out / f"{name}.md"
    lines = words.read_text(encoding="utf-8").splitlines() if words.is_file() else []
    return [line.removeprefix("- ") for line in lines]


def _html(out: Path, name: str) -> Markup:
    return Markup((out / f"{name}.html").read_text(encoding="utf-8"))


def _read(out: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(out / f"{name}.csv", dtype=NAMES)


def _table(title: str, found: pd.DataFrame, keys: list[str], decimals: int = 2) -> Markup:
    """A DataFrame as the page's table: names as they are, numbers rounded."""
    numbers = [name for name in found if name not in keys]
    rows = [
        [*(str(row[key]) for key in keys), *(_number(name, row[name], decimals) for name in numbers)]
        for row in found.to_dict("records")
    ]
    heads = [name.replace("_", " ") for name in [*keys, *numbers]]
    return Markup(Table(title, heads, rows, [], found).to_html())


def _number(name: str, value: Any, decimals: int) -> str:
    if isinstance(value, float) and name in ("p", "p_holm"):
        return "< 0.001" if value < 0.001 else "–" if pd.isna(value) else f"{value:.3f}"
    if isinstance(value, float):
        return "–" if pd.isna(value) else f"{value:.{decimals}f}"
    return str(value)
