"""The contrast and component of a frame, by headers as scanners write them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from dataset_conversion.dicom.contrast import Contrast, component_of, contrast_of, frame_type_of

PHILIPS_NESTED = "Philips private ImageType (2005,140F)"


def header(*image_type: str, **fields: Any) -> Dataset:
    dataset = Dataset()
    if image_type:
        dataset.ImageType = list(image_type)
    for keyword, value in fields.items():
        setattr(dataset, keyword, value)
    return dataset


def frame(*frame_type: str, component: str = "", nested: Dataset | None = None) -> Dataset:
    """A per-frame functional group."""
    kind = Dataset()
    if frame_type:
        kind.FrameType = list(frame_type)
    if component:
        kind.ComplexImageComponent = component
    group = Dataset()
    group.MRImageFrameTypeSequence = [kind]
    if nested is not None:
        group.add_new(0x00189152, "SQ", [header(MetaboliteMapDescription="WATER")])
        group.add_new(0x20050014, "LO", "Philips MR Imaging DD 005")
        group.add_new(0x2005140F, "SQ", [nested])
    return group


@pytest.mark.parametrize(
    ("image_type", "name"),
    [
        # Siemens XA, and GE SIGNA Artist and Explorer (public cohorts' tables).
        ("DERIVED DIXON WATER", "water"),
        ("DERIVED DIXON WATER DIS2D MFSPLIT", "water"),
        ("DERIVED DIXON FAT NORM DIS3D", "fat"),
        ("DERIVED DIXON WATER MAGNITUDE", "water"),
        ("DERIVED DIXON OUT_PHASE", "opposed_phase"),
        ("DERIVED DIXON FAT_FRACTION", "fat_fraction"),
        # Siemens before XA.
        ("DERIVED M ND DIXON W", "water"),
        ("ORIGINAL M ND IN_PHASE", "in_phase"),
        ("ORIGINAL M ND OPP_PHASE DIS2D", "opposed_phase"),
        # Philips classic.
        ("DERIVED W W DERIVED", "water"),
        ("DERIVED F F DERIVED", "fat"),
        ("DERIVED IP IP DERIVED", "in_phase"),
        ("DERIVED OP OP DERIVED", "opposed_phase"),
        ("DERIVED FF FF DERIVED", "fat_fraction"),
        # Ordinary images; in and opposed phase of a dual echo look like this too (data at hand).
        ("ORIGINAL M_FFE M FFE", "unknown"),
        ("ORIGINAL M_IR M IR", "unknown"),
        ("ORIGINAL M ND NORM", "unknown"),
        ("ORIGINAL T1 MIXED", "unknown"),
        ("ORIGINAL OTHER", "unknown"),
        ("DERIVED AXIAL", "unknown"),
        # Letters inside other words, and a fraction of water, are no contrasts.
        ("ORIGINAL T2W FFE PDW", "unknown"),
        ("DERIVED DIXON WATER_FRACTION", "unknown"),
        # Written by hand or by an anonymiser.
        ("derived dixon water", "water"),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_image_type(image_type: str, name: str) -> None:
    first, *others = image_type.split()
    found = contrast_of(header(first, "PRIMARY", *others))
    assert found.name == name
    assert found.source == ("" if name == "unknown" else "ImageType")


@pytest.mark.parametrize("image_type", [("WATER", "FAT"), ("WATER",), ("W", "F", "M")])
def test_the_first_two_values_name_no_contrast(image_type: tuple[str, ...]) -> None:
    assert contrast_of(header(*image_type)).name == "unknown"


def test_two_contrasts_in_one_tag_are_unknown_and_end_the_search() -> None:
    combined = header("DERIVED", "PRIMARY", "DIXON", "WATER", "FAT", SeriesDescription="WATER: Ax")
    assert contrast_of(combined) == Contrast("unknown", note="ImageType says fat and water")


@pytest.mark.parametrize(
    ("value4", "nested", "name"),
    [
        ("W", "W", "water"),  # Philips up to R11
        ("OP", "OP", "opposed_phase"),
        ("WATER", "W", "water"),  # from R12 on
        ("OUT_OF_PHASE", "OP", "opposed_phase"),
        ("FAT_FRACTION", "FF", "fat_fraction"),
    ],
)
def test_frame_type_of_philips_enhanced(value4: str, nested: str, name: str) -> None:
    whole = header(
        "ORIGINAL", "PRIMARY", "T1", "MIXED", SeriesDescription="mDIXON-F", ProtocolName="mDIXON-F"
    )
    group = frame("ORIGINAL", "PRIMARY", "DIXON", value4, nested=header("DERIVED", "PRIMARY", nested, nested))
    assert contrast_of(whole, (group,)) == Contrast(name, "FrameType")  # type: ignore[arg-type]
    assert frame_type_of(whole, (group,)) == ("ORIGINAL", "PRIMARY", "DIXON", value4)


def test_frame_type_may_stand_in_the_shared_group() -> None:
    shared = frame("DERIVED", "PRIMARY", "DIXON", "WATER")
    assert (
        contrast_of(header("DERIVED", "PRIMARY", "DIXON", "WATER"), (Dataset(), shared)).source == "FrameType"
    )


def test_philips_private_code_where_frame_type_is_silent() -> None:
    group = frame("ORIGINAL", "PRIMARY", "T1", "M", nested=header("DERIVED", "PRIMARY", "F", "F", "DERIVED"))
    assert contrast_of(header("ORIGINAL", "PRIMARY", "T1", "MIXED"), (group,)) == Contrast(
        "fat", PHILIPS_NESTED
    )


@pytest.mark.parametrize("block", [0x10, 0x13])
def test_philips_private_image_type_of_classic_files(block: int) -> None:
    dataset = header("ORIGINAL", "PRIMARY")
    dataset.add_new(0x20050000 + block, "LO", "Philips MR Imaging DD 001")
    dataset.add_new(0x20050011 + (block << 8), "CS", "W")
    assert contrast_of(dataset) == Contrast("water", f"Philips private image type (2005,{block:02X}11)")


def test_philips_private_codes_in_implicit_vr_are_bytes() -> None:
    dataset = header("ORIGINAL", "PRIMARY")
    dataset.add_new(0x20050010, "UN", b"Philips MR Imaging DD 001 ")
    dataset.add_new(0x20051011, "UN", b"W ")
    assert contrast_of(dataset).name == "water"


def test_metabolite_map_description_is_never_used() -> None:
    group = frame("ORIGINAL", "PRIMARY", "T1", "M")
    group.add_new(0x00189152, "SQ", [header(MetaboliteMapDescription="WATER")])
    assert contrast_of(header("ORIGINAL", "PRIMARY", "T1", "MIXED"), (group,)) == Contrast("unknown")


def test_siemens_image_type_text() -> None:
    dataset = header("DERIVED", "PRIMARY")
    dataset.add_new(0x00511016, "LO", "p2 DIXON/W/DIS2D")
    assert contrast_of(dataset) == Contrast("water", "Siemens private image type text (0051,1016)")


def test_siemens_xa_private_image_type_classic_and_nested() -> None:
    private = Dataset()
    private.add_new(0x00211175, "CS", ["DERIVED", "PRIMARY", "DIXON", "WATER"])
    expected = Contrast("water", "Siemens private ImageType (0021,1175)")
    assert contrast_of(private) == expected
    group = Dataset()
    group.add_new(0x002111FE, "SQ", [private])
    assert contrast_of(header("ORIGINAL", "PRIMARY"), (group,)) == expected


def test_description_is_the_last_source() -> None:
    dataset = header("ORIGINAL", "PRIMARY", "OTHER", SeriesDescription="WATER: Cor T2 FLEX")
    assert contrast_of(dataset) == Contrast("water", "SeriesDescription")
    contradicted = header("DERIVED", "PRIMARY", "DIXON", "WATER", SeriesDescription="FAT: Cor T2 FLEX")
    assert contrast_of(contradicted) == Contrast("water", "ImageType", "SeriesDescription says fat")


def test_protocol_name_alone_names_nothing() -> None:
    assert contrast_of(header("ORIGINAL", "PRIMARY", "M", ProtocolName="t2_dixon_W")).name == "unknown"


@pytest.mark.parametrize(
    ("image_type", "stated", "component"),
    [
        ("ORIGINAL M_FFE M FFE", "", "magnitude"),
        ("ORIGINAL PHASE_MAP P FFE", "", "phase"),
        ("ORIGINAL R_FFE R FFE", "", "real"),
        ("ORIGINAL I_FFE I FFE", "", "imaginary"),
        ("ORIGINAL P DIS2D MFSPLIT", "", "phase"),  # Siemens XA30 (data at hand)
        ("ORIGINAL B0_MAP B0 UNSPECIFIED", "", "field_map"),  # Philips R5
        ("ORIGINAL B0 B0 UNSPECIFIED", "", "field_map"),  # Philips R11
        ("ORIGINAL T1 FIELD_MAP", "REAL", "field_map"),  # Philips enhanced (data at hand)
        ("ORIGINAL DIXON WATER", "MAGNITUDE", "magnitude"),
        ("ORIGINAL DIXON WATER", "", "unknown"),
        ("ORIGINAL T1 MIXED", "MIXED", "unknown"),
        ("ORIGINAL M P", "PHASE", "phase"),
        ("ORIGINAL P ND", "MAGNITUDE", "phase"),
    ],
)
def test_component(image_type: str, stated: str, component: str) -> None:
    first, *others = image_type.split()
    dataset = header(first, "PRIMARY", *others)
    if stated:
        dataset.ComplexImageComponent = stated
    assert component_of(dataset) == component
    assert component_of(header(), (frame(first, "PRIMARY", *others, component=stated),)) == component


@pytest.mark.parametrize("value", [1, b"\x01\x00"])
def test_ge_private_component(value: int | bytes) -> None:
    dataset = header("ORIGINAL", "PRIMARY", "OTHER")
    dataset.add_new(0x0043102F, "SS" if isinstance(value, int) else "UN", value)
    assert component_of(dataset) == "phase"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("dbdicom_philips_enhanced_coronal/MULTIFRAME/IM_0014", {"magnitude", "phase", "real", "imaginary"}),
        ("dbdicom_philips_enhanced_coronal/MULTIFRAME/IM_0010", {"magnitude"}),
        ("dcm_qa_enh/In/Philips/IM_0027_fMAP.dcm", {"magnitude", "field_map"}),
        ("dcm_qa_enh/In/Siemens/XA10/6_1.dcm", {"magnitude"}),
    ],
)
def test_real_enhanced_objects_without_dixon(test_data: Path, file: str, expected: set[str]) -> None:
    dataset = pydicom.dcmread(test_data / file, stop_before_pixels=True)
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    groups = [(item, *shared[:1]) for item in dataset.PerFrameFunctionalGroupsSequence]
    assert {component_of(dataset, both) for both in groups} == expected
    assert {contrast_of(dataset, both) for both in groups} == {Contrast("unknown")}


TAGS = [
    *[0x00080008, 0x0008103E, 0x00181030, 0x00089208, 0x00089007, 0x00189226, 0x2005140F, 0x20050010],
    *[0x20051011, 0x00511016, 0x002111FE, 0x00211175, 0x0043102F],
]
JUNK = st.one_of(
    st.tuples(
        st.sampled_from(["CS", "LO", "UN", "SQ", "SS", "DS", "IS", "OB", "AT"]), st.binary(max_size=24)
    ),
    st.tuples(
        st.just("CS"),
        st.sampled_from([b"DERIVED\\PRIMARY\\W", b"w\\\\ f ", b"\\", b"Philips MR Imaging DD 001"]),
    ),
)


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@given(st.dictionaries(st.sampled_from(TAGS), JUNK), st.booleans())
def test_damaged_tags_never_raise(elements: dict[int, tuple[str, bytes]], in_groups: bool) -> None:
    # Not assigned one by one: that would decode private tags here and now.
    dataset = Dataset({pydicom.tag.Tag(tag): raw(tag, *element) for tag, element in elements.items()})
    outer, groups = (Dataset(), (dataset,)) if in_groups else (dataset, ())
    assert isinstance(contrast_of(outer, groups), Contrast)
    assert isinstance(component_of(outer, groups), str)
    assert all(isinstance(term, str) for term in frame_type_of(outer, groups))


@given(st.binary(max_size=200), st.integers(0, 400))
def test_damaged_bytes_never_raise(noise: bytes, place: int) -> None:
    nested = header("DERIVED", "PRIMARY", "W", "W", "DERIVED")
    whole = header("ORIGINAL", "PRIMARY", "T1", "MIXED", SeriesDescription="T2 mDIXON-W")
    whole.update(frame("DERIVED", "PRIMARY", "DIXON", "WATER", nested=nested))
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, whole)
    content = bytearray(buffer.getvalue())
    content[place : place + len(noise)] = noise
    try:
        damaged = pydicom.dcmread(io.BytesIO(bytes(content)), force=True)
    except Exception:  # reading is the caller's part
        return
    contrast_of(damaged, (damaged,))
    component_of(damaged, (damaged,))
    frame_type_of(damaged, (damaged,))


def raw(tag: int, vr: str, value: bytes) -> pydicom.dataelem.RawDataElement:
    return pydicom.dataelem.RawDataElement(pydicom.tag.Tag(tag), vr, len(value), value, 0, False, True)
