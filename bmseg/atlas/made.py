"""An atlas as an output: its files, its options, and what it is made from; whoever asks draws nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bmseg.atlas.choice import Unit
from bmseg.atlas.exams import AtlasExams
from bmseg.outputs import Output, provenance
from bmseg.workspace import Workspace

HTML, PDF, NUMBERS = "atlas.html", "atlas.pdf", "atlas.csv"


@dataclass(frozen=True)
class AtlasOptions:
    """How an atlas is made."""

    #: Those to show; none to have `number` knees, or exams, chosen.
    exams: tuple[str, ...] = ()
    number: int = 10
    #: By default what the masks suggest.
    unit: Unit | None = None
    seed: int = 2022
    #: Colours that colour-blind readers tell apart, instead of the study's.
    safe_colors: bool = False


def atlas_in(folder: Path) -> Output:
    """The atlas in a folder."""
    return Output(folder, "bmseg atlas", exclusive=True)


def atlas_inputs(workspace: Workspace, exams: AtlasExams, options: AtlasOptions) -> dict[str, Any]:
    """What an atlas is made from; InputError without an image or mask."""
    return {
        "study": {"name": exams.study.name, "sha256": provenance.file_hash(workspace.study_file)},
        "training_reader": exams.dataset.spec.training_reader,
        "channel": exams.channel,
        "synthetic": exams.synthetic,
        "options": asdict(options) | {"exams": list(options.exams)},
        "files_sha256": provenance.files_hash(exams.files()),
    }
