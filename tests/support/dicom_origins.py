"""Volumes of DICOM files with masks drawn on them, to be written back as DICOM."""

from __future__ import annotations

import logging
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from dataset_conversion.dicom.found_volume import FoundVolume
from dataset_conversion.dicom.scan import scan
from dataset_conversion.dicom.volumes import find_volumes
from dataset_conversion.dicom_out.maker import Code, Maker, Segment
from dataset_conversion.images import Volume
from dataset_conversion.mask_files.reading import Labels, read_mask

SEGMENTS = [
    Segment(1, "level1", "slightly increased, diffuse", "#40e0d0"),
    Segment(2, "level2", "", "#1f5fff", type=Code("14016003", "SCT", "Bone marrow")),
    Segment(3, "level3", "moderately to highly increased", "#ffe100"),
]
MAKER = Maker("tiny (quick)", "0123456789abcdef" * 4, "bmseg 1.2.3")


def volumes_in(folder: Path) -> list[FoundVolume]:
    """The usable ones of one exam."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    return [volume for volume in find_volumes(scan(folder, processes=1).frames) if not volume.reason]


def drawn_on(volume: FoundVolume, *, seed: int = 0) -> np.ndarray:
    """Blobs of levels 1 and 2, none of level 3 and none in the first slice."""
    signal = gaussian_filter(np.random.default_rng(seed).normal(size=volume.shape), (3, 3, 0.5))
    mask = np.digitize(signal / signal.std(), [1.2, 1.8]).astype(np.uint8)
    mask[:, :, 0] = 0
    return mask


def read_back(path: Path, volume: FoundVolume) -> np.ndarray:
    """The mask in a file as readers' masks are read."""
    grid = Volume(np.broadcast_to(np.uint8(0), volume.shape), volume.affine)
    labels = Labels({segment.name: segment.value for segment in SEGMENTS}, {})
    space = volume.identity.frame_of_reference or None
    return read_mask(path, grid, labels, frame_of_reference=space).array


def complaints(path: Path) -> list[str]:
    """What `dciodvfy` (dicom3tools, by David Clunie) finds against the standard's modules."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("no dicom3tools on this machine")
    told = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, check=False)
    return [
        line for line in (told.stdout + told.stderr).splitlines() if line.startswith(("Error", "Warning"))
    ]


#: Of a header that lacks nothing.
WHOLE = {"PatientName": "Doe^Jane", "PatientSex": "F", "PatientBirthDate": "20100101", "StudyID": "1",
         "StudyDate": "20200102", "StudyTime": "101112"}  # fmt: skip
