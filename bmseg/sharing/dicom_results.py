"""Predict the exams of a DICOM export with a model file, and give DICOM back.

docs/howto/dicom_results.md is its page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from bmseg.cohort.dicom import keys_beside, read_source
from bmseg.errors import InputError
from bmseg.nnunet.inference import unfinished_in
from bmseg.outputs.provenance import file_hash, value_hash, versions
from bmseg.sharing.dicom_record import DicomRecord
from bmseg.sharing.dicom_work import Chosen, DicomResults, Work
from bmseg.sharing.opening import SharedModel, unpack
from bmseg.study import Study
from bmseg.workspace import Workspace
from dataset_conversion.dicom.exams import FoundExam
from dataset_conversion.dicom.selection import choose
from dataset_conversion.dicom_out.maker import Code, Maker, Segment
from dataset_conversion.images import ConversionError
from dataset_conversion.raw.dataset import RawDataset

# A series' number that may be a date is none to count on from.
_LARGEST_SERIES = 100_000


def predict_export(
    model_file: Path,
    source: Path,
    out: Path,
    *,
    rtstruct: bool = False,
    pdf: bool = False,
    keys_file: Path | None = None,
    volumes: Path | None = None,
    deterministic: bool = False,
    processes: int | None = None,
) -> DicomResults:
    """Predict every exam of an export that the study's rule finds the channels of; DICOM comes out.

    Exams are found, named and refused as `bmseg convert dicom` does it. A segmentation is read back and
    compared with its mask, voxel for voxel, before it is put in place; other kinds are made from it. What the
    same model made of the same images is kept.

    Parameters
    ----------
    model_file : Path
        Of `bmseg.sharing.archive.export_model`.
    source : Path
        Folder of DICOM files.
    out : Path
        Folder for ``seg/<exam>.dcm``, ``rtstruct/<exam>.dcm`` and ``pdf/<exam>.dcm``; outside `source`.
        **The files name patients as those of the source do.**
    rtstruct, pdf : bool
        What is wanted beside segmentations.
    keys_file, volumes : Path, optional
        As of `bmseg.cohort.dicom.convert_source`.

    Returns
    -------
    DicomResults
        Exams that were refused are in it; they keep no other from being predicted.

    Raises
    ------
    InputError
        When the file is no model file, `out` lies in `source` or holds results of something else.
    ConversionError
        When `source` holds no DICOM image.
    WorkError
        When nnU-Net fails, or a segmentation does not come back as it was written.
    """
    if out.resolve().is_relative_to(source.resolve()):
        raise InputError(f"{out}: found it in the folder of the images, expected another one for the results")
    results = DicomResults()
    with unfinished_in(out) as unfinished:
        model = unpack(model_file, unfinished / "nnUNet_results")
        study = model.study
        # Refused here where the study names no channels, before anything is read.
        dataset = RawDataset.create(Workspace.of(unfinished, study).nnunet_raw, study.dataset_spec)
        found = read_source(
            source, study, keys_file or keys_beside(source), volumes=volumes, processes=processes
        )
        chosen = _choose(found.exams, study, found.choices, results.refused)
        networks = value_hash(model.manifest.networks)
        segments = segments_of(study)
        record = DicomRecord(
            out,
            made_from={
                exam: value_hash([networks, [asdict(one) for one in segments], images.fingerprint()])
                for exam, images in chosen.items()
            },
            about={
                "model": {
                    "file": model_file.name,
                    "sha256": file_hash(model_file),
                    "networks": networks,
                    "method": model.manifest.method,
                    "profile": model.manifest.profile,
                    "versions": model.manifest.versions,
                },
                "versions": versions(),
            },
        )
        work = Work(model, chosen, segments, _maker(model, networks), record, unfinished, results)
        work.predict(dataset, deterministic=deterministic)
        if rtstruct:
            work.derive("rtstruct")
        if pdf:
            work.derive("pdf")
    return results


def segments_of(study: Study) -> list[Segment]:
    """The study's levels as segments."""
    return [
        Segment(
            level.value,
            level.name,
            ": ".join(filter(None, (level.title, level.description))),
            level.color,
            *(
                Code(code.value, code.scheme, code.meaning)
                for code in (level.dicom.category, level.dicom.type)
            ),
        )
        for level in study.levels
    ]


def _maker(model: SharedModel, networks: str) -> Maker:
    manifest = model.manifest
    return Maker(f"{manifest.method} ({manifest.profile})", networks, f"bmseg {versions()['bmseg']}")


def _choose(
    exams: Sequence[FoundExam],
    study: Study,
    choices: Mapping[str, Mapping[str, str]],
    refused: dict[str, str],
) -> dict[str, Chosen]:
    chosen = {}
    for exam in exams:
        try:
            volumes = choose(exam, study.channel_rules, choices.get(exam.identifier, {}))
        except ConversionError as error:
            refused[exam.identifier] = str(error)
            continue
        numbers = [volume.first.series_number or 0 for volume in exam.volumes]
        last = max([0, *(number for number in numbers if number < _LARGEST_SERIES)])
        chosen[exam.identifier] = Chosen(volumes, last + 1)
    return chosen
