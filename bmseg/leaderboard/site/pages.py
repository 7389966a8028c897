"""The pages of the site as HTML: the board's, and one of every submission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from bmseg.leaderboard.entries import Entry
from bmseg.leaderboard.site.downloads import DOWNLOADS, counts
from bmseg.leaderboard.site.figures import FIGURES, Plate
from bmseg.leaderboard.site.rules import SOURCES, in_short, rules, what_is_measured
from bmseg.leaderboard.site.tables import (
    SCHEME_NAMES,
    Line,
    agreement_rows,
    exam_rows,
    flat,
    level_rows,
    not_told_apart,
    own_scheme_rows,
    ranking_lines,
    scheme_rows,
    stability_cells,
)
from bmseg.leaderboard.standings import Standings
from bmseg.leaderboard.texts import link, plain
from evaluation.ranking import Scheme
from evaluation.statistics.words import percent

#: Files that the site holds as they stand in the package.
ASSETS = ["style.css", "board.js", "leaderboard.schema.json"]

_FOLDER = "templates/leaderboard"


def pages(
    standings: Standings,
    made: Mapping[str, Any],
    plates: Sequence[str],
    worst: Mapping[str, Sequence[Mapping[str, Any]]],
) -> dict[str, str]:
    """Every page as text, by its file from the site's root.

    `plates` are the names of `FIGURES` that the site has, `worst` is of `overlays.worst_exams`.
    """
    lines = {line.key: line for line in ranking_lines(standings)}
    shown = [plate for plate in FIGURES if plate.name in plates]
    found = {"index.html": _index(standings, made, shown, lines)}
    scores = dict(list(standings.scores.groupby("key", sort=False)))
    for entry in standings.entries:
        line = lines[entry.key]
        found[line.page] = _submission(
            standings, entry, line, scores[entry.key], not_told_apart(lines.values(), line), worst[entry.key]
        )
    return found


def assets() -> dict[str, str]:
    """Style, script and schema."""
    folder = files("bmseg").joinpath(_FOLDER)
    return {name: folder.joinpath(name).read_text(encoding="utf-8") for name in ASSETS}


def _index(
    standings: Standings, made: Mapping[str, Any], shown: Sequence[Plate], lines: Mapping[str, Line]
) -> str:
    scheme = Scheme(standings.challenge.ranking.scheme)
    return _render(
        "index.html.j2",
        standings,
        home="",
        measured=what_is_measured(standings),
        in_short=in_short(standings),
        counts=counts(standings),
        lines=list(lines.values()),
        scheme=SCHEME_NAMES[scheme],
        scheme_names=list(SCHEME_NAMES.values()),
        chosen=list(SCHEME_NAMES).index(scheme),
        scheme_rows=scheme_rows(standings),
        line_of=lines,
        stability=stability_cells(standings),
        agreement=agreement_rows(standings),
        plates=shown,
        rules=rules(standings),
        sources=SOURCES,
        withdrawn=standings.withdrawn,
        superseded=standings.superseded,
        downloads=DOWNLOADS,
        made=flat(made),
    )


def _submission(
    standings: Standings,
    entry: Entry,
    line: Line,
    scores: pd.DataFrame,
    peers: Sequence[Line],
    worst: Sequence[Mapping[str, Any]],
) -> str:
    public = standings.challenge.public
    return _render(
        "submission.html.j2",
        standings,
        home="../",
        entry=entry,
        line=line,
        description=plain(entry.about.description) if public.description else "",
        url=link(entry.about.url) if public.url else "",
        masks_hash=entry.masks_sha256 if public.masks_hash else "",
        weights=standings.challenge.ranking.weights,
        level_rows=level_rows(standings, line, scores),
        scheme_rows=own_scheme_rows(standings, entry.key),
        exam_rows=exam_rows(standings, scores),
        peers=peers,
        worst=worst,
    )


def _render(name: str, standings: Standings, **values: Any) -> str:
    """A template, with what both kinds of page need."""
    challenge, study = standings.challenge, standings.study
    return _environment().get_template(name).render(
        challenge=challenge,
        study=study,
        colors={level.name: level.color for level in study.levels},
        level_names=study.level_names,
        n_scores=len(standings.contract.exams) * len(study.level_names),
        confidence=percent(challenge.ranking.confidence),
        **values,
    )  # fmt: skip


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("bmseg", _FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": plain, "day": _day}
    return environment


def _day(date: str) -> str:
    """A date of a history to the minute: 2026-11-22 14:05 UTC."""
    return f"{date[:10]} {date[11:16]} UTC"
