from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from dataset_conversion.images import STORAGE_ORDER, ConversionError, Volume, read_volume, write_volume

OBLIQUE = nib.affines.from_matvec(
    nib.eulerangles.euler2mat(0.1, 0.2, 0.3) @ np.diag([0.9, 3.5, 0.8]), [10.0, -20.0, 30.0]
)


@pytest.fixture
def volume() -> Volume:
    return Volume(np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6), OBLIQUE)


@pytest.mark.parametrize("plane", STORAGE_ORDER)
def test_storage_order_keeps_every_voxel_at_its_place(volume: Volume, plane: str) -> None:
    stored = volume.stored_as(plane)
    assert "".join(nib.aff2axcodes(stored.affine)) == STORAGE_ORDER[plane]
    for value in (0, 17, 119):
        here = np.argwhere(volume.array == value)[0]
        there = np.argwhere(stored.array == value)[0]
        np.testing.assert_allclose(volume.affine @ [*here, 1], stored.affine @ [*there, 1], atol=1e-9)


def test_simpleitk_reads_the_slices_as_first_axis(tmp_path: Path, volume: Volume) -> None:
    """What nnU-Net sees: slices first, the spacing between them first."""
    stored = volume.stored_as("coronal")
    write_volume(tmp_path / "exam.nii.gz", stored)
    image = sitk.ReadImage(tmp_path / "exam.nii.gz")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), stored.array.T)
    np.testing.assert_allclose(image.GetSpacing()[::-1], [3.5, 0.8, 0.9], atol=1e-5)


def test_grid_and_voxels_survive_the_file(tmp_path: Path, volume: Volume) -> None:
    path = tmp_path / "exam.nii.gz"
    write_volume(path, volume)
    found = read_volume(path)
    assert found.grid.difference(volume.grid) is None
    np.testing.assert_array_equal(found.array, volume.array)
    assert repr(found) == f"Volume(int16 on Grid(4 x 5 x 6 voxels of 0.9 x 3.5 x 0.8 mm) of {path})"


def test_volumes_are_not_compared_voxel_by_voxel(volume: Volume) -> None:
    assert volume == volume
    assert volume != Volume(volume.array, volume.affine)


def test_truncated_file_is_refused_by_name(tmp_path: Path, volume: Volume) -> None:
    path = tmp_path / "exam.nii.gz"
    big = np.random.default_rng(0).integers(0, 1000, (40, 40, 10), dtype=np.int16)
    write_volume(path, Volume(big, volume.affine))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ConversionError, match=r"exam\.nii\.gz: cannot be read .* export it again"):
        read_volume(path)


def test_sheared_grid_is_refused(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[0, 1] = 0.2
    image = nib.Nifti1Image(np.zeros((3, 3, 3), np.uint8), affine)
    image.set_sform(affine, 1)
    nib.save(image, tmp_path / "exam.nii.gz")
    with pytest.raises(ConversionError, match="right angles"):
        read_volume(tmp_path / "exam.nii.gz")


def test_a_grid_without_extent_is_refused(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((3, 3, 3), np.uint8), np.eye(4))
    image.set_sform(np.diag([0.0, 1, 1, 1]), 1)
    nib.save(image, tmp_path / "exam.nii.gz")
    with pytest.raises(
        ConversionError, match=r"exam.nii.gz: affine: found \[0, 0, 0, 0; .* an invertible one"
    ):
        read_volume(tmp_path / "exam.nii.gz")


def test_further_axes_of_one_are_left_out(tmp_path: Path, volume: Volume) -> None:
    nib.save(nib.Nifti1Image(volume.array[..., None, None], volume.affine), tmp_path / "exam.nii.gz")
    np.testing.assert_array_equal(read_volume(tmp_path / "exam.nii.gz").array, volume.array)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, volume: Volume) -> None:
    path = tmp_path / "exam.nii.gz"
    write_volume(path, volume)
    before = path.read_bytes()
    with pytest.raises(nib.spatialimages.HeaderDataError, match="not supported"):
        write_volume(path, Volume(np.array(["text"] * 8).reshape(2, 2, 2), volume.affine))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["exam.nii.gz"]
