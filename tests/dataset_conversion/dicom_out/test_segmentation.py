"""Segmentations, written for real exams of every kind and read by three programs."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pydicom
import pytest
from highdicom.color import CIELabColor
from highdicom.seg import segread
from pydicom import Dataset
from pydicom.uid import generate_uid

from dataset_conversion.dicom.found_volume import FoundVolume
from dataset_conversion.dicom_out.origin import Origin, origin_of
from dataset_conversion.dicom_out.segmentation import mask_in, segmentation_of
from dataset_conversion.images import ConversionError
from tests.support.dicom_origins import MAKER, SEGMENTS, WHOLE, complaints, drawn_on, read_back, volumes_in
from tests.support.dicom_series import with_, write_slices
from tests.support.dixon_enhanced import philips_enhanced

# pydicom and highdicom warn of the names in the public series.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

#: One file a slice (GE, oblique; Siemens) and multi-frame (Philips, with and without a frame of reference,
#: oblique; Siemens).
SERIES = {
    "ibsi_sts_extremity/dicom/STS_025/MR_T1/image": 0.0,
    "ibsi_sts_extremity/dicom/STS_002/MR_T1/image": 0.0,
    "dicom2nifti_tests/ge": 3.0,
    "dcm_qa_xa30i/In/9001_gre_field_mapping": 11.8,
    "dicom2nifti_tests/philips_enhanced": 0.0,
    "dicom2nifti_tests/siemens_multiframe": 2.6,
    "dcm_qa_enh/In/Siemens": 0.0,
    "dcm_qa_enh/In/Philips": 0.0,
}


def written(mask: np.ndarray, origin: Origin, path: Path) -> pydicom.FileDataset:
    segmentation_of(mask, origin, SEGMENTS, MAKER, series_number=9).save_as(path, enforce_file_format=True)
    return pydicom.dcmread(path)


def by_pydicom(dataset: Dataset, origin: Origin) -> np.ndarray:
    """A mask of a SEG's frames, each put where its reference says."""
    places = {(one.sop_instance, one.frame): k for k, one in enumerate(origin.slices)}
    columns, rows, slices = origin.volume.shape
    mask = np.zeros((slices, rows, columns), dtype=np.uint8)
    frames = zip(dataset.PerFrameFunctionalGroupsSequence, dataset.pixel_array, strict=True)
    for frame, pixels in frames:
        (source,) = frame.DerivationImageSequence[0].SourceImageSequence
        place = places[source.ReferencedSOPInstanceUID, source.get("ReferencedFrameNumber")]
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        assert position == pytest.approx(origin.slices[place].position, abs=1e-9)
        mask[place][pixels != 0] = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
    return mask.transpose(2, 1, 0)


@pytest.mark.parametrize("series", SERIES)
def test_real_series_come_back_voxel_for_voxel(test_data: Path, tmp_path: Path, series: str) -> None:
    volume = volumes_in(test_data / series)[0]
    assert volume.obliqueness == pytest.approx(SERIES[series], abs=0.05)
    origin, mask = origin_of(volume), drawn_on(volume)
    path = tmp_path / "seg.dcm"
    dataset = written(mask, origin, path)
    np.testing.assert_array_equal(read_back(path, volume), mask)
    np.testing.assert_array_equal(by_pydicom(dataset, origin), mask)
    if origin.frame_of_reference:
        assert_highdicom_reads(path, volume, mask)
    assert [str(one.SegmentLabel) for one in dataset.SegmentSequence] == ["level1", "level2", "level3"]
    sources = {reference.ReferencedSOPInstanceUID for reference in dataset.SourceImageSequence}
    assert sources == {one.sop_instance for one in origin.slices}
    assert dataset.get("FrameOfReferenceUID", "") == origin.frame_of_reference
    shared = dataset.SharedFunctionalGroupsSequence[0]
    found = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    assert found == pytest.approx(origin.orientation, abs=1e-12)


