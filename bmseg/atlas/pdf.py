"""An atlas as PDF, a figure a page."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from tqdm import tqdm

from bmseg.atlas.contents import Atlas
from bmseg.atlas.pages import ROWS, first_page, level_page, overview_page, windows_page
from bmseg.atlas.pictures import close_up_frame
from bmseg.atlas.sheet import finish
from bmseg.atlas.signal import SIGNAL_WORDS
from bmseg.atlas.signal_chart import signal_page
from bmseg.atlas.words import BY_AGE, first_words, level_words, scale_words

# Pictures are drawn at this resolution: more shows no more of a 0.9 mm pixel.
_DPI = 160


def pdf_pages(atlas: Atlas) -> list[Figure]:
    """Every page, numbered and with its note."""
    pages: list[Figure] = []
    contents: dict[str, int] = {}
    for level in atlas.levels:
        examples = atlas.examples(level)
        words = level_words(atlas, level)
        lead = f"{words} {scale_words(atlas)}" if examples else words
        contents[f"{level.name}: range"] = len(pages) + 2
        pages.append(level_page(level, examples, atlas.frame, atlas.colors, lead=lead))
        if examples:
            close = close_up_frame(atlas.frame)
            lead = (
                f"The same slices, {close.width:.0f} x {close.height:.0f} mm around the largest spot of "
                f"{level.name}, in every window, without and with the mask."
            )
            contents[f"{level.name}: windows"] = len(pages) + 2
            pages.append(windows_page(level, examples, atlas.frame, atlas.colors, lead=lead))
    for start in range(0, len(atlas.knees), ROWS):
        contents.setdefault("by age", len(pages) + 2)
        lead = (
            f"{BY_AGE} {scale_words(atlas)} Close-ups: around the largest spot of the slice's highest level."
        )
        shown = atlas.knees[start : start + ROWS]
        pages.append(overview_page(shown, atlas.measured, atlas.frame, atlas.levels, lead=lead))
    contents["signal of the levels"] = len(pages) + 2
    pages.append(
        signal_page(
            atlas.knees, atlas.measured, atlas.levels,
            lead=f"A point is a level in one {atlas.unit}, its number beside it. {SIGNAL_WORDS}",
        )
    )  # fmt: skip
    parts = first_words(atlas) | {"Pages": [f"{page}  {what}" for what, page in contents.items()]}
    pages.insert(0, first_page(atlas.title, parts, atlas.levels, banner=atlas.banner))
    finish(pages, atlas.note, atlas.exams.study.title)
    return pages


def write_pdf(atlas: Atlas, path: Path) -> int:
    """Write the pages to a file; returns how many. The same atlas gives the same bytes."""
    pages = pdf_pages(atlas)
    facts = {"Title": atlas.title, "Subject": atlas.banner, "CreationDate": None}
    # Image and mask of a picture stay apart: each is small that way.
    with mpl.rc_context({"image.composite_image": False}), PdfPages(path, metadata=facts) as pdf:
        for page in tqdm(pages, desc="pages", disable=None, leave=False):
            pdf.savefig(page, dpi=_DPI)
    return len(pages)
