"""The house: who may import whom, no circles, no flat modules, no name of what is not there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.imports import between_rooms, circle, graph, imports, modules

ROOT = Path(__file__).parents[1]
PACKAGES = ("bmseg", "dataset_conversion", "evaluation")
#: Ground that a neighbour may stand on.
GROUND = {"evaluation": "dataset_conversion.images", "dataset_conversion": ""}
HEAVY = ("torch", "nnunetv2")
FLAT = {
    "bmseg": {"__init__", "study", "workspace", "wording", "errors", "outputs"},
    "dataset_conversion": {"__init__", "files", "parallel"},
    "evaluation": {"__init__", "study", "table"},
}
LONGEST = 300
#: Longer ones, and how long they may be: they do not grow.
LONG_MODULES: dict[str, int] = {}


def misplaced_imports(root: Path) -> list[str]:
    """Imports by which evaluation or dataset_conversion would not stand alone."""
    found = []
    for package, ground in GROUND.items():
        neighbours = {*PACKAGES, *HEAVY} - {package}
        for name, path in modules(root, (package,)).items():
            named = {full for _, full in imports(name, path) if full.split(".")[0] in neighbours}
            found += [f"{name} imports {full}" for full in sorted(named) if not _lies_in(full, ground)]
    return found


def _lies_in(name: str, package: str) -> bool:
    return bool(package) and (name == package or name.startswith(f"{package}."))


def flat_modules(root: Path) -> list[str]:
    """Modules at a package's top level that want a room."""
    return [
        f"{package}/{path.name}"
        for package, allowed in FLAT.items()
        for path in sorted((root / package).glob("*.py"))
        if path.stem not in allowed
    ]


def long_modules(root: Path, allowed: dict[str, int]) -> list[str]:
    found = []
    for path in modules(root, PACKAGES).values():
        name, length = path.relative_to(root).as_posix(), len(path.read_text(encoding="utf-8").splitlines())
        if length > allowed.get(name, LONGEST):
            found.append(f"{name}: {length} lines, at most {allowed.get(name, LONGEST)}")
    return found


