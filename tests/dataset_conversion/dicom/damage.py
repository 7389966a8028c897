"""Damage to real series, and the judge of what the reader makes of it.

A damaged series must be refused by name, or become the volume that it was before: no slice fewer, none in
another place. What alone may differ are the values of the slices whose own stored bytes, or whose own
RescaleSlope and RescaleIntercept, were hit, for nothing in a file contradicts them.
"""

from __future__ import annotations

import gzip
import io
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pydicom
from pydicom import Dataset

import dataset_conversion.dicom.scan
from dataset_conversion.dicom.exams import find_exams
from dataset_conversion.dicom.frame import stamp_of
from dataset_conversion.dicom.inspection import inspect
from dataset_conversion.dicom.pixels import read_voxels
from dataset_conversion.dicom.rule import ChannelRule
from dataset_conversion.dicom.scan import Headers, read_headers, scan
from dataset_conversion.images import ConversionError, Volume

Kind = tuple[str, float | None, int | None]

RULE = ChannelRule("water", "coronal", "water")


@dataclass
class Outcome:
    """What became of a folder: volumes by component, echo time and series number, and refusals."""

    volumes: list[tuple[Kind, Volume]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    # Names of the files of every volume, in the order of its slices.
    files: list[list[str]] = field(default_factory=list)


def whole_way(folder: Path) -> Outcome:
    """Scan, group, inspect and read every volume; only a ConversionError may be raised on the way."""
    outcome = Outcome()
    try:
        with patch.object(dataset_conversion.dicom.scan, "read_headers", _read_once):
            found = scan(folder, processes=1)
        exams, _ = find_exams(found, [])
        _, refused = inspect(exams, [RULE])
    except ConversionError as error:
        return Outcome(refusals=[_one_line(str(error))])
    for line in refused.values():
        _one_line(line)
    for exam in exams:
        if exam.reason:
            outcome.refusals.append(_one_line(exam.reason))
            continue
        for volume in exam.volumes:
            if volume.reason:
                outcome.refusals.append(_one_line(volume.reason))
                continue
            try:
                voxels = read_voxels(volume)
            except ConversionError as error:
                outcome.refusals.append(_one_line(str(error)))
                assert str(folder) in str(error), "the file is named"
                continue
            frame = volume.first
            outcome.volumes.append(((frame.component, frame.echo_time, frame.series_number), voxels))
            outcome.files.append([frame.file.name for frame in volume.frames])
    return outcome


def _one_line(reason: str) -> str:
    assert reason
    assert "\n" not in reason
    assert "Traceback" not in reason
    return reason


@dataclass(frozen=True)
class Sound:
    """An undamaged series: its files in order of name, and its volumes."""

    files: dict[str, bytes]
    outcome: Outcome

    @classmethod
    def of(cls, source: Path, scratch: Path) -> Sound:
        paths = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
        files = {path.name: path.read_bytes() for path in paths}
        return cls(files, whole_way(lay_out(files, scratch)))

    def outcome_with(self, changed: dict[str, bytes | None], scratch: Path) -> Outcome:
        """What becomes of the series when some files are other ones, new, or gone (None)."""
        files = {name: content for name, content in (self.files | changed).items() if content is not None}
        return whole_way(lay_out(files, scratch))

    def judge(
        self,
        damaged: Outcome,
        *,
        values_of: Collection[str] = (),
        touched: Callable[[np.ndarray, np.ndarray], bool] | None = None,
    ) -> str:
        """``same``, ``refused`` or ``values``; anything else fails.

        Parameters
        ----------
        damaged : Outcome
        values_of : collection of str
            Files whose voxels may differ.
        touched : callable, optional
            Of a slice before and after: whether it is what that file's pixel data now says.
        """
        verdict = "same"
        for (_, found), files in zip(damaged.volumes, damaged.files, strict=True):
            whole = [
                volume
                for (_, volume), own in zip(self.outcome.volumes, self.outcome.files, strict=True)
                if own == files and volume.array.shape == found.array.shape
                and np.abs(volume.affine - found.affine).max() < 0.15
            ]  # fmt: skip
            assert whole, f"a volume that was not there before: {found.array.shape} of {files}"
            differing = [_differing(volume, found) for volume in whole]
            slices = min(differing, key=len)
            if slices:
                nearest = whole[differing.index(slices)]
                assert {files[k] for k in slices} <= set(values_of), f"other voxels in slices {slices}"
                for k in slices:
                    before, after = nearest.array[:, :, k].T, found.array[:, :, k].T
                    assert touched is None or touched(before, after), f"other voxels in slice {k}"
                verdict = "values"
        if len(damaged.volumes) < len(self.outcome.volumes):
            assert damaged.refusals, "a volume is gone and nothing is said"
            verdict = "refused" if not damaged.volumes else "refused in part"
        return verdict


def _differing(a: Volume, b: Volume) -> list[int]:
    return [k for k in range(a.array.shape[2]) if not np.array_equal(a.array[:, :, k], b.array[:, :, k])]


#: What `lay_out` wrote last, by file: all in one folder.
_LAID_OUT: dict[Path, bytes] = {}
#: What was read of these files, for as long as they stay what they are.
_READ: dict[Path, tuple[tuple[int, int], Headers]] = {}


def lay_out(files: dict[str, bytes], folder: Path) -> Path:
    """Write files into a folder that holds nothing else; those that are there already stay."""
    if not all(path.is_relative_to(folder) for path in _LAID_OUT) or not folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _LAID_OUT.clear()
        _READ.clear()
    wanted = {folder / name: content for name, content in files.items()}
    for path in [path for path in folder.rglob("*") if not path.is_dir()]:
        if path not in wanted or _LAID_OUT.get(path) != wanted[path]:
            path.unlink()
            _LAID_OUT.pop(path, None)
            _READ.pop(path, None)
    for path, content in wanted.items():
        if path not in _LAID_OUT:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            _LAID_OUT[path] = content
    return folder


def _read_once(path: Path) -> Headers:
    """`read_headers`; of a series in which one file is damaged again and again, the others are read once."""
    if path not in _LAID_OUT:
        return read_headers(path)
    stamp = stamp_of(path)
    if path not in _READ or _READ[path][0] != stamp:
        _READ[path] = stamp, read_headers(path)
    return _READ[path][1]


def edited(content: bytes, edit: Callable[[Dataset], object]) -> bytes:
    """A file with its header changed, whatever the change."""
    zipped = content[:2] == b"\x1f\x8b"
    dataset = pydicom.dcmread(io.BytesIO(gzip.decompress(content) if zipped else content), force=True)
    edit(dataset)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=False)
    return gzip.compress(buffer.getvalue(), 1) if zipped else buffer.getvalue()


def place_of(content: bytes, keyword: str) -> range:
    """Where the value of an element stands in a file; empty where there is none at the top level."""
    dataset = pydicom.dcmread(io.BytesIO(content), force=True)
    tag = pydicom.datadict.tag_for_keyword(keyword)
    if tag is None or tag not in dataset:
        return range(0)
    raw = dataset.get_item(tag)
    start = raw.value_tell if isinstance(raw, pydicom.dataelem.RawDataElement) else raw.file_tell
    return range(start, start + (raw.length if hasattr(raw, "length") else len(raw.value)))
