"""How board, atlas, rounds of segmentation and reading room stand: what a run is whole without.

Each imports its room: most workspaces have few of them, and every command looks at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bmseg.annotation.rounds import ACCEPTED, BEGUN, Annotation
from bmseg.outputs import Output
from bmseg.outputs.provenance import files_hash
from bmseg.status.stage import Bytes, Stage
from bmseg.wording import command
from bmseg.workspace import Workspace
from dataset_conversion.raw.segmented import unread_exams
from evaluation.statistics.words import plural

# Masks of more exams are not read to say whether they are on the board.
_FEW_EXAMS = 50


#: `bmseg.status.look` gives the way in which a stage is looked at, whatever is wrong with it.
Look = Callable[..., Stage]


def optional(workspace: Workspace, may: Bytes, look: Look, *, evaluated: bool) -> Iterator[Stage]:
    """All of them that there are or could be; some could where there is an evaluation."""
    if evaluated or workspace.leaderboard.is_dir():
        yield look("leaderboard", lambda: leaderboard(workspace), optional=True)
        yield look("atlas", lambda: atlas(workspace, may), optional=True)
    waits = look("rounds", lambda: rounds(workspace) or Stage("rounds", "missing"), optional=True)
    if waits.state != "missing" or waits.command:
        yield waits
    if evaluated or workspace.reading_room.is_dir():
        yield look("reading room", lambda: reading_room(workspace), optional=True)


def leaderboard(workspace: Workspace) -> Stage:
    """The board of the test exams, and its page."""
    from bmseg.leaderboard.board import Board
    from bmseg.leaderboard.challenge import CHALLENGE_FILE
    from bmseg.leaderboard.made import site_in, site_inputs
    from bmseg.leaderboard.scoring import Reference
    from bmseg.leaderboard.submission import check_submission

    name, root, page = "leaderboard", workspace.leaderboard, workspace.pages["Leaderboard"]
    if not (root / CHALLENGE_FILE).is_file():
        make = command("leaderboard", "init", workspace=workspace.root)
        return Stage(name, "missing", command=make, optional=True)
    board = Board.open(root)
    standing = [entry for entry in board.entries() if not entry.is_withdrawn]
    simulated = sum(entry.simulated for entry in standing)
    found = f"{plural(len(standing), 'submission')}" + (
        f", {simulated} of them simulated" if simulated else ""
    )
    unseen: list[str] = []
    try:
        exams = list(board.contract.exams)
        board.check_reference(Reference.of(board.study, workspace.readers(), exams))
    except ValueError as error:
        return Stage(name, "stale", found, str(error), page=_there(page), optional=True)
    if len(exams) > _FEW_EXAMS:
        unseen.append("predictions, if they are those on the board")
    else:
        on_board = {entry.masks_sha256 for entry in standing}
        for method, folder in workspace.methods().items():
            checked = check_submission(folder, board.contract, quiet=True)
            if not checked.faults and checked.sha256 not in on_board:
                add = command("leaderboard", "add", method, folder, workspace=workspace.root)
                why = f"the present masks of {method} are not on it"
                return Stage(name, "stale", found, why, add, _there(page), optional=True)
    build = command("leaderboard", "build", workspace=workspace.root)
    site = site_in(board.site)
    if not page.is_file() or not site.read():
        return Stage(name, "unfinished", found, "it has no page yet", build, optional=True)
    if differing := site.differing(site_inputs(board)):
        other = "other versions" if differing == ["versions"] else "other results"
        return Stage(name, "stale", found, f"its page was made from {other}", build, page, optional=True)
    return Stage(name, "there", found, page=page, unseen=tuple(unseen), optional=True)


def atlas(workspace: Workspace, may: Bytes) -> Stage:
    """The reference atlas."""
    from bmseg.atlas.exams import AtlasExams
    from bmseg.atlas.made import PDF, AtlasOptions, atlas_in, atlas_inputs

    make, page = command("atlas", workspace=workspace.root), workspace.pages["Atlas"]
    if not page.is_file():
        return Stage("atlas", "missing", command=make, optional=True)
    output = atlas_in(workspace.atlas)
    record = output.read()
    if not record:
        return Stage("atlas", "missing", command=make, optional=True)
    made = record.get("made", {})
    found = f"{plural(len(made.get('knees', [])), 'row')}, {plural(made.get('pages', 0), 'page')} in {PDF}"
    options = record["options"]
    exams = AtlasExams.of(workspace, exams=options["exams"], channel=record["channel"])
    if not may.allow(exams.files().values(), "training exams, if they are those shown"):
        return Stage("atlas", "there", found, page=page, unseen=may.told(), optional=True)
    chosen = AtlasOptions(**{**options, "exams": tuple(options["exams"])})
    differing = output.differing(atlas_inputs(workspace, exams, chosen))
    if differing or output.changed():
        what = "other versions" if differing == ["versions"] else "other exams" if differing else ""
        why = f"made from {what}" if what else "files are missing or changed since"
        return Stage("atlas", "stale", found, why, make, page, optional=True)
    return Stage("atlas", "there", found, page=page, optional=True)


def rounds(workspace: Workspace) -> Stage | None:
    """Rounds of segmentation with a model's help; None where no exam waits for a mask and none was begun."""
    name, annotation, dataset = "rounds", Annotation(workspace), workspace.dataset
    waits = (dataset.unread_folder / "exams.csv").is_file()
    if not annotation.record.get("started"):
        if not waits:
            return None
        many = plural(len(unread_exams(dataset)), "exam")
        start = annotation.command("start")
        return Stage(name, "missing", f"{many} without a mask", command=start, optional=True)
    made, left = annotation.rounds(), annotation.unread() if waits else []
    done = len(annotation.lineage())
    found = f"{plural(len(made), 'round')}; {plural(done, 'exam')} segmented, {len(left)} left"
    last = made[-1] if made else None
    if last and last.state not in (BEGUN, ACCEPTED):
        why = f"round {last.number} waits for its corrected masks in {last.corrected}"
        return Stage(name, "unfinished", found, why, annotation.command("accept"), optional=True)
    if left or (last and last.state == BEGUN):
        return Stage(name, "unfinished", found, "", annotation.command("propose"), optional=True)
    return Stage(name, "there", found, optional=True)


