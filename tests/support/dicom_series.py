"""Small classic MR series written from nothing: every slice of a stack, its header as a test wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from tests.support.dixon import uid_of

#: Of the slices, in pixels.
SIDE = 16


def write_slices(
    folder: Path,
    places: Iterable[float],
    edit: Callable[[Dataset, int], object] = lambda *_: None,
    *,
    name: str = "IM",
    syntax: UID = ExplicitVRLittleEndian,
) -> Path:
    """Write a coronal series, a file a place in mm along its normal; values tell place and pixel.

    `edit` gets every header and the number of the slice; `name` is in the files' names and in their SOP UIDs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, place in enumerate(places):
        header = Dataset()
        header.file_meta = FileMetaDataset()
        header.file_meta.TransferSyntaxUID = syntax
        header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = MRImageStorage
        header.SOPInstanceUID = uid_of("made", name, str(number))
        header.StudyInstanceUID, header.SeriesInstanceUID = uid_of("study"), uid_of("series")
        header.FrameOfReferenceUID = uid_of("space")
        header.PatientID, header.Modality, header.Manufacturer = "p1", "MR", "SIEMENS"
        header.SeriesNumber, header.InstanceNumber, header.AcquisitionNumber = 5, number + 1, 1
        header.SeriesDescription, header.ProtocolName = "t2_tse_dixon_cor_W", "t2_tse_dixon_cor"
        header.ImageType = ["DERIVED", "PRIMARY", "M", "ND", "DIXON", "WATER"]
        header.EchoTime, header.RepetitionTime = "4.6", "4700"
        header.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
        header.ImagePositionPatient = [-20, place, 30]
        header.PixelSpacing, header.SliceThickness = [0.9, 0.9], 3
        header.Rows = header.Columns = SIDE
        header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
        header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 12, 11, 0
        header.PixelData = (np.arange(SIDE * SIDE, dtype="<u2") + round(10 * place) % 1000).tobytes()
        header["PixelData"].VR = "OW"
        edit(header, number)
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        header.save_as(folder / f"{name}{number:03d}", enforce_file_format=True)
    return folder


def with_(**values: object) -> Callable[[Dataset, int], None]:
    """An edit that sets these elements in every slice."""

    def edit(header: Dataset, _: int) -> None:
        for keyword, value in values.items():
            setattr(header, keyword, value)

    return edit
