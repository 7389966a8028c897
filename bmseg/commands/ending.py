"""How commands end: which page to open, and what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bmseg.commands.options import echo_each

if TYPE_CHECKING:
    from bmseg.leaderboard.board import Board
    from bmseg.workspace import Workspace


def end(workspace: Workspace, page: Path | None = None) -> None:
    """Write the page of a workspace anew; say on standard error what to open and what comes next.

    `page` is what the command made; by default the workspace's page is named.
    """
    from bmseg.status import ended

    echo_each(ended(workspace, page), err=True)


def end_in(root: Path, page: Path | None = None) -> None:
    """The same of the folder of a workspace; nothing where there is none."""
    from bmseg.workspace import kept_study, open_workspace

    if kept_study(root).is_file():
        end(open_workspace(root)[0], page)


def end_board(root: Path, board: Board, site: Path | None = None) -> None:
    """The same where a board was changed; of one that is not the workspace's, its page or how it is made.

    `site` is the folder that was written, where that is not the board's own.
    """
    from bmseg.wording import command
    from bmseg.workspace import kept_study, open_workspace

    page = (site or board.site) / "index.html"
    shown = page if page.is_file() else None
    if kept_study(root).is_file():
        workspace, _ = open_workspace(root)
        if board.root.resolve() == workspace.leaderboard:
            end(workspace, shown)
            return
    build = command("leaderboard", "build", "--board", board.root)
    echo_each([f"open: {page}"] if shown else [f"next: {build}"], err=True)


def end_on_folders(evaluation: Path, study_file: Path | None) -> None:
    """The same of an evaluation of plain folders."""
    from bmseg.status import ended_on_folders

    echo_each(ended_on_folders(evaluation, study_file), err=True)
