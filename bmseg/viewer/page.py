"""Write a viewer: its page, and beside it a script an exam, which works from disk where a request would not.

The page holds no voxel. It loads the script of the exam that is asked for, by a tag: so a cohort of any size
opens as fast as one exam, and nothing is asked of any network.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from bmseg.pages import environment, frame
from bmseg.viewer.links import PAGE
from bmseg.viewer.packing import pack_image, pack_mask
from bmseg.viewer.shown import Cast, ViewedExam, ViewedRater
from bmseg.workspace import Workspace
from dataset_conversion.files import write_text
from evaluation.figures.display import WINDOW_WORDS, safe_colors, window_presets
from evaluation.figures.slices import DIFFERENCES

#: The program, in the order in which its parts build on each other.
SCRIPTS = ["packing.js", "canvas.js", "slicebar.js", "outlines.js", "overlay.js", "exams.js"]

_IGNORED = 255


def write_viewer(
    folder: Path,
    cast: Cast,
    names: Sequence[str],
    exams: Iterable[ViewedExam],
    *,
    lies_at: Path | None = None,
    workspace: Workspace | None = None,
    made_from: str = "",
) -> list[Path]:
    """Write ``index.html`` and ``<exam>.js`` for every exam; the files.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    cast : Cast
        Who takes part.
    names : sequence of str
        Case identifiers in the order in which they are offered; `exams` come in any order, one at a time in
        memory.
    lies_at : Path, optional
        Where the folder will lie, if it is put in place later.
    workspace : Workspace, optional
        To whose other pages the bar leads.
    made_from : str
        A hash of what the exams come from: the page takes no file of another.

    Raises
    ------
    ValueError
        When names and exams are not the same, or a mask has another shape than its exam's others.
    """
    content = _content(cast, names)
    build = sha256(json.dumps([content, made_from]).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for exam in exams:
        path = folder / f"{exam.name}.js"
        write_text(path, exam_script(cast, exam, build))
        written.append(path)
    if sorted(path.stem for path in written) != sorted(names):
        raise ValueError(f"exams: found {len(written)}, expected each of {len(names)} once")
    script = viewer_scripts(SCRIPTS)
    page = (lies_at or folder) / PAGE
    text = environment().get_template("exams.html.j2").render(
        **frame(page, workspace, synthetic=cast.synthetic, script=script),
        cast=cast,
        groups=_by_kind(cast),
        areas=[(area["name"], area["title"]) for area in content["areas"]],
        words=content["words"],
        windows=WINDOW_WORDS,
        # No text of a study file ends the element that it stands in.
        content=json.dumps(content | {"build": build}).replace("<", "\\u003c"),
    )  # fmt: skip
    write_text(folder / PAGE, text)
    return [folder / PAGE, *written]


def _by_kind(cast: Cast) -> list[tuple[str, list[tuple[int, ViewedRater, str]]]]:
    """Heading to raters, with places and titles: the parts of the table."""
    headings = {"reference": "Held against", "model": "Models", "reader": "Readers"}
    placed = list(enumerate(cast.raters))
    return [
        (heading, [(place, rater, _title(cast, rater)) for place, rater in placed if rater.kind == kind])
        for kind, heading in headings.items()
    ]


def _title(cast: Cast, rater: ViewedRater) -> str:
    return rater.title or cast.titles.get(rater.name, rater.name)


def _content(cast: Cast, names: Sequence[str]) -> dict[str, Any]:
    """What the page's program is told."""
    index = _index(cast)
    safe = safe_colors(len(cast.levels))
    word = "level" if cast.ordered else "label"
    kinds = {"same level": f"same {word}", "other level": f"other {word}"}
    areas = {level.name: (level.value,) for level in cast.levels} | dict(cast.groups)
    references = [rater for rater in cast.raters if rater.kind == "reference"]
    others = [rater for rater in cast.raters if rater.kind == "model"] or [
        rater for rater in cast.raters if rater.kind == "reader"
    ]
    against = cast.against or (references or list(cast.raters))[0].name
    first = cast.first or next((rater.name for rater in others if rater.name != against), against)
    return {
        "exams": list(names),
        "levels": [
            {
                "index": index[level.value],
                "name": level.name,
                "title": cast.titles.get(level.name, level.name),
                "description": level.description,
                "color": level.color,
                "safe": color,
            }
            for level, color in zip(cast.levels, safe, strict=True)
        ],
        "areas": [
            {
                "name": name,
                "title": cast.titles.get(name, name),
                "values": [index[value] for value in values],
            }
            for name, values in areas.items()
        ],
        "raters": [
            {
                "name": rater.name,
                "kind": rater.kind,
                "title": _title(cast, rater),
                "taught_by": list(rater.taught_by),
            }
            for rater in cast.raters
        ],
        "references": {rater.name: list(rater.made_by) for rater in references},
        "against": against,
        "first": first,
        "sides": list(cast.sides),
        "ignored": _IGNORED if cast.ignore is not None else 0,
        "words": {"level": word, "levels": f"{word}s"},
        "differences": [
            {"name": kinds.get(name, name), "color": color} for name, color in DIFFERENCES.items()
        ],
        "windows": list(WINDOW_WORDS),
        "foci": bool(cast.foci),
        "fair": cast.fair,
    }  # fmt: skip


