"""Write a competition bundle for Codabench.

Relied on: codabench's documentation, "YAML Structure", "Competition Bundle Structure", "Leaderboard
Functionality" and "Competition docker image" (repository codalab/codabench, folder
``documentation/docs/Organizers``), and its source for the length of names
(``src/apps/leaderboards/models.py``) and the required files (``src/apps/competitions/unpackers/v2.py``).
Copies of 2025 to 2026, read on 2026-11-22.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import zlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from bmseg.errors import InputError
from bmseg.leaderboard.challenge import Challenge
from bmseg.leaderboard.platforms.bundle import (
    PUBLIC_FILES,
    SECRET,
    Organised,
    copy_template,
    new_folder,
    organised,
    python_version,
    render,
    requirements,
    write_reference,
    write_source,
    zip_folder,
)
from bmseg.leaderboard.platforms.scored import level_keys
from bmseg.study import Study
from dataset_conversion.files import write_text

#: What the organiser uploads to Codabench.
BUNDLE = "competition.zip"

_IMAGE = re.compile(r"[a-z0-9][a-zA-Z0-9._/:@-]{0,199}")
# Codabench's columns.
_LONGEST_TITLE = 36
_LONGEST_NAME = _LONGEST_TITLE - len(", usual")
_PAGES = ("overview", "data", "evaluation")
# Each score tells a participant something of the hidden masks.
_PER_DAY = 5
_SECONDS = 1800
# YAML 1.1 takes these within quotes only as escapes.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_LOGO_PIXELS = 256


def export_codabench(
    board: Path,
    readers: Mapping[str, Path],
    out: Path,
    *,
    docker_image: str,
    start: date,
    end: date | None = None,
) -> Path:
    """Write a Codabench competition that scores submissions to the board's numbers.

    Parameters
    ----------
    board : Path
        The board's folder.
    readers : mapping of str to Path
        Reader to folder of ``<exam>.nii.gz``, those that the board was made with. They go into the bundle as
        reference data, which participants cannot download.
    out : Path
        A new folder: ``competition.zip`` to upload, ``image/`` to build `docker_image` from, ``README.md``.
    docker_image : str
        The name under which the organiser publishes that image, as ``name/bmseg-scoring:1``.
    start, end : date
        Of the one phase, from midnight UTC; without an end it stays open.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    InputError
        When the board is damaged or was made with other masks, the name is no image's, the dates are the
        wrong way round, or `out` is there.
    evaluation.masks.reading.MaskError
        When a reader's mask is missing or damaged.
    """
    if not _IMAGE.fullmatch(docker_image):
        raise InputError(
            f"--docker-image: found {docker_image!r}, expected a name such as team/bmseg-scoring:1"
        )
    if end is not None and end <= start:
        raise InputError(f"--end: found {end}, expected a day after the start, {start}")
    made_from = organised(board, readers)
    with new_folder(out) as folder:
        _write_image(folder / "image")
        parts = folder / "parts"
        _write_competition(made_from, parts, _competition(made_from, docker_image, start, end))
        zip_folder(parts / "competition", folder / BUNDLE)
        shutil.rmtree(parts)
        values = {"board": made_from.board, "docker_image": docker_image, "secret": SECRET}
        render("codabench_readme.md.j2", folder, "README.md", **values)
    return out


def columns(study: Study, challenge: Challenge, n_readers: int) -> list[dict[str, Any]]:
    """The leaderboard's columns: score, levels on the challenge's yardstick, on the other, counts."""
    keys, own = level_keys(study.level_names), challenge.ranking.yardstick
    other = "usual" if own == "fair" else "fair"
    found = [("score", "Score", "desc", 4)]
    found += [(f"{own}_{keys[level]}", level, "desc", 4) for level in study.level_names]
    if n_readers > 1:
        found += [
            (f"{other}_{keys[level]}", f"{level[:_LONGEST_NAME]}, {other}", "desc", 4)
            for level in study.level_names
        ]
    found += [
        ("n_defined", "Defined", "desc", 0),
        ("n_undefined", "Undefined", "asc", 0),
        ("n_missing", "Missing", "asc", 0),
    ]
    return [
        {"title": title[:_LONGEST_TITLE], "key": key, "index": index, "sorting": sorting, "precision": digits}
        for index, (key, title, sorting, digits) in enumerate(found)
    ]


def to_yaml(value: Any, indent: int = 0) -> str:
    """Nested dicts and lists as YAML blocks; strings and numbers as JSON, which YAML reads.

    >>> print(to_yaml({"version": 2, "pages": [{"title": "Terms", "file": "terms.md"}], "tasks": [0]}))
    version: 2
    pages:
      - title: "Terms"
        file: "terms.md"
    tasks:
      - 0
    """
    space = " " * indent
    if isinstance(value, dict):
        lines = []
        for key, inner in value.items():
            nested = isinstance(inner, dict | list)
            lines.append(
                f"{space}{key}:" + (f"\n{to_yaml(inner, indent + 2)}" if nested else f" {to_yaml(inner)}")
            )
        return "\n".join(lines)
    if isinstance(value, list):
        return "\n".join(f"{space}- {to_yaml(inner, indent + 2).lstrip()}" for inner in value)
    text = json.dumps(value, ensure_ascii=False)
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
    rule = "Force_Last" if challenge.ranking.submissions == "latest" else "Force_Latest_Multiple"
    board = {
        "title": "Results",
        "key": "main",
        "submission_rule": rule,
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


def _write_image(folder: Path) -> None:
    render("codabench_Dockerfile.j2", folder, "Dockerfile", python=python_version())
    write_text(folder / "requirements.txt", requirements())


def _write_competition(made_from: Organised, parts: Path, competition: Mapping[str, Any]) -> None:
    bundle = parts / "competition"
    write_text(bundle / "competition.yaml", to_yaml(dict(competition)) + "\n")
    (bundle / "logo.png").write_bytes(_logo([level.color for level in made_from.board.study.levels]))
    for page in (*_PAGES, "terms"):
        render(f"codabench_page_{page}.md.j2", bundle / "pages", f"{page}.md", board=made_from.board)
    write_source(parts / "scoring_program")
    copy_template("codabench_score.py.txt", parts / "scoring_program" / "score.py")
    copy_template("codabench_metadata.yaml", parts / "scoring_program" / "metadata.yaml")
    write_reference(made_from, parts / "reference_data")
    for name in PUBLIC_FILES:
        write_text(parts / "public_data" / name, (made_from.board.root / name).read_text(encoding="utf-8"))
    for name in ("scoring_program", "reference_data", "public_data"):
        zip_folder(parts / name, bundle / f"{name}.zip")


def _logo(colors: list[str]) -> bytes:
    """The levels' colours as squares within each other, as a PNG file; Codabench asks for an image."""
    half = _LOGO_PIXELS // 2
    place = np.abs(np.arange(_LOGO_PIXELS) - half + 0.5)
    ring = (len(colors) * (1 - np.maximum.outer(place, place) / half)).astype(int)
    palette = [bytes.fromhex(color.removeprefix("#")) for color in colors]
    rows = b"".join(b"\0" + b"".join(palette[level] for level in row) for row in ring)
    header = struct.pack(">IIBBBBB", _LOGO_PIXELS, _LOGO_PIXELS, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
