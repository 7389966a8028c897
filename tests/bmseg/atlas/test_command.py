"""`bmseg atlas`: what it writes, says, skips and refuses."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from bmseg.status.shared import atlas
from bmseg.status.stage import Bytes
from bmseg.workspace import open_workspace
from tests.bmseg.leaderboard.site.checks import Page
from tests.support.command_line import assert_refused, bmseg

DATASET = "nnUNet_raw/Dataset501_BoneMarrow"
Made = tuple[Path, str]


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Path:
    """A workspace to change."""
    return Path(shutil.copytree(root, tmp_path / "own"))


def pdf_page_count(path: Path) -> int:
    return len(re.findall(rb"/Type /Page\b", path.read_bytes()))


def test_what_is_written_and_said(made: Made) -> None:
    out, said = made
    assert {path.name for path in out.glob("[!.]*")} == {
        "atlas.html", "atlas.pdf", "atlas.csv", "provenance.json",
    }  # fmt: skip
    # The youngest and the oldest half each give one knee, all of which show all levels.
    assert re.search(r"^knee 1, (right|left), (6\.0|9\.5) y: exam00[12]$", said, re.MULTILINE)
    assert re.search(r"^knee 2, (right|left), (12\.1|17\.0) y: exam00[34]$", said, re.MULTILINE)
    assert "2 of 8 knees of 4 training exams" in said
    assert "Synthetic cohort: simulated images and readers, no patients." in said
    # First page, two for each level, one by age, one of the signal.
    assert pdf_page_count(out / "atlas.pdf") == 1 + 2 * 3 + 1 + 1
    assert "(9 pages)" in said


def test_numbers_follow_from_the_files(made: Made, root: Path) -> None:
    table = pd.read_csv(made[0] / "atlas.csv")
    assert len(table) == 2 * 3
    record = json.loads((made[0] / "provenance.json").read_text())
    assert [knee["exam"] for knee in record["made"]["knees"]] == list(dict.fromkeys(table.exam))
    for row in table.itertuples():
        mask = np.asarray(nib.load(root / DATASET / "labelsTr" / f"{row.exam}.nii.gz").dataobj)
        half = mask[:40] if row.side == "right" else mask[40:]
        level = int(row.level.removeprefix("level"))
        assert row.area_mm2 == 4 * (half == level).sum(axis=(0, 1)).max()
        # 100 + 40 a level, against the 100 around; noise of less than 8.
        assert row.relative_signal == pytest.approx(1 + 0.4 * level, abs=0.08)
    faint = table[table.level == "level3"].set_index("example").relative_signal
    assert faint["faintest"] <= faint["brightest"]


def test_the_page_needs_nothing_else_and_names_neither_exam_nor_site(made: Made) -> None:
    page = Page(made[0] / "atlas.html")
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert page.elements.count("script") == 1
    assert not {"iframe", "object", "link rel=stylesheet"} & set(page.elements)
    text = (made[0] / "atlas.html").read_text(encoding="utf-8")
    outside = re.sub(r"data:[a-z/+]+;base64,[A-Za-z0-9+/=]+", "", text)
    assert not re.search(r"exam0\d\d|Oslo|https?://|file:|/tmp|/home", outside)
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in text and "script-src 'sha256-" in text
    pictures = [value for name, value in page.attributes if name == "alt" and value]
    assert len(pictures) == len(set(pictures))
    # Of two knees each level has a faintest and a brightest example.
    assert sum("window narrow" in alt for alt in pictures) == 2 * 3 * 2


def test_synthetic_is_said_everywhere(made: Made) -> None:
    text = (made[0] / "atlas.html").read_text(encoding="utf-8")
    captions = re.findall(r"<figcaption>.*?</figcaption>", text, re.DOTALL)
    assert len(captions) == 2 * 3 * 2 + 2
    assert all("Synthetic cohort" in caption for caption in captions)
    assert "(synthetic cohort)</title>" in text


def test_made_once_from_the_same_and_again_from_others(made: Made, root: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(made[0], tmp_path / "made"))
    before = {path.name: path.read_bytes() for path in out.glob("[!.]*")}
    again = bmseg("atlas", "-w", root, "--knees", 2, "-o", out)
    assert "already made" in again.stdout
    assert made[1].splitlines()[1:-1] == again.stdout.splitlines()[2:-1]
    (out / "atlas.html").write_text("damaged")
    repaired = bmseg("atlas", "-w", root, "--knees", 2, "-o", out)
    assert "already made" not in repaired.stdout
    # The same seed gives the same bytes.
    assert {path.name: path.read_bytes() for path in out.glob("[!.]*")} == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--exams", "exam001,exam090"],
            "exam090: found a test exam, expected training exams: readers are calibrated on exams that they "
            "are not scored on",
        ),
        (["--exams", "exam099"], "exam099: found an unread exam, without a mask, expected training exams"),
        (["--exams", "exam007"], "exam007: found no such exam in"),
        (["--exams", "exam001, exam001"], "--exams: found exam001 twice, expected once"),
        (["--exams", "exam001", "--knees", "3"], "found --exams and --knees, expected one of them"),
        (["--exams", "exam001,"], "--exams: found 'exam001,', expected exams as knee_003,knee_007"),
        (["--channel", "fat"], "--channel: found 'fat', expected one of the study's: water"),
    ],
)
def test_refused(root: Path, words: list[str], message: str) -> None:
    assert_refused(bmseg("atlas", "-w", root, *words), message)
    assert not (root / "atlas").exists()


def test_no_other_folder_is_written_into(root: Path) -> None:
    for out in (root / DATASET, root / "study/study.toml"):
        before = sorted(root.rglob("*"))
        assert_refused(bmseg("atlas", "-w", root, "-o", out), "name another folder")
        assert sorted(root.rglob("*")) == before


def test_without_training_exams_or_masks(own: Path) -> None:
    cohort = own / DATASET / "cohort.csv"
    (own / DATASET / "labelsTr/exam003.nii.gz").unlink()
    assert_refused(bmseg("atlas", "-w", own), "exam003: found no file")
    cohort.write_text(cohort.read_text().replace("training", "test"))
    assert_refused(bmseg("atlas", "-w", own), "split: found no training exam, expected at least one")


def test_masks_that_do_not_fit(own: Path) -> None:
    path = own / DATASET / "labelsTr/exam002.nii.gz"
    mask = nib.load(path)
    array = np.asarray(mask.dataobj).copy()
    array[0, 0, 0] = 9
    nib.save(nib.Nifti1Image(array, mask.affine), path)
    assert_refused(bmseg("atlas", "-w", own), "exam002.nii.gz")
    array[0, 0, 0] = 0
    nib.save(nib.Nifti1Image(array[:, :, :2], mask.affine), path)
    assert_refused(
        bmseg("atlas", "-w", own, "--exams", "exam002"),
        "size: found 80 x 60 x 3, expected 80 x 60 x 2 voxels (the grid of its mask)",
    )


def test_nothing_marked_is_no_atlas(own: Path) -> None:
    for path in (own / DATASET / "labelsTr").glob("*.nii.gz"):
        mask = nib.load(path)
        nib.save(nib.Nifti1Image(np.zeros(mask.shape, np.uint8), mask.affine), path)
    assert_refused(bmseg("atlas", "-w", own), "masks: found no level marked in 4 training exams")


def test_status_says_what_it_was_made_from_and_whether_that_is_still_so(own: Path, made: Made) -> None:
    workspace = open_workspace(own)[0]
    shutil.copytree(made[0], workspace.atlas)
    found = atlas(workspace, Bytes())
    assert (found.state, found.found) == ("there", "2 rows, 9 pages in atlas.pdf")
    unread = atlas(workspace, Bytes(0))
    assert unread.state == "there"
    assert unread.unseen[0].startswith("training exams, if they are those shown (")
    (workspace.atlas / "atlas.csv").write_text("other")
    found = atlas(workspace, Bytes())
    assert (found.state, found.why) == ("stale", "files are missing or changed since")
    masks = workspace.raw_dataset / "labelsTr"
    (masks / "exam001.nii.gz").write_bytes((masks / "exam002.nii.gz").read_bytes())
    found = atlas(workspace, Bytes())
    assert (found.state, found.why) == ("stale", "made from other exams")
    assert found.command == f"bmseg atlas -w {own}"
