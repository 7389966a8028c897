"""Words that stand in many places, once: what is said of a synthetic cohort, and commands to paste."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Iterable
from pathlib import Path

#: What a simulated cohort is called.
SYNTHETIC = "synthetic cohort"

#: The folder that commands work on where none is named, and the variable that names another.
DEFAULT_WORKSPACE = Path("workspace")
WORKSPACE_VARIABLE = "BMSEG_WORKSPACE"


def synthetic_mark(synthetic: bool) -> str:
    """What stands on a figure or in a title of a synthetic cohort; empty for any other."""
    return SYNTHETIC.capitalize() if synthetic else ""


def synthetic_notes(synthetic: bool) -> list[str]:
    """What stands below a table or sentence of a synthetic cohort; nothing for any other.

    Examples
    --------
    >>> synthetic_notes(True)
    ['Synthetic cohort: simulated images and readers, no patients.']
    """
    return [f"{synthetic_mark(True)}: simulated images and readers, no patients."] if synthetic else []


def command(*words: object, workspace: Path | None = None) -> str:
    """A command line that can be pasted as it stands, with -w where another workspace would be taken.

    Examples
    --------
    >>> command("annotate", "propose", workspace=Path("my knees"))
    "bmseg annotate propose -w 'my knees'"
    """
    taken = Path(os.environ.get(WORKSPACE_VARIABLE) or DEFAULT_WORKSPACE)
    given = ["-w", workspace] if workspace and workspace.resolve() != taken.resolve() else []
    return shlex.join(["bmseg", *map(str, [*words, *given])])


def meant(name: str, known: Iterable[str]) -> str:
    """What may have been meant by an unknown name, to end a message; empty where none is close.

    Examples
    --------
    >>> meant("raeder1", ["reader1", "net"]), meant("x", ["reader1"])
    ('; did you mean reader1?', '')
    """
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""
