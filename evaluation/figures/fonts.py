"""Letters in an SVG: of matplotlib's own font those that it shows, put into the file.

An SVG names fonts, and a reader's machine need not have them: names then run into each other. Fonts are
subset by fontTools, on which matplotlib stands.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from html import unescape
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
from fontTools import subset  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

_FAMILY = "DejaVu Sans"
#: Weight in CSS to matplotlib's file.
_FILES = {400: "DejaVuSans.ttf", 700: "DejaVuSans-Bold.ttf"}
# What most figures are written with: smaller by far than the whole, and cut from it once.
_COMMON = (
    "".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x391, 0x3CA)])) + "‑–—‘’“”…←↑→↓−≤≥≈·×"
)


def with_fonts(svg: str) -> str:
    """An SVG whose text is text, with the letters of `DejaVu Sans` that it shows; others stay as they are."""
    shown = "".join(sorted({*unescape("".join(re.findall(r">([^<]+)</(?:text|tspan)>", svg)))} - {"\n"}))
    if _FAMILY not in svg or not shown:
        return svg
    weights = [400, *([700] if re.search(r"font: (?:700|bold) |font-weight: (?:700|bold)", svg) else [])]
    faces = "".join(
        f"@font-face{{font-family:'{_FAMILY}';font-weight:{weight};"
        f"src:url(data:font/woff;base64,{_letters(weight, shown)}) format('woff')}}"
        for weight in weights
    )
    return svg.replace("<defs>", f'<defs>\n  <style type="text/css">{faces}</style>', 1)


@lru_cache(maxsize=256)
def _letters(weight: int, shown: str) -> str:
    """A font of some letters as WOFF, in base64."""
    found = _common(weight) if set(shown) <= set(_COMMON) else _file(weight).read_bytes()
    return base64.b64encode(_cut(found, shown, "woff")).decode()


@lru_cache(maxsize=2)
def _common(weight: int) -> bytes:
    return _cut(_file(weight).read_bytes(), _COMMON)


def _file(weight: int) -> Path:
    return Path(mpl.get_data_path()) / "fonts" / "ttf" / _FILES[weight]


def _cut(font: bytes, letters: str, flavor: str | None = None) -> bytes:
    """A font with some of its letters, without hints and features: as matplotlib places them."""
    options = subset.Options(
        layout_features=[], hinting=False, name_IDs=[], flavor=flavor,
    )  # fmt: skip
    source = TTFont(BytesIO(font), recalcTimestamp=False)
    # Dropped before they are read, which takes longer than all the rest.
    for table in {"FFTM", "GDEF", "GPOS", "GSUB", "kern"} & {*source.keys()}:
        del source[table]
    cutter = subset.Subsetter(options)
    cutter.populate(text=letters)
    cutter.subset(source)
    source.flavor = flavor
    made = BytesIO()
    source.save(made)
    return made.getvalue()
