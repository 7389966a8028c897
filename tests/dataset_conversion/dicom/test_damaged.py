"""Damaged, truncated and edited files: a refusal in one line, or the volume as it was; never another."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import generate_uid

from dataset_conversion.dicom import files as dicom_files
from dataset_conversion.dicom.exams import find_exams
from dataset_conversion.dicom.pixels import read_voxels
from dataset_conversion.dicom.scan import Unreadable, read_headers, scan
from dataset_conversion.volume import ConversionError
from tests.dataset_conversion.dicom import dixon
from tests.dataset_conversion.dicom.damage import Sound, edited, lay_out, place_of, whole_way

CLASSIC = ["siemens", "philips", "ge"]
ENHANCED = {
    "philips_enhanced": "dicom2nifti_tests/philips_enhanced/anatomical/001",
    "siemens_xa": "dcm_qa_enh/In/Siemens",
    "many_contrasts": "dbdicom_philips_enhanced_coronal/MULTIFRAME/IM_0014",
}

fuzz = partial(settings, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(scope="module")
def sound(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Sound]:
    made: dict[str, Sound] = {}

    def get(name: str) -> Sound:
        if name not in made:
            classic = test_data / "dicom2nifti_tests" / name / "anatomical" / "001"
            source = test_data / ENHANCED[name] if name in ENHANCED else classic
            made[name] = Sound.of(source, tmp_path_factory.mktemp(name) / "sound")
            assert not made[name].outcome.refusals
        return made[name]

    return get


def pick(series: Sound, number: int) -> str:
    """The name of the first, middle or last file."""
    return list(series.files)[number % len(series.files)]


def judge_bytes(series: Sound, name: str, damaged: bytes, scratch: Path) -> str:
    """Judge a file whose bytes were changed in place: voxels may differ where their own bytes do."""
    before = series.files[name]
    pixels = place_of(before, "PixelData")
    hit = damaged[: pixels.stop] != before[: pixels.stop]
    scale = [i for key in ("RescaleSlope", "RescaleIntercept") for i in place_of(before, key)]
    rescaled = any(damaged[i : i + 1] != before[i : i + 1] for i in scale)
    stored = damaged[pixels.start : pixels.stop] != before[pixels.start : pixels.stop]

    def touched(one: np.ndarray, other: np.ndarray) -> bool:
        if rescaled or len(one) * one.shape[1] * 2 != len(pixels):
            return hit
        words = np.frombuffer(before, "<u2", len(pixels) // 2, pixels.start)
        now = np.frombuffer(damaged, "<u2", len(pixels) // 2, pixels.start)
        return bool(((one != other) == (words != now).reshape(one.shape)).all())

    return series.judge(
        series.outcome_with({name: damaged}, scratch),
        values_of=[name] if rescaled or stored else [],
        touched=touched,
    )


@pytest.mark.parametrize("name", CLASSIC)
@pytest.mark.parametrize("zipped", [False, True])
@given(data=st.data())
@fuzz(max_examples=25)
def test_a_truncated_slice(
    sound: Callable[[str], Sound], tmp_path: Path, name: str, zipped: bool, data: st.DataObject
) -> None:
    series = sound(name)
    file = pick(series, data.draw(st.sampled_from([0, 1, -1]), "slice"))
    content = gzip.compress(series.files[file], 1) if zipped else series.files[file]
    header = min(place_of(series.files[file], "PixelData").start, len(content) - 1)
    length = data.draw(st.integers(0, header) | st.integers(0, len(content) - 1), "length")
    outcome = series.outcome_with({file: content[:length]}, tmp_path / "x")
    verdict = series.judge(outcome)
    # A gzip'd file lacks at most its checksum when all is there; then the image is whole.
    assert verdict == "refused" or (zipped and length >= len(content) - 9)


@pytest.mark.parametrize("name", CLASSIC)
@given(data=st.data())
@fuzz(max_examples=40)
def test_flipped_bits(sound: Callable[[str], Sound], tmp_path: Path, name: str, data: st.DataObject) -> None:
    series = sound(name)
    file = pick(series, data.draw(st.sampled_from([0, 1, -1]), "slice"))
    content = bytearray(series.files[file])
    header = place_of(series.files[file], "PixelData").start
    bits = st.integers(128 * 8, header * 8 - 1) | st.integers(0, len(content) * 8 - 1)
    for bit in data.draw(st.lists(bits, min_size=1, max_size=4, unique=True), "bits"):
        content[bit // 8] ^= 1 << bit % 8
    judge_bytes(series, file, bytes(content), tmp_path / "x")


@pytest.mark.parametrize("name", CLASSIC)
@given(data=st.data())
@fuzz(max_examples=30)
def test_blanked_blocks(
    sound: Callable[[str], Sound], tmp_path: Path, name: str, data: st.DataObject
) -> None:
    series = sound(name)
    file = pick(series, data.draw(st.sampled_from([0, 1, -1]), "slice"))
    content = bytearray(series.files[file])
    header = place_of(series.files[file], "PixelData").start
    start = data.draw(st.integers(0, header) | st.integers(0, len(content) - 1) | st.just(0), "start")
    size = data.draw(st.sampled_from([1, 2, 4, 16, 512, 4096, len(content)]), "size")
    size = min(size, len(content) - start)
    content[start : start + size] = data.draw(st.sampled_from([b"\0", b"\xff", b" "]), "byte") * size
    judge_bytes(series, file, bytes(content), tmp_path / "x")


@pytest.mark.parametrize("name", CLASSIC)
@given(data=st.data())
@fuzz(max_examples=30)
def test_bytes_inserted_or_lost(
    sound: Callable[[str], Sound], tmp_path: Path, name: str, data: st.DataObject
) -> None:
    """All that follows is shifted."""
    series = sound(name)
    file = pick(series, data.draw(st.sampled_from([0, 1, -1]), "slice"))
    content = series.files[file]
    header = place_of(content, "PixelData").start
    at = data.draw(st.integers(132, header) | st.integers(header, len(content) - 8), "at")
    added = data.draw(st.binary(max_size=8), "added")
    lost = data.draw(st.integers(0, 8) if added else st.integers(1, 8), "lost")
    shifted = content[:at] + added + content[at + lost :]
    outcome = series.outcome_with({file: shifted}, tmp_path / "x")
    # As many bytes inserted as lost change the values in that slice alone.
    series.judge(outcome, values_of=[file] if len(added) == lost else [])


@pytest.mark.parametrize("name", ENHANCED)
@given(data=st.data())
@fuzz(max_examples=4)
def test_an_enhanced_object(
    sound: Callable[[str], Sound], tmp_path: Path, name: str, data: st.DataObject
) -> None:
    """Truncated, flipped, blanked: only what no other value contradicts may be believed."""
    series = sound(name)
    file = pick(series, data.draw(st.sampled_from([0, -1]), "file"))
    content = bytearray(series.files[file])
    header = place_of(series.files[file], "PixelData").start
    at = data.draw(st.integers(132, header - 1), "at")
    kind = data.draw(st.sampled_from(["cut", "flip", "blank", "lose"]), "kind")
    if kind == "cut":
        del content[at:]
    elif kind == "flip":
        content[at] ^= 1 << data.draw(st.integers(0, 7), "bit")
    elif kind == "blank":
        content[at : at + 64] = bytes(min(64, len(content) - at))
    else:
        del content[at : at + 2]
    outcome = series.outcome_with({file: bytes(content)}, tmp_path / "x")
    judge_enhanced(series, outcome, file)


def judge_enhanced(series: Sound, outcome: Any, file: str) -> str:
    """As for classic files; a frame may be scaled otherwise, where its own slope or intercept was hit."""
    return series.judge(outcome, values_of=[file], touched=scaled)


def scaled(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether one slice is the other, times a number, plus a number."""
    x, y = before.ravel().astype(float), after.ravel().astype(float)
    slope, intercept = np.polyfit(x, y, 1)
    return bool(np.allclose(slope * x + intercept, y, rtol=1e-3, atol=1e-3 * max(np.ptp(y), 1e-30)))


