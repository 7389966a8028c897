"""A competition bundle for Codabench, and the scoring program that it runs there.

Relied on: codabench's documentation (repository codalab/codabench, folder ``documentation/docs``), "YAML
Structure", "Leaderboard Functionality", "Competition docker image", "Competition Bundle Structure"
(``metadata.yaml`` with ``command``; ``scores.json`` with the leaderboard's column keys), "Submission Docker
Container Layout" (``/app/input/ref``, ``/app/input/res``, ``/app/output``), "Detailed Results and
Visualizations" (``detailed_results.html``); and its source for the length of names
(``src/apps/leaderboards/models.py``), the required files (``src/apps/competitions/unpackers/v2.py``) and the
worker (``compute_worker.py``: no scores.json means that the submission failed, whatever the exit code; its
own file ``metadata`` lies among a submission's results). Copies of 2025 to 2026, read on 2026-11-22.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bmseg.errors import InputError
from bmseg.leaderboard.challenge import Challenge
from bmseg.leaderboard.platforms import bundle
from bmseg.leaderboard.platforms.bundle import Organised
from bmseg.leaderboard.platforms.scored import (
    ScoredSubmission,
    level_keys,
    number,
    reported,
    score_on_platform,
)
from bmseg.leaderboard.scoring import SCORED
from bmseg.leaderboard.submission import check_files, most_files
from bmseg.study import Study
from bmseg.untrusted.listing import list_folder
from dataset_conversion.files import write_text

#: What the organiser uploads to Codabench.
BUNDLE = "competition.zip"
_IMAGE = re.compile(r"[a-z0-9][a-zA-Z0-9._/:@-]{0,199}")
# Codabench's columns.
_LONGEST_TITLE = 36
_LONGEST_NAME = _LONGEST_TITLE - len(", usual")
_PAGES = ("overview", "data", "evaluation")
_PARTS = ("scoring_program", "reference_data", "public_data")
# Each score tells a participant something of the hidden masks.
_PER_DAY = 5
_SECONDS = 1800
# YAML 1.1 takes these within quotes only as escapes.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_LOGO_PIXELS = 256
# Written by Codabench's worker beside what a participant submitted.
_WORKERS_FILE = "metadata"


def export_codabench(
    board: Path,
    readers: Mapping[str, Path],
    out: Path,
    *,
    docker_image: str,
    start: date,
    end: date | None = None,
) -> None:
    """Write a Codabench competition that scores submissions to the board's numbers.

    The readers' masks become reference data, which participants cannot download. `out` gets
    ``competition.zip`` to upload, ``image/`` and ``README.md``; `docker_image` is the name under which the
    organiser publishes what is built from ``image/``, as ``name/bmseg-scoring:1``. The one phase starts and
    ends at midnight UTC; without an end it stays open. Raises `InputError` where the name is no image's, the
    dates are the wrong way round, or `out` holds something else; further errors are those of `Organised.of`.
    """
    if not _IMAGE.fullmatch(docker_image):
        raise InputError(
            f"docker_image: found {docker_image!r}, expected a name such as team/bmseg-scoring:1"
        )
    if end is not None and end <= start:
        raise InputError(f"end: found {end}, expected a day after the start, {start}")
    made_from = Organised.of(board, readers, checked=True)
    competition = _competition(made_from, docker_image, start, end)
    with bundle.new_bundle(out, "Codabench", made_from.board) as folder:
        bundle.write_image("codabench_Dockerfile.j2", folder / "image")
        parts = folder / "parts"
        _write_competition(made_from, parts, competition)
        bundle.zip_folder(parts / "competition", folder / BUNDLE)
        shutil.rmtree(parts)
        values = {"board": made_from.board, "docker_image": docker_image, "secret": bundle.SECRET}
        bundle.render("codabench_readme.md.j2", folder / "README.md", **values)


def columns(study: Study, challenge: Challenge, n_readers: int) -> list[dict[str, Any]]:
    """The leaderboard's columns: score, levels on the challenge's yardstick, on the other, counts."""
    keys, own = level_keys(study.level_names), challenge.ranking.yardstick
    other = "usual" if own == "fair" else "fair"
    names = study.level_names
    found = [("score", "Score", "desc", 4), *((f"{own}_{keys[name]}", name, "desc", 4) for name in names)]
    if n_readers > 1:
        short = {name: f"{name[:_LONGEST_NAME]}, {other}" for name in names}
        found += [(f"{other}_{keys[name]}", short[name], "desc", 4) for name in names]
    found += [("n_defined", "Defined", "desc", 0), ("n_undefined", "Undefined", "asc", 0)]
    found += [("n_missing", "Missing", "asc", 0)]
    return [
        {"title": title[:_LONGEST_TITLE], "key": key, "index": index, "sorting": sorting, "precision": digits}
        for index, (key, title, sorting, digits) in enumerate(found)
    ]


def to_yaml(value: Any) -> str:
    """A value as JSON, which YAML reads."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _competition(made_from: Organised, docker_image: str, start: date, end: date | None) -> dict[str, Any]:
    challenge, study = made_from.board.challenge, made_from.board.study
    phase = {
        "index": 0,
        "name": "Test",
        "description": "A mask of each test exam.",
        "start": f"{start:%Y-%m-%d} 00:00:00",
        **({"end": f"{end:%Y-%m-%d} 00:00:00"} if end else {}),
        "max_submissions_per_day": _PER_DAY,
        "execution_time_limit": _SECONDS,
        # Otherwise a file named metadata in a submission would run as a program.
        "accepts_only_result_submissions": True,
        "public_data": "public_data.zip",
        "tasks": [0],
    }
    task = {
        "index": 0,
        "name": challenge.title,
        "description": "Dice against the consensus of the readers.",
        "scoring_program": "scoring_program.zip",
        "reference_data": "reference_data.zip",
    }
    latest = challenge.ranking.submissions == "latest"
    board = {
        "title": "Results",
        "key": "main",
        "submission_rule": "Force_Last" if latest else "Force_Latest_Multiple",
        "columns": columns(study, challenge, len(made_from.reference.readers)),
    }
    return {
        "version": 2,
        "title": challenge.title,
        "description": challenge.description,
        "image": "logo.png",
        "terms": "pages/terms.md",
        "registration_auto_approve": False,
        "docker_image": docker_image,
        "make_programs_available": False,
        "make_input_data_available": False,
        "enable_detailed_results": True,
        "pages": [{"title": name.capitalize(), "file": f"pages/{name}.md"} for name in _PAGES],
        "tasks": [task],
        "phases": [phase],
        "leaderboards": [board],
    }


