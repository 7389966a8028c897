"""The layers: evaluation and dataset_conversion stand alone, and evaluation never needs torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: The one room that `evaluation` may import from its neighbour.
GROUND = "dataset_conversion.images"
FORBIDDEN = {
    "evaluation": {"bmseg", "dataset_conversion", "torch", "nnunetv2"},
    "dataset_conversion": {"bmseg", "evaluation", "torch", "nnunetv2"},
}


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add("" if node.module == GROUND else node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_layers(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        assert not imports_of(path) & FORBIDDEN[package], path


def test_help_and_evaluation_import_nothing_heavy() -> None:
    """What `bmseg --help` imports, and what scoring and the leaderboard import."""
    code = (
        "import sys, bmseg.commands.cli; heavy = {'numpy', 'pandas', 'torch', 'nibabel', 'pydantic'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "import bmseg.scoring.evaluate, bmseg.leaderboard.publish, bmseg.leaderboard.simulated;"
        "import bmseg.leaderboard.verify;"
        "assert not {'torch', 'nnunetv2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