def assert_highdicom_reads(path: Path, volume: FoundVolume, mask: np.ndarray) -> None:
    """On the same places of the patient: highdicom stacks slices in its own order."""
    found = segread(path).get_volume(combine_segments=True, rtol=0.02)
    affine = np.diag([-1, -1, 1, 1]) @ found.affine
    to_voxels = np.linalg.inv(volume.affine) @ affine
    index = np.argwhere(found.array != 0)
    places = np.rint(index @ to_voxels[:3, :3].T + to_voxels[:3, 3]).astype(int)
    assert len(index) == (mask != 0).sum()
    np.testing.assert_array_equal(found.array[tuple(index.T)], mask[tuple(places.T)])


def test_a_contrast_of_one_enhanced_object(test_data: Path, tmp_path: Path) -> None:
    """Water of four contrasts: frames 2, 6, 10 ... of 52 are what is referred to."""
    pytest.importorskip("dcm2niix")
    philips_enhanced(test_data, tmp_path / "in")
    water = next(v for v in volumes_in(tmp_path / "in") if v.first.contrast.name == "water")
    origin, mask = origin_of(water), drawn_on(water)
    dataset = written(mask, origin, tmp_path / "seg.dcm")
    np.testing.assert_array_equal(by_pydicom(dataset, origin), mask)
    np.testing.assert_array_equal(read_back(tmp_path / "seg.dcm", water), mask)
    assert len(dataset.SourceImageSequence) == 1
    assert sorted(one.frame or 0 for one in origin.slices) == list(range(2, 53, 4))


def test_levels_have_names_colours_terms_and_an_algorithm(tmp_path: Path) -> None:
    volume = volumes_in(write_slices(tmp_path / "in", [0, 3, 6]))[0]
    dataset = written(drawn_on(volume), origin_of(volume), tmp_path / "seg.dcm")
    first, second, third = dataset.SegmentSequence
    assert (first.SegmentLabel, first.SegmentDescription) == ("level1", "slightly increased, diffuse")
    assert "SegmentDescription" not in second
    assert second.SegmentedPropertyCategoryCodeSequence[0].CodeMeaning == "Tissue"
    term = second.SegmentedPropertyTypeCodeSequence[0]
    assert (term.CodeValue, term.CodingSchemeDesignator) == ("14016003", "SCT")
    assert term.CodeMeaning == "Bone marrow"
    found = CIELabColor.from_dicom_value(third.RecommendedDisplayCIELabValue).to_rgb()
    assert found == pytest.approx((255, 225, 0), abs=1)
    algorithm = third.SegmentationAlgorithmIdentificationSequence[0]
    assert third.SegmentAlgorithmType == "AUTOMATIC"
    assert third.SegmentAlgorithmName == algorithm.AlgorithmName == "bmseg tiny (quick)"
    assert algorithm.AlgorithmVersion == "bmseg 1.2.3, networks 0123456789abcdef"
    assert dataset.DeviceSerialNumber == "0123456789abcdef"


def test_a_level_without_a_voxel_is_described_and_an_empty_mask_is_all_blank(tmp_path: Path) -> None:
    volume = volumes_in(write_slices(tmp_path / "in", [0, 3, 6, 9]))[0]
    mask = np.zeros(volume.shape, dtype=np.uint8)
    mask[3, 4, 2] = 1
    dataset = written(mask, origin_of(volume), tmp_path / "seg.dcm")
    assert (dataset.NumberOfFrames, len(dataset.SegmentSequence)) == (1, 3)
    np.testing.assert_array_equal(read_back(tmp_path / "seg.dcm", volume), mask)
    mask[:] = 0
    dataset = written(mask, origin_of(volume), tmp_path / "seg.dcm")
    assert (dataset.NumberOfFrames, dataset.pixel_array.any()) == (12, False)
    assert not read_back(tmp_path / "seg.dcm", volume).any()
    # What is no level, or lies elsewhere, is nobody's input: it would be a fault of ours.
    mask[0, 0, 0] = 4
    with pytest.raises(ValueError, match="mask: found the value 4, expected one of"):
        written(mask, origin_of(volume), tmp_path / "seg.dcm")
    with pytest.raises(ValueError, match="mask: found shape"):
        written(mask[1:], origin_of(volume), tmp_path / "seg.dcm")


