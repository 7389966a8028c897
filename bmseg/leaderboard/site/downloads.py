"""What the site gives away as files: the numbers of its pages as JSON and CSV, and the challenge itself."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import tomli_w

from bmseg.leaderboard.challenge import CHALLENGE_FILE, CONTRACT_FILE, contract_text
from bmseg.leaderboard.entries import Entry
from bmseg.leaderboard.site.csv_text import csv_text
from bmseg.leaderboard.site.history import HISTORY_FILE
from bmseg.leaderboard.site.tasks import records
from bmseg.leaderboard.standings import Standings
from bmseg.leaderboard.texts import link

# Items that a line of JSON holds whole.
_PLAIN = {str, bool, int, float, type(None)}
#: Of leaderboard.json; a change of its meaning raises it.
FORMAT = 5
JSON_FILE = "leaderboard.json"
SCHEMA_FILE = "leaderboard.schema.json"
TASKS_FILE = "task_scores.csv"
ALONE_FILE, ALONE_PAIRS_FILE = "rows_without_simulated.csv", "pairwise_without_simulated.csv"
#: File to what it holds, in the order of the page.
DOWNLOADS = {
    JSON_FILE: "everything on these pages but pairs and probabilities",
    SCHEMA_FILE: "what each field of leaderboard.json means (JSON Schema)",
    "rows.csv": "the ranking table",
    "scores.csv": "every Dice: a row an exam, level and line of the ranking table",
    "ranks.csv": "ranks, their intervals and bootstrap spreads, by every scheme and level",
    "pairwise.csv": "p-values of every pair of submissions",
    "probabilities.csv": "share of bootstrap samples with each rank; those of 0 are left out",
    "stability.csv": "Kendall's tau between a ranking and its bootstrap samples",
    "agreement.csv": "Kendall's tau between schemes",
    "groups.csv": "tie groups",
    HISTORY_FILE: "what happened to the submissions that are or were ranked, and the best score from then on",
    CONTRACT_FILE: "what a submission must hold, for 'bmseg submission check'",
    CHALLENGE_FILE: "the challenge: rules of the ranking",
    "study.toml": "the study: levels, readers, consensus",
}
#: Long tables of `evaluation.ranking.Rankings`, and their columns where there is none.
_RANKINGS = {
    "ranks": [
        "scheme", "task", "algorithm", "value", "rank", "rank_low", "rank_high", "spread_low", "spread_high",
        "n_defined", "n_undefined", "n_missing", "n",
    ],
    "pairwise": ["task", "algorithm", "other", "p", "p_holm", "p_clear", "n_pairs", "n_left_out"],
    "probabilities": ["scheme", "task", "algorithm", "rank", "probability"],
    "stability": ["scheme", "task", "kendall_tau", "low", "high", "n_undefined"],
    "agreement": ["task", "scheme", "other", "kendall_tau"],
    "groups": ["task", "algorithm", "group"],
}  # fmt: skip
#: Of `ALONE_FILE`; all else is as in rows.csv.
_ALONE = ["key", "kind", "name", "rank", "rank_low", "rank_high", "group", "value", "score"]
#: Grow with the square of the submissions, and are files of their own alone.
_SQUARE = ("pairwise", "probabilities")
_STUDY_HEAD = (
    "# The study of this board, without the names of published tables, which stand beside another file.\n"
)


def downloads_of(standings: Standings) -> dict[str, str]:
    """`DOWNLOADS` of a board: with what there is of other tasks, and without simulated submissions."""
    more: dict[str, str] = {}
    if standings.alone:
        more |= {ALONE_FILE: "ranks, intervals and tie groups without the simulated submissions"}
        more |= {ALONE_PAIRS_FILE: "p-values of every pair without them"}
    if not standings.challenge.ranking.is_of_dice:
        more = {TASKS_FILE: "every score of the other tasks, likewise"} | more
    place = list(DOWNLOADS).index("scores.csv") + 1
    items = list(DOWNLOADS.items())
    return dict([*items[:place], *more.items(), *items[place:]])


def downloads(standings: Standings, made: Mapping[str, Any], worst: Mapping[str, Any]) -> dict[str, str]:
    """Every file of `DOWNLOADS` but the schema, as text; `worst` is of `overlays.worst_exams`."""
    tables = {name: _table(standings, name) for name in _RANKINGS}
    study = standings.study.model_dump(mode="json", exclude={"published"}, exclude_none=True)
    of_tasks = {} if standings.challenge.ranking.is_of_dice else {TASKS_FILE: csv_text(standings.measured)}
    return {
        JSON_FILE: _json(document(standings, made, worst)) + "\n",
        "rows.csv": csv_text(standings.rows),
        "scores.csv": csv_text(standings.scores),
        **of_tasks,
        **_without_simulated(standings),
        HISTORY_FILE: csv_text(standings.over_time),
        **{f"{name}.csv": csv_text(table) for name, table in tables.items()},
        CONTRACT_FILE: contract_text(standings.contract),
        CHALLENGE_FILE: tomli_w.dumps(standings.challenge.model_dump()),
        "study.toml": _STUDY_HEAD + tomli_w.dumps(study),
    }


def document(standings: Standings, made: Mapping[str, Any], worst: Mapping[str, Any]) -> dict[str, Any]:
    """The content of leaderboard.json, as leaderboard.schema.json describes it; NaN is None."""
    challenge, study = standings.challenge, standings.study
    tasks = records(standings)
    more = {"tasks": tasks, "task_scores": _columns(standings.measured)} if tasks else {}
    return {
        "$schema": SCHEMA_FILE,
        "format": FORMAT,
        "challenge": challenge.model_dump(mode="json"),
        "study": {
            "name": study.name,
            "title": study.title,
            "citation": study.citation,
            "levels": [level.model_dump() for level in study.levels],
            "groups": [group.model_dump() for group in study.groups],
            "readers": study.reader_names,
            "consensus": study.consensus.rule,
            "yardstick": study.design().yardstick,
            "empty_mask": study.scores.empty_mask,
        },
        "exams": list(standings.contract.exams),
        "counts": counts(standings),
        "rows": [
            _row(row, study.level_names, [task["name"] for task in tasks])
            for row in standings.rows.to_dict("records")
        ],
        "submissions": [
            {
                **_entry(standings, entry),
                "page": f"submissions/{entry.page_name}.html",
                "worst": worst[entry.key],
            }
            for entry in standings.entries
        ],
        "withdrawn": [_entry(standings, entry) for entry in standings.withdrawn],
        "superseded": [_entry(standings, entry) for entry in standings.superseded],
        "copies": [_entry(standings, entry) for entry in standings.copies],
        "without_simulated": _columns(standings.alone.rows[_ALONE]) if standings.alone else None,
        "over_time": _columns(standings.over_time),
        "as_of": standings.as_of,
        "rankings": {name: _columns(_table(standings, name)) for name in _RANKINGS if name not in _SQUARE}
        | {
            "n_bootstraps": standings.rankings.n_bootstraps if standings.rankings else 0,
            "no_interval": dict(standings.rankings.no_interval) if standings.rankings else {},
        },
        "scores": _columns(standings.scores),
        **more,
        "made": _clean(dict(made)),
    }


def _without_simulated(standings: Standings) -> dict[str, str]:
    """The files of the ranking without simulated submissions; none where there is no other."""
    if standings.alone is None:
        return {}
    return {
        ALONE_FILE: csv_text(standings.alone.rows[_ALONE]),
        ALONE_PAIRS_FILE: csv_text(_table(standings.alone, "pairwise")),
    }


def counts(standings: Standings) -> dict[str, int]:
    """What the board holds and what of it is not counted."""
    rows = standings.rows
    sums = rows[rows.kind == "submission"][["n", "n_defined", "n_undefined", "n_missing"]].sum().astype(int)
    return {
        "submissions": len(standings.entries),
        "simulated": sum(entry.simulated for entry in standings.entries),
        "teams": len({entry.team for entry in standings.entries}),
        "readers": int((rows.kind == "reader").sum()),
        "exams": len(standings.contract.exams),
        "levels": len(standings.study.level_names),
        **dict(zip(("scores", "defined", "undefined", "missing"), sums.tolist(), strict=True)),
        "withdrawn": len(standings.withdrawn),
        "superseded": len(standings.superseded),
        "copies": len(standings.copies),
    }


def _table(standings: Standings, name: str) -> pd.DataFrame:
    if standings.rankings is None:
        return pd.DataFrame(columns=_RANKINGS[name])
    table = getattr(standings.rankings, name)[_RANKINGS[name]]
    # Most ranks never happen to most submissions: a hundred of them would make a file of millions of zeros.
    return table[table.probability > 0] if name == "probabilities" else table


def _row(row: dict[str, Any], levels: list[str], tasks: list[str]) -> dict[str, Any]:
    """A line of the ranking table, its levels under one field so that no level's name meets another field."""
    fields = {name: value for name, value in row.items() if name not in (*levels, *tasks)}
    of_tasks = {"tasks": {task: row[task] for task in tasks}} if tasks else {}
    return _clean({**fields, "levels": {level: row[level] for level in levels}, **of_tasks})


