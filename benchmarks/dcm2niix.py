"""dcm2niix next to our reader: the same voxels at the same places?

dcm2niix takes the displayed values of Philips (``-p n``) and does not merge series (``-m o``). It cannot
tell water from fat: its 4-D files are taken apart, and each of our volumes is compared with the part that
is nearest to it.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from dataset_conversion.dicom.found_volume import FoundVolume
from dataset_conversion.dicom.pixels import read_voxels
from dataset_conversion.dicom.scan import scan
from dataset_conversion.dicom.volumes import find_volumes
from dataset_conversion.images import ConversionError, Volume

CORNER_TOLERANCE_MM = 1e-3
#: Of the value, for results that are not whole: dcm2niix calculates in single precision.
VALUE_TOLERANCE = 1e-4


@dataclass(frozen=True)
class SeriesComparison:
    """One series, as both programs see it.

    Parameters
    ----------
    folder : Path
        Relative to the source.
    series : str
        Its number.
    names : tuple of str
        Our usable volumes.
    refused : tuple of str
        Why others are not usable.
    parts : int
        3-D images that dcm2niix writes.
    differences : tuple of str
        How each usable volume differs from the part nearest to it; empty where it does not.
    worst : float
        Largest difference of a value in usable volumes that do not differ, relative to the value.
    """

    folder: Path
    series: str
    names: tuple[str, ...]
    refused: tuple[str, ...]
    parts: int
    differences: tuple[str, ...]
    worst: float


def find_dcm2niix() -> Path | None:
    """The program beside this Python, or on the path."""
    beside = Path(sys.executable).with_name("dcm2niix")
    found = str(beside) if beside.is_file() else shutil.which("dcm2niix")
    return Path(found) if found else None


def run_dcm2niix(source: Path, out: Path, *options: str) -> None:
    """Convert all that lies below a folder.

    Its exit code is not looked at: it tells of single series that it leaves out.

    Raises
    ------
    FileNotFoundError
        When the program is not there.
    """
    program = find_dcm2niix()
    if program is None:
        raise FileNotFoundError("dcm2niix: found no such program, expected it beside Python or on the path")
    # Named by SeriesInstanceUID: of equal names it leaves out all after the 26th.
    command = [str(program), "-p", "n", "-m", "o", "-f", "%j", *options, "-o", str(out), str(source)]
    subprocess.run(command, capture_output=True, check=False)


def compare_folder(source: Path) -> list[SeriesComparison]:
    """Compare every series below a folder; gzip'd files are unpacked for dcm2niix, which reads none."""
    compared = []
    for folder in _folders(source):
        frames = [frame for frame in scan(folder, processes=1).frames if frame.file.parent == folder]
        studies = defaultdict(list)
        for frame in frames:
            studies[frame.identity.study].append(frame)
        volumes = [volume for group in studies.values() for volume in find_volumes(group)]
        peer = _convert_folder(folder, {v.first.series_number: v.identity.series for v in volumes})
        for series, parts in peer.items():
            own = [volume for volume in volumes if volume.identity.series == series]
            compared.append(_compare_series(folder.relative_to(source), own, parts))
    return compared


def _folders(source: Path) -> Iterable[Path]:
    """Folders with DICOM images in them."""
    for folder in sorted({path.parent for path in source.rglob("*") if path.is_file()}):
        try:
            if any(frame.file.parent == folder for frame in scan(folder, processes=1).frames):
                yield folder
        except ConversionError:
            continue


def _convert_folder(folder: Path, numbers: dict[int | None, str]) -> dict[str, list[Volume]]:
    """What dcm2niix makes of a folder's files: SeriesInstanceUID to 3-D parts.

    `numbers` are the series of the folder, SeriesNumber to SeriesInstanceUID.
    """
    with tempfile.TemporaryDirectory() as name:
        unpacked, out = Path(name) / "in", Path(name) / "out"
        unpacked.mkdir()
        out.mkdir()
        for path in folder.iterdir():
            if path.is_file():
                content = path.read_bytes()
                plain = gzip.decompress(content) if path.suffix == ".gz" else content
                (unpacked / path.name.removesuffix(".gz")).write_bytes(plain)
        run_dcm2niix(unpacked, out, "-z", "n", "-b", "y", "-ba", "n")
        parts: dict[str, list[Volume]] = {uid: [] for uid in sorted(numbers.values())}
        for described in sorted(out.glob("*.json")):
            # An image without one ("..._Eq_1.nii") is a copy, resampled to even spacing.
            sidecar = json.loads(described.read_text(encoding="utf-8"))
            # Of classic Siemens XA files dcm2niix gives a time instead of the identifier.
            uid = sidecar["SeriesInstanceUID"]
            parts[uid if uid in parts else numbers[sidecar["SeriesNumber"]]] += _parts(
                described.with_suffix(".nii")
            )
        return parts


def _parts(file: Path) -> list[Volume]:
    image = nib.load(file)
    array = np.asanyarray(image.dataobj)
    stacked = array.reshape(*array.shape[:3], -1) if array.ndim > 2 else array[:, :, None, None]
    return [Volume(stacked[..., n], image.affine) for n in range(stacked.shape[3])]


def _compare_series(
    folder: Path, volumes: Sequence[FoundVolume], parts: Sequence[Volume]
) -> SeriesComparison:
    usable = [volume for volume in volumes if not volume.reason]
    remaining = list(parts)
    differences, worst = [], [0.0]
    for volume in usable:
        own = read_voxels(volume)
        found = [(difference(own, part), place) for place, part in enumerate(remaining)]
        # Equal comes first; of several that differ, one is told.
        told, place = min(found, default=("dcm2niix has no image left for it", -1))
        differences.append(told)
        if place >= 0 and not told:
            worst.append(_worst(own, remaining.pop(place)))
    number = volumes[0].first.series_number
    return SeriesComparison(
        folder,
        "?" if number is None else str(number),
        tuple(volume.name for volume in usable),
        tuple(volume.reason for volume in volumes if volume.reason),
        len(parts),
        tuple(differences),
        max(worst),
    )


def difference(own: Volume, peer: Volume) -> str:
    """How two volumes differ in world coordinates; empty when they do not.

    Values are compared exactly where both are whole, else to `VALUE_TOLERANCE` of the value.
    """
    a, b = own.stored_as("axial"), peer.stored_as("axial")
    if a.array.shape != b.array.shape:
        return f"size: {a.array.shape} and {b.array.shape}"
    off = max(np.linalg.norm((a.affine - b.affine) @ corner) for corner in _corners(a.array.shape))
    if off > CORNER_TOLERANCE_MM:
        return f"place: a corner is {off:.3g} mm off"
    whole = all(volume.array.dtype.kind in "iu" for volume in (a, b))
    tolerance = 0.0 if whole else VALUE_TOLERANCE
    one, other = a.array.astype(np.float64), b.array.astype(np.float64)
    wrong = int((np.abs(one - other) > tolerance * np.abs(other)).sum())
    return f"values: {wrong} of {one.size} voxels differ" if wrong else ""


def _worst(own: Volume, peer: Volume) -> float:
    """Largest relative difference of two values at one place."""
    one, other = (volume.stored_as("axial").array.astype(np.float64) for volume in (own, peer))
    return float(np.max(np.abs(one - other) / np.maximum(np.abs(other), np.finfo(float).tiny)))


def _corners(shape: Sequence[int]) -> list[list[float]]:
    i, j, k = (size - 1 for size in shape)
    return [[a, b, c, 1.0] for a in (0, i) for b in (0, j) for c in (0, k)]
