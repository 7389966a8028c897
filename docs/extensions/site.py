"""Sphinx's side of it: pages get their generated parts, and the page from Python what its code gave."""

from __future__ import annotations

from typing import Any

from docs.extensions import executed, generated

#: Pages whose Python blocks are run when the site is built.
RUN = ("tutorials/python",)


def setup(app: Any) -> dict[str, bool]:
    """As Sphinx asks of an extension."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _fill(app: Any, name: str, source: list[str]) -> None:
    source[0] = generated.filled(source[0])
    if name in RUN:
        source[0] = executed.with_results(source[0], app.env.doc2path(name))
