"""Commands that pretend to be Slurm's, for what a real Slurm cannot be made to do."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

_COMMANDS = {
    # A job gets the next number and is PENDING; so is each task of an array.
    "sbatch": """
number=$(($(cat "$PRETENDED/queue" | wc -l) + 1))
tasks=
for option in "$@"; do
    case "$option" in
        --job-name=*) name=${option#--job-name=} ;;
        --array=*)
            for range in $(echo "${option#--array=}" | tr , ' '); do
                tasks="$tasks $(seq -f _%g "${range%-*}" "${range#*-}")"
            done ;;
    esac
done
for task in ${tasks:-""}; do
    echo "$number$task|$name|PENDING|None|0:00|0|" >> "$PRETENDED/queue"
done
printf '%s\\n' "$@" > "$PRETENDED/$number.options"
cat > "$PRETENDED/$number.sh"
echo "$number"
""",
    "squeue": """
[ -e "$PRETENDED/silent" ] && { echo "error: Unable to contact slurm controller" >&2; exit 1; }
for option in "$@"; do
    case "$option" in --name=*) names=${option#--name=} ;; esac
done
awk -F '|' -v names=",$names," '$3 != "GONE" && index(names, "," $2 ",")' "$PRETENDED/queue"
""",
    "scancel": """
for job in "$@"; do sed -i "s/^$job|\\([^|]*\\)|[A-Z]*|/$job|\\1|CANCELLED|/" "$PRETENDED/queue"; done
""",
}


@dataclass(frozen=True)
class Pretended:
    """The folder of the pretended Slurm's state."""

    folder: Path

    def set(self, job: str, state: str, elapsed: str = "0:00", restarts: int = 0) -> None:
        """Give a job another state; GONE is one that Slurm no longer knows."""
        rows = [line.split("|") for line in (self.folder / "queue").read_text().splitlines()]
        for row in rows:
            if row[0] == job:
                row[2], row[4], row[5] = state, elapsed, str(restarts)
        (self.folder / "queue").write_text("".join("|".join(row) + "\n" for row in rows))

    def states(self) -> dict[str, str]:
        """Job to state."""
        rows = [line.split("|") for line in (self.folder / "queue").read_text().splitlines()]
        return {row[0]: row[2] for row in rows}

    def script(self, job: str) -> str:
        """What it would run."""
        return (self.folder / f"{job}.sh").read_text()

    def options(self, job: str) -> list[str]:
        """What was asked for."""
        return (self.folder / f"{job}.options").read_text().splitlines()


@pytest.fixture
def pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretended:
    folder = tmp_path / "pretended"
    folder.mkdir()
    (folder / "queue").touch()
    for name, body in _COMMANDS.items():
        command = folder / name
        command.write_text(f"#!/bin/sh\n{body}")
        command.chmod(0o755)
    monkeypatch.setenv("PRETENDED", str(folder))
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return Pretended(folder)
