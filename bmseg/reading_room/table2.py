"""The study's Table 2 on disk, from scores on a visual analogue scale."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bmseg.errors import InputError
from bmseg.outputs import PROVENANCE, Output, provenance
from bmseg.study import load_study
from evaluation.reading.vas import find_contradictions, vas_table
from evaluation.reading.vas_scores import ScoreError, read_printed_summary, read_scores
from evaluation.statistics.words import plural
from evaluation.table import Table

TABLES = ("table2.csv", "table2.md", "table2.html", "contradictions.csv")


@dataclass(frozen=True)
class Table2:
    """Table 2, and the printed numbers that contradict the scores, as `find_contradictions` finds them."""

    table: Table
    contradictions: pd.DataFrame


def write_table2(scores_file: Path, printed_file: Path | None, study_file: Path, out: Path) -> Table2:
    """Make Table 2 of a file of scores, and hold what was printed against it.

    Files are those of `evaluation.reading.vas_scores.read_scores` and `read_printed_summary`; `TABLES` and
    provenance.json go to `out`. An InputError when the study has no scale, a file is not as it should be,
    or would be written over.
    """
    study = load_study(study_file)
    if study.vas is None:
        raise InputError(f"{study_file}: vas.acceptable_below: found none, expected a score in cm, as 5.0")
    inputs = {"study": study_file, "scores": scores_file}
    inputs |= {"printed": printed_file} if printed_file else {}
    written = {(out / name).resolve() for name in (*TABLES, PROVENANCE)}
    for path in inputs.values():
        if path.resolve() in written:
            raise InputError(f"{path}: found it among the files to be written; name another folder with -o")
    try:
        scores = read_scores(scores_file)
        printed = read_printed_summary(printed_file, scores) if printed_file else None
    except ScoreError as error:
        raise InputError(str(error)) from None
    contradictions = find_contradictions(scores, printed)
    title = f"{study.title}: visual analogue scale, {plural(len(scores.values), 'mask')}"
    notes = [_count(len(contradictions))]
    table = vas_table(scores, study.vas.acceptable_below, title=title, notes=notes)
    texts = (
        table.to_csv(),
        table.to_markdown(),
        table.to_html(),
        contradictions.to_csv(index=False, float_format="%.6g"),
    )
    files = {name: provenance.file_hash(path) for name, path in inputs.items()}
    with Output(out, "bmseg vas").replaced({"study": study.name, "files_sha256": files}) as made:
        for name, text in zip(TABLES, texts, strict=True):
            made.write(name, text)
        made.facts["contradictions"] = len(contradictions)
    return Table2(table, contradictions)


def _count(contradictions: int) -> str:
    what = "number contradicts" if contradictions == 1 else "numbers contradict"
    return f"{contradictions} printed {what} the rows" + (": contradictions.csv." if contradictions else ".")
