"""What DICOM results a folder holds, what each was made from, and where the next goes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.nnunet.environment import say
from bmseg.outputs.provenance import file_hash, read_record, write_record

RECORD = "dicom_made_from.json"
KINDS = ("seg", "rtstruct", "pdf")


class DicomRecord:
    """The results in a folder, ``<kind>/<exam>.dcm``; the record names exams by case identifiers alone.

    Parameters
    ----------
    made_from : mapping of str to str
        Exam to the hash of what its mask depends on.
    about : mapping
        What the record says of the model (``model``) and of versions.

    Raises
    ------
    InputError
        When the folder holds results of another model, or files where these exams' results belong that are
        not on record.
    """

    def __init__(self, folder: Path, *, made_from: Mapping[str, str], about: Mapping[str, Any]) -> None:
        self.folder, self._wanted, self._about = folder, dict(made_from), dict(about)
        found = read_record(folder / RECORD)
        exams, model = (found.get(name, {}) for name in ("exams", "model"))
        known = exams.items() if isinstance(exams, dict) else ()
        # Of a damaged record nothing is taken.
        self._exams = {exam: entry for exam, entry in known if isinstance(entry, dict)}
        networks = model.get("networks") if isinstance(model, dict) else None
        if self._exams and networks != about["model"]["networks"]:
            raise InputError(
                f"{folder}: found results of another model, expected none or this one's; use another -o"
            )
        self._refuse_others()

    def path(self, exam: str, kind: str) -> Path:
        """Where a result lies."""
        return self.folder / kind / f"{exam}.dcm"

    def is_current(self, exam: str, kind: str) -> bool:
        """Whether a result was made by this model from these images, and is unchanged."""
        return self._exams.get(exam, {}).get("made_from") == self._wanted[exam] and self._unchanged(
            exam, kind
        )

    def missing(self, kind: str) -> list[str]:
        """The exams of which one is to be made; says how many are not."""
        missing = [exam for exam in self._wanted if not self.is_current(exam, kind)]
        if kept := len(self._wanted) - len(missing):
            say(f"{kind}: {kept} of {len(self._wanted)} kept, made by the same model")
        return missing

    def put(self, exam: str, kind: str, made: Path, facts: Mapping[str, Any]) -> Path:
        """Put a result in place, on record before it appears; what followed from an earlier mask goes."""
        entry = dict(self._exams.get(exam, {}))
        if kind == "seg":
            for other in KINDS:
                self.path(exam, other).unlink(missing_ok=True)
            entry = {"made_from": self._wanted[exam]}
        files = {**entry.get("files", {}), kind: file_hash(made)}
        self._exams[exam] = {**entry, **facts, "files": files}
        path = self.path(exam, kind)
        path.unlink(missing_ok=True)
        write_record(self.folder / RECORD, {"exams": self._exams, **self._about})
        path.parent.mkdir(exist_ok=True)
        return made.replace(path)

    def _unchanged(self, exam: str, kind: str) -> bool:
        path, files = self.path(exam, kind), self._exams.get(exam, {}).get("files", {})
        return path.is_file() and isinstance(files, dict) and files.get(kind) == file_hash(path)

    def _refuse_others(self) -> None:
        places = [(exam, kind) for exam in self._wanted for kind in KINDS]
        there = [pair for pair in places if self.path(*pair).is_file() and not self._unchanged(*pair)]
        if there:
            names = ", ".join(str(self.path(*pair).relative_to(self.folder)) for pair in there)
            raise InputError(
                f"{self.folder}: found files that this model did not make, or that were changed since "
                f"({names}), expected none; move them away or use another -o"
            )
