"""An evaluation's exams for a cluster: shared out as the tasks of one job array."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from bmseg.slurm.order import Order
from bmseg.wording import command
from evaluation.statistics.words import plural

if TYPE_CHECKING:
    from bmseg.scoring.prepared import Prepared

# The shell outlives what it starts: word of the end is left when that is killed, too.
_SCRIPT = """
job={folder}/"${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
rm -f "$job.json"
{command} --share "$SLURM_ARRAY_TASK_ID/{of}"
code=$?
echo "{{\\"exit_code\\": $code}}" >"$job.json.partial" && mv "$job.json.partial" "$job.json"
exit $code
"""
# -P: modules are bmseg's and Python's, whatever lies in the folder where it was submitted.
_BMSEG = ["-P", "-u", "-c", "from bmseg.commands.cli import main; main()"]


def jobs_beside(out: Path) -> Path:
    """Where submissions of an evaluation that is no workspace's are on record."""
    from bmseg.scoring.kept import Kept  # a training begins without what scores

    return Kept.below(out).folder / "jobs"


@dataclass(frozen=True)
class ShareOrder(Order):
    """What is evaluated: `arguments` of the command that does it, with absolute paths; `of` jobs."""

    #: The workspace's folder; empty where there is none.
    root: str
    #: The folder of submissions, and that of the evaluation.
    below: str
    out: str
    arguments: tuple[str, ...]
    exams: int
    of: int
    #: The evaluation, for whoever submits it.
    prepared: Prepared | None = field(default=None, compare=False, repr=False)

    kind: ClassVar[str] = "shares"
    is_array: ClassVar[bool] = True
    together: ClassVar[str] = "shares"
    all_done: ClassVar[str] = "all exams are scored already"
    goes_on: ClassVar[str] = "with the exams that are not scored yet"
    counted: ClassVar[str] = "exams"

    def __post_init__(self) -> None:
        """A record has lists."""
        object.__setattr__(self, "arguments", tuple(self.arguments))

    @property
    def jobs(self) -> Path:
        """The workspace's, or a folder beside the exams that were scored."""
        return Path(self.below)

    @property
    def named(self) -> dict[str, list[str]]:
        """All under one name."""
        return {f"bmseg-evaluate-{self.key}": [f"share {one} of {self.of}" for one in self._shares]}

    @property
    def _shares(self) -> range:
        return range(1, self.of + 1)

    @property
    def _name(self) -> str:
        return "evaluate"

    @property
    def title(self) -> str:
        """The evaluation's folder, and what is shared out."""
        return f"evaluation {self.out}, {plural(self.exams, 'exam')} in {plural(self.of, 'job')}"

    def script(self, part: str) -> str:  # noqa: ARG002 (all tasks have one script)
        """The evaluation's own command, of one share."""
        return _SCRIPT.format(
            folder=shlex.quote(str(self.folder)),
            command=shlex.join([sys.executable, *_BMSEG, *self.arguments]),
            of=self.of,
        )

    def done(self, completed: Mapping[str, str]) -> list[str]:  # noqa: ARG002 (what lies on disk is known)
        """Shares whose exams are all scored from the present files."""
        from bmseg.scoring.kept import Kept

        assert self.prepared
        scoring, kept = self.prepared.scoring, Kept.below(self.prepared.out)
        left = {
            number % self.of
            for number, exam in enumerate(self.prepared.exams)
            if not kept.path(exam.name, scoring.key(exam)).is_file()
        }
        return [part for place, part in enumerate(self.parts) if place not in left]

    def clashes(self, other: Order) -> bool:
        """Two may not score into one folder: who joins removes what was scored from other inputs."""
        return isinstance(other, ShareOrder) and other.out == self.out

    def look(self, *words: str) -> str:
        """Of the workspace, or of the evaluation's folder."""
        if self.root:
            return command("jobs", *words, workspace=Path(self.root))
        return command("jobs", "--evaluation", self.out, *words)

    def progress(self, part: str) -> str:
        """The exams of a share."""
        return str(len(range(self.parts.index(part), self.exams, self.of)))
