"""What a study file says of DICOM: which volume of an export a channel is, and what its levels are called."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bmseg.study.rules import SectionOfFile
from dataset_conversion.dicom.rule import ContrastName, Region
from dataset_conversion.images import Plane


class DicomRule(SectionOfFile):
    """Which volume of an exported DICOM exam is a channel; see `ChannelRule`."""

    contrast: ContrastName | None = None
    plane: Plane | None = None
    station: Region | Annotated[int, Field(ge=1)] | None = None


class Code(SectionOfFile):
    """A coded term: its value, the scheme that it is from (as ``SCT``), and what it means."""

    value: Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]+$", max_length=16)]
    scheme: Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]+$", max_length=16)]
    meaning: Annotated[str, Field(pattern=r"^[^\\\x00-\x1f\x7f]+$", max_length=64)]


class DicomTerms(SectionOfFile):
    """What a level is called in DICOM; by default a tissue, which says no more than is known of any."""

    #: As CID 7150 and CID 7151 of DICOM PS3.16 have them.
    category: Code = Code(value="85756007", scheme="SCT", meaning="Tissue")
    type: Code = Code(value="85756007", scheme="SCT", meaning="Tissue")