def test_patient_and_study_are_the_sources_and_nothing_else_is(tmp_path: Path) -> None:
    """What the standard forbids (a sex, a date, an overlong number) stays as it stands there."""
    stated = {
        "SpecificCharacterSet": "ISO_IR 100", "PatientName": "Ås^Bjørn", "PatientID": "p1", "PatientSex": "?",
        "PatientBirthDate": "00010101", "PatientAge": "9Y", "StudyID": "longer than sixteen letters",
        "StudyDate": "20200230", "StudyDescription": "kne", "AccessionNumber": "A1",
    }  # fmt: skip
    others = {"InstitutionName": "Hospital", "OperatorsName": "Somebody", "StationName": "MR1",
              "ProtocolName": "kari", "PerformingPhysicianName": "Doe"}  # fmt: skip
    private = with_(**stated, **others)

    def edit(header: Dataset, number: int) -> None:
        private(header, number)
        header.private_block(0x0011, "VENDOR", create=True).add_new(1, "LO", "secret")

    volume = volumes_in(write_slices(tmp_path / "in", [0, 3, 6], edit))[0]
    dataset = written(drawn_on(volume), origin_of(volume), tmp_path / "seg.dcm")
    source = pydicom.dcmread(volume.first.file)
    for keyword in (*stated, "StudyInstanceUID", "FrameOfReferenceUID"):
        assert str(dataset[keyword].value) == str(source[keyword].value), keyword
    raw = (tmp_path / "seg.dcm").read_bytes()
    assert "Ås^Bjørn".encode("latin-1") in raw
    for keyword, value in others.items():
        assert keyword not in dataset
        assert value.encode() not in raw
    assert b"secret" not in raw
    taken = {source.SeriesInstanceUID, *(pydicom.dcmread(f.file).SOPInstanceUID for f in volume.frames)}
    assert not {dataset.SeriesInstanceUID, dataset.SOPInstanceUID} & taken
    again = written(drawn_on(volume), origin_of(volume), tmp_path / "again.dcm")
    assert again.SOPInstanceUID != dataset.SOPInstanceUID
    assert again.SeriesInstanceUID != dataset.SeriesInstanceUID


def test_a_description_beyond_ascii_brings_unicode(tmp_path: Path) -> None:
    edit = with_(SpecificCharacterSet="ISO_IR 100", PatientName="Ås^Bjørn")
    volume = volumes_in(write_slices(tmp_path / "in", [0, 3, 6], edit))[0]
    segments = [SEGMENTS[0].__class__(1, "level1", "lett økt → diffust", "#40e0d0")]
    made = segmentation_of(
        np.minimum(drawn_on(volume), 1), origin_of(volume), segments, MAKER, series_number=9
    )
    made.save_as(tmp_path / "seg.dcm")
    dataset = pydicom.dcmread(tmp_path / "seg.dcm")
    assert dataset.SegmentSequence[0].SegmentDescription == "lett økt → diffust"
    assert (dataset.SpecificCharacterSet, str(dataset.PatientName)) == ("ISO_IR 192", "Ås^Bjørn")


def test_zipped_images_and_images_without_a_frame_of_reference(tmp_path: Path) -> None:
    def edit(header: Dataset, _: int) -> None:
        del header.FrameOfReferenceUID

    folder = write_slices(tmp_path / "in", [0, 3, 6], edit)
    for path in folder.iterdir():
        path.write_bytes(gzip.compress(path.read_bytes()))
    volume = volumes_in(folder)[0]
    mask = drawn_on(volume)
    dataset = written(mask, origin_of(volume), tmp_path / "seg.dcm")
    assert "FrameOfReferenceUID" not in dataset
    np.testing.assert_array_equal(read_back(tmp_path / "seg.dcm", volume), mask)


