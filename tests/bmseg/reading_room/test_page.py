"""The page as a file: what is in it, and what is not."""

from __future__ import annotations

import base64
import hashlib
import re

import numpy as np
import pytest

from bmseg.reading_room.page import ShownExam, build_page
from bmseg.reading_room.records import Place, draw_order
from bmseg.study import Level
from bmseg.viewer.packing import PackedImage
from evaluation.figures.display import window_presets
from tests.support.rooms import (
    SHAPE,
    content,
    data,
    page_of,
    reader,
    room,
    unpack_image,
    unpack_mask,
    without_data,
)

EXAMS = ["knee_086", "knee_087", "knee_088"]
PLACES = draw_order(EXAMS, ["consensus", "nnunet"], 3)


def test_every_place_shows_its_mask_on_its_image() -> None:
    html = page_of(PLACES).html
    found, texts = content(html), data(html)
    assert len(found["masks"]) == 6
    assert len(found["images"]) == 3
    for number, place in enumerate(PLACES):
        shown = reader()(place.exam)
        image = found["masks"][number]["image"]
        facts = found["images"][image]
        packed = PackedImage(texts[f"image-{image}"], facts["offset"], facts["scale"])
        assert np.array_equal(unpack_image(packed, SHAPE), shown.image)
        assert np.array_equal(unpack_mask(texts[f"mask-{number}"], SHAPE), shown.masks[place.origin])


def test_no_name_stands_in_it() -> None:
    html = without_data(page_of(PLACES).html).lower()
    for word in (*EXAMS, "consensus", "nnunet", "origin", "seed"):
        assert word not in html, word
    # What volumes are called follows from their place alone.
    texts = data(page_of(PLACES).html)
    assert list(texts) == [*(f"image-{n}" for n in range(3)), *(f"mask-{n}" for n in range(6))]
    # Images are numbered as they first appear, so the numbers repeat the order and nothing else.
    numbers = [mask["image"] for mask in content(page_of(PLACES).html)["masks"]]
    assert list(dict.fromkeys(numbers)) == [0, 1, 2]


def test_the_same_order_is_the_same_page_and_another_is_another() -> None:
    page = page_of(PLACES)
    assert page == page_of(PLACES)
    other = page_of(PLACES[::-1])
    assert other.build != page.build
    assert page_of(PLACES, synthetic=False).build != page.build


def test_build_names_the_page() -> None:
    page = page_of(PLACES)
    assert re.fullmatch("[0-9a-f]{64}", page.build)
    assert content(page.html)["build"] == page.build


def test_nothing_is_fetched_and_only_its_own_script_runs() -> None:
    html = page_of(PLACES).html
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    style = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert len(script) == len(style) == 1
    for text in (*script, *style):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy[1]
    assert policy[1].startswith("default-src 'none'")
    assert not re.findall(r'(?:src|href)="(?!data:)', html)
    assert "http" not in without_data(html).replace("http-equiv", "")


def test_text_of_a_study_ends_no_element() -> None:
    hostile = Level(value=1, name="level1", description="</script><script>alert(1)</script>", color="#000000")
    html = page_of([Place("a", "consensus")], levels=[hostile], anchors=["<b>", "</script>"]).html
    assert "<script>alert(1)" not in html
    assert content(html)["levels"][0]["description"] == hostile.description
    assert html.count("</script>") == html.count("<script")


def test_it_says_synthetic_only_of_a_synthetic_cohort() -> None:
    assert "Synthetic cohort" in page_of(PLACES).html
    assert "ynthetic cohort" not in page_of(PLACES, synthetic=False).html


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e5])
def test_windows_fit_images_of_any_unit(scale: float) -> None:
    def read(exam: str) -> ShownExam:
        shown = reader()(exam)
        return ShownExam(shown.image * scale, shown.pixel_mm, shown.masks)

    facts = content(build_page(room(), PLACES, read).html)["images"][0]
    for window, wanted in zip(facts["windows"], window_presets(read(PLACES[0].exam).image), strict=True):
        assert (window["low"], window["high"]) == (wanted.low, wanted.high)
        assert window["high"] - window["low"] > 100 * scale


def test_items_are_levels_and_the_whole() -> None:
    assert room().items == ["level1", "level2", "overall"]
