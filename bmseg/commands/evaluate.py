"""The commands that score readers and models: evaluate, and compare for those of a workspace."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bmseg.commands import options
from bmseg.commands.ending import end, end_on_folders
from bmseg.commands.jobs import OF_SHARES, check_unused, job_number, score_on_slurm, slurm_options
from bmseg.commands.options import (
    FILE,
    MILLIMETRES,
    echo_each,
    folders_of,
    labels_of,
    said_again,
    timed,
    workspace_in,
)

_UNITS = click.Choice(["exam", "knee"])
_JOIN = "the same command without --share joins all shares"
_MARGINS = click.FloatRange(0, 1, min_open=True, max_open=True)


def _share(context: click.Context, option: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    one, _, of = text.partition("/")
    if one.isdecimal() and of.isdecimal() and 1 <= int(one) <= int(of):
        return int(one), int(of)
    raise click.BadParameter(f"found '{text}', expected a share of several, as 2/5", context, option)


def _pairs(given: tuple[str, ...], option: str, expected: str) -> list[tuple[str, str]]:
    """Both names of options that are given as such."""
    pairs = []
    for name, equals, other in (pair.partition("=") for pair in given):
        if not (name and equals and other):
            raise click.UsageError(f"{option}: found '{name}{equals}{other}', expected {expected}")
        pairs.append((name, other))
    return pairs


@click.command(cls=options.Repeatable)
@options.workspace
@options.study
@click.option("--reader", "readers", multiple=True, metavar="NAME=FOLDER", help="A reader's masks. Repeat.")
@click.option("--prediction", "models", multiple=True, metavar="NAME=FOLDER", help="A model's masks. Repeat.")
@click.option(
    "--probability", "maps", multiple=True, metavar="NAME=FOLDER",
    help="A model's probability maps: NIfTI with a map a label, nnU-Net's .npz, or a folder an exam. Repeat.",
)  # fmt: skip
@click.option(
    "--taught-by", "taught", multiple=True, metavar="MODEL=READER",
    help="Whose masks a model learned from. Repeat. [default: of a workspace's methods, as on record]",
)  # fmt: skip
@click.option(
    "--seed-of", "seeds", multiple=True, metavar="MODEL=OTHER",
    help="OTHER was trained as MODEL, with another seed. Repeat. [default: a workspace's METHOD_seed2023]",
)  # fmt: skip
@click.option("-o", "--out", type=FILE, help="Where results go. [default: the workspace's]")
@click.option("--synthetic", is_flag=True, help="Say on tables and figures that the cohort is synthetic.")
@click.option(
    "--unit", type=_UNITS, default="exam", show_default=True,
    help="What the fair table and the tests count as one; knees are clustered by exam.",
)  # fmt: skip
@click.option(
    "--margin", type=_MARGINS, help="Loss of Dice that would not matter: tests non-inferiority of models."
)
@click.option("--cohort", type=FILE, help="CSV: exam, patient, site, group, age. [default: the workspace's]")
@click.option(
    "--incomplete", is_flag=True,
    help="Readers may lack exams; each exam counts with those who drew it. [default: as the study]",
)  # fmt: skip
@options.regions
@options.drawn
@options.drawn_slices
@click.option(
    "--ordinal/--nominal", default=None,
    help="Without a study file: labels are levels in rising order, or have none. [default: nominal]",
)  # fmt: skip
@options.map_label
@click.option(
    "--precedence", multiple=True, metavar="NAME",
    help="Where labels overlap in a file or folder, the one named first counts. Repeat.",
)  # fmt: skip
@click.option(
    "--pixel-mm",
    "spacing",
    type=MILLIMETRES,
    help="Size of a pixel of PNG and TIFF: 0.5 or 0.5,0.4 or 0.5,0.4,2.",
)
@click.option(
    "--images",
    type=FILE,
    help="Folder of images, <exam>.nii.gz or <exam>/ of DICOM files, for masks in DICOM SEG and RTSTRUCT.",
)
@click.option(
    "--missing-is-empty", is_flag=True, help="Of folders with a file a label: no file means nothing marked."
)
@click.option(
    "--share", callback=_share, metavar="K/N",
    help="Score every N-th exam from the K-th, in one of several jobs; the same without it joins them.",
)  # fmt: skip
@slurm_options("the exams are shared out to --jobs jobs of a Slurm cluster, and joined here.", job_number)
@click.pass_context
def evaluate(
    context: click.Context,
    root: Path,
    study_file: Path | None,
    readers: tuple[str, ...],
    models: tuple[str, ...],
    maps: tuple[str, ...],
    taught: tuple[str, ...],
    seeds: tuple[str, ...],
    out: Path | None,
    synthetic: bool,
    drawn: tuple[str, ...],
    drawn_slices: Path | None,
    ordinal: bool | None,
    label_map: tuple[str, ...],
    precedence: tuple[str, ...],
    spacing: tuple[float, ...] | None,
    images: Path | None,
    missing_is_empty: bool,
    share: tuple[int, int] | None,
    on: str,
    **given: Any,
) -> None:
    """Build the consensus; score readers and models.

    As usual and fairly, with intervals, tests, agreement, and where models fail. On a workspace: no
    further option. On plain folders of masks, a file an exam or a folder an exam with a file a label:
    --reader and --prediction, each as name=folder, and -o. Without --study labels are those found.
    """
    from bmseg.commands.terminal import on_terminal, show
    from bmseg.scoring.assumed import assume_study
    from bmseg.scoring.drawn import read_drawn
    from bmseg.scoring.evaluate import check_place, evaluate_prepared, score_share
    from bmseg.scoring.evaluation import KEPT_STUDY, refuse_edited
    from bmseg.scoring.masks import Reading
    from bmseg.scoring.prepared import prepare, prepare_workspace
    from bmseg.scoring.published import published_beside, read_published
    from bmseg.scoring.raters import Raters
    from bmseg.scoring.short import in_short, short_table
    from bmseg.scoring.unused import without_effect
    from bmseg.study import DEFAULT_STUDY, load_study
    from bmseg.wording import SYNTHETIC
    from evaluation.statistics.words import plural
    from evaluation.study.drawing import figures_told

    slurm = {name: given.pop(name) for name in OF_SHARES}
    if on == "here":
        check_unused(slurm)
    elif share or not slurm["jobs"]:
        raise click.UsageError("--on slurm needs --jobs, how many share the exams, and no --share of yours")
    if readers:
        options.refuse(context, ("root",), "--reader is of plain folders, without a workspace")
        if out is None:
            raise click.UsageError("--reader needs -o, where results go")
    for given_folders, option in ((models, "--prediction"), (maps, "--probability")):
        if given_folders and not readers:
            raise click.UsageError(f"{option} needs --reader: the readers' masks make the consensus")
    if study_file and ordinal is not None:
        raise click.UsageError("--ordinal and --nominal are for a run without --study: the file says 'scale'")
    reading = Reading(labels_of(label_map), precedence, spacing, images, missing_is_empty)
    if reading != Reading() and not readers:
        raise click.UsageError(
            "--map-label, --precedence, --pixel-mm, --images and --missing-is-empty are for plain folders: "
            "found no --reader"
        )
    folders = folders_of(readers, "--reader"), folders_of(models, "--prediction")
    workspace = None if readers else workspace_in(root, study_file)
    study_text = ""
    if workspace or study_file:
        source = workspace.study_file if workspace else study_file or DEFAULT_STUDY
        study = load_study(source)
    else:
        assert out is not None
        refuse_edited(out)
        assumed = assume_study(*folders, reading, ordinal=ordinal, incomplete=given["incomplete"])
        study, study_text = assumed.study, assumed.text
        source = out / KEPT_STUDY if study_text else DEFAULT_STUDY
        echo_each(assumed.lines)
    published = read_published(study, source)
    teachers: dict[str, list[str]] = {}
    for model, reader in _pairs(taught, "--taught-by", "MODEL=READER"):
        teachers.setdefault(model, []).append(reader)
    if seeds and workspace:
        raise click.UsageError("--seed-of is for plain folders: a workspace's names say it (nnunet_seed2023)")
    seed_of = {other: first for first, other in _pairs(seeds, "--seed-of", "MODEL=OTHER")}
    given["drawn"] = read_drawn(folders_of(drawn, "--drawn"), drawn_slices)
    with timed("evaluate"):
        if workspace:
            prepared = prepare_workspace(workspace, out=out, taught_by=teachers, **given)
        elif out:
            probable = folders_of(maps, "--probability")
            raters = Raters(*folders, taught_by=teachers, probabilities=probable, seed_of=seed_of)
            prepared = prepare(
                study, source, raters, out,
                synthetic=synthetic, reading=reading, study_text=study_text, **given,
            )  # fmt: skip
            unused = without_effect(study, prepared.files, reading)
            echo_each((f"--{option}: {why}" for option, why in unused.items()), "note: ", err=True)
        if share:
            n, earlier = score_share(prepared, *share)
            before = f", {earlier} of them before" if earlier else ""
            click.echo(f"share {share[0]} of {share[1]}: {plural(n, 'exam')} scored{before}; {_JOIN}")
            return
        if on == "slurm":
            check_place(prepared)
            words = ["-w", str(root.absolute())] if workspace else []
            words += said_again(context, without={"root", "on", *OF_SHARES})
            if not score_on_slurm(prepared, ["evaluate", *words], workspace, slurm):
                return
        result = evaluate_prepared(prepared)
    if result.skipped:
        click.echo(f"already made from the same inputs: {result.folder}")
    if result.earlier:
        n = len(result.found.exams)
        click.echo(f"{result.earlier} of {plural(n, 'exam')} had been scored from the same files before")
    echo_each(result.warnings, "warning: ", err=True)
    if on_terminal():
        show(in_short(result.found), short_table(result.found))
    else:
        click.echo(result.table.to_markdown())
        note = SYNTHETIC if result.synthetic else ""
        titles = result.found.titles
        if beside := published_beside(result.summary, published, study.citation, note, titles):
            click.echo(beside.to_markdown())
    echo_each(figures_told(result.found))
    click.echo(f"results: {result.folder}")
    if study_text:
        mapped = (word for pair in label_map for word in ("--map-label", pair))
        said = shlex.join(["--study", str(source), *mapped])
        click.echo(f"what was assumed: {source}; change it there, and go on with {said}")
    if workspace and result.folder.resolve() == workspace.evaluation:
        end(workspace)
    else:
        end_on_folders(result.folder, study_file)


@click.command()
@click.argument("method_names", metavar="[METHOD]...", nargs=-1)
@options.workspace
@click.option(
    "--unit", type=_UNITS,
    help="What the fair table and the tests count as one. [default: as evaluated, or else exam]",
)  # fmt: skip
@click.option("--margin", type=_MARGINS, help="Loss of Dice that would not matter. [default: as evaluated]")
@click.option("--cohort", type=FILE, help="CSV: exam, patient, site, group, age. [default: the workspace's]")
@options.regions
@options.drawn
@options.drawn_slices
def compare(
    method_names: tuple[str, ...], root: Path, drawn: tuple[str, ...], drawn_slices: Path | None, **given: Any
) -> None:
    """Compare methods: beside readers, in pairs, and what they cost.

    Evaluates first where that is not done. Without a METHOD, all that have predictions.
    """
    from bmseg.commands.terminal import on_terminal, show
    from bmseg.scoring.compare import compare_methods
    from bmseg.scoring.drawn import read_drawn
    from bmseg.scoring.short import in_short, short_table

    workspace = workspace_in(root)
    given["drawn"] = read_drawn(folders_of(drawn, "--drawn"), drawn_slices)
    with timed("compare"):
        found = compare_methods(workspace, method_names, **given)
    if found.evaluation.skipped:
        click.echo(f"already made from the same inputs: {workspace.evaluation}")
    echo_each(found.evaluation.warnings, "warning: ", err=True)
    if on_terminal():
        first, *others = (replace(table, notes=[]) for table in found.tables)
        study, chosen = found.evaluation.found, list(dict.fromkeys(first.data.rater))
        every = {*study.models} <= {*chosen}
        said = in_short(study) if every else found.sentences
        show(said, short_table(study, chosen), *others, more=str(workspace.evaluation))
    else:
        click.echo(found.to_markdown())
    click.echo(f"results: {workspace.evaluation}")
    end(workspace)
