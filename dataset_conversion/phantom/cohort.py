"""The synthetic cohort: who is in it, one exam simulated, all of them written.

Its composition is that of von Brandis et al. 2022 (Pediatric Radiology 52:1104): 95 exams, 85 of them for
training with 1,318 slices; 68 from Oslo, 27 from Tromsø; 67 healthy, 28 with chronic non-bacterial
osteomyelitis (CNO). Which test exam came from where, and the sexes, are not published: they are made up here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from dataset_conversion.files import write_text
from dataset_conversion.images import ConversionError, Volume
from dataset_conversion.parallel import run_each
from dataset_conversion.phantom.anatomy import Anatomy, build_anatomy
from dataset_conversion.phantom.fields import Grid, generator
from dataset_conversion.phantom.marrow import MarrowParameters, MarrowSignal, draw_marrow
from dataset_conversion.phantom.readers import LEVELS, READERS, calibrated_readers, draw_masks, true_levels
from dataset_conversion.phantom.scanner import CHANNELS, SCANNERS, acquire
from dataset_conversion.phantom.subject import Sex, Subject
from dataset_conversion.raw.dataset import IMAGE_FOLDERS, RawDataset
from dataset_conversion.raw.exam import DatasetSpec, Exam, Split

IN_PLANE = (384, 256)
DEFAULT_SEED = 2022

TRAINING_EXAMS, TRAINING_SLICES = 85, 1318
# Exams of a site and group; with the test exams, the study's 68 + 27 and 67 + 28.
_TRAINING_STRATA = {
    ("Oslo", "healthy"): 43, ("Oslo", "CNO"): 18, ("Tromso", "healthy"): 17, ("Tromso", "CNO"): 7,
}  # fmt: skip


@dataclass(frozen=True)
class PlannedExam:
    """An exam before it is simulated; of site "Oslo" or "Tromso", of group "healthy" or "CNO"."""

    identifier: str
    split: Split
    site: str
    scanner: str
    group: str
    age: float
    sex: Sex
    slices: int
    #: Whether its marrow has foci that are read as level 3.
    fluid_like: bool = True

    @property
    def facts(self) -> dict[str, Any]:
        """The exam's columns of cohort.csv."""
        return {
            "site": self.site, "scanner": self.scanner, "group": self.group, "age": self.age,
            "sex": self.sex, "slices": self.slices, "synthetic": True,
        }  # fmt: skip


# Slices and ages of the study's Table 2. Its mask 10 was scored 0 for level 3 on both masks: none drawn.
_TEST_EXAMS: tuple[tuple[int, float, str, str, Sex, bool], ...] = (
    (16, 14.0, "Oslo", "healthy", "male", True),
    (16, 13.9, "Oslo", "CNO", "female", True),
    (15, 10.2, "Tromso", "healthy", "female", True),
    (15, 9.6, "Oslo", "healthy", "male", True),
    (16, 9.5, "Oslo", "healthy", "female", True),
    (15, 7.6, "Tromso", "healthy", "male", True),
    (14, 14.3, "Oslo", "CNO", "female", True),
    (16, 7.8, "Oslo", "healthy", "female", True),
    (15, 11.0, "Tromso", "CNO", "female", True),
    (15, 9.6, "Oslo", "healthy", "male", False),
)


def plan_cohort(*, training: int = TRAINING_EXAMS, seed: int = DEFAULT_SEED) -> list[PlannedExam]:
    """Who is examined: the first `training` of 85 training exams, then the ten test exams.

    A training exam is the same whatever `training` is, and every beginning of the list keeps the
    proportions of sites and groups. `training` out of range raises `ConversionError`.
    """
    if not 1 <= training <= TRAINING_EXAMS:
        expected = f"1 to {TRAINING_EXAMS}: the cohort has no more exams"
        raise ConversionError(f"training: found {training}, expected {expected}")
    test = [
        PlannedExam(
            f"knee_{TRAINING_EXAMS + number:03d}", "test", site, SCANNERS[site].name, group,
            age, sex, slices, fluid_like,
        )
        for number, (slices, age, site, group, sex, fluid_like) in enumerate(_TEST_EXAMS, start=1)
    ]  # fmt: skip
    return _plan_training(seed)[:training] + test


