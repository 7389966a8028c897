"""Fixtures for all tests: real data where it is at hand, and small masks on disk."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from tests.support.browsers import chromium
from tests.support.masks import save_mask, thresholded

# The same examples in every run, and no failure because a machine was busy.
settings.register_profile("bmseg", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("bmseg")

#: Files that take a minute and more, the longest first.
LONG = [
    "e2e/test_synthetic_run",
    "slurm/test_training",
    "e2e/test_shipped_cohort",
    "nnunet/test_own_commands",
    "scoring/test_evaluate",
    "e2e/test_real_images",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process is left alone with it at the end."""
    order = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get("/".join(item.path.with_suffix("").parts[-2:]), len(LONG)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests stay to the end: looking for garbage among them takes a twentieth of all."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        gc.set_threshold(500_000, 50, 1000)


def pytest_unconfigure() -> None:
    """What is left over at the very end would be reported as leaked otherwise."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of openly licensed real images, which is not part of the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("BMSEG_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip("real images are not here: set BMSEG_TEST_DATA to their folder")
    return folder


@pytest.fixture(scope="module")
def few_starts() -> Iterator[None]:
    """See `search_briefly`."""
    from tests.support.searches import search_briefly

    with pytest.MonkeyPatch.context() as patch:
        search_briefly(patch)
        yield


@pytest.fixture
def write_mask() -> Callable[..., Path]:
    """`save_mask`: write an array as NIfTI."""
    return save_mask


@pytest.fixture
def ordinal_masks() -> Callable[..., dict[str, np.ndarray]]:
    """`thresholded`: masks of several raters that agree in part."""
    return thresholded


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    """For one file of tests alone: while it is there, an event loop runs."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if chromium() is None:
        pytest.skip("no chromium on this machine")
    with sync_api.sync_playwright() as found:
        yield found


@pytest.fixture(scope="module")
def browser(playwright: Any) -> Iterator[Any]:
    browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def vector_figures() -> Iterator[None]:
    """For tests whose figures are shown on a page: an evaluation writes them in that format alone."""
    from evaluation.figures.files import save_figure

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bmseg.scoring.evaluate.save_figure", partial(save_figure, endings=("svg",)))
        yield
