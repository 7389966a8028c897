"""Write the atlas of a workspace: HTML, PDF, its numbers, and what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bmseg.atlas.contents import Atlas, AtlasOptions, make_atlas
from bmseg.atlas.exams import AtlasExams
from bmseg.atlas.page import atlas_html
from bmseg.atlas.pdf import write_pdf
from bmseg.atlas.words import chosen_words
from bmseg.errors import InputError
from bmseg.outputs import provenance
from bmseg.outputs.records import read_record, write_record
from bmseg.study import study_hash
from bmseg.workspace import Workspace, kept_study
from dataset_conversion.files import atomic_path, write_text

HTML, PDF, NUMBERS, PROVENANCE = "atlas.html", "atlas.pdf", "atlas.csv", "provenance.json"

_KIND = "bmseg atlas"


def build_atlas(workspace: Workspace, exams: AtlasExams, options: AtlasOptions, out: Path) -> dict[str, Any]:
    """Make an atlas, unless it was made from the same files and options already.

    Parameters
    ----------
    workspace : Workspace
    exams : AtlasExams
        Those that it is chosen from.
    options : AtlasOptions
    out : Path
        A new or empty folder, or that of an earlier atlas.

    Returns
    -------
    dict
        ``already`` (bool), ``knees`` (list of dict: number, exam, side, age, label), ``words`` (list of
        str: how they were chosen), ``pages`` (int).

    Raises
    ------
    InputError
        When the folder holds anything but an atlas, or an exam does not fit.
    evaluation.masks.reading.MaskError, dataset_conversion.images.volume.ConversionError
        When a file cannot be read.
    """
    _check_out(out)
    exams.check_files()
    made_from = {
        "kind": _KIND,
        "versions": provenance.versions(),
        "study": {"name": exams.study.name, "sha256": study_hash(kept_study(workspace.root))},
        "training_reader": exams.dataset.spec.training_reader,
        "channel": exams.channel,
        "synthetic": exams.synthetic,
        "options": asdict(options) | {"exams": list(options.exams)},
        "inputs_sha256": provenance.files_hash(exams.files()),
    }
    earlier = read_record(out / PROVENANCE)
    if _is_whole(out, earlier, made_from):
        return earlier["made"] | {"already": True}
    atlas = make_atlas(exams, options)
    (out / PROVENANCE).unlink(missing_ok=True)
    # Marked as an atlas's folder first: what is stopped half-way is made again, not refused.
    write_record(out / PROVENANCE, {"kind": _KIND})
    write_text(out / NUMBERS, atlas.numbers().to_csv(index=False, float_format="%.4g"))
    write_text(out / HTML, atlas_html(atlas))
    with atomic_path(out / PDF) as temporary:
        pages = write_pdf(atlas, temporary)
    made = {"unit": atlas.unit, "knees": _knees(atlas), "words": chosen_words(atlas), "pages": pages}
    outputs = {name: provenance.file_hash(out / name) for name in (HTML, PDF, NUMBERS)}
    record = made_from | {"machine": provenance.machine(), "made": made, "outputs": outputs}
    write_record(out / PROVENANCE, record)
    return made | {"already": False}


def _check_out(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: found a file, expected a folder; name another with -o")
    if out.is_dir() and any(out.iterdir()) and read_record(out / PROVENANCE).get("kind") != _KIND:
        raise InputError(
            f"{out}: found files and no {PROVENANCE} of an atlas, expected a new or empty folder or an "
            "earlier atlas; name another with -o"
        )


def _is_whole(out: Path, earlier: Mapping[str, Any], made_from: Mapping[str, Any]) -> bool:
    if any(earlier.get(key) != value for key, value in made_from.items()) or "outputs" not in earlier:
        return False
    return all(
        (out / name).is_file() and provenance.file_hash(out / name) == expected
        for name, expected in earlier["outputs"].items()
    )


def _knees(atlas: Atlas) -> list[dict[str, Any]]:
    return [
        {
            "number": knee.number,
            "exam": one.exam,
            "side": one.side,
            "age": None if one.age != one.age else one.age,
            "label": knee.label,
        }
        for knee, one in zip(atlas.knees, atlas.chosen, strict=True)
    ]
