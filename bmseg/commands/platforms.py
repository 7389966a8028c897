"""The commands that write a scoring bundle for a platform."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bmseg.commands.leaderboard import board_options, masks_of_readers, opened
from bmseg.commands.options import FILE

if TYPE_CHECKING:
    from bmseg.leaderboard.board import Board

Readers = dict[str, Path]
DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def bundle() -> None:
    """Write a scoring bundle for a platform; it gives exactly the board's numbers.

    The bundle holds the readers' masks: it is the organiser's, and no participant may have it.
    """


def with_board(command: Callable[..., None]) -> Callable[..., None]:
    """Add --workspace, --board, --reader and --out; the command gets the board and the readers' folders."""

    @wraps(command)
    def opening(root: Path, board_folder: Path | None, readers: tuple[str, ...], **options: Any) -> None:
        command(opened(root, board_folder), masks_of_readers(root, readers), **options)

    out = click.option("-o", "--out", type=FILE, required=True, help="Folder for the bundle.")
    reader = click.option(
        "--reader", "readers", multiple=True, metavar="NAME=FOLDER",
        help="A reader's masks, where there is no workspace. Repeat.",
    )  # fmt: skip
    return board_options(reader(out(opening)))


@bundle.command()
@with_board
@click.option("--docker-image", required=True, help="The name under which you publish the scoring image.")
@click.option("--start", type=DAY, metavar="YYYY-MM-DD", required=True, help="First day of the phase.")
@click.option("--end", type=DAY, metavar="YYYY-MM-DD", help="Its end. [default: open]")
def codabench(
    board: Board, masks: Readers, out: Path, docker_image: str, start: datetime, end: datetime | None
) -> None:
    """Write a Codabench competition."""
    from bmseg.leaderboard.platforms.codabench import export_codabench

    last = end.date() if end else None
    export_codabench(board.root, masks, out, docker_image=docker_image, start=start.date(), end=last)
    _say(out)


@bundle.command("grand-challenge")
@with_board
@click.option("--image-socket", help="Slug of the input image that is named as the exam. [default: the only]")
@click.option("--mask-socket", help="Slug of the output that is the mask. [default: the only image]")
def grand_challenge(
    board: Board, masks: Readers, out: Path, image_socket: str | None, mask_socket: str | None
) -> None:
    """Write a grand-challenge evaluation method."""
    from bmseg.leaderboard.platforms.grand_challenge import export_grand_challenge
    from bmseg.leaderboard.platforms.run_grand_challenge import Sockets

    export_grand_challenge(board.root, masks, out, sockets=Sockets(image_socket, mask_socket))
    _say(out)


def _say(written: Path) -> None:
    from bmseg.leaderboard.platforms.bundle import SECRET

    click.echo(f"{written}: written, see its README.md. It {SECRET}")
