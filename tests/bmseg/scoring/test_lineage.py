"""Who taught a model reaches the tables, and masks that began as proposals are no test readers' masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bmseg.errors import InputError
from bmseg.outputs import write_record
from bmseg.outputs.provenance import file_hash
from bmseg.scoring.lineage import refuse_proposed, taught_in
from bmseg.study import load_study
from bmseg.workspace import Workspace
from tests.support.command_line import assert_refused, bmseg
from tests.support.masks import save_mask, thresholded
from tests.support.studies import dice_alone

READERS = ["reader1", "reader2", "reader3", "reader4"]


def rounds(folder: Path, masks: dict[str, Path], number: int) -> None:
    rows = [
        {"exam": exam, "round": number, "mask_sha256": file_hash(path), "corrected_sha256": None}
        for exam, path in masks.items()
    ]
    pd.DataFrame(rows).to_csv(folder / "lineage.csv", index=False)


def test_a_mask_accepted_in_a_round_is_refused_and_one_drawn_before_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "annotation" / "round02" / "accepted"
    masks = {
        exam: save_mask(folder / f"{exam}.nii.gz", thresholded(["a"], seed=seed)["a"])
        for seed, exam in enumerate(("knee_a", "knee_b"))
    }
    refuse_proposed("reader1", folder, masks)
    rounds(tmp_path / "annotation", masks, 0)
    refuse_proposed("reader1", folder, masks)
    rounds(tmp_path / "annotation", {"knee_b": masks["knee_b"]}, 2)
    with pytest.raises(InputError, match=r"reader reader1: exam knee_b \(round 2\): found a mask accepted"):
        refuse_proposed("reader1", folder, masks)
    # From the folder that a workspace keeps readers' masks in.
    with pytest.raises(InputError, match="began as a model's proposal"):
        refuse_proposed("reader1", tmp_path / "nnUNet_raw" / "Dataset501" / "readersTs" / "reader1", masks)


def test_methods_are_taught_by_the_training_reader_or_whom_their_training_names(
    tmp_path: Path,
) -> None:
    workspace = Workspace.of(tmp_path, load_study())
    workspace.study_file.parent.mkdir(parents=True)
    from bmseg.study import DEFAULT_STUDY

    workspace.study_file.write_text(DEFAULT_STUDY.read_text())
    for method in ("unet", "unet_soft", "foreign"):
        workspace.predictions(method).mkdir(parents=True)
    write_record(workspace.predictions("unet") / "made_from.json", {"model": {"folder": "x"}, "masks": {}})
    made = {"folder": "x", "taught_by": ["reader1", "reader3"]}
    write_record(workspace.predictions("unet_soft") / "made_from.json", {"model": made, "masks": {}})
    found = taught_in(workspace, ["unet", "unet_soft", "foreign"])
    assert found == {"unet": ["reader1"], "unet_soft": ["reader1", "reader3"]}


@pytest.mark.usefixtures("no_figures")
def test_a_copy_and_a_student_on_the_command_line(tmp_path: Path, few_tables: Callable[..., None]) -> None:
    few_tables("twins", "comparisons_without_teacher", "fair_dice")
    for seed, exam in enumerate(("knee_a", "knee_b")):
        for rater, mask in thresholded([*READERS, "net"], seed=seed).items():
            save_mask(tmp_path / rater / f"{exam}.nii.gz", mask)
    words = [f"--reader={reader}={tmp_path / reader}" for reader in READERS]
    words += [f"--prediction=net={tmp_path / 'net'}", f"--prediction=again={tmp_path / 'reader1'}"]
    words += [f"--study={dice_alone(tmp_path)}"]
    for given, refusal in (
        ("net", "--taught-by: found 'net', expected MODEL=READER"),
        ("other=reader1", "--taught-by: found model other, expected one of net, again"),
        ("net=somebody", "--taught-by: net: found somebody, expected some of reader1"),
    ):
        refused = bmseg("evaluate", *words, f"--taught-by={given}", "-o", tmp_path / "out")
        assert_refused(refused, refusal)
    result = bmseg("evaluate", *words, "--taught-by=net=reader1", "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "warning: again is a copy of Reader 1: equal in every voxel of 2 exams" in result.stderr
    said = (tmp_path / "out" / "twins.md").read_text()
    assert "- net learned from the masks of Reader 1: see what it is without Reader 1.\n" in said
    table = pd.read_csv(tmp_path / "out" / "comparisons_without_teacher.csv")
    assert set(zip(table.model, table["without"], strict=True)) == {("net", "reader1")}
    fair = pd.read_csv(tmp_path / "out" / "fair_dice.csv")
    assert set(fair.left_out[fair.rater == "again"]) == {"reader1"}