def exam_script(cast: Cast, exam: ViewedExam, build: str) -> str:
    """The script that gives the page an exam; a ValueError when a mask has another shape than the others."""
    shapes = {mask.shape for mask in exam.masks.values()}
    shapes |= {exam.image.shape} if exam.image is not None else set()
    if len(shapes) != 1:
        found = ", ".join(str(shape) for shape in sorted(shapes)) or "none"
        raise ValueError(f"{exam.name}: shape: found {found}, expected one of image and masks")
    values = _values(cast)
    content = {
        "name": exam.name,
        "build": build,
        "shape": list(*shapes),
        "pixel_mm": [round(float(size), 4) for size in exam.spacing[:2]],
        "voxel_ml": float(np.prod(exam.spacing)) / 1000,
        "image": _image(exam.image) if exam.image is not None else None,
        "masks": {rater: pack_mask(values[mask], quick=True) for rater, mask in exam.masks.items()},
        "dice": {
            rater: {level: None if dice is None else round(dice, 4) for level, dice in of.items()}
            for rater, of in exam.dice.items()
        },
        "foci": [
            {
                "rater": focus.rater,
                "level": focus.level,
                "outcome": focus.outcome,
                "called": focus.called,
                "ml": round(focus.ml, 5),
                "i": round(focus.centre[0], 1),
                "j": round(focus.centre[1], 1),
                "slice": int(np.clip(round(focus.centre[2]), 0, next(iter(shapes))[2] - 1)) + 1,
            }
            for focus in exam.foci
        ],
    }
    # As text in a text, which browsers read faster, and in which no name means anything.
    return f"bmsegExam(JSON.parse({json.dumps(json.dumps(content))}));\n"


def _image(image: np.ndarray) -> dict[str, Any]:
    packed = pack_image(image, quick=True)
    windows = [{"name": one.name, "low": one.low, "high": one.high} for one in window_presets(image)]
    return {"text": packed.text, "offset": packed.offset, "scale": packed.scale, "windows": windows}


def _index(cast: Cast) -> dict[int, int]:
    """Mask value to what the page calls it, a byte: levels from 1 on, and what is left out."""
    index = {level.value: place for place, level in enumerate(cast.levels, start=1)}
    return index | ({cast.ignore: _IGNORED} if cast.ignore is not None else {})


def _values(cast: Cast) -> np.ndarray:
    index = _index(cast)
    table = np.zeros(max(index) + 1, np.uint8)
    for value, place in index.items():
        table[value] = place
    return table


@cache
def _script(name: str) -> str:
    return files("bmseg").joinpath("templates", "viewer", name).read_text(encoding="utf-8").strip()


def viewer_scripts(names: Iterable[str]) -> str:
    """Parts of the viewer's program, one after another; the reading room takes some of them."""
    return "\n".join(["'use strict';", *map(_script, names)])
