"""`bmseg evaluate` by the measures that a study file names: organs, one reader, what a study cannot have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from bmseg.scoring.evaluate import evaluate
from bmseg.scoring.raters import Raters
from bmseg.study import load_study
from tests.support.command_line import bmseg

ORGANS = ("liver", "spleen", "kidney_left", "kidney_right", "stomach", "pancreas", "aorta", "bladder")


def study_file(folder: Path, scores: str = "", scale: str = "nominal") -> Path:
    levels = "".join(
        f'[[levels]]\nvalue = {value}\nname = "{name}"\ncolor = "#4477{value}0"\n'
        for value, name in enumerate(ORGANS, start=1)
    )
    readers = "".join(f'[[readers]]\nname = "{name}"\n' for name in ("anna", "ben", "carl"))
    text = (
        f'name = "organs"\ntitle = "Organs"\nplane = "axial"\ntraining_reader = "anna"\nscale = "{scale}"\n'
        f'[dataset]\nid = 5\nname = "Organs"\n[[channels]]\nname = "ct"\n{levels}{readers}{scores}'
    )
    (folder / "study.toml").write_text(text)
    return folder / "study.toml"


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Eight boxes in three exams, each moved by a voxel or not; the model loses the bladder."""
    root, rng = tmp_path_factory.mktemp("organs"), np.random.default_rng(4)
    for rater in ("anna", "ben", "carl", "net"):
        (root / rater).mkdir()
        for exam in range(3):
            mask = np.zeros((26, 26, 6), np.uint8)
            for value in range(1, len(ORGANS) + (rater != "net")):
                x, y = 2 + 8 * ((value - 1) % 3), 2 + 8 * ((value - 1) // 3)
                dx, dy = rng.integers(0, 2, 2)
                mask[x + dx : x + dx + 5, y + dy : y + dy + 5, 1:5] = value
            image = nib.Nifti1Image(mask, np.diag([1.5, 1.5, 5, 1]))
            nib.save(image, root / rater / f"ct_{exam}.nii.gz")
    return {rater: root / rater for rater in ("anna", "ben", "carl", "net")}


def test_organs_have_surfaces_and_volumes_and_no_ordinal_words(
    masks: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_: None)
    path = study_file(tmp_path)
    raters = Raters({rater: masks[rater] for rater in ("anna", "ben", "carl")}, {"net": masks["net"]})
    found = evaluate(load_study(path), path, raters, tmp_path / "out")
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert set(scores.measure) == {"dice", "nsd@readers", "hd95", "assd", "volume_difference"}
    assert len(scores) == 5 * 3 * 4 * len(ORGANS)
    of_bladder = scores[(scores.level == "bladder") & (scores.rater == "net")].set_index("measure")
    assert set(of_bladder.status["hd95"]) == {"one_empty"}
    diagonal = float(np.linalg.norm([26 * 1.5, 26 * 1.5, 6 * 5]))
    assert of_bladder.value["hd95"].to_numpy() == pytest.approx(diagonal)
    assert of_bladder.value["volume_difference"].to_numpy() == pytest.approx(-100 * 1.5 * 1.5 * 5 / 1000)
    assert not (tmp_path / "out" / "foci.csv").exists()
    said = "\n".join(path.read_text() for path in (tmp_path / "out").glob("measures*.md"))
    assert "lower level" not in said
    assert found.record["measures"] == ["dice", "nsd@readers", "hd95", "assd", "volume_difference"]


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (
            '[scores]\nmeasures = ["hd96"]\n',
            "scores.measures: found 'hd96', expected some of",
        ),
        (
            '[scores]\nmeasures = ["nsd@readers"]\n',
            "scores.measures: found nsd@readers with reader anna alone",
        ),
        ("[foci]\nsmallest_mm3 = -1.0\n", "foci.smallest_mm3: found -1.0"),
    ],
)
def test_what_a_study_cannot_have_is_one_line(
    masks: dict[str, Path], tmp_path: Path, scores: str, message: str
) -> None:
    options = ["--reader", f"anna={masks['anna']}", "--prediction", f"net={masks['net']}"]
    result = bmseg("evaluate", "--study", study_file(tmp_path, scores), "-o", tmp_path / "out", *options)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_one_reader_has_distances_and_a_tolerance_that_voxels_cannot_carry_is_told(
    masks: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_tables: Callable[..., None]
) -> None:
    few_tables("scores", "tolerance")
    monkeypatch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_: None)
    path = study_file(tmp_path, '[scores]\nmeasures = ["nsd@0.5", "hd95:voxels"]\n')
    done = evaluate(
        load_study(path), path, Raters({"anna": masks["anna"]}, {"net": masks["net"]}), tmp_path / "o"
    )
    assert [warning for warning in done.warnings if "nsd@0.5" in warning] == [
        "ct_0, ct_1, ct_2: nsd@0.5: the tolerance of 0.5 mm is below a voxel (1.50 mm): surfaces are apart "
        "by whole voxels, so that only what coincides is within it"
    ]
    scores = pd.read_csv(tmp_path / "o" / "scores.csv")
    assert not scores[scores.measure == "hd95:voxels"].value.isna().any()
    assert not (tmp_path / "o" / "tolerance.csv").exists()
