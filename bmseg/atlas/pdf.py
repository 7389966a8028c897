"""An atlas as PDF: A4 pages, a figure each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from tqdm import tqdm

from bmseg.atlas.chart import draw_signal
from bmseg.atlas.contents import Atlas, Example
from bmseg.atlas.pictures import Frame, Knee, close_up_frame, picture
from bmseg.atlas.sheet import BOTTOM, MARGIN, TOP, WIDTH, Sheet, finish
from bmseg.atlas.signal import Measured
from bmseg.atlas.words import (
    BY_AGE,
    chart_words,
    close_words,
    first_words,
    level_words,
    scale_words,
    signal_words,
)
from bmseg.study import Level
from evaluation.figures.style import styled

# Layers of a row's pictures, by their headings.
_LAYERS = {"image": ("image",), "mask": ("mask",), "image with mask": ("image", "mask")}
_PLAIN, _MARKED = _LAYERS["image"], _LAYERS["image with mask"]

# Knees on a page of the overview.
_KNEES = 5

# Between pictures, and least side of a close-up, mm of paper.
_GAP, _LEAST_CLOSE_UP = 2.0, 28.0

# Pictures are drawn at this resolution: more shows no more of a 0.9 mm pixel.
_DPI = 160


def write_pdf(atlas: Atlas, path: Path) -> int:
    """Write the pages to a file; returns how many. The same atlas gives the same bytes."""
    pages = pdf_pages(atlas)
    facts = {"Title": atlas.title, "Subject": atlas.banner, "CreationDate": None}
    # Image and mask of a picture stay apart: each is small that way.
    with mpl.rc_context({"image.composite_image": False}), PdfPages(path, metadata=facts) as pdf:
        for page in tqdm(pages, desc="pages", disable=None, leave=False):
            pdf.savefig(page, dpi=_DPI)
    return len(pages)


def pdf_pages(atlas: Atlas) -> list[Figure]:
    """Every page, numbered and with its note."""
    pages: list[Figure] = []
    contents: dict[str, int] = {}

    def add(what: str, page: Figure) -> None:
        contents.setdefault(what, len(pages) + 2)
        pages.append(page)

    for level in atlas.levels:
        add(f"{level.shown}: range", _range_page(atlas, level))
        if atlas.examples(level):
            add(f"{level.shown}: windows", _windows_page(atlas, level))
    for start in range(0, len(atlas.knees), _KNEES):
        add("by age", _overview_page(atlas, atlas.knees[start : start + _KNEES]))
    add("signal of the levels", _signal_page(atlas))
    parts = first_words(atlas) | {"Pages": [f"{page}  {what}" for what, page in contents.items()]}
    pages.insert(0, _first_page(atlas, parts))
    finish(pages, atlas.note, atlas.exams.study.title)
    return pages


@styled
def _first_page(atlas: Atlas, parts: Mapping[str, Sequence[str]]) -> Figure:
    """What the atlas is and how it is used: heading to paragraphs; the levels follow the first part."""
    sheet = Sheet(atlas.title)
    y = MARGIN + 10
    if atlas.banner:
        y = sheet.paragraph(MARGIN, y, atlas.banner, size=10, weight="bold") + 3
    for place, (heading, paragraphs) in enumerate(parts.items()):
        y = _heading(sheet, y, heading)
        for words in paragraphs:
            y = sheet.paragraph(MARGIN, y, words) + 1.6
        if place == 0:
            y = _heading(sheet, y + 2, "Levels")
            for level in atlas.levels:
                sheet.swatch(MARGIN, y, level.color)
                sheet.text(MARGIN + 6, y, level.shown, weight="bold")
                y = max(y + 5, sheet.paragraph(MARGIN + 40, y, level.description or "\u2013") + 1)
        y += 2
    return sheet.figure


def _range_page(atlas: Atlas, level: Level) -> Figure:
    """A level's range: its faintest, a typical and its brightest example, a row each; or that it has none."""
    examples, lead = atlas.examples(level), level_words(atlas, level)
    if examples:
        lead += f" {scale_words(atlas)}"
    cells = [(heading, "standard", [layers]) for heading, layers in _LAYERS.items()]
    return _examples_page(atlas, level, "range", lead, examples, atlas.frame, cells, side=34, gap=_GAP)


def _windows_page(atlas: Atlas, level: Level) -> Figure:
    """The same slices close up under every window, without and with the mask."""
    examples = atlas.examples(level)
    lead = (
        f"The same slices, {close_words(atlas)} around the largest spot of {level.shown}, in every window, "
        "without and with the mask."
    )
    cells = [(name, name, [_PLAIN, _MARKED]) for name in examples[0].knee.windows]
    close = close_up_frame(atlas.frame)
    return _examples_page(
        atlas, level, "windows", lead, examples, close, cells, side=28, gap=1, text=7, around=level.value
    )


