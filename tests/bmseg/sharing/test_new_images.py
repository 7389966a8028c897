"""Images of anyone, predicted with a model file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bmseg.errors import InputError
from bmseg.sharing import predict_images
from bmseg.sharing.new_images import find_exams
from dataset_conversion.images import Volume, read_volume, write_volume
from tests.bmseg.nnunet.tiny import TRAINING
from tests.bmseg.sharing.conftest import Shared
from tests.support.command_line import assert_refused, bmseg

#: What `pip install bmseg[train]` does not bring.
NOT_INSTALLED = [
    "pydicom", "highdicom", "gdcm", "pytest", "hypothesis", "krippendorff", "pingouin",
    "statsmodels", "mypy", "ruff", "xdist", "dcm2niix", "tests", "benchmarks",
]  # fmt: skip

ELSEWHERE = """
import sys
from importlib.machinery import PathFinder

class WithoutThem(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.split(".")[0] in {names}
        return None if absent else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutThem
import bmseg.nnunet.environment as environment
environment.usable_cores = lambda: 1
from bmseg.commands.cli import main
sys.argv = ["bmseg", "predict", "--model", "model.zip", "images", "-o", "masks"]
try:
    main()
finally:
    assert not set(sys.modules) & set({names})
"""


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def assert_same(found: Path, expected: Path) -> None:
    one, other = read_volume(found), read_volume(expected)
    assert one.grid.difference(other.grid) is None
    assert np.array_equal(one.array, other.array)


@pytest.fixture
def images(shared: Shared, tmp_path: Path) -> Path:
    return shutil.copytree(shared.images, tmp_path / "images")


def test_the_same_masks_elsewhere(shared: Shared, images: Path, tmp_path: Path) -> None:
    """In another folder and process, where only the training parts are installed."""
    shutil.copyfile(shared.file, tmp_path / "model.zip")
    (images / "knee_7_0000.nii.gz").rename(images / "renamed.nii.gz")
    answer = subprocess.run(
        [sys.executable, "-c", ELSEWHERE.format(names=NOT_INSTALLED)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr
    assert "2 masks written to masks" in answer.stdout
    masks = tmp_path / "masks"
    assert files(masks) == ["bmseg_predict.log", "knee_6.nii.gz", "made_from.json", "renamed.nii.gz"]
    assert_same(masks / "knee_6.nii.gz", shared.masks / "knee_6.nii.gz")
    assert_same(masks / "renamed.nii.gz", shared.masks / "knee_7.nii.gz")
    assert len(np.unique(read_volume(masks / "knee_6.nii.gz").array)) > 1

    record = json.loads((masks / "made_from.json").read_text())
    assert record["model"]["file"] == "model.zip"
    assert record["model"]["prediction"]["folds"] == [0, 1]
    assert record["versions"]["nnunetv2"]
    assert record["masks"].keys() == {"knee_6", "renamed"}
    assert record["masks"]["knee_6"]["device"] == "cpu"


@pytest.mark.parametrize("order", ["RAS", "SPL", "ILA"])
def test_images_in_another_axis_order(shared: Shared, tmp_path: Path, order: str) -> None:
    stored = read_volume(shared.images / "knee_6_0000.nii.gz")
    given = stored.in_order(order)
    # Of another number type too, and with a fourth dimension of one.
    array = given.array.astype(np.float64)[..., None]
    (tmp_path / "images").mkdir()
    nib.save(nib.Nifti1Image(array, given.affine), tmp_path / "images" / "knee.nii.gz")
    (written,) = predict_images(shared.file, tmp_path / "images", tmp_path / "masks")
    mask = read_volume(written)
    assert mask.axis_order == order
    assert mask.grid.difference(given.grid) is None
    expected = read_volume(shared.masks / "knee_6.nii.gz").in_order(order)
    assert np.array_equal(mask.array, expected.array)


def test_masks_of_the_same_model_are_kept(
    shared: Shared, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "masks"
    (images / "notes.txt").write_text("")
    one, _ = predict_images(shared.file, images, out)
    assert "no images, left alone: notes.txt" in capsys.readouterr().err
    assert predict_images(shared.file, images, out) == []
    assert "2 of 2 masks kept" in capsys.readouterr().err

    shutil.copyfile(images / "knee_7_0000.nii.gz", images / "knee_6_0000.nii.gz")
    (images / "knee_7_0000.nii.gz").unlink()
    assert predict_images(shared.file, images, out) == [one]
    assert_same(one, shared.masks / "knee_7.nii.gz")
    assert (out / "knee_7.nii.gz").is_file()

    one.write_bytes((shared.masks / "knee_6.nii.gz").read_bytes())
    with pytest.raises(InputError, match=r"or that were changed since \(knee_6\.nii\.gz\), expected none"):
        predict_images(shared.file, images, out)


def test_masks_of_something_else_are_never_replaced(shared: Shared, images: Path, tmp_path: Path) -> None:
    readers = tmp_path / "reader1"
    readers.mkdir()
    (readers / "knee_7.nii.gz").write_bytes(b"drawn by hand")
    with pytest.raises(InputError, match=r"found files that this model did not make.*\(knee_7\.nii\.gz\)"):
        predict_images(shared.file, images, readers)
    assert files(readers) == ["knee_7.nii.gz"]
    with pytest.raises(InputError, match=r"found masks of another model"):
        predict_images(shared.file, images, shutil.copytree(shared.masks, tmp_path / "copy"))


def test_masks_of_a_model_that_predicts_otherwise(
    shared: Shared, images: Path, tampered: Callable[..., Path], tmp_path: Path
) -> None:
    predict_images(shared.file, images, tmp_path / "masks")
    record = json.loads((tmp_path / "masks" / "made_from.json").read_text())
    other = tampered(manifest={"prediction": {**record["model"]["prediction"], "mirroring": False}})
    with pytest.raises(InputError, match=r"found masks of another model, expected none or this one's"):
        predict_images(other, images, tmp_path / "masks")


def test_every_bad_exam_is_named_and_nothing_predicted(shared: Shared, images: Path, tmp_path: Path) -> None:
    good = read_volume(images / "knee_6_0000.nii.gz")
    pixels = good.array.astype(np.float32)
    pixels[3, 3, 3] = np.nan
    write_volume(images / "holes_0000.nii.gz", Volume(pixels, good.affine))
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4, 2), np.int16), good.affine), images / "series_0000.nii.gz")
    axial = np.diag([0.9, 0.9, 3.5, 1.0])
    write_volume(images / "axial_0000.nii.gz", Volume(good.array, axial))
    (images / "damaged_0000.nii.gz").write_bytes(b"no image")
    write_volume(images / "knee_6_0001.nii.gz", good)
    shutil.copyfile(images / "knee_7_0000.nii.gz", images / "knee_7.nii.gz")
    write_volume(images / "-odd.nii.gz", good)
    with pytest.raises(InputError) as caught:
        predict_images(shared.file, images, tmp_path / "masks")
    message = str(caught.value)
    assert "\n" not in message
    for fault in (
        "holes: water (",
        "found no finite number in 1 of",
        "series_0000.nii.gz: found 4 dimensions (4 x 4 x 4 x 2), expected 3",
        "axial: plane: found 0.9 mm between coronal slices and 3.5 mm within",
        "damaged_0000.nii.gz: cannot be read as NIfTI",
        "knee_6_0001.nii.gz: found channel 1, expected knee_6_0000.nii.gz (water)",
        "knee_7: found both knee_7.nii.gz and knee_7_0000.nii.gz, expected one",
        "exam '-odd': identifier: expected letters",
    ):
        assert fault in message
    assert not (tmp_path / "masks").exists()


# Which exams a folder holds


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / f"{name}.nii.gz").touch()
    return folder


def test_exams_of_one_channel(tmp_path: Path) -> None:
    found = find_exams(touch(tmp_path, "a_0000", "b", "c_2024_0000", ".hidden"), ["water"])
    assert {exam: [path.name for path in paths] for exam, paths in found.images.items()} == {
        "a": ["a_0000.nii.gz"],
        "b": ["b.nii.gz"],
        "c_2024": ["c_2024_0000.nii.gz"],
    }
    assert not found.faults


def test_exams_of_two_channels(tmp_path: Path) -> None:
    touch(tmp_path, "a_0001", "a_0000", "b_0000", "c_0001", "c_0002", "d")
    found = find_exams(tmp_path, ["water", "fat"])
    assert {exam: [path.name for path in paths] for exam, paths in found.images.items()} == {
        "a": ["a_0000.nii.gz", "a_0001.nii.gz"]
    }
    assert found.faults == [
        "c_0002.nii.gz: found channel 2, expected c_0000.nii.gz (water), c_0001.nii.gz (fat)",
        "d.nii.gz: found no channel number, expected d_0000.nii.gz (water), d_0001.nii.gz (fat)",
        "b: found no image of fat, expected b_0000.nii.gz (water), b_0001.nii.gz (fat)",
        "c: found no image of water, expected c_0000.nii.gz (water), c_0001.nii.gz (fat)",
    ]


def test_no_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found no image, expected at least one"):
        find_exams(tmp_path, ["water"])
    with pytest.raises(InputError, match=r"nowhere: no such folder"):
        find_exams(tmp_path / "nowhere", ["water"])


# The command line


def test_masks_into_the_folder_of_the_images(shared: Shared, images: Path) -> None:
    answer = bmseg("predict", "--model", shared.file, images, "-o", images)
    assert_refused(answer, "found the folder of the images, expected another one for the masks")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "model.zip", "images"], "--model needs IMAGES, a folder, and -o"),
        (["--model", "model.zip", "-o", "masks"], "--model needs IMAGES, a folder, and -o"),
        (["--model", "m.zip", "images", "-o", "o", "--profile", "full"], "--profile: found it given"),
        (["--model", "m.zip", "images", "-o", "o", "-w", "ws"], "--workspace: found it given"),
        (["--model", "m.zip", "images", "-o", "o", "--folds", "0"], "--folds: found it given"),
        (["unet", "-o", "masks"], "--out: found it given, expected none: only with --model"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], message: str) -> None:
    assert_refused(bmseg("predict", *words), message)


def test_export(shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bmseg.methods.registry.methods", lambda: {"tiny": TRAINING.method})
    answer = bmseg("export", "tiny", tmp_path / "model.zip", "-w", shared.workspace.root)
    assert answer.returncode == 0, answer.stderr
    assert "without test tables: the workspace holds no evaluation" in answer.stderr
    assert "nnUNetTrainerQuick__nnUNetPlans__2d_tiny, fold 0, 1, 0.1 MB" in answer.stdout
    assert (tmp_path / "model.zip").read_bytes() == shared.file.read_bytes()
    answer = bmseg("export", "tiny", tmp_path / "own.zip", "-w", shared.workspace.root, "--for", "nnunet")
    assert answer.returncode == 0, answer.stderr
    answer = bmseg("predict", "--model", tmp_path / "own.zip", shared.images, "-o", tmp_path / "masks")
    assert_refused(answer, "own.zip: bmseg.json: format: found 'nnunet', expected 2; export the model anew")
