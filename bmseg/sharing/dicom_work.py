"""The work of a prediction that gives DICOM back: of one export, by one model, into one folder."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydicom import dcmread
from tqdm import tqdm

from bmseg.errors import WorkError
from bmseg.nnunet.environment import predicting, say
from bmseg.nnunet.inference import load_predictor, predict_exam
from bmseg.outputs.provenance import file_hash
from bmseg.sharing.dicom_record import DicomRecord
from bmseg.sharing.new_images import LOG, on_grid, store_volumes
from bmseg.sharing.opening import SharedModel, checked_networks
from bmseg.workspace import Workspace
from dataset_conversion.dicom.found_volume import FoundVolume
from dataset_conversion.dicom.pixels import read_voxels
from dataset_conversion.dicom_out.document import document_of
from dataset_conversion.dicom_out.maker import Maker, Segment
from dataset_conversion.dicom_out.origin import Origin, origin_of
from dataset_conversion.dicom_out.segmentation import mask_in, segmentation_of
from dataset_conversion.dicom_out.structure_set import structure_set_of
from dataset_conversion.images import ConversionError, Volume
from dataset_conversion.images.grid import by
from dataset_conversion.mask_files.reading import Labels, read_mask
from dataset_conversion.raw.dataset import FILE_ENDING, RawDataset
from evaluation.statistics.words import plural

#: What an exam can come out as; also the name of its folder.
Kind = Literal["seg", "rtstruct", "pdf"]
_NAMES = {"seg": "segmentation", "rtstruct": "structure set", "pdf": "document"}
_SYNTHETIC = "The model learned from a synthetic cohort: simulated images, no patients."


@dataclass
class DicomResults:
    """What became of the exams of an export."""

    #: Files that this call wrote.
    written: list[Path] = field(default_factory=list)
    #: Exams that nothing is marked in, of those that were predicted by this call.
    unmarked: list[str] = field(default_factory=list)
    #: Exam, or exam and kind, to why nothing was made.
    refused: dict[str, str] = field(default_factory=dict)

    def lines(self, out: Path) -> list[str]:
        """What was made, and what somebody who passes it on has to know."""
        counts = Counter(path.parent.name for path in self.written)
        made = ", ".join(plural(counts[kind], name) for kind, name in _NAMES.items() if counts[kind])
        lines = [
            f"{exam}: nothing marked; its segmentation says so, with blank frames" for exam in self.unmarked
        ]
        lines.append(f"{made or 'nothing new'} written to {out}")
        if out.is_dir():
            lines.append(f"{out}: the files name patients as the images do: keep them as you keep the images")
        return lines


@dataclass(frozen=True)
class Chosen:
    """An exam with the volume of each channel, and the number of its first new series."""

    volumes: Mapping[str, FoundVolume]
    series_number: int

    @property
    def first(self) -> FoundVolume:
        """The one whose slices a mask is of."""
        return next(iter(self.volumes.values()))

    def fingerprint(self) -> Any:
        """What a mask depends on of the images; names no patient and no file."""
        files = {frame.file for volume in self.volumes.values() for frame in volume.frames}
        hashes = {file: file_hash(file) for file in files}
        return [[[hashes[f.file], f.number] for f in volume.frames] for volume in self.volumes.values()]


@dataclass(frozen=True)
class Work:
    """One call: what is to be made, of what, and where."""

    model: SharedModel
    chosen: Mapping[str, Chosen]
    segments: Sequence[Segment]
    maker: Maker
    record: DicomRecord
    unfinished: Path
    results: DicomResults

    def predict(self, dataset: RawDataset, *, deterministic: bool) -> None:
        """Make the segmentations that are missing."""
        missing = self.record.missing("seg")
        grids, origins = {}, {}
        for exam in tqdm(missing, desc="reading", unit="exam", disable=None):
            try:
                origins[exam] = [origin_of(volume) for volume in self.chosen[exam].volumes.values()]
                grids[exam] = store_volumes(dataset, exam, self._channels(exam))
            except ConversionError as error:
                self._refuse(exam, error)
        if not grids:
            return
        how, model = self.model.manifest.prediction, self.model
        workspace = Workspace.of(self.unfinished, model.study)
        log = self.record.folder / LOG
        with predicting(workspace, how.device, log, deterministic=deterministic, or_cpu=True) as device:
            trained = checked_networks(model)
            say(f"prediction: by {model.manifest.method} of {model.source.name}, on {device.type}")
            predictor = load_predictor(trained, device, mirroring=how.mirroring, tile_step=how.tile_step)
            for exam, grid in tqdm(grids.items(), desc="predicting", unit="exam", disable=None):
                begin = time.perf_counter()
                images = [dataset.image_path(exam, "unread", name) for name in dataset.spec.channels]
                predicted = predict_exam(predictor, self.unfinished / "masks", exam, images, FILE_ENDING)
                mask = on_grid(exam, predicted, grid, model.study.label_values)
                for path in (*images, predicted):
                    path.unlink()
                path = self._segmented(exam, mask, origins[exam])
                facts = {"seconds": round(time.perf_counter() - begin, 2), "device": device.type}
                self.results.written.append(self.record.put(exam, "seg", path, facts))

    def _channels(self, exam: str) -> dict[str, Volume]:
        volumes = {}
        for name, volume in self.chosen[exam].volumes.items():
            read = read_voxels(volume)
            volumes[name] = Volume(read.array, read.affine, f"volume {volume.name}")
        return volumes

    def _segmented(self, exam: str, mask: Volume, origins: Sequence[Origin]) -> Path:
        """The segmentation of a mask as an unfinished file, read back."""
        first, *others = origins
        make = partial(segmentation_of, mask.array, first, self.segments, self.maker, others=others)
        path = self._written(exam, "seg", make)
        self._check(exam, path, mask, mask_in(dcmread(path), first, self.segments))
        if not mask.array.any():
            self.results.unmarked.append(exam)
        return path

    def derive(self, kind: Kind) -> None:
        """Make the missing results of another kind from the segmentations."""
        for exam in tqdm(self.record.missing(kind), desc=kind, unit="exam", disable=None):
            if exam in self.results.refused:
                continue
            try:
                origin = origin_of(self.chosen[exam].first)
                seg = dcmread(self.record.path(exam, "seg"))
                mask = Volume(mask_in(seg, origin, self.segments), self.chosen[exam].first.affine)
                make: Callable[..., Any]
                if kind == "rtstruct":
                    make = partial(structure_set_of, mask.array, origin, self.segments, self.maker)
                else:
                    make = self._document(exam, mask, origin)
                path = self._written(exam, kind, make)
                if kind == "rtstruct":
                    self._check(exam, path, mask, self._filled(exam, path))
            except ConversionError as error:
                self.results.refused[f"{exam} {kind}"] = f"{exam}: {kind}: {error}"
                continue
            self.results.written.append(self.record.put(exam, kind, path, {}))

    def _document(self, exam: str, mask: Volume, origin: Origin) -> Callable[..., Any]:
        # Figures, which nothing else here needs.
        from bmseg.sharing.exam_page import page_of

        manifest, volume = self.model.manifest, self.chosen[exam].first
        facts = [
            f"Model: {self.maker.name} of {self.maker.version}, networks {self.maker.networks[:16]}.",
            f"Image: volume {volume.name}, {by(mask.array.shape)} voxels of {by(mask.spacing)} mm.",
        ]
        synthetic = bool((manifest.tested or {}).get("synthetic"))
        pdf = page_of(
            exam, mask, [one.label for one in origin.slices], self.model.study, facts,
            _SYNTHETIC if synthetic else "",
        )  # fmt: skip
        return partial(document_of, pdf, f"{exam}: volumes and foci", origin, self.maker)

    def _written(self, exam: str, kind: Kind, make: Callable[..., Any]) -> Path:
        """A result as an unfinished file."""
        offset = ("seg", "rtstruct", "pdf").index(kind)
        path = self.unfinished / f"{kind}.dcm"
        with warnings.catch_warnings():
            # pydicom's quote values that break the standard, a patient's among them.
            warnings.simplefilter("ignore")
            made = make(series_number=self.chosen[exam].series_number + offset)
            made.save_as(path, enforce_file_format=True)
        return path

    def _filled(self, exam: str, path: Path) -> np.ndarray:
        """The mask in a structure set, as readers' structure sets are read."""
        chosen = self.chosen[exam].first
        grid = Volume(np.broadcast_to(np.uint8(0), chosen.shape), chosen.affine)
        labels = Labels({segment.name: segment.value for segment in self.segments}, {})
        space = chosen.identity.frame_of_reference or None
        return read_mask(path, grid, labels, frame_of_reference=space).array

    def _check(self, exam: str, path: Path, mask: Volume, found: np.ndarray) -> None:
        if not np.array_equal(found, mask.array):
            raise WorkError(
                f"{exam}: {path.stem}: found other voxels when it was read back, expected those of the mask"
            )

    def _refuse(self, exam: str, error: ConversionError) -> None:
        message = str(error)
        self.results.refused[exam] = message if message.startswith(exam) else f"{exam}: {message}"
