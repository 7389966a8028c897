from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evaluation.masks.reading import MaskError, check_grid, list_masks, match_exams, read_mask

LABELS = (0, 1, 2, 3)
Writer = Callable[..., Path]


def test_float_masks_of_whole_numbers_are_read(tmp_path: Path, write_mask: Writer) -> None:
    path = write_mask(tmp_path / "a.nii.gz", np.full((3, 3, 3), 2.0, np.float32))
    assert read_mask(path, LABELS).array.dtype == np.uint8


@pytest.mark.parametrize("value", [7, 1.5, np.nan, -1, 257])
def test_undeclared_labels_are_refused(tmp_path: Path, write_mask: Writer, value: float) -> None:
    path = write_mask(tmp_path / "a.nii.gz", np.full((2, 2, 2), value, np.float32))
    found = f"found {value:g} in 8 of 8 voxels, expected 0, 1, 2, 3; correct the mask"
    with pytest.raises(MaskError, match=f"a.nii.gz: label: {found}"):
        read_mask(path, LABELS)


def test_label_below_the_highest_but_undeclared_is_refused(tmp_path: Path, write_mask: Writer) -> None:
    path = write_mask(tmp_path / "a.nii.gz", np.full((2, 2, 2), 2, np.uint8))
    with pytest.raises(MaskError, match="found 2 in 8 of 8 voxels, expected 0, 1, 3"):
        read_mask(path, (0, 1, 3))


def test_another_grid_is_refused_with_both_files(tmp_path: Path, write_mask: Writer) -> None:
    """Such as one slice against four, which NumPy would broadcast."""
    masks = [
        read_mask(write_mask(tmp_path / f"{name}.nii.gz", np.ones((4, 4, slices), np.uint8)), LABELS)
        for name, slices in (("ref", 4), ("a", 1))
    ]
    with pytest.raises(MaskError, match=r"a.nii.gz: size: found 4 x 4 x 1, expected 4 x 4 x 4.*ref.nii.gz"):
        check_grid(masks[1], masks[0])


@pytest.mark.parametrize("keep", [0, 30, 300])
def test_truncated_files_are_refused(tmp_path: Path, write_mask: Writer, keep: int) -> None:
    noise = np.random.default_rng(0).integers(0, 4, (30, 30, 30)).astype(np.uint8)
    path = write_mask(tmp_path / "a.nii.gz", noise)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(MaskError, match="a.nii.gz: cannot be read as NIfTI"):
        read_mask(path, LABELS)


def test_a_flipped_bit_is_refused(tmp_path: Path, write_mask: Writer) -> None:
    noise = np.random.default_rng(0).integers(0, 4, (30, 30, 30)).astype(np.uint8)
    path = write_mask(tmp_path / "a.nii.gz", noise)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(MaskError, match=r"a\.nii\.gz: "):
        read_mask(path, LABELS)


def test_colour_images_are_no_masks(tmp_path: Path, write_mask: Writer) -> None:
    color = np.zeros((3, 3, 3), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    path = write_mask(tmp_path / "a.nii.gz", color)
    with pytest.raises(MaskError, match="found voxels of type .*expected plain numbers"):
        read_mask(path, LABELS)


def test_folders_hold_masks(tmp_path: Path, write_mask: Writer) -> None:
    with pytest.raises(MaskError, match="no such folder"):
        list_masks(tmp_path / "none")
    with pytest.raises(MaskError, match="found no mask"):
        list_masks(tmp_path)
    (tmp_path / "plans.json").write_text("{}")
    (tmp_path / ".partial-b.nii.gz").write_text("half")
    path = write_mask(tmp_path / "knee.1.nii.gz", np.zeros((2, 2, 2), np.uint8))
    assert list_masks(tmp_path) == {"knee.1": path}
    write_mask(tmp_path / "knee.1.nii", np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(MaskError, match=r"exam knee\.1: found twice"):
        list_masks(tmp_path)


def test_missing_and_extra_masks_are_named() -> None:
    files = {"a": Path("a"), "b": Path("b")}
    with pytest.raises(
        MaskError, match=r"of every rater, as anna has: .*\n  net: missing b\n  other: extra c"
    ):
        match_exams({"anna": files, "net": {"a": Path("a")}, "other": {**files, "c": Path("c")}})
    with pytest.raises(MaskError, match=r"anna: missing c; expected the same 3 exams .* cohort.csv"):
        match_exams({"anna": files}, ["a", "b", "c"])


def test_a_folder_called_as_a_file_and_a_file_for_a_folder_are_said_to_be_so(
    tmp_path: Path, write_mask: Writer
) -> None:
    path = write_mask(tmp_path / "masks" / "e1.nii.gz", np.ones((4, 4, 2), np.uint8))
    with pytest.raises(MaskError, match="e1.nii.gz: found a file; expected a folder with"):
        list_masks(path)
    (tmp_path / "masks" / "e2.nii.gz").mkdir()
    with pytest.raises(MaskError, match="e2.nii.gz: found a folder, expected a file of a mask"):
        list_masks(tmp_path / "masks")


def test_advice_is_that_of_who_reads(tmp_path: Path, write_mask: Writer) -> None:
    path = write_mask(tmp_path / "e1.nii.gz", np.full((4, 4, 2), 2, np.uint8))
    with pytest.raises(MaskError, match="expected 0, 1; draw it again$"):
        read_mask(path, (0, 1), advice="draw it again")
