"""Figures of which it is asked whether they are there, and the same again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def coarse_figures() -> Iterator[None]:
    """Figures of 300 dots an inch are in evaluation/figures/test_files.py."""
    from evaluation.figures.files import save_figure

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(save_figure.__kwdefaults__, "dpi", 50)
        yield
