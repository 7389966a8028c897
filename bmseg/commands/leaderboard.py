"""The commands of an organiser: make a board, add to it, rank it, publish it, prove it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bmseg.commands import options
from bmseg.commands.ending import end_board
from bmseg.commands.options import FILE, InOrder, echo_each, folders_of, timed, together, workspace_in

if TYPE_CHECKING:
    from bmseg.leaderboard.board import Board
    from bmseg.leaderboard.scoring import Reference
    from bmseg.workspace import Workspace


@click.group(cls=InOrder)
def leaderboard() -> None:
    """A challenge's board: submissions scored like the readers, a ranking that says how sure it is.

    A board is a folder of plain files, by default <workspace>/leaderboard: init makes it from the workspace's
    test exams, add takes a submission, build makes the page, verify derives every number again.
    """


board_options = together(
    options.workspace,
    click.option(
        "--board", "board_folder", type=FILE, help="The board's folder. [default: <workspace>/leaderboard]"
    ),
)


@leaderboard.command()
@board_options
@click.option("--overlays", is_flag=True, help="Show worst exams with the consensus: it is then public.")
@click.option(
    "--viewer", is_flag=True, help="Show every test exam whole, with the consensus: both are then public."
)
@click.option("--title", help="Of the challenge. [default: the study's]")
@click.option(
    "--measure",
    "measures",
    multiple=True,
    metavar="NAME",
    help="Rank every level by it too, beside Dice, as hd95 or nsd@readers. Repeat.",
)
def init(
    root: Path,
    board_folder: Path | None,
    overlays: bool,
    viewer: bool,
    title: str | None,
    measures: tuple[str, ...],
) -> None:
    """Make a board of the workspace's test exams and score the readers.

    Rules stand in its challenge.toml, to be edited; a board that is there is kept. Scores by measures that
    stand in its weights since, and tolerances for them, are added from masks that are at hand.
    """
    from bmseg.leaderboard.board import Board
    from bmseg.leaderboard.challenge import default_challenge
    from bmseg.leaderboard.completing import complete
    from bmseg.leaderboard.making import init_board, tolerances_told
    from bmseg.leaderboard.scoring import Reference
    from bmseg.workspace import kept_study, open_workspace
    from evaluation.statistics.words import plural
    from evaluation.study.patients import patients_in

    workspace, study = open_workspace(root)
    reference = Reference.of(study, workspace.readers(), workspace.test_exams())
    patients = patients_in(workspace.dataset.cohort(), list(reference.files))
    reference = replace(reference, patients=dict(patients.itertuples(index=False)))
    challenge = default_challenge(
        study, synthetic=workspace.is_synthetic, overlays=overlays, viewer=viewer,
        title=title, n_readers=len(reference.readers), measures=measures,
    )  # fmt: skip
    with timed("leaderboard init"):
        board, made = init_board(
            board_folder or workspace.leaderboard, challenge, kept_study(workspace.root), reference
        )
    if added := [] if made else complete(board, reference):
        click.echo(f"{board.root}: scores that it did not have were added for {', '.join(added)}")
        board = Board.open(board.root)
    if not made and (new := [name for name in measures if name not in board.challenge.ranking.measures]):
        click.echo(
            f"{board.root}: kept as it is, and {', '.join(new)} is not in its weights; put tasks such as "
            f'"{study.levels[0].name} {new[0]}" = 1.0 into challenge.toml, then run init again'
        )
    echo_each([*board.contract.unsure, *board.contract.patients_told, *tolerances_told(board.contract)])
    exams, readers = plural(len(board.contract.exams), "test exam"), ", ".join(reference.readers)
    click.echo(f"{board.root}: {'made' if made else 'there already'}, {exams}, {readers}")
    end_board(root, board)


@leaderboard.command()
@click.argument("team")
@click.argument("source", metavar="SUBMISSION", type=FILE)
@board_options
@click.option("--title", default="", help="One line that tells a team's submissions apart.")
@click.option("--method", default="", help="What made the masks, in a line.")
@click.option("--description", default="", help="More about it.")
@click.option("--url", default="", help="Where to read about it.")
@click.option("--version", default="", help="Of the method, in the team's own words.")
@click.option("--parameters", type=click.IntRange(min=1), help="Of the network. [default: as on record]")
@click.option(
    "--seconds-per-exam",
    type=click.FloatRange(min=0, min_open=True),
    help="What a prediction takes. [default: as on record, of the workspace's own methods]",
)
@click.option(
    "--taught-by", "taught", multiple=True, metavar="READER",
    help="Whose masks taught it. Repeat. [default: of a workspace's methods, as on record]",
)  # fmt: skip
def add(
    team: str, source: Path, root: Path, board_folder: Path | None, taught: tuple[str, ...], **about: Any
) -> None:
    """Check, score and add TEAM's SUBMISSION: a folder or ZIP of one <exam>.nii.gz for each test exam.

    The same masks of a team are added once. Nothing of a submission is executed.
    """
    from bmseg.leaderboard.adding import add_submission
    from bmseg.leaderboard.entries import Description
    from bmseg.scoring.costs import cost_in
    from bmseg.scoring.lineage import teachers_in

    board, reference = _with_masks(root, board_folder)
    known = cost_in(root, source)
    about |= {name: value for name, value in known.items() if about[name] is None}
    described = Description.model_construct(None, **about)
    taught = taught or tuple(teachers_in(root, source))
    added = add_submission(board, team, source, reference, about=described, taught_by=taught)
    echo_each(added.notices, "note: ", err=True)
    click.echo(f"{added.entry.key}: {'added' if added.is_new else 'there already, nothing changed'}")
    end_board(root, board)


@leaderboard.command()
@click.argument("submission", metavar="TEAM/SUBMISSION")
@board_options
@click.option("--reason", default="", help="Shown on the page.")
def withdraw(submission: str, root: Path, board_folder: Path | None, reason: str) -> None:
    """Take a submission out of the ranking; its record, scores and history stay."""
    from bmseg.leaderboard import adding

    board = opened(root, board_folder)
    entry, changed = adding.withdraw(board, submission, reason)
    click.echo(f"{entry.key}: {'withdrawn' if changed else 'withdrawn already, nothing changed'}")
    end_board(root, board)


@leaderboard.command()
@click.argument("submission", metavar="TEAM/SUBMISSION")
@board_options
@click.option("--reason", default="", help="Kept in its history.")
def reinstate(submission: str, root: Path, board_folder: Path | None, reason: str) -> None:
    """Take a withdrawn submission back into the ranking."""
    from bmseg.leaderboard import adding

    board = opened(root, board_folder)
    entry, changed = adding.reinstate(board, submission, reason)
    click.echo(f"{entry.key}: {'reinstated' if changed else 'not withdrawn, nothing changed'}")
    end_board(root, board)


@leaderboard.command()
@board_options
@options.seed
def simulate(root: Path, board_folder: Path | None, seed: int) -> None:
    """Add simulated teams, made from the consensus by named perturbations and marked as simulated."""
    from bmseg.leaderboard.simulated import add_simulated_teams

    board, reference = _with_masks(root, board_folder)
    with timed("leaderboard simulate"):
        for added in add_simulated_teams(board, reference, seed=seed):
            state = "added" if added.is_new else "there already"
            click.echo(f"{added.entry.key}: {state} ({added.entry.about.method})")
    end_board(root, board)


@leaderboard.command()
@board_options
@click.option(
    "--as-of", "as_of", default="", metavar="DAY",
    help="As it stood at the end of a day (UTC, as 2026-11-29), by its ledger: into site-DAY.",
)  # fmt: skip
def build(root: Path, board_folder: Path | None, as_of: str) -> None:
    """Rank the board and write its page: a folder that opens from disk and from any web host."""
    from bmseg.commands.terminal import led_by, on_terminal, show
    from bmseg.leaderboard.publish import NAMED, publish, verdicts_of

    board, workspace, reference = _with_workspace(root, board_folder)
    with timed("leaderboard build"):
        table, written = publish(board, workspace, reference, as_of=as_of)
    if on_terminal():
        said = verdicts_of(table)
        rest = [note for note in table.notes if note not in said]
        show(said, led_by(replace(table, notes=rest), NAMED), more=str(board.site_of(as_of) / "index.html"))
    else:
        click.echo(table.to_markdown())
    state = "written" if written else "made from the same results already"
    click.echo(f"{board.site_of(as_of) / 'index.html'}: {state}")
    end_board(root, board, board.site_of(as_of))


@leaderboard.command()
@board_options
def verify(root: Path, board_folder: Path | None) -> None:
    """Derive every number again: from masks where they are at hand, from the files, down to the page."""
    from bmseg.errors import WorkError
    from bmseg.leaderboard.verification import in_one_line
    from bmseg.leaderboard.verify import verify as derive
    from evaluation.statistics.words import plural

    board, _, reference = _with_workspace(root, board_folder)
    found = derive(board, reference, drawings=True)
    echo_each(found.notices, "note: ", err=True)
    if found.differences:
        raise WorkError(
            f"{board.root}: found {plural(len(found.differences), 'difference')}, expected none: "
            + in_one_line(found.differences)
        )
    click.echo(
        f"{board.root}: verified: {found.n_scores} scores follow from their counts; "
        f"{plural(found.n_entries, 'submission')} and {plural(len(board.readers), 'reader')}, "
        f"{plural(found.n_from_masks, 'table')} of scores derived again from masks; {found.n_files} files of "
        "the site are what the results give"
    )


@leaderboard.command("list")
@board_options
def list_(root: Path, board_folder: Path | None) -> None:
    """List the board's submissions, oldest first."""
    for entry in opened(root, board_folder).entries():
        last = entry.history[-1]
        simulated = ", simulated" if entry.simulated else ""
        click.echo(f"{entry.key}  {last.event} {last.date[:16]}Z  {entry.about.title}{simulated}")


