"""Table 2 from what readers sent back to a workspace."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from bmseg.reading_room.found import returned, tables2_of
from bmseg.status.look import Status
from bmseg.status.page import page_text
from bmseg.status.shared import reading_room
from bmseg.status.stage import Stage
from bmseg.workspace import Workspace, open_workspace
from tests.bmseg.reading_room.test_unblind import write_scores
from tests.support.command_line import bmseg, run_printed


@pytest.fixture
def workspace(room: Path, folders: Path, tmp_path: Path) -> Workspace:
    """A workspace with a reading room, and the masks that it shows."""
    place, _ = open_workspace(tmp_path / "my ws", create=True)
    shutil.copytree(room, place.reading_room)
    exams = [f"knee_08{n}" for n in (6, 7, 8)]
    place.dataset.folder.mkdir(parents=True)
    pd.DataFrame({"exam": exams, "split": "test", "synthetic": True}).to_csv(
        place.dataset.cohort_path, index=False
    )
    (place.dataset.folder / "dataset.json").write_text("{}")
    shutil.copytree(folders / "nnunet", place.predictions("nnunet"))
    shutil.copytree(folders / "consensus", place.evaluation / "consensus")
    shutil.copytree(folders / "consensus", place.evaluation / "yardstick")
    return place


def scored(workspace: Workspace, *readers: str) -> list[Path]:
    folder = workspace.reading_room / "scores"
    folder.mkdir(exist_ok=True)
    return [
        write_scores(workspace.reading_room, folder / f"scores_{name}.json", name, shift)
        for shift, name in enumerate(readers)
    ]


def test_scores_are_found_named_and_made_a_table(workspace: Workspace) -> None:
    waits = reading_room(workspace)
    assert (waits.state, waits.found) == ("unfinished", "no scores yet")
    assert waits.why.endswith("reading_room/scores")
    assert tables2_of(workspace) == []
    scored(workspace, "AB", "CD")
    waits = reading_room(workspace)
    assert waits.found == "2 files of scores"
    done = run_printed(waits.command)
    assert done.returncode == 0, done.stderr
    assert reading_room(workspace).state == "there"
    (table,) = tables2_of(workspace)
    assert table.notes[2] == "Mean of 2 readers who scored alone: AB, CD."
    assert table.notes[-1].startswith("Synthetic cohort")
    # What 'bmseg vas' makes of the same file.
    made = workspace.reading_room / "t2"
    source = workspace.reading_room / "read" / "vas_nnunet_mean.csv"
    assert bmseg("vas", source, "-o", made).returncode == 0
    assert (made / "table2.csv").read_text() == table.to_csv()
    status = Status(workspace.root, "Knees", True, (Stage("reading room", "there"),), "2026-01-01T00:00:00")
    text = page_text(workspace, status)
    assert (
        "What readers said of the masks, blinded" in text and "Table 2: nnunet beside the consensus" in text
    )


def test_scores_that_came_later_wait_for_their_names(workspace: Workspace) -> None:
    scored(workspace, "AB")
    assert run_printed(reading_room(workspace).command).returncode == 0
    assert tables2_of(workspace)[0].notes[2] == "Scored by AB."
    scored(workspace, "AB", "CD")
    assert reading_room(workspace).state == "unfinished"
    assert run_printed(reading_room(workspace).command).returncode == 0
    assert tables2_of(workspace)[0].notes[2].startswith("Mean of 2 readers")


def test_scores_of_another_page_or_changed_ones_count_for_nothing(workspace: Workspace) -> None:
    (file,) = scored(workspace, "AB")
    assert run_printed(reading_room(workspace).command).returncode == 0
    record = json.loads(file.read_text())
    (file.parent / "other.json").write_text(json.dumps({**record, "build": "0" * 64}))
    (file.parent / "large.json").write_text(" " * 6_000_000)
    assert len(returned(workspace).scores) == 1
    with (workspace.reading_room / "read" / "vas_nnunet_AB.csv").open("a") as table:
        table.write("knee_099,1,1,1,1,1,1,1,1\n")
    assert tables2_of(workspace) == []


def test_a_room_of_other_masks_says_so(workspace: Workspace) -> None:
    masks = workspace.predictions("nnunet")
    (masks / "knee_086.nii.gz").write_bytes((masks / "knee_087.nii.gz").read_bytes())
    found = reading_room(workspace)
    assert found.state == "stale" and "other masks than lie there now (nnunet)" in found.why
