"""Which stage was made from what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.outputs.records import read_record, write_record
from bmseg.workspace import Workspace


@dataclass(frozen=True)
class Stage:
    """A step of the run that remembers what it was made from.

    Parameters
    ----------
    path : Path
        The stage's record.
    inputs : mapping
        Everything that shapes its output; of JSON types.
    """

    path: Path
    inputs: Mapping[str, Any]

    @classmethod
    def of(cls, workspace: Workspace, name: str, inputs: Mapping[str, Any]) -> Stage:
        """The stage's place in a workspace."""
        return cls(workspace.stages / f"{name}.json", inputs)

    def is_finished(self) -> bool:
        """Whether it was finished from the same inputs."""
        return read_record(self.path) == {"inputs": dict(self.inputs), "finished": True}

    def check_begun(self) -> None:
        """Refuse to go on with what was begun from other inputs.

        Raises
        ------
        InputError
            Names every input that differs.
        """
        earlier = read_record(self.path).get("inputs", self.inputs)
        if differing := [key for key in self.inputs if earlier.get(key) != self.inputs[key]]:
            found = ", ".join(f"{key}={earlier.get(key)}" for key in differing)
            expected = ", ".join(f"{key}={self.inputs[key]}" for key in differing)
            raise InputError(
                f"{self.path.stem}: found the workspace made with {found}, expected {expected}; "
                "use another --workspace or remove this one"
            )

    def begin(self) -> None:
        """Note what the stage is being made from."""
        self._write(finished=False)

    def finish(self) -> None:
        """Note that everything is made; called after the last file is written."""
        self._write(finished=True)

    def _write(self, *, finished: bool) -> None:
        write_record(self.path, {"inputs": dict(self.inputs), "finished": finished})
