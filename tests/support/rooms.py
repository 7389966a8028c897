"""Rooms of a few small exams, and pages taken apart again."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from bmseg.reading_room.page import Page, Room, ShownExam, build_page
from bmseg.reading_room.records import Place
from bmseg.study import Level
from bmseg.viewer.packing import PackedImage

LEVELS = [
    Level(value=1, name="level1", description="slightly increased, diffuse", color="#40e0d0"),
    Level(value=2, name="level2", description="mildly increased, focal", color="#1f5fff"),
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


def scores_record(build: str, answers: list[dict[str, Any]], **changes: object) -> dict[str, Any]:
    """A file of scores as the page saves it."""
    record = {
        "kind": "bmseg reading room scores", "build": build, "reader": "AB", "reading": "alone",
        "complete": True, "saved": "2026-11-28T12:00:00Z", "answers": answers,
    }  # fmt: skip
    return record | changes


def unpack_image(packed: PackedImage, shape: tuple[int, int, int]) -> np.ndarray:
    """The image of `pack_image`, float64, shape (i, j, k): what the page's packing.js does."""
    low, high = np.split(_bytes(packed.text).astype(np.uint16), 2)
    # Sums of 16-bit values wrap round, as the differences did.
    stored = np.cumsum(low | (high << 8), dtype=np.uint16)
    return packed.offset + packed.scale * _volume(stored, shape).astype(np.float64)


def unpack_mask(text: str, shape: tuple[int, int, int]) -> np.ndarray:
    """The label map of `pack_mask`, uint8, shape (i, j, k)."""
    return _volume(_bytes(text), shape)


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)


def _volume(flat: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    return flat.reshape(shape[::-1]).transpose(2, 1, 0)


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