@pytest.mark.parametrize("name", CLASSIC)
@pytest.mark.parametrize("size", [0, 1, 2, 100, 128, 131, 132, 136, 150, 200])
def test_the_first_bytes_of_an_end_slice(
    sound: Callable[[str], Sound], tmp_path: Path, name: str, size: int
) -> None:
    series = sound(name)
    file = pick(series, -1)
    outcome = series.outcome_with({file: series.files[file][:size]}, tmp_path / "x")
    assert series.judge(outcome) == "refused"
    assert outcome.refusals == ["found 1 damaged files that may be slices of this exam; export it again"]


def test_a_slice_lost_to_another_study_and_series(sound: Callable[[str], Sound], tmp_path: Path) -> None:
    """Found by the fuzzer: both UIDs hit at once left a volume one slice short beside an exam of one."""
    series = sound("philips")
    file = pick(series, 0)

    def edit(header: Dataset) -> None:
        header.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
        header.SeriesInstanceUID = generate_uid(entropy_srcs=["series"])

    outcome = series.outcome_with({file: edited(series.files[file], edit)}, tmp_path / "x")
    assert series.judge(outcome) == "refused"
    assert any("in a study of their own" in reason for reason in outcome.refusals)


# What a header may say instead: nothing, an empty value, nonsense, and something plausible.
NONSENSE = ["NaN", "inf", "1e308", "-1", "0", "x", "1e-320", "99999999999999", "\u00e6\u00f8"]
OTHERS: dict[str, list[Any]] = {
    "ImagePositionPatient": [["0", "0", "0"], ["1", "2"], ["1", "2", "3", "4"], ["NaN"] * 3, ["1e308"] * 3],
    "ImageOrientationPatient": [
        ["1", "0", "0", "0", "1", "0"], ["0"] * 6, ["1e308"] * 6, ["1", "0", "0"], ["1"] * 6,
    ],
    "PixelSpacing": [["0.5", "0.5"], ["0", "0"], ["-1", "-1"], ["1"], ["1e308", "1e308"], ["NaN", "NaN"]],
    "Rows": [1, 0, 65535, 128], "Columns": [1, 0, 65535, 128],
    "EchoTime": ["1", *NONSENSE],
    "ImageType": [["DERIVED", "PRIMARY", "DIXON", "WATER"], ["ORIGINAL"], ["A", "B", "M", "MOSAIC"]],
    "SeriesInstanceUID": ["1.2.3", "x y", "1.2.3\\4"],
    "StudyInstanceUID": ["1.2.3", "x y", "1.2.3\\4"],
    "FrameOfReferenceUID": ["1.2.3"],
    "PatientID": ["somebody else"],
    "SeriesNumber": ["77", "NaN", "x", "1e308"],
    "InstanceNumber": ["77", "NaN", "x", "1e308"],
    "AcquisitionNumber": ["77", "NaN", "x", "1e308"],
    "TemporalPositionIdentifier": ["77", "NaN", "x", "1e308"],
    "SOPClassUID": [
        "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.66", "1.2.840.10008.5.1.4.1.1.66.4",
        "1.2.840.10008.5.1.4.1.1.88.11", "1.2.3", "1.2.840.10008.5.1.4.1.1.4.2",
    ],
    "BitsStored": [8, 13, 0, 16, 65535], "BitsAllocated": [8, 32, 0, 1, 65535], "HighBit": [7],
    "PixelRepresentation": [0, 1, 2],
    "RescaleSlope": NONSENSE, "RescaleIntercept": NONSENSE,
    "NumberOfFrames": ["0", "2", "99999999", "x", "-1"],
    "SamplesPerPixel": [3, 0, 65535],
    "PhotometricInterpretation": ["MONOCHROME1", "RGB", "x"],
    "ComplexImageComponent": ["PHASE"],
}  # fmt: skip
# Nothing contradicts these in a single slice: the values alone change.
VALUES = {"RescaleSlope", "RescaleIntercept"}


