"""Whatever the console is, and whatever matplotlib is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROWS = "algorithm,case,value\na,1,.5\nb,1,.4\na,2,.7\nb,2,-.8\n"


def test_a_poor_console_and_a_backend_that_is_none(tmp_path: Path) -> None:
    """No standard error, an encoding without dashes, and a back end that does not exist."""
    (tmp_path / "m.csv").write_text(ROWS)
    poor = {"MPLBACKEND": "nonsense", "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    command = f"'{sys.executable}' -c 'from bmseg.commands.cli import main; main()' rank m.csv -o out 2>&-"
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, env=os.environ | poor, stdout=subprocess.PIPE, check=False
    )
    assert done.returncode == 0
    said = done.stdout.decode("latin-1")
    assert "| b         | 2    | 1-2" in said
    assert "?" not in said
    assert list((tmp_path / "out").rglob("*.svg"))
