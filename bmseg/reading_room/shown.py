"""What a reading room shows: masks of the readers' consensus and of models, of a workspace or of folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bmseg.errors import InputError
from bmseg.outputs.provenance import read_record
from bmseg.reading_room.page import ShownExam
from bmseg.reading_room.records import REFERENCE
from bmseg.scoring.evaluation import mask_name
from bmseg.scoring.raters import refuse_other_masks, workspace_raters
from bmseg.sharing.new_images import find_exams
from bmseg.study import Study
from bmseg.wording import command
from bmseg.workspace import Workspace
from dataset_conversion.images import read_volume
from dataset_conversion.raw.cohort_table import read_facts
from evaluation.masks.reading import check_grid, list_masks, match_exams, read_mask


@dataclass(frozen=True)
class Shown:
    """What a reading room shows, as files."""

    #: Exam to its image.
    images: Mapping[str, Path]
    #: Origin, `REFERENCE` first, to exam to mask.
    masks: Mapping[str, Mapping[str, Path]]
    #: Exam to age in years, where known.
    ages: Mapping[str, float]
    synthetic: bool
    #: The rule of the consensus that is shown; nothing where its folder does not say.
    rule: str = ""
    #: Exams with an image and no mask.
    left_out: Sequence[str] = ()

    @property
    def number(self) -> int:
        """How many masks there are."""
        return len(self.images) * len(self.masks)

    def read(self, study: Study, exam: str) -> ShownExam:
        """An exam's image and masks as the page shows them.

        A ConversionError or MaskError when a file is damaged, or a mask has other labels or is not on its
        image's grid.
        """
        image = read_volume(self.images[exam])
        masks = {}
        for origin, files in self.masks.items():
            mask = read_mask(files[exam], study.label_values)
            check_grid(mask, image)
            masks[origin] = mask.stored_as(study.plane).array
        stored = image.stored_as(study.plane)
        return ShownExam(stored.array, (float(stored.spacing[0]), float(stored.spacing[1])), masks)


def workspace_shown(
    workspace: Workspace,
    models: Sequence[str] = (),
    channel: str | None = None,
    *,
    yardstick: bool = False,
) -> Shown:
    """The consensus and models' masks of an evaluated workspace's test exams.

    The consensus is the study's own, or the one that the yardstick's rule makes of all readers. Models are
    methods with predictions, by default all of them; the channel is by default the study's first. An
    InputError when the workspace was not evaluated, a model has no predictions, or the channel is unknown.
    """
    dataset, exams, made = workspace.dataset, workspace.test_exams(), workspace_raters(workspace).models
    channel = _channel(workspace.study, channel)
    record = read_record(workspace.evaluation / "provenance.json")
    if not record:
        raise InputError(
            f"{workspace.evaluation}: found no finished evaluation, expected the readers' consensus; run "
            f"first: {command('evaluate', workspace=workspace.root)}"
        )
    if unknown := sorted(set(models) - set(made)):
        raise InputError(
            f"model: found {', '.join(unknown)}, expected some of {', '.join(made)}: methods "
            "with predictions in the workspace"
        )
    refuse_other_masks(record, workspace)
    kind = "yardstick" if yardstick else "consensus"
    masks = {REFERENCE: {exam: workspace.evaluation / mask_name(exam, kind) for exam in exams}}
    masks |= {model: _masks_of(model, made[model]) for model in models or made}
    match_exams(masks, exams)
    images = {exam: dataset.image_path(exam, "test", channel) for exam in exams}
    ages, rule = _ages(dataset.cohort(), exams), str(record.get(f"{kind}_rule", ""))
    return Shown(images, masks, ages, workspace.is_synthetic, rule)


def folders_shown(
    study: Study,
    images: Path,
    consensus: Path,
    models: Mapping[str, Path],
    *,
    channel: str | None = None,
    cohort: Path | None = None,
    synthetic: bool = False,
) -> Shown:
    """The images and masks of plain folders of ``<exam>.nii.gz``; `models` are model to folder.

    Images are ``<exam>_0000.nii.gz``, a number a channel; ``<exam>.nii.gz`` will do for one. `cohort` is a
    CSV with the columns ``exam`` and ``age``. An InputError when an image is missing or not whole; a
    MaskError when folders do not hold masks of the same exams.
    """
    channels = [one.name for one in study.channels]
    number = channels.index(_channel(study, channel))
    masks = {REFERENCE: list_masks(consensus)}
    masks |= {model: _masks_of(model, folder) for model, folder in models.items()}
    exams = match_exams(masks)
    found = find_exams(images, channels)
    if missing := [exam for exam in exams if exam not in found.images]:
        faults = "; ".join(found.faults) or f"found none of {', '.join(missing)}"
        raise InputError(f"{images}: images: {faults}, expected one of every exam with masks")
    return Shown(
        images={exam: found.images[exam][number] for exam in exams},
        masks=masks,
        ages=_ages(read_facts(cohort), exams) if cohort else {},
        synthetic=synthetic,
        left_out=sorted(set(found.images) - set(exams)),
    )


def _masks_of(model: str, folder: Path) -> dict[str, Path]:
    if model == REFERENCE:
        raise InputError(
            f"prediction: found a model named '{REFERENCE}', expected another name: it stands for the "
            "readers' own"
        )
    return list_masks(folder)


def _channel(study: Study, channel: str | None) -> str:
    names = [one.name for one in study.channels]
    if channel is not None and channel not in names:
        raise InputError(f"channel: found {channel}, expected {', '.join(names)}: those of the study file")
    return channel or names[0]


def _ages(cohort: pd.DataFrame, exams: Sequence[str]) -> dict[str, float]:
    if "age" not in cohort:
        return {}
    known = cohort[cohort.exam.isin(exams)].dropna(subset="age")
    return {str(exam): float(age) for exam, age in zip(known.exam, known.age, strict=True)}
