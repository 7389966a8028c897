"""Tests that run side by side pass, fail, are skipped and die as they would alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = {
    "test_a.py": """
import os, pytest, warnings
def test_passes(tmp_path):
    warnings.warn("careful")
    assert "job" in str(tmp_path)
def test_fails():
    os.system("echo said by the failing")
    assert 1 == 2
def test_is_skipped():
    pytest.skip("for a reason")
""",
    "test_b.py": """
import os, pytest, signal
@pytest.fixture(scope="module")
def shared():
    yield 3
    raise RuntimeError("in the end")
def test_passes(shared, capfd):
    os.system("echo of b")
    assert capfd.readouterr().out == "of b\\n"
""",
    "test_c.py": """
import os, signal
def test_dies():
    os.kill(os.getpid(), signal.SIGKILL)
def test_comes_after():
    pass
""",
}


def run(folder: Path, *words: str) -> str:
    for name, text in FILES.items():
        (folder / name).write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "tests.support.side_by_side", "--rootdir", folder]
    alone = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-ra", "-c", "/dev/null", folder]
    wide = {**os.environ, "COLUMNS": "300"}
    return subprocess.run(
        [*map(str, [*command, *alone]), *words], cwd=ROOT, env=wide, capture_output=True, text=True
    ).stdout


def test_side_by_side_says_what_happened(tmp_path: Path) -> None:
    told = run(tmp_path, "--jobs", "3")
    assert "2 failed, 2 passed, 1 skipped, 1 warning, 1 error" in told
    assert "test_a.py::test_fails - assert 1 == 2" in told
    assert told.count("\nsaid by the failing\n") == 1
    assert "test_b.py::test_passes - RuntimeError: in the end" in told
    assert "test_c.py::test_dies - the process that ran it ended with -9" in told
    assert "UserWarning: careful" in told
    assert "for a reason" in told


def test_the_first_failure_can_end_all(tmp_path: Path) -> None:
    told = run(tmp_path, "--jobs", "2", "-x", "--deselect", "test_c.py")
    assert "1 failed" in told
    assert "stopping after 1 failures" in told
