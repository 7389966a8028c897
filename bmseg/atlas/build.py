"""Write the atlas of a workspace: HTML, PDF, its numbers, and what it was made from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from bmseg.atlas.contents import Atlas, make_atlas
from bmseg.atlas.exams import AtlasExams
from bmseg.atlas.html import atlas_html
from bmseg.atlas.made import HTML, NUMBERS, PDF, AtlasOptions, atlas_in, atlas_inputs
from bmseg.atlas.pdf import write_pdf
from bmseg.atlas.words import chosen_words
from bmseg.outputs import provenance
from bmseg.workspace import Workspace


def build_atlas(
    workspace: Workspace, options: AtlasOptions, out: Path, *, channel: str | None = None
) -> dict[str, Any]:
    """Make an atlas, unless it was made from the same files and options already.

    `out` is a new or empty folder, or that of an earlier atlas; images are those of the channel, by default
    the study's first. Returned are ``already`` (bool), ``synthetic`` (bool), ``knees`` (list of dict:
    number, exam, side, age, label), ``words`` (list of str: how they were chosen), ``pages`` (int). An
    InputError when the folder holds anything but an atlas, or an exam does not fit; a MaskError or
    ConversionError when a file cannot be read.
    """
    exams = AtlasExams.of(workspace, exams=options.exams, channel=channel)
    output = atlas_in(out)
    output.check()
    inputs = atlas_inputs(workspace, exams, options)
    if earlier := output.made_from(inputs):
        return earlier["made"] | {"already": True, "synthetic": exams.synthetic}
    atlas = make_atlas(exams, options)
    with output.replaced(inputs) as staged:
        staged.write(NUMBERS, atlas.numbers().to_csv(index=False, float_format="%.4g"))
        staged.write(HTML, atlas_html(atlas))
        pages = write_pdf(atlas, staged.folder / PDF)
        made = {"unit": atlas.unit, "knees": _knees(atlas), "words": chosen_words(atlas), "pages": pages}
        staged.facts["made"] = made
        provenance.refuse_changed(out, inputs["files_sha256"], provenance.files_hash(exams.files()))
    return made | {"already": False, "synthetic": exams.synthetic}


def _knees(atlas: Atlas) -> list[dict[str, Any]]:
    return [
        {
            "number": knee.number,
            "exam": one.exam,
            "side": one.side,
            "age": None if math.isnan(one.age) else one.age,
            "label": knee.label,
        }
        for knee, one in zip(atlas.knees, atlas.chosen, strict=True)
    ]
