"""A page about an exam as DICOM encapsulated PDF."""

from __future__ import annotations

from highdicom import SOPClass
from pydicom import Dataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian, generate_uid

from dataset_conversion.dicom_out.maker import Maker, one_line
from dataset_conversion.dicom_out.origin import Origin


def document_of(pdf: bytes, title: str, origin: Origin, maker: Maker, *, series_number: int) -> Dataset:
    """An encapsulated PDF, to be saved; who the patient is stands in its header and not on its pages."""
    made = SOPClass(
        study_instance_uid=origin.volume.identity.study,
        series_instance_uid=generate_uid(prefix=None),
        series_number=series_number,
        sop_instance_uid=generate_uid(prefix=None),
        sop_class_uid=EncapsulatedPDFStorage,
        instance_number=1,
        modality="DOC",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=one_line(f"Volumes and foci by {maker.name}"),
        **maker.equipment(),
    )
    origin.identify(made, maker.name, title)
    # Of images, which a document is not.
    for keyword in ("FrameOfReferenceUID", "PositionReferenceIndicator"):
        made.pop(keyword, None)
    made.ConversionType = "WSD"
    made.AcquisitionDateTime = ""
    made.BurnedInAnnotation = "NO"
    made.SourceInstanceSequence = origin.instances
    made.VerificationFlag = "UNVERIFIED"
    made.DocumentTitle = title
    made.ConceptNameCodeSequence = []
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocumentLength = len(pdf)
    # Values have even lengths.
    made.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    return made