def _write_competition(made_from: Organised, parts: Path, competition: Mapping[str, Any]) -> None:
    whole, program = parts / "competition", parts / "scoring_program"
    write_text(whole / "competition.yaml", to_yaml(competition) + "\n")
    _draw_logo([level.color for level in made_from.board.study.levels], whole / "logo.png")
    for page in (*_PAGES, "terms"):
        bundle.render(f"codabench_page_{page}.md.j2", whole / "pages" / f"{page}.md", board=made_from.board)
    bundle.write_source(program)
    bundle.render("codabench_score.py.txt", program / "score.py")
    bundle.render("codabench_metadata.yaml", program / "metadata.yaml")
    bundle.write_reference(made_from, parts / "reference_data")
    bundle.copy_files(made_from.board, bundle.PUBLIC_FILES, parts / "public_data")
    for name in _PARTS:
        bundle.zip_folder(parts / name, whole / f"{name}.zip")


def _draw_logo(colors: list[str], path: Path) -> None:
    """Draw the levels' colours as squares within each other; Codabench asks for an image."""
    half = _LOGO_PIXELS // 2
    place = np.abs(np.arange(_LOGO_PIXELS) - half + 0.5)
    ring = (len(colors) * (1 - np.maximum.outer(place, place) / half)).astype(int)
    palette = np.array([list(bytes.fromhex(color.removeprefix("#"))) for color in colors], np.uint8)
    Image.fromarray(palette[ring]).save(path)


def main(source: Path, output: Path) -> int:
    """Score what Codabench unpacked: ``ref``, the reference data, and ``res``, the submission.

    Writes ``scores.json`` and ``detailed_results.html``. Where the submission is refused the exit code is 2,
    every fault stands on stderr and nothing is written.
    """
    scored = reported(lambda: _scored(source))
    if scored is None:
        return 2
    write_text(output / "detailed_results.html", _detailed(scored))
    write_text(output / "scores.json", json.dumps(scores(scored), allow_nan=False) + "\n")
    return 0


def scores(scored: ScoredSubmission) -> dict[str, float]:
    """Column keys to numbers; a mean that is undefined has no key, for Codabench takes numbers only."""
    keys = level_keys(scored.board.study.level_names)
    named = {"score": number(scored.score)}
    for yardstick, means in scored.means.items():
        named |= {f"{yardstick}_{keys[level]}": number(mean) for level, mean in means.items()}
    return {name: value for name, value in named.items() if value is not None} | scored.counts()


def _scored(source: Path) -> ScoredSubmission:
    """What the worker unpacked is checked as the ZIP that it was, in which masks may lie in one folder."""
    made_from, folder = Organised.unpacked(source / "ref"), source / "res"
    contract = made_from.board.contract
    listed = list_folder(folder, most_files(contract) + 1, nested=True)
    files = [file for file in listed if file.fault or file.name != _WORKERS_FILE]
    return score_on_platform(check_files(folder, files, contract), made_from)


def _detailed(scored: ScoredSubmission) -> str:
    tables = []
    for name, table in scored.scores.items():
        shown = table.assign(dice=table.dice.map("{:.4f}".format).where(table.status == SCORED, table.status))
        wide = shown.pivot(index="exam", columns="level", values="dice")[scored.board.study.level_names]
        html = wide.rename_axis(columns=None).reset_index().to_html(index=False, escape=True, border=0)
        tables.append(f"<h2>Dice, {name} yardstick</h2>\n{html}")
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Dice by exam</title>\n'
        "<p>undefined: neither mask has the level; left out of the mean. missing: no mask; counted as 0."
        "</p>\n" + "\n".join(tables) + "\n</html>\n"
    )
