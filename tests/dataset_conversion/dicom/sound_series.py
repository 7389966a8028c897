"""The real series that tests of damage start from, and what these tests share: edits and comparison."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pydicom
from pydicom import Dataset

from tests.dataset_conversion.dicom.damage import Sound

CLASSIC = ["siemens", "philips", "ge"]
ENHANCED = {
    "philips_enhanced": "dicom2nifti_tests/philips_enhanced/anatomical/001",
    "siemens_xa": "dcm_qa_enh/In/Siemens",
    "many_contrasts": "dbdicom_philips_enhanced_coronal/MULTIFRAME/IM_0014",
}


def pick(series: Sound, number: int) -> str:
    """The name of the first, middle or last file."""
    return list(series.files)[number % len(series.files)]


def header_of(content: bytes) -> Dataset:
    return pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))


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


def scaled(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether one slice is the other, times a number, plus a number."""
    x, y = before.ravel().astype(float), after.ravel().astype(float)
    slope, intercept = np.polyfit(x, y, 1)
    return bool(np.allclose(slope * x + intercept, y, rtol=1e-3, atol=1e-3 * max(np.ptp(y), 1e-30)))
