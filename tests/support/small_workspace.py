"""A workspace that is evaluated within a second: two readers, one level, methods' masks put there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from bmseg.workspace import Workspace, open_workspace
from tests.support.studies import SMALL_EXAMS, small_raters, small_study


def small_workspace(
    folder: Path, *methods: str, more: str = '\nscores = { measures = ["dice"] }\n'
) -> Workspace:
    """A workspace below a folder, with the masks of `small_raters`, before anything is scored."""
    workspace, _ = open_workspace(folder / "ws", small_study(folder, more), create=True)
    dataset = workspace.dataset
    raters = small_raters(folder / "masks", *methods)
    for reader, masks in raters.readers.items():
        for exam in SMALL_EXAMS:
            target = dataset.mask_path(exam, "test", reader)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(masks / f"{exam}.nii.gz", target)
    for method, masks in raters.models.items():
        shutil.copytree(masks, workspace.predictions(method))
    (dataset.folder / "dataset.json").write_text("{}")
    rows = pd.DataFrame({"exam": SMALL_EXAMS, "split": "test", "synthetic": True})
    rows.to_csv(dataset.cohort_path, index=False)
    return workspace
