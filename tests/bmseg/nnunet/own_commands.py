"""Run nnU-Net's own commands, a JSON list, one after another: ``python -m tests.bmseg.nnunet.own_commands``.

One process for all of them, as importing nnU-Net takes longer than what they do here.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import entry_points


def main() -> None:
    commands = json.loads(sys.argv[1])
    for command in commands:
        sys.argv = command
        [entry] = entry_points(group="console_scripts", name=command[0])
        entry.load()()


# nnU-Net's pools import this module again.
if __name__ == "__main__":
    main()
