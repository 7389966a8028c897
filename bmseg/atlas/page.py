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

from bmseg.atlas.contents import Atlas
from bmseg.atlas.levels import Example, LevelShown
from bmseg.atlas.pictures import OPACITY, Picture, close_up_frame, picture, tint
from bmseg.atlas.signal import SIGNAL_WORDS
from bmseg.atlas.signal_chart import signal_chart, signal_ranges
from bmseg.atlas.words import BY_AGE, first_words, level_words, scale_words
from evaluation.figures.display import Window

# Native pixels are enlarged once, smoothly; browsers enlarge on from there.
_ENLARGED = 2


@dataclass(frozen=True)
class Shown:
    """A picture in the page.

    Parameters
    ----------
    image, mask : str
        Data addresses; laid over each other they are the image with the mask.
    window : str
    width, height : int
        Pixels.
    """

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
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    close = close_up_frame(atlas.frame)
    return environment.get_template("atlas/page.html.j2").render(
        atlas=atlas,
        style=Markup(style),
        digest=digest,
        parts=first_words(atlas),
        by_age=BY_AGE,
        scale=scale_words(atlas),
        close=f"{close.width:.0f} x {close.height:.0f} mm",
        levels=[
            (level, level_words(atlas, level), [_example(atlas, level, one) for one in atlas.examples(level)])
            for level in atlas.levels
        ],
        knees=[
            (knee, _shown(picture(knee, knee.fullest, atlas.frame), knee.windows["standard"], atlas))
            for knee in atlas.knees
        ],
        numbers=_numbers(atlas),
        signal_words=SIGNAL_WORDS,
        ranges=list(zip(atlas.levels, signal_ranges(atlas.knees, atlas.measured, atlas.levels), strict=True)),
        chart=_chart(atlas),
    )


def _example(atlas: Atlas, level: LevelShown, one: Example) -> tuple[Example, Shown, list[Shown]]:
    """An example, its knee under the standard window, and its close-up under each window."""
    whole = picture(one.knee, one.measured.place, atlas.frame)
    near = picture(one.knee, one.measured.place, close_up_frame(atlas.frame), around=level.value)
    return (
        one,
        _shown(whole, one.knee.windows["standard"], atlas),
        [_shown(near, window, atlas) for window in one.knee.windows.values()],
    )


def _numbers(atlas: Atlas) -> dict[int, list[str]]:
    """Knee to what was measured in each level, in the levels' order."""
    found = {(one.knee, one.level): one for one in atlas.measured}
    words: dict[int, list[str]] = {}
    for knee in atlas.knees:
        words[knee.number] = []
        for level in atlas.levels:
            one = found.get((knee.number, level.value))
            signal = "undefined" if one and np.isnan(one.signal) else f"{one.signal:.2f}" if one else ""
            words[knee.number].append(signal or "not marked")
    return words


def _shown(cut: Picture, window: Window, atlas: Atlas) -> Shown:
    grey = Image.fromarray((255 * window.applied(cut.image)).round().astype(np.uint8))
    size = (grey.width * _ENLARGED, grey.height * _ENLARGED)
    grey = grey.resize(size, Image.Resampling.BICUBIC)
    mask = Image.fromarray(tint(cut.mask, atlas.colors))
    return Shown(_address(grey), _address(mask), window.name, *size)


def _address(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _chart(atlas: Atlas) -> str:
    figure = signal_chart(atlas.knees, atlas.measured, atlas.levels, note=atlas.note)
    buffer = io.BytesIO()
    # Without a fixed salt and date, matplotlib's SVG differs from run to run.
    with mpl.rc_context({"svg.hashsalt": "bmseg", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
