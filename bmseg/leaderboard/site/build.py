"""The site of a board: a static folder that opens from disk and from any web host.

Everything but figures and overlays is text that follows from the standings and from what is passed as
`made`, byte for byte: `site_texts` makes it again, for whoever wants to compare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment
from pydantic import BaseModel, JsonValue, ValidationError

from bmseg.errors import WorkError
from bmseg.leaderboard.entries import Entry
from bmseg.leaderboard.made import site_in
from bmseg.leaderboard.site import tables, tasks
from bmseg.leaderboard.site.cells import SHORT, difference_interval
from bmseg.leaderboard.site.comparing import comparisons, file_of, is_compared, tasks_of
from bmseg.leaderboard.site.downloads import counts, downloads, downloads_of
from bmseg.leaderboard.site.figures import draw_figures, figures_of
from bmseg.leaderboard.site.heat import heat_map
from bmseg.leaderboard.site.history import rises
from bmseg.leaderboard.site.home import HOME_FILE, home_page
from bmseg.leaderboard.site.overlays import OverlaySource, WhyNot, draw_overlays, worst_exams
from bmseg.leaderboard.site.rules import SOURCES, in_short, rules, what_is_measured
from bmseg.leaderboard.site.submission_tables import SubmissionTables, nearest
from bmseg.leaderboard.site.tables import SCHEME_NAMES, Line
from bmseg.leaderboard.site.tasks import with_tasks
from bmseg.leaderboard.site.viewing import Viewed, draw_viewer, exam_links, viewed_exams, viewer_files
from bmseg.leaderboard.standings import Standings
from bmseg.leaderboard.texts import link, plain
from bmseg.outputs import PROVENANCE
from bmseg.outputs.provenance import value_hash
from bmseg.pages import templates
from bmseg.study import in_one_line
from bmseg.viewer import viewer_link
from evaluation.ranking import Scheme
from evaluation.statistics.words import percent

#: Files that the site holds as they stand in the package.
ASSETS = ["style.css", "board.js", "heat.js", "leaderboard.schema.json"]
_FOLDER = "templates/leaderboard"


class _SiteRecord(BaseModel):
    """What pages are made again from."""

    made: dict[str, JsonValue] = {}
    overlays: dict[str, dict[str, str]] = {}
    viewed: dict[str, list[str]] = {}
    outputs: dict[str, str] = {}


def site_record(folder: Path) -> dict[str, Any]:
    """The record of a site: ``made``, ``overlays``, ``viewed`` of `build_site`, ``outputs``, ``versions``.

    Empty where there is none; raises `WorkError` where it is damaged.
    """
    found = site_in(folder).read()
    try:
        return found | _SiteRecord.model_validate(found).model_dump()
    except ValidationError as error:
        raise WorkError(
            f"{folder / PROVENANCE}: {in_one_line(error)}; 'bmseg leaderboard build' makes the page again"
        ) from None


def build_site(
    standings: Standings, out: Path, *, made: Mapping[str, Any], overlays: OverlaySource | None = None
) -> None:
    """Write the site of a board; of an earlier site what this one has not is removed, and nothing else.

    `made` says how, for the page: versions, seed, in plain values of JSON; `overlays` are used where the
    challenge makes them public. Raises `InputError` where the folder holds anything but an earlier site.
    """
    with site_in(out).replaced(made) as staged:
        why_not = overlays.why_not if overlays else None
        worst, viewed = worst_exams(standings, why_not), viewed_exams(standings, why_not)
        for name, text in site_texts(standings, made=made, why_not=why_not, viewed=viewed).items():
            staged.write(name, text)
        draw_figures(standings, staged.folder / "figures")
        if overlays:
            draw_overlays(standings, worst, overlays, staged.folder)
            draw_viewer(standings, viewed, overlays, staged.folder, made_from=value_hash(dict(made)))
        staged.facts.update(_facts(made, worst, viewed))


def is_made(
    standings: Standings, out: Path, *, made: Mapping[str, Any], overlays: OverlaySource | None = None
) -> bool:
    """Whether `build_site` made the site in a folder of the same, and its files and its record are whole.

    A record is only a file: one that leaves out files of the site would let them be anything.
    """
    record = site_in(out).made_from(made)
    if record is None:
        return False
    why_not = overlays.why_not if overlays else None
    worst, viewed = worst_exams(standings, why_not), viewed_exams(standings, why_not)
    names = {*ASSETS, *downloads_of(standings), "index.html", HOME_FILE}
    if is_compared(standings):
        names |= {file_of(entry.page_name) for entry in standings.entries}
    names |= {f"submissions/{entry.page_name}.html" for entry in standings.entries}
    names |= {f"figures/{plate.name}.svg" for plate in figures_of(standings)}
    names |= {exam["overlay"] for exams in worst.values() for exam in exams if exam["overlay"]}
    names |= set(viewer_files(viewed))
    said = dict(made) | _facts(made, worst, viewed)
    others = {"kind", "versions", "machine", "inputs_sha256", "outputs"}
    is_whole = {*record.get("outputs", {})} == names and {*record} == {*said} | others
    return is_whole and record == record | said


def _facts(
    made: Mapping[str, Any], worst: Mapping[str, Sequence[Mapping[str, Any]]], viewed: Viewed
) -> dict[str, Any]:
    """What stands in the site's record, for making its pages again without the images."""
    reasons = {key: {exam["exam"]: exam["why_not"] for exam in exams} for key, exams in worst.items()}
    return {"made": dict(made), "overlays": reasons, "viewed": dict(viewed)}


