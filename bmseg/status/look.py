"""How a workspace, or an evaluation of plain folders, stands as a whole: stages, and what comes next.

Rooms that score and draw are imported where there is something of theirs to look at: every command looks at
its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bmseg.errors import WorkError
from bmseg.outputs import PROVENANCE, read_record
from bmseg.status import learned
from bmseg.status.stage import LIMIT, Bytes, Stage
from bmseg.study import DEFAULT_STUDY
from bmseg.wording import SYNTHETIC, command
from bmseg.workspace import Workspace

_STATES = {"there": "", "unfinished": "unfinished", "stale": "out of date", "damaged": "damaged"}


@dataclass(frozen=True)
class Status:
    """What there is, what is missing or out of date, and the next command."""

    #: Of the workspace, or of the evaluation.
    folder: Path
    title: str
    synthetic: bool
    stages: tuple[Stage, ...]
    #: When it was looked at (UTC).
    at: str

    @property
    def next(self) -> Stage | None:
        """The first stage with something to do; what a run is whole without comes last.

        It has no command where a person has to act, as on a mask that is missing.
        """
        left = [stage for stage in self.stages if not stage.is_whole]
        needed = [stage for stage in left if not stage.optional]
        begun = [stage for stage in left if stage.command and stage.state != "missing"]
        return next(iter([*needed, *begun, *(stage for stage in left if stage.command)]), None)

    @property
    def next_in_words(self) -> str:
        """A line with the command to paste, or what keeps one from going on; empty where all is there."""
        stage = self.next
        if stage is None:
            return ""
        return f"next{' (optional)' * stage.optional}: {stage.command or f'{stage.name}: {stage.why}'}"

    @property
    def pages(self) -> dict[str, Path]:
        """Stage to its page, of those that there are."""
        return {stage.name: stage.page for stage in self.stages if stage.page}

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        following = self.next
        return {
            "folder": str(self.folder),
            "study": self.title,
            "synthetic": self.synthetic,
            "looked_at": self.at,
            "stages": [
                {
                    "name": stage.name, "state": stage.state, "optional": stage.optional,
                    "found": stage.found, "why": stage.why, "command": stage.command,
                    "page": str(stage.page) if stage.page else None, "not_looked_at": list(stage.unseen),
                }
                for stage in self.stages
            ],
            "next": {"stage": following.name, "command": following.command} if following else None,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """As text, a line a stage and what is to be said of it below."""
        width = max((len(stage.name) for stage in self.stages), default=0)
        mark = f" ({SYNTHETIC})" if self.synthetic else ""
        said = [f"{self.folder}: {self.title}{mark}"]
        for stage in self.stages:
            state = _STATES.get(stage.state, stage.state)
            state = "not made (optional)" if stage.state == "missing" and stage.optional else state
            told = ": ".join(filter(None, [state, stage.found or ("made" if stage.is_whole else "")]))
            said.append(f"  {stage.name:<{width}}  {told}")
            if stage.why:
                said.append(f"  {'':<{width}}  - {stage.why}")
            if not stage.is_whole and stage.command:
                said.append(f"  {'':<{width}}  $ {stage.command}")
            if stage.unseen:
                said.append(f"  {'':<{width}}  - not looked at: {'; '.join(stage.unseen)}")
        return said


def status_of(workspace: Workspace, *, limit: float = LIMIT) -> Status:
    """Look at every stage of a workspace; nothing is written.

    `limit` is how many bytes of images, masks and checkpoints may be read to compare them with records; what
    is larger is named in `Stage.unseen`, and what is said of the stage rests on its record alone.
    """
    may = Bytes(limit)
    first = _looked("data", lambda: learned.data(workspace))
    stages = [first]
    if first.state in ("there", "stale"):
        stages += _learned(workspace, first, may)
        stages += _scored(workspace, stages, may)
    evaluated = output_there(workspace.evaluation)
    if _with_rooms(workspace):
        from bmseg.status import shared

        stages += shared.optional(workspace, may, _looked, evaluated=evaluated)
    elif evaluated:
        named = {"leaderboard": "leaderboard init", "atlas": "atlas", "reading room": "reading-room build"}
        for name, words in named.items():
            make = command(*words.split(), workspace=workspace.root)
            stages.append(Stage(name, "missing", command=make, optional=True))
    synthetic = first.state in ("there", "stale") and workspace.is_synthetic
    return Status(workspace.root, workspace.study.title, synthetic, tuple(stages), _now())


def output_there(evaluation: Path) -> bool:
    """Whether a folder holds a finished evaluation."""
    return "inputs_sha256" in read_record(evaluation / PROVENANCE)


def _with_rooms(workspace: Workspace) -> bool:
    """Whether there is a board, an atlas, a reading room, or rounds, begun or to begin."""
    there = [workspace.leaderboard, workspace.atlas, workspace.reading_room, workspace.annotation]
    return any(folder.is_dir() for folder in [*there, workspace.dataset.unread_folder])


def status_of_evaluation(folder: Path, study_file: Path | None = None) -> Status:
    """Look at an evaluation of plain folders; `study_file` is by default the one among its results.

    InputError where no evaluation was begun in the folder.
    """
    from bmseg.scoring.evaluation import KEPT_STUDY
    from bmseg.status import scored

    scored.check_evaluation(folder, finished=False)
    kept = folder / KEPT_STUDY
    named = ["--study", study_file] if study_file else []
    source = study_file or (kept if kept.is_file() else DEFAULT_STUDY)
    first = _looked("evaluation", lambda: scored.evaluation_in(folder, source))
    stages = [first]
    if first.state in ("there", "stale"):
        make = command("report", "--evaluation", folder, *named)
        made = _each("report", lambda: scored.pages(folder, folder / "report.html", make, None, Bytes()))
        stages += [stage.after([first]) for stage in made]
    record = read_record(folder / PROVENANCE)
    title = str((record.get("study") or {}).get("name", "no evaluation"))
    return Status(folder, title, bool(record.get("synthetic")), tuple(stages), _now())


def _learned(workspace: Workspace, data: Stage, may: Bytes) -> Iterator[Stage]:
    """Plan, trainings and predictions; where masks were put there by hand, nothing is trained first."""
    predicted = list(workspace.methods())
    on = learned.trained_on(workspace, may)
    plan = _looked("plan", lambda: learned.plan(workspace, on)).after([data])
    trained: list[tuple[str, Stage]] = []
    faults = _looked("training", partial(_kept, trained, learned.trainings(workspace, on)))
    if plan.state != "missing" or trained or not predicted:
        yield plan
    if faults.state != "there":
        yield faults
    by_method: dict[str, list[Stage]] = {}
    for method, stage in trained:
        by_method.setdefault(method, []).append(stage.after([plan]))
    if not (trained or predicted):
        make = command("train", "nnunet", workspace=workspace.root)
        yield Stage("training", "missing", command=make)
    for method in dict.fromkeys([*by_method, *predicted]):
        of = by_method.get(method, [])
        yield from of
        look = _looked(f"predictions of {method}", partial(learned.predictions, workspace, method, may))
        yield look.after(of)
    if trained:
        yield _looked("learning curves", lambda: learned.curves(workspace), optional=True)


def _kept(into: list[tuple[str, Stage]], found: Iterator[tuple[str, Stage]]) -> Stage:
    into.extend(found)
    return Stage("training", "there")


def _scored(workspace: Workspace, before: Sequence[Stage], may: Bytes) -> Iterator[Stage]:
    folder, make = workspace.evaluation, command("report", workspace=workspace.root)
    if not folder.is_dir():
        again = command("evaluate", workspace=workspace.root)
        yield Stage("evaluation", "missing", command=again)
        yield Stage("report", "missing", command=make)
        return
    from bmseg.status import scored

    evaluation = _looked("evaluation", lambda: scored.evaluation(workspace, may)).after(
        [stage for stage in before if stage.name.startswith(("data", "predictions"))]
    )
    yield evaluation
    made = _each("report", lambda: scored.pages(folder, workspace.report, make, workspace, may))
    yield from (stage.after([evaluation]) for stage in made)


def _looked(name: str, look: Callable[[], Stage], *, optional: bool = False) -> Stage:
    """A stage, or what is wrong with it: whatever cannot be read is said and ends nothing."""
    try:
        return look()
    except (ValueError, KeyError, TypeError, OSError, WorkError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        return Stage(name, "damaged", why=why, optional=optional)


def _each(name: str, look: Callable[[], list[Stage]]) -> list[Stage]:
    """Several stages that are looked at together, or what is wrong."""
    found: list[Stage] = []

    def kept() -> Stage:
        found.extend(look())
        return Stage(name, "there")

    wrong = _looked(name, kept)
    return found or [wrong]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
