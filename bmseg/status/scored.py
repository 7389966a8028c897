"""How evaluation, report and pictures of exams stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.outputs import PROVENANCE, Output, read_record
from bmseg.outputs.provenance import file_hash, files_hash, value_hash, versions
from bmseg.scoring.evaluation import Evaluation, output_of
from bmseg.scoring.kept import Kept
from bmseg.scoring.lineage import taught_in
from bmseg.scoring.prepared import COHORT_NAMED, TOLD, prepare_workspace
from bmseg.scoring.raters import workspace_raters
from bmseg.status.stage import Bytes, Stage
from bmseg.viewer import FOLDER, PAGE
from bmseg.viewer.links import RECORD
from bmseg.wording import command
from bmseg.workspace import Workspace, kept_study, open_workspace
from evaluation.statistics.words import plural

# What inputs of an evaluation are called.
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
    found, again = _told(record, workspace.study.shown), _again(workspace, record)
    raters = workspace_raters(workspace)
    folders = [*raters.readers.values(), *raters.models.values()]
    masks = [path for one in folders for path in one.glob("[!.]*.nii.gz")]
    if not may.allow(masks, "masks, if they are those that were scored"):
        others = sorted({*raters.models} ^ {*record.get("models", [])})
        why = f"models are others now: {', '.join(others)}" if others else ""
        return Stage("evaluation", "stale" if why else "there", found, why, again if why else "",
                     unseen=may.told())  # fmt: skip
    now = _inputs(workspace, record)
    unseen = [what for name, what in TOLD.items() if name in record]
    elsewhere = {*TOLD, "cohort_sha256"} if COHORT_NAMED in record else {*TOLD}
    compared = {name: value for name, value in now.items() if name not in elsewhere}
    if differing := output.differing(compared):
        present = {"versions": versions(), **now}
        told = ", ".join(_why(name, record.get(name), present.get(name)) for name in differing)
        why = f"others now: {told}" + ("" if again else f"; evaluate again with the same {', '.join(unseen)}")
        return Stage("evaluation", "stale", found, why, again, unseen=tuple(unseen))
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


def _again(workspace: Workspace, record: Mapping[str, Any]) -> str:
    """The command that made an evaluation; nothing where it was told of folders that are not on record."""
    if any(name in record for name in TOLD):
        return ""
    words = ["evaluate"]
    words += ["--unit", record["unit"]] if record.get("unit", "exam") != "exam" else []
    margin = record.get("margin")
    words += ["--margin", str(margin)] if margin not in (None, workspace.study.verdict.margin) else []
    words += ["--incomplete"] if record.get("incomplete") and not workspace.study.design().incomplete else []
    present = workspace.methods()
    known = taught_in(workspace, present)
    for model, readers in record.get("taught_by", {}).items():
        if model in present and list(readers) != known.get(model, []):
            words += [f"--taught-by={model}={reader}" for reader in readers]
    return command(*words, workspace=workspace.root)


def _why(name: str, before: Any, now: Any) -> str:
    """What of an evaluation differs; of masks and versions, whose."""
    if isinstance(before, dict) and isinstance(now, dict):
        of = sorted(one for one in {*before, *now} if before.get(one) != now.get(one))
        return f"{_NAMES.get(name, name.replace('_', ' '))} ({_some(of)})"
    return _NAMES.get(name, name.replace("_", " "))


def _some(names: list[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _told(record: Mapping[str, Any], shown: Callable[[str], str] = str) -> str:
    readers, models, exams = (record.get(name, []) for name in ("readers", "models", "exams"))
    called = ", ".join(map(shown, models)) or "no model"
    who = f"{plural(len(readers), 'reader')}, {called}, {plural(len(exams), 'exam')}"
    return f"{who}, by {record.get('unit', 'exam')}"


def check_evaluation(folder: Path, *, finished: bool = True) -> None:
    """Refuse (InputError) a folder without an evaluation, and say how one is made; `finished`: to its end."""
    if output_of(folder).read() or (_is_begun(folder) and not finished):
        return
    if _is_begun(folder):
        what = "found an evaluation that was not finished, expected a finished one"
        raise InputError(f"{folder}: {what}; give the same 'bmseg evaluate' again, which goes on")
    if kept_study(folder).is_file():
        of = open_workspace(folder)[0].evaluation
        raise InputError(f"{folder}: found a workspace, expected an evaluation's folder, as its own: {of}")
    found, out = "no such folder", folder
    if folder.exists():
        found, out = "found a file" if folder.is_file() else "found no evaluation", Path("FOLDER")
    make = command("evaluate", *["--reader", "NAME=FOLDER"] * 2, "-o", out)
    raise InputError(f"{folder}: {found}, expected an evaluation's folder; make one: {make}")


def _is_begun(folder: Path) -> bool:
    """Whether an evaluation was begun in a folder, and perhaps not finished."""
    of = read_record(folder / PROVENANCE).get("kind")
    return of == output_of(folder).kind or (of is None and Kept.below(folder).folder.is_dir())


def evaluation_in(folder: Path, study_file: Path) -> Stage:
    """The evaluation of plain folders, which are not on record."""
    again = "bmseg evaluate"
    output = output_of(folder)
    record = output.read()
    if not record:
        why = f"it was begun and not finished; give the same '{again}' again: it goes on"
        return Stage("evaluation", "unfinished", why=why)
    unseen = ("the readers' and models' masks: where they lie is not on record",)
    try:
        Evaluation.read(folder, study_file, skipped=True)
    except InputError as error:
        return Stage("evaluation", "stale", _told(record), str(error), unseen=unseen)
    if changed := [*output.differing({}), *output.changed()]:
        why = f"missing or others now: {_some(changed)}; give the same '{again}' again"
        return Stage("evaluation", "stale", _told(record), why, unseen=unseen)
    return Stage("evaluation", "there", _told(record), unseen=unseen)


def pages(folder: Path, report: Path, make: str, workspace: Workspace | None, may: Bytes) -> list[Stage]:
    """Report and viewer of the evaluation in a folder; what they were made from goes with the evaluation.

    Images are those of the workspace, where there is one.
    """
    exams = output_of(folder).read().get("exams", []) if workspace else []
    images = {exam: _image(workspace, exam) for exam in exams} if workspace else {}
    images = {exam: path for exam, path in images.items() if path.is_file()}
    known: dict[str, Any] = {"evaluation_sha256": file_hash(folder / PROVENANCE)}
    if images and may.allow(images.values(), "images of the test exams, if they are those shown"):
        known["images_sha256"] = files_hash(images)
    if workspace:
        from bmseg.reading_room.found import tables2_of

        known["table2_sha256"] = value_hash([table.to_html() for table in tables2_of(workspace)])
    of_report = Output(folder, "report", record="report.json")
    of_exams = Output(folder, "viewer of exams", record=RECORD)
    unseen = may.told()
    exams_page = _page("exams", of_exams, folder / FOLDER / PAGE, make, known)
    if not (workspace or exams_page.is_whole):
        exams_page = _without_masks(exams_page, make)
    return [
        replace(_page("report", of_report, report, make, known), unseen=unseen),
        replace(exams_page, unseen=unseen, optional=True),
    ]


def _without_masks(exams: Stage, make: str) -> Stage:
    """The viewer of plain folders' exams: no command, for where the masks lie is not on record."""
    needs = f"where the masks lie is not on record; name those of each rater: {make} --masks RATER=FOLDER"
    return replace(exams, command="", why="; ".join(filter(None, [exams.why, needs])))


def _image(workspace: Workspace, exam: str) -> Path:
    dataset = workspace.dataset
    return dataset.image_path(exam, "test", dataset.spec.channels[0])


def _page(name: str, output: Output, page: Path, make: str, known: Mapping[str, Any]) -> Stage:
    record = output.read()
    if not page.is_file() or not record:
        return Stage(name, "missing", command=make)
    why = ""
    if differing := output.differing({key: value for key, value in known.items() if record.get(key)}):
        what = {
            "evaluation_sha256": "evaluation", "images_sha256": "images", "versions": "versions",
            "table2_sha256": "scores of the reading room",
        }  # fmt: skip
        why = f"made from other {', '.join(what[name] for name in differing)}"
    elif changed := output.changed():
        why = f"missing or changed since: {_some(changed)}"
    return Stage(name, "stale" if why else "there", why=why, command=make if why else "", page=page)