def site_texts(
    standings: Standings,
    *,
    made: Mapping[str, Any],
    why_not: WhyNot | None = None,
    viewed: Viewed | None = None,
) -> dict[str, str]:
    """Every file of the site but figures, overlays, the viewer and provenance.json: name to content.

    `made` is that of `build_site`, `why_not` that of its overlays, or of `recorded_overlays` to compare;
    `viewed` are the viewer's exams (`bmseg.leaderboard.site.viewing.viewed_exams`), as recorded.
    """
    worst = worst_exams(standings, why_not)
    folder = files("bmseg").joinpath(_FOLDER)
    assets = {name: folder.joinpath(name).read_text(encoding="utf-8") for name in ASSETS}
    numbers = downloads(standings, made, worst) | comparisons(standings)
    return assets | numbers | pages(standings, made, worst, viewed or {})


def pages(
    standings: Standings,
    made: Mapping[str, Any],
    worst: Mapping[str, Sequence[Mapping[str, Any]]],
    viewed: Viewed,
) -> dict[str, str]:
    """Every page as text, by its file from the site's root; `worst` is of `overlays.worst_exams`."""
    lines = {line.key: line for line in tables.ranking_lines(standings)}
    found = {"index.html": _index(standings, made, lines, viewed), HOME_FILE: _home(standings, made)}
    of_each = SubmissionTables.of(standings, lines)
    for entry in standings.entries:
        found[lines[entry.key].page] = _submission(standings, entry, of_each, made, worst[entry.key], viewed)
    return found


