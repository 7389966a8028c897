"""Which image of a Dixon acquisition a frame shows, and by which tag it says so.

Vendors name the contrast in different places, so the sources are asked from the strongest to the weakest:
FrameType of the frame, ImageType, private tags of Philips and Siemens, and last the words of
SeriesDescription. ProtocolName is no source of its own: all contrasts of one acquisition share it.
MetaboliteMapDescription is none either: Philips writes WATER into it for ordinary magnitude frames.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from pydicom import Dataset

from dataset_conversion.dicom.rule import ContrastName
from dataset_conversion.dicom.wording import contrast_words

ComponentName = Literal["magnitude", "phase", "real", "imaginary", "field_map", "unknown"]


@dataclass(frozen=True)
class Contrast:
    """The contrast of a frame."""

    #: ``unknown`` where no tag names one, or where one tag names two.
    name: ContrastName
    #: The tag that named it, to be shown to the user; empty when unknown.
    source: str = ""
    #: What else is to be said: another tag that contradicts, or why the contrast is unknown.
    note: str = ""


# Terms of ImageType and FrameType after the second value. PS3.3 leaves value 4 open to defined terms;
# these are written by Siemens (WATER, W, IN_PHASE, OPP_PHASE), by Philips up to R11 (W, F, IP, OP, FF) and
# from R12 on (WATER, FAT, IN_PHASE, OUT_OF_PHASE, FAT_FRACTION), and by GE (DIXON\WATER, OUT_PHASE).
_TYPE_TERMS: dict[str, ContrastName] = {
    **dict.fromkeys(["W", "WATER"], "water"),
    **dict.fromkeys(["F", "FAT"], "fat"),
    **dict.fromkeys(["IP", "IN_PHASE", "INPHASE"], "in_phase"),
    **dict.fromkeys(["OP", "OPP_PHASE", "OPPOSED_PHASE", "OUT_PHASE", "OUTPHASE"], "opposed_phase"),
    **dict.fromkeys(["OUT_OF_PHASE", "OPPHASE"], "opposed_phase"),
    **dict.fromkeys(["FF", "FAT_FRACTION", "FAT_FRAC", "FATFRAC", "FAT_PERCENTAGE", "PDFF"], "fat_fraction"),
}

_COMPONENT_TERMS: dict[str, ComponentName] = {
    **dict.fromkeys(["M", "MAGNITUDE"], "magnitude"),
    **dict.fromkeys(["P", "PHASE", "PHASE_MAP"], "phase"),
    **dict.fromkeys(["R", "REAL"], "real"),
    **dict.fromkeys(["I", "IMAGINARY"], "imaginary"),
    **dict.fromkeys(["B0", "B0_MAP", "B1", "B1_MAP", "FIELD_MAP", "FIELDMAP"], "field_map"),
}

#: GE (0043,102F), as dcm2niix reads it.
_GE_COMPONENTS: dict[int, ComponentName] = {0: "magnitude", 1: "phase", 2: "real", 3: "imaginary"}

_IMAGE_TYPE = 0x00080008
_FRAME_TYPE = 0x00089007
_COMPONENT = 0x00089208
_SERIES_DESCRIPTION = 0x0008103E
_PROTOCOL_NAME = 0x00181030
_FRAME_TYPE_SEQUENCE = 0x00189226
_PHILIPS_NESTED = 0x2005140F
_PHILIPS_CREATOR = "PHILIPS MR IMAGING DD 001"
_SIEMENS_TEXT = 0x00511016
_SIEMENS_XA_NESTED = 0x002111FE
_SIEMENS_XA = 0x00211175
_GE_IMAGE_TYPE = 0x0043102F


def contrast_of(dataset: Dataset, groups: Sequence[Dataset] = ()) -> Contrast:
    """Name the Dixon contrast of a frame and the tag that names it.

    `groups` are the functional groups that apply to the frame, its own before the shared; none in a file of
    one frame. The strongest source decides; the first weaker one that contradicts it is named in `note`. A
    source that names two contrasts (a combined image) makes the contrast unknown.

    Examples
    --------
    >>> header = Dataset()
    >>> header.ImageType = ["DERIVED", "PRIMARY", "DIXON", "WATER", "DIS2D"]
    >>> contrast_of(header)
    Contrast(name='water', source='ImageType', note='')
    """
    name: ContrastName = "unknown"
    strongest = ""
    for source, found in _sources(dataset, groups):
        if not found or found == {name}:
            continue
        said = f"{source} says {' and '.join(sorted(found)).replace('_', ' ')}"
        if strongest:
            return Contrast(name, strongest, said)
        if len(found) > 1:
            return Contrast("unknown", note=said)
        (name,) = found
        strongest = source
    return Contrast(name, strongest)


def component_of(dataset: Dataset, groups: Sequence[Dataset] = ()) -> ComponentName:
    """Name the part of the complex signal that a frame shows.

    A field map is called one even where ComplexImageComponent says REAL, as Philips writes it. Unknown
    where nothing is said, as in GE files without private tags.
    """
    kind = frame_type_of(dataset, groups)
    named = _components(kind) or _components(_philips_type(dataset, groups)[1])
    stated = next(
        (
            term
            for place in [*_items(groups, _FRAME_TYPE_SEQUENCE), dataset]
            for term in _terms(_value(place, _COMPONENT))
            if term in _COMPONENT_TERMS
        ),
        None,
    )
    # Where two tags differ, the one that says it is no plain magnitude image is believed.
    if named and (stated is None or named != "magnitude"):
        return named
    if stated is not None:
        return _COMPONENT_TERMS[stated]
    return _GE_COMPONENTS.get(_integer(_value(dataset, _GE_IMAGE_TYPE)), "unknown")


def frame_type_of(dataset: Dataset, groups: Sequence[Dataset] = ()) -> tuple[str, ...]:
    """FrameType of a frame of an enhanced object, ImageType otherwise; upper case, stripped."""
    for item in _items(groups, _FRAME_TYPE_SEQUENCE):
        if terms := _terms(_value(item, _FRAME_TYPE)):
            return terms
    return _terms(_value(dataset, _IMAGE_TYPE))


def _sources(dataset: Dataset, groups: Sequence[Dataset]) -> Iterator[tuple[str, frozenset[ContrastName]]]:
    """Where a contrast can be named, strongest first, with what is named there."""
    for item in _items(groups, _FRAME_TYPE_SEQUENCE):
        yield "FrameType", _type_contrasts(_terms(_value(item, _FRAME_TYPE)))
    image_type = _terms(_value(dataset, _IMAGE_TYPE))
    yield "ImageType", _type_contrasts(image_type)
    source, terms = _philips_type(dataset, groups)
    yield source, _type_contrasts(terms)
    for place in [*_items(groups, _SIEMENS_XA_NESTED), dataset]:
        yield "Siemens private ImageType (0021,1175)", _type_contrasts(_terms(_value(place, _SIEMENS_XA)))
    text = _text(_value(dataset, _SIEMENS_TEXT))
    yield "Siemens private image type text (0051,1016)", _text_contrasts(text)
    # A description holds for the whole file: it cannot name one frame among several kinds.
    if "MIXED" not in image_type:
        description = _text(_value(dataset, _SERIES_DESCRIPTION))
        yield "SeriesDescription", contrast_words(description, _text(_value(dataset, _PROTOCOL_NAME)))


@lru_cache(maxsize=4096)
def _type_contrasts(terms: tuple[str, ...]) -> frozenset[ContrastName]:
    # Values 1 and 2 say whether the image is original and primary, never what it shows.
    return frozenset(_TYPE_TERMS[term] for term in terms[2:] if term in _TYPE_TERMS)


@lru_cache(maxsize=4096)
def _text_contrasts(text: str) -> frozenset[ContrastName]:
    terms = re.split(r"[\s/\\]+", text.upper())
    return frozenset(_TYPE_TERMS[term] for term in terms if term in _TYPE_TERMS)


@lru_cache(maxsize=4096)
def _components(terms: tuple[str, ...]) -> ComponentName | None:
    named = {_COMPONENT_TERMS[term] for term in terms[2:] if term in _COMPONENT_TERMS}
    return named.pop() if len(named) == 1 else None


def _philips_type(dataset: Dataset, groups: Sequence[Dataset]) -> tuple[str, tuple[str, ...]]:
    """Philips' own image type: nested as in its classic files, or the single code of private block 1."""
    nested = _items([*groups, dataset], _PHILIPS_NESTED)
    for item in nested:
        for tag, keyword in ((_IMAGE_TYPE, "ImageType"), (_FRAME_TYPE, "FrameType")):
            if terms := _terms(_value(item, tag)):
                return f"Philips private {keyword} (2005,140F)", terms
    for place in [*nested, dataset]:
        for block in range(0x10, 0x18):
            creator = 0x20050000 + block
            if creator in place and _text(_value(place, creator)).upper() == _PHILIPS_CREATOR:
                code = _terms(_value(place, 0x20050011 + (block << 8)))
                # Two values stand in for the ones that every image type begins with.
                return f"Philips private image type (2005,{block:02X}11)", ("", "", *code)
    return "Philips private image type", ()


