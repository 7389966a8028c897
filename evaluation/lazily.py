"""Names that a package offers without importing what they stand for until they are asked for (PEP 562)."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any


def lazily(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package whose names stand in its ``if TYPE_CHECKING:``.

    There type checkers and editors see them, and here they are read: each is named once.

    Parameters
    ----------
    package, file : str
        Its ``__name__`` and ``__file__``.
    """
    places = {
        alias.asname or alias.name: (str(node.module), alias.name)
        for block in ast.parse(Path(file).read_text("utf-8")).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    @cache
    def get(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module '{package}' has no attribute '{name}'; it has {', '.join(places)}")
        module, its_name = places[name]
        # A room of the package itself is a module, and no attribute yet.
        if module == package:
            return import_module(f"{package}.{its_name}")
        return getattr(import_module(module), its_name)

    return get, lambda: sorted(places)
