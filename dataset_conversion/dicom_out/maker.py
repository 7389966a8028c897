"""Who made a mask and what its values mean, as DICOM objects say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from highdicom import AlgorithmIdentificationSequence
from pydicom.sr.codedict import codes

#: Of texts of one line (LO) in DICOM.
LONGEST = 64
_MANUFACTURER = "bmseg"


class Code(NamedTuple):
    """A coded term: its value, the scheme that it is from, and what it means."""

    value: str
    scheme: str
    meaning: str


#: What is true of whatever is marked in a body; the property that says no more than that.
TISSUE = Code("85756007", "SCT", "Tissue")


@dataclass(frozen=True)
class Segment:
    """A level or label as a segment or contour set."""

    #: In masks.
    value: int
    name: str
    #: What it means, in words.
    description: str
    #: As ``#40e0d0``.
    color: str
    category: Code = TISSUE
    type: Code = TISSUE

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Red, green and blue, 0 to 255."""
        red, green, blue = bytes.fromhex(self.color.removeprefix("#"))
        return red, green, blue


@dataclass(frozen=True)
class Maker:
    """The model and the program that a mask is from."""

    #: Of the model: as ``nnunet (quick)``.
    name: str
    #: Of the model: what tells its networks from others, hexadecimal.
    networks: str
    #: Of the program.
    version: str

    def algorithm(self) -> AlgorithmIdentificationSequence:
        """As segments name it: a network, by name and version."""
        return AlgorithmIdentificationSequence(
            name=one_line(f"bmseg {self.name}"),
            family=codes.DCM.ArtificialIntelligence,
            version=one_line(f"{self.version}, networks {self.networks[:16]}"),
            source=_MANUFACTURER,
        )

    def equipment(self) -> dict[str, Any]:
        """Arguments of highdicom that say which program made an object; its number is the networks'."""
        return {
            "manufacturer": _MANUFACTURER,
            "manufacturer_model_name": one_line(f"bmseg {self.name}"),
            "software_versions": one_line(self.version),
            "device_serial_number": self.networks[:16],
        }


def one_line(text: str, longest: int = LONGEST) -> str:
    r"""A text as DICOM's LO and SH have it: no backslash, no control character, not too long.

    Examples
    --------
    >>> one_line("a\\b\nc")
    'a/b c'
    """
    plain = "".join(c if c.isprintable() else " " for c in text.replace("\\", "/"))
    return plain.strip()[:longest].strip()
