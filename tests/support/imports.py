"""Which module of a tree imports which, read from its source; and the circles among them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path


def modules(root: Path, packages: tuple[str, ...]) -> dict[str, Path]:
    """Dotted name to file."""
    found = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path) -> list[tuple[str, str]]:
    """All that a module imports, also inside functions and for types; ``from a import b`` gives (a, a.b)."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = _source(node, name, path)
            found += [(source, f"{source}.{alias.name}") for alias in node.names]
    return found


def _source(node: ast.ImportFrom, name: str, path: Path) -> str:
    if not node.level:
        return node.module or ""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    return ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])


def graph(found: Mapping[str, Path]) -> dict[str, set[str]]:
    """Module to the modules of the tree that it imports; of ``from a import b`` to b, if it is one."""
    edges = {}
    for name, path in found.items():
        named = {full if full in found else source for source, full in imports(name, path)}
        edges[name] = (named & set(found)) - {name}
    return edges


def between_rooms(edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The same between folders one below a package: ``bmseg.a.b`` lies in ``bmseg.a``."""
    found: dict[str, set[str]] = {}
    for name, named in edges.items():
        room = ".".join(name.split(".")[:2])
        found.setdefault(room, set()).update({".".join(one.split(".")[:2]) for one in named} - {room})
    return found


def circle(edges: Mapping[str, set[str]]) -> list[str]:
    """A circle, from a module back to itself; empty where there is none."""
    done: set[str] = set()
    for start in sorted(edges):
        way: list[str] = []
        pending: list[Iterator[str]] = [iter([start])]
        while pending:
            following = next(pending[-1], None)
            if following is None:
                pending.pop()
                if way:
                    done.add(way.pop())
            elif following in way:
                return [*way[way.index(following) :], following]
            elif following not in done:
                way.append(following)
                pending.append(iter(sorted(edges.get(following, ()))))
    return []
