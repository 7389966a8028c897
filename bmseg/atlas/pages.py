"""The pages of an atlas as A4 figures; each function returns figures and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from bmseg.atlas.levels import Example, LevelShown, label_lines
from bmseg.atlas.pictures import Frame, Knee, close_up_frame, picture
from bmseg.atlas.sheet import BOTTOM, MARGIN, TOP, WIDTH, Sheet
from bmseg.atlas.signal import Measured
from evaluation.figures.display import WINDOW_WORDS
from evaluation.figures.scores import _styled

#: Layers of a row's pictures, and their headings.
LAYERS = {"image": ("image",), "mask": ("mask",), "image with mask": ("image", "mask")}

#: Knees on a page of the overview.
ROWS = 5

_GAP = 2.0
# Of a side, mm of paper.
_LEAST_CLOSE_UP = 28.0


@_styled
def first_page(
    title: str, parts: Mapping[str, Sequence[str]], levels: Sequence[LevelShown], *, banner: str = ""
) -> Figure:
    """What the atlas is and how it is used.

    Parameters
    ----------
    title : str
    parts : mapping of str to sequence of str
        Heading to paragraphs. The levels follow the first part.
    levels : sequence of LevelShown
    banner : str
        Said first.
    """
    sheet = Sheet(title)
    y = MARGIN + 10
    if banner:
        y = sheet.paragraph(MARGIN, y, banner, size=10, weight="bold") + 3
    for place, (heading, paragraphs) in enumerate(parts.items()):
        y = _heading(sheet, y, heading)
        for words in paragraphs:
            y = sheet.paragraph(MARGIN, y, words) + 1.6
        if place == 0:
            y = _level_key(sheet, _heading(sheet, y + 2, "Levels"), levels)
        y += 2
    return sheet.figure


@_styled
def level_page(
    level: LevelShown, examples: Sequence[Example], frame: Frame, colors: Mapping[int, str], *, lead: str
) -> Figure:
    """A level's range: its faintest, a typical and its brightest example, a row each.

    Parameters
    ----------
    level : LevelShown
    examples : sequence of Example
        May be none: `lead` says so.
    frame : Frame
    colors : mapping of int to str
        Mask value to colour.
    lead : str
    """
    sheet = _level_sheet(level, "range", lead)
    side, row = 34.0, (BOTTOM - TOP - 5) / 3
    size = _fitted(frame, (WIDTH - 2 * MARGIN - side) / 3 - _GAP, row - 3)
    lefts = [MARGIN + side + place * (size[0] + _GAP) for place in range(3)]
    if examples:
        _headings(sheet, lefts, LAYERS)
    for place, example in enumerate(examples):
        y = TOP + 5 + place * row
        _facts(sheet, y, example.word, example.facts)
        shown = picture(example.knee, example.measured.place, frame)
        for x, layers in zip(lefts, LAYERS.values(), strict=True):
            window = example.knee.windows["standard"]
            sheet.picture(x, y, size, shown, window, colors, layers=layers)
    return sheet.figure


@_styled
def windows_page(
    level: LevelShown, examples: Sequence[Example], frame: Frame, colors: Mapping[int, str], *, lead: str
) -> Figure:
    """The same slices close up under every window, without and with the mask.

    Parameters
    ----------
    level, examples, frame, colors, lead
        As of `level_page`; at least one example.
    """
    sheet = _level_sheet(level, "windows", lead)
    close = close_up_frame(frame)
    names = list(examples[0].knee.windows)
    side, row = 28.0, (BOTTOM - TOP - 5) / 3
    size = _fitted(close, (WIDTH - 2 * MARGIN - side) / len(names) - 1, (row - 4) / 2)
    lefts = [MARGIN + side + place * (size[0] + 1) for place in range(len(names))]
    _headings(sheet, lefts, names)
    for place, example in enumerate(examples):
        y = TOP + 5 + place * row
        _facts(sheet, y, example.word, example.facts, size=7)
        shown = picture(example.knee, example.measured.place, close, around=level.value)
        for x, name in zip(lefts, names, strict=True):
            for below, layers in enumerate((("image",), ("image", "mask"))):
                at = y + below * (size[1] + 0.6)
                sheet.picture(x, at, size, shown, example.knee.windows[name], colors, layers=layers)
    return sheet.figure


@_styled
def overview_page(
    knees: Sequence[Knee],
    measured: Sequence[Measured],
    frame: Frame,
    levels: Sequence[LevelShown],
    *,
    lead: str,
) -> Figure:
    """Knees, youngest first, a row each: its fullest slice, and the highest level there close up.

    Parameters
    ----------
    knees : sequence of Knee
        At most `ROWS`.
    measured : sequence of Measured
        Of these knees, and others, in all levels.
    frame : Frame
    levels : sequence of LevelShown
    lead : str
    """
    colors = {level.value: level.color for level in levels}
    numbers = {(one.knee, one.level): one for one in measured}
    sheet = Sheet("By age", lead)
    side, row = 38.0, (BOTTOM - TOP - 5) / ROWS
    size = _fitted(frame, 46, row - 2)
    lefts = [MARGIN + side + place * (size[0] + _GAP) for place in range(3)]
    _headings(sheet, lefts, LAYERS, size=7)
    beside = lefts[-1] + size[0] + _GAP
    close = close_up_frame(frame)
    close_size = _fitted(close, (WIDTH - MARGIN - beside) / 2 - _GAP / 2, row - 2)
    close_lefts = [beside, beside + close_size[0] + _GAP / 2]
    # Where frames are wide there is no room for close-ups, and no need.
    if has_room := close_size[0] >= _LEAST_CLOSE_UP:
        _headings(sheet, close_lefts, ("close-up", "close-up with mask"), size=7)
    for place, knee in enumerate(knees):
        y = TOP + 5 + place * row
        name, *rest = label_lines(knee.label)
        lines = [*rest, f"slice {knee.fullest + 1}", "", "relative signal:"]
        lines += [_in_words(level, numbers.get((knee.number, level.value))) for level in levels]
        _facts(sheet, y, name, lines, size=7.5)
        window = knee.windows["standard"]
        shown = picture(knee, knee.fullest, frame)
        for x, layers in zip(lefts, LAYERS.values(), strict=True):
            sheet.picture(x, y, size, shown, window, colors, layers=layers)
        if has_room:
            shown = picture(knee, knee.fullest, close, around=int(shown.mask.max()))
            for x, layers in zip(close_lefts, (("image",), ("image", "mask")), strict=True):
                sheet.picture(x, y, close_size, shown, window, colors, layers=layers)
    return sheet.figure


def windows_in_words(names: Sequence[str]) -> str:
    """Windows and what each is for, in one sentence."""
    return "; ".join(f"{name}: {WINDOW_WORDS[name]}" for name in names) + "."


def _level_sheet(level: LevelShown, what: str, lead: str) -> Sheet:
    sheet = Sheet(f"    {level.name}: {what}", lead)
    sheet.swatch(MARGIN, MARGIN + 0.7, level.color, side=4.4)
    return sheet


def _heading(sheet: Sheet, y: float, words: str) -> float:
    sheet.text(MARGIN, y, words, size=11, weight="bold")
    return y + 6.5


def _level_key(sheet: Sheet, y: float, levels: Sequence[LevelShown]) -> float:
    for level in levels:
        sheet.swatch(MARGIN, y, level.color)
        sheet.text(MARGIN + 6, y, level.name, weight="bold")
        y = max(y + 5, sheet.paragraph(MARGIN + 40, y, level.description or "\u2013") + 1)
    return y


def _headings(
    sheet: Sheet,
    lefts: Sequence[float],
    words: Sequence[str] | Mapping[str, object],
    *,
    size: float = 8.5,
) -> None:
    for x, one in zip(lefts, words, strict=True):
        sheet.text(x, TOP, one, size=size, weight="bold")


def _facts(sheet: Sheet, y: float, heading: str, lines: Sequence[str], *, size: float = 8) -> None:
    sheet.text(MARGIN, y, heading, size=size + 1, weight="bold")
    sheet.text(MARGIN, y + 5, "\n".join(lines), size=size)


def _in_words(level: LevelShown, one: Measured | None) -> str:
    if one is None:
        return f"{level.name} not marked"
    signal = "undefined" if np.isnan(one.signal) else f"{one.signal:.2f}"
    return f"{level.name} {signal} in slice {one.place + 1}"


def _fitted(frame: Frame, width: float, height: float) -> tuple[float, float]:
    """The largest size in mm of paper within a box that keeps the frame's proportions."""
    scale = min(width / frame.width, height / frame.height)
    return frame.width * scale, frame.height * scale
