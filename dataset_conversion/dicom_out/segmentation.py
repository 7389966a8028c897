"""A mask as DICOM segmentation (SEG): a binary segment a level, a frame a slice, on the images' own grid.

highdicom writes it. It takes images of one frame a file, so that the slices of every volume are given as
such, and references are then set to the images and frames that they are.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from highdicom.color import CIELabColor
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from pydicom import Dataset
from pydicom.sr.coding import Code as Coded
from pydicom.uid import MRImageStorage, generate_uid
from pydicom.valuerep import format_number_as_ds

from dataset_conversion.dicom_out.maker import Maker, Segment, one_line
from dataset_conversion.dicom_out.origin import Origin

_LONGEST_DESCRIPTION = 1024


def segmentation_of(
    mask: np.ndarray,
    origin: Origin,
    segments: Sequence[Segment],
    maker: Maker,
    *,
    series_number: int,
    others: Sequence[Origin] = (),
) -> Dataset:
    """A SEG of a mask, to be saved.

    Every level is described, also one of which nothing is marked: it has no frames. Frames are of slices in
    which their level is marked; of a mask without any, there are all of them, blank, as highdicom has it
    (PS3.3 wants at least one).

    Parameters
    ----------
    mask : array of int, shape (columns, rows, slices)
        Values of `segments`, in the order of the volume's slices, and 0.
    origin : Origin
        The images that the mask is of.
    others : sequence of Origin
        Further images that it was made from: other channels.

    Raises
    ------
    ValueError
        When the mask has another shape than the volume or another value than those of the segments.
    """
    values = [segment.value for segment in segments]
    if mask.shape != origin.volume.shape:
        raise ValueError(f"mask: found shape {mask.shape}, expected {origin.volume.shape}")
    if unknown := set(np.unique(mask).tolist()) - {0, *values}:
        raise ValueError(f"mask: found the value {min(unknown)}, expected one of {values} or 0")
    slices = mask.transpose(2, 1, 0)
    stack = np.stack([slices == value for value in values], axis=-1).astype(np.uint8)
    stand_ins, known = _stand_ins(origin)
    with warnings.catch_warnings():
        # They quote values of the patient's.
        warnings.simplefilter("ignore")
        made = Segmentation(
            source_images=stand_ins,
            pixel_array=stack,
            segmentation_type=SegmentationTypeValues.BINARY,
            segment_descriptions=[_described(n, one, maker) for n, one in enumerate(segments, start=1)],
            series_instance_uid=generate_uid(prefix=None),
            series_number=series_number,
            sop_instance_uid=generate_uid(prefix=None),
            instance_number=1,
            omit_empty_frames=bool(mask.any()),
            content_label="SEGMENTATION",
            content_description=one_line(f"Levels by {maker.name}, not by a reader"),
            series_description=one_line(f"Segmentation by {maker.name}"),
            **maker.equipment(),
        )
        # Required, and may be empty: nobody drew it.
        made.ContentCreatorName = ""
        _refer(made, [origin, *others], known)
        origin.identify(made, maker.name, *(text for one in segments for text in _texts(one)))
    if not origin.frame_of_reference:
        # PS3.3 A.51.3: it may be absent where frames refer to their images.
        del made.FrameOfReferenceUID
        del made.PositionReferenceIndicator
    return made


def mask_in(segmentation: Dataset, origin: Origin, segments: Sequence[Segment]) -> np.ndarray:
    """The mask in a SEG of `segmentation_of`, each frame in the slice that it refers to.

    Others' are read by `dataset_conversion.mask_files`, which asks of slices to be stacked evenly, too.
    """
    places = {(one.sop_instance, one.frame): place for place, one in enumerate(origin.slices)}
    columns, rows, slices = origin.volume.shape
    mask = np.zeros((slices, rows, columns), dtype=np.min_scalar_type(max(one.value for one in segments)))
    shared = segmentation.SharedFunctionalGroupsSequence[0]
    pixels = segmentation.pixel_array.reshape(-1, rows, columns)
    for frame, marked in zip(segmentation.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        place = places[source.ReferencedSOPInstanceUID, source.get("ReferencedFrameNumber")]
        group = frame if "SegmentIdentificationSequence" in frame else shared
        number = int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        mask[place][marked != 0] = segments[number - 1].value
    return mask.transpose(2, 1, 0)


def _texts(segment: Segment) -> tuple[str, ...]:
    return segment.description, segment.category.meaning, segment.type.meaning


def _described(number: int, segment: Segment, maker: Maker) -> SegmentDescription:
    described = SegmentDescription(
        number,
        one_line(segment.name),
        Coded(*segment.category),
        Coded(*segment.type),
        SegmentAlgorithmTypeValues.AUTOMATIC,
        maker.algorithm(),
        display_color=CIELabColor.from_rgb(*segment.rgb),
    )
    if segment.description:
        described.SegmentDescription = one_line(segment.description, _LONGEST_DESCRIPTION)
    return described


def _stand_ins(origin: Origin) -> tuple[list[Dataset], dict[str, Dataset]]:
    """Every slice as a classic image of its own; and the UID of each to the reference that it stands for."""
    plane = origin.volume.first.plane
    assert plane is not None  # of a usable volume
    frame_of_reference = origin.frame_of_reference or generate_uid(prefix=None)
    stand_ins, known = [], {}
    for one in origin.slices:
        image = Dataset()
        image.SOPClassUID, image.SOPInstanceUID = MRImageStorage, generate_uid(prefix=None)
        image.StudyInstanceUID = origin.volume.identity.study
        image.SeriesInstanceUID = origin.volume.identity.series
        image.FrameOfReferenceUID, image.Modality = frame_of_reference, "MR"
        image.Rows, image.Columns = plane.rows, plane.columns
        image.ImagePositionPatient = [_decimal(value) for value in one.position]
        image.ImageOrientationPatient = [_decimal(value) for value in origin.orientation]
        image.PixelSpacing = [_decimal(value) for value in plane.spacing]
        image.SliceThickness = _decimal(origin.slice_thickness)
        image.SpacingBetweenSlices = _decimal(origin.volume.spacing[2])
        for blank in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber",
                      "StudyID", "StudyDate", "StudyTime"):  # fmt: skip
            setattr(image, blank, "")
        if (lossy := origin.header.get("LossyImageCompression")) in ("00", "01"):
            image.LossyImageCompression = lossy
        stand_ins.append(image)
        known[image.SOPInstanceUID] = one.reference()
    return stand_ins, known


def _decimal(value: float) -> str:
    return format_number_as_ds(float(value))


def _refer(made: Any, origins: Sequence[Origin], known: dict[str, Dataset]) -> None:
    """Set references to the stand-ins to the images that they stand for, and name all images."""
    images: dict[str, dict[str, Dataset]] = defaultdict(dict)
    for origin in origins:
        for item in origin.instances:
            images[origin.volume.identity.series].setdefault(item.ReferencedSOPInstanceUID, item)
    made.SourceImageSequence = [item for series in images.values() for item in series.values()]
    made.ReferencedSeriesSequence = []
    for uid, instances in images.items():
        series = Dataset()
        series.SeriesInstanceUID = uid
        series.ReferencedInstanceSequence = list(instances.values())
        made.ReferencedSeriesSequence.append(series)
    for frame in made.PerFrameFunctionalGroupsSequence:
        for item in frame.DerivationImageSequence[0].SourceImageSequence:
            # Frames of several levels in a slice share one item.
            if item.ReferencedSOPInstanceUID in known:
                item.update(known[item.ReferencedSOPInstanceUID])
