"""The command that gives the study's Table 2 from scores on a visual analogue scale."""

from __future__ import annotations

from pathlib import Path

import click

from bmseg.commands.options import FILE


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
    from bmseg.reading_room.table2 import write_table2
    from bmseg.study import DEFAULT_STUDY

    made = write_table2(scores_file, printed_file, study_file or DEFAULT_STUDY, out)
    click.echo(made.table.to_markdown())
    for row in made.contradictions.itertuples():
        click.echo(f"{row.row}, {row.column}: printed {row.printed}, recomputed {row.recomputed:.6g}")
    click.echo(f"results: {out}")
