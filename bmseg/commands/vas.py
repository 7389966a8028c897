"""The command that gives the study's Table 2 from scores on a visual analogue scale."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bmseg.commands.options import FILE

if TYPE_CHECKING:
    import pandas as pd

    from bmseg.study import Study
    from evaluation.table import Table

OUTPUTS = ("table2.csv", "table2.md", "table2.html", "contradictions.csv", "provenance.json")


@click.command()
@click.argument("scores_file", metavar="SCORES", type=FILE)
@click.option("--printed", "printed_file", type=FILE, help="CSV of printed means and SDs to check.")
@click.option(
    "--study", "study_file", type=FILE, help="Study file (TOML). [default: von Brandis et al. 2022]"
)
@click.option("-o", "--out", type=FILE, required=True, help="Where results go.")
def vas(scores_file: Path, printed_file: Path | None, study_file: Path | None, out: Path) -> None:
    """Table 2: scores of masks on a visual analogue scale.

    SCORES is a CSV file, a row a mask: mask, if known slices and age, and for each item scored (level1,
    overall) its columns <item>_gt (consensus), <item>_ai (model) and, to be checked, <item>_diff. --printed
    names a CSV file with the column statistic (mean, sd) and any of these columns.
    """
    from bmseg.errors import InputError
    from bmseg.study import DEFAULT_STUDY, load_study
    from evaluation.reading.vas import find_contradictions, vas_table
    from evaluation.reading.vas_scores import ScoreError, read_printed_summary, read_scores

    study_file = study_file or DEFAULT_STUDY
    study = load_study(study_file)
    if study.vas is None:
        raise InputError(f"{study_file}: vas.acceptable_below: found none, expected a score in cm, as 5.0")
    inputs = {"study": study_file, "scores": scores_file} | (
        {"printed": printed_file} if printed_file else {}
    )
    _check_not_overwritten(inputs, out)
    try:
        scores = read_scores(scores_file)
        printed = read_printed_summary(printed_file, scores) if printed_file else None
    except ScoreError as error:
        raise InputError(str(error)) from None
    contradictions = find_contradictions(scores, printed)
    table = vas_table(
        scores,
        study.vas.acceptable_below,
        title=f"{study.title}: visual analogue scale, {len(scores.values)} masks",
        notes=[_count(contradictions)],
    )
    _write(out, study, inputs, table, contradictions)
    click.echo(table.to_markdown())
    for row in contradictions.itertuples():
        click.echo(f"{row.row}, {row.column}: printed {row.printed}, recomputed {row.recomputed:.6g}")
    click.echo(f"results: {out}")


def _check_not_overwritten(inputs: dict[str, Path], out: Path) -> None:
    from bmseg.errors import InputError

    written = {(out / name).resolve() for name in OUTPUTS}
    for path in inputs.values():
        if path.resolve() in written:
            raise InputError(f"{path}: found it among the files to be written; name another folder with -o")


def _count(contradictions: pd.DataFrame) -> str:
    number = len(contradictions)
    what = "number contradicts" if number == 1 else "numbers contradict"
    return f"{number} printed {what} the rows" + (": contradictions.csv." if number else ".")


def _write(
    out: Path, study: Study, inputs: dict[str, Path], table: Table, contradictions: pd.DataFrame
) -> None:
    """Write tables, then the record of what they were made from: it goes first and comes last."""
    from bmseg.outputs import provenance
    from bmseg.outputs.records import write_record
    from dataset_conversion.files import write_text

    texts = {
        "table2.csv": table.to_csv(),
        "table2.md": table.to_markdown(),
        "table2.html": table.to_html(),
        "contradictions.csv": contradictions.to_csv(index=False, float_format="%.6g"),
    }
    (out / "provenance.json").unlink(missing_ok=True)
    for name, text in texts.items():
        write_text(out / name, text)
    record = {
        "versions": provenance.versions(),
        "machine": provenance.machine(),
        "study": study.name,
        "inputs_sha256": {name: provenance.file_hash(path) for name, path in inputs.items()},
        "contradictions": len(contradictions),
        "outputs": {name: provenance.file_hash(out / name) for name in texts},
    }
    write_record(out / "provenance.json", record)
