"""Probability maps in the forms that programs write, and what is no probability."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from dataset_conversion.images import ConversionError, Volume
from dataset_conversion.mask_files.labels import Labels
from dataset_conversion.mask_files.probabilities import Probabilities, list_probabilities, read_probabilities

LABELS = Labels({"level1": 1, "level2": 5}, {})
AFFINE = np.array([[-0.9, 0, 0, 4], [0, 0, 0.8, 5], [0, 3.5, 0, 6], [0, 0, 0, 1.0]])
SHAPE = (6, 5, 4)
FIRST = Volume(np.zeros(SHAPE, np.uint8), AFFINE, "first.nii.gz")


def shares_of(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([1, 1, 1], SHAPE).transpose(3, 0, 1, 2).astype(np.float32)


def save(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, AFFINE), path)
    return path


def written(root: Path, shares: np.ndarray) -> dict[str, Path]:
    """The same maps in every form."""
    last = np.moveaxis(shares, 0, -1)
    folder = root / "e1"
    for name, share in zip(("Background", "level1", "LEVEL2"), shares, strict=True):
        save(folder / f"{name}.nii.gz", share)
    for name, share in zip(("level1", "level2"), shares[1:], strict=True):
        save(root / "segmenter" / "segmentations" / f"{name}.nii.gz", share)
    archive = root / "nnunet" / "e1.npz"
    save(root / "nnunet" / "e1.nii.gz", np.zeros(SHAPE, np.uint8))
    np.savez_compressed(archive, probabilities=shares.transpose(0, 3, 2, 1).astype(np.float16))
    np.savez_compressed(root / "old.npz", softmax=shares.transpose(0, 3, 2, 1))
    return {
        "nifti": save(root / "e1.nii.gz", last),
        "without background": save(root / "labels.nii", last[..., 1:]),
        "fifth axis": save(root / "fifth.nii.gz", last[:, :, :, np.newaxis]),
        "folder": folder,
        "folder without background": root / "segmenter",
        "npz": archive,
        "npz of nnU-Net 1": root / "old.npz",
    }


FORMS = [
    "nifti", "without background", "fifth axis", "folder", "folder without background", "npz",
    "npz of nnU-Net 1",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same(tmp_path: Path, form: str) -> None:
    shares = shares_of()
    found = read_probabilities(written(tmp_path, shares)[form], LABELS, FIRST)
    assert found.shares == pytest.approx(shares, abs=1e-3 if form == "npz" else 1e-6)
    assert found.shares.sum(axis=0) == pytest.approx(1)
    assert found.label.grid.difference(FIRST.grid) is None
    assert np.array_equal(found.label.array, np.array([0, 1, 5])[shares.argmax(axis=0)])


def read_nifti(folder: Path, shares: np.ndarray) -> Probabilities:
    return read_probabilities(save(folder / "e.nii.gz", np.moveaxis(shares, 0, -1)), LABELS, FIRST)


def test_axes_in_another_order_stay_at_their_places(tmp_path: Path) -> None:
    straight = read_nifti(tmp_path, shares_of())
    turned = straight.in_order("RAS")
    assert turned.label.axis_order == "RAS"
    for there, here in zip(turned.shares, straight.shares, strict=True):
        assert np.array_equal(there, Volume(here, AFFINE).in_order("RAS").array)


def test_of_two_alike_the_first_counts(tmp_path: Path) -> None:
    shares = np.zeros((3, *SHAPE), np.float32)
    shares[:2] = 0.5
    assert not read_nifti(tmp_path, shares).label.array.any()


def test_archives_of_nnunet_are_meant_where_masks_lie_beside_them(tmp_path: Path) -> None:
    written(tmp_path, shares_of())
    assert list_probabilities(tmp_path / "nnunet") == {"e1": tmp_path / "nnunet" / "e1.npz"}
    (tmp_path / "nnunet" / "e1.npz").unlink()
    assert list_probabilities(tmp_path / "nnunet") == {"e1": tmp_path / "nnunet" / "e1.nii.gz"}
    with pytest.raises(ConversionError, match=r"nowhere: no such folder"):
        list_probabilities(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda maps: maps * 100, r"found 0\.\d+ to \d+\.?\d*, expected 0 to 1; divide them"),
        (lambda maps: maps * 8 - 4, r"found -[\d.]+ to [\d.]+, expected 0 to 1; apply the softmax"),
        (lambda maps: np.where(maps > 0.9, np.nan, maps), r"found no finite number in \d+ of \d+ values"),
        (lambda maps: maps[:1], r"found 1 maps, expected 3 \(background, level1, level2\) or 2 without"),
        (lambda maps: np.concatenate([maps, maps]) / 2, r"found 6 maps, expected 3"),
        (lambda maps: maps * 0.9, r"found sums off 1 in 120 of 120 voxels \(such as 0\.9\), expected 1;"),
        (
            lambda maps: maps[1:] * 0 + 0.7,
            r"found sums off 1 in 120 of 120 voxels \(such as 1\.4\), expected at most 1",
        ),
    ],
)
def test_what_is_no_probability_is_refused(tmp_path: Path, change: object, said: str) -> None:
    maps = change(shares_of())  # type: ignore[operator]
    path = save(tmp_path / "e.nii.gz", np.moveaxis(maps, 0, -1).astype(np.float32))
    with pytest.raises(ConversionError, match=rf"^{path}: probabilities: {said}") as caught:
        read_probabilities(path, LABELS, FIRST)
    assert "\n" not in str(caught.value)


def test_damaged_files_are_refused_by_name(tmp_path: Path) -> None:
    forms = written(tmp_path, shares_of())
    for form in ("nifti", "npz"):
        path = forms[form]
        whole = path.read_bytes()
        for damaged in (b"", whole[:40], whole[: len(whole) // 2], b"PK\x03\x04" + whole[4:30]):
            path.write_bytes(damaged)
            with pytest.raises(ConversionError, match=rf"^{path}: cannot be read") as caught:
                read_probabilities(path, LABELS, FIRST)
            assert "\n" not in str(caught.value)
    np.savez(tmp_path / "other.npz", data=np.zeros(3))
    with pytest.raises(ConversionError, match="found no array of that name, expected nnU-Net's"):
        read_probabilities(tmp_path / "other.npz", LABELS, FIRST)
    np.savez(tmp_path / "small.npz", probabilities=np.full((3, 2, 2, 2), 1 / 3))
    with pytest.raises(
        ConversionError, match="found maps of 2 x 2 x 2 voxels, expected 6 x 5 x 4 as of first"
    ):
        read_probabilities(tmp_path / "small.npz", LABELS, FIRST)


def test_folders_lack_no_label_and_have_none_twice(tmp_path: Path) -> None:
    folder = written(tmp_path, shares_of())["folder"]
    save(folder / "level3.nii.gz", shares_of()[0])
    with pytest.raises(ConversionError, match="found 'level3', expected background or one of level1, level2"):
        read_probabilities(folder, LABELS, FIRST)
    (folder / "level3.nii.gz").rename(folder / "0.nii.gz")
    with pytest.raises(ConversionError, match="found a second map of it"):
        read_probabilities(folder, LABELS, FIRST)
    (folder / "0.nii.gz").unlink()
    (folder / "level1.nii.gz").unlink()
    with pytest.raises(ConversionError, match="found no map of level1, expected one a label"):
        read_probabilities(folder, LABELS, FIRST)


def test_a_header_of_more_voxels_than_fit_into_memory_ends_in_a_line(tmp_path: Path) -> None:
    header = nib.Nifti1Header()
    header.set_data_dtype(np.float32)
    header.set_data_shape((30_000, 30_000, 30_000, 3))
    header["magic"], header["vox_offset"] = b"n+1\0", 352
    (tmp_path / "e1.nii").write_bytes(header.binaryblock + bytes(400))
    (tmp_path / "e2.nii.gz").write_bytes(gzip.compress(header.binaryblock + bytes(400)))
    with zipfile.ZipFile(tmp_path / "e3.npz", "w") as archive, archive.open("probabilities.npy", "w") as file:
        shape = {"descr": "<f4", "fortran_order": False, "shape": (3, 30_000, 30_000, 30_000)}
        np.lib.format.write_array_header_1_0(file, shape)
    for name in ("e1.nii", "e2.nii.gz", "e3.npz"):
        path = tmp_path / name
        with pytest.raises(ConversionError, match=rf"^{path}: found a header of more voxels than fit"):
            read_probabilities(path, LABELS, FIRST)


def test_a_checksum_that_does_not_fit_is_found_in_maps_too(tmp_path: Path) -> None:
    path = save(tmp_path / "e.nii.gz", np.moveaxis(shares_of(), 0, -1).astype(np.float32))
    whole = path.read_bytes()
    path.write_bytes(whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:])
    with pytest.raises(ConversionError, match=rf"^{path}: cannot be read as NIfTI, truncated or damaged"):
        read_probabilities(path, LABELS, FIRST)


def test_what_is_no_map_a_label_is_refused(tmp_path: Path) -> None:
    missing = tmp_path / "none.npz"
    with pytest.raises(ConversionError, match=rf"^{missing}: no such file"):
        read_probabilities(missing, LABELS, FIRST)
    path = save(tmp_path / "e.nii.gz", np.zeros((6, 5, 4, 2, 3), np.float32))
    with pytest.raises(ConversionError, match="found 6 x 5 x 4 x 2 x 3 voxels of float32, expected"):
        read_probabilities(path, LABELS, FIRST)
    np.savez(tmp_path / "flat.npz", probabilities=np.zeros(3))
    with pytest.raises(ConversionError, match="found 1 dimensions of float64, expected nnU-Net's"):
        read_probabilities(tmp_path / "flat.npz", LABELS, FIRST)
    folder = written(tmp_path, shares_of())["folder"]
    nib.save(nib.Nifti1Image(shares_of()[0], np.diag([1.0, 1, 2, 1])), folder / "LEVEL2.nii.gz")
    with pytest.raises(ConversionError, match=r"LEVEL2\.nii\.gz: .*the grid of"):
        read_probabilities(folder, LABELS, FIRST)
