"""Run nnU-Net's own commands one after another: ``python -m tests.bmseg.nnunet.own_commands``.

The argument is a JSON list of pairs: environment variables that the command needs, and its words.

One process for all of them, as importing nnU-Net takes longer than what they do here; for the same reason
its pools are forked from this process, not started anew. That is safe on one thread (OMP_NUM_THREADS).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from importlib.metadata import entry_points


def main() -> None:
    commands = json.loads(sys.argv[1])
    forked = multiprocessing.get_context("fork")
    multiprocessing.get_context = lambda _method=None: forked  # type: ignore[assignment]
    for variables, words in commands:
        os.environ.update(variables)
        sys.argv = words
        [entry] = entry_points(group="console_scripts", name=words[0])
        entry.load()()


if __name__ == "__main__":
    main()