def put(header: Dataset, keyword: str, value: Any) -> None:
    """Set a value that pydicom's own checks would not let pass."""
    vr = pydicom.datadict.dictionary_VR(keyword)
    if vr in ("US", "US or SS"):
        raw = struct.pack("<H", value)
        vr = "US"
    else:
        text = "\\".join(value) if isinstance(value, list) else value
        raw = text.encode("latin-1")
        raw += b" " * (len(raw) % 2)
    tag = pydicom.tag.Tag(keyword)
    implicit, little = header.original_encoding
    header[tag] = pydicom.dataelem.RawDataElement(tag, vr, len(raw), raw, 0, implicit, little)


@pytest.mark.parametrize("name", CLASSIC)
@pytest.mark.parametrize("keyword", OTHERS)
def test_an_edited_header_of_one_slice(
    sound: Callable[[str], Sound], tmp_path: Path, name: str, keyword: str
) -> None:
    series = sound(name)
    for which in (0, -1):
        file = pick(series, which)
        values = [*OTHERS[keyword], None, b""]
        if keyword in pydicom.dcmread(_open(series.files[file])):
            values += [pydicom.dcmread(_open(series.files[pick(series, k)])).get(keyword) for k in (0, 1, -1)]
        for value in values:
            changed = edited(series.files[file], partial(change, keyword=keyword, value=value))
            outcome = series.outcome_with({file: changed}, tmp_path / "x")
            verdict = series.judge(outcome, values_of=[file] if keyword in VALUES else [], touched=scaled)
            assert verdict in ("same", "refused", "values"), (file, value)


