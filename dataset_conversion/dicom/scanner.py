"""The acquisition parameters that may leave the hospital, a whitelist, and where the table stood."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset

from dataset_conversion.dicom.values import number_of

#: What Manufacturer may contain, and how the vendor is called in outputs; others become "other".
_VENDORS = {
    "siemens": "Siemens", "philips": "Philips", "ge ": "GE", "general electric": "GE", "toshiba": "Canon",
    "canon": "Canon", "hitachi": "Fujifilm", "fujifilm": "Fujifilm", "uih": "United Imaging",
    "united imaging": "United Imaging", "esaote": "Esaote", "hyperfine": "Hyperfine", "bruker": "Bruker",
}  # fmt: skip
# Six digits in a row, or three numbers beside each other.
_DATE = re.compile(r"\d{6}|\d{1,4}[-./ _]\d{1,2}[-./ _]\d{1,4}")


@dataclass(frozen=True, slots=True)
class Scanner:
    """Vendor, model and field strength."""

    #: One of a fixed list, or "other", or "" when blank.
    vendor: str
    #: ManufacturerModelName when it looks like one.
    model: str
    #: In tesla.
    field_strength: float | None


def scanner_of(dataset: Dataset) -> Scanner:
    """What a header says of the scanner."""
    manufacturer = str(dataset.get("Manufacturer") or "").strip().lower()
    vendor = next(
        (name for part, name in _VENDORS.items() if part in f"{manufacturer} "),
        "other" if manufacturer else "",
    )
    return Scanner(vendor, _model(dataset), _field(dataset.get("MagneticFieldStrength")))


def _model(dataset: Dataset) -> str:
    """The model's name, unless it holds what may be a date or shares a word with a patient's fields."""
    model = str(dataset.get("ManufacturerModelName") or "").strip()
    if not re.fullmatch(r"[A-Za-z][\w .+/-]{0,31}", model) or _DATE.search(model):
        return ""
    identity = " ".join(str(dataset.get(k) or "") for k in ("PatientName", "PatientID", "AccessionNumber"))
    shared = set(re.findall(r"\w{3,}", identity.lower())) & set(re.findall(r"\w{3,}", model.lower()))
    return "" if shared else model


def _field(value: Any) -> float | None:
    tesla = number_of(value)
    if tesla is None:
        return None
    # Some write gauss.
    tesla = tesla / 10_000 if tesla > 1000 else tesla
    return round(tesla, 3) if 0 < tesla < 30 else None


# Siemens: ImaAbsTablePosition, three whole numbers in mm; the last is along the body.
_SIEMENS_GROUP, _SIEMENS_CREATOR, _SIEMENS_ELEMENT = 0x0019, "SIEMENS MR HEADER", 0x13


def table_position_of(dataset: Dataset, groups: Sequence[Dataset] = ()) -> float | None:
    """Place of the table along the body in mm.

    Asked are TablePosition, of the frame or the file, the private tag of Siemens, and TableHeight. Which
    way it counts differs from vendor to vendor.
    """
    for group in groups:
        items = group.get("TablePositionSequence")
        if items and (place := number_of(items[0].get("TablePosition"))) is not None:
            return place
    for value in (dataset.get("TablePosition"), _siemens(dataset), dataset.get("TableHeight")):
        if (place := number_of(value)) is not None:
            return place
    return None


def _siemens(dataset: Dataset) -> Any:
    if (_SIEMENS_GROUP, 0x0010) not in dataset:
        return None
    try:
        block = dataset.private_block(_SIEMENS_GROUP, _SIEMENS_CREATOR)
    except KeyError:
        return None
    values = block[_SIEMENS_ELEMENT].value if _SIEMENS_ELEMENT in block else None
    return values[2] if isinstance(values, Sequence) and len(values) == 3 else None
