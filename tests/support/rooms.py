"""Rooms of a few small exams, and pages taken apart again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from bmseg.reading_room import Page, Place, Room, RoomLevel, ShownExam, build_page

LEVELS = [
    RoomLevel(1, "level1", "slightly increased, diffuse", "#40e0d0"),
    RoomLevel(2, "level2", "mildly increased, focal", "#1f5fff"),
]
ANCHORS = ["perfect", "minor corrections, less likely of impact", "major corrections", "rejected"]
SHAPE = (24, 16, 5)


def room(**changes: Any) -> Room:
    return Room(**({"levels": LEVELS, "anchors": ANCHORS, "sides": ("R", "L"), "synthetic": True} | changes))


def reader(
    origins: tuple[str, ...] = ("consensus", "nnunet"), shape: tuple[int, int, int] = SHAPE
) -> Callable[[str], ShownExam]:
    """Exams by name: the same name, the same voxels."""

    def read(exam: str) -> ShownExam:
        rng = np.random.default_rng(list(exam.encode()))
        image = rng.integers(0, 2000, shape).astype(np.int16)
        masks = {origin: rng.integers(0, len(LEVELS) + 1, shape).astype(np.uint8) for origin in origins}
        return ShownExam(image, (0.9, 0.9), masks)

    return read


def page_of(places: list[Place], **changes: Any) -> Page:
    return build_page(room(**changes), places, reader())


def content(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', html, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def data(html: str) -> dict[str, str]:
    """Name to base64 of every volume of a page."""
    return dict(re.findall(r'<script type="text/plain" id="((?:image|mask)-\d+)">([^<]*)</script>', html))


def without_data(html: str) -> str:
    """A page without its volumes and the numbers of its images: all that could be words of somebody."""
    found = content(html)
    for image in found.pop("images"):
        assert set(image) == {"shape", "pixel_mm", "offset", "scale", "windows"}
        assert {type(number) for number in (*image["shape"], *image["pixel_mm"])} <= {int, float}
        for window in image["windows"]:
            assert window["name"] in ("standard", "bright", "wide", "narrow")
            assert {type(window["low"]), type(window["high"]), type(image["offset"])} <= {int, float}
    html = re.sub(
        r'(id="content">).*?</script>', r"\1" + json.dumps(found).replace("\\", r"\\"), html, count=1
    )
    return re.sub(r'(<script type="text/plain"[^>]*>)[^<]*', r"\1", html)
