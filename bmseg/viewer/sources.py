"""Where the masks that an evaluation scored lie, and the images that they were drawn on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.scoring.evaluation import Evaluation
from bmseg.scoring.masks import Files, Reading, list_masks, masks_hash
from bmseg.scoring.raters import refuse_other_masks
from bmseg.workspace import Workspace
from evaluation.masks.reading import ENDINGS


@dataclass(frozen=True)
class Sources:
    """Where the masks that were scored lie, and the images that they were drawn on."""

    #: Rater to exam to file.
    masks: Files
    #: Exam to image; none of some exams or of all.
    images: Mapping[str, Path] = field(default_factory=dict)
    #: How masks are read, where their files do not say it.
    reading: Reading = field(default_factory=Reading)

    @classmethod
    def of_workspace(cls, workspace: Workspace, evaluation: Evaluation) -> Sources:
        """Of a workspace; InputError when its masks are others than were evaluated."""
        refuse_other_masks(evaluation.record, workspace)
        folders = workspace.readers() | workspace.second_readings() | workspace.methods()
        known = evaluation.record["masks_sha256"]
        masks = {rater: list_masks(folder) for rater, folder in folders.items() if rater in known}
        return cls(masks, workspace.test_images(evaluation.found.exams))

    @classmethod
    def of_folders(
        cls, evaluation: Evaluation, folders: Mapping[str, Path], images: Path | None = None
    ) -> Sources:
        """Of plain folders, rater to folder; ``<exam>.nii.gz`` or ``<exam>_0000.nii.gz`` below `images`.

        InputError when a rater is unknown or has other masks than were evaluated.
        """
        record, exams = evaluation.record, evaluation.found.exams
        known: Mapping[str, str] = record["masks_sha256"]
        if unknown := sorted({*folders} - {*known}):
            raise InputError(
                f"masks: found {', '.join(unknown)}, expected some of {', '.join(known)}: those "
                "who were evaluated"
            )
        names = [*_reading(record).label_map, *(level.name for level in evaluation.study.levels)]
        masks = {}
        for rater, folder in folders.items():
            files = list_masks(folder, names)
            masks[rater] = {exam: files[exam] for exam in exams if exam in files}
            if masks_hash(masks[rater]) != known[rater]:
                raise InputError(
                    f"{folder}: masks: found others of {rater} than were evaluated, expected the same"
                )
        found = {exam: path for exam in exams if images and (path := _image_file(images, exam))}
        in_folders = images is not None and any((images / exam).is_dir() for exam in exams)
        if images and not found and not in_folders:
            raise InputError(
                f"{images}: images: found none of {', '.join(exams[:3])}, expected <exam>.nii.gz or "
                "<exam>_0000.nii.gz"
            )
        # Masks in DICOM lie on a grid that their images alone know.
        on_images = images if in_folders or len(found) == len(exams) else None
        return cls(masks, found, replace(_reading(record), images=on_images))


def _reading(record: Mapping[str, Any]) -> Reading:
    """How masks were read, as it is on record."""
    said = {name: record[name] for name in ("label_map", "precedence", "missing_is_empty") if name in record}
    return Reading(**said, spacing=record.get("pixel_mm"))


def _image_file(folder: Path, exam: str) -> Path | None:
    paths = [folder / f"{name}{ending}" for name in (exam, f"{exam}_0000") for ending in ENDINGS]
    return next((path for path in paths if path.is_file()), None)
