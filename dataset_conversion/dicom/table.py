"""Where the table stood: it tells stations apart whose positions count from the isocentre."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom import Dataset

from dataset_conversion.dicom.values import number_of

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
