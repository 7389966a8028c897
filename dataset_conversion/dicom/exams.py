"""Scanned frames become exams: a study each, with its volumes or the reason why it cannot be trusted."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dataset_conversion.dicom.found_volume import FEWEST_SLICES, FoundVolume
from dataset_conversion.dicom.fragments import torn
from dataset_conversion.dicom.frame import Frame
from dataset_conversion.dicom.keys import Key, with_new_keys
from dataset_conversion.dicom.scan import Scan, Unreadable
from dataset_conversion.dicom.volumes import find_volumes

# Bytes before a file's own first element.
_PREAMBLE = 132


@dataclass(frozen=True)
class FoundExam:
    """One exam of the source, by its names in the key file."""

    identifier: str
    patient: str
    volumes: tuple[FoundVolume, ...]
    #: Why nothing of the exam can be used; empty when it can.
    reason: str = ""


def find_exams(found: Scan, keys: list[Key]) -> tuple[list[FoundExam], list[Key]]:
    """All exams of a source, in the order of their names, and the key file's rows with new exams added.

    An exam is refused as a whole when its headers contradict each other (two patients in one study, one
    series in two studies) or a damaged file may be a slice of it: a volume could then look whole and
    lack its last slice.
    """
    studies: dict[str, list[Frame]] = defaultdict(list)
    for frame in found.frames:
        studies[frame.identity.study].append(frame)
    whose = [(study, one[0].identity.patient, _folder(one, found.source)) for study, one in studies.items()]
    keys = with_new_keys(keys, whose)
    reasons = _reasons(studies, found)
    volumes = {study: find_volumes(frames) for study, frames in studies.items()}
    fragments = [one for study, own in volumes.items() if len(studies[study]) < FEWEST_SLICES for one in own]
    exams = []
    for key in keys:
        if own := volumes.get(key.study_uid):
            reason = reasons[key.study_uid] or _torn_by_study(own, fragments)
            exams.append(FoundExam(key.exam, key.patient, tuple(_with_stations(own)), reason))
    return sorted(exams, key=lambda exam: exam.identifier), keys


def _folder(frames: Sequence[Frame], source: Path) -> str:
    """The folder that holds all files of an exam, below the source."""
    common = os.path.commonpath([frame.file.parent.resolve() for frame in frames])
    return os.path.relpath(common, source.resolve())


def _reasons(studies: dict[str, list[Frame]], found: Scan) -> dict[str, str]:
    series_studies: dict[str, set[str]] = defaultdict(set)
    for study, frames in studies.items():
        for frame in frames:
            series_studies[frame.identity.series].add(study)
    folders = {study: {frame.file.parent for frame in frames} for study, frames in studies.items()}
    damaged = Counter(
        study
        for file, known in found.damaged.items()
        for study in _owners(file, known, folders)
        if not (known.blank and _is_unlike(file, studies[study]))
    )
    reasons = {}
    for study, frames in studies.items():
        patients = {frame.identity.patient for frame in frames}
        shared = {frame.identity.series for frame in frames if len(series_studies[frame.identity.series]) > 1}
        reason = ""
        if len(patients) > 1:
            reason = f"PatientID: found {len(patients)} in one study, expected one; separate the exams"
        elif shared:
            series = f"{len(shared)} series that stand in another study too"
            reason = f"SeriesInstanceUID: found {series}; export again"
        elif damaged[study]:
            n = damaged[study]
            may_be = "file that may be a slice" if n == 1 else "files that may be slices"
            reason = f"found {n} damaged or unreadable {may_be} of this exam; export it again"
        reasons[study] = reason
    return reasons


def _torn_by_study(volumes: Sequence[FoundVolume], fragments: Sequence[FoundVolume]) -> str:
    """Why an exam cannot be trusted when a slice of it stands in a study of its own."""
    folders = {frame.file.parent for volume in volumes for frame in volume.frames}
    beside = [
        other
        for other in fragments
        if other.identity.study != volumes[0].identity.study and other.first.file.parent in folders
    ]
    if any(not volume.reason and torn(volume, beside) for volume in volumes):
        return "StudyInstanceUID: found slices that continue this exam in a study of their own; export again"
    return ""


def _owners(file: Path, damaged: Unreadable, folders: dict[str, set[Path]]) -> list[str]:
    """The studies that a damaged file may belong to: its own, or those in its folder or around it."""
    if damaged.study in folders:
        return [damaged.study]
    beside = [study for study, own in folders.items() if file.parent in own]
    return beside or [study for study, own in folders.items() if file.is_relative_to(os.path.commonpath(own))]


def _is_unlike(file: Path, frames: Sequence[Frame]) -> bool:
    """Whether a file that begins blank is much larger or smaller than slices are: a dump of something else.

    Where the beginning of a slice is blanked its size stays; what is left of a preamble alone is as short.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            zipped = stream.read(2) == b"\x1f\x8b"
    except OSError:
        return False
    sizes = [frame.stamp[0] for frame in frames]
    return size > _PREAMBLE and not zipped and not min(sizes) / 2 <= size <= 2 * max(sizes)


def _with_stations(volumes: Sequence[FoundVolume]) -> list[FoundVolume]:
    """Number the stations of a whole-body exam from the feet.

    Stations are volumes of one kind (contrast, component, echo time, plane, size of pixels) and one frame
    of reference whose centres lie more than half their height apart along the body. Where all lie at one
    place and the table was moved, they are called by the table's place: which way it counts is unknown.
    """
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for i, volume in enumerate(volumes):
        if not volume.reason and volume.first.plane:
            frame = volume.first
            kind = (frame.contrast.name, frame.component, frame.echo_time, volume.plane, frame.plane.spacing)  # type: ignore[union-attr]
            groups[*kind, volume.identity.frame_of_reference].append(i)
    numbered = list(volumes)
    for members in groups.values():
        heights = [_height(volumes[i]) for i in members]
        places = [float(volumes[i].centre[2]) for i in members]
        stations = _clusters(places, min(heights) / 2)
        tables = [volumes[i].first.table_position for i in members]
        for i, station, table in zip(members, stations, tables, strict=True):
            if max(stations) > 1:
                numbered[i] = replace(volumes[i], station=f"{station} of {max(stations)}")
            elif table is not None and None not in tables and len(set(tables)) > 1:
                numbered[i] = replace(volumes[i], station=f"table {table + 0.0:g} mm")
    return numbered


def _height(volume: FoundVolume) -> float:
    """Extent along the body in mm."""
    return float(np.abs(volume.affine[2, :3]) @ np.array(volume.shape))


def _clusters(places: Sequence[float], apart: float) -> list[int]:
    """Number places from the lowest; places nearer than `apart` to their neighbour share a number.

    Examples
    --------
    >>> _clusters([300, -200, 310, 50], 100)
    [3, 1, 3, 2]
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    numbers = [0] * len(places)
    for previous, i in zip([order[0], *order], order, strict=False):
        step = places[i] - places[previous] > apart
        numbers[i] = max(numbers[previous] + step, 1)
    return numbers
