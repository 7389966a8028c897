"""An invented identity planted into DICOM files, for tests that nothing of it comes out."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable
from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

GZIP = b"\x1f\x8b"


def plant_identity(folder: Path) -> list[str]:
    """Rewrite every DICOM file below a folder with an invented identity, in place.

    Names stand in patient, institution and comment fields, inside SeriesDescription and ProtocolName, in a
    private tag, the preamble, and in the names of files and folders; all instance UIDs are new, the same
    for the same.

    Returns
    -------
    list of str
        Everything that must not be found in any output: planted strings and new UIDs.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    uids: dict[str, str] = {}
    planted: set[str] = {"Plantmann", "Karitest"}
    patients: dict[str, int] = {}
    for number, path in enumerate(files):
        header = _read(path)
        if header is not None:
            patient = patients.setdefault(str(header.get("PatientID", "")), len(patients))
            planted |= _plant(header, patient)
            _new_uids(header, uids)
            header.preamble = b"Plantmann Karitest".ljust(128, b"\0")
            _write(header, path)
        path.rename(path.with_name(f"Plantmann_{number:04d}{path.suffix}"))
    deepest_first = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
    for number, path in enumerate(deepest_first):
        path.rename(path.with_name(f"Karitest {number}"))
    return sorted(planted | set(uids.values()))


def unpacked(path: Path) -> bytes:
    """Content of a file, of a gzip'd one uncompressed, its header with it."""
    content = path.read_bytes()
    return content[:64] + gzip.decompress(content) if content[:2] == GZIP else content


def _read(path: Path) -> FileDataset | None:
    content = path.read_bytes()
    if content[:2] == GZIP:
        content = gzip.decompress(content)
    try:
        header = pydicom.dcmread(io.BytesIO(content))
    except pydicom.errors.InvalidDicomError:
        return None
    return header if "SOPInstanceUID" in header else None


def _write(header: FileDataset, path: Path) -> None:
    buffer = io.BytesIO()
    header.save_as(buffer)
    compressed = path.read_bytes()[:2] == GZIP
    path.write_bytes(gzip.compress(buffer.getvalue(), 1) if compressed else buffer.getvalue())


def _plant(header: FileDataset, patient: int) -> set[str]:
    name = f"Plantmann{patient}^Karitest{patient}"
    fields = {
        "PatientName": name,
        "PatientID": f"PID-88{patient}4711",
        "PatientBirthDate": f"2010021{patient % 10}",
        "PatientBirthName": f"Fodtplant{patient}",
        "PatientAddress": f"Storgata {patient}, Plantby",
        "PatientTelephoneNumbers": f"+47 555 77{patient}",
        "OtherPatientIDs": f"OPID-99{patient}1234",
        "PatientComments": f"mother Plantmor{patient}",
        "AccessionNumber": f"ACC555{patient}0123",
        "InstitutionName": "Plantsykehuset",
        "InstitutionAddress": "Plantveien 12",
        "ReferringPhysicianName": "Henvisermann^Ola",
        "PerformingPhysicianName": "Utforermann^Per",
        "OperatorsName": "Radiografdame^Eva",
        "RequestingPhysician": "Rekvirentmann^Nils",
        "StationName": "MRPLANT01",
        "DeviceSerialNumber": "SER-77219",
        "StudyID": f"STID{patient}61",
        "StudyDescription": f"Kne Plantmann{patient} oktober",
        "ImageComments": f"comment on Karitest{patient}",
        "RequestedProcedureDescription": f"for Plantmann{patient}",
        "PerformedProcedureStepDescription": f"done for Plantmann{patient}",
    }
    fields |= dict.fromkeys(["StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"], "20190417")
    fields |= dict.fromkeys(["StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"], "131742.190000")
    for keyword, value in fields.items():
        setattr(header, keyword, value)
    words = f" Plantmann{patient} Karitest{patient}"
    protocol = str(header.get("ProtocolName", ""))
    description = str(header.get("SeriesDescription", ""))
    if protocol and description.startswith(protocol):
        header.SeriesDescription = protocol + words + description[len(protocol) :]
    else:
        header.SeriesDescription = description + words
    header.ProtocolName = protocol + words
    block = header.private_block(0x0009, "PLANTMANN PRIVATE", create=True)
    block.add_new(0x01, "LO", f"secret of Karitest{patient}")
    planted = set(fields.values()) | {f"Plantmann{patient}", f"Karitest{patient}", "secret of"}
    # Short parts of names could be found anywhere by chance.
    return planted | {part for value in fields.values() for part in value.split("^") if len(part) > 6}


def _new_uids(header: FileDataset, uids: dict[str, str]) -> None:
    """Replace every instance UID, also of references and nested items; classes and syntaxes stay."""

    def new(value: str) -> str:
        return uids.setdefault(str(value), generate_uid(entropy_srcs=["planted", str(value)]))

    def replace(_: Dataset, element: pydicom.DataElement) -> None:
        if element.VR != "UI" or not element.value:
            return
        values: Iterable[str] = [element.value] if element.VM == 1 else element.value
        changed = [value if str(value).startswith("1.2.840.10008.") else new(value) for value in values]
        element.value = changed[0] if len(changed) == 1 else changed

    header.walk(replace)
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