def _entry(standings: Standings, entry: Entry) -> dict[str, Any]:
    """A submission's record; what the challenge does not make public is null."""
    public = standings.challenge.public
    return {
        "key": entry.key,
        "team": entry.team,
        "submission": entry.submission,
        "name": entry.name,
        "title": entry.about.title,
        "method": entry.about.method,
        "version": entry.about.version,
        "parameters": entry.about.parameters,
        "seconds_per_exam": entry.about.seconds_per_exam,
        "description": entry.about.description if public.description else None,
        "url": (link(entry.about.url) or None) if public.url else None,
        "simulated": entry.simulated,
        "masks_sha256": entry.masks_sha256 if public.masks_hash else None,
        "history": [event.model_dump() for event in entry.history],
    }


def _columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    """A long table as column to values: small, and one call away from a data frame again."""
    return {
        name: table[name].astype(object).where(table[name].notna(), None).tolist() for name in table.columns
    }


def _clean(value: Any) -> Any:
    """Plain JSON values: no NaN, no type of numpy or pandas."""
    if isinstance(value, Mapping):
        return {str(name): _clean(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(one) for one in value]
    if hasattr(value, "item"):
        value = value.item()
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, (bool, int, float)) else str(value)


def _json(value: Any, depth: int = 3, margin: str = "") -> str:
    """JSON in ASCII without a ``<``, harmless whatever type a host serves it as; a line an item or column."""
    if not (depth and isinstance(value, (dict, list)) and value):
        return _harmless(value)
    inner = margin + " "
    if isinstance(value, list):
        if {*map(type, value)} <= _PLAIN:
            lines = _harmless(value, between=f",\n{inner}")[1:-1]
        else:
            lines = f",\n{inner}".join(_harmless(one) for one in value)
        return f"[\n{inner}{lines}\n{margin}]"
    items = [f"{json.dumps(name)}: {_json(one, depth - 1, inner)}" for name, one in value.items()]
    return f"{{\n{inner}" + f",\n{inner}".join(items) + f"\n{margin}}}"


def _harmless(value: Any, between: str = ", ") -> str:
    return json.dumps(value, allow_nan=False, separators=(between, ": ")).replace("<", "\\u003c")
