"""One stage of a workspace as it stands, and how many bytes may be read to know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

#: ``there``: made, from what lies there now as far as was looked. ``unfinished``: begun, it goes on.
#: ``stale``: made from other files, or by other versions. ``damaged``: cannot be read. ``missing``.
State = Literal["there", "unfinished", "stale", "damaged", "missing"]

#: Bytes that one look reads to compare files with records; what is larger is named and not looked at.
LIMIT = 256 * 2**20
_UNITS = (("GB", 1e9), ("MB", 1e6))


@dataclass(frozen=True)
class Stage:
    """A stage of a workspace, as ``training of unet``."""

    name: str
    state: State
    #: What is there, and what it lacks or what is wrong with it, in words.
    found: str = ""
    why: str = ""
    #: To paste, where there is something to do.
    command: str = ""
    #: To open.
    page: Path | None = None
    #: What was not looked at.
    unseen: tuple[str, ...] = ()
    #: Whether a run is whole without it.
    optional: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing to do."""
        return self.state == "there"

    def after(self, earlier: Iterable[Stage]) -> Stage:
        """The same, stale where what it follows from is: nothing that follows from old results is new."""
        behind = [stage.name for stage in earlier if stage.state == "stale"]
        if self.state != "there" or not behind:
            return self
        return replace(self, state="stale", why=f"what it follows from is out of date: {', '.join(behind)}")


@dataclass
class Bytes:
    """How much may still be read, and what was too much."""

    left: float = LIMIT
    unseen: list[str] = field(default_factory=list)

    def allow(self, files: Iterable[Path], what: str) -> bool:
        """Whether files may be read; what they are is noted where not."""
        size = sum(path.stat().st_size for path in files if path.is_file())
        if size <= self.left:
            self.left -= size
            return True
        unit, factor = next((pair for pair in _UNITS if size >= pair[1]), ("kB", 1e3))
        self.unseen.append(f"{what} ({size / factor:.1f} {unit})")
        return False

    def told(self) -> tuple[str, ...]:
        """What was too much since this was last asked."""
        told, self.unseen = tuple(self.unseen), []
        return told
