"""`bmseg study new`: a study file from folders of masks, or from a table of images and masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bmseg.study import load_study
from tests.support.command_line import assert_refused, bmseg
from tests.support.masks import save_mask, thresholded


def test_from_folders(tmp_path: Path) -> None:
    for reader, mask in thresholded(["anna", "ben"]).items():
        save_mask(tmp_path / reader / "e1.nii.gz", mask)
    out = tmp_path / "study.toml"
    words = [f"--reader={reader}={tmp_path / reader}" for reader in ("anna", "ben")]
    result = bmseg("study", "new", *words, "--ordinal", "-o", out)
    assert result.returncode == 0, result.stderr
    study = load_study(out)
    assert (study.reader_names, study.scale, study.plane) == (["anna", "ben"], "ordinal", "axial")
    assert study.label_values == (0, 1, 2, 3)
    assert f"then: bmseg evaluate --reader anna={tmp_path / 'anna'}" in result.stdout
    # Every key is explained, those that are not needed too.
    assert out.read_text().count("#") > 15
    assert_refused(bmseg("study", "new", *words, "-o", out), "study.toml: found a file, expected none")
    assert_refused(
        bmseg("study", "new", *words, "-o", tmp_path), "found a folder, expected the name of a new"
    )
    spaced = (
        "study",
        "new",
        f"--reader=an na={tmp_path / 'anna'}",
        *words[1:],
        "-o",
        tmp_path / "other.toml",
    )
    message = (
        "Error: --reader: found 'an na', expected letters (A-Z, a-z), digits and _ . + -, the first a letter"
    )
    assert_refused(bmseg(*spaced), message)
    assert_refused(bmseg("study", "new"), "expected --reader, repeated, or --table", 2)


def test_from_a_table_of_images_and_masks(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = ["exam,split,T1,expert,age"]
    for number in range(3):
        save_mask(tmp_path / f"{number}_t1.nii.gz", rng.normal(100, 30, (24, 20, 6)).astype(np.float32))
        mask = thresholded(["expert"], seed=number)["expert"]
        save_mask(tmp_path / f"{number}_mask.nii.gz", np.where(mask == 2, 255, mask == 1).astype(np.uint8))
        rows.append(f"e{number},{'test' if number else 'training'},{number}_t1.nii.gz,{number}_mask.nii.gz,7")
    (tmp_path / "cohort.csv").write_text("\n".join(rows))
    out = tmp_path / "study.toml"
    result = bmseg("study", "new", "--table", tmp_path / "cohort.csv", "-o", out)
    assert result.returncode == 0, result.stderr
    assert "channels: T1\ntraining_reader: expert" in result.stdout
    assert "convert with --map-label '255=2'" in result.stdout
    spec = load_study(out).dataset_spec
    assert (spec.channels, spec.readers, dict(spec.labels)) == (
        ("T1",),
        ("expert",),
        {"label1": 1, "label255": 2},
    )
    words = ["--table", tmp_path / "cohort.csv", "--study", out, "-w", tmp_path / "w", "--map-label=255=2"]
    converted = bmseg("convert", "nifti", *words, "--processes", 1)
    assert converted.returncode == 0, converted.stderr
    (tmp_path / "cohort.csv").write_text("exam,split,T1\ne0,test,0_t1.nii.gz\n")
    refused = bmseg("study", "new", "--table", tmp_path / "cohort.csv", "-o", tmp_path / "other.toml")
    assert_refused(
        refused, "cohort.csv: columns: found images in T1, masks in none, expected a column of each"
    )
