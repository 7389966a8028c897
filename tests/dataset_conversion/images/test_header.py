"""Headers as scanners, viewers and scripts write them: one place, in mm, or a word on what is wrong."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from dataset_conversion.images import ConversionError, as_labels, as_volume, read_volume
from tests.support.headers import AFFINE, ML, block, save, scaled


def millilitres(path: Path) -> float:
    volume = as_volume(path)
    return float((volume.array > 0).sum() * volume.grid.voxel_ml)


def units(name: str) -> Callable[[nib.Nifti1Image], None]:
    return lambda image: image.header.set_xyzt_units(name)


@pytest.mark.parametrize(
    ("scale", "unit", "note"),
    [
        (1, "mm", None),
        (1, "unknown", None),
        (1000, "micron", "xyzt_units: found micrometres; converted to mm: voxels of 0.9 x 0.9 x 3.5 mm"),
        (0.001, "meter", "xyzt_units: found m; converted to mm: voxels of 0.9 x 0.9 x 3.5 mm"),
    ],
)
def test_whatever_the_unit_the_volume_is_in_ml(
    tmp_path: Path, scale: float, unit: str, note: str | None
) -> None:
    affine = AFFINE @ np.diag([scale, scale, scale, 1])
    affine[:3, 3] = np.array([10.0, -20, 30]) * scale
    volume = as_volume(save(tmp_path / "a.nii.gz", affine, units(unit)))
    assert volume.notes == ((note,) if note else ())
    assert millilitres(tmp_path / "a.nii.gz") == pytest.approx(ML, rel=1e-5)
    np.testing.assert_allclose(volume.affine[:3, 3], [10, -20, 30], rtol=1e-5)
    # A second file in mm is on the same grid: tolerances are in mm.
    origin = AFFINE.copy()
    origin[:3, 3] = [10, -20, 30]
    assert volume.grid.difference(as_volume(save(tmp_path / "b.nii.gz", origin)).grid) is None


@pytest.mark.parametrize(
    ("scale", "unit"), [(1000, "unknown"), (1000, "mm"), (0.001, "unknown"), (300, "mm")]
)
def test_a_voxel_size_that_no_scanner_has_is_named(tmp_path: Path, scale: float, unit: str) -> None:
    path = save(tmp_path / "a.nii.gz", AFFINE @ np.diag([scale, scale, scale, 1]), units(unit))
    (note,) = as_volume(path).notes
    assert note.startswith("spacing: found ")
    assert ("no unit, taken for mm" in note) == (unit == "unknown")


def test_a_unit_that_no_standard_has_is_refused(tmp_path: Path) -> None:
    def edit(image: nib.Nifti1Image) -> None:
        image.header["xyzt_units"] = 5

    with pytest.raises(ConversionError, match=r"a\.nii\.gz: xyzt_units: found 5, expected 1 \(m\)"):
        as_volume(save(tmp_path / "a.nii.gz", edit=edit))


def sform(affine: np.ndarray, code: int = 1) -> Callable[[nib.Nifti1Image], None]:
    return lambda image: image.set_sform(affine, code)


SHIFTED, TURNED, MIRRORED = AFFINE.copy(), AFFINE.copy(), AFFINE @ np.diag([-1, 1, 1, 1])
SHIFTED[0, 3] = 5
TURNED[:3, :3] = nib.eulerangles.euler2mat(0.1) @ AFFINE[:3, :3]


@pytest.mark.parametrize(
    ("affine", "says"),
    [
        (SHIFTED, "their origins differ"),
        (TURNED, "their directions differ"),
        (MIRRORED, "they are mirror images of each other"),
        (AFFINE @ np.diag([1, 1, -1, 1]), "they are mirror images of each other"),
        (AFFINE @ np.diag([-1, -1, 1, 1]), "their directions differ"),
    ],
)
def test_two_places_in_one_header_are_named(tmp_path: Path, affine: np.ndarray, says: str) -> None:
    volume = as_volume(save(tmp_path / "a.nii.gz", edit=sform(affine)))
    assert volume.notes == (f"sform and qform: {says}; the sform was used, some viewers use the qform",)
    np.testing.assert_allclose(volume.affine, affine, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1, 1), (-1, -1, 1), (0.9, 0.9, 1), (9, 9, 35)])
def test_an_sform_of_another_voxel_size_is_refused(tmp_path: Path, size: tuple[float, ...]) -> None:
    path = save(tmp_path / "a.nii.gz", edit=sform(np.diag([*size, 1.0])))
    with pytest.raises(
        ConversionError, match=r"sform and qform: found voxels of .* and 0\.9 x 0\.9 x 3\.5 mm"
    ):
        as_volume(path)


def test_within_tolerance_or_with_one_form_nothing_is_said(tmp_path: Path) -> None:
    near = AFFINE.copy()
    near[0, 3] = 0.005
    assert as_volume(save(tmp_path / "a.nii.gz", edit=sform(near))).notes == ()
    without = as_volume(save(tmp_path / "b.nii.gz", edit=sform(np.diag([1.0, 1, 1, 1]), 0)))
    assert without.notes == ()
    np.testing.assert_allclose(without.affine, AFFINE, atol=1e-5)


def test_a_qform_that_is_no_rotation_is_named(tmp_path: Path) -> None:
    def edit(image: nib.Nifti1Image) -> None:
        image.header["quatern_b"], image.header["quatern_c"] = 2.0, 2.0

    assert as_volume(save(tmp_path / "a.nii.gz", edit=edit)).notes == (
        "qform: found no rotation; the sform was used",
    )


def test_labels_that_were_stored_scaled_are_taken_with_a_note(tmp_path: Path) -> None:
    path = scaled(tmp_path / "a.nii")
    assert 0 < abs(nib.load(path).get_fdata().max() - 1) < 1e-3
    mask = as_labels(path, (0, 1, 2, 3))
    np.testing.assert_array_equal(mask.array, block())
    assert mask.array.dtype == np.uint8
    assert "they were rounded" in mask.notes[0]
    with pytest.raises(ConversionError, match=r"found values up to 4\.58e-05 and none that is a label"):
        as_labels(block() * (3 / 65535), (0, 1))
    tiny = as_labels(block() * 0.9999999, (0, 1))
    assert tiny.notes == ("label: found values up to 1e-07 off whole numbers; they were rounded",)
    with pytest.raises(ConversionError, match=r"label: found 1\.002 in 576 of 2880 voxels, expected 0, 1$"):
        as_labels(block() * 1.002, (0, 1))
    with pytest.raises(ConversionError, match=r"label: found 1\.50000001 in 576 of 2880 voxels"):
        as_labels(block() * 1.50000001, (0, 1))


def test_probabilities_and_pictures_have_words_of_their_own() -> None:
    rng = np.random.default_rng(1)
    soft = block() * rng.uniform(0.056, 0.99, block().shape)
    with pytest.raises(
        ConversionError, match="values between 0 and 1 .* as of probabilities, .* cut them at"
    ):
        as_labels(soft, (0, 1))
    for steps in ((0, 255), (0, 85, 170, 255), (0, 64, 128, 191, 255)):
        spread = np.array(steps, np.uint8)[np.arange(len(steps) * 8).reshape(2, 4, -1) % len(steps)]
        with pytest.raises(ConversionError, match="as of a picture whose labels are spread over 0 to 255"):
            as_labels(spread, (0, 1, 2, 3))
    with pytest.raises(ConversionError, match=r"found 7 in 1 of 2 voxels, expected 0, 1"):
        as_labels(np.array([[[0, 7]]]), (0, 1))


def test_a_slice_is_a_volume_of_one(tmp_path: Path) -> None:
    flat = save(tmp_path / "a.nii.gz", array=block()[..., 2])
    volume = read_volume(flat)
    assert volume.array.shape == (24, 20, 1)
    image = sitk.GetImageFromArray(block()[..., 2].T)
    image.SetSpacing((0.9, 0.9))
    assert as_volume(image).array.shape == (24, 20, 1)


def test_a_metaimage_is_what_its_nifti_is(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", TURNED)
    sitk.WriteImage(sitk.ReadImage(path), tmp_path / "a.mha", useCompression=True)
    expected, found = read_volume(path), read_volume(tmp_path / "a.mha")
    np.testing.assert_array_equal(found.array, expected.array)
    assert found.grid.difference(expected.grid) is None
    cut = (tmp_path / "a.mha").read_bytes()[:400]
    (tmp_path / "b.mha").write_bytes(cut)
    with pytest.raises(ConversionError, match=r"b\.mha: cannot be read as MetaImage, truncated or damaged"):
        read_volume(tmp_path / "b.mha")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"0" * 400, "a PNG picture"),
        (b"NRRD0004\n" + b"0" * 400, "NRRD"),
        (b"\0" * 128 + b"DICM" + b"\0" * 300, "DICOM"),
        (b"PK\x03\x04" + b"0" * 400, "a ZIP archive"),
        (b"\x93NUMPY" + b"0" * 400, r"a NumPy array \(\.npy\)"),
    ],
)
def test_another_kind_of_file_is_called_what_it_is(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "a.nii.gz").write_bytes(content)
    with pytest.raises(ConversionError, match=rf"a\.nii\.gz: found {kind}, expected NIfTI or MetaImage"):
        read_volume(tmp_path / "a.nii.gz")


def test_another_order_of_axes_is_called_so(tmp_path: Path) -> None:
    volume = as_volume(save(tmp_path / "a.nii.gz", TURNED))
    other = volume.stored_as("coronal")
    assert str(other.grid.difference(volume.grid)) == (
        f"axis order: found LIP, expected {volume.axis_order}, in which it has the same places"
    )
    moved = AFFINE.copy()
    moved[0, 3] = 1
    elsewhere = as_volume(save(tmp_path / "b.nii.gz", moved)).stored_as("coronal")
    assert elsewhere.grid.difference(volume.grid).field == "size"  # type: ignore[union-attr]


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize(
    ("place", "forms", "message"),
    [
        (80, (0, 0), r"pixdim: found voxels of (0|nan|inf) x 0.9 x 3.5 mm and no sform, expected mm above 0"),
        (80, (1, 0), r"pixdim: found voxels of (0|nan|inf) x 0.9 x 3.5 mm and no sform, expected mm above 0"),
        (280, (0, 1), r"affine: found \[(0|nan|inf), .*, expected an invertible one"),
    ],
)
def test_voxels_without_a_size_are_refused(
    value: float, ending: str, place: int, forms: tuple[int, int], message: str, tmp_path: Path
) -> None:
    """Of 0 nibabel makes 1 and says nothing in the image."""
    plain = save(tmp_path / "plain.nii")
    content = bytearray(plain.read_bytes())
    content[place : place + 4] = struct.pack("<f", value)
    content[252:256] = struct.pack("<2h", *forms)
    path = tmp_path / f"a{ending}"
    path.write_bytes(gzip.compress(content) if ending == ".nii.gz" else content)
    with pytest.raises(ConversionError, match=f"^{path}: {message}; export it again$"):
        as_labels(path)


def test_a_slice_needs_no_step_to_the_next(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", array=block()[:, :, 1])
    content = bytearray(path.read_bytes())
    content[88:92] = struct.pack("<f", 0)
    content[252:256] = struct.pack("<2h", 0, 0)
    path.write_bytes(content)
    assert as_labels(path).spacing[:2] == pytest.approx([0.9, 0.9])
