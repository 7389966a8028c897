"""What was made from something that is another now says so, and from what."""

from __future__ import annotations

import numpy as np

from bmseg.outputs import read_record, write_record
from bmseg.status import Stage, status_of
from bmseg.workspace import Workspace
from dataset_conversion.images import Volume, read_volume, write_volume
from tests.support.command_line import assert_refused, bmseg


def stage(workspace: Workspace, name: str) -> Stage:
    (one,) = (stage for stage in status_of(workspace).stages if stage.name == name)
    return one


def test_a_report(evaluated: Workspace) -> None:
    refused = bmseg("report", "-w", evaluated.root)
    missing = "knee_a_0000.nii.gz: no such file, expected the image of a test exam; convert again"
    assert_refused(refused, missing)
    for exam in evaluated.test_exams():
        mask = read_volume(evaluated.predictions("net") / f"{exam}.nii.gz")
        image = evaluated.dataset.image_path(exam, "test", evaluated.dataset.spec.channels[0])
        write_volume(image, Volume(mask.array.astype(np.float32), mask.affine))
    done = bmseg("report", "-w", evaluated.root)
    assert done.returncode == 0, done.stderr
    assert stage(evaluated, "report").state == "there"
    page = evaluated.evaluation / "report.html"
    page.write_text(page.read_text() + " ")
    found = stage(evaluated, "report")
    assert (found.state, found.why) == ("stale", "missing or changed since: report.html")
    record = evaluated.evaluation / "provenance.json"
    write_record(record, {**read_record(record), "more": 1})
    found = stage(evaluated, "report")
    assert (found.state, found.why) == ("stale", "made from other evaluation")
    assert found.command == f"bmseg report -w {evaluated.root}"


def test_data_of_another_study_file(evaluated: Workspace) -> None:
    write_record(evaluated.raw_dataset / "conversion.json", {"study_sha256": "0" * 64})
    found = stage(evaluated, "data")
    assert found.state == "stale"
    assert found.why.startswith(f"made with another study file than {evaluated.study_file}: put that back")