def test_cosines_that_were_rounded(tmp_path: Path) -> None:
    """Taken as they are, they would stretch the grid: 0.985 and 0.174 make 1.0002."""
    edit = with_(ImageOrientationPatient=[0.985, 0.174, 0, 0, 0, -1])
    volume = volumes_in(write_slices(tmp_path / "exact", [0, 3, 6]))[0]
    assert origin_of(volume).orientation == (1, 0, 0, 0, 0, -1)

    def oblique(header: Dataset, number: int) -> None:
        edit(header, number)
        header.ImagePositionPatient = [-0.174 * 3 * number, 0.985 * 3 * number, 30]

    volume = volumes_in(write_slices(tmp_path / "rounded", [0, 3, 6], oblique))[0]
    origin, mask = origin_of(volume), drawn_on(volume)
    assert np.hypot(*origin.orientation[:2]) == pytest.approx(1, abs=1e-12)
    written(mask, origin, tmp_path / "seg.dcm")
    np.testing.assert_array_equal(read_back(tmp_path / "seg.dcm", volume), mask)


def test_slices_a_little_beside_each_other(tmp_path: Path) -> None:
    """As scanners write them: volumes are taken so, and each frame goes where its image is."""

    def edit(header: Dataset, number: int) -> None:
        header.ImagePositionPatient = [-20 + 0.03 * number, 3 * number, 30]

    volume = volumes_in(write_slices(tmp_path / "in", [0, 3, 6], edit))[0]
    origin, mask = origin_of(volume), drawn_on(volume)
    dataset = written(mask, origin, tmp_path / "seg.dcm")
    np.testing.assert_array_equal(by_pydicom(dataset, origin), mask)
    np.testing.assert_array_equal(mask_in(dataset, origin, SEGMENTS), mask)
    single = np.minimum(mask, 1)
    made = segmentation_of(single, origin, SEGMENTS[:1], MAKER, series_number=9)
    np.testing.assert_array_equal(mask_in(made, origin, SEGMENTS[:1]), single)


def test_other_channels_are_sources_too(tmp_path: Path) -> None:
    first = volumes_in(write_slices(tmp_path / "water", [0, 3, 6], name="W"))[0]
    fat = with_(SeriesInstanceUID="1.2.3", SeriesNumber=6)
    second = volumes_in(write_slices(tmp_path / "fat", [0, 3, 6], fat, name="F"))[0]
    origins = [origin_of(volume) for volume in (first, second, first)]
    made = segmentation_of(drawn_on(first), origins[0], SEGMENTS, MAKER, series_number=9, others=origins[1:])
    assert len(made.SourceImageSequence) == 6
    found = {one.SeriesInstanceUID: one.ReferencedInstanceSequence for one in made.ReferencedSeriesSequence}
    assert {uid: len(items) for uid, items in found.items()} == {first.identity.series: 3, "1.2.3": 3}
    np.testing.assert_array_equal(by_pydicom(made, origins[0]), drawn_on(first))


def test_images_that_cannot_be_referred_to(tmp_path: Path) -> None:
    def edit(header: Dataset, number: int) -> None:
        header.SOPInstanceUID = "none" if number == 1 else generate_uid()

    volume = volumes_in(write_slices(tmp_path / "in", [0, 3, 6], edit))[0]
    with pytest.raises(ConversionError, match="found no valid ones in slice 2 of 3, expected both"):
        origin_of(volume)
    volume = volumes_in(write_slices(tmp_path / "other", [0, 3, 6]))[0]
    volume.first.file.write_bytes(b"")
    with pytest.raises(ConversionError, match="found another file than before, expected the same"):
        origin_of(volume)
    volume.first.file.unlink()
    with pytest.raises(ConversionError, match=r"IM000: cannot be read any more \(No such file"):
        origin_of(volume)


def test_dciodvfy_has_no_complaint(tmp_path: Path) -> None:
    volume = volumes_in(write_slices(tmp_path / "in", [0, 3, 6], with_(**WHOLE)))[0]
    written(drawn_on(volume), origin_of(volume), tmp_path / "seg.dcm")
    assert complaints(tmp_path / "seg.dcm") == []
