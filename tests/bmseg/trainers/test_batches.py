"""Batches from a thread are those that would have been made without one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from nnunetv2.training.dataloading import data_loader  # noqa: E402
from threadpoolctl import threadpool_info  # noqa: E402

from bmseg.networks.unet import UNet  # noqa: E402
from bmseg.trainers.scheduled import (  # noqa: E402
    Batches,
    draws_random_numbers,
    keep_open,
    seed_everything,
    thread_pools_found_once,
)

TRAINING, VALIDATION = 5, 2


def loader(name: str, made: list[str] | None = None) -> Iterator[dict[str, Any]]:
    while True:
        if made is not None:
            made.append(name)
        yield {"from": name, "draws": (np.random.rand(), float(torch.rand(1)))}


def epoch(batches: Any, number: int) -> list[dict[str, Any]]:
    """The batches of an epoch, from `Batches` or from a pair of loaders."""
    seed_everything(7, number)
    if isinstance(batches, Batches):
        batches.begin_epoch(TRAINING, VALIDATION)
        return [next(batches) for _ in range(TRAINING + VALIDATION)]
    training, validation = batches
    return [*(next(training) for _ in range(TRAINING)), *(next(validation) for _ in range(VALIDATION))]


@pytest.fixture
def batches() -> Iterator[Batches]:
    made = Batches(loader("training"), loader("validation"))
    yield made
    made.stop()


def test_they_are_those_of_the_loaders_one_after_the_other(batches: Batches) -> None:
    plain = (loader("training"), loader("validation"))
    for number in (1, 2):
        assert epoch(batches, number) == epoch(plain, number)
    # An epoch draws what it draws, whatever was drawn before: a resumed training needs that.
    assert epoch(batches, 1) == epoch(plain, 1) != epoch(plain, 2)


def test_the_next_are_made_meanwhile_and_none_of_the_next_epoch() -> None:
    made: list[str] = []
    batches = Batches(loader("training", made), loader("validation", made))
    batches.begin_epoch(TRAINING, VALIDATION)
    until = time.monotonic() + 300
    while len(made) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert len(made) == 2
    for _ in range(TRAINING + VALIDATION):
        next(batches)
    batches.stop()
    assert made == ["training"] * TRAINING + ["validation"] * VALIDATION


def test_more_than_were_asked_for(batches: Batches) -> None:
    epoch(batches, 1)
    with pytest.raises(RuntimeError, match=r"^batches: found none left, expected begin_epoch before$"):
        next(batches)


def test_an_epoch_begun_before_the_last_was_done(batches: Batches) -> None:
    batches.begin_epoch(TRAINING, VALIDATION)
    next(batches)
    with pytest.raises(RuntimeError, match=r"^batches: found some left of the epoch before"):
        batches.begin_epoch(TRAINING, VALIDATION)


def test_a_loader_that_fails_fails_the_training() -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield {}
        raise OSError("knee_1.b2nd: cannot be read")

    batches = Batches(broken(), loader("validation"))
    batches.begin_epoch(2, 0)
    next(batches)
    with pytest.raises(OSError, match=r"knee_1.b2nd: cannot be read"):
        next(batches)
    batches.stop()


def test_stopped_in_the_middle_it_draws_nothing_afterwards() -> None:
    begun = threading.Event()

    def slow() -> Iterator[dict[str, Any]]:
        while True:
            begun.set()
            time.sleep(0.1)
            yield {"draw": np.random.rand()}

    batches = Batches(slow(), slow())
    batches.begin_epoch(TRAINING, VALIDATION)
    assert begun.wait(300)
    batches.stop()
    seed_everything(1)
    expected = np.random.rand()
    seed_everything(1)
    time.sleep(0.3)
    assert np.random.rand() == expected


def test_dropout_draws_random_numbers() -> None:
    assert draws_random_numbers(UNet(1, 3, (4, 8)))
    assert not draws_random_numbers(torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3), torch.nn.Dropout(0)))


def test_an_exam_is_opened_once() -> None:
    opened = []

    def load_case(exam: str) -> str:
        opened.append(exam)
        return f"case of {exam}"

    dataset = SimpleNamespace(load_case=load_case)
    keep_open(dataset)
    assert [dataset.load_case(exam) for exam in ("a", "b", "a")] == ["case of a", "case of b", "case of a"]
    assert opened == ["a", "b"]


def test_thread_pools_are_limited_as_by_nnunet_and_searched_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = data_loader.threadpool_limits
    before = [pool["num_threads"] for pool in threadpool_info()]
    with thread_pools_found_once():
        searched = "threadpoolctl.ThreadpoolController._load_libraries"
        monkeypatch.setattr(searched, lambda _: pytest.fail("searched again"))
        with data_loader.threadpool_limits(limits=1, user_api=None):
            monkeypatch.undo()
            assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    assert [pool["num_threads"] for pool in threadpool_info()] == before
    assert data_loader.threadpool_limits is own
