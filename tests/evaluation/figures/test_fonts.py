"""Text in a figure's file is text, and its letters come with it."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from pathlib import Path

from fontTools.ttLib import TTFont
from matplotlib.figure import Figure

from evaluation.figures import save
from evaluation.figures.fonts import with_fonts
from evaluation.figures.style import new_figure, styled


@styled
def drawn(words: str) -> Figure:
    figure = new_figure(2, 2)
    panel = figure.subplots()
    panel.set_title(words, loc="left", fontweight="bold")
    panel.set(xticks=[], yticks=[], xlabel="µ & ρ < 0.05")
    return figure


def fonts_in(svg: str) -> list[TTFont]:
    return [TTFont(BytesIO(base64.b64decode(one))) for one in re.findall(r"base64,([^)]+)\)", svg)]


def test_an_svg_brings_the_letters_that_it_shows(tmp_path: Path) -> None:
    path, _ = save(drawn("Őrs → Ж"), tmp_path, "one", endings=("svg", "pdf"))
    svg = path.read_text("utf-8")
    assert "Őrs → Ж" in svg
    plain, bold = fonts_in(svg)
    for letter in "Őrs→Жµ&ρ<":
        for font in (plain, bold):
            assert ord(letter) in font.getBestCmap()
            # No empty box.
            assert font["glyf"][font.getBestCmap()[ord(letter)]].numberOfContours != 0
    assert len(plain.getBestCmap()) < 40
    assert save(drawn("Őrs → Ж"), tmp_path, "two", endings=("svg",))[0].read_text("utf-8") == svg


def test_a_pdf_holds_fonts_and_no_outlines(tmp_path: Path) -> None:
    (path,) = save(drawn("abc"), tmp_path, "one", endings=("pdf",))
    found = path.read_bytes()
    assert b"/CIDFontType2" in found
    assert b"/Type3" not in found


def test_other_fonts_are_left_alone() -> None:
    svg = "<svg><defs></defs><text style=\"font: 8px 'Other'\">abc</text></svg>"
    assert with_fonts(svg) == svg