def _open(content: bytes) -> Any:
    return pydicom.filebase.DicomBytesIO(content)


def change(header: Dataset, *, keyword: str, value: Any) -> None:
    """Remove (None), empty (b""), or set an element."""
    if value is None:
        header.pop(keyword, None)
    elif value == b"":
        setattr(header, keyword, None)
    elif isinstance(value, str | int | list) and not isinstance(value, pydicom.valuerep.IS):
        put(header, keyword, value)
    else:
        setattr(header, keyword, value)


@pytest.mark.parametrize("name", CLASSIC)
def test_slices_lost_copied_and_strange(
    sound: Callable[[str], Sound], tmp_path: Path, name: str, test_data: Path
) -> None:
    series = sound(name)
    first, second, *_, last = series.files
    for changed, reason in (
        ({second: None}, "uneven spacing"),
        ({"copy": series.files[second]}, "duplicates: found 1 of 5 slices"),
        ({"copy": series.files[first]}, "duplicates: found 1 of 5 slices"),
        ({last: series.files[first]}, "duplicates: found 1 of 4 slices"),
    ):
        outcome = series.outcome_with(changed, tmp_path / "x")
        assert series.judge(outcome) == "refused"
        assert outcome.refusals[0].startswith(reason)
    other = next(Path(test_data / "dicom2nifti_tests" / "failing" / "slicecount").rglob("*.dcm"))
    outcome = series.outcome_with({"other": other.read_bytes()}, tmp_path / "x")
    assert series.judge(outcome) == "same"
    assert any(reason.startswith("too few slices: found 1") for reason in outcome.refusals)


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("FrameOfReferenceUID", "1.2.3", "FrameOfReferenceUID: found 2 in one volume, expected one"),
        ("RescaleSlope", "2", "RescaleSlope, RescaleIntercept: found no two usable numbers in 1 of 4"),
        ("SeriesInstanceUID", "1.2.3", "torn: 1 further slices continue this volume and differ in Series"),
        ("StudyInstanceUID", "1.2.3", "SeriesInstanceUID: found 1 series that stand in another study"),
        ("PatientID", "x", "PatientID: found 2 in one study, expected one"),
        ("EchoTime", "1", "torn: 1 further slices continue this volume and differ in echo time"),
        ("ImageType", ["A", "B"], "torn: 1 further slices continue this volume and differ in image type"),
        ("Rows", 65535, "Rows, Columns: found 65535 x 256, expected 1 to 8192 in 1 of 4 frames"),
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.66", ""),
        ("SamplesPerPixel", 3, "SamplesPerPixel: found 3 (colour), expected 1 in 1 of 4 frames"),
        ("BitsStored", 8, "mixed BitsAllocated/BitsStored/PixelRepresentation"),
        ("NumberOfFrames", "2", "NumberOfFrames: found 2, expected per-frame functional groups"),
    ],
)
def test_an_edited_end_slice_is_named(
    sound: Callable[[str], Sound], tmp_path: Path, keyword: str, value: Any, reason: str
) -> None:
    series = sound("siemens")
    for which in (0, -1):
        file = pick(series, which)
        changed = edited(series.files[file], partial(change, keyword=keyword, value=value))
        outcome = series.outcome_with({file: changed}, tmp_path / "x")
        assert series.judge(outcome) == ("refused" if reason else "same")
        assert any(found.startswith(reason) for found in outcome.refusals) or not reason


