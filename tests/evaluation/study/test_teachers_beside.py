"""A verdict on a model stands beside the one without the reader whose masks taught it."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

import evaluation as ev
from evaluation.study import ReaderStudy
from evaluation.study import tables as t

LEVELS = {"level1": 1, "level2": 2}
READERS = [f"reader{number}" for number in range(1, 5)]


def study(**taught_by: list[str]) -> ReaderStudy:
    """Four readers with habits; ``student`` is reader1 without a fault, ``copy`` has reader1's masks."""
    rng = np.random.default_rng(4)
    habit = {reader: rng.normal(0, 0.25, 2) for reader in READERS}
    masks: dict[str, dict[str, np.ndarray]] = {}
    for number in range(9):
        signal = gaussian_filter(rng.normal(size=(40, 40, 4)), (3, 3, 1))
        signal /= signal.std()
        seen = {reader: signal + 0.4 * rng.normal(size=signal.shape) for reader in READERS}
        seen |= {"student": signal, "own": signal + 0.2 * rng.normal(size=signal.shape)}
        for rater, values in seen.items():
            cuts = np.array([1.0, 1.8]) + habit.get("reader1" if rater == "student" else rater, np.zeros(2))
            masks.setdefault(rater, {})[f"e{number}"] = np.digitize(values, cuts).astype(np.uint8)
    models = {"student": masks["student"], "own": masks["own"], "copy": masks["reader1"]}
    readers = {reader: masks[reader] for reader in READERS}
    return ev.read_study(readers, models, levels=LEVELS, taught_by=taught_by)


def test_the_teacher_is_named_beside_the_verdict_and_a_copy_has_none() -> None:
    found = {(one.first, one.second): one for one in t.verdicts(study(student=["reader1"]))}
    for pair in (("student", "own"), ("student", "median reader")):
        assert found[pair].words.count(" Without reader1, whose masks taught student: ") == 1
    assert "Without reader1, whose" not in found["own", "median reader"].words
    copies = [one for pair, one in found.items() if "copy" in pair]
    assert {one.call for one in copies} == {"copy"}
    assert all(one.words.startswith("copy is a copy of reader1") for one in copies)
    untaught = {(one.first, one.second): one for one in t.verdicts(study())}
    for pair, one in untaught.items():
        assert found[pair].words.startswith(one.words)
        assert found[pair].call == one.call
