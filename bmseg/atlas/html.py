"""An atlas as one HTML file that opens from disk: its own small pictures and script, no other file.

Without its script it can be read as well: slices around those shown, and keys, are what the script adds.
"""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import dataclass
from importlib.resources import files

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from bmseg.atlas.chart import signal_chart
from bmseg.atlas.contents import Atlas, Example
from bmseg.atlas.pictures import OPACITY, Knee, Picture, close_up_frame, picture, tint
from bmseg.atlas.words import (
    BY_AGE,
    LOOK_FIRST,
    chart_words,
    close_words,
    first_words,
    level_words,
    scale_words,
    sides_words,
    signal_words,
)
from bmseg.study import Level
from evaluation.figures.display import Window

# Native pixels are enlarged once, smoothly; browsers enlarge on from there.
_ENLARGED = 2
# Slices on each side of one that is shown, to turn to.
_AROUND = 2


@dataclass(frozen=True)
class _Shown:
    """A picture in the page: data addresses of image and mask, which lie over each other; size in pixels."""

    image: str
    mask: str
    window: str
    width: int
    height: int


@dataclass(frozen=True)
class _Turned:
    """A slice beside one that is shown: its number from 1, data addresses of image and mask."""

    number: int
    image: str
    mask: str


def atlas_html(atlas: Atlas) -> str:
    """The page; the same atlas gives the same text."""
    environment = Environment(
        loader=PackageLoader("bmseg"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    # The policy names style and script by their hashes, so that no other applies.
    style = environment.get_template("atlas/style.css.j2").render(levels=atlas.levels, opacity=OPACITY)
    script = files("bmseg").joinpath("templates", "atlas/atlas.js").read_text(encoding="utf-8")
    return environment.get_template("atlas/page.html.j2").render(
        atlas=atlas,
        style=Markup(style),
        digest=_digest(style),
        script=Markup(script),
        script_digest=_digest(script),
        look_first=LOOK_FIRST,
        sides=sides_words(atlas),
        parts=first_words(atlas),
        by_age=BY_AGE,
        scale=scale_words(atlas),
        close=close_words(atlas),
        levels=[
            (level, level_words(atlas, level), [_example(atlas, level, one) for one in atlas.examples(level)])
            for level in atlas.levels
        ],
        knees=[
            (
                knee,
                _shown(picture(knee, knee.fullest, atlas.frame), knee.windows["standard"], atlas),
                _around(atlas, knee, knee.fullest),
            )
            for knee in atlas.knees
        ],
        numbers={
            knee.number: [one.words if one else "not marked" for one in atlas.in_knee(knee)]
            for knee in atlas.knees
        },
        chart_words=chart_words(atlas),
        ranges=[(level, signal_words(atlas, level)) for level in atlas.levels],
        chart=_chart(atlas),
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _around(atlas: Atlas, knee: Knee, place: int) -> list[_Turned]:
    """The slices beside one, under the standard window and in the same frame."""
    last = knee.mask.shape[2] - 1
    found = []
    for other in range(max(0, place - _AROUND), min(last, place + _AROUND) + 1):
        if other != place:
            # Enlarged by the browser alone: most are never looked at.
            cut, window = picture(knee, other, atlas.frame), knee.windows["standard"]
            shown = _shown(cut, window, atlas, enlarged=1)
            found.append(_Turned(other + 1, shown.image, shown.mask))
    return found


def _example(atlas: Atlas, level: Level, one: Example) -> tuple[Example, _Shown, list[_Shown], list[_Turned]]:
    """An example, its knee under the standard window, its close-up under each, and the slices beside it."""
    whole = picture(one.knee, one.measured.place, atlas.frame)
    near = picture(one.knee, one.measured.place, close_up_frame(atlas.frame), around=level.value)
    return (
        one,
        _shown(whole, one.knee.windows["standard"], atlas),
        [_shown(near, window, atlas) for window in one.knee.windows.values()],
        _around(atlas, one.knee, one.measured.place),
    )


def _shown(cut: Picture, window: Window, atlas: Atlas, *, enlarged: int = _ENLARGED) -> _Shown:
    grey = Image.fromarray((255 * window.applied(cut.image)).round().astype(np.uint8))
    size = (grey.width * enlarged, grey.height * enlarged)
    grey = grey.resize(size, Image.Resampling.BICUBIC)
    mask = Image.fromarray(tint(cut.mask, atlas.colors))
    return _Shown(_png(grey), _png(mask), window.name, *size)


def _png(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _chart(atlas: Atlas) -> str:
    buffer = io.BytesIO()
    # Without a fixed salt and date, matplotlib's SVG differs from run to run.
    with mpl.rc_context({"svg.hashsalt": "bmseg", "svg.fonttype": "path"}):
        signal_chart(atlas).savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
