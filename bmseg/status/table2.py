"""Table 2 for the page of a workspace, where a reading room has one."""

from __future__ import annotations

from bmseg.workspace import Workspace
from evaluation.table import Table


def tables2(workspace: Workspace) -> list[Table]:
    """`bmseg.reading_room.found.tables2_of`, which is imported where there is a reading room."""
    if not (workspace.reading_room / "key.json").is_file():
        return []
    from bmseg.reading_room.found import tables2_of

    try:
        return tables2_of(workspace)
    except (ValueError, KeyError, OSError):
        return []
