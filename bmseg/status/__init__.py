"""What a workspace holds, what is missing or made from other files than lie there now, and the next step.

`status_of` and `status_of_evaluation` look; `write_workspace_page` shows it; `ended` is what a command says
at its end. Nothing here decides what is fresh: records do (`bmseg.outputs`), and the rooms that write them.
"""

from bmseg.status.ending import ended, ended_on_folders
from bmseg.status.look import Status, status_of, status_of_evaluation
from bmseg.status.page import write_workspace_page
from bmseg.status.stage import Stage

__all__ = [
    "Stage",
    "Status",
    "ended",
    "ended_on_folders",
    "status_of",
    "status_of_evaluation",
    "write_workspace_page",
]
