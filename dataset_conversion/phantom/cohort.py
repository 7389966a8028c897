"""The synthetic cohort on disk: one exam simulated, all of them written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

from tqdm import tqdm

from dataset_conversion.files import write_text
from dataset_conversion.images import ConversionError, Volume
from dataset_conversion.parallel import run_each
from dataset_conversion.phantom.anatomy import Anatomy, build_anatomy
from dataset_conversion.phantom.fields import Grid, generator
from dataset_conversion.phantom.knee import Subject
from dataset_conversion.phantom.marrow import MarrowParameters, MarrowSignal, draw_marrow
from dataset_conversion.phantom.plan import DEFAULT_SEED, TRAINING_EXAMS, PlannedExam, plan_cohort
from dataset_conversion.phantom.readers import LEVELS, READERS, calibrated_readers, draw_masks
from dataset_conversion.phantom.scanner import CHANNELS, SCANNERS, acquire
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import DatasetSpec, Exam, Split

__all__ = ["DEFAULT_SEED", "Body", "PlannedExam", "check_spec", "plan_cohort", "simulate_body",
           "simulate_exam", "write_cohort"]  # fmt: skip

IN_PLANE = (384, 256)


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
    """Images and readers' masks of one exam, in the coronal storage order.

    The result depends on `seed` and the planned exam alone. A channel or reader that is none of the
    phantom's raises `ConversionError`.
    """
    _check_known("channels", channels, CHANNELS)
    _check_known("readers", readers, READERS)
    name = planned.identifier
    body = simulate_body(planned, seed=seed)
    grid, anatomy, marrow = body.grid, body.anatomy, body.marrow
    scanner = SCANNERS[planned.site]
    images = {
        channel: acquire(grid, anatomy, marrow, channel, scanner, generator(seed, name, "scanner", channel))
        for channel in channels
    }
    masks = draw_masks(grid, anatomy.region, marrow, readers=tuple(readers), seed=seed, exam=name)
    return Exam(
        identifier=name,
        split=planned.split,
        channels={channel: Volume(image, grid.affine) for channel, image in images.items()},
        masks={reader: Volume(mask, grid.affine) for reader, mask in masks.items()},
        facts=planned.facts,
    )


def write_cohort(
    dataset: RawDataset,
    *,
    training: int = TRAINING_EXAMS,
    segmented: int | None = None,
    seed: int = DEFAULT_SEED,
    processes: int | None = None,
) -> None:
    """Simulate and write the cohort as an nnU-Net raw data set; exams already written are kept.

    Parameters
    ----------
    training : int
        Number of training exams, 1 to 85; the ten test exams are always written.
    segmented : int, optional
        How many training exams, the first, have masks; the others are unread exams. By default all have.

    Raises
    ------
    ConversionError
        When the phantom cannot serve the data set's spec, or the folder holds exams of another cohort.
    """
    check_spec(dataset.spec)
    plan = _with_unread(plan_cohort(training=training, seed=seed), training, segmented)
    _claim_folder(dataset, plan, seed)
    dataset.reopen()
    missing = [planned for planned in plan if not _is_written(dataset, planned)]
    write = partial(_write_exam, dataset, seed)
    written = run_each(write, missing, died=_died, processes=processes)
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
        raise ConversionError(
            f"{dataset.folder}: imagesTr: found {foreign[0]} ({len(foreign)} such), expected only the exams "
            f"of this cohort; {remedy}"
        )
    if note.is_file() and note.read_text(encoding="utf-8") != text:
        raise ConversionError(
            f"{note}: found a cohort of another seed or version, expected seed {seed}; {remedy}"
        )
    if found and not note.is_file():
        raise ConversionError(f"{dataset.folder}: found exams of another source; {remedy}")
    write_text(note, text)


def _is_written(dataset: RawDataset, planned: PlannedExam) -> bool:
    readers = _readers_kept(dataset.spec, planned.split)
    masks = [dataset.mask_path(planned.identifier, planned.split, reader) for reader in readers]
    return dataset.has_images(planned.identifier, planned.split) and all(mask.is_file() for mask in masks)


def _readers_kept(spec: DatasetSpec, split: Split) -> tuple[str, ...]:
    if split == "unread":
        return ()
    return (spec.training_reader,) if split == "training" else spec.readers


def _write_exam(dataset: RawDataset, seed: int, planned: PlannedExam) -> None:
    readers = _readers_kept(dataset.spec, planned.split)
    dataset.add(simulate_exam(planned, channels=dataset.spec.channels, seed=seed, readers=readers))


def _died(planned: PlannedExam) -> None:
    raise ConversionError(
        f"{planned.identifier}: the process that simulated it died, most likely for want of memory; take "
        "fewer processes or a machine with more memory"
    )
