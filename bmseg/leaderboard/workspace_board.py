"""A board of a workspace's test exams: where the readers' masks and the images are."""

from __future__ import annotations

from bmseg.errors import InputError
from bmseg.leaderboard.scoring import Reference
from bmseg.study import Study
from bmseg.workspace import Workspace


def workspace_reference(workspace: Workspace, study: Study) -> tuple[Reference, bool]:
    """The readers' masks of a workspace's test exams, and whether its cohort is synthetic.

    Raises
    ------
    InputError
        When there is no test exam, or no reader's mask of them.
    """
    exams, synthetic = workspace.test_exams(), workspace.is_synthetic
    readers = workspace.readers()
    if not readers:
        raise InputError(
            f"{workspace.raw_dataset / 'readersTs'}: found no reader's masks of the test exams, expected at "
            "least one reader's"
        )
    return Reference.of(study, readers, exams), synthetic
