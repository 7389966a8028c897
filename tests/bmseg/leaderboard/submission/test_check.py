"""Submissions that are sound, in all the ways in which masks are written; and what is said of the others."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from bmseg.leaderboard.challenge import Contract
from bmseg.leaderboard.submission import CheckedSubmission, check_submission, masks_sha256
from bmseg.untrusted.listing import list_folder
from dataset_conversion.images import Volume
from evaluation.masks.reading import MaskError, check_grid, read_mask
from tests.bmseg.leaderboard.submission.hostile_masks import (
    AFFINE,
    ARRAY,
    CONTRACT,
    LABELS,
    SIZE,
    mask,
    nifti,
    packed,
)
from tests.bmseg.leaderboard.submission.hostile_zips import FIRST, SECOND, SOUND, entry, zipped


def folder_of(tmp_path: Path, files: dict[str, bytes], name: str = "masks") -> Path:
    folder = tmp_path / name
    folder.mkdir()
    for file, content in files.items():
        (folder / file).write_bytes(content)
    return folder


def zip_of(
    tmp_path: Path, entries: list, name: str = "masks.zip", compression: int = zipfile.ZIP_STORED
) -> Path:
    path = tmp_path / name
    path.write_bytes(zipped(entries, compression))
    return path


def sound(source: Path, contract: Contract = CONTRACT) -> CheckedSubmission:
    """Check a submission without a fault that holds every exam."""
    checked = check_submission(source, contract)
    assert checked.faults == []
    assert checked.missing == []
    assert list(checked.masks) == sorted(contract.exams)
    return checked


def assert_first(checked: CheckedSubmission, expected: np.ndarray = ARRAY) -> None:
    found = checked.masks["case_1"]
    assert found.array.dtype == np.uint8
    np.testing.assert_array_equal(found.array, expected)
    np.testing.assert_allclose(found.affine, AFFINE, atol=1e-5)


@pytest.fixture
def plain(tmp_path: Path) -> CheckedSubmission:
    return sound(folder_of(tmp_path, dict(SOUND), "plain"))


def test_a_folder(plain: CheckedSubmission) -> None:
    assert_first(plain)
    assert plain.notices == []
    assert plain.masks["case_1"].source == str(plain.source / FIRST)


def test_what_the_hash_is_of(plain: CheckedSubmission) -> None:
    digest = hashlib.sha256(b"bmseg masks 1\n")
    for exam in ("case_1", "case_2"):
        digest.update(json.dumps([exam, list(SIZE), AFFINE.tolist()]).encode() + b"\n")
        digest.update(bytes(ARRAY.ravel(order="F")))
    assert plain.sha256 == digest.hexdigest()


def test_the_same_masks_have_the_same_hash(tmp_path: Path, plain: CheckedSubmission) -> None:
    top = [(f"my masks/{name}", content) for name, content in SOUND]
    with_folder = [entry("my masks/", b""), *top, ("__MACOSX/my masks/._case_1.nii.gz", b"x")]
    link = tmp_path / "link"
    link.symlink_to(plain.source)
    sources = [
        link,
        zip_of(tmp_path, SOUND, "a.zip"),
        zip_of(tmp_path, SOUND, "b.zip", zipfile.ZIP_DEFLATED),
        zip_of(tmp_path, top, "c.zip"),
        zip_of(tmp_path, with_folder, "d.zip"),
        folder_of(
            tmp_path, {FIRST: packed(nifti(), 9), SECOND: packed(nifti(ARRAY.astype(np.int64)), 1)}, "e"
        ),
    ]
    for source in sources:
        checked = sound(source)
        assert_first(checked)
        assert checked.sha256 == plain.sha256


def test_other_formats_are_the_same_masks(tmp_path: Path, plain: CheckedSubmission) -> None:
    image = sitk.GetImageFromArray(ARRAY.T)
    world = np.diag([-1.0, -1, 1, 1]) @ AFFINE
    spacing = np.linalg.norm(world[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((world[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(world[:3, 3].tolist())
    kinds = {"nii": nifti(), "gz.nrrd": b"", "raw.nrrd": b"", "gz.mha": b"", "raw.mha": b""}
    for kind in kinds:
        if kind != "nii":
            path = tmp_path / kind
            sitk.WriteImage(sitk.Cast(image, sitk.sitkInt16), path, kind.startswith("gz"))
            kinds[kind] = path.read_bytes()
    for kind, content in kinds.items():
        ending = kind.rpartition(".")[2]
        source = folder_of(tmp_path, {f"case_1.{ending}": content, SECOND: mask()}, f"of {kind}")
        assert sound(source).sha256 == plain.sha256
        # Cut anywhere, it is refused in a line; longer, too.
        ends = () if kind.endswith("mha") else (len(content) - 9, len(content) + 9)
        for length in (0, 50, len(content) // 2, *ends):
            (source / f"case_1.{ending}").write_bytes((content + bytes(9))[:length])
            (fault,) = check_submission(source, CONTRACT).faults
            assert fault.file == f"case_1.{ending}"
            assert "\n" not in str(fault)
    twice = folder_of(tmp_path, {"case_1.nii": nifti(), FIRST: mask(), SECOND: mask()}, "twice")
    assert str(check_submission(twice, CONTRACT).faults[0]) == (
        f"{FIRST}: found 2 times, expected once; none was read"
    )


def test_other_masks_have_another_hash(tmp_path: Path, plain: CheckedSubmission) -> None:
    other = ARRAY.copy()
    other[0, 0, 0] = 3
    swapped = folder_of(tmp_path, {FIRST: mask(other), SECOND: mask()}, "swapped")
    back = folder_of(tmp_path, {FIRST: mask(), SECOND: mask(other)}, "back")
    one = check_submission(folder_of(tmp_path, {FIRST: mask()}, "one"), CONTRACT)
    assert len({plain.sha256, sound(swapped).sha256, sound(back).sha256, one.sha256}) == 4


def test_the_hash_of_masks_read_elsewhere(plain: CheckedSubmission) -> None:
    masks = {exam: read_mask(plain.source / f"{exam}.nii.gz", LABELS) for exam in CONTRACT.exams}
    assert masks_sha256(masks, CONTRACT) == plain.sha256


@pytest.mark.parametrize("kind", ["i1", "u2", ">i2", "u4", ">i4", "i8", "u8", "f4", ">f4", "f8", ">f8"])
def test_types_and_byte_orders(tmp_path: Path, kind: str) -> None:
    array = ARRAY.astype(kind)
    order = ">" if kind[0] == ">" else "<"
    header = nib.Nifti1Header(endianness=order)
    header.set_data_dtype(array.dtype)
    content = nib.Nifti1Image(array, AFFINE, header).to_bytes()
    assert (content[0] == 0) == (order == ">")
    assert_first(sound(folder_of(tmp_path, {FIRST: packed(content), SECOND: mask()})))


def _with_extension() -> bytes:
    image = nib.Nifti1Image(ARRAY, AFFINE)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"made by hand" * 100))
    return packed(image.to_bytes())


def _in_pieces() -> bytes:
    content = nifti()
    return b"".join(packed(content[start : start + 100]) for start in range(0, len(content), 100))


def _without_sform() -> bytes:
    image = nib.Nifti1Image(ARRAY, None)
    image.set_qform(AFFINE, code=1)
    image.set_sform(None, code=0)
    return packed(image.to_bytes())


@pytest.mark.parametrize(
    "make",
    [
        lambda: packed(nib.Nifti2Image(ARRAY, AFFINE).to_bytes()),
        lambda: mask(ARRAY[..., np.newaxis, np.newaxis]),
        _with_extension,
        _in_pieces,
        _without_sform,
        lambda: mask() + bytes(512),
        lambda: mask(scl_slope=0.0, scl_inter=5.0),  # a slope of 0 means none
    ],
    ids=["NIfTI-2", "five dimensions", "extension", "members", "qform only", "padded", "slope 0"],
)
def test_other_ways_to_write_a_mask(tmp_path: Path, make: Callable[[], bytes]) -> None:
    checked = sound(folder_of(tmp_path, {FIRST: make(), SECOND: mask()}))
    assert_first(checked)
    assert checked.notices == []


def test_scaled_voxels_are_read_as_nibabel_reads_them(tmp_path: Path) -> None:
    array = ARRAY % 2
    folder = folder_of(tmp_path, {FIRST: mask(array, scl_slope=2.0, scl_inter=1.0), SECOND: mask()})
    checked = sound(folder)
    assert_first(checked, np.asarray(nib.load(folder / FIRST).dataobj))
    assert set(np.unique(checked.masks["case_1"].array)) == {1, 3}
    assert checked.notices == [f"{FIRST}: scl_slope 2 and scl_inter 1: voxels were read as scaled by them"]


def test_labels_that_are_not_consecutive(tmp_path: Path) -> None:
    contract = CONTRACT.model_copy(update={"labels": [0, 7, 255]})
    array = np.array([0, 7, 255, 7], np.uint8)[ARRAY]
    checked = sound(folder_of(tmp_path, {FIRST: mask(array), SECOND: mask(array)}), contract)
    assert_first(checked, array)


def test_two_forms_that_disagree(tmp_path: Path) -> None:
    image = nib.Nifti1Image(ARRAY, AFFINE)
    image.set_qform(AFFINE @ np.diag([1, 1, 2, 1]), code=1)
    checked = sound(folder_of(tmp_path, {FIRST: packed(image.to_bytes()), SECOND: mask()}))
    assert_first(checked)
    said = "sform and qform: found voxels of 0.9 x 0.9 x 3.5 mm and 0.9 x 0.9 x 7 mm, expected one size"
    (notice,) = checked.notices
    assert notice.startswith(f"{FIRST}: {said}")


def test_by_products_are_counted_and_named(tmp_path: Path) -> None:
    more = [
        "dataset.json",
        "plans.json",
        "predict_from_raw_data_args.json",
        "made_from.json",
        "summary.json",
        ".lock",
        ".DS_Store",
        "Thumbs.db",
    ]
    files = dict(SOUND) | dict.fromkeys([*more, "._case_1.nii.gz", "._case_2.nii.gz"], b"{}")
    folder = folder_of(tmp_path, files)
    (folder / "__MACOSX").mkdir()
    said = (
        "ignored 10 by-products: .DS_Store, ._* (2), .lock*, Thumbs.db, dataset.json, made_from.json, "
        "plans.json, predict_from_raw_data_args.json, summary.json"
    )
    assert sound(folder).notices == [said]
    mac = zip_of(tmp_path, [*SOUND, ("__MACOSX/a/._x", b""), ("__MACOSX/._y", b"")])
    assert sound(mac).notices == ["ignored 2 by-products: __MACOSX/* (2)"]


def test_a_missing_exam_is_no_fault(tmp_path: Path) -> None:
    checked = check_submission(folder_of(tmp_path, {SECOND: mask()}), CONTRACT)
    assert checked.faults == []
    assert checked.missing == ["case_1"]
    assert list(checked.masks) == ["case_2"]


def test_every_fault_is_listed_by_file(tmp_path: Path) -> None:
    moved = AFFINE.copy()
    moved[0, 3] += 1
    bad = packed(nifti(np.full(SIZE, 9, np.uint8), moved) + b"more")
    folder = folder_of(tmp_path, {FIRST: bad, SECOND: b"", "notes.txt": b"", "case_3.nii.gz": mask()})
    checked = check_submission(folder, CONTRACT)
    grid = "(the exam's grid); masks are never resampled: export it on the exam's grid"
    extra = "found no mask of a test exam, expected <exam>.nii.gz for each test exam only; remove it"
    assert list(map(str, checked.faults)) == [
        f"case_3.nii.gz: {extra}",
        f"notes.txt: {extra}",
        f"{FIRST}: origin: found (11, 5, -7) mm, expected (10, 5, -7) mm {grid}",
        f"{FIRST}: label: found 9 in 60 voxels, expected 0, 1, 2, 3; correct the mask",
        f"{FIRST}: found bytes after the last voxel, expected none; export it again",
        f"{SECOND}: found an empty file, expected a mask",
    ]
    assert checked.masks == {}
    assert checked.missing == []


def test_a_file_with_a_fault_in_a_folder_of_a_zip_is_not_missing(tmp_path: Path) -> None:
    entries = [(f"top/{FIRST}", b""), (f"top/{SECOND}", mask())]
    checked = check_submission(zip_of(tmp_path, entries), CONTRACT)
    assert [fault.file for fault in checked.faults] == [f"top/{FIRST}"]
    assert checked.missing == []


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(tmp_path, dict(SOUND))

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("bmseg.untrusted.listing.os.open", refuse)
    faults = check_submission(folder, CONTRACT).faults
    assert len(faults) == 2
    assert faults[0].text == "cannot be read (Permission denied); make the submission again"


def test_files_that_change_after_the_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is followed, waited for, or read further than it was listed."""
    exams = ["grown", "link", "pipe"]
    contract = CONTRACT.model_copy(update={"exams": dict.fromkeys(exams, CONTRACT.exams["case_1"])})
    folder = folder_of(tmp_path, dict.fromkeys([f"{exam}.nii.gz" for exam in exams], mask()))
    listed = list_folder(folder, 100)
    monkeypatch.setattr("bmseg.leaderboard.submission.list_folder", lambda *_: listed)
    assert sound(folder, contract).faults == []
    (folder / "grown.nii.gz").write_bytes(mask() + bytes(1))
    (folder / "link.nii.gz").rename(tmp_path / "elsewhere.nii.gz")
    (folder / "link.nii.gz").symlink_to(tmp_path / "elsewhere.nii.gz")
    (folder / "pipe.nii.gz").unlink()
    os.mkfifo(folder / "pipe.nii.gz")
    assert list(map(str, check_submission(folder, contract).faults)) == [
        "grown.nii.gz: found more bytes than were listed; make the submission again",
        "link.nii.gz: cannot be read (Too many levels of symbolic links); make the submission again",
        "pipe.nii.gz: cannot be read (no plain file any more); make the submission again",
    ]


def test_a_grid_of_no_numbers_is_no_other_grid() -> None:
    """Comparisons with NaN are false both ways; the check says so all the same."""
    sound_map = Volume(ARRAY, AFFINE, "a")
    affine = AFFINE.copy()
    affine[0, 3] = np.nan
    with pytest.raises(MaskError, match="origin: found"):
        check_grid(Volume(ARRAY, affine, "b"), sound_map)
