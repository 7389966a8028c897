"""A mask as DICOM structure set (RTSTRUCT): a contour set a level, closed lines along the borders of pixels.

Programs that fill a contour by the centres of pixels get the mask back, voxel for voxel. Holes are contours
of their own within others: the standard's rule (PS3.3 C.8.8.6.3) is XOR of what lies within one another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from highdicom import SOPClass
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

from dataset_conversion.dicom_out.maker import Maker, Segment, one_line
from dataset_conversion.dicom_out.origin import Origin
from dataset_conversion.dicom_out.outlines import outlines
from dataset_conversion.images import ConversionError

# Retired, and required: PS3.3 C.8.8.5.
_STUDY = "1.2.840.10008.3.1.2.3.1"
_LONGEST_LABEL = 16
_CONTOUR_DATA = 0x30060050
# Of mm: a hundredth of what lies between a line and the nearest centre of a pixel.
_DECIMALS = 3


def structure_set_of(
    mask: np.ndarray, origin: Origin, segments: Sequence[Segment], maker: Maker, *, series_number: int
) -> Dataset:
    """An RTSTRUCT of a mask, to be saved; arguments are those of `segmentation_of`.

    Every level is named, also one without contours. Outer lines and holes are CLOSED_PLANAR, each with the
    image that it lies in.

    Raises
    ------
    ConversionError
        When the images have no frame of reference: contours would lie nowhere.
    """
    if not origin.frame_of_reference:
        raise ConversionError(
            "FrameOfReferenceUID: found none in the images, expected one: contours of an RTSTRUCT lie in a "
            "frame of reference; take the segmentation, which refers to the images themselves"
        )
    made = SOPClass(
        study_instance_uid=origin.volume.identity.study,
        series_instance_uid=generate_uid(prefix=None),
        series_number=series_number,
        sop_instance_uid=generate_uid(prefix=None),
        sop_class_uid=RTStructureSetStorage,
        instance_number=1,
        modality="RTSTRUCT",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=one_line(f"Contours by {maker.name}"),
        **maker.equipment(),
    )
    origin.identify(made, maker.name, *(segment.description for segment in segments))
    made.OperatorsName = ""
    made.StructureSetLabel = one_line(maker.name, _LONGEST_LABEL)
    made.StructureSetDescription = f"Levels by {maker.name}, not by a reader"
    made.StructureSetDate, made.StructureSetTime = made.InstanceCreationDate, made.InstanceCreationTime
    made.ReferencedFrameOfReferenceSequence = [_images(origin)]
    made.StructureSetROISequence, made.ROIContourSequence, made.RTROIObservationsSequence = [], [], []
    for number, segment in enumerate(segments, start=1):
        made.StructureSetROISequence.append(_named(number, segment, origin, maker))
        made.ROIContourSequence.append(_drawn(number, segment, mask, origin))
        observation = Dataset()
        observation.ObservationNumber = observation.ReferencedROINumber = number
        observation.RTROIInterpretedType = observation.ROIInterpreter = ""
        made.RTROIObservationsSequence.append(observation)
    made.ApprovalStatus = "UNAPPROVED"
    return made


def _images(origin: Origin) -> Dataset:
    """The frame of reference with the images in it."""
    series = Dataset()
    series.SeriesInstanceUID = origin.volume.identity.series
    series.ContourImageSequence = origin.instances
    study = Dataset()
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = _STUDY, origin.volume.identity.study
    study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = origin.frame_of_reference
    frame.RTReferencedStudySequence = [study]
    return frame


def _named(number: int, segment: Segment, origin: Origin, maker: Maker) -> Dataset:
    roi = Dataset()
    roi.ROINumber, roi.ROIName = number, one_line(segment.name)
    roi.ReferencedFrameOfReferenceUID = origin.frame_of_reference
    if segment.description:
        roi.ROIDescription = one_line(segment.description, 1024)
    roi.ROIGenerationAlgorithm = "AUTOMATIC"
    roi.ROIGenerationDescription = maker.algorithm()[0].AlgorithmName
    return roi


def _drawn(number: int, segment: Segment, mask: np.ndarray, origin: Origin) -> Dataset:
    drawn = Dataset()
    drawn.ReferencedROINumber, drawn.ROIDisplayColor = number, [*segment.rgb]
    contours = [
        _contour(line, place, origin)
        for place in np.flatnonzero((mask == segment.value).any(axis=(0, 1))).tolist()
        for line in outlines((mask[:, :, place] == segment.value).T)
    ]
    if contours:
        drawn.ContourSequence = contours
    return drawn


def _contour(line: np.ndarray, place: int, origin: Origin) -> Dataset:
    """A line around pixels of a slice, in mm."""
    plane = origin.volume.first.plane
    assert plane is not None  # of a usable volume
    along_row, along_column = np.array(origin.orientation).reshape(2, 3)
    points = (
        np.array(origin.slices[place].position)
        + line[:, :1] * plane.spacing[0] * along_column
        + line[:, 1:] * plane.spacing[1] * along_row
    )
    contour = Dataset()
    contour.ContourImageSequence = [origin.slices[place].reference()]
    contour.ContourGeometricType = "CLOSED_PLANAR"
    contour.NumberOfContourPoints = len(points)
    contour[_CONTOUR_DATA] = _decimals(points)
    return contour


def _decimals(points: np.ndarray) -> RawDataElement:
    """Coordinates as they stand in the file: of each, pydicom would make an object, slowly."""
    text = "\\".join(f"{value:.{_DECIMALS}f}" for value in points.ravel().tolist()).encode("ascii")
    # Values have even lengths.
    value = text + b" " * (len(text) % 2)
    return RawDataElement(Tag(_CONTOUR_DATA), "DS", len(value), value, 0, False, True)
