"""An atlas as one HTML file that opens from disk: its own small pictures, no script, no other file."""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from bmseg.atlas.chart import signal_chart
from bmseg.atlas.contents import Atlas, Example
from bmseg.atlas.pictures import OPACITY, Picture, close_up_frame, picture, tint
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
from evaluation.figures.display import Window

# Native pixels are enlarged once, smoothly; browsers enlarge on from there.
_ENLARGED = 2


@dataclass(frozen=True)
class _Shown:
    """A picture in the page: data addresses of image and mask, which lie over each other; size in pixels."""

    image: str
    mask: str
    window: str
    width: int
    height: int


def atlas_html(atlas: Atlas) -> str:
    """The page; the same atlas gives the same text."""
    environment = Environment(
        loader=PackageLoader("bmseg"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    # The policy names the style by its hash, so that no other style applies.
    style = environment.get_template("atlas/style.css.j2").render(levels=atlas.levels, opacity=OPACITY)
    return environment.get_template("atlas/page.html.j2").render(
        atlas=atlas,
        style=Markup(style),
        digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        parts=first_words(atlas),
        by_age=BY_AGE,
        scale=scale_words(atlas),
        close=close_words(atlas),
        levels=[
            (level, level_words(atlas, level), [_example(atlas, level, one) for one in atlas.examples(level)])
            for level in atlas.levels
        ],
        knees=[
            (knee, _shown(picture(knee, knee.fullest, atlas.frame), knee.windows["standard"], atlas))
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


def _example(atlas: Atlas, level: Level, one: Example) -> tuple[Example, _Shown, list[_Shown]]:
    """An example, its knee under the standard window, and its close-up under each window."""
    whole = picture(one.knee, one.measured.place, atlas.frame)
    near = picture(one.knee, one.measured.place, close_up_frame(atlas.frame), around=level.value)
    return (
        one,
        _shown(whole, one.knee.windows["standard"], atlas),
        [_shown(near, window, atlas) for window in one.knee.windows.values()],
    )


def _shown(cut: Picture, window: Window, atlas: Atlas) -> _Shown:
    grey = Image.fromarray((255 * window.applied(cut.image)).round().astype(np.uint8))
    size = (grey.width * _ENLARGED, grey.height * _ENLARGED)
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
