"""The exams of an evaluation, one by one: read, scored, and kept for a run that goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from bmseg.errors import WorkError
from bmseg.outputs.provenance import files_hash, value_hash, versions
from bmseg.scoring.drawn import Drawn
from bmseg.scoring.kept import Kept, KeptExam
from bmseg.scoring.masks import Files, Reading, image_of, mask_hash, masks_hash, of_exam, read_exam
from bmseg.scoring.probable import read_probable, with_likeliest
from bmseg.scoring.regions import read_region
from bmseg.study import Study
from dataset_conversion.images import Volume, volume_bytes
from dataset_conversion.parallel import run_each
from evaluation.masks.reading import MaskError
from evaluation.study import Design, ScoredExam, score_exam

_NAMED_FAULTS = 20
#: What of a design no exam's scores depend on.
_OF_TABLES: dict[str, Any] = {
    "margin": None, "colors": {}, "titles": {}, "all_readers": (), "seed_of": {},
    "notes": (), "mark": "",
}  # fmt: skip


@dataclass(frozen=True)
class ExamFiles:
    """An exam, and all files that it is scored from."""

    name: str
    #: Rater to mask, of those who drew it.
    masks: Mapping[str, Path]
    #: Model to probabilities.
    maps: Mapping[str, Path]
    #: Where marking is allowed.
    region: Path | None
    #: Where its readers drew.
    drawn: Drawn
    #: File of its image to path, where masks need it.
    image: Mapping[str, Path]

    def hash(self) -> str:
        """SHA-256 of all of them."""
        found: dict[str, Any] = {
            kind: {rater: mask_hash(path) for rater, path in files.items()}
            for kind, files in (("masks", self.masks), ("maps", self.maps))
        }
        found |= {"region": mask_hash(self.region) if self.region else "", "image": files_hash(self.image)}
        drawn = {reader: masks_hash(of) for reader, of in self.drawn.regions.items()}
        slices = sorted((reader, *where) for (_, reader), where in self.drawn.slices.items())
        return value_hash(found | {"drawn": drawn, "slices": slices})


@dataclass(frozen=True)
class Scoring:
    """How every exam of an evaluation is read and scored."""

    study: Study
    design: Design
    readers: Sequence[str]
    reading: Reading
    #: All raters, readers first.
    raters: Sequence[str]

    def of_exams(
        self, names: Sequence[str], files: Files, maps: Files, allowed: Mapping[str, Path], drawn: Drawn
    ) -> list[ExamFiles]:
        """Each exam with its own files of all."""
        return [
            ExamFiles(
                exam, of_exam(files, exam), of_exam(maps, exam), allowed.get(exam),
                drawn.of_exam(exam), image_of(self.reading, exam),
            )
            for exam in names
        ]  # fmt: skip

    def key(self, exam: ExamFiles) -> str:
        """A hash of everything that shapes what is known of an exam when it is scored."""
        design = asdict(replace(self.design, **_OF_TABLES))
        names = [(level.value, level.name, level.color) for level in self.study.levels]
        of_all = {
            "versions": versions(),
            "design": design,
            "levels": names,
            "readers": list(self.readers),
            "raters": list(self.raters),
            "reading": self.reading.facts,
        }
        return value_hash(of_all | {"exam": exam.name, "files": exam.hash()})

    def read(self, exam: ExamFiles) -> tuple[dict[str, Volume], dict[str, np.ndarray]]:
        """The masks of an exam by rater, and probabilities by model."""
        masks = read_exam(self.study, exam.masks, self.reading, exam.name)
        if exam.drawn and self.design.ignore is not None:
            masks = exam.drawn.with_undrawn(self.study, exam.name, masks, self.design.ignore)
        probable = read_probable(self.study, exam.maps, self.reading, masks)
        masks = with_likeliest(masks, probable, self.raters)
        return masks, {model: each.shares for model, each in probable.items()}

    def score(self, exam: ExamFiles) -> tuple[ScoredExam, dict[str, bytes]]:
        """An exam from its files, and its consensuses as files, by kind."""
        masks, probabilities = self.read(exam)
        first = next(iter(masks.values()))
        region = read_region(exam.region, first) if exam.region else None
        scored, painted = score_exam(self.design, exam.name, masks, self.readers, region, probabilities)
        return scored, {kind: volume_bytes(Volume(label, first.affine)) for kind, label in painted.items()}


def score_each(
    scoring: Scoring, exams: Sequence[ExamFiles], kept: Kept, *, alone: bool = False
) -> Iterator[tuple[str, ScoredExam, Mapping[str, bytes]]]:
    """Score every exam; its name, what was found, and its consensuses as files, as exams end.

    Exams are scored in processes and kept; what was kept of the same files is not scored again. `alone` does
    without: of small masks that costs more than it saves.
    """
    if alone:
        for exam in exams:
            yield exam.name, *scoring.score(exam)
        return
    for exam, found in run_each(partial(_keep, scoring, kept), exams, died=_died):
        yield exam.name, found, found.files


def _keep(scoring: Scoring, kept: Kept, exam: ExamFiles) -> KeptExam:
    path = kept.path(exam.name, scoring.key(exam))
    if kept.is_whole(path):
        return KeptExam(path, earlier=True)
    scored, files = scoring.score(exam)
    if kept.path(exam.name, scoring.key(exam)) != path:
        raise WorkError(
            f"{exam.name}: found files that changed while they were scored, expected the same to the end; "
            "run it again"
        )
    return kept.keep(path, scored, files)


def _died(exam: ExamFiles) -> NoReturn:
    raise WorkError(
        f"{exam.name}: the process that scored it was ended, most often for want of memory; run it again"
    )


@contextmanager
def all_faults(scoring: Scoring, exams: Sequence[ExamFiles], *, processes: int | None) -> Iterator[None]:
    """Where one mask cannot be scored, look for all that cannot: nobody wants to learn of them one by one."""
    try:
        yield
    except MaskError as error:
        work = partial(_faults_of, scoring.read)
        found = {exam.name: lines for exam, lines in run_each(work, exams, died=_unread, processes=processes)}
        lines = [line for exam in exams for line in found[exam.name]]
        if len(lines) > _NAMED_FAULTS:
            lines = [*lines[:_NAMED_FAULTS], f"and {len(lines) - _NAMED_FAULTS} more"]
        raise MaskError("\n".join(lines) or str(error)) from None


def _faults_of(read: Callable[[ExamFiles], object], exam: ExamFiles) -> list[str]:
    try:
        read(exam)
    except MaskError as error:
        return str(error).splitlines()
    return []


def _unread(exam: ExamFiles) -> list[str]:
    return [f"exam {exam.name}: the process that read its masks was ended, most often for want of memory"]
