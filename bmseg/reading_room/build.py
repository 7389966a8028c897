"""Build the reading room of a workspace or of plain folders: the readers' page, and its key apart from it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bmseg.errors import InputError
from bmseg.outputs import provenance
from bmseg.outputs.records import read_record, write_record
from bmseg.reading_room import (
    OVERALL,
    REFERENCE,
    Key,
    KeyMask,
    Page,
    Room,
    RoomLevel,
    ShownExam,
    build_page,
    draw_order,
)
from bmseg.reading_room.records import ExamFacts
from bmseg.scoring.evaluation import consensus_name
from bmseg.scoring.raters import workspace_raters
from bmseg.study import Study
from bmseg.workspace import Workspace
from dataset_conversion.files import atomic_path, write_text
from dataset_conversion.images.volume import STORAGE_ORDER, read_volume
from dataset_conversion.raw.cohort_table import read_facts
from dataset_conversion.raw.dataset import RawDataset
from evaluation.masks.reading import check_grid, list_masks, match_exams, read_mask

#: What readers get, and what the organiser keeps.
PAGE_FILE = "for_readers/reading_room.html"
KEY_FILE = "key.json"
PROVENANCE_FILE = "provenance.json"

_OPPOSITE = dict(zip("LRAPSI", "RLPAIS", strict=True))


@dataclass(frozen=True)
class Shown:
    """What a reading room shows, as files.

    Parameters
    ----------
    images : mapping of str to Path
        Exam to its image.
    masks : mapping of str to mapping of str to Path
        Origin, `REFERENCE` first, to exam to mask.
    ages : mapping of str to float
        Exam to age in years, where known.
    synthetic : bool
    left_out : sequence of str
        Exams with an image and no mask.
    """

    images: Mapping[str, Path]
    masks: Mapping[str, Mapping[str, Path]]
    ages: Mapping[str, float]
    synthetic: bool
    left_out: Sequence[str] = ()


@dataclass(frozen=True)
class Built:
    """A reading room on disk.

    Parameters
    ----------
    page, key : Path
    masks : int
        How many are shown.
    written : bool
        False when it was there already, made from the same inputs.
    """

    page: Path
    key: Path
    masks: int
    written: bool


def workspace_shown(workspace: Workspace, study: Study, models: list[str], channel: str | None) -> Shown:
    """The consensus and models' masks of a workspace's test exams.

    Parameters
    ----------
    workspace : Workspace
        Evaluated: its consensus is shown.
    study : Study
    models : list of str
        Methods with predictions; all of them when empty.
    channel : str, optional
        The first of the study by default.

    Raises
    ------
    InputError
        When the workspace was not evaluated, a model has no predictions, or the channel is unknown.
    """
    raters, synthetic = workspace_raters(workspace), workspace.is_synthetic
    dataset = RawDataset.create(workspace.nnunet_raw, study.dataset_spec)
    exams, made = dataset.exams("test"), raters.models
    channel = _channel(study, channel)
    if not read_record(workspace.evaluation / PROVENANCE_FILE):
        raise InputError(
            f"{workspace.evaluation}: found no finished evaluation, expected the readers' consensus; run "
            "'bmseg evaluate' first"
        )
    if unknown := sorted(set(models) - set(made)):
        raise InputError(
            f"--model: found {', '.join(unknown)}, expected some of {', '.join(made)}: methods "
            "with predictions in the workspace"
        )
    masks = {REFERENCE: {exam: workspace.evaluation / consensus_name(exam) for exam in exams}}
    masks |= {model: _masks_of(model, made[model]) for model in models or made}
    match_exams(masks, exams)
    return Shown(
        images={exam: dataset.image_path(exam, "test", channel) for exam in exams},
        masks=masks,
        ages=_ages(dataset.cohort(), exams),
        synthetic=synthetic,
    )


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
    """The images and masks of plain folders of ``<exam>.nii.gz``.

    Parameters
    ----------
    study : Study
    images : Path
        ``<exam>_0000.nii.gz``, a number a channel; ``<exam>.nii.gz`` will do for one.
    consensus : Path
    models : mapping of str to Path
        Model to folder.
    channel : str, optional
    cohort : Path, optional
        CSV with the columns ``exam`` and ``age``.
    synthetic : bool

    Raises
    ------
    InputError
        When an image is missing or not whole.
    evaluation.masks.reading.MaskError
        When folders do not hold masks of the same exams.
    """
    from bmseg.sharing.image_folder import find_exams

    number = [one.name for one in study.channels].index(_channel(study, channel))
    masks = {REFERENCE: list_masks(consensus)} | {
        model: _masks_of(model, folder) for model, folder in models.items()
    }
    exams = match_exams(masks)
    found = find_exams(images, [one.name for one in study.channels])
    missing = [exam for exam in exams if exam not in found.images]
    if missing:
        faults = "; ".join(found.faults) or f"found none of {', '.join(missing)}"
        raise InputError(f"{images}: images: {faults}, expected one of every exam with masks")
    return Shown(
        images={exam: found.images[exam][number] for exam in exams},
        masks=masks,
        ages=_ages(_read_cohort(cohort), exams) if cohort else {},
        synthetic=synthetic,
        left_out=sorted(set(found.images) - set(exams)),
    )


def build(study: Study, study_file: Path, shown: Shown, out: Path, *, seed: int) -> Built:
    """Write the page for readers, then the key; a room from the same inputs is kept.

    Parameters
    ----------
    study : Study
        With a visual analogue scale.
    study_file : Path
    shown : Shown
    out : Path
        `PAGE_FILE`, `KEY_FILE` and provenance.json go below it.
    seed : int
        Of the order.

    Raises
    ------
    InputError
        When the study has no scale, an image is damaged, or `out` holds the key of another page, which
        scores that were given on it need.
    evaluation.masks.reading.MaskError
        When a mask is damaged, has other labels or is not on its image's grid.
    """
    room = _room(study, study_file, shown)
    exams, origins = sorted(shown.images), sorted(shown.masks)
    inputs = {
        "seed": seed,
        "study": provenance.file_hash(study_file),
        "images": provenance.files_hash(shown.images),
        "masks": {origin: provenance.files_hash(files) for origin, files in sorted(shown.masks.items())},
        "ages": dict(sorted(shown.ages.items())),
        "bmseg": provenance.versions()["bmseg"],
    }
    page_file, key_file = out / PAGE_FILE, out / KEY_FILE
    earlier = read_record(out / PROVENANCE_FILE)
    count = len(exams) * len(origins)
    if earlier.get("inputs") == inputs and _unchanged(out, earlier):
        return Built(page_file, key_file, count, written=False)
    places = draw_order(exams, origins, seed)
    slices: dict[str, int] = {}

    def read(exam: str) -> ShownExam:
        found = _read_exam(study, shown, exam)
        slices[exam] = found.image.shape[2]
        return found

    page = build_page(room, places, read)
    _check_key(key_file, page)
    key = Key(
        build=page.build,
        seed=seed,
        items=room.items,
        exams={exam: ExamFacts(slices=slices[exam], age=shown.ages.get(exam)) for exam in exams},
        masks=[KeyMask(exam=place.exam, origin=place.origin) for place in places],
    )
    _write_private(key_file, key.model_dump_json(indent=1) + "\n")
    write_text(page_file, page.html)
    record = {
        "inputs": inputs,
        "versions": provenance.versions(),
        "machine": provenance.machine(),
        "build": page.build,
        "outputs": {name: provenance.file_hash(out / name) for name in (PAGE_FILE, KEY_FILE)},
    }
    write_record(out / PROVENANCE_FILE, record)
    return Built(page_file, key_file, count, written=True)


def _room(study: Study, study_file: Path, shown: Shown) -> Room:
    if study.vas is None:
        raise InputError(f"{study_file}: vas.acceptable_below: found none, expected a score in cm, as 5.0")
    if OVERALL in study.level_names:
        raise InputError(
            f"{study_file}: levels.name: found '{OVERALL}', expected another name: it stands for the "
            "score of the whole mask"
        )
    if len(shown.masks) < 2:
        raise InputError("--model: found no model, expected at least one; predict first, or name its masks")
    right = STORAGE_ORDER[study.plane][0]
    return Room(
        levels=[RoomLevel(one.value, one.name, one.description, one.color) for one in study.levels],
        anchors=study.vas.anchors,
        sides=(_OPPOSITE[right], right),
        synthetic=shown.synthetic,
    )


def _read_exam(study: Study, shown: Shown, exam: str) -> ShownExam:
    image = read_volume(shown.images[exam])
    masks = {}
    for origin, files in shown.masks.items():
        mask = read_mask(files[exam], study.label_values)
        check_grid(mask, image)
        masks[origin] = mask.stored_as(study.plane).array
    stored = image.stored_as(study.plane)
    return ShownExam(stored.array, (float(stored.spacing[0]), float(stored.spacing[1])), masks)


def _check_key(key_file: Path, page: Page) -> None:
    """Refuse to write over the key of another page: without it, scores given there are worth nothing."""
    earlier = read_record(key_file).get("build")
    if key_file.exists() and earlier != page.build:
        raise InputError(
            f"{key_file}: found the key of another page ({str(earlier)[:12]}), expected none: scores that "
            "were given on it need it; move the folder away, or build elsewhere with -o"
        )


def _unchanged(out: Path, earlier: Mapping[str, object]) -> bool:
    outputs = earlier.get("outputs")
    return isinstance(outputs, dict) and all(
        (out / name).is_file() and provenance.file_hash(out / name) == expected
        for name, expected in outputs.items()
    )


def _write_private(path: Path, text: str) -> None:
    """Write for the owner alone: on a shared disk a reader would stumble over it."""
    with atomic_path(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)


def _masks_of(model: str, folder: Path) -> dict[str, Path]:
    if model == REFERENCE:
        raise InputError(
            f"--prediction: found a model named '{REFERENCE}', expected another name: it stands for the "
            "readers' own"
        )
    return list_masks(folder)


def _channel(study: Study, channel: str | None) -> str:
    names = [one.name for one in study.channels]
    if channel is not None and channel not in names:
        raise InputError(f"--channel: found {channel}, expected {', '.join(names)}: those of the study file")
    return channel or names[0]


def _ages(cohort: pd.DataFrame, exams: Sequence[str]) -> dict[str, float]:
    if "age" not in cohort:
        return {}
    known = cohort[cohort.exam.isin(exams)].dropna(subset="age")
    return {str(exam): float(age) for exam, age in zip(known.exam, known.age, strict=True)}


def _read_cohort(path: Path) -> pd.DataFrame:
    cohort = read_facts(path)
    if not pd.api.types.is_numeric_dtype(cohort.get("age", pd.Series(dtype=float))):
        raise InputError(f"{path}: age: found text, expected years as numbers")
    return cohort