def _items(places: Sequence[Dataset], tag: int) -> list[Dataset]:
    """First items of a sequence in several places, where there is one."""
    values = [_value(place, tag) for place in places]
    return [
        value[0] for value in values if _is_list(value) and len(value) > 0 and isinstance(value[0], Dataset)
    ]


def _value(place: Dataset, tag: int) -> Any:
    if tag not in place:
        return None
    try:
        element = place.get(tag)
    except Exception:  # pydicom decodes here, and damaged bytes raise anything: such a tag says nothing
        return None
    return None if element is None else element.value


def _terms(value: Any) -> tuple[str, ...]:
    """The values of a code string; empty for anything else."""
    if isinstance(value, str | bytes):
        return _split(_text(value))
    if _is_list(value):
        return tuple([_term(one) for one in value if isinstance(one, str)])
    return ()


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


@lru_cache(maxsize=4096)
def _split(text: str) -> tuple[str, ...]:
    return tuple(_term(term) for term in text.split("\\")) if text else ()


@lru_cache(maxsize=4096)
def _term(text: str) -> str:
    return text.strip(" \0").upper().replace(" ", "_").replace("-", "_")


def _text(value: Any) -> str:
    # Private tags of implicit VR files come as bytes.
    if isinstance(value, bytes):
        return value.decode("latin-1").strip(" \0") if len(value) < 200 else ""
    if _is_list(value):
        return "\\".join(one for one in value if isinstance(one, str))
    return value.strip(" \0") if isinstance(value, str) else ""


def _integer(value: Any) -> int:
    if isinstance(value, bytes) and len(value) == 2:
        return int.from_bytes(value, "little")
    return value if isinstance(value, int) else -1
