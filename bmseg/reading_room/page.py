"""The reading room's page: one HTML file that opens from disk and asks nothing of any network.

It holds images, masks and the levels' names, and nothing that tells whose a mask is: no case identifier, no
origin, site or age. What is shown has its place in the order as its only name.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from bmseg.reading_room.records import OVERALL, Place
from bmseg.study import Level
from bmseg.viewer.packing import pack_image, pack_mask
from bmseg.viewer.page import viewer_scripts
from evaluation.figures.display import safe_colors, window_presets
from evaluation.reading.vas_scores import SCALE

#: The page's program, in the order in which its parts build on each other: of the viewer of exams, its own.
SHARED = ["packing.js", "canvas.js", "slicebar.js"]
SCRIPTS = ["viewer.js", "ruler.js", "store.js", "session.js", "room.js"]

_ASSETS = "assets"


@dataclass(frozen=True)
class Room:
    """What a page says beside the masks."""

    levels: Sequence[Level]
    #: Points of the scale, best first, at equal distances from 0 to 10 cm.
    anchors: Sequence[str]
    #: The patient's side at the image's left and right edge, as ("R", "L").
    sides: tuple[str, str]
    #: Whether the cohort is synthetic; the page then says so.
    synthetic: bool

    @property
    def items(self) -> list[str]:
        """What is scored of a mask: each level, then the whole."""
        return [*(level.name for level in self.levels), OVERALL]


@dataclass(frozen=True)
class ShownExam:
    """An exam's image and masks, shape (i, j, k), in the order of the study's plane."""

    #: i to the right and j down on the screen, k through the slices.
    image: np.ndarray
    #: Size of a pixel along i and j, mm.
    pixel_mm: tuple[float, float]
    #: Origin to label map.
    masks: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Page:
    """A page; `build` is the SHA-256 of everything that it shows, and its name: scores carry it."""

    html: str
    build: str


def build_page(room: Room, places: Sequence[Place], read: Callable[[str], ShownExam]) -> Page:
    """Make the page; the first place is mask 1.

    `read` gives a case identifier's exam; it is called once an exam, in the order in which exams first
    appear.
    """
    images: list[dict[str, Any]] = []
    data: dict[str, str] = {}
    number_of: dict[str, int] = {}
    for exam in dict.fromkeys(place.exam for place in places):
        shown = read(exam)
        number_of[exam] = len(images)
        data[f"image-{len(images)}"], facts = _image(shown)
        images.append(facts)
        for number, place in enumerate(places):
            if place.exam == exam:
                data[f"mask-{number}"] = pack_mask(shown.masks[place.origin])
    # In the order of the page: nothing of the order in which exams were read is left.
    data = dict(sorted(data.items(), key=lambda entry: (entry[0][:4], int(entry[0].rpartition("-")[2]))))
    safe = safe_colors(len(room.levels))
    content = {
        "levels": [
            level.model_dump() | {"safe": color} for level, color in zip(room.levels, safe, strict=True)
        ],
        "items": room.items,
        "anchors": list(room.anchors),
        "scale": SCALE,
        "sides": list(room.sides),
        "synthetic": room.synthetic,
        "images": images,
        "masks": [{"image": number_of[place.exam]} for place in places],
    }
    build = _build_hash(content, data)
    return Page(_render(content | {"build": build}, data), build)


def _image(shown: ShownExam) -> tuple[str, dict[str, Any]]:
    packed = pack_image(shown.image)
    facts = {
        "shape": list(shown.image.shape),
        "pixel_mm": [round(size, 4) for size in shown.pixel_mm],
        "offset": packed.offset,
        "scale": packed.scale,
        "windows": [
            {"name": window.name, "low": window.low, "high": window.high}
            for window in window_presets(shown.image)
        ],
    }
    return packed.text, facts


def _build_hash(content: Mapping[str, Any], data: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    for name, text in data.items():
        digest.update(f"\n{name}\n{text}".encode())
    return digest.hexdigest()


def _render(content: Mapping[str, Any], data: Mapping[str, str]) -> str:
    script = "\n".join([viewer_scripts(SHARED), *(_asset(name) for name in SCRIPTS)])
    style = _asset("style.css")
    return _environment().get_template("page.html.j2").render(
        script=script,
        style=style,
        script_hash=_csp_hash(script),
        style_hash=_csp_hash(style),
        # No text of a study file ends the element that it stands in.
        content=json.dumps(content).replace("<", "\\u003c"),
        data=data,
        synthetic=content["synthetic"],
        anchors=content["anchors"],
        levels=content["levels"],
    )  # fmt: skip


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _asset(name: str) -> str:
    folder = files("bmseg.reading_room").joinpath(_ASSETS)
    return folder.joinpath(name).read_text(encoding="utf-8").strip()


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("bmseg.reading_room", _ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
