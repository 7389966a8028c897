"""An evaluation as an object: a reader study, where it lies, and what it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ValidationError

from bmseg.errors import InputError, WorkError
from bmseg.outputs import PROVENANCE, Output
from bmseg.outputs.provenance import file_hash
from bmseg.study import Study, in_one_line, load_study
from dataset_conversion.mask_files.listing import stem_of
from evaluation.study import Declared, ReaderStudy, Unit
from evaluation.study.tables import TABLE1, TABLES, usual_table
from evaluation.table import Table

#: The study file among the results, where it was written with them.
KEPT_STUDY = "study.toml"
#: What later steps write into an evaluation's folder: gone when the evaluation is another.
FOLLOWERS = (
    "report.html", "report.json", "costs.*", "figures/levels_beside_readers.*", "figures/strip_*",
    "exams.json", "exams/index.html", "exams/*.js",
)  # fmt: skip
# Whose files are replaced with an evaluation, or go with it.
_FOLDERS = ("consensus", "yardstick", "figures", "exams")


class _MadeWith(BaseModel):
    """The study of a record."""

    name: str
    sha256: str


class _Record(BaseModel):
    """What is read back of an evaluation's record."""

    study: _MadeWith
    unit: Unit
    margin: float | None
    incomplete: bool = False
    synthetic: bool
    readers: list[str]
    models: list[str]
    exams: list[str]
    warnings: list[str]
    masks_sha256: dict[str, str]
    taught_by: dict[str, list[str]] = {}
    seed_of: dict[str, str] = {}
    titles: dict[str, str] = {}
    ignore: int | None = None
    drawn_sha256: dict[str, str] = {}


def output_of(folder: Path) -> Output:
    """The folder of an evaluation."""
    return Output(folder, "evaluation", followers=FOLLOWERS, edited=(KEPT_STUDY,))


def refuse_edited(folder: Path) -> None:
    """Refuse (InputError) to write a study file over one that somebody changed, or put there."""
    kept = folder / KEPT_STUDY
    if kept.is_file() and output_of(folder).read().get("outputs", {}).get(KEPT_STUDY) != file_hash(kept):
        raise InputError(
            f"{kept}: found a study file that bmseg did not write, or that was changed since, and none with "
            f"--study; go on with --study {kept}, or name another folder with -o"
        )


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an evaluation found."""

    #: Where it was written.
    folder: Path
    study: Study
    #: Tables, and from them printed tables, sentences and figures.
    found: ReaderStudy
    #: Its provenance.
    record: Mapping[str, Any]
    #: True when the folder already held the results of the same inputs.
    skipped: bool = False
    #: Exams that had been scored from the same files before.
    earlier: int = 0

    @classmethod
    def read(
        cls, folder: Path, study_file: Path, *, skipped: bool = False, made_by: str = "bmseg evaluate -o"
    ) -> Evaluation:
        """The finished evaluation in a folder; tables are read when they are asked for.

        InputError when there is none, or it was made with another study file.
        """
        output = output_of(folder)
        record = output.read()
        if not record:
            raise InputError(f"{folder}: found no finished evaluation; run '{made_by}' first")
        try:
            known = _Record.model_validate(record)
        except ValidationError as error:
            raise InputError(f"{folder / PROVENANCE}: {in_one_line(error)}; run '{made_by}' again") from None
        if known.study.sha256 != file_hash(study_file):
            raise InputError(
                f"{study_file}: study file: found another than the evaluation in {folder} was made with "
                f"({known.study.name}), expected the same; name it with --study"
            )
        if not skipped and (changed := output.changed()):
            raise InputError(
                f"{folder}: found {', '.join(changed)} missing or changed since, expected what was written; "
                f"run '{made_by}' again"
            )
        study = load_study(study_file)
        design = study.design(
            unit=known.unit,
            margin=known.margin,
            synthetic=known.synthetic,
            incomplete=known.incomplete,
        )
        design = replace(
            design,
            taught_by=known.taught_by,
            seed_of=known.seed_of,
            titles={**design.titles, **known.titles},
            ignore=known.ignore,
            undrawn=bool(known.drawn_sha256),
        )
        tables = _Files(folder, record["outputs"])
        found = ReaderStudy(design, known.readers, known.models, known.exams, tables).noted()
        return cls(folder, study, found, record, skipped)

    @property
    def table(self) -> Table:
        """Table 1 of the study."""
        return usual_table(self.found)

    @property
    def summary(self) -> pd.DataFrame:
        """The numbers of Table 1."""
        return self.found[TABLE1]

    @property
    def warnings(self) -> list[str]:
        """What a person should look at before believing the scores."""
        return list(self.record["warnings"])

    @property
    def synthetic(self) -> bool:
        """Whether the images are simulated."""
        return bool(self.record["synthetic"])

    def consensus(self, exam: str) -> Path:
        """The consensus of an exam as a label map."""
        return self.folder / mask_name(exam)

    def figure(self, name: str) -> Path:
        """A figure as SVG; it need not be there."""
        return self.folder / "figures" / f"{name}.svg"


def names_written(exams: Iterable[str]) -> set[str]:
    """Files that an evaluation of exams may write, but figures of raters and levels."""
    names = {f"{table.name}.{ending}" for table in TABLES for ending in ("csv", "md", "html")}
    names |= {f"{table.words_name}.md" for table in TABLES if table.words_name}
    for exam in exams:
        names |= {mask_name(exam), mask_name(exam, "yardstick"), f"figures/audit_{exam}.png"}
    return names


def refuse_among_results(folder: Path, inputs: Iterable[tuple[str, str, Path]]) -> None:
    """Refuse (InputError) inputs that lie where results go; `inputs` are what it is, its exam, its path."""
    out = folder.resolve()
    for what, exam, path in inputs:
        # A mask is <exam>.nii.gz, or lies in a folder of that name.
        own = next((each for each in (path, *path.parents[:3]) if exam in _names_of(each)), path)
        place = path.resolve()
        is_result = any(place.is_relative_to(out / name) for name in _FOLDERS)
        if is_result or out in (place, own.parent.resolve()):
            raise InputError(
                f"{own.parent}: found {what} where results are written, expected them apart; name another "
                "folder with -o"
            )


def _names_of(path: Path) -> tuple[str | None, ...]:
    return path.name, path.stem, stem_of(path)


def mask_name(exam: str, kind: str = "consensus") -> str:
    """Where in the folder an exam's consensus lies, or its yardstick."""
    return f"{kind}/{exam}.nii.gz"


class _Files(Mapping[str, pd.DataFrame]):
    """The tables of a folder, each read once, when it is asked for; `files` are name to recorded hash."""

    def __init__(self, folder: Path, files: Mapping[str, str]) -> None:
        self._folder, self._files = folder, files
        self._declared: dict[str, Declared] = {
            table.name: table for table in TABLES if f"{table.name}.csv" in files
        }
        self._read: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._read:
            path = self._folder / f"{name}.csv"
            found = self._declared[name].read(path)
            if file_hash(path) != self._files[path.name]:
                raise WorkError(
                    f"{path}: found a table of another evaluation, which replaced this one meanwhile, "
                    "expected the one on record; run it again"
                )
            self._read[name] = found
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)


def kept_study(study_file: Path, out: Path) -> str:
    """The study file's text where it is one among the results, which are replaced; else empty."""
    if study_file.resolve() != (out / KEPT_STUDY).resolve():
        return ""
    return study_file.read_text(encoding="utf-8-sig")