def _plan_training(seed: int) -> list[PlannedExam]:
    rng = generator(seed, "cohort")
    places = [
        ((member + 0.5) / count, site, group)
        for (site, group), count in _TRAINING_STRATA.items()
        for member in range(count)
    ]
    ages = np.clip(rng.normal(11.8, 2.9, TRAINING_EXAMS), 6.0, 18.0).round(1)
    sexes: list[Sex] = ["female" if draw < 0.55 else "male" for draw in rng.uniform(size=TRAINING_EXAMS)]
    slices = _share_slices(ages, rng)
    return [
        PlannedExam(
            f"knee_{number + 1:03d}", "training", site, SCANNERS[site].name, group,
            float(ages[number]), sexes[number], int(slices[number]),
        )
        for number, (_, site, group) in enumerate(sorted(places))
    ]  # fmt: skip


def _share_slices(ages: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """14 to 18 slices an exam, more for older children, `TRAINING_SLICES` in all."""
    wish = 14.3 + 2.0 * np.clip((ages - 6.0) / 9.0, 0.0, 1.0) + rng.normal(0, 0.5, len(ages))
    slices = np.clip(wish.round(), 14, 18).astype(int)
    while missing := TRAINING_SLICES - slices.sum():
        step = int(np.sign(missing))
        room = (slices < 18) if step > 0 else (slices > 14)
        slices[np.where(room, step * (wish - slices), -np.inf).argmax()] += step
    return slices


@dataclass(frozen=True)
class Body:
    """What is true of an exam, before a scanner or a reader sees it."""

    grid: Grid
    anatomy: Anatomy
    marrow: MarrowSignal


def simulate_body(planned: PlannedExam, *, seed: int) -> Body:
    """Anatomy and latent marrow signal of an exam; what readers are calibrated on."""
    grid = Grid((*IN_PLANE, planned.slices))
    rng = generator(seed, planned.identifier, "anatomy")
    anatomy = build_anatomy(grid, Subject.draw(planned.age, planned.sex, planned.group, rng), rng)
    marrow = draw_marrow(
        grid, anatomy,
        age=planned.age, group=planned.group, fluid_like=planned.fluid_like,
        rng=generator(seed, planned.identifier, "marrow"),
    )  # fmt: skip
    return Body(grid, anatomy, marrow)


def simulate_exam(
    planned: PlannedExam, *, channels: Sequence[str], seed: int, readers: Sequence[str] = READERS
) -> Exam:
    """Images and readers' masks of one exam, and the truth of a test exam, in the coronal storage order.

    The result depends on `seed` and the planned exam alone. A channel or reader that is none of the
    phantom's raises `ConversionError`.
    """
    _check_known("channels", channels, CHANNELS)
    _check_known("readers", readers, READERS)
    name, scanner = planned.identifier, SCANNERS[planned.site]
    body = simulate_body(planned, seed=seed)
    grid, anatomy, marrow = body.grid, body.anatomy, body.marrow
    images = {
        channel: acquire(grid, anatomy, marrow, channel, scanner, partial(generator, seed, name, "scanner"))
        for channel in channels
    }
    drawn = draw_masks(grid, anatomy.region, marrow, readers=tuple(readers), seed=seed, exam=name)
    volumes, masks = (
        {key: Volume(array, grid.affine) for key, array in arrays.items()} for arrays in (images, drawn)
    )
    truth = None
    if planned.split == "test":
        truth = Volume(true_levels(anatomy.region, marrow), grid.affine)
    return Exam(name, planned.split, volumes, masks, planned.facts, truth)


def write_cohort(
    dataset: RawDataset, *, training: int = TRAINING_EXAMS, segmented: int | None = None,
    seed: int = DEFAULT_SEED, training_readers: Sequence[str] = (), processes: int | None = None,
) -> None:  # fmt: skip
    """Simulate and write the cohort as an nnU-Net raw data set; exams already written are kept.

    Parameters
    ----------
    training : int
        Number of training exams, 1 to 85; the ten test exams are always written.
    segmented : int, optional
        How many training exams, the first, have masks; the others are unread exams. By default all have.
    training_readers : sequence of str
        Who else draws the training exams, beside the training reader. Nothing else depends on it.

    Raises
    ------
    ConversionError
        When the phantom cannot serve the data set's spec, or the folder holds exams of another cohort.
    """
    check_spec(dataset.spec)
    _check_known("training readers", training_readers, READERS)
    plan = _with_unread(plan_cohort(training=training, seed=seed), training, segmented)
    _claim_folder(dataset, plan, seed)
    dataset.reopen()
    kept = {split: _readers_kept(dataset.spec, split, training_readers) for split in IMAGE_FOLDERS}
    missing = [exam for exam in plan if not _is_written(dataset, exam, kept[exam.split])]
    written = run_each(partial(_write_exam, dataset, seed, kept), missing, died=_died, processes=processes)
    for _ in tqdm(written, total=len(missing), desc="synthetic exams", unit="exam", disable=None):
        pass
    if unread := [{"exam": exam.identifier, **exam.facts} for exam in plan if exam.split == "unread"]:
        dataset.finish_unread(unread)
    masked = [exam for exam in plan if exam.split != "unread"]
    rows = ({"exam": exam.identifier, "split": exam.split, **exam.facts} for exam in masked)
    dataset.finish(rows, seed=seed)


def check_spec(spec: DatasetSpec) -> None:
    """Refuse, with `ConversionError`, a data set of another plane, levels, readers or channels."""
    levels = ", ".join(map(str, sorted(spec.labels.values()))) or "none"
    for field, fits, found, expected in (
        ("plane", spec.plane == "coronal", spec.plane, "coronal: the synthetic cohort has no other slices"),
        ("levels", sorted(spec.labels.values()) == list(LEVELS), levels,
         "1, 2, 3: the synthetic cohort's readers draw three levels"),
        ("readers", sorted(spec.readers) == sorted(READERS), ", ".join(spec.readers),
         f"{', '.join(READERS)}: the synthetic cohort has these four"),
    ):  # fmt: skip
        if not fits:
            raise ConversionError(f"{field}: found {found}, expected {expected}")
    _check_known("channels", spec.channels, CHANNELS)


def _check_known(field: str, found: Sequence[str], known: Sequence[str]) -> None:
    if unknown := [name for name in found if name not in known]:
        raise ConversionError(
            f"{field}: found {', '.join(unknown)}, expected some of {', '.join(known)}: "
            "the synthetic cohort has no others"
        )


def _with_unread(plan: list[PlannedExam], training: int, segmented: int | None) -> list[PlannedExam]:
    if segmented is None:
        return plan
    if not 1 <= segmented <= training:
        raise ConversionError(
            f"segmented: found {segmented}, expected 1 to {training}, the number of training exams"
        )
    return [
        replace(planned, split="unread") if segmented <= place < training else planned
        for place, planned in enumerate(plan)
    ]


def _claim_folder(dataset: RawDataset, plan: list[PlannedExam], seed: int) -> None:
    """Note in the folder which cohort it holds, so that exams of two cohorts are never mixed."""
    note = dataset.folder / "phantom.json"
    cohort = {
        "synthetic": True, "seed": seed,
        "marrow": asdict(MarrowParameters()), "readers": asdict(calibrated_readers()),
    }  # fmt: skip
    text = json.dumps(cohort, indent=2) + "\n"
    images = sorted((dataset.folder / "imagesTr").glob("[!.]*_0000.nii.gz"))
    found = {path.name.removesuffix("_0000.nii.gz") for path in images}
    foreign = sorted(found - {planned.identifier for planned in plan})
    remedy = "remove the folder or choose another workspace"
    if foreign:
        what = f"found {foreign[0]} ({len(foreign)} such), expected only the exams of this cohort"
        raise ConversionError(f"{dataset.folder}: imagesTr: {what}; {remedy}")
    if note.is_file() and note.read_text(encoding="utf-8") != text:
        raise ConversionError(
            f"{note}: found a cohort of another seed or version, expected seed {seed}; {remedy}"
        )
    if found and not note.is_file():
        raise ConversionError(f"{dataset.folder}: found exams of another source; {remedy}")
    write_text(note, text)


def _is_written(dataset: RawDataset, planned: PlannedExam, readers: Sequence[str]) -> bool:
    name, split = planned.identifier, planned.split
    files = [dataset.mask_path(name, split, reader) for reader in readers]
    if split == "test":
        files.append(dataset.truth_path(name))
    elif len(readers) > 1:
        files += [dataset.teachers_path(name, reader) for reader in readers]
    return dataset.has_images(name, split) and all(path.is_file() for path in files)


def _readers_kept(spec: DatasetSpec, split: Split, also: Sequence[str]) -> list[str]:
    who = {"unread": (), "training": (spec.training_reader, *also), "test": spec.readers}[split]
    return [reader for reader in spec.readers if reader in who]


def _write_exam(dataset: RawDataset, seed: int, kept: dict[Split, list[str]], planned: PlannedExam) -> None:
    channels, readers = dataset.spec.channels, kept[planned.split]
    dataset.add(simulate_exam(planned, channels=channels, seed=seed, readers=readers))


def _died(planned: PlannedExam) -> None:
    raise ConversionError(
        f"{planned.identifier}: the process that simulated it died, most likely for want of memory; take "
        "fewer processes or a machine with more memory"
    )