def test_an_end_slice_that_passes_for_another_contrast(test_data: Path, tmp_path: Path) -> None:
    """One series with four contrasts: what one of them lacks, another has twice; both are refused."""
    dixon.philips_classic(test_data, tmp_path / "sound")
    series = Sound.of(tmp_path / "sound", tmp_path / "y")
    assert len(series.outcome.volumes) == 4
    names = {
        tuple(pydicom.dcmread(_open(content)).ImageType)[3]: name for name, content in series.files.items()
    }

    def edit(header: Dataset) -> None:
        header.ImageType = ["DERIVED", "PRIMARY", "F", "F", "DERIVED"]

    outcome = series.outcome_with({names["W"]: edited(series.files[names["W"]], edit)}, tmp_path / "x")
    assert series.judge(outcome) == "refused in part"
    assert sorted(reason.split(":")[0] for reason in outcome.refusals) == ["duplicates", "torn"]
    assert len(outcome.volumes) == 2


def test_an_end_slice_in_another_series(test_data: Path, tmp_path: Path) -> None:
    """A series a contrast, told apart by their UIDs alone."""
    dixon.siemens(test_data, tmp_path / "sound", without_tags=True)
    files = {str(path.relative_to(tmp_path / "sound")): path for path in (tmp_path / "sound").rglob("*.dcm")}
    water, fat = (sorted(name for name in files if name.startswith(c)) for c in ("water", "fat"))
    header = pydicom.dcmread(files[water[-1]])
    header.SeriesInstanceUID = pydicom.dcmread(files[fat[0]]).SeriesInstanceUID
    header.save_as(files[water[-1]])
    outcome = whole_way(tmp_path / "sound")
    assert sorted(reason.split(":")[0] for reason in outcome.refusals) == ["duplicates", "torn"]
    assert {volume.array.shape for _, volume in outcome.volumes} == {(256, 256, 4)}


FRAME_EDITS: dict[str, Callable[[Dataset], object]] = {
    "position lost": lambda frame: frame.pop("PlanePositionSequence", None),
    "position empty": lambda frame: setattr(frame.PlanePositionSequence[0], "ImagePositionPatient", None),
    "position zero": lambda frame: setattr(
        frame.PlanePositionSequence[0], "ImagePositionPatient", ["0", "0", "0"]
    ),
    "orientation other": lambda frame: setattr(
        frame.PlaneOrientationSequence[0], "ImageOrientationPatient", ["1", "0", "0", "0", "1", "0"]
    ),
    "spacing other": lambda frame: setattr(
        frame.PixelMeasuresSequence[0], "PixelSpacing", ["0.5", "0.5"]
    ),
    "scale lost": lambda frame: frame.pop("PixelValueTransformationSequence", None),
    "scale zero": lambda frame: setattr(
        frame.PixelValueTransformationSequence[0], "RescaleSlope", "0"
    ),
    "type other": lambda frame: setattr(
        frame.MRImageFrameTypeSequence[0], "FrameType", ["ORIGINAL", "PRIMARY", "T1", "X"]
    ),
    "echo other": lambda frame: setattr(frame.MREchoSequence[0], "EffectiveEchoTime", 6.3),
    "everything lost": lambda frame: frame.clear(),
}  # fmt: skip


