"""The commands of the reading room: build the page, unblind the scores."""

from __future__ import annotations

from pathlib import Path

import click

from bmseg.commands.options import (
    FILE,
    InOrder,
    folders_of,
    seed_option,
    study_option,
    timed,
    workspace_option,
)


@click.group("reading-room", cls=InOrder)
def reading_room() -> None:
    """A blinded page on which readers score masks."""


@reading_room.command("build")
@workspace_option
@study_option
@click.option(
    "--model", "models", multiple=True, metavar="METHOD", help="Whose masks. Repeat. [default: all]"
)
@click.option("--images", type=FILE, help="Plain folders instead of a workspace: images.")
@click.option("--consensus", type=FILE, help="With --images: masks of the readers' consensus.")
@click.option(
    "--prediction", "predictions", multiple=True, metavar="NAME=FOLDER",
    help="With --images: a model's masks. Repeat.",
)  # fmt: skip
@click.option("--cohort", type=FILE, help="With --images: CSV with exam and age, for Table 2.")
@click.option("--synthetic", is_flag=True, help="With --images: say that the cohort is synthetic.")
@click.option("--channel", help="Which image is shown. [default: the study's first]")
@seed_option
@click.option("-o", "--out", type=FILE, help="Where it goes. [default: the workspace's reading_room]")
def build(
    root: Path,
    study_file: Path | None,
    models: tuple[str, ...],
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

    if images is None:
        if consensus or predictions or cohort or synthetic:
            raise click.UsageError("--consensus, --prediction, --cohort, --synthetic: only with --images")
        workspace, study = open_workspace(root, study_file)
        source = workspace.study_file
        shown = workspace_shown(workspace, models, channel)
        out = out or workspace.reading_room
    else:
        if consensus is None or out is None or not predictions:
            raise click.UsageError("--images needs --consensus, --prediction and -o")
        if models:
            raise click.UsageError("--model: only in a workspace; with --images use --prediction NAME=FOLDER")
        source = study_file or DEFAULT_STUDY
        study = load_study(source)
        shown = folders_shown(
            study, images, consensus, folders_of(predictions, "--prediction"),
            channel=channel, cohort=cohort, synthetic=synthetic,
        )  # fmt: skip
    with timed("reading-room build"):
        written = build_room(study, source, shown, out, seed=seed)
    if not written:
        click.echo("already made from the same inputs")
    click.echo(f"{shown.number} masks of {len(shown.images)} exams: {', '.join(shown.masks)}")
    if shown.left_out:
        click.echo(f"{len(shown.left_out)} images without masks are not shown: {', '.join(shown.left_out)}")
    page = out / PAGE_FILE
    click.echo(f"for readers: {page} ({page.stat().st_size / 1e6:.1f} MB)")
    click.echo(f"key, not for readers: {out / KEY_FILE}")


@reading_room.command("unblind")
@click.argument("key_file", metavar="KEY", type=FILE)
@click.argument("score_files", metavar="SCORES...", type=FILE, nargs=-1, required=True)
@click.option("--unfinished", is_flag=True, help="Take missing scores as empty cells.")
@click.option("-o", "--out", type=FILE, required=True, help="Where results go.")
def unblind(key_file: Path, score_files: tuple[Path, ...], unfinished: bool, out: Path) -> None:
    """Join SCORES, the files that readers saved, with KEY; write tables for bmseg vas.

    Of two or more readers who scored alone, also their mean and intraclass correlations.
    """
    from bmseg.reading_room.unblind import write_unblinded
    from bmseg.wording import command

    found = write_unblinded(key_file, score_files, out, unfinished=unfinished)
    for reader, rows in found.answers.groupby("reader", sort=False):
        given = rows.score.notna().sum()
        click.echo(f"{reader} ({rows.reading.iloc[0]}): {given} of {len(rows)} scores")
    if found.n_missing:
        click.echo(f"warning: {found.n_missing} scores are missing: empty cells", err=True)
    if len(found.comments):
        click.echo(f"{len(found.comments)} comments: {out / 'comments.csv'}")
    if found.agreement:
        click.echo(found.agreement.to_markdown())
    for name in found.vas_tables:
        table = out / name
        table2 = out / f"table2_{table.stem.removeprefix('vas_')}"
        click.echo(f"Table 2: {command('vas', table, '-o', table2)}")