@styled
def _examples_page(
    atlas: Atlas,
    level: Level,
    what: str,
    lead: str,
    examples: Sequence[Example],
    frame: Frame,
    cells: Sequence[tuple[str, str, Sequence[Sequence[str]]]],
    *,
    side: float,
    gap: float,
    text: float = 8,
    around: int | None = None,
) -> Figure:
    """Examples in rows; `cells` are heading, window, and layers of one picture below the other."""
    sheet = Sheet(f"    {level.shown}: {what}", lead)
    sheet.swatch(MARGIN, MARGIN + 0.7, level.color, side=4.4)
    row, stacked = (BOTTOM - TOP - 5) / 3, len(cells[0][2])
    size = _fitted(frame, (WIDTH - 2 * MARGIN - side) / len(cells) - gap, (row - 2 - stacked) / stacked)
    lefts = _lefts(MARGIN + side, size, gap, len(cells))
    if examples:
        _headings(sheet, lefts, [heading for heading, _, _ in cells])
    for place, example in enumerate(examples):
        y = TOP + 5 + place * row
        facts = [
            *_label_lines(example.knee),
            f"slice {example.measured.place + 1}",
            f"relative signal {example.measured.words}",
            f"area {example.measured.area:.0f} mm\u00b2",
        ]
        _facts(sheet, y, example.word, facts, size=text)
        shown = picture(example.knee, example.measured.place, frame, around=around)
        for x, (_, name, stack) in zip(lefts, cells, strict=True):
            for below, layers in enumerate(stack):
                at = y + below * (size[1] + 0.6)
                window = example.knee.windows[name]
                sheet.picture(x, at, size, shown, window, atlas.colors, layers=layers)
    return sheet.figure


@styled
def _overview_page(atlas: Atlas, knees: Sequence[Knee]) -> Figure:
    """Knees, youngest first, a row each: its fullest slice, and the highest level there close up."""
    lead = f"{BY_AGE} {scale_words(atlas)} Close-ups: around the largest spot of the slice's highest level."
    sheet = Sheet("By age", lead)
    row = (BOTTOM - TOP - 5) / _KNEES
    size = _fitted(atlas.frame, 46, row - 2)
    lefts = _lefts(MARGIN + 38, size, _GAP, 3)
    _headings(sheet, lefts, _LAYERS, size=7)
    beside = lefts[-1] + size[0] + _GAP
    close = close_up_frame(atlas.frame)
    close_size = _fitted(close, (WIDTH - MARGIN - beside) / 2 - _GAP / 2, row - 2)
    close_lefts = _lefts(beside, close_size, _GAP / 2, 2)
    # Where frames are wide there is no room for close-ups, and no need.
    if has_room := close_size[0] >= _LEAST_CLOSE_UP:
        _headings(sheet, close_lefts, ("close-up", "close-up with mask"), size=7)
    for place, knee in enumerate(knees):
        y = TOP + 5 + place * row
        name, *rest = _label_lines(knee)
        signals = [
            _in_words(level, one) for level, one in zip(atlas.levels, atlas.in_knee(knee), strict=True)
        ]
        lines = [*rest, f"slice {knee.fullest + 1}", "", "relative signal:", *signals]
        _facts(sheet, y, name, lines, size=7.5)
        window = knee.windows["standard"]
        shown = picture(knee, knee.fullest, atlas.frame)
        for x, layers in zip(lefts, _LAYERS.values(), strict=True):
            sheet.picture(x, y, size, shown, window, atlas.colors, layers=layers)
        if has_room:
            shown = picture(knee, knee.fullest, close, around=int(shown.mask.max()))
            for x, layers in zip(close_lefts, (_PLAIN, _MARKED), strict=True):
                sheet.picture(x, y, close_size, shown, window, atlas.colors, layers=layers)
    return sheet.figure


@styled
def _signal_page(atlas: Atlas) -> Figure:
    """Relative signal of every level in every knee, by age."""
    sheet = Sheet("Signal of the levels, by age", chart_words(atlas))
    draw_signal(sheet.axes(MARGIN + 14, TOP + 14, WIDTH - 2 * MARGIN - 14, 120), atlas)
    for place, level in enumerate(atlas.levels):
        y = TOP + 152 + 6 * place
        sheet.swatch(MARGIN, y, level.color)
        sheet.text(MARGIN + 6, y, level.shown, weight="bold")
        sheet.text(MARGIN + 45, y, signal_words(atlas, level))
    return sheet.figure


def _heading(sheet: Sheet, y: float, words: str) -> float:
    sheet.text(MARGIN, y, words, size=11, weight="bold")
    return y + 6.5


def _headings(sheet: Sheet, lefts: Sequence[float], words: Iterable[str], *, size: float = 8.5) -> None:
    for x, one in zip(lefts, words, strict=True):
        sheet.text(x, TOP, one, size=size, weight="bold")


def _facts(sheet: Sheet, y: float, heading: str, lines: Sequence[str], *, size: float) -> None:
    sheet.text(MARGIN, y, heading, size=size + 1, weight="bold")
    sheet.text(MARGIN, y + 5, "\n".join(lines), size=size)


def _label_lines(knee: Knee) -> list[str]:
    """A label in two lines: which one it is, then side and age."""
    first, comma, rest = knee.label.partition(", ")
    return [first, rest] if comma else [first]


def _in_words(level: Level, one: Measured | None) -> str:
    return f"{level.shown} {one.words} in slice {one.place + 1}" if one else f"{level.shown} not marked"


def _lefts(start: float, size: tuple[float, float], gap: float, number: int) -> list[float]:
    return [start + place * (size[0] + gap) for place in range(number)]


def _fitted(frame: Frame, width: float, height: float) -> tuple[float, float]:
    """The largest size in mm of paper within a box that keeps the frame's proportions."""
    scale = min(width / frame.width, height / frame.height)
    return frame.width * scale, frame.height * scale