@pytest.mark.parametrize("edit", FRAME_EDITS)
@pytest.mark.parametrize("place", [0, -1])
def test_an_edited_frame_of_an_enhanced_object(
    sound: Callable[[str], Sound], tmp_path: Path, edit: str, place: int
) -> None:
    series = sound("philips_enhanced")
    (file,) = series.files

    def change_frame(header: Dataset) -> None:
        FRAME_EDITS[edit](header.PerFrameFunctionalGroupsSequence[place])

    changed = edited(series.files[file], change_frame)
    assert series.judge(series.outcome_with({file: changed}, tmp_path / "x")) == "refused"


@pytest.mark.parametrize("claimed", ["7", "9", "99999999", "0", "-1", "1"])
def test_an_enhanced_object_with_another_number_of_frames(
    sound: Callable[[str], Sound], tmp_path: Path, claimed: str
) -> None:
    series = sound("philips_enhanced")
    (file,) = series.files
    changed = edited(series.files[file], lambda header: put(header, "NumberOfFrames", claimed))
    outcome = series.outcome_with({file: changed}, tmp_path / "x")
    assert series.judge(outcome) == "refused"
    assert outcome.refusals[0].startswith("NumberOfFrames: found")


@pytest.mark.parametrize("consistent", [False, True])
def test_an_enhanced_object_without_its_last_item(
    sound: Callable[[str], Sound], tmp_path: Path, consistent: bool
) -> None:
    series = sound("philips_enhanced")
    (file,) = series.files

    def shorten(header: Dataset) -> None:
        del header.PerFrameFunctionalGroupsSequence[-1]
        if consistent:
            header.NumberOfFrames = len(header.PerFrameFunctionalGroupsSequence)

    outcome = series.outcome_with({file: edited(series.files[file], shorten)}, tmp_path / "x")
    assert series.judge(outcome) == "refused"
    assert ("PixelData: found" if consistent else "NumberOfFrames: found") in outcome.refusals[0]


def test_bytes_that_shift_the_pixels(sound: Callable[[str], Sound], tmp_path: Path) -> None:
    """Found by hypothesis: a byte too many in the pixel data moved every voxel by half of one."""
    series = sound("ge")
    file = pick(series, 0)
    content = series.files[file]
    at = place_of(content, "PixelData").start
    for added in (b"\0", b"\0\0", bytes(8), bytes(512)):
        outcome = series.outcome_with({file: content[:at] + added + content[at:]}, tmp_path / "x")
        assert series.judge(outcome) == "refused"


@pytest.mark.parametrize(
    "syntax",
    [
        *("1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1.99"),
        *("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.100", "1.2.3", "x", ""),
    ],
)
def test_a_slice_that_names_another_transfer_syntax(
    sound: Callable[[str], Sound], tmp_path: Path, syntax: str
) -> None:
    series = sound("siemens")
    file = pick(series, -1)
    before = b"1.2.840.10008.1.2.1\0"
    assert series.files[file].count(before) == 1
    at = series.files[file].index(before) - 8
    value = (syntax + "\0" * (len(syntax) % 2)).encode()
    element = struct.pack("<HH2sH", 2, 0x10, b"UI", len(value)) + value
    changed = series.files[file][:at] + element + series.files[file][at + 8 + len(before) :]
    outcome = series.outcome_with({file: changed}, tmp_path / "x")
    # pydicom sees by itself when explicit data is called implicit, and reads what has no syntax.
    expected = "same" if syntax in ("1.2.840.10008.1.2", "") else "refused"
    assert series.judge(outcome) == expected


def _deep(levels: int) -> bytes:
    item = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)  # fmt: skip  # noqa: E501
    return item * levels


