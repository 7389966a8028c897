"""Raters' masks as their programs wrote them: found in folders, and read exam by exam onto one grid."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bmseg.outputs.provenance import file_hash, files_hash, value_hash
from bmseg.study import Study
from dataset_conversion.images import ConversionError, Volume, as_labels, read_volume
from dataset_conversion.mask_files import listing
from dataset_conversion.mask_files.labels import Labels, value_of_name
from dataset_conversion.mask_files.pictures import ENDINGS as PICTURES
from dataset_conversion.mask_files.pictures import NO_SIZE
from dataset_conversion.mask_files.reading import kind_of_mask, read_mask
from dataset_conversion.mask_files.survey import framed_by
from dataset_conversion.raw.exam import IGNORE
from evaluation.masks.reading import MaskError, check_grid

#: Rater to exam to the file of its mask, or the folder of its files.
Files = Mapping[str, Mapping[str, Path]]
#: How a user allows that readers lack exams.
ALLOW = 'incomplete = "allow" below [design] in the study file, or --incomplete'
#: Of all masks together, to be read: processes are worth their start.
LARGE_BYTES = 4_000_000
_NAMED_FAULTS = 20


@dataclass(frozen=True)
class Reading:
    """How files of masks are read, where they do not say it themselves."""

    #: A value in files, or the name of a segment, file or colour (``#ff8c00``), to the value that it
    #: stands for; 0 for none.
    label_map: Mapping[str, int] = field(default_factory=dict)
    #: Names of labels: of several in one voxel the first counts.
    precedence: Sequence[str] = ()
    #: Of pictures: size of a pixel along columns and rows, and of a page, mm.
    spacing: Sequence[float] | None = None
    #: Folder with an image of every exam, a file or a folder of DICOM files, on whose grid DICOM masks lie.
    images: Path | None = None
    #: Of folders with a file a label: no file means that nothing is marked.
    missing_is_empty: bool = False

    @property
    def facts(self) -> dict[str, Any]:
        """For a record: what was said, without what was not."""
        said = {
            "label_map": dict(self.label_map),
            "precedence": list(self.precedence),
            "pixel_mm": list(self.spacing or ()),
            "missing_is_empty": self.missing_is_empty,
        }
        return {name: value for name, value in said.items() if value}

    def labels(self, study: Study | None = None) -> Labels:
        """Of a study, or while nobody knows it."""
        levels = {level.name: level.value for level in study.levels} if study else {}
        if study and study.scores.ignore is not None:
            levels[IGNORE] = study.scores.ignore
        colors = {level.color: level.value for level in study.levels} if study else {}
        return Labels(levels, self.label_map, colors, self.precedence)


def list_masks(folder: Path, names: Collection[str] = ()) -> dict[str, Path]:
    """As `dataset_conversion.mask_files.listing.list_masks`, with a `MaskError`.

    So ends a folder that is called as a file of a mask beside such files: its exam would be missing.
    """
    if folder.is_file():
        raise MaskError(f"{folder}: found a file, expected a folder with a mask of every exam")
    try:
        found = listing.list_masks(folder, names)
    except ConversionError as error:
        raise MaskError(str(error)) from None
    for path in sorted(folder.iterdir()):
        called = path.name.lower().endswith(listing.ENDINGS) and not path.name.startswith(".")
        if called and path.is_dir() and path.name not in found:
            raise MaskError(f"{path}: found a folder, expected a file of a mask; rename or remove it")
    return found


def masks_hash(masks: Mapping[str, Path]) -> str:
    """One SHA-256 of the masks of several exams, by exam and contents."""
    return value_hash({exam: mask_hash(mask) for exam, mask in masks.items()})


def mask_hash(mask: Path) -> str:
    """SHA-256 of a mask: of its file, or of all files of its folder and their names."""
    if not mask.is_dir():
        return file_hash(mask)
    return files_hash({path.name: path for path in listing.files_of(mask)})


def hashes_beside(
    cohort: Path | None, allowed: Mapping[str, Path], images: Mapping[str, Path], maps: Files
) -> dict[str, Any]:
    """SHA-256 of what counts beside the masks, as an evaluation records it; images are of an exam each."""
    folders = {"regions_sha256": allowed, "images_sha256": images}
    hashes: dict[str, Any] = {name: files_hash(files) for name, files in folders.items() if files}
    if maps:
        hashes["probabilities_sha256"] = {model: masks_hash(of) for model, of in maps.items()}
    return hashes | ({"cohort_sha256": file_hash(cohort)} if cohort else {})


def bytes_of(files: Files) -> int:
    """The size of all masks together."""
    masks = [path for each in files.values() for path in each.values()]
    return sum(path.stat().st_size for mask in masks for path in listing.files_of(mask))


def of_exam(files: Files, exam: str) -> dict[str, Path]:
    """Rater to mask, of those who drew an exam."""
    return {rater: masks[exam] for rater, masks in files.items() if exam in masks}


def of_exams(files: Files, exams: Sequence[str]) -> dict[str, dict[str, Path]]:
    """The same of some exams, in their order."""
    return {rater: {exam: of[exam] for exam in exams if exam in of} for rater, of in files.items()}


def read_exam(study: Study, files: Mapping[str, Path], reading: Reading, exam: str) -> dict[str, Volume]:
    """The masks of an exam by rater, on one grid, in the values of the study, each with its notes.

    A mask whose axes stand in another order than the first rater's is brought to it, with a note. DICOM
    masks are laid on the exam's image or, without one, on the first mask that has a grid of its own.

    Raises
    ------
    MaskError
        When a mask cannot be read, holds what is no label of the study, or lies on another grid; all of the
        exam that are wrong, a line each.
    """
    labels, faults = reading.labels(study), []
    image, frame = _image(reading.images, exam)
    values = study.label_values if study.scores.ignore is None else (*study.label_values, study.scores.ignore)
    placed: Volume | None = image
    found: dict[str, Volume] = {}
    for rater in sorted(files, key=lambda rater: _needs_image(files[rater])):
        try:
            mask = read_mask(
                files[rater], placed, labels,
                frame_of_reference=frame, spacing=reading.spacing, keep_notes=True,
            )  # fmt: skip
            found[rater] = as_labels(mask, values, name=str(files[rater]), advice=_ADVICE)
            placed = placed or found[rater]
            if (value := framed_by(found[rater])) and value not in reading.label_map.values():
                note = f"label: {value} fills most of the image and its border, as of an inverted mask"
                found[rater] = replace(found[rater], notes=(*found[rater].notes, note))
        except ConversionError as error:
            faults.append(str(error))
    masks = {rater: found[rater] for rater in files if rater in found}
    first = image or next(iter(masks.values()), None)
    for rater, mask in masks.items():
        assert first is not None
        difference = mask.grid.difference(first.grid)
        if difference and difference.field == "axis order":
            note = f"axes in the order {mask.axis_order} were brought to {first.axis_order}, the first mask's"
            masks[rater] = replace(mask.in_order(first.axis_order), notes=(*mask.notes, note))
        elif difference:
            try:
                check_grid(mask, first)
            except MaskError as error:
                faults.append(str(error))
    if faults:
        raise MaskError("\n".join(faults))
    return masks


_ADVICE = "; correct the mask or the study file's levels, or map values with --map-label FOUND=VALUE"


def refuse_missing_labels(files: Files, exams: Sequence[str], reading: Reading, study: Study) -> None:
    """Refuse (MaskError) exams of which one rater has a file of a label that another lacks.

    Nobody knows whether that rater marked nothing, or drew nothing.
    """
    if reading.missing_is_empty:
        return
    labels = reading.labels(study)
    lines = []
    for exam in exams:
        folders = {rater: mask for rater, mask in of_exam(files, exam).items() if mask.is_dir()}
        drawn = {
            rater: {value_of_name(name, labels): name for name in listing.parts_of(folder)}
            for rater, folder in folders.items()
        }
        for rater, names in drawn.items():
            for other, theirs in drawn.items():
                # Without a file of what is unsure, a reader was sure.
                known = {*names, 0, None, study.scores.ignore}
                if lacking := sorted(theirs[value] for value in theirs if value not in known):
                    lines.append(
                        f"{folders[rater]}: found no file of {', '.join(lacking)}, which {other} has, "
                        "expected one (empty where nothing is marked); with --missing-is-empty it is"
                    )
                    break
    if lines:
        raise MaskError("\n".join(lines[:_NAMED_FAULTS]))


def without_size(files: Files, reading: Reading) -> str:
    """What is to be said of pictures of which nobody gave the size of a pixel; empty where there are none."""
    if reading.spacing:
        return ""
    pictures = [
        rater
        for rater, masks in files.items()
        if any(
            path.name.lower().endswith(PICTURES) for mask in masks.values() for path in listing.files_of(mask)
        )
    ]
    return f"{', '.join(pictures)}: {NO_SIZE}; --pixel-mm gives it" if pictures else ""


def _needs_image(mask: Path) -> bool:
    try:
        return not mask.is_dir() and kind_of_mask(mask) in ("dicom", "nrrd")
    except ConversionError:
        return False


def images_of(reading: Reading, exams: Sequence[str]) -> dict[str, Path]:
    """The files of every exam's image, by name; empty where no folder of images was named.

    A MaskError when an exam has none.
    """
    return {f"{exam}/{name}": path for exam in exams for name, path in image_of(reading, exam).items()}


def image_of(reading: Reading, exam: str) -> dict[str, Path]:
    """The files of an exam's image, by name below it; empty where no folder of images was named."""
    if reading.images is None:
        return {}
    path = _image_path(reading.images, exam)
    below = sorted(path.rglob("*")) if path.is_dir() else [path]
    return {str(file.relative_to(path)): file for file in below if file.is_file()}


def _image(folder: Path | None, exam: str) -> tuple[Volume | None, str | None]:
    """An exam's image, and the frame of reference of DICOM."""
    if folder is None:
        return None, None
    path = _image_path(folder, exam)
    try:
        if not path.is_dir():
            return read_volume(path), None
        # pydicom comes with an optional part of the package.
        from dataset_conversion.dicom.grid_of_exam import grid_of_exam

        return grid_of_exam(path)
    except ModuleNotFoundError:
        raise MaskError(f"{path}: cannot be read without pydicom: pip install 'bmseg[dicom]'") from None
    except ConversionError as error:
        raise MaskError(str(error)) from None


def _image_path(folder: Path | None, exam: str) -> Path:
    """Of the first channel, where images are called as nnU-Net wants them."""
    names = [f"{name}{ending}" for name in (exam, f"{exam}_0000") for ending in (".nii.gz", ".nii", ".mha")]
    paths = [folder / name for name in (*names, exam)] if folder else []
    if path := next((path for path in paths if path.exists()), None):
        return path
    raise MaskError(
        f"{folder}: found no image of exam {exam}, expected {exam}.nii.gz, or a folder {exam} of DICOM files"
    )
