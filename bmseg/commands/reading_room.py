"""The commands for and about readers: the reading room's page and its scores, the atlas, Table 2."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from bmseg.commands import options
from bmseg.commands.ending import end, end_in
from bmseg.commands.options import FILE, InOrder, echo_each, folders_of, progress, timed, workspace_in


@click.group("reading-room", cls=InOrder)
def reading_room() -> None:
    """A blinded page on which readers score masks."""


@reading_room.command("build")
@options.workspace
@options.study
@click.option(
    "--model", "models", multiple=True, metavar="METHOD", help="Whose masks. Repeat. [default: all]"
)
@click.option("--yardstick", is_flag=True, help="Show the yardstick in place of the study's own consensus.")
@click.option("--images", type=FILE, help="Plain folders instead of a workspace: images.")
@click.option("--consensus", type=FILE, help="With --images: masks of the readers' consensus.")
@click.option(
    "--prediction", "predictions", multiple=True, metavar="NAME=FOLDER",
    help="With --images: a model's masks. Repeat.",
)  # fmt: skip
@click.option("--cohort", type=FILE, help="With --images: CSV with exam and age, for Table 2.")
@click.option("--synthetic", is_flag=True, help="With --images: say that the cohort is synthetic.")
@click.option("--channel", help="Which image is shown. [default: the study's first]")
@options.seed
@click.option("-o", "--out", type=FILE, help="Where it goes. [default: the workspace's reading_room]")
def build(
    root: Path,
    study_file: Path | None,
    models: tuple[str, ...],
    yardstick: bool,
    images: Path | None,
    consensus: Path | None,
    predictions: tuple[str, ...],
    cohort: Path | None,
    synthetic: bool,
    channel: str | None,
    seed: int,
    out: Path | None,
) -> None:
    """Write one HTML page with the masks of consensus and models in random order.

    Give readers the folder for_readers and nothing else. key.json says whose the masks are: keep it. The page
    opens from disk in any browser, needs no network, and saves a file of scores.
    """
    from bmseg.reading_room.build import KEY_FILE, PAGE_FILE
    from bmseg.reading_room.build import build as build_room
    from bmseg.reading_room.shown import folders_shown, workspace_shown
    from bmseg.study import DEFAULT_STUDY, load_study
    from bmseg.workspace import open_workspace
    from evaluation.statistics.words import plural

    if images is None:
        if consensus or predictions or cohort or synthetic:
            raise click.UsageError("--consensus, --prediction, --cohort, --synthetic: only with --images")
        workspace, study = open_workspace(root, study_file)
        source = workspace.study_file
        shown = workspace_shown(workspace, models, channel, yardstick=yardstick)
        out = out or workspace.reading_room
    else:
        if consensus is None or out is None or not predictions:
            raise click.UsageError("--images needs --consensus, --prediction and -o")
        if models or yardstick:
            raise click.UsageError(
                "--model, --yardstick: only in a workspace; with --images use --prediction NAME=FOLDER and "
                "the masks to be shown as --consensus"
            )
        source = study_file or DEFAULT_STUDY
        study = load_study(source)
        shown = folders_shown(
            study, images, consensus, folders_of(predictions, "--prediction"),
            channel=channel, cohort=cohort, synthetic=synthetic,
        )  # fmt: skip
    with timed("reading-room build"), progress("reading room", len(shown.images) + 1) as step:
        written = build_room(study, source, shown, out, seed=seed, step=step)
    if not written:
        click.echo("already made from the same inputs")
    click.echo(
        f"{plural(shown.number, 'mask')} of {plural(len(shown.images), 'exam')}: {', '.join(shown.masks)}"
    )
    if shown.rule:
        click.echo(f"consensus by the rule {shown.rule}" + (", the yardstick's" if yardstick else ""))
    if shown.left_out:
        click.echo(
            f"not shown, without masks: {plural(len(shown.left_out), 'image')}: {', '.join(shown.left_out)}"
        )
    page = out / PAGE_FILE
    click.echo(f"for readers: {page} ({page.stat().st_size / 1e6:.1f} MB)")
    click.echo(f"key, not for readers: {out / KEY_FILE}")
    if images is None:
        end(workspace)


@reading_room.command("unblind")
@click.argument("key_file", metavar="KEY", type=FILE)
@click.argument("score_files", metavar="SCORES...", type=FILE, nargs=-1, required=True)
@click.option("--unfinished", is_flag=True, help="Take missing scores as empty cells.")
@options.results
def unblind(key_file: Path, score_files: tuple[Path, ...], unfinished: bool, out: Path) -> None:
    """Join SCORES, the files that readers saved, with KEY; write tables for bmseg vas.

    Of two or more readers who scored alone, also their mean and intraclass correlations.
    """
    from bmseg.reading_room.unblind import write_unblinded
    from bmseg.wording import command
    from evaluation.statistics.words import plural

    found = write_unblinded(key_file, score_files, out, unfinished=unfinished)
    for reader, rows in found.answers.groupby("reader", sort=False):
        given = rows.score.notna().sum()
        click.echo(f"{reader} ({rows.reading.iloc[0]}): {given} of {len(rows)} scores")
    if found.n_missing:
        click.echo(f"warning: missing, as empty cells: {plural(found.n_missing, 'score')}", err=True)
    if len(found.comments):
        click.echo(f"{plural(len(found.comments), 'comment')}: {out / 'comments.csv'}")
    if found.agreement:
        click.echo(found.agreement.to_markdown())
    for name in found.vas_tables:
        table = out / name
        table2 = out / f"table2_{table.stem.removeprefix('vas_')}"
        click.echo(f"Table 2: {command('vas', table, '-o', table2)}")
    # The key lies in the reading room of a workspace, which shows Table 2.
    end_in(key_file.resolve().parent.parent)


@click.command()
@options.workspace
@options.study
@click.option(
    "--exams", "named", metavar="EXAM,EXAM", help="Training exams to show. [default: chosen by age and level]"
)
@click.option("--knees", "number", type=click.IntRange(1, 100), help="How many to choose. [default: 10]")
@click.option(
    "--unit", type=click.Choice(["exam", "knee"]),
    help="What a row shows. [default: knee where most exams are marked on both sides]",
)  # fmt: skip
@click.option("--channel", metavar="NAME", help="Whose images. [default: the study's first]")
@options.seed
@click.option("--safe-colors", is_flag=True, help="Colours that colour-blind readers can tell apart.")
@click.option("-o", "--out", type=FILE, help="Where it goes. [default: the workspace's atlas]")
def atlas(
    root: Path,
    study_file: Path | None,
    named: str | None,
    number: int | None,
    unit: Literal["exam", "knee"] | None,
    channel: str | None,
    seed: int,
    safe_colors: bool,
    out: Path | None,
) -> None:
    """Make the reference atlas: each level's range, for readers to calibrate by.

    Of training exams alone, as one HTML page and as PDF: image, mask, image with mask; several windows; all
    by age. Asking for a test exam is refused.
    """
    from bmseg.atlas.build import build_atlas
    from bmseg.atlas.made import HTML, PDF, AtlasOptions
    from bmseg.wording import synthetic_notes
    from evaluation.statistics.words import plural

    if named is not None and number is not None:
        raise click.UsageError("found --exams and --knees, expected one of them")
    exams = tuple(part.strip() for part in named.split(",")) if named is not None else ()
    if named is not None and not all(exams):
        raise click.UsageError(f"--exams: found '{named}', expected exams as knee_003,knee_007")
    workspace = workspace_in(root, study_file)
    chosen = AtlasOptions(exams, number or 10, unit, seed, safe_colors)
    out = out or workspace.atlas
    with timed("atlas"):
        made = build_atlas(workspace, chosen, out, channel=channel)
    if made["already"]:
        click.echo("already made from the same exams and options")
    for knee in made["knees"]:
        click.echo(f"{knee['label']}: {knee['exam']}")
    echo_each([*made["words"], *synthetic_notes(made["synthetic"])])
    click.echo(f"atlas: {out / HTML}, {out / PDF} ({plural(made['pages'], 'page')})")
    end(workspace, out / HTML)


@click.command()
@click.argument("scores_file", metavar="SCORES", type=FILE)
@click.option("--printed", "printed_file", type=FILE, help="CSV of printed means and SDs to check.")
@click.option(
    "--study", "study_file", type=FILE, help="Study file (TOML). [default: von Brandis et al. 2022]"
)
@options.results
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
