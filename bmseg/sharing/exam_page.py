"""What a model marked in an exam, on A4 pages: the volume of each level and its foci."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from bmseg.atlas.sheet import BOTTOM, MARGIN, Sheet, finish
from bmseg.study import Study
from dataset_conversion.images import Volume
from evaluation.figures.style import styled
from evaluation.measures.components import Components
from evaluation.statistics.words import number

#: What stands on every page.
NOTE = "Made by a model, checked by no reader. Not for diagnosis."
_UNKNOWN = (
    "How far these numbers are from what readers would say, this page cannot tell: the report of the "
    "evaluation of the model can. Where an exam differs from those that the model learned from, nobody knows."
)
# Of foci on all pages: more are counted, not listed.
_MOST_FOCI = 150
# Of a row, and of its letters below its upper edge, mm of paper.
_LINE, _BASE = 4.6, 2.9


@dataclass(frozen=True)
class Focus:
    """A focus in a mask."""

    #: What it is shown as.
    level: str
    volume_ml: float
    #: Of the image, counted from 0: the one of its centre.
    slice: int
    #: Of its centre in mm, as DICOM has it: growing to the patient's left, back and head.
    place: tuple[float, float, float]


@dataclass(frozen=True)
class Marked:
    """What is marked as one level; `foci` from the largest on, of those that are large enough."""

    #: What it is shown as.
    level: str
    description: str
    color: str
    volume_ml: float
    slices: int
    foci: tuple[Focus, ...]


def marked_in(mask: Volume, study: Study) -> list[Marked]:
    """Volume and foci of every level of a mask, as the study's rules have foci.

    `mask` has its slices along its last axis. A focus of an ordinal level is of all that is marked at that
    level or above, its volume too; the volume of a level is of what is marked as that level alone.
    """
    levels = {level.name: level.value for level in study.levels}
    ordered = study.scale == "ordinal"
    found = Components(mask.array.shape, mask.affine, levels, study.foci.rules, ordered)
    regions = found.of(mask.array).regions
    to_voxels = np.linalg.inv(mask.affine)
    smallest = study.foci.smallest_mm3 / 1000 * (1 - 1e-9)
    marked = []
    for level in study.levels:
        region, here = regions[level.name], mask.array == level.value
        shown = level.title or level.name
        foci = []
        for size, (x, y, z) in zip(region.sizes.tolist(), region.centres, strict=True):
            if (volume := size * found.voxel_ml) >= smallest:
                place = round(float((to_voxels @ [x, y, z, 1])[2]))
                foci.append(Focus(shown, volume, place, (-x, -y, z)))
        marked.append(
            Marked(
                shown,
                level.description,
                level.color,
                int(here.sum()) * found.voxel_ml,
                int(here.any(axis=(0, 1)).sum()),
                tuple(foci),
            )
        )
    return marked


def page_of(
    exam: str, mask: Volume, slices: Sequence[str], study: Study, facts: Sequence[str], banner: str = ""
) -> bytes:
    """A PDF about the mask of an exam, named by its case identifier alone; same mask, same bytes.

    `slices` are what viewers call the slices of the mask's last axis, `facts` lines about model and image,
    `banner` one that is to be seen first.
    """
    marked = marked_in(mask, study)
    pages = [_first(exam, mask, study, marked, [*([banner] if banner else []), NOTE], facts)]
    foci = [focus for one in marked for focus in one.foci]
    pages += _lists(exam, slices, foci[:_MOST_FOCI], len(foci))
    finish(pages, NOTE, exam)
    content = BytesIO()
    with PdfPages(content, metadata={"Title": f"{exam}: volumes and foci", "CreationDate": None}) as pdf:
        for page in pages:
            pdf.savefig(page)
    return content.getvalue()


@styled
def _first(
    exam: str, mask: Volume, study: Study, marked: Sequence[Marked], bold: Sequence[str], facts: Sequence[str]
) -> Figure:
    sheet = Sheet(f"{exam}: what the model marked", study.title)
    y = MARGIN + 16.0
    for words in bold:
        y = sheet.paragraph(MARGIN, y, words, size=10, weight="bold") + 1
    y += 2
    for words in facts:
        y = sheet.paragraph(MARGIN, y, words) + 0.6
    columns = (MARGIN + 6, MARGIN + 52, MARGIN + 84, MARGIN + 120, MARGIN + 140)
    y += 5
    ordinal = study.scale == "ordinal"
    head = ("level" if ordinal else "label", "volume", "in slices", "foci", "largest focus")
    for x, words in zip(columns, head, strict=True):
        sheet.text(x, y + _BASE, words, va="baseline", weight="bold")
    y += _LINE + 1
    for one in marked:
        sheet.swatch(MARGIN, y, one.color)
        largest = ml(one.foci[0].volume_ml) if one.foci else "none"
        volume = ml(one.volume_ml) if one.volume_ml else "nothing marked"
        slices = f"{one.slices} of {mask.array.shape[2]}"
        for x, words in zip(columns, (one.level, volume, slices, f"{len(one.foci)}", largest), strict=True):
            sheet.text(x, y + _BASE, words, va="baseline")
        y += _LINE
        if one.description:
            y = sheet.paragraph(MARGIN + 6, y, one.description, size=8) + 1
    y += 4
    for words in _notes(mask, study):
        y = sheet.paragraph(MARGIN, y, words, size=8.5) + 1.2
    return sheet.figure


def ml(volume: float) -> str:
    """A volume that is not 0.

    Examples
    --------
    >>> ml(12.345), ml(0.0028)
    ('12.35 ml', '0.003 ml')
    """
    return f"{number(volume, 2 if volume >= 0.1 else 3)} ml"


def _notes(mask: Volume, study: Study) -> list[str]:
    rules = study.foci.rules
    size = f" of {rules.smallest_mm3:g} mm³ or more" if rules.smallest_mm3 else ""
    part = f"a connected part ({rules.connectivity} neighbours){size}"
    focus = f"A focus is {part} of what is marked as its label."
    if study.scale == "ordinal":
        focus = (
            "The volume of a level is of what is marked as that level alone. A focus of a level is "
            f"{part} of all that is marked at that level or above: one focus may stand under several levels."
        )
    voxel = mask.grid.voxel_ml * 1000
    return [f"A volume is the number of marked voxels times {voxel:.3g} mm³.", focus, _UNKNOWN]


@styled
def _lists(exam: str, slices: Sequence[str], foci: Sequence[Focus], count: int) -> list[Figure]:
    """Pages that list foci; none where there are none."""
    columns = (MARGIN, MARGIN + 20, MARGIN + 60, MARGIN + 90, MARGIN + 125)
    lead = (
        f"{count} {'focus' if count == 1 else 'foci'}, level by level from the largest on, each with the "
        "slice and the place of its centre: mm to the patient's left, back and head, as DICOM counts."
    )
    if count > len(foci):
        lead += f" The first {len(foci)} are listed."
    figures: list[Figure] = []
    y, number_in_level, level = BOTTOM, 0, ""
    for focus in foci:
        if y + _LINE > BOTTOM:
            sheet = Sheet(f"{exam}: foci")
            y = sheet.paragraph(MARGIN, MARGIN + 8.5, lead, size=8.5) + 4
            head = ("focus", "level", "volume", "slice", "left, back, head (mm)")
            for x, words in zip(columns, head, strict=True):
                sheet.text(x, y + _BASE, words, va="baseline", weight="bold")
            y += _LINE + 1
            figures.append(sheet.figure)
        number_in_level = number_in_level + 1 if focus.level == level else 1
        level = focus.level
        place = ", ".join(number(value, 0) for value in focus.place)
        row = (f"{number_in_level}", level, ml(focus.volume_ml), slices[focus.slice], place)
        for x, words in zip(columns, row, strict=True):
            sheet.text(x, y + _BASE, words, va="baseline")
        y += _LINE
    return figures
