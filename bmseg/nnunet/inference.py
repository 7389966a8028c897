"""The loop that predicts: a model's masks in a folder, what is kept of them, and what each was made from."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bmseg.errors import WorkError
from bmseg.nnunet.environment import say
from bmseg.outputs.provenance import file_hash, value_hash, versions
from bmseg.outputs.records import read_record, write_record
from dataset_conversion.images.volume import read_volume

_MADE_FROM = "made_from.json"
_UNFINISHED = ".partial"


class Masks:
    """The masks that one model makes in a folder, recorded there in made_from.json.

    Parameters
    ----------
    folder : Path
    exams : mapping of str to sequence of Path
        Exam to its images in channel order.
    ending : str
        Of the masks' files.
    made_by : object of JSON types
        What a mask depends on beside its images.
    facts : mapping
        What the record says of the model; `recorded_model` is what it says so far.
    """

    def __init__(
        self,
        folder: Path,
        exams: Mapping[str, Sequence[Path]],
        ending: str,
        *,
        made_by: Any,
        facts: Mapping[str, Any],
    ) -> None:
        found = read_record(folder / _MADE_FROM)
        self.folder, self.ending, self.facts = folder, ending, facts
        self.recorded_model: dict[str, Any] = found.get("model", {})
        masks = found.get("masks", {})
        self.record = {exam: entry for exam, entry in masks.items() if isinstance(entry, dict)}
        self._wanted = {
            exam: value_hash([made_by, [file_hash(path) for path in paths]]) for exam, paths in exams.items()
        }

    def path(self, exam: str) -> Path:
        """Where an exam's mask lies."""
        return self.folder / f"{exam}{self.ending}"

    def is_unchanged(self, exam: str) -> bool:
        """Whether an exam's mask is there as it was recorded."""
        path = self.path(exam)
        return path.is_file() and self.record.get(exam, {}).get("mask") == file_hash(path)

    def is_current(self, exam: str) -> bool:
        """Whether an exam's mask was made by this model from these images, and is unchanged."""
        return self.record.get(exam, {}).get("made_from") == self._wanted[exam] and self.is_unchanged(exam)

    def missing(self) -> list[str]:
        """The exams that are to be predicted; says how many are not."""
        missing = [exam for exam in self._wanted if not self.is_current(exam)]
        if kept := len(self._wanted) - len(missing):
            say(f"prediction: {kept} of {len(self._wanted)} masks kept, made by the same model")
        return missing

    def predict(
        self,
        predictor: Any,
        images: Mapping[str, Sequence[Path]],
        unfinished: Path,
        finish: Callable[[str, Path], Path] = lambda _, mask: mask,
    ) -> list[Path]:
        """Predict exams; each mask appears whole, and is on record before it appears.

        Parameters
        ----------
        predictor : nnUNetPredictor
        images : mapping of str to sequence of Path
            What nnU-Net is to read for each exam.
        unfinished : Path
            A folder on the same disk.
        finish : callable, optional
            Takes exam and predicted mask, and gives the mask that is to be kept.
        """
        written = []
        for exam, paths in tqdm(images.items(), desc="predicting", unit="exam", disable=None):
            begin = time.perf_counter()
            made = finish(exam, predict_exam(predictor, unfinished / "masks", exam, paths, self.ending))
            self.record[exam] = {
                "made_from": self._wanted[exam],
                "mask": file_hash(made),
                "seconds": round(time.perf_counter() - begin, 2),
                "device": predictor.device.type,
            }
            # A kill in between leaves no mask, or the one that the record tells of.
            self.path(exam).unlink(missing_ok=True)
            written_by = {"model": self.facts, "versions": versions()}
            write_record(self.folder / _MADE_FROM, {"masks": self.record, **written_by})
            written.append(made.replace(self.path(exam)))
        return written


@contextmanager
def unfinished_in(folder: Path) -> Iterator[Path]:
    """A folder inside another for what is not yet whole; without any result, neither stays."""
    inside = folder.resolve() / _UNFINISHED
    shutil.rmtree(inside, ignore_errors=True)
    inside.mkdir(parents=True)
    try:
        yield inside
    finally:
        shutil.rmtree(inside, ignore_errors=True)
        if not any(folder.iterdir()):
            folder.rmdir()


def predict_exam(predictor: Any, folder: Path, exam: str, images: Sequence[Path], ending: str) -> Path:
    """Predict one exam into a folder, in this process: nnU-Net's pools take longer to start than an exam.

    WorkError when the mask is not on the grid of its image.
    """
    folder.mkdir(parents=True, exist_ok=True)
    predictor.predict_from_files_sequential([[str(image) for image in images]], [str(folder / exam)])
    mask = folder / f"{exam}{ending}"
    if difference := read_volume(mask).grid.difference(read_volume(images[0]).grid):
        raise WorkError(f"{exam}: predicted mask: {difference} (the grid of {images[0]})")
    return mask