@pytest.mark.parametrize(
    "beginning",
    [bytes(128) + b"DICM", b""],
    ids=["marked", "plain"],
)
@pytest.mark.parametrize(
    "content",
    [b"", bytes(10_000_000), b"\xff" * 1000, b" " * 1000, _deep(3000), _deep(3), b"\x08\0\x05\0"],
    ids=["nothing", "zeros", "ones", "spaces", "deep", "nested", "a tag"],
)
def test_files_of_nothing(tmp_path: Path, beginning: bytes, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(beginning + content)
    assert isinstance(read_headers(path), Unreadable)


def test_a_gzip_file_that_unpacks_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_files, "LARGEST_UNPACKED", 2**22)
    header = bytes(128) + b"DICM" + struct.pack("<HH2sHI", 0x0009, 0x1001, b"OB", 0, 2**31 - 2)
    (tmp_path / "bomb").write_bytes(gzip.compress(header + bytes(2**23)))
    found = read_headers(tmp_path / "bomb")
    assert found == Unreadable("cannot be read, truncated or damaged (ValueError)")


def test_files_that_vanish_or_change_after_the_scan(sound: Callable[[str], Sound], tmp_path: Path) -> None:
    series = sound("siemens")
    folder = lay_out(series.files, tmp_path / "x")
    (exam,), _ = find_exams(scan(folder), [])
    (volume,) = exam.volumes
    first, second, *_ = series.files
    (folder / first).write_bytes(series.files[second])
    with pytest.raises(ConversionError, match=f"{first}: found another file than before"):
        read_voxels(volume)
    (folder / first).write_text("a note")
    with pytest.raises(ConversionError, match=f"{first}: found another file than before"):
        read_voxels(volume)
    (folder / first).unlink()
    with pytest.raises(ConversionError, match=f"{first}: cannot be read"):
        read_voxels(volume)


@pytest.mark.parametrize("number", [None, "77"])
def test_an_end_slice_in_a_series_of_its_own(
    sound: Callable[[str], Sound], tmp_path: Path, number: str | None
) -> None:
    """Found by the fuzzer: with its SeriesNumber hit too, only its place tells where it belongs."""
    series = sound("philips")
    file = pick(series, 0)

    def edit(header: Dataset) -> None:
        header.SeriesInstanceUID, header.SeriesNumber = "1.2.3", number
        header.ImageType = ["A", "B"]

    outcome = series.outcome_with({file: edited(series.files[file], edit)}, tmp_path / "x")
    assert series.judge(outcome) == "refused"
    assert any(reason.startswith("torn: 1 further slices continue") for reason in outcome.refusals)


@pytest.mark.parametrize("size", [150, 166, 168, 171, 177, 373])
def test_a_cut_class_is_no_private_object(sound: Callable[[str], Sound], tmp_path: Path, size: int) -> None:
    """Found by the fuzzer: half of a SOPClassUID looked like a vendor's own, and was left out in silence."""
    for name in CLASSIC:
        series = sound(name)
        (tmp_path / "x").mkdir(exist_ok=True)
        (tmp_path / "x" / "IM1").write_bytes(series.files[pick(series, -1)][:size])
        assert isinstance(read_headers(tmp_path / "x" / "IM1"), Unreadable)


@pytest.mark.parametrize("byte", [b" ", b"\xff", b"\0", b"\n"])
@pytest.mark.parametrize("size", [4096, 10**7])
def test_a_blanked_beginning_is_no_text(
    sound: Callable[[str], Sound], tmp_path: Path, byte: bytes, size: int
) -> None:
    """Found by the fuzzer: spaces over the header made a slice "not DICOM", and the volume one shorter."""
    series = sound("siemens")
    file = pick(series, -1)
    content = series.files[file]
    outcome = series.outcome_with({file: byte * min(size, len(content)) + content[size:]}, tmp_path / "x")
    assert series.judge(outcome) == "refused"


def test_a_series_uid_that_swallowed_the_rest(sound: Callable[[str], Sound], tmp_path: Path) -> None:
    """Found by the fuzzer: a lost byte in a length made one value of all that follows."""
    for name in CLASSIC:
        series = sound(name)
        file = pick(series, -1)
        content = series.files[file]
        at = place_of(content, "SeriesInstanceUID").start
        for place in (at - 1, at - 2, at - 4, at + 5, at + 20):
            for lost in (1, 2, 4):
                shifted = content[:place] + content[place + lost :]
                outcome = series.outcome_with({file: shifted}, tmp_path / "x")
                assert series.judge(outcome) == "refused", (name, place, lost)