def _index(standings: Standings, made: Mapping[str, Any], lines: Mapping[str, Line], viewed: Viewed) -> str:
    scheme = Scheme(standings.challenge.ranking.scheme)
    return _render(
        "index.html.j2",
        standings,
        made,
        home="",
        measured=what_is_measured(standings),
        in_short=in_short(standings),
        in_short_alone=in_short(standings.alone) if standings.alone else [],
        counts=counts(standings),
        lines=list(lines.values()),
        compared=_compared(standings, lines),
        compared_by=tasks_of(standings),
        rises=rises(standings),
        exams={exam: viewer_link(exam) if exam in viewed else "" for exam in standings.contract.exams},
        has_parameters=any(line.parameters.text for line in lines.values()),
        has_seconds=any(line.seconds.text for line in lines.values()),
        is_unlike=standings.challenge.ranking.is_unlike,
        scheme=SCHEME_NAMES[scheme],
        scheme_names=list(SCHEME_NAMES.values()),
        chosen=list(SCHEME_NAMES).index(scheme),
        scheme_rows=tables.scheme_rows(standings),
        line_of=lines,
        stability=tables.stability_cells(standings),
        agreement=tables.agreement_rows(standings),
        plates=figures_of(standings),
        heat=heat_map(standings, viewed),
        rules=with_tasks(rules(standings), standings),
        task_cells=tasks.cells(standings),
        sources=SOURCES,
        withdrawn=standings.withdrawn,
        superseded=standings.superseded,
        copies=[(entry, standings.in_titles(standings.why_copy[entry.key])) for entry in standings.copies],
        downloads=downloads_of(standings),
        made_with=tables.flat(made),
    )


def _compared(standings: Standings, lines: Mapping[str, Line]) -> list[tuple[str, Line]]:
    """The submissions that can be compared, in the order of the board: name of its page, and its line."""
    if not is_compared(standings):
        return []
    return [(entry.page_name, lines[entry.key]) for entry in standings.entries]


def _home(standings: Standings, made: Mapping[str, Any]) -> str:
    return _render(
        "challenge.html.j2", standings, made, home="", page=home_page(standings), counts=counts(standings)
    )


def _submission(
    standings: Standings,
    entry: Entry,
    of_each: SubmissionTables,
    made: Mapping[str, Any],
    worst: Sequence[Mapping[str, Any]],
    viewed: Viewed,
) -> str:
    public, key = standings.challenge.public, entry.key
    line, peers = of_each.lines[key], of_each.peers[key]
    return _render(
        "submission.html.j2",
        standings,
        made,
        home="../",
        entry=entry,
        line=line,
        description=plain(entry.about.description) if public.description else "",
        url=link(entry.about.url) if public.url else "",
        masks_hash=entry.masks_sha256 if public.masks_hash else "",
        weights=standings.challenge.ranking.weights,
        level_rows=of_each.levels[key],
        scheme_rows=of_each.schemes[key],
        exam_rows=of_each.exams[key],
        exam_tasks=tasks.exam_cells(standings, key),
        task_rows=tasks.task_rows(standings, key),
        is_compared=is_compared(standings),
        alone_rank=line.alone.split("|")[1] if line.alone else "",
        peers=peers,
        nearest=nearest(peers, line, list(of_each.lines.values())),
        worst=worst,
        exam_links=exam_links(viewed, entry, standings.study.level_names),
    )


def _render(name: str, standings: Standings, made: Mapping[str, Any], **values: Any) -> str:
    """A template, with what every page needs."""
    challenge, study = standings.challenge, standings.study
    return _environment().get_template(name).render(
        challenge=challenge,
        study=study,
        colors={level.name: level.color for level in study.levels},
        shown=standings.shown,
        called=standings.called,
        in_titles=standings.in_titles,
        level_names=study.level_names,
        tasks=tasks.columns(standings),
        as_of=standings.as_of,
        in_workspace=made.get("in_workspace", False),
        n_scores=len(standings.contract.exams) * len(study.level_names),
        confidence=percent(challenge.ranking.confidence),
        difference_interval=difference_interval(standings),
        has_intervals=standings.rows.rank_low.notna().any(),
        short=SHORT,
        **values,
    )  # fmt: skip


@cache
def _environment() -> Environment:
    environment = templates(_FOLDER)
    environment.filters |= {"plain": plain, "day": _day}
    return environment


def _day(date: str) -> str:
    """A date of a history to the minute: 2026-11-22 14:05 UTC."""
    return f"{date[:10]} {date[11:16]} UTC"
