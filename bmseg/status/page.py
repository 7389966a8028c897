"""The page of a workspace: what was found, where to see it, what there is and what comes next."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from bmseg.outputs import locked
from bmseg.pages import environment, frame, write_page_list
from bmseg.status.look import Status, output_there
from bmseg.workspace import Workspace
from dataset_conversion.files import write_text
from evaluation.table import Table

_ABOUT = {
    "Report": "Readers and models side by side: scores, tests, failures, the consensus, methods",
    "Exams": "Every exam slice by slice, with all masks",
    "Training": "Learning curves of every training, from nnU-Net's own logs",
    "Leaderboard": "Readers, methods and submissions ranked",
    "Atlas": "What each level looks like, from the training exams",
    "Reading room": "The blinded page for readers who score masks: open it, and you are no blinded reader",
}
_STATES = {"there": "made", "unfinished": "unfinished", "stale": "out of date", "damaged": "damaged",
           "missing": "not made"}  # fmt: skip


def write_workspace_page(workspace: Workspace, status: Status) -> Path:
    """Write the page anew, and the list of pages; where each is written whole, one process at a time."""
    page = workspace.pages["Workspace"]
    with locked(workspace.root / ".index.lock", f"page of {workspace.root}"):
        write_text(page, page_text(workspace, status))
    write_page_list(workspace)
    return page


def page_text(workspace: Workspace, status: Status) -> str:
    """The page as text."""
    page = workspace.pages["Workspace"]
    behind = [stage for stage in status.stages if stage.name == "evaluation" and stage.state != "there"]
    answer = None
    if output_there(workspace.evaluation):
        from bmseg.status.answer import answer_of

        answer = answer_of(workspace, current=not behind)
    made = {
        title: (_address(path, page), _ABOUT[title])
        for title, path in workspace.pages.items()
        if title in _ABOUT and path.is_file()
    }
    return environment().get_template("workspace.html.j2").render(
        **frame(page, workspace, synthetic=status.synthetic),
        title=status.title,
        facts=_facts(status, workspace),
        looked_at=f"{status.at[:10]} {status.at[11:16]} UTC",
        answer=answer,
        behind=behind[0] if behind and answer and answer.found else None,
        place=lambda target: _address(target, page),
        there=made,
        stages=status.stages,
        states=_STATES,
        next=status.next,
        table2=[_html(table) for table in _tables2(workspace)],
    )  # fmt: skip


def _facts(status: Status, workspace: Workspace) -> list[str]:
    data = next((stage.found for stage in status.stages if stage.name == "data"), "")
    names = [stage.name.removeprefix("predictions of ") for stage in status.stages
             if stage.name.startswith("predictions of ") and stage.state != "missing"]  # fmt: skip
    models = [workspace.study.shown(name) for name in names] if names else []
    found = [part for part in data.split("; ") if part and part != "synthetic cohort"]
    return found + ([f"models {', '.join(models)}"] if models else [])


def _tables2(workspace: Workspace) -> list[Table]:
    if not (workspace.reading_room / "key.json").is_file():
        return []
    from bmseg.reading_room.found import tables2_of

    return tables2_of(workspace)


def _html(table: Table) -> Mapping[str, object]:
    return {"title": table.title, "html": Markup(table.to_html())}


def _address(target: Path | str, page: Path) -> str:
    """A relative address of a page or file, a place in it kept."""
    path, mark, place = str(target).partition("#")
    return Path(os.path.relpath(path, page.parent)).as_posix() + mark + place