def opened(root: Path, board_folder: Path | None) -> Board:
    """The board in a folder, or that of the workspace."""
    from bmseg.leaderboard.board import Board

    return Board.open(board_folder or workspace_in(root).leaderboard)


def masks_of_readers(root: Path, readers: tuple[str, ...] = ()) -> dict[str, Path]:
    """Reader to folder: as given by --reader, or those of the workspace."""
    return folders_of(readers, "--reader") or workspace_in(root).readers()


def _with_masks(root: Path, board_folder: Path | None) -> tuple[Board, Reference]:
    """The board, and the readers' masks that it was made with."""
    board = opened(root, board_folder)
    reference = _reference(board, root)
    board.check_reference(reference)
    return board, reference


def _with_workspace(
    root: Path, board_folder: Path | None
) -> tuple[Board, Workspace | None, Reference | None]:
    """The board, and where there is one the workspace with the readers' masks of its test exams."""
    from bmseg.workspace import kept_study

    board = opened(root, board_folder)
    if not kept_study(root).is_file():
        return board, None, None
    return board, workspace_in(root), _reference(board, root)


def _reference(board: Board, root: Path) -> Reference:
    from bmseg.leaderboard.scoring import Reference

    return Reference.of(board.study, masks_of_readers(root), list(board.contract.exams))