def reading_room(workspace: Workspace) -> Stage:
    """The page on which readers score masks, what they sent back, and Table 2."""
    from bmseg.reading_room.found import READ, SCORES, returned

    name, room, page = "reading room", workspace.reading_room, workspace.pages["Reading room"]
    output = Output(room, "reading room")
    record, build = output.read(), command("reading-room", "build", workspace=workspace.root)
    if not record or not page.is_file():
        return Stage(name, "missing", command=build, optional=True)
    back = returned(workspace)
    found = f"{plural(len(back.scores), 'file')} of scores" if back.scores else "no scores yet"
    found += f", {len(back.incomplete)} of them not finished" if back.incomplete else ""
    found += "; scores have their names: Table 2" if back.read else ""
    if other := _other_masks(workspace, record.get("masks", {})):
        why = (
            f"it shows other masks than lie there now ({', '.join(other)}); scores that were given on it are "
            f"of those. A new page goes elsewhere: {build} -o FOLDER"
        )
        return Stage(name, "stale", found, why, page=page, optional=True)
    if changed := output.changed():
        why = f"missing or changed since: {', '.join(changed)}"
        return Stage(name, "damaged", found, why, page=page, optional=True)
    files = [path for path in back.scores if path not in back.incomplete]
    if files and not (back.read and back.is_current):
        join = command("reading-room", "unblind", room / "key.json", *files, "-o", room / READ)
        return Stage(name, "unfinished", found, "scores wait for their names", join, page, optional=True)
    if not back.read:
        why = f"put the files that readers save into {room / SCORES}"
        return Stage(name, "unfinished", found, why, page=page, optional=True)
    return Stage(name, "there", found, page=page, optional=True)


def _other_masks(workspace: Workspace, shown: dict[str, str]) -> list[str]:
    """Whose masks are others than a page shows; the consensus may be the study's or the yardstick."""
    from bmseg.scoring.evaluation import mask_name

    exams, other = workspace.test_exams(), []
    for origin, sha256 in shown.items():
        sources = [{exam: workspace.predictions(origin) / f"{exam}.nii.gz" for exam in exams}]
        if origin == "consensus":
            kinds = ("consensus", "yardstick")
            sources = [
                {exam: workspace.evaluation / mask_name(exam, kind) for exam in exams} for kind in kinds
            ]
        try:
            if all(files_hash(files) != sha256 for files in sources):
                other.append(origin)
        except FileNotFoundError:
            other.append(origin)
    return other


def _there(page: Path) -> Path | None:
    return page if page.is_file() else None