def named_in_code(root: Path) -> list[tuple[str, str]]:
    """Strings in code, as (what is written, pattern of it): values in f-strings may be anything."""
    found = []
    for path in modules(root, ("bmseg",)).values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
                written = "".join(part or "*" for part in parts)
                found.append((written, "".join(re.escape(part) if part else ".+" for part in parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append((node.value, re.escape(node.value)))
    return found


def option_faults(root: Path) -> list[str]:
    """Errors that begin with an option where only fields are known."""
    found = []
    for name, path in modules(root, PACKAGES).items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if name.startswith("bmseg.commands.") or not (isinstance(node, ast.Call) and node.args):
                continue
            first = node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else node.args[0]
            words = first.value if isinstance(first, ast.Constant) else None
            of_error = isinstance(node.func, ast.Name) and node.func.id.endswith("Error")
            if of_error and isinstance(words, str) and words.startswith("--"):
                found.append(f"{name}: {words.split(':')[0]}")
    return found


def template_faults(root: Path) -> list[str]:
    """Templates that nobody names, and names of templates that are not there."""
    files = [path for path in sorted((root / "bmseg" / "templates").rglob("*")) if path.is_file()]
    # A page may extend or include another.
    among = re.findall(r"""["']([\w./-]+\.\w+)["']""", "\n".join(path.read_text() for path in files))
    named = named_in_code(root) + [(name, re.escape(name)) for name in among]
    # Parts of an f-string are strings too, as ".md.j2": a pattern has to say more than an ending.
    patterns = [re.compile(pattern) for written, pattern in named if not written.startswith(("*", "."))]
    found = []
    for path in files:
        relative = path.relative_to(root / "bmseg" / "templates").as_posix()
        if not any(pattern.fullmatch(name) for pattern in patterns for name in (relative, path.name)):
            found.append(f"{relative}: no code names it")
    there = [path.name for path in (root / "bmseg").rglob("*.j2")]
    for written, pattern in named:
        name = written.rpartition("/")[2]
        if name.endswith(".j2") and not name.startswith(("*", ".")):
            last = pattern.rpartition("/")[2]
            found += [] if any(re.fullmatch(last, one) for one in there) else [f"{written}: no such template"]
    return found


def makefile_faults(root: Path) -> list[str]:
    """Targets, files and modules that the Makefile names and that are not there."""
    text = (root / "Makefile").read_text()
    values = dict(re.findall(r"^(\w+)\s*[:?]?=\s*(.*?)\s*$", text, re.MULTILINE))

    def words(line: str) -> Iterator[str]:
        for word in line.split():
            variable = re.fullmatch(r"\$\((\w+)\)", word)
            yield from words(values[variable[1]]) if variable else [word]

    rules = re.findall(r"^([^\s#:=.][^:=]*):(?!=)([^#\n]*)", text, re.MULTILINE)
    targets = {word for names, _ in rules for word in words(names)}
    phony = {word for line in re.findall(r"^\.PHONY:(.*)$", text, re.MULTILINE) for word in words(line)}
    found = [f"target {name}" for name in sorted(phony - targets)]
    for _, needed in rules:
        for word in words(needed):
            if "$" not in word and "%" not in word and not (word in targets or _made(word, targets)):
                found += [] if (root / word).exists() else [f"file {word}"]
    found += [f"path {word}" for word in values.get("CODE", "").split() if not (root / word).exists()]
    for module in re.findall(r"python -m ([\w.]+)", text):
        found += [] if _is_module(module) else [f"module {module}"]
    return found


def _made(word: str, targets: set[str]) -> bool:
    return any(re.fullmatch(re.escape(one).replace("%", ".+"), word) for one in targets if "%" in one)


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_evaluation_and_conversion_stand_alone() -> None:
    assert misplaced_imports(ROOT) == []


@pytest.mark.parametrize(
    ("module", "text", "found"),
    [
        ("evaluation/a.py", "from bmseg import study", ["imports bmseg.study"]),
        ("evaluation/a.py", "def f():\n    import torch.nn", ["imports torch.nn"]),
        ("evaluation/a.py", "import dataset_conversion.files", ["imports dataset_conversion.files"]),
        ("evaluation/a.py", "from dataset_conversion.images import Volume", []),
        ("evaluation/a.py", "from dataset_conversion.images import volume", []),
        ("dataset_conversion/a.py", "import evaluation.table", ["imports evaluation.table"]),
        ("dataset_conversion/a.py", "from dataset_conversion import files", []),
        ("bmseg/a.py", "import torch, evaluation", []),
    ],
)
def test_a_misplaced_import_is_found(tmp_path: Path, module: str, text: str, found: list[str]) -> None:
    name = module.removesuffix(".py").replace("/", ".")
    assert misplaced_imports(write(tmp_path, {module: text})) == [f"{name} {words}" for words in found]


def test_no_circle_of_imports() -> None:
    edges = graph(modules(ROOT, PACKAGES))
    assert " -> ".join(circle(edges)) == ""
    assert " -> ".join(circle(between_rooms(edges))) == ""


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a": "import bmseg.b", "b": "from bmseg import c", "c": "x = 1"}, []),
        (
            {"a": "import bmseg.b", "b": "def f():\n    from bmseg import c", "c": "from .a import x"},
            ["bmseg.a", "bmseg.b", "bmseg.c", "bmseg.a"],
        ),
        (
            {"a": "import bmseg.room", "room/__init__": "from .b import x", "room/b": "from .. import a"},
            ["bmseg.a", "bmseg.room", "bmseg.room.b", "bmseg.a"],
        ),
        (
            {"a": "from .room import b", "room/__init__": "from .b import x", "room/b": "import bmseg.a"},
            ["bmseg.a", "bmseg.room.b", "bmseg.a"],
        ),
        (
            {"a": "x = 1", "b": "from bmseg.a import x\nimport bmseg.d", "d": "import bmseg.b"},
            ["bmseg.b", "bmseg.d", "bmseg.b"],
        ),
    ],
)
def test_a_circle_is_found_and_named(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    root = write(tmp_path, {f"bmseg/{name}.py": text for name, text in files.items()})
    assert circle(graph(modules(root, ("bmseg",)))) == expected


def test_a_circle_of_rooms_is_found(tmp_path: Path) -> None:
    files = {"one/a": "import bmseg.two.a", "two/a": "", "two/b": "from bmseg.one.b import x", "one/b": ""}
    root = write(tmp_path, {f"bmseg/{name}.py": text for name, text in files.items()})
    edges = graph(modules(root, ("bmseg",)))
    assert circle(edges) == []
    assert circle(between_rooms(edges)) == ["bmseg.one", "bmseg.two", "bmseg.one"]


def test_no_module_stands_outside_the_rooms(tmp_path: Path) -> None:
    assert flat_modules(ROOT) == []
    assert flat_modules(write(tmp_path, {"bmseg/util.py": "", "evaluation/table.py": ""})) == [
        "bmseg/util.py"
    ]


def test_no_module_is_long(tmp_path: Path) -> None:
    assert long_modules(ROOT, LONG_MODULES) == []
    root = write(tmp_path, {"bmseg/a.py": "\n" * 301, "bmseg/b.py": "\n" * 301, "bmseg/c.py": "\n" * 300})
    assert long_modules(root, {"bmseg/a.py": 301}) == ["bmseg/b.py: 301 lines, at most 300"]


def test_library_names_fields_and_commands_options(tmp_path: Path) -> None:
    assert option_faults(ROOT) == []
    calls = [
        'InputError(f"--model: found {x}")',
        'InputError("--end: x")',
        'InputError("x: --end")',
        "WorkError(x)",
    ]
    text = "\n".join(calls)
    root = write(tmp_path, {"bmseg/a/b.py": text, "bmseg/commands/a.py": text})
    assert option_faults(root) == ["bmseg.a.b: --model", "bmseg.a.b: --end"]


def test_templates_and_code_name_each_other(tmp_path: Path) -> None:
    assert template_faults(ROOT) == []
    root = write(
        tmp_path,
        {
            "bmseg/templates/page.html.j2": '{% extends "base.html.j2" %}',
            "bmseg/templates/base.html.j2": "",
            "bmseg/templates/site/page_of_one.md.j2": "",
            "bmseg/templates/left.html.j2": "",
            "bmseg/a.py": 'get("page.html.j2", f"page_of_{name}.md.j2", f"{x}.j2", "gone.html.j2")',
        },
    )
    assert template_faults(root) == ["left.html.j2: no code names it", "gone.html.j2: no such template"]


def test_the_makefile_names_what_is_there(tmp_path: Path) -> None:
    assert makefile_faults(ROOT) == []
    text = (
        "CODE := bmseg gone\nSTAGES := data plan\n.PHONY: $(STAGES) setup left\n"
        "setup: pyproject.toml\n\tpython -m bmseg.gone\n\tpython -m bmseg.study\n"
        "data: setup do-it  ## make\n\tdo\ndo-%: setup absent.txt\nplan: data\n"
    )
    root = write(tmp_path, {"Makefile": text, "bmseg/a.py": "", "pyproject.toml": ""})
    assert makefile_faults(root) == ["target left", "file absent.txt", "path gone", "module bmseg.gone"]


def test_the_page_of_the_architecture_names_what_is_there() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text()
    named = {path for path in re.findall(r"`([\w./]+)`", page) if "/" in path}
    assert len(named) > 30
    assert {path for path in named if not (ROOT / path).exists()} == set()
    # In the picture: every room of the three packages, below its package, and nothing else.
    picture = re.search(r"```\n(.*?)```", page, re.DOTALL)
    assert picture
    drawn, package = set(), ""
    for line in picture[1].splitlines():
        package = line.split("/")[0] if line.startswith(PACKAGES) else package
        words = {word.strip("/") for word in re.findall(r"(?<!\S)\w+(?:/|\.py)(?!\S)", line)}
        drawn |= {f"{package}/{word}" for word in words - {package}}
    rooms = {
        path.parent.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).glob("*/__init__.py")
    }
    assert rooms - drawn == set()
    assert {path for path in drawn if not (ROOT / path).exists()} == set()


def test_help_scoring_and_pages_import_nothing_heavy() -> None:
    """What `bmseg --help` imports; what scores and shows never needs torch."""
    code = (
        "import sys, bmseg.commands.cli; heavy = {'numpy', 'pandas', 'torch', 'nibabel', 'pydantic'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "import importlib, pkgutil, evaluation;"
        "rooms = [importlib.import_module(f'bmseg.{room}') for room in ('scoring', 'leaderboard')];"
        "names = [found.name for package in [evaluation, *rooms]"
        " for found in pkgutil.walk_packages(package.__path__, package.__name__ + '.')];"
        "[importlib.import_module(name) for name in names];"
        "assert len(names) > 60;"
        "assert not {'torch', 'nnunetv2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
