"""Files damaged at random: a refusal in one line, or the volume as it was; never another."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dataset_conversion.dicom.damage import Sound, place_of
from tests.dataset_conversion.dicom.sound_series import CLASSIC, ENHANCED, pick, scaled

fuzz = partial(settings, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def judge_bytes(series: Sound, name: str, damaged: bytes, scratch: Path) -> str:
    """Judge a file whose bytes were changed in place: voxels may differ where their own bytes do."""
    before = series.files[name]
    pixels = place_of(before, "PixelData")
    hit = damaged[: pixels.stop] != before[: pixels.stop]
    scale = [i for key in ("RescaleSlope", "RescaleIntercept") for i in place_of(before, key)]
    rescaled = any(damaged[i : i + 1] != before[i : i + 1] for i in scale)
    stored = damaged[pixels.start : pixels.stop] != before[pixels.start : pixels.stop]

    def touched(one: np.ndarray, other: np.ndarray) -> bool:
        if rescaled or len(one) * one.shape[1] * 2 != len(pixels):
            return hit
        words = np.frombuffer(before, "<u2", len(pixels) // 2, pixels.start)
        now = np.frombuffer(damaged, "<u2", len(pixels) // 2, pixels.start)
        return bool(((one != other) == (words != now).reshape(one.shape)).all())

    return series.judge(
        series.outcome_with({name: damaged}, scratch),
        values_of=[name] if rescaled or stored else [],
        touched=touched,
    )


@pytest.mark.parametrize("name", CLASSIC)
@pytest.mark.parametrize("zipped", [False, True])
@given(data=st.data())
@fuzz(max_examples=25)
def test_a_truncated_slice(
    sound: Callable[[str], Sound], tmp_path: Path, name: str, zipped: bool, data: st.DataObject
) -> None:
    series = sound(name)
    file = pick(series, data.draw(st.sampled_from([0, 1, -1]), "slice"))
    content = gzip.compress(series.files[file], 1) if zipped else series.files[file]
    header = min(place_of(series.files[file], "PixelData").start, len(content) - 1)
    length = data.draw(st.integers(0, header) | st.integers(0, len(content) - 1), "length")
    outcome = series.outcome_with({file: content[:length]}, tmp_path / "x")
    verdict = series.judge(outcome)
    # A gzip'd file lacks at most its checksum when all is there; then the image is whole.
    assert verdict == "refused" or (zipped and length >= len(content) - 9)


@pytest.mark.parametrize("name", CLASSIC)
@given(data=st.data())
@fuzz(max_examples=40)
def test_flipped_bits(sound: Callable[[str], Sound], tmp_path: Path, name: str, data: st.DataObject) -> None:
    series = sound(name)
    file = pick(series, data.draw(st.sampled_from([0, 1, -1]), "slice"))
    content = bytearray(series.files[file])
    header = place_of(series.files[file], "PixelData").start
    bits = st.integers(128 * 8, header * 8 - 1) | st.integers(0, len(content) * 8 - 1)
    for bit in data.draw(st.lists(bits, min_size=1, max_size=4, unique=True), "bits"):
        content[bit // 8] ^= 1 << bit % 8
    judge_bytes(series, file, bytes(content), tmp_path / "x")


@pytest.mark.parametrize("name", CLASSIC)
@given(data=st.data())
@fuzz(max_examples=30)
def test_blanked_blocks(
    sound: Callable[[str], Sound], tmp_path: Path, name: str, data: st.DataObject
) -> None:
    series = sound(name)
    file = pick(series, data.draw(st.sampled_from([0, 1, -1]), "slice"))
    content = bytearray(series.files[file])
    header = place_of(series.files[file], "PixelData").start
    start = data.draw(st.integers(0, header) | st.integers(0, len(content) - 1) | st.just(0), "start")
    size = data.draw(st.sampled_from([1, 2, 4, 16, 512, 4096, len(content)]), "size")
    size = min(size, len(content) - start)
    content[start : start + size] = data.draw(st.sampled_from([b"\0", b"\xff", b" "]), "byte") * size
    judge_bytes(series, file, bytes(content), tmp_path / "x")


@pytest.mark.parametrize("name", CLASSIC)
@given(data=st.data())
@fuzz(max_examples=30)
def test_bytes_inserted_or_lost(
    sound: Callable[[str], Sound], tmp_path: Path, name: str, data: st.DataObject
) -> None:
    """All that follows is shifted."""
    series = sound(name)
    file = pick(series, data.draw(st.sampled_from([0, 1, -1]), "slice"))
    content = series.files[file]
    header = place_of(content, "PixelData").start
    at = data.draw(st.integers(132, header) | st.integers(header, len(content) - 8), "at")
    added = data.draw(st.binary(max_size=8), "added")
    lost = data.draw(st.integers(0, 8) if added else st.integers(1, 8), "lost")
    shifted = content[:at] + added + content[at + lost :]
    outcome = series.outcome_with({file: shifted}, tmp_path / "x")
    # As many bytes inserted as lost change the values in that slice alone.
    series.judge(outcome, values_of=[file] if len(added) == lost else [])


@pytest.mark.parametrize("name", ENHANCED)
@given(data=st.data())
@fuzz(max_examples=4)
def test_an_enhanced_object(
    sound: Callable[[str], Sound], tmp_path: Path, name: str, data: st.DataObject
) -> None:
    """Truncated, flipped, blanked: only what no other value contradicts may be believed."""
    series = sound(name)
    file = pick(series, data.draw(st.sampled_from([0, -1]), "file"))
    content = bytearray(series.files[file])
    header = place_of(series.files[file], "PixelData").start
    at = data.draw(st.integers(132, header - 1), "at")
    kind = data.draw(st.sampled_from(["cut", "flip", "blank", "lose"]), "kind")
    if kind == "cut":
        del content[at:]
    elif kind == "flip":
        content[at] ^= 1 << data.draw(st.integers(0, 7), "bit")
    elif kind == "blank":
        content[at : at + 64] = bytes(min(64, len(content) - at))
    else:
        del content[at : at + 2]
    outcome = series.outcome_with({file: bytes(content)}, tmp_path / "x")
    judge_enhanced(series, outcome, file)


def judge_enhanced(series: Sound, outcome: Any, file: str) -> str:
    """As for classic files; a frame may be scaled otherwise, where its own slope or intercept was hit."""
    return series.judge(outcome, values_of=[file], touched=scaled)
