"""The viewer of an evaluation: what was scored is what is shown, where it lies, and no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import center_of_mass, label

from bmseg.errors import InputError
from bmseg.scoring.evaluate import evaluate
from bmseg.scoring.evaluation import Evaluation
from bmseg.study import load_study
from bmseg.viewer.evaluated import page_of, write_exams
from dataset_conversion.images import read_volume
from evaluation.study.tables import FAIR_DICE
from tests.bmseg.viewer.exams import content
from tests.support.masks import save_mask
from tests.support.rooms import unpack_mask
from tests.support.studies import SMALL_EXAMS, small_raters, small_study


@pytest.fixture
def evaluated(
    tmp_path: Path,
    no_figures: None,  # noqa: ARG001
    few_tables: Callable[..., None],
) -> Evaluation:
    few_tables("fair_dice", "foci")
    return run(tmp_path)


def run(root: Path, *models: str) -> Evaluation:
    study = small_study(root, '[scores]\nmeasures = ["dice", "foci"]\n')
    raters = small_raters(root / "masks", *(models or ["net"]))
    return evaluate(load_study(study), study, raters, root / "out", synthetic=True)


def folders(root: Path) -> dict[str, Path]:
    return {name: root / "masks" / name for name in ("reader1", "reader2", "net")}


def script(evaluated: Evaluation, exam: str) -> dict:
    return content((page_of(evaluated).parent / f"{exam}.js").read_text())


def test_what_was_scored_is_shown(evaluated: Evaluation, tmp_path: Path) -> None:
    assert write_exams(evaluated, None, folders(tmp_path))
    assert not write_exams(evaluated, None, folders(tmp_path))
    html = page_of(evaluated).read_text()
    assert "No images were given: masks are shown alone, on black." in html
    assert "Synthetic cohort" in html
    fair = evaluated.found[FAIR_DICE]
    for exam in SMALL_EXAMS:
        found = script(evaluated, exam)
        assert list(found["masks"]) == ["reader1", "reader2", "net", "yardstick", "consensus"]
        files = {name: folder / f"{exam}.nii.gz" for name, folder in folders(tmp_path).items()}
        files |= {kind: evaluated.folder / kind / f"{exam}.nii.gz" for kind in ("yardstick", "consensus")}
        for name, path in files.items():
            stored = read_volume(path).stored_as("coronal")
            assert np.array_equal(unpack_mask(found["masks"][name], tuple(found["shape"])), stored.array)
        # A model's is the mean over consensuses, a reader's is that of the other.
        rows = fair[(fair.exam == exam) & (fair.level == "level1")]
        for rater, dice in rows.groupby("rater").dice:
            assert found["dice"][rater]["level1"] == pytest.approx(dice.mean(), abs=1e-4)


def test_foci_lie_where_they_are_said_to(evaluated: Evaluation, tmp_path: Path) -> None:
    write_exams(evaluated, None, folders(tmp_path))
    seen = 0
    for exam in SMALL_EXAMS:
        found = script(evaluated, exam)
        mask = unpack_mask(found["masks"]["yardstick"], tuple(found["shape"]))
        parts, number = label(mask, np.ones((3, 3, 3)))
        places = center_of_mass(mask, parts, range(1, number + 1))
        sizes = np.bincount(parts.ravel())[1:] * found["voxel_ml"]
        known = sorted(
            (round(ml, 5), round(i, 1), round(j, 1)) for ml, (i, j, _) in zip(sizes, places, strict=True)
        )
        said = sorted(
            (focus["ml"], focus["i"], focus["j"])
            for focus in found["foci"]
            if focus["rater"] == "net" and focus["outcome"] in ("found", "missed")
        )
        assert np.allclose(known, said, atol=0.11)
        slices = sorted(int(np.clip(round(k), 0, mask.shape[2] - 1)) + 1 for *_, k in places)
        assert slices == sorted(
            focus["slice"] for focus in found["foci"]
            if focus["rater"] == "net" and focus["outcome"] in ("found", "missed")
        )  # fmt: skip
        seen += number
        # Of readers, those by the other reader's mask alone.
        assert {focus["rater"] for focus in found["foci"]} <= {"net", "reader1", "reader2"}
    assert seen > 3


def test_images_are_laid_below(evaluated: Evaluation, tmp_path: Path) -> None:
    image = np.arange(12 * 10 * 4, dtype=np.int16).reshape(12, 10, 4)
    save_mask(tmp_path / "images" / f"{SMALL_EXAMS[0]}_0000.nii.gz", image)
    assert write_exams(evaluated, None, folders(tmp_path), tmp_path / "images")
    assert script(evaluated, SMALL_EXAMS[0])["image"]["offset"] == 0
    assert script(evaluated, SMALL_EXAMS[1])["image"] is None
    assert "Without an image, masks on black: knee_b, knee_c." in page_of(evaluated).read_text()


def test_other_masks_are_refused(evaluated: Evaluation, tmp_path: Path) -> None:
    swapped = folders(tmp_path) | {"net": tmp_path / "masks" / "reader1"}
    with pytest.raises(InputError, match=r"reader1: masks: found others of net than were evaluated"):
        write_exams(evaluated, None, swapped)
    with pytest.raises(InputError, match=r"found vnet, expected some of reader1, reader2, net"):
        write_exams(evaluated, None, {"vnet": tmp_path})
    with pytest.raises(InputError, match=r"images: found none of knee_a, knee_b, knee_c"):
        write_exams(evaluated, None, folders(tmp_path), tmp_path)
    assert not write_exams(evaluated)
    assert not page_of(evaluated).exists()


def test_who_is_not_given_is_named_and_nothing_outlives_the_evaluation(
    evaluated: Evaluation, tmp_path: Path
) -> None:
    few = {name: folder for name, folder in folders(tmp_path).items() if name != "reader2"}
    write_exams(evaluated, None, few)
    assert "Not shown, their masks were not given: reader2." in page_of(evaluated).read_text()
    run(tmp_path, "net", "other")
    assert not page_of(evaluated).exists()
    assert not [*page_of(evaluated).parent.glob("*.js")]
