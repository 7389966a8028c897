"""How evaluation, report and pictures of exams stand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.outputs import PROVENANCE, Output
from bmseg.outputs.provenance import file_hash, versions
from bmseg.scoring.evaluate import prepare_workspace
from bmseg.scoring.evaluation import Evaluation, output_of
from bmseg.scoring.raters import workspace_raters
from bmseg.status.stage import Bytes, Stage
from bmseg.wording import command
from bmseg.workspace import Workspace
from evaluation.statistics.words import plural

# What an evaluation was told that the workspace does not hold, by its record's names.
_TOLD = {"regions_sha256": "regions", "drawn_sha256": "where readers drew", "images_sha256": "images"}
_NAMES = {"masks_sha256": "masks", "cohort_sha256": "cohort.csv", "study": "the study file"}


def evaluation(workspace: Workspace, may: Bytes) -> Stage:
    """The evaluation of a workspace."""
    folder = workspace.evaluation
    again = command("evaluate", workspace=workspace.root)
    output = output_of(folder)
    record = output.read()
    if not record:
        state = (
            "unfinished" if (folder / ".scored").is_dir() or (folder / PROVENANCE).is_file() else "missing"
        )
        return Stage("evaluation", state, command=again)  # type: ignore[arg-type]
    found = _told(record)
    if record.get("margin") is not None:
        again = command("evaluate", "--margin", record["margin"], workspace=workspace.root)
    raters = workspace_raters(workspace)
    folders = [*raters.readers.values(), *raters.models.values()]
    masks = [path for one in folders for path in one.glob("[!.]*.nii.gz")]
    if not may.allow(masks, "masks, if they are those that were scored"):
        others = sorted({*raters.models} ^ {*record.get("models", [])})
        why = f"models are others now: {', '.join(others)}" if others else ""
        return Stage("evaluation", "stale" if why else "there", found, why, again if why else "",
                     unseen=may.told())  # fmt: skip
    now = _inputs(workspace, record)
    unseen = [what for name, what in _TOLD.items() if name in record]
    compared = {name: value for name, value in now.items() if name not in _TOLD}
    if differing := output.differing(compared):
        present = {"versions": versions(), **now}
        told = ", ".join(_why(name, record.get(name), present.get(name)) for name in differing)
        return Stage("evaluation", "stale", found, f"others now: {told}", again, unseen=tuple(unseen))
    if changed := output.changed():
        why = f"results missing or changed since: {_some(changed)}"
        return Stage("evaluation", "stale", found, why, again, unseen=tuple(unseen))
    return Stage("evaluation", "there", found, unseen=tuple(unseen))


def _inputs(workspace: Workspace, record: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an evaluation of the workspace would be made from now, told what the one on record was told."""
    present = workspace.methods()
    taught = {name: who for name, who in record.get("taught_by", {}).items() if name in present}
    return prepare_workspace(
        workspace,
        unit=record.get("unit", "exam"),
        margin=record.get("margin"),
        taught_by=taught,
        incomplete=record.get("incomplete", False),
    ).inputs


def _why(name: str, before: Any, now: Any) -> str:
    """What of an evaluation differs; of masks and versions, whose."""
    if isinstance(before, dict) and isinstance(now, dict):
        of = sorted(one for one in {*before, *now} if before.get(one) != now.get(one))
        return f"{_NAMES.get(name, name.replace('_', ' '))} ({_some(of)})"
    return _NAMES.get(name, name.replace("_", " "))


def _some(names: list[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _told(record: Mapping[str, Any]) -> str:
    readers, models, exams = (record.get(name, []) for name in ("readers", "models", "exams"))
    who = f"{plural(len(readers), 'reader')}, {', '.join(models) or 'no model'}, {plural(len(exams), 'exam')}"
    return f"{who}, by {record.get('unit', 'exam')}"


def evaluation_in(folder: Path, study_file: Path) -> Stage:
    """The evaluation of plain folders, which are not on record."""
    again = "bmseg evaluate"
    output = output_of(folder)
    record = output.read()
    if not record:
        why = f"{folder} holds no finished evaluation; bmseg evaluate -o {folder} makes one"
        return Stage("evaluation", "missing", why=why)
    unseen = ("the readers' and models' masks: where they lie is not on record",)
    try:
        Evaluation.read(folder, study_file, skipped=True)
    except InputError as error:
        return Stage("evaluation", "stale", _told(record), str(error), unseen=unseen)
    if changed := [*output.differing({}), *output.changed()]:
        why = f"missing or others now: {_some(changed)}; give the same '{again}' again"
        return Stage("evaluation", "stale", _told(record), why, unseen=unseen)
    return Stage("evaluation", "there", _told(record), unseen=unseen)


def report(folder: Path, page: Path, make: str) -> Stage:
    """The report of the evaluation in a folder; what it was made from goes with its evaluation."""
    output = Output(folder, "report", record="report.json")
    if not page.is_file() or not output.read():
        return Stage("report", "missing", command=make)
    if differing := output.differing({"evaluation_sha256": file_hash(folder / PROVENANCE)}):
        what = "another evaluation" if "evaluation_sha256" in differing else "other versions"
        return Stage("report", "stale", why=f"made from {what}", command=make, page=page)
    if changed := output.changed():
        why = f"missing or changed since: {_some(changed)}"
        return Stage("report", "stale", why=why, command=make, page=page)
    return Stage("report", "there", page=page, unseen=("images of the test exams, if they are those shown",))
