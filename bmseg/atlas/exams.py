"""Which exams of a workspace an atlas may show, and which were asked for in vain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from bmseg.atlas.choice import Candidate, Unit, candidates_of, is_paired
from bmseg.errors import InputError
from bmseg.study import Study
from bmseg.workspace import Workspace, is_synthetic
from dataset_conversion.images import Volume, read_volume
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import IGNORE
from evaluation.masks.reading import read_mask
from evaluation.statistics.words import plural


@dataclass(frozen=True)
class AtlasExams:
    """The training exams that an atlas is chosen from."""

    study: Study
    dataset: RawDataset
    #: Of the images.
    channel: str
    #: Exam to age in years, NaN where it is not known; its keys are the exams.
    ages: dict[str, float]
    #: Whether the cohort is simulated.
    synthetic: bool
    #: Training exams of patients who have a test exam too: they are not shown.
    left_out: tuple[str, ...] = ()
    #: Training exams that the training reader did not draw: what nnU-Net has there is another's.
    of_others: tuple[str, ...] = ()

    @classmethod
    def of(cls, workspace: Workspace, *, exams: Sequence[str] = (), channel: str | None = None) -> AtlasExams:
        """All training exams of a workspace, or those that are named.

        An InputError when there is no training exam; a named one is a test exam, of a patient with a test
        exam, unread, unknown or named twice; the study has no such channel. A ConversionError when there is
        no finished data set.
        """
        dataset = workspace.dataset
        names = dataset.spec.channels
        if channel is not None and channel not in names:
            raise InputError(f"channel: found '{channel}', expected one of the study's: {', '.join(names)}")
        cohort = dataset.cohort()
        left_out = _of_test_patients(cohort)
        training = [exam for exam in dataset.exams("training") if exam not in left_out]
        teacher = dataset.spec.training_reader
        of_others = [exam for exam in training if teacher not in dataset.training_masks(exam)]
        training = [exam for exam in training if exam not in of_others]
        if not training:
            such = f" that {teacher} drew" if of_others else ""
            such += " of a patient without a test exam" if left_out else ""
            raise InputError(
                f"{dataset.cohort_path}: split: found no training exam{such}, expected at least one: an "
                "atlas never shows test exams"
            )
        if wrong := [exam for exam in exams if exam in of_others]:
            raise InputError(
                f"{wrong[0]}: found no mask of {teacher}, expected exams that the training reader drew; name "
                "others with --exams"
            )
        _check_named(exams, training, [*dataset.exams("test"), *left_out], dataset)
        known = cohort.set_index("exam").get("age", pd.Series(dtype=float))
        years = pd.to_numeric(known, errors="coerce").reindex(list(exams) or training)
        return cls(
            study=workspace.study,
            dataset=dataset,
            channel=channel or names[0],
            ages={str(exam): float(age) for exam, age in years.items()},
            synthetic=is_synthetic(cohort),
            left_out=() if exams else left_out,
            of_others=() if exams else tuple(of_others),
        )

    def files(self) -> dict[str, Path]:
        """Every file that the atlas follows from, by its place in the data set; an InputError without one."""
        paths = [self.dataset.cohort_path]
        for exam in self.ages:
            for path in (self._image_path(exam), self._mask_path(exam)):
                if not path.is_file():
                    raise InputError(
                        f"{exam}: found no file {path}, expected the image and mask of every training exam; "
                        "convert the cohort again"
                    )
                paths.append(path)
        return {path.relative_to(self.dataset.folder).as_posix(): path for path in paths}

    def candidates(self, unit: Unit | None) -> tuple[list[Candidate], Unit]:
        """Knees, or whole exams, and which of both.

        By default knees where most exams are marked on both sides of a gap between two knees. A MaskError
        when a mask cannot be read or holds a value that is no level.
        """
        found: dict[Unit, list[Candidate]] = {"knee": [], "exam": []}
        levels = [level.value for level in self.study.levels]
        for exam, age in tqdm(self.ages.items(), desc="masks", disable=None, leave=False):
            mask = self.mask(exam)
            for one, candidates in found.items():
                candidates += candidates_of(exam, mask.array, mask.affine, age=age, levels=levels, unit=one)
        unit = unit or ("knee" if is_paired(found["knee"]) else "exam")
        return found[unit], unit

    def mask(self, exam: str) -> Volume:
        """The training reader's mask, in the study's storage order; errors of `candidates`.

        What the reader was unsure of is not marked in it.
        """
        mask = self._read(exam)
        return replace(mask, array=np.where(self._is_unsure(mask), 0, mask.array).astype(mask.array.dtype))

    def unsure(self, exams: Iterable[str]) -> int:
        """In how many of some exams the reader was unsure of voxels."""
        if self.study.scores.ignore is None:
            return 0
        return sum(bool(self._is_unsure(self._read(exam)).any()) for exam in exams)

    def _read(self, exam: str) -> Volume:
        values = tuple(self.dataset.spec.trained_labels.values())
        return read_mask(self._mask_path(exam), values).stored_as(self.study.plane)

    def _is_unsure(self, mask: Volume) -> np.ndarray:
        return mask.array == self.dataset.spec.trained_labels.get(IGNORE, -1)

    def image(self, exam: str, mask: Volume) -> Volume:
        """The image, in the study's storage order.

        An InputError when it does not lie on the mask's grid, or holds a value that is not finite; a
        ConversionError when it cannot be read.
        """
        path = self._image_path(exam)
        image = read_volume(path).stored_as(self.study.plane)
        if difference := image.grid.difference(mask.grid):
            raise InputError(f"{path}: {difference} (the grid of its mask); convert the exam again")
        if bad := int((~np.isfinite(image.array)).sum()):
            raise InputError(
                f"{path}: intensity: not finite in {plural(bad, 'voxel')}, expected in none; convert again"
            )
        return image

    def _image_path(self, exam: str) -> Path:
        return self.dataset.image_path(exam, "training", self.channel)

    def _mask_path(self, exam: str) -> Path:
        return self.dataset.mask_path(exam, "training", self.dataset.spec.training_reader)


def _check_named(
    exams: Sequence[str], training: Sequence[str], test: Sequence[str], dataset: RawDataset
) -> None:
    for exam in exams:
        if exams.count(exam) > 1:
            raise InputError(f"exams: found {exam} twice, expected once")
        if exam in test:
            what = "a test exam" if exam in dataset.exams("test") else "an exam of a patient with a test exam"
            raise InputError(
                f"{exam}: found {what}, expected training exams: readers are calibrated on exams that "
                "they are not scored on; name others with --exams"
            )
        if exam in training:
            continue
        if dataset.image_path(exam, "unread", dataset.spec.channels[0]).is_file():
            raise InputError(
                f"{exam}: found an unread exam, without a mask, expected training exams; name others"
            )
        shown = ", ".join(training[:3]) + (", ..." if len(training) > 3 else "")
        raise InputError(
            f"{exam}: found no such exam in {dataset.cohort_path}, expected some of the {len(training)} "
            f"training exams: {shown}"
        )


def _of_test_patients(cohort: pd.DataFrame) -> tuple[str, ...]:
    """Training exams of patients who have a test exam too; none where patients are not known."""
    if "patient" not in cohort:
        return ()
    patients = set(cohort.patient[cohort.split == "test"].dropna())
    return tuple(sorted(cohort.exam[(cohort.split == "training") & cohort.patient.isin(patients)]))
