"""What was said of how masks are to be read, and is said of no mask: as far as names of files tell."""

from __future__ import annotations

from collections.abc import Iterable

from bmseg.scoring.masks import Files, Reading
from bmseg.study import Study
from bmseg.wording import meant
from dataset_conversion.mask_files.labels import tidy
from dataset_conversion.mask_files.listing import files_of, parts_of
from dataset_conversion.mask_files.pictures import ENDINGS as PICTURES

# Of files that hold values and no names.
_OF_VALUES = (".nii.gz", ".nii", ".mha", *PICTURES)


def without_effect(study: Study, files: Files, reading: Reading) -> dict[str, str]:
    """Field of a reading to why nothing, or what of it, comes to bear.

    Whether a mask holds a number, or a file of segments a name, is not looked at: each would be read twice.
    """
    masks = [mask for of in files.values() for mask in of.values()]
    folders = [mask for mask in masks if mask.is_dir()]
    single = [mask.name.lower() for mask in masks if not mask.is_dir()]
    pictures = any(path.name.lower().endswith(PICTURES) for mask in masks for path in files_of(mask))
    # Files of segments (NRRD, DICOM) have names too, which are not known here.
    known = all(name.endswith(_OF_VALUES) for name in single)
    found: dict[str, str] = {}
    if reading.spacing and not pictures:
        found["pixel-mm"] = "no mask is PNG or TIFF; others say their own voxel size"
    if reading.missing_is_empty and not folders:
        found["missing-is-empty"] = "no mask is a folder with a file a label"
    names = _plain(name for folder in folders for name in parts_of(folder)) if known else set()
    unmet = [key for key in reading.label_map if key.startswith("#") and not pictures]
    for key in reading.label_map if known else ():
        # Of single files' values nobody knows before they are read.
        unknown = key.startswith("#") or (_is_number(key) and single)
        unmet += [] if unknown or _plain([key]) & names else [key]
    if unmet:
        found["map-label"] = f"found in no mask: {', '.join(unmet)}"
    if reading.precedence and known and not folders:
        found["precedence"] = "no mask names its labels, so none overlap"
    elif reading.precedence:
        levels = [*(level.name for level in study.levels), *reading.label_map]
        strange = [name for name in reading.precedence if not _plain([name]) & _plain(levels)]
        if strange:
            found["precedence"] = f"found no label {', '.join(strange)}{meant(strange[0], levels)}"
    return found


def _plain(names: Iterable[str]) -> set[str]:
    return {tidy(name).casefold() for name in names}


def _is_number(text: str) -> bool:
    return text.strip().removeprefix("-").isdecimal()
