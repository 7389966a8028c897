"""The files of an evaluation: tables as CSV, Markdown and HTML, figures as PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bmseg.scoring.exam import EvaluatedExam, of_all
from bmseg.scoring.figures import reader_study_figures
from bmseg.scoring.reader_study import ReaderStudy
from bmseg.study import Study
from dataset_conversion.files import write_text
from evaluation.figures.files import save_figure
from evaluation.figures.scores import dice_boxplot, raters_boxplot
from evaluation.table import Table


def write_tables(
    out: Path, scores: pd.DataFrame, table: Table, done: Sequence[EvaluatedExam], found: ReaderStudy
) -> list[Path]:
    """Write every table of an evaluation; returns the paths."""
    decisions = pd.concat([exam.decisions.assign(exam=exam.name) for exam in done])
    decisions.insert(0, "exam", decisions.pop("exam"))
    texts = {
        "dice.csv": scores.to_csv(index=False, float_format="%.9g"),
        "decision_table.csv": decisions.to_csv(index=False, float_format="%.6f"),
        "table1.csv": table.to_csv(),
        "table1.md": table.to_markdown(),
        "table1.html": table.to_html(),
    }
    for name, frame in found.tables.items():
        texts[f"{name}.csv"] = frame.to_csv(index=False, float_format="%.9g")
    for name, printed in found.printed.items():
        texts |= {f"{name}.md": printed.to_markdown(), f"{name}.html": printed.to_html()}
    for name, sentences in found.words.items():
        texts[f"{name}.md"] = "".join(f"- {sentence}\n" for sentence in sentences)
    for name, text in texts.items():
        write_text(out / name, text)
    return [out / name for name in texts]


def write_figures(
    folder: Path,
    study: Study,
    scores: pd.DataFrame,
    done: Sequence[EvaluatedExam],
    found: ReaderStudy,
    *,
    readers: Sequence[str],
    models: Sequence[str],
    note: str,
) -> list[Path]:
    """Draw every figure of an evaluation; returns the paths."""
    colors = {level.name: level.color for level in study.levels}
    reference = reference_of(readers)
    figures = {
        f"dice_{model}": dice_boxplot(scores, rater=model, colors=colors, reference=reference, note=note)
        for model in models
    }
    figures["dice_raters"] = raters_boxplot(scores, models=list(models), note=note)
    figures |= dict(reader_study_figures(study, found.tables, of_all(done, "unit_scores"), models, note))
    return [path for name, figure in figures.items() for path in save_figure(figure, folder, name)]


def reference_of(readers: Sequence[str]) -> str:
    """What raters are scored against, in words: a single reader makes no consensus."""
    return "the consensus" if len(readers) > 1 else readers[0]
