"""How every command ends: the workspace's page is written anew, and two lines say where to look and go on."""

from __future__ import annotations

from pathlib import Path

from bmseg.curves import write_curves_page
from bmseg.errors import WorkError
from bmseg.status.look import status_of, status_of_evaluation
from bmseg.status.page import write_workspace_page
from bmseg.workspace import Workspace


def ended(workspace: Workspace, page: Path | None = None) -> list[str]:
    """What a command on a workspace says at its end; `page` is by default that of the workspace.

    A page that cannot be written ends nothing that was done: it is said.
    """
    failed = []
    try:
        write_curves_page(workspace)
    except (OSError, ValueError, WorkError) as error:
        failed = [f"the page of learning curves was not written: {error}"]
    try:
        status = status_of(workspace)
        index = write_workspace_page(workspace, status)
    except (OSError, WorkError) as error:
        return [*failed, f"the workspace's page was not written: {error}"]
    return failed + _said(page or index, status.next_in_words)


def ended_on_folders(evaluation: Path, study_file: Path | None = None) -> list[str]:
    """The same of an evaluation of plain folders."""
    status = status_of_evaluation(evaluation, study_file)
    page = next(iter(status.pages.values()), None)
    return _said(page, status.next_in_words)


def _said(page: Path | None, following: str) -> list[str]:
    return ([f"open: {page}"] if page else []) + ([following] if following else [])
